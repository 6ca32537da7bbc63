"""Runs the benchmark with small networks, and checks what it says: no budget violated, all bits equal, automatic the best."""
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree


def fail(text):
    sys.exit(f"swap_vs_recompute: {text}")


with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder)
    command = [sys.argv[1], "--quick", "1", "--json", str(out / "rows.json"), "--svg", folder, "--write-traces", folder]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode != 0:
        fail(f"exit status {run.returncode}\n{run.stdout}")
    rows = json.loads((out / "rows.json").read_text())["rows"]
    for picture in ("simulated-v100-nvlink", "sim-v100-nvlink", "cpu"):
        xml.etree.ElementTree.parse(out / f"{picture}.svg")
    for model in ("lenet", "unet3d"):
        trace = json.loads((out / f"{model}-v100-nvlink.json").read_text())
        if not trace["launches"] or not trace["storages"]:
            fail(f"the trace of {model} is empty")

curves = [row for row in rows if row["kind"] == "curve"]
groups = {}
for row in curves:
    place = (row["how"], row["machine"], row["model"], row["phi"])
    groups.setdefault(place, {})[row["policy"]] = row
    if not row["feasible"]:
        continue
    if not row["within_budget"] or row["peak_bytes"] > row["budget_bytes"]:
        fail(f"{place}: peak {row['peak_bytes']} of {row['budget_bytes']}")
    if row["how"] != "simulated" and row.get("bitwise") is not True:
        fail(f"{place}, {row['policy']}: other bits than with everything kept")
    if row["phi"] < 0.95 and row["bytes_in"] + row["bytes_dropped"] == 0:
        fail(f"{place}, {row['policy']}: nothing had to move")
if {how for how, *_ in groups} != {"simulated", "sim", "cpu"} or len(groups) != 12:
    fail(f"runs are missing: {sorted(groups)}")
for place, policies in groups.items():
    best = policies["automatic"]
    if not best["feasible"]:
        fail(f"{place}: automatic finds nothing")
    if place[0] == "cpu":  # a clock on the wall of a busy machine proves nothing
        continue
    slack = 1e-9 if place[0] == "simulated" else 0.05  # what was carried out takes a little more or less than its plan
    for other in ("swap", "recompute"):
        if policies[other]["feasible"] and best["ratio"] > policies[other]["ratio"] * (1 + slack):
            fail(f"{place}: automatic takes {best['ratio']}, {other} {policies[other]['ratio']}")
largest = [row for row in rows if row["kind"] == "largest"]
if len(largest) != 1 or not largest[0]["confirmed"] or not 1 < largest[0]["any_speed"] <= largest[0]["ceiling"]:
    fail(f"the largest volume: {largest}")
print(f"swap_vs_recompute: ok, {len(curves)} points")
