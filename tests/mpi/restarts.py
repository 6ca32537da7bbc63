"""A job that is killed goes on from its newest checkpoint, to the same bits; on another number of processes, to the same loss.

usage: restarts.py PROGRAM MPIEXEC NP_OPTION
"""
import subprocess
import sys

from job import RUN, Job, expect, finish, number

program, *mpiexec = sys.argv[1:]
with Job(program, mpiexec) as job:
    undisturbed = job.loss(3, checkpoint="undisturbed")
    expect(undisturbed.startswith("noise 40 loss "), "a run prints its loss", undisturbed)

    killed = job.run(3, "--fail-at", 23, "--fail-rank", 1)
    expect(killed.returncode != 0, "a killed rank ends the job", killed.said)
    expect("rank 1" in killed.said or "Rank 1" in killed.said or "rank: 1" in killed.said.lower(), "mpirun names the rank that was killed", killed.said)
    expect(job.steps() == [10, 15, 20], f"the newest three checkpoints are there: {job.steps()}")

    for processes in (1, 4):
        loss = job.loss(processes, "--resume", "--every", 100)
        expect(abs(number(loss) - number(undisturbed)) <= 1e-6 * abs(number(undisturbed)), f"resumed on {processes}: {loss}, undisturbed on 3: {undisturbed}")
    # what compressed gradients hold back comes back: to each process its own, or to others all of it
    for kind in ("top_k", "power_sgd"):
        whole = job.run(3, "--compress", kind, checkpoint=f"whole-{kind}")
        job.run(3, "--compress", kind, "--fail-at", 17, "--fail-rank", 1, checkpoint=kind)
        resumed = job.run(3, "--compress", kind, "--resume", "--every", 100, checkpoint=kind)
        expect(resumed.stdout.splitlines()[-1:] == whole.stdout.splitlines()[-1:] != [], f"{kind}: the bits of the undisturbed run", whole.said + resumed.said)
        held = lambda result: [number(line) for line in result.stdout.splitlines() if line.startswith("held back")]
        other = job.run(2, "--compress", kind, "--resume", "--every", 100, checkpoint=kind)
        start = held(resumed)[:1]
        expect(start != [0.0] and len(held(other)) == 2 and abs(held(other)[0] - start[0]) <= 1e-4 * max(1e-3, abs(start[0])), f"{kind}: on 2 processes as much is held back as on 3: {start} {held(other)}", other.said)
    # on as many as before, by the command line
    restarted = subprocess.run([RUN, "mpi", "-np", "3", "--max-restarts", "1", "--program", program, "--checkpoint", f"{job.folder}/again", "--fail-at", "12", "--fail-rank", "2"],
                               capture_output=True, text=True, env=job.environment, timeout=110)
    said = restarted.stdout + restarted.stderr
    expect(restarted.returncode == 0 and undisturbed in restarted.stdout, f"restarted on 3, bit for bit: {undisturbed}", said)
    expect("from step 10\n" in restarted.stdout and "restart 1 of 1" in said, "and it says so", said)
    hopeless = subprocess.run([RUN, "mpi", "-np", "2", "--max-restarts", "2", "--program", "false", "--checkpoint", f"{job.folder}/none"], capture_output=True, text=True, env=job.environment)
    expect(hopeless.returncode != 0 and "restart 2 of 2" in hopeless.stdout + hopeless.stderr, "it gives up in the end", hopeless.stdout + hopeless.stderr)
    nowhere = subprocess.run([RUN, "mpi", "--max-restarts", "2", "--program", "true"], capture_output=True, text=True)
    expect(nowhere.returncode == 1 and "--checkpoint FOLDER" in nowhere.stderr, "restarts need checkpoints", nowhere.stdout + nowhere.stderr)
finish("restarts")
