"""Kills jobs at random instants, most of them while they write checkpoints: the newest complete one always loads, and nothing but the
steps since then is lost.

usage: kills.py PROGRAM MPIEXEC NP_OPTION [--kills N] [--processes P] [--seed S]
"""
import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

from job import Job, expect, finish

parser = argparse.ArgumentParser()
parser.add_argument("--kills", type=int, default=3)
parser.add_argument("--processes", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args(sys.argv[4:])
program, *mpiexec = sys.argv[1:4]
random.seed(options.seed)


def children_of(pid):
    """Those that run the program, of what the launcher has started."""
    processes = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()
            processes.append((int(folder.name), int(state[1]), (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[0]))
        except OSError:  # it has ended meanwhile
            continue
    found, parents = [], {pid}
    while parents:
        below = [p for p in processes if p[1] in parents]
        found += [p[0] for p in below if p[2] == program]
        parents = {p[0] for p in below}
    return found


with Job(program, mpiexec) as job:
    undisturbed = job.loss(options.processes, "--every", 100, "--steps", 400, checkpoint="undisturbed")
    reached, kills = 0, 0
    while kills < options.kills:
        # a checkpoint at each step: most of the time goes into writing
        process = subprocess.Popen(job.command(options.processes, "--resume", "--every", 1, "--steps", 400), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=job.environment)
        lines, said = random.randint(1, 12), []
        for line in process.stdout:
            said.append(line)
            if line.startswith("from step "):
                start = int(line.split()[-1])
                # more than it has said is no loss: a launcher may swallow the last lines
                expect(start >= reached, f"after kill {kills}, in the step behind {reached}, the run goes on from step {start}", "".join(said))
            if line.startswith("step "):
                reached = int(line.split()[-1])
                lines -= 1
                if lines == 0:
                    break
        time.sleep(random.uniform(0, 0.03))
        victims = children_of(process.pid)
        if victims:
            os.kill(random.choice(victims), signal.SIGKILL)
            kills += 1
        for line in process.stdout:
            said.append(line)
            if line.startswith("step "):
                reached = int(line.split()[-1])
        code = process.wait()
        if code == 0:  # it was faster
            break
        if not any(line.startswith("from step ") for line in said):
            expect(False, f"the run after kill {kills} did not start", "".join(said))
            break
    last = job.loss(options.processes, "--resume", "--every", 100, "--steps", 400)
    expect(last == undisturbed, f"after {kills} kills: {last}, undisturbed: {undisturbed}")
    print(f"{kills} kills, {len(job.steps())} checkpoints")
finish("kills")
