"""What the checks of the source tree share: where its files are, which layer a file belongs to, and what it includes."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def files(*folders, suffixes=(".hpp", ".cpp", ".inc", ".cu", ".cuh")):
    for folder in folders:
        yield from sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in suffixes)


def name(path):
    return path.relative_to(ROOT).as_posix()


def includes(path):
    """Yields (line number, bracket, included name) of one file."""
    text = path.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start(1)) + 1, match[1], match[2]


def layer(file_name):
    """The layer of `src/ops/x.cpp`, `include/tasuki/ops/x.hpp` and `tasuki/ops/x.hpp` is ops; of `kernels/x.hpp`, kernels."""
    parts = file_name.split("/")
    if parts[0] == "include":
        parts = parts[1:]
    if parts[0] == "kernels":
        return "kernels"
    if parts[0] in ("tasuki", "src") and len(parts) > 2:
        return parts[1]
    return None


def finish(subject, problems):
    """Ends a check: prints what is wrong and exits with 1, or says that all is well."""
    for problem in problems:
        print(problem)
    print(f"{subject}: {len(problems)} problem(s)" if problems else f"{subject}: ok")
    raise SystemExit(1 if problems else 0)
