"""Fails when a public op is missing from the table of tests/ops/coverage_test.cpp, which demands a case for each."""
import re

import source_tree

table = source_tree.ROOT / "tests" / "ops" / "coverage_test.cpp"
known = set(re.findall(r'"(\w+)"', table.read_text(encoding="utf-8")))
known |= set(re.findall(r"^TASUKI_UNARY\((\w+)\)", (source_tree.ROOT / "include/tasuki/tensor/unary_names.inc").read_text(encoding="utf-8"), re.M))
aliases = {"mse"}

problems = []
for path in source_tree.files("include/tasuki/ops"):
    if path.name == "random.hpp":  # no operands to differentiate; tests/tensor has its own
        continue
    for op in re.findall(r"^(?:inline )?(?:Tensor|TensorList|std::vector<Tensor>|\w+Result) (\w+)\(", path.read_text(encoding="utf-8"), re.M):
        if op not in known | aliases:
            problems.append(f"{source_tree.name(path)}: {op} has no line in {source_tree.name(table)}")

source_tree.finish("op table", problems)
