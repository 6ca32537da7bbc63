"""A batch system's warning ends a job after its step, with a checkpoint and a code of its own; resumed, it takes the steps of one that was
not interrupted. The launcher passes SIGUSR1 on to all processes; SIGTERM comes to one of them.

usage: interruptions.py PROGRAM MPIEXEC NP_OPTION
"""
import os
import signal
import subprocess
import sys

from job import Job, expect, finish, processes_of, step_of

program, *mpiexec = sys.argv[1:]
steps = 300
with Job(program, mpiexec) as job:
    undisturbed = job.loss(2, "--every", 100000, "--steps", steps, checkpoint="undisturbed")
    for name, number in (("launcher", signal.SIGUSR1), ("process", signal.SIGTERM)):
        run = subprocess.Popen(job.command(2, "--steps", steps, "--every", 100000, "--pause", 0.05, checkpoint=name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=job.environment)
        said, last = [], 0
        for line in run.stdout:
            said.append(line)
            if step_of(line):
                last = step_of(line)
                if last == 5:
                    os.kill(run.pid if name == "launcher" else processes_of(run.pid, program)[0], number)
        code = run.wait()
        expect(code == 85, f"{name}: ended with {code}", "".join(said))
        expect(5 <= last < steps and job.steps(name) in ([last], [last + 1]), f"{name}: one checkpoint, of the last step {last}: {job.steps(name)}", "".join(said))
        resumed = job.loss(2, "--steps", steps, "--every", 100000, "--resume", checkpoint=name)
        expect(resumed == undisturbed, f"{name}: {resumed}, undisturbed: {undisturbed}")
finish("interruptions")
