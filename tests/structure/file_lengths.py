"""Fails when a file no longer fits in a head. One op is one room of at most 400 lines; nothing is longer than 600."""
import source_tree

problems = []
for path in source_tree.files("include", "src", "kernels", "examples", "benchmarks", "tests"):
    file = source_tree.name(path)
    limit = 400 if file.startswith("src/ops/") else 600
    with path.open(encoding="utf-8") as text:
        lines = sum(1 for _ in text)
    if lines > limit:
        problems.append(f"{file}: {lines} lines, at most {limit}")

source_tree.finish("file lengths", problems)
