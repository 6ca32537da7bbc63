"""Kills jobs at random instants: the newest complete checkpoint always loads, nothing but the steps since then is lost, and the rank that
was killed ends the job within seconds, which names it. With a checkpoint at each step most kills meet one that is being written; with
one every few steps, training.

usage: kills.py PROGRAM MPIEXEC NP_OPTION [--kills N] [--every STEPS] [--processes P] [--seed S]
"""
import argparse
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

from job import Job, expect, finish, processes_of, step_of

parser = argparse.ArgumentParser()
parser.add_argument("--kills", type=int, default=3)
parser.add_argument("--every", type=int, default=1)
parser.add_argument("--processes", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args(sys.argv[4:])
program, *mpiexec = sys.argv[1:4]
random.seed(options.seed)


def rank_of(pid):
    variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return next(v.split("=")[1] for v in variables if v.startswith("OMPI_COMM_WORLD_RANK="))


longest = 0
with Job(program, mpiexec) as job:
    steps = max(400, 16 * options.kills) * options.every
    undisturbed = job.loss(options.processes, "--every", 1000, "--steps", steps, checkpoint="undisturbed")
    reached, kills = 0, 0
    while kills < options.kills:
        process = subprocess.Popen(job.command(options.processes, "--resume", "--every", options.every, "--steps", steps), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=job.environment)
        lines, said = random.randint(1, 12), []
        for line in process.stdout:
            said.append(line)
            if line.startswith("from step "):
                start = int(line.split()[-1])
                # more than it has said is no loss: a launcher may swallow the last lines
                expect(start >= reached // options.every * options.every, f"after kill {kills}, in the step behind {reached}, the run goes on from step {start}", "".join(said))
            if step_of(line):
                reached = step_of(line)
                lines -= 1
                if lines == 0:
                    break
        time.sleep(random.uniform(0, 0.03))
        victims, rank, killed_at = processes_of(process.pid, program), None, time.monotonic()
        if victims:
            try:
                victim = random.choice(victims)
                rank = rank_of(victim)
                os.kill(victim, signal.SIGKILL)
                kills += 1
            except OSError:  # it has ended meanwhile
                rank = None
        for line in process.stdout:
            said.append(line)
            if step_of(line):
                reached = step_of(line)
        code = process.wait()
        if rank is not None and code != 0:
            longest = max(longest, time.monotonic() - killed_at)
            expect(re.search(rf"\brank:? {rank}\b", "".join(said), re.IGNORECASE), f"kill {kills}, of rank {rank}, names it", "".join(said))
        if code == 0:  # it was faster
            break
        if not any(line.startswith("from step ") for line in said):
            expect(False, f"the run after kill {kills} did not start", "".join(said))
            break
    last = job.loss(options.processes, "--resume", "--every", 1000, "--steps", steps)
    expect(last == undisturbed, f"after {kills} kills: {last}, undisturbed: {undisturbed}")
    expect(longest < 5, f"a killed rank ends the job in less than 5 s: {longest:.1f}")
    print(f"{kills} kills, the job was over within {longest:.1f} s, {len(job.steps())} checkpoints")
finish("kills")
