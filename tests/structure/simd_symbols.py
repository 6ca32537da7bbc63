"""Fails when code for one instruction set could be linked in for all.

kernels/*.simd.cpp are compiled once per instruction set. An inline function from outside their own namespace (of the
standard library, say) that the compiler does not inline is emitted as a weak symbol, and the linker keeps any one copy:
perhaps the AVX-512 one, on a machine that has no AVX-512.

usage: simd_symbols.py INSTRUCTION_SET OBJECT...
"""
import subprocess
import sys

import source_tree

isa, objects = sys.argv[1], sys.argv[2:]
own_namespace = f"{len(isa)}{isa}"  # as it stands in mangled names
problems = []
for path in objects:
    listing = subprocess.run(["nm", "--defined-only", "--format=posix", path], capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        symbol, kind = line.split()[:2]
        if kind in "WVu" and own_namespace not in symbol and not symbol.startswith("DW.ref."):
            readable = subprocess.run(["c++filt", symbol], capture_output=True, text=True).stdout.strip()
            problems.append(f"{path.rsplit('/', 1)[-1]}: {readable}")

source_tree.finish(f"weak symbols of {isa}", problems)
