#!/bin/sh
# two_programs.sh COUNT FIRST SECOND ARGUMENTS...: the first COUNT processes of a job run one program, the others another one. Not every
# launcher can start two programs itself: that of Open MPI 5 ends with a signal where /sys is missing.
count=$1 first=$2 second=$3
shift 3
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" -lt "$count" ] && exec "$first" "$@"
exec "$second" "$@"
