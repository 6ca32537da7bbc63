"""Fails when a public op is missing from the table of tests/ops/coverage_test.cpp, which demands a case for each, when no test has the text
that explains its misuse, or when an op that runs a kernel is missing from those that bench_ops times beside PyTorch's."""
import re

import source_tree

table = source_tree.ROOT / "tests" / "ops" / "coverage_test.cpp"
known = set(re.findall(r'"(\w+)"', table.read_text(encoding="utf-8")))
known |= set(re.findall(r"^TASUKI_UNARY\((\w+)\)", (source_tree.ROOT / "include/tasuki/tensor/unary_names.inc").read_text(encoding="utf-8"), re.M))
aliases = {"mse", "swapaxes", "moveaxis", "broadcast_to", "ravel", "concat"}  # second names

problems = []
for path in source_tree.files("include/tasuki/ops"):
    if path.name == "random.hpp":  # no operands to differentiate; tests/tensor has its own
        continue
    for op in re.findall(r"^(?:inline )?(?:Tensor|TensorList|std::vector<Tensor>|\w+Result) (\w+)\(", path.read_text(encoding="utf-8"), re.M):
        if op not in known | aliases:
            problems.append(f"{source_tree.name(path)}: {op} has no line in {source_tree.name(table)}")

texts = "".join(path.read_text(encoding="utf-8") for path in source_tree.files("tests", suffixes=(".cpp",)))
families = (source_tree.ROOT / "tests" / "errors" / "op_families_errors_test.cpp").read_text(encoding="utf-8")
explained = set(re.findall(r"Error: (\w+)", texts)) | set(re.findall(r'\{"(\w+)", ', families))
explained |= {f"{stem}{n}{rest}" for stem, rest in re.findall(r'\{"(\w+)" #n "(\w+)"', families) for n in (1, 2, 3)}
for table in ("include/tasuki/tensor/unary_names.inc", "include/tasuki/ops/unary_functions.inc"):
    explained |= set(re.findall(r"^TASUKI_UNARY\((\w+)\)", (source_tree.ROOT / table).read_text(encoding="utf-8"), re.M))

rows = re.findall(r"^\| `(\w+)` \|.*", (source_tree.ROOT / "docs" / "ops.md").read_text(encoding="utf-8"), re.M)
views = set(re.findall(r"^\| `(\w+)` \|.*\| any order, a view \|", (source_tree.ROOT / "docs" / "ops.md").read_text(encoding="utf-8"), re.M))
benchmark = "".join(path.read_text(encoding="utf-8") for path in source_tree.files("benchmarks/ops"))
timed = set(re.findall(r'\{"(\w+)[ "]', benchmark))
timed |= set(re.findall(r"\b(?:BINARY|COMPARISON|BITWISE)\((\w+)\)", benchmark))
timed |= {f"{stem}{n}{rest}" for stem, rest in re.findall(r'\{"(\w+)" #n "(\w+)"', benchmark) for n in (1, 2, 3)}
for table in ("include/tasuki/tensor/unary_names.inc", "include/tasuki/ops/unary_functions.inc"):
    timed |= set(re.findall(r"^TASUKI_UNARY\((\w+)\)", (source_tree.ROOT / table).read_text(encoding="utf-8"), re.M))
for op in rows:
    if op not in explained:
        problems.append(f"docs/ops.md: no test has the text of {op}'s misuse")
    if op not in timed | views:
        problems.append(f"docs/ops.md: {op} has no case in benchmarks/ops")

source_tree.finish("op table", problems)
