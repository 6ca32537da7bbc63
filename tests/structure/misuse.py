"""Fails when a layer, an optimizer or a schedule has no row in the tables of tests/errors that say how its misuse reads.

A layer is a class of include/tasuki/nn that can be cloned; an optimizer or a schedule is one of include/tasuki/optim that derives from a
base there. Rows begin with the class: {"Linear", ...
"""
import re

import source_tree

TAKES_EVERYTHING = {"Identity"}
CLASS = re.compile(r"^(template <[^\n]*>\n)?class (\w+)(?: : ([^{]*))? \{(.*?)^\};", re.MULTILINE | re.DOTALL)
MADE_BY_MACRO = re.compile(r"^TASUKI_\w+\((\w+),", re.MULTILINE)
OPTIMIZER = re.compile(r"public (?:detail::ComposedOptimizer<|AdamBase<|Optimizer\b|Schedule\b)")

classes = {}
for path in source_tree.files("include/tasuki/nn", "include/tasuki/optim"):
    text = path.read_text(encoding="utf-8")
    of_nn = "nn" in path.parts
    for template, name, bases, body in CLASS.findall(text):
        if not template and ("clone() const override" in body if of_nn else OPTIMIZER.search(bases)):
            classes[name] = path
    if of_nn:
        classes.update((name, path) for name in MADE_BY_MACRO.findall(text))
classes["StepInBackward"] = source_tree.ROOT / "include/tasuki/optim/step_in_backward.hpp"

tables = "".join(path.read_text(encoding="utf-8") for path in source_tree.files("tests/errors", suffixes=(".cpp",)))
shown = set(re.findall(r'^ *\{"(\w+)",', tables, re.MULTILINE))
missing = sorted(name for name in classes if name not in shown | TAKES_EVERYTHING)
assert len(classes) > 130, "the classes are no longer found"
source_tree.finish("misuse of layers and optimizers", [f"{source_tree.name(classes[name])}: no test shows how the misuse of {name} reads" for name in missing])
