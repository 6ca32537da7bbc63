"""The first program in README.md is examples/first.cpp, which is compiled and run with the tests, and its links lead somewhere."""
import re

import source_tree

problems = []
readme = (source_tree.ROOT / "README.md").read_text(encoding="utf-8")

programs = re.findall(r"```cpp\n(.*?)```", readme, re.DOTALL)
example = (source_tree.ROOT / "examples" / "first.cpp").read_text(encoding="utf-8")
example = re.sub(r"\A(//.*\n)+", "", example)  # the file's opening comment
if programs[:1] != [example]:
    problems.append("README.md: its first C++ program is not examples/first.cpp")
prose = re.sub(r"```.*?```|`[^`]*`", "", readme, flags=re.DOTALL)  # in code ](...) is a lambda
for target in re.findall(r"\]\(([^)#]+)\)", prose) + re.findall(r"`((?:examples|include|src|kernels|tests|data)/[^`<>\s]*)`", readme):
    if "://" not in target and not (source_tree.ROOT / target).exists():
        problems.append(f"README.md: {target} does not exist")

source_tree.finish("README.md", problems)
