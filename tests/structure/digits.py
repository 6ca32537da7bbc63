"""The shipped digits are what data/mnist/README.md says, balanced, and small enough for a repository."""
import gzip
import hashlib
import re

import source_tree

folder = source_tree.ROOT / "data" / "mnist"
problems = []

listed = dict(re.findall(r"^\| `(\S+\.gz)` \|[^|]*\| `([0-9a-f]{64})` \|", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
shipped = sorted(folder.glob("*.gz"))
if sorted(listed) != [path.name for path in shipped]:
    problems.append(f"README.md lists {sorted(listed)}, the folder has {[path.name for path in shipped]}")
for path in shipped:
    content = gzip.decompress(path.read_bytes())
    if hashlib.sha256(content).hexdigest() != listed.get(path.name):
        problems.append(f"{path.name}: its content is not the one that README.md lists")
    if "labels" in path.name:
        labels = content[8:]
        each = {"train": 1000, "t10k": 200}[path.name.split("-")[0]]
        if [labels.count(digit) for digit in range(10)] != [each] * 10:
            problems.append(f"{path.name}: not {each} of each digit")
size = sum(path.stat().st_size for path in shipped)
if size > 2_500_000:
    problems.append(f"{size:,} bytes, at most 2,500,000")

source_tree.finish("digits", problems)
