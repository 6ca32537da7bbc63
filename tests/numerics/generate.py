"""Random cases for every op, with values and gradients by PyTorch in double precision, as safetensors for check_numerics.

    python generate.py DIRECTORY [--cases 24] [--seed 1]

One file per op and dtype: `<op>.<f32|f64|bf16|f16>.safetensors`. Case k holds its operands as "k.in.i", its attributes as "k.attr"
(f64), the results as "k.out.j", the gradients that backward starts from as "k.seed.j" and the gradients of the operands as
"k.grad.i". Operands and seeds are rounded to the dtype first; everything else is computed in f64 from them. Except in f64 files,
"k.own.out.j" and "k.own.grad.i" are what PyTorch itself makes of the case in that dtype, where it can: the size of its error says
how well posed the case is.

Ends with an error when an op of docs/ops.md has no cases here and no reason under NOT_COMPARED.
"""
import argparse
import os
import re
import sys

import numpy
import torch

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "benchmarks", "peers"))
import arrays
import elementwise
import losses
import networks
import rearranging
import recurrence
import safetensors_file
import sampling
from basics import rng
from safetensors_file import BF16

OPS = {**elementwise.OPS, **arrays.OPS, **losses.OPS, **networks.OPS, **rearranging.OPS, **recurrence.OPS, **sampling.OPS}
NOT_COMPARED = {
    "gumbel_softmax": "draws other bits than PyTorch; tests/ops/activation_test.cpp holds it against its own definition",
    "dropout": "draws other bits than PyTorch; tests/ops/dropout_test.cpp holds it against its own definition",
    **{name: "draws other bits than PyTorch; tests/ops/feature_dropout_test.cpp holds it against its own definition"
       for name in ("feature_dropout", "drop_path", "alpha_dropout")},
}
DTYPES = {"f32": numpy.dtype(numpy.float32), "f64": numpy.dtype(numpy.float64), "bf16": BF16, "f16": numpy.dtype(numpy.float16)}
IN_TORCH = {"f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16, "f16": torch.float16}


def op_names():
    with open(os.path.join(here, "..", "..", "docs", "ops.md"), encoding="utf-8") as table:
        return re.findall(r"^\| `(\w+)` \|", table.read(), re.MULTILINE)


def is_floating(array):
    return array.dtype == BF16 or array.dtype.kind == "f"


def narrow(array, dtype):
    if not is_floating(array):
        return array
    return safetensors_file.to_bf16(array) if dtype == BF16 else numpy.asarray(array.astype(dtype))


def to_torch(array, dtype):
    if not is_floating(array):
        return torch.from_numpy(array)
    values = safetensors_file.from_bf16(array) if array.dtype == BF16 else array
    return torch.from_numpy(values.astype(numpy.float64)).to(dtype)


def to_numpy(tensor):
    """As f64; integers and bools as they are."""
    tensor = tensor.detach()
    return tensor.double().numpy() if tensor.is_floating_point() else tensor.numpy()


def evaluate(case, operands, seeds, dtype):
    """Outputs, gradients of the operands, and seeds, computed in `dtype`. `seeds` makes what backward starts from."""
    tensors = []
    for i, a in enumerate(operands):
        own = torch.float32 if i in case.wide and dtype in (torch.bfloat16, torch.float16) else dtype
        tensors.append(to_torch(a, own).requires_grad_(is_floating(a) and i not in case.constant))
    outputs = case.op(*tensors)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    given = seeds(outputs)
    roots = [(y, to_torch(s, y.dtype)) for y, s in zip(outputs, given) if s is not None]
    if roots:
        torch.autograd.backward([y for y, _ in roots], [s for _, s in roots])
    return [to_numpy(y) for y in outputs], [None if t.grad is None else to_numpy(t.grad) for t in tensors], given


def run(case, name, result, k):
    dtype = DTYPES[name]
    half = name in ("bf16", "f16")
    operands = [narrow(a, DTYPES["f32"] if half and i in case.wide else dtype) for i, a in enumerate(map(numpy.asarray, case.operands))]
    draw = lambda outputs: [narrow(numpy.asarray(rng.uniform(-1, 1, tuple(y.shape))), dtype) if y.requires_grad else None for y in outputs]
    outputs, gradients, seeds = evaluate(case, operands, draw, torch.float64)
    results = {"": (outputs, gradients)}
    if name != "f64":
        try:
            results["own."] = evaluate(case, operands, lambda _: seeds, IN_TORCH[name])[:2]
        except (RuntimeError, NotImplementedError) as error:  # not every op of PyTorch's takes halves on CPUs
            if not re.search("not implemented for|must be either float or double|Low precision dtypes not supported|dimensions of float, double", str(error)):
                raise
    result[f"{k}.attr"] = numpy.asarray(case.attributes, numpy.float64)
    for i, a in enumerate(operands):
        result[f"{k}.in.{i}"] = a
    for j, s in enumerate(seeds):
        if s is not None:
            result[f"{k}.seed.{j}"] = s
    for kind, (outputs, gradients) in results.items():
        for j, y in enumerate(outputs):
            result[f"{k}.{kind}out.{j}"] = y
        for i, g in enumerate(gradients):
            if g is not None:
                result[f"{k}.{kind}grad.{i}"] = g


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    missing = [op for op in op_names() if op not in OPS and op not in NOT_COMPARED]
    if missing:
        sys.exit(f"no cases for {', '.join(missing)}: write them, or under NOT_COMPARED why not")
    torch.set_num_threads(1)  # the cases are tiny
    os.makedirs(options.directory, exist_ok=True)
    for number, (op, make) in enumerate(OPS.items()):
        for name in DTYPES:
            rng.start([options.seed, number])
            result = {}
            for k in range(options.cases):
                run(make(), name, result, k)
            path = os.path.join(options.directory, f"{op}.{name}.safetensors")
            safetensors_file.save(result, path, {"op": op, "cases": str(options.cases), "torch": torch.__version__})
    for op, reason in NOT_COMPARED.items():
        print(f"not compared: {op}, which {reason}")
    print(f"{len(OPS)} ops, {options.cases} cases each in {', '.join(DTYPES)}, by PyTorch {torch.__version__}: {options.directory}")


main()
