"""Checks the public headers: each compiles alone and twice, none includes what is banned, and they stay light.

usage: public_headers.py COMPILER
"""
import concurrent.futures
import os
import shutil
import subprocess
import sys

import source_tree

# Each of these costs every user compile time, or a dependency that is not theirs. Own types stand in for them in core/.
BANNED = {
    "iostream", "sstream", "regex", "filesystem", "random", "thread", "mutex", "chrono", "complex",
    "functional", "memory", "atomic", "fstream", "future", "condition_variable", "map", "unordered_map", "variant", "any",
}
# Preprocessed bytes with g++ -std=c++20: exact, unlike seconds.
BYTE_BUDGETS = {"tasuki/tensor/tensor.hpp": 1_100_000, "tasuki/tasuki.hpp": 2_000_000}

compiler = sys.argv[1]
headers = list(source_tree.files("include", suffixes=(".hpp",)))
problems = []


def compile_header(path):
    header = path.relative_to(source_tree.ROOT / "include").as_posix()
    source = f"#include <{header}>\n#include <{header}>\n"
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I", str(source_tree.ROOT / "include"), "-x", "c++", "-"]
    result = subprocess.run(command, input=source, capture_output=True, text=True)
    return None if result.returncode == 0 else f"{header} does not compile alone:\n{result.stderr}"


def preprocessed_bytes(header):
    command = ["g++", "-std=c++20", "-E", "-I", str(source_tree.ROOT / "include"), "-x", "c++", "-"]
    return len(subprocess.run(command, input=f"#include <{header}>\n".encode(), capture_output=True, check=True).stdout)


for path in headers:
    for line, bracket, included in source_tree.includes(path):
        standard = "/" not in included and "." not in included
        if included in BANNED:
            problems.append(f"{source_tree.name(path)}:{line}: <{included}> is banned in public headers")
        elif not included.startswith("tasuki/") and not standard:
            problems.append(f"{source_tree.name(path)}:{line}: {included} is neither Tasuki's nor the standard library's")

with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    problems += [problem for problem in pool.map(compile_header, headers) if problem]

if shutil.which("g++"):
    for header, budget in BYTE_BUDGETS.items():
        size = preprocessed_bytes(header)
        print(f"{header}: {size:,} bytes preprocessed, at most {budget:,}")
        if size > budget:
            problems.append(f"{header} is {size - budget:,} bytes over its budget")

source_tree.finish(f"{len(headers)} public headers", problems)
