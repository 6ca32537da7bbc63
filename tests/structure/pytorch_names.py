"""Every name that docs/pytorch.md recommends is declared in a public header."""
import re

import source_tree

headers = "".join(path.read_text(encoding="utf-8") for path in source_tree.files("include"))
known = set(re.findall(r"\w+", headers))
page = (source_tree.ROOT / "docs" / "pytorch.md").read_text(encoding="utf-8")
recommended = {name for path in re.findall(r"\bts::([\w:]+)", page) for name in path.split("::")}
source_tree.finish("docs/pytorch.md", [f"docs/pytorch.md: there is no ts::{name}" for name in sorted(recommended - known)])
