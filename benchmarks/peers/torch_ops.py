"""PyTorch's side of bench_ops. Says "ready <version>", or "absent <reason>" where PyTorch cannot be imported, then answers lines on
stdin:

    load DTYPE ROWS NAME   makes the operands of an op; answers sums of absolute values: of its result, then of each gradient
    time PHASE CALLS       forward or backward of the loaded op; answers seconds per call
"""
import os
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except Exception as reason:  # not there, or not loadable
    print("absent", str(reason).replace("\n", " "), flush=True)
    sys.exit(0)

COLUMNS = 512
ANY, POSITIVE = (-2, 2), (0.3, 4)
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def ops(rows):
    """Name: (operands, function). An operand is (lo, hi), (lo, hi, shape) or (lo, hi, shape, "index")."""
    images = (rows * COLUMNS // 32**3, 32, 32, 32)
    unary = {
        "exp": torch.exp, "abs": torch.abs, "neg": torch.neg, "square": torch.square, "sin": torch.sin, "tanh": torch.tanh,
        "sigmoid": torch.sigmoid, "relu": F.relu, "leaky_relu": F.leaky_relu, "elu": F.elu, "gelu": F.gelu, "silu": F.silu,
        "softplus": F.softplus, "erf": torch.erf, "clamp": lambda x: torch.clamp(x, -1, 1), "mul by a number": lambda x: x * 1.5,
        "var of rows": lambda x: x.var(1), "max of rows": lambda x: x.max(1).values, "argmax of rows": lambda x: x.argmax(1),
        "softmax": lambda x: x.softmax(1), "log_softmax": lambda x: x.log_softmax(1), "softmax of columns": lambda x: x.softmax(0),
        "dropout": lambda x: F.dropout(x, 0.1), "copy of the transposed": lambda x: x.t().contiguous(),
        "cast to f32": lambda x: x.to(torch.float32),
    }
    of_positive = {"log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "sum": torch.sum,
                   "sum of rows": lambda x: x.sum(1), "sum of columns": lambda x: x.sum(0), "mean": torch.mean}
    binary = {
        "add": torch.add, "sub": torch.sub, "mul": torch.mul, "maximum": torch.maximum, "less": torch.lt, "mse_loss": F.mse_loss,
        "where": lambda x, y: torch.where(x.detach() > 0, x, y),
    }
    table = {name: ([ANY], f) for name, f in unary.items()}
    table |= {name: ([POSITIVE], f) for name, f in of_positive.items()}
    table |= {name: ([ANY, ANY], f) for name, f in binary.items()}
    vector, channel = (0, 1, (COLUMNS,)), (0, 1, (32,))
    half = (-2, 2, (rows // 2, COLUMNS))
    return table | {
        "div": ([ANY, POSITIVE], torch.div),
        "pow": ([POSITIVE, ANY], torch.pow),
        "add a row": ([ANY, (-2, 2, (COLUMNS,))], torch.add),
        "add a column": ([ANY, (-2, 2, (rows, 1))], torch.add),
        "add transposed": ([ANY, (-2, 2, (COLUMNS, rows))], lambda x, y: x + y.t()),
        "layer_norm": ([ANY, vector, vector], lambda x, w, b: F.layer_norm(x, (COLUMNS,), w, b)),
        "batch_norm": ([(-2, 2, images), channel, channel], lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)),
        "max_pool2d": ([(-2, 2, images)], lambda x: F.max_pool2d(x, 2)),
        "avg_pool2d": ([(-2, 2, images)], lambda x: F.avg_pool2d(x, 2)),
        "cross_entropy": ([ANY, (0, COLUMNS, (rows,), "index")], F.cross_entropy),
        "embedding": ([(-2, 2, (1000, COLUMNS)), (0, 1000, (rows,), "index")], lambda w, i: F.embedding(i, w)),
        "gather": ([ANY, (0, COLUMNS, (rows, COLUMNS), "index")], lambda x, i: x.gather(1, i)),
        "index_select": ([ANY, (0, rows, (rows,), "index")], lambda x, i: x.index_select(0, i)),
        "cat": ([half, half], lambda x, y: torch.cat([x, y], 1)),
    } | further_ops(rows, images)


def further_ops(rows, images):
    near_one, index, picture = (0.9, 1.1), (0, COLUMNS, (rows, COLUMNS), "index"), (-2, 2, images)
    unary = {
        "std of rows": lambda x: x.std(1), "norm": lambda x: x.norm(), "norm of rows": lambda x: x.norm(2, 1),
        "logsumexp of rows": lambda x: x.logsumexp(1), "logsumexp of columns": lambda x: x.logsumexp(0), "count_nonzero": torch.count_nonzero,
        "any of rows": lambda x: x.any(1), "cumsum of rows": lambda x: x.cumsum(1), "cumsum of columns": lambda x: x.cumsum(0),
        "sort of rows": lambda x: x.sort(1).values, "sort of columns": lambda x: x.sort(0).values, "topk of rows": lambda x: x.topk(10, 1).values,
        "median of rows": lambda x: x.median(1).values, "nonzero": lambda x: torch.nonzero(x.detach() > 0),
        "masked_select": lambda x: x.masked_select(x.detach() > 0), "flip of rows": lambda x: x.flip(1), "flip of columns": lambda x: x.flip(0),
        "roll": lambda x: x.roll((7, 11), (0, 1)), "tril": torch.tril,
    }
    of_pictures = {"pad": lambda x: F.pad(x, (1, 1, 1, 1)), "pad mirrored": lambda x: F.pad(x, (1, 1, 1, 1), "reflect"), "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2)}
    table = {name: ([ANY], f) for name, f in unary.items()} | {name: ([picture], f) for name, f in of_pictures.items()}
    return table | {
        "prod of rows": ([near_one], lambda x: x.prod(1)), "prod of columns": ([near_one], lambda x: x.prod(0)), "cumprod of rows": ([near_one], lambda x: x.cumprod(1)),
        "scatter_add": ([ANY, index, ANY], lambda x, i, s: x.scatter_add(1, i, s)), "scatter a number": ([ANY, index], lambda x, i: x.scatter(1, i, 1)),
        "index_add": ([ANY, (0, rows, (rows,), "index"), ANY], lambda x, i, s: x.index_add(0, i, s)),
        "repeat": ([(-2, 2, (rows // 4, COLUMNS))], lambda x: x.repeat(2, 2)), "l1_loss": ([ANY, ANY], F.l1_loss), "huber_loss": ([ANY, ANY], F.huber_loss),
        "binary_cross_entropy": ([(0.1, 0.9), (0.1, 0.9)], F.binary_cross_entropy), "kl_div": ([(-3, 0), (0.1, 0.9)], F.kl_div),
        "binary_cross_entropy_with_logits": ([ANY, (0, 1)], F.binary_cross_entropy_with_logits),
        "cosine_similarity": ([ANY, ANY], lambda x, y: F.cosine_similarity(x, y)),
    } | new_ops(rows, images)


def new_ops(rows, images):
    picture = (-2, 2, images)
    recurrent = lambda gates: [(-1, 1, (rows // 16, 16, 128)), (-0.1, 0.1, (gates * 128, 128)), (-0.1, 0.1, (gates * 128, 128)), (-1, 1, (16, 128))]
    layer = lambda f: lambda x, w, u, h: f(x, h[None], [w, u], False, 1, 0.0, True, False, False)[0]
    return {
        "lgamma": ([POSITIVE], torch.lgamma), "nan_to_num": ([ANY], torch.nan_to_num), "prelu": ([picture, (0, 1, (32,))], F.prelu),
        "addcmul": ([ANY, ANY, ANY], lambda x, a, b: torch.addcmul(x, a, b, value=0.5)),
        "addcdiv": ([ANY, ANY, POSITIVE], lambda x, a, b: torch.addcdiv(x, a, b, value=0.5)),
        "histc": ([ANY], lambda x: torch.histc(x.detach(), 100, -2, 2)), "unfold of images": ([picture], lambda x: F.unfold(x, 2, stride=2)),
        "unbind and stack": ([ANY], lambda x: torch.stack(x.unbind(), 1)), "adaptive_max_pool2d": ([picture], lambda x: F.adaptive_max_pool2d(x, 7)),
        "max_pool2d with indices": ([picture], lambda x: F.max_pool2d(x, 2, return_indices=True)[0]),
        "grid_sample": ([picture, (-1, 1, (images[0], 32, 32, 2))], lambda x, g: F.grid_sample(x, g, align_corners=False)),
        "rnn": (recurrent(1), layer(torch.rnn_tanh)), "gru": (recurrent(3), layer(torch.gru)),
        "lstm": (recurrent(4), lambda x, w, u, h: torch.lstm(x, (h[None], h[None]), [w, u], False, 1, 0.0, True, False, False)[0]),
    }


def make(operand, rows, number, dtype):
    lo, hi, shape = (*operand[:2], operand[2] if len(operand) > 2 else (rows, COLUMNS))
    numel = 1
    for size in shape:
        numel *= size
    values = lo + (hi - lo) * torch.frac(0.6180339887498949 * torch.arange(numel, dtype=torch.float64) + 0.37 * number)
    if len(operand) > 3:
        return values.floor().to(torch.int64).reshape(shape)
    return values.to(dtype).reshape(shape).requires_grad_()


class Runner:
    def __init__(self, dtype, rows, name):
        operands, self.function = ops(rows)[name]
        self.inputs = [make(o, rows, i, dtype) for i, o in enumerate(operands)]
        self.result = self.function(*self.inputs)
        self.wanted = [x for x in self.inputs if x.requires_grad] if self.result.requires_grad else []
        if self.wanted:
            self.gradient = make((-2, 2, tuple(self.result.shape)), rows, 9, self.result.dtype).detach()

    def forward(self):
        self.function(*self.inputs)

    def backward(self):
        return torch.autograd.grad(self.result, self.wanted, self.gradient, retain_graph=True)

    def sums(self):
        tensors = [self.result.detach()] + (list(self.backward()) if self.wanted else [])
        return [t.double().abs().sum().item() for t in tensors]


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    print("ready", torch.__version__, flush=True)
    runner = None
    for line in sys.stdin:
        command, rest = line.strip().split(" ", 1)
        if command == "load":
            dtype, rows, name = rest.split(" ", 2)
            runner = Runner(DTYPES[dtype], int(rows), name)
            print(*(f"{value:.17g}" for value in runner.sums()), flush=True)
        elif command == "time":
            phase, calls = rest.split()
            run = runner.forward if phase == "forward" else runner.backward
            run()
            begin = time.perf_counter()
            for _ in range(int(calls)):
                run()
            print(f"{(time.perf_counter() - begin) / int(calls):.9g}", flush=True)


main()
