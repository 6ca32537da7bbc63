"""PyTorch's side of bench_ops. Says "ready <version>", or "absent <reason>" where PyTorch cannot be imported, then answers lines on
stdin:

    load DTYPE ROWS NAME   makes the operands of an op; answers sums of absolute values: of its result, then of each gradient,
                           or "absent <reason>" where PyTorch has no such op in that dtype
    time PHASE CALLS       forward or backward of the loaded op; answers seconds per call
"""
import os
import sys
import time

try:
    import torch
except Exception as reason:  # not there, or not loadable
    print("absent", str(reason).replace("\n", " "), flush=True)
    sys.exit(0)

from torch_cases import COLUMNS, cases

DTYPES = {"f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16, "f16": torch.float16}


def make(operand, rows, number, dtype):
    lo, hi, shape = (*operand[:2], operand[2] if len(operand) > 2 else (rows, COLUMNS))
    kind = operand[3] if len(operand) > 3 else "real"
    numel = 1
    for size in shape:
        numel *= size
    values = lo + (hi - lo) * torch.frac(0.6180339887498949 * torch.arange(numel, dtype=torch.float64) + 0.37 * number)
    values = values.reshape(shape)
    if kind == "index":
        return values.floor().to(torch.int64)
    if kind == "matrix":
        values = (values + values.mT) / (2 * shape[-1]) + torch.eye(shape[-1], dtype=torch.float64)
    return values.to(dtype).requires_grad_()


class Runner:
    def __init__(self, dtype, rows, name):
        operands, self.function = cases(rows)[name]
        self.inputs = [make(o, rows, i, dtype) for i, o in enumerate(operands)]
        self.result = self.function(*self.inputs)
        self.wanted = [x for x in self.inputs if x.requires_grad] if self.result.requires_grad else []
        if self.wanted:
            self.gradient = make((-2, 2, tuple(self.result.shape)), rows, 9, self.result.dtype).detach()

    def forward(self):
        self.function(*self.inputs)

    def backward(self):
        return torch.autograd.grad(self.result, self.wanted, self.gradient, retain_graph=True, allow_unused=True)

    def sums(self):
        tensors = [self.result.detach()] + (list(self.backward()) if self.wanted else [])
        return [t.double().abs().sum().item() for t in tensors if t is not None]


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    print("ready", torch.__version__, flush=True)
    runner = None
    for line in sys.stdin:
        command, rest = line.strip().split(" ", 1)
        if command == "load":
            dtype, rows, name = rest.split(" ", 2)
            try:
                runner = Runner(DTYPES[dtype], int(rows), name)
                print(*(f"{value:.17g}" for value in runner.sums()), flush=True)
            except (RuntimeError, NotImplementedError, KeyError) as reason:  # not every op takes halves on CPUs
                print("absent", repr(reason).replace("\n", " "), flush=True)
        elif command == "time":
            phase, calls = rest.split()
            run = runner.forward if phase == "forward" else runner.backward
            run()
            begin = time.perf_counter()
            for _ in range(int(calls)):
                run()
            print(f"{(time.perf_counter() - begin) / int(calls):.9g}", flush=True)


main()
