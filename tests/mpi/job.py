"""What the scripts beside it share: a training run under mpirun."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

RUN = pathlib.Path(__file__).resolve().parents[2] / "run"

problems = []


def expect(condition, text, said=""):
    if not condition:
        problems.append(f"{text}\n{said}")


class Job:
    """A program with its folder for checkpoints. `mpiexec`: the launcher and the option for the number of processes."""

    def __init__(self, program, mpiexec):
        self.program, self.mpiexec = program, mpiexec
        self.folder = tempfile.mkdtemp(prefix="tasuki-job-")
        self.environment = {**os.environ, "TASUKI_DIST_LOG": self.folder}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, processes, *options, checkpoint="c"):
        return [*self.mpiexec, str(processes), self.program, "--checkpoint", f"{self.folder}/{checkpoint}", *map(str, options)]

    def run(self, processes, *options, checkpoint="c", **environment):
        result = subprocess.run(self.command(processes, *options, checkpoint=checkpoint), capture_output=True, text=True, timeout=110,
                                env={**self.environment, **environment})
        result.said = result.stdout + result.stderr
        return result

    def loss(self, processes, *options, checkpoint="c"):
        """The last line of a run that must succeed."""
        result = self.run(processes, *options, checkpoint=checkpoint)
        if result.returncode != 0:
            expect(False, f"{processes} processes, {options}: ended with {result.returncode}", result.said)
            return ""
        return result.stdout.strip().splitlines()[-1]

    def steps(self, checkpoint="c"):
        """Those of the checkpoints that are there."""
        return sorted(int(p.name[5:]) for p in pathlib.Path(self.folder, checkpoint).glob("step-*"))


def processes_of(pid, program):
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


def step_of(line):
    """Of a line that says so; what a launcher says may stand in the middle of one."""
    found = re.match(r"step (\d+)$", line)
    return int(found.group(1)) if found else None


def number(line):
    return float(line.split()[-1]) if line else float("nan")


def finish(subject):
    for problem in problems:
        print(problem)
    print(f"{subject}: {len(problems)} problem(s)" if problems else f"{subject}: ok")
    sys.exit(1 if problems else 0)
