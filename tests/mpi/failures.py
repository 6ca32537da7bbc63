"""What ends a job, and what it says then: which rank, at which step, in which operation; and what mpirun returns.

usage: failures.py PROGRAM MPIEXEC NP_OPTION
"""
import glob
import subprocess
import sys

from job import Job, expect, finish

program, *mpiexec = sys.argv[1:]
is_version_4 = "Open MPI) 4." in subprocess.run([mpiexec[0], "--version"], capture_output=True, text=True).stdout


def ends(how, codes, texts, **environment):
    with Job(program, mpiexec) as job:
        result = job.run(3, "--fail-at", 7, "--fail-rank", 1, "--fail-how", how, **environment)
        # what a later version of the launcher makes of a code is its own affair, as long as it is none of success
        codes = codes if is_version_4 and codes else range(1, 256)
        expect(result.returncode in codes, f"{how}: ended with {result.returncode}, expected one of {codes}", result.said)
        for text in texts:
            expect(text in result.said, f"{how}: does not say {text!r}", result.said)
        return [open(path).read() for path in sorted(glob.glob(job.folder + "/tasuki-operations-*-rank-1-of-3.txt"))]


logs = ends("throw", [70], ["rank 1 of 3 on host", "has failed at step 7, after operation", "an exception has ended it", "this batch cannot be read"])
expect(len(logs) == 1 and "  step 7  sum  8 bytes  issued " in logs[0], "the exception's operations are in a file", str(logs))
expect(logs and "  step 6  gradients  " in logs[0] and " ended " in logs[0], "with steps and times", str(logs))

logs = ends("segv", None, ["rank 1 of 3 on host", "has failed at step 7, after operation", "an access to memory that is not there (SIGSEGV)"])
expect(len(logs) == 1, "the operations before the signal are in a file", str(logs))

ends("terminate", [70], ["rank 1 of 3 on host", "has failed at step 7", "nobody catches this"])
ends("leave", [75, 1], ["a process that has ended: rank 1, whose last is its operation"])
ends("hang", [75], ["has waited 8 s in", "who has not come, and has ended, hangs, or does other steps:\n    rank 1, whose last is its operation", "at step 7"], TASUKI_DIST_TIMEOUT="8")
finish("failures")
