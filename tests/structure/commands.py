"""The project's command line: help, mistakes, and what --no-install says when something is missing."""
import os
import subprocess

import source_tree

problems = []


def expect(arguments, code, texts, **environment):
    command = [str(source_tree.ROOT / "run"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd="/", env={**os.environ, **environment})
    said = result.stdout + result.stderr
    if result.returncode != code:
        problems.append(f"run {' '.join(arguments)}: ended with {result.returncode}, expected {code}\n{said}")
    problems.extend(f"run {' '.join(arguments)}: does not say {text!r}\n{said}" for text in texts if text not in said)


expect(["help"], 0, ["train", "test", "bench", "--no-install"])
expect([], 0, ["usage"])
expect(["frobnicate"], 1, ["there is no command 'frobnicate'"])
# without a compiler nothing can be probed, so all libraries count as missing, too
expect(["train", "--no-install"], 1, ["missing: g++", "apt-get install --no-install-recommends g++", "libdnnl-dev"], CXX="no-such-compiler")
expect(["--no-install", "test"], 1, ["catch2"], CXX="no-such-compiler")

source_tree.finish("commands", problems)
