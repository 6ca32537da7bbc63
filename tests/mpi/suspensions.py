"""A job that is stopped as a whole for longer than its deadline, as a batch system does for one that goes first, goes on as if nothing had
happened.

usage: suspensions.py PROGRAM MPIEXEC NP_OPTION
"""
import os
import signal
import subprocess
import sys
import time

from job import Job, expect, finish, processes_of, step_of

program, *mpiexec = sys.argv[1:]
deadline = 8
with Job(program, mpiexec) as job:
    job.environment["TASUKI_DIST_TIMEOUT"] = str(deadline)
    undisturbed = job.loss(3, checkpoint="undisturbed")
    run = subprocess.Popen(job.command(3, "--pause", 0.05, checkpoint="stopped"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=job.environment)
    said = []
    for line in run.stdout:
        said.append(line)
        if step_of(line) == 5:
            first, *others = processes_of(run.pid, program)
            os.kill(first, signal.SIGSTOP)
            time.sleep(1)  # the others come to wait for it
            for process in others:
                os.kill(process, signal.SIGSTOP)
            time.sleep(1.5 * deadline)
            for process in others:
                os.kill(process, signal.SIGCONT)
            time.sleep(0.2)  # they see how late it is
            os.kill(first, signal.SIGCONT)
    code = run.wait()
    expect(code == 0, f"ended with {code}", "".join(said))
    expect(said and said[-1].strip() == undisturbed, f"undisturbed: {undisturbed}", "".join(said))
finish("suspensions")
