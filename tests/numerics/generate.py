"""Random cases for every op, with values and gradients by PyTorch in double precision, as safetensors for check_numerics.

    python generate.py DIRECTORY [--cases 24] [--seed 1]

One file per op and dtype: `<op>.<f32|f64>.safetensors`. Case k holds its operands as "k.in.i", its attributes as "k.attr" (f64), the
results as "k.out.j", the gradients that backward starts from as "k.seed.j" and the gradients of the operands as "k.grad.i".
Operands are rounded to the dtype first; everything else is computed in f64 from them. In f32 files "k.single.out.j" and
"k.single.grad.i" are what PyTorch itself makes of the case in f32: the size of its error says how well posed the case is.
"""
import argparse
import os
import sys

import numpy
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "benchmarks", "peers"))
import safetensors_file

rng = numpy.random.default_rng(1)


def size(low=1, high=9):
    return int(rng.integers(low, high + 1))


def shape(low=0, high=4):
    return [size() for _ in range(int(rng.integers(low, high + 1)))]


def real(dims, low=-2.0, high=2.0):
    return rng.uniform(low, high, dims)


def away_from_zero(dims, low=0.3, high=2.5):
    return real(dims, low, high) * rng.choice([-1.0, 1.0], dims)


def integers(dims, low, high):
    """In [low, high)."""
    return rng.integers(low, high, dims, dtype=numpy.int64)


def broadcastable(dims):
    """A shape that broadcasts with `dims`: dimensions become 1 or leave from the front."""
    other = [1 if rng.random() < 0.3 else d for d in dims]
    return other[int(rng.integers(0, len(other) + 1)) if rng.random() < 0.4 else 0 :]


def dim_of(dims):
    d = int(rng.integers(0, len(dims)))
    return d - len(dims) if rng.random() < 0.5 else d


class Case:
    """Operands (NumPy arrays; floating ones get gradients unless named in `constant`), attributes, and the op in PyTorch."""

    def __init__(self, op, operands, attributes=(), constant=()):
        self.op, self.operands, self.attributes, self.constant = op, operands, attributes, constant


def unary(f, low=-3.0, high=3.0, make=real):
    return lambda: Case(f, [make(shape(), low, high)])


def binary(f, left=real, right=real):
    def make():
        dims = shape()
        other = broadcastable(dims)
        pair = (dims, other) if rng.random() < 0.5 else (other, dims)
        return Case(f, [left(pair[0]), right(pair[1])])

    return make


def with_number(f, left=real, low=0.5, high=2.0):
    def make():
        number = float(numpy.float32(rng.uniform(low, high)))
        return Case(lambda x: f(x, number), [left(shape())], [number])

    return make


def clamp():
    low, high = -0.75, 1.25
    return Case(lambda x: torch.clamp(x, low, high), [real(shape())], [low, high])


def where():
    dims = shape()
    return Case(torch.where, [rng.random(broadcastable(dims)) < 0.5, real(dims), real(broadcastable(dims))])


def lerp():
    dims, weight = shape(), float(numpy.float32(rng.uniform(0, 1)))
    return Case(lambda a, b: torch.lerp(a, b, weight), [real(dims), real(dims)], [weight])


def reduction(f):
    def make():
        dims = shape(1, 4)
        over = sorted(int(d) for d in rng.choice(len(dims), int(rng.integers(1, len(dims) + 1)), replace=False))
        keep = bool(rng.random() < 0.5)
        return Case(lambda x: f(x, over, keep), [real(dims)], [float(keep), *map(float, over)])

    return make


def variance():
    dims = [size(2, 9) for _ in range(size(1, 4))]
    over = sorted(int(d) for d in rng.choice(len(dims), int(rng.integers(1, len(dims) + 1)), replace=False))
    keep, correction = bool(rng.random() < 0.5), int(rng.integers(0, 2))
    return Case(lambda x: torch.var(x, over, correction=correction, keepdim=keep), [real(dims)], [float(keep), float(correction), *map(float, over)])


def extremum(f):
    def make():
        dims = shape(1, 4)
        d, keep = dim_of(dims), bool(rng.random() < 0.5)
        return Case(lambda x: list(f(x, d, keep)), [real(dims)], [float(d), float(keep)])

    return make


def index_of(f):
    def make():
        dims = shape(1, 4)
        d, keep = dim_of(dims), bool(rng.random() < 0.5)
        return Case(lambda x: f(x, d, keep), [real(dims)], [float(d), float(keep)])

    return make


def matmul():
    n, k, m = size(1, 33), size(1, 33), size(1, 33)
    batch = shape(0, 2)
    left, right = [*batch, n, k], [*broadcastable(batch), k, m]
    kind = rng.random()
    if kind < 0.15:
        left, right = [k], [k, m]
    elif kind < 0.3:
        left, right = [*batch, n, k], [k]
    elif kind < 0.4:
        left, right = [k], [k]
    return Case(torch.matmul, [real(left), real(right)])


def linear():
    k, m = size(1, 70), size(1, 40)
    operands = [real([*shape(0, 3), k]), real([m, k])]
    if rng.random() < 0.7:
        operands.append(real([m]))
    return Case(F.linear, operands)


def spatial(n, low, high):
    """A number for each of n dimensions."""
    return [size(low, high) for _ in range(n)]


def extents(n, most, kernel, dilation):
    """Sizes that a window fits into."""
    return [size(0, most) + d * (k - 1) + 1 for k, d in zip(kernel, dilation)]


def conv(n):
    def make():
        groups = int(rng.choice([1, 1, 1, 2, 3]))
        c, o = size(1, 5) * groups, size(1, 6) * groups
        kernel, stride, padding, dilation = spatial(n, 1, 4 if n < 3 else 3), spatial(n, 1, 3), spatial(n, 0, 2), spatial(n, 1, 2)
        operands = [real([size(1, 4), c, *extents(n, 9 if n < 3 else 5, kernel, dilation)]), real([o, c // groups, *kernel])]
        if rng.random() < 0.6:
            operands.append(real([o]))
        same = rng.random() < 0.2
        if same:
            stride = [1] * n
        op = [F.conv1d, F.conv2d, F.conv3d][n - 1]
        f = lambda x, weight, bias=None: op(x, weight, bias, stride, "same" if same else padding, dilation, groups)
        return Case(f, operands, [*stride, *padding, *dilation, groups, same])

    return make


def conv_transpose(n):
    def make():
        groups = int(rng.choice([1, 1, 1, 2, 3]))
        c, o = size(1, 5) * groups, size(1, 6) * groups
        kernel, stride, dilation = spatial(n, 1, 4 if n < 3 else 3), spatial(n, 1, 3), spatial(n, 1, 2)
        padding = [int(rng.integers(0, d * (k - 1) // 2 + 1)) for k, d in zip(kernel, dilation)]
        more = [int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation)]
        operands = [real([size(1, 4), c, *spatial(n, 1, 6 if n < 3 else 4)]), real([c, o // groups, *kernel])]
        if rng.random() < 0.6:
            operands.append(real([o]))
        op = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][n - 1]
        f = lambda x, weight, bias=None: op(x, weight, bias, stride, padding, more, groups, dilation)
        return Case(f, operands, [*stride, *padding, *more, *dilation, groups])

    return make


def half_paddings(kernel):
    return [int(rng.integers(0, k // 2 + 1)) for k in kernel]


def max_pool(n):
    def make():
        kernel, stride, dilation = spatial(n, 1, 4 if n < 3 else 3), spatial(n, 1, 3), spatial(n, 1, 2)
        padding, ceil = half_paddings(kernel), bool(rng.random() < 0.3)
        x = real([size(1, 3), size(1, 18 if n < 3 else 8), *extents(n, 8 if n < 3 else 4, kernel, dilation)])
        op = [F.max_pool1d, F.max_pool2d, F.max_pool3d][n - 1]
        return Case(lambda x: op(x, kernel, stride, padding, dilation, ceil), [x], [*kernel, *stride, *padding, *dilation, ceil])

    return make


def avg_pool(n):
    def make():
        kernel, stride = spatial(n, 1, 4 if n < 3 else 3), spatial(n, 1, 3)
        padding, ceil, include = half_paddings(kernel), bool(rng.random() < 0.3), bool(rng.random() < 0.5)
        x = real([size(1, 3), size(1, 18 if n < 3 else 8), *extents(n, 8 if n < 3 else 4, kernel, [1] * n)])
        op = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][n - 1]
        return Case(lambda x: op(x, kernel, stride, padding, ceil, include), [x], [*kernel, *stride, *padding, ceil, include])

    return make


def adaptive_avg_pool(n):
    def make():
        output = spatial(n, 1, 6 if n < 3 else 4)
        op = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d][n - 1]
        return Case(lambda x: op(x, output), [real([size(1, 3), size(1, 18 if n < 3 else 8), *spatial(n, 1, 13 if n < 3 else 7)])], output)

    return make


def interpolate():
    dims = [size(1, 3), size(1, 18), *(size(1, 7) for _ in range(size(1, 3)))]
    mode = ["nearest", "linear", "cubic"][int(rng.integers(0, 3 if len(dims) == 4 else 2))]
    align = bool(rng.random() < 0.4) and mode != "nearest"
    out = [size(1, 13) for _ in dims[2:]]
    name = {"nearest": "nearest", "linear": ["linear", "bilinear", "trilinear"][len(dims) - 3], "cubic": "bicubic"}[mode]
    f = lambda x: F.interpolate(x, out, mode=name, align_corners=None if mode == "nearest" else align)
    return Case(f, [real(dims)], [["nearest", "linear", "cubic"].index(mode), align, *out])


def interpolate_by_scale():
    dims = [size(1, 3), size(1, 18), size(2, 7), size(2, 7)]
    scale, mode = float(rng.choice([0.5, 1.5, 2.0, 3.0, 2.75])), int(rng.integers(0, 3))
    name = ["nearest", "bilinear", "bicubic"][mode]
    return Case(lambda x: F.interpolate(x, scale_factor=scale, mode=name), [real(dims)], [mode, scale])


def batch_norm():
    c = size(1, 20)
    dims = [size(2, 7), c, *([size(1, 6) for _ in range(int(rng.integers(0, 3)))])]
    training, affine, eps, momentum = bool(rng.random() < 0.6), bool(rng.random() < 0.7), 1e-3, 0.25
    operands = [real(dims), real([c]), real([c], 0.5, 2)] + ([real([c]), real([c])] if affine else [])

    def f(x, mean, var, weight=None, bias=None):
        mean, var = mean.detach().clone(), var.detach().clone()
        return [F.batch_norm(x, mean, var, weight, bias, training, momentum, eps), mean, var]

    return Case(f, operands, [training, momentum, eps], constant=(1, 2))


def layer_norm():
    dims = shape(1, 4)
    dims[-1] = size(2, 40)
    tail = dims[int(rng.integers(0, len(dims))) :]
    affine = rng.random() < 0.7
    operands = [real(dims)] + ([real(tail), real(tail)] if affine else [])
    return Case(lambda x, weight=None, bias=None: F.layer_norm(x, tail, weight, bias, 1e-3), operands, [float(len(tail)), 1e-3])


def rms_norm():
    dims = shape(1, 4)
    dims[-1] = size(2, 40)
    tail = dims[int(rng.integers(0, len(dims))) :]
    operands = [real(dims)] + ([real(tail)] if rng.random() < 0.7 else [])
    return Case(lambda x, weight=None: F.rms_norm(x, tail, weight, 1e-3), operands, [float(len(tail)), 1e-3])


def group_norm():
    groups = size(1, 4)
    dims = [size(1, 4), groups * size(1, 4), *([size(2, 7) for _ in range(int(rng.integers(1, 4)))])]
    operands = [real(dims)] + ([real([dims[1]]), real([dims[1]])] if rng.random() < 0.7 else [])
    return Case(lambda x, weight=None, bias=None: F.group_norm(x, groups, weight, bias, 1e-3), operands, [float(groups), 1e-3])


def instance_norm():
    dims = [size(1, 4), size(1, 6), *([size(2, 7) for _ in range(int(rng.integers(1, 4)))])]
    operands = [real(dims)] + ([real([dims[1]]), real([dims[1]])] if rng.random() < 0.7 else [])
    return Case(lambda x, weight=None, bias=None: F.instance_norm(x, weight=weight, bias=bias, eps=1e-3), operands, [1e-3])


def along_dim(f):
    def make():
        dims = shape(1, 4)
        d = dim_of(dims)
        return Case(lambda x: f(x, d), [real(dims, -6, 6)], [float(d)])

    return make


def attention():
    batch, heads, queries, keys, width = size(1, 3), size(1, 3), size(2, 20), size(2, 20), size(1, 20)
    key_heads = heads if rng.random() < 0.6 else 1
    causal = bool(rng.random() < 0.4)
    scale = float(rng.uniform(0.1, 0.6)) if rng.random() < 0.5 else 0.0
    operands = [real([batch, heads, queries, width]), real([batch, key_heads, keys, width]), real([batch, key_heads, keys, size(1, 20)])]
    if not causal and rng.random() < 0.6:
        operands.append(real([queries, keys]) if rng.random() < 0.5 else rng.random([batch, 1, queries, keys]) < 0.8)
        if operands[-1].dtype == bool:
            operands[-1][..., 0] = True
    f = lambda q, k, v, mask=None: F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, scale=scale or None, enable_gqa=key_heads != heads)
    return Case(f, operands, [causal, scale])


def cross_entropy():
    n, c = size(1, 20), size(2, 15)
    extra = [size(1, 4) for _ in range(int(rng.integers(0, 3)))]
    target = integers([n, *extra], 0, c)
    if rng.random() < 0.5 and target.size > 1:
        target.flat[1] = -100
    reduction = int(rng.integers(0, 3))
    smoothing = float(rng.choice([0.0, 0.1]))
    weighted = rng.random() < 0.4
    operands = [real([n, c, *extra], -5, 5), target] + ([real([c], 0.2, 2)] if weighted else [])
    names = ["mean", "sum", "none"]
    f = lambda x, t, weight=None: F.cross_entropy(x, t, weight, reduction=names[reduction], label_smoothing=smoothing)
    return Case(f, operands, [float(reduction), smoothing], constant=(2,))


def nll_loss():
    n, c = size(1, 20), size(2, 15)
    extra = [size(1, 4) for _ in range(int(rng.integers(0, 3)))]
    target = integers([n, *extra], 0, c)
    ignored = int(rng.choice([-100, 0]))
    reduction = int(rng.integers(0, 3))
    operands = [real([n, c, *extra], -5, 0), target] + ([real([c], 0.2, 2)] if rng.random() < 0.4 else [])
    names = ["mean", "sum", "none"]
    f = lambda x, t, weight=None: F.nll_loss(x, t, weight, ignore_index=ignored, reduction=names[reduction])
    return Case(f, operands, [float(reduction), float(ignored)], constant=(2,))


def mse_loss():
    dims = shape()
    reduction = int(rng.integers(0, 3))
    return Case(lambda x, t: F.mse_loss(x, t, reduction=["mean", "sum", "none"][reduction]), [real(dims), real(dims)], [float(reduction)])


def embedding():
    rows, width = size(1, 12), size(1, 20)
    padding = int(rng.integers(0, rows)) if rng.random() < 0.4 else -1
    f = lambda i, w: F.embedding(i, w, padding_idx=padding if padding >= 0 else None)
    return Case(f, [integers(shape(0, 3), 0, rows), real([rows, width])], [float(padding)])


def joined(f, equal):
    def make():
        dims = shape(1, 3)
        d = int(rng.integers(0, len(dims) + (1 if equal else 0)))
        parts = []
        for _ in range(size(1, 5)):
            own = list(dims)
            if not equal:
                own[d] = size(0, 5)
            parts.append(real(own))
        return Case(lambda *list_: f(list_, d), parts, [float(d)])

    return make


def gather():
    dims = shape(1, 3)
    d = int(rng.integers(0, len(dims)))
    index = [int(rng.integers(1, s + 1)) for s in dims]
    index[d] = size(1, 12)
    return Case(lambda x, i: torch.gather(x, d, i), [real(dims), integers(index, 0, dims[d])], [float(d)])


def index_select():
    dims = shape(1, 3)
    d = int(rng.integers(0, len(dims)))
    return Case(lambda x, i: torch.index_select(x, d, i), [real(dims), integers([size(1, 12)], 0, dims[d])], [float(d)])


def transpose():
    dims = shape(1, 4)
    a, b = dim_of(dims), dim_of(dims)
    return Case(lambda x: torch.transpose(x, a, b), [real(dims)], [float(a), float(b)])


def permute():
    dims = shape(1, 4)
    order = [int(d) for d in rng.permutation(len(dims))]
    return Case(lambda x: x.permute(order), [real(dims)], [float(d) for d in order])


def reshape_of_a_transpose():
    a, b, c = size(), size(), size()
    return Case(lambda x: x.transpose(0, 2).reshape(a, -1), [real([a, b, c])], [float(a)])


def slice_():
    dims = shape(1, 4)
    d = int(rng.integers(0, len(dims)))
    begin, end, step = int(rng.integers(0, dims[d] + 1)), int(rng.integers(-2, dims[d] + 2)), size(1, 3)
    index = lambda x: x[(slice(None),) * d + (slice(begin, end, step),)]
    return Case(index, [real(dims)], [float(d), float(begin), float(end), float(step)])


def expand():
    dims = shape(1, 3)
    small = [1 if rng.random() < 0.5 else s for s in dims]
    wide = [size(1, 3), *dims]
    return Case(lambda x: x.expand(wide), [real(small)], [float(s) for s in wide])


def unfold():
    dims = shape(1, 3)
    d = int(rng.integers(0, len(dims)))
    window, step = int(rng.integers(1, dims[d] + 1)), size(1, 3)
    return Case(lambda x: x.unfold(d, window, step), [real(dims)], [float(d), float(window), float(step)])


def diagonal():
    dims = [size() for _ in range(size(2, 4))]
    a, b = (int(d) for d in rng.choice(len(dims), 2, replace=False))
    offset = int(rng.integers(-2, 3))
    return Case(lambda x: torch.diagonal(x, offset, a, b), [real(dims)], [float(offset), float(a), float(b)])


positive = lambda dims, low=0.1, high=4.0: real(dims, 0.1, 4.0)
within_one = lambda dims, *_: real(dims, -0.9, 0.9)
OPS = {
    "exp": unary(torch.exp), "log": unary(torch.log, make=positive), "sqrt": unary(torch.sqrt, make=positive),
    "rsqrt": unary(torch.rsqrt, make=positive), "abs": unary(torch.abs), "neg": unary(torch.neg), "square": unary(torch.square),
    "reciprocal": unary(torch.reciprocal, 0.3, 2.5, away_from_zero), "sin": unary(torch.sin), "cos": unary(torch.cos), "tanh": unary(torch.tanh),
    "sigmoid": unary(torch.sigmoid), "relu": unary(torch.relu), "silu": unary(F.silu), "erf": unary(torch.erf), "gelu": unary(F.gelu), "gelu_tanh": unary(lambda x: F.gelu(x, approximate="tanh")),
    "expm1": unary(torch.expm1), "log1p": unary(torch.log1p, make=lambda dims, *_: real(dims, -0.7, 3.0)), "log2": unary(torch.log2, make=positive), "log10": unary(torch.log10, make=positive),
    "tan": unary(torch.tan, make=lambda dims, *_: real(dims, -1.2, 1.2)), "asin": unary(torch.asin, make=within_one), "acos": unary(torch.acos, make=within_one),
    "atan": unary(torch.atan), "sinh": unary(torch.sinh), "cosh": unary(torch.cosh), "asinh": unary(torch.asinh),
    "acosh": unary(torch.acosh, make=lambda dims, *_: real(dims, 1.2, 4.0)), "atanh": unary(torch.atanh, make=within_one), "erfc": unary(torch.erfc),
    "sign": unary(torch.sign), "floor": unary(torch.floor), "ceil": unary(torch.ceil), "round": unary(torch.round), "trunc": unary(torch.trunc),
    "frac": unary(torch.frac), "relu6": unary(F.relu6), "hardsigmoid": unary(lambda x: F.relu6(x + 3) / 6), "hardswish": unary(F.hardswish), "selu": unary(F.selu),
    "mish": unary(F.mish), "logsigmoid": unary(F.logsigmoid), "tanhshrink": unary(F.tanhshrink),
    "celu": with_number(lambda x, a: F.celu(x, a)), "softshrink": with_number(lambda x, a: F.softshrink(x, a)),
    "hardtanh": with_number(lambda x, a: F.hardtanh(x, -a, a)),
    "leaky_relu": with_number(lambda x, a: F.leaky_relu(x, a)), "elu": with_number(lambda x, a: F.elu(x, a)),
    "softplus": with_number(lambda x, beta: F.softplus(x, beta)), "clamp": clamp,
    "add": binary(torch.add), "sub": binary(torch.sub), "mul": binary(torch.mul), "div": binary(torch.div, real, away_from_zero),
    "pow": binary(torch.pow, positive, real), "maximum": binary(torch.maximum),
    "fmod": binary(torch.fmod, real, away_from_zero), "remainder": binary(torch.remainder, real, away_from_zero), "atan2": binary(torch.atan2, away_from_zero, away_from_zero),
    "hypot": binary(torch.hypot, away_from_zero), "logaddexp": binary(torch.logaddexp), "lerp_number": lerp, "minimum": binary(torch.minimum),
    "add_number": with_number(torch.add), "sub_number": with_number(torch.sub), "mul_number": with_number(torch.mul),
    "div_number": with_number(torch.div), "pow_number": with_number(torch.pow, positive), "number_sub": with_number(lambda x, a: a - x),
    "number_div": with_number(lambda x, a: a / x, away_from_zero), "where": where,
    "gt": binary(torch.gt), "le": binary(torch.le), "eq": binary(torch.eq), "ne": binary(torch.ne), "lt": binary(torch.lt), "ge": binary(torch.ge),
    "sum": reduction(lambda x, d, k: torch.sum(x, d, k)), "mean": reduction(lambda x, d, k: torch.mean(x, d, k)), "var": variance,
    "max": extremum(torch.max), "min": extremum(torch.min), "argmax": index_of(torch.argmax), "argmin": index_of(torch.argmin),
    "matmul": matmul, "linear": linear,
    **{f"{make.__name__}{n}d": make(n) for make in (conv, conv_transpose, max_pool, avg_pool, adaptive_avg_pool) for n in (1, 2, 3)},
    "interpolate": interpolate, "interpolate_by_scale": interpolate_by_scale, "batch_norm": batch_norm, "layer_norm": layer_norm, "rms_norm": rms_norm,
    "group_norm": group_norm, "instance_norm": instance_norm,
    "softmax": along_dim(torch.softmax), "log_softmax": along_dim(torch.log_softmax), "attention": attention, "cross_entropy": cross_entropy, "nll_loss": nll_loss, "mse_loss": mse_loss,
    "embedding": embedding, "cat": joined(torch.cat, False), "stack": joined(torch.stack, True), "gather": gather, "index_select": index_select,
    "transpose": transpose, "permute": permute, "reshape": reshape_of_a_transpose, "slice": slice_, "expand": expand, "unfold": unfold,
    "diagonal": diagonal,
}


def narrow(array, dtype):
    return array.astype(dtype) if array.dtype == numpy.float64 else array


def evaluate(case, operands, seeds, dtype):
    """Outputs, gradients of the operands, and seeds (made here when None), computed in `dtype`."""
    tensors = []
    for i, a in enumerate(operands):
        floating = a.dtype in (numpy.float32, numpy.float64)
        t = torch.from_numpy(a.astype(dtype) if floating else a)
        tensors.append(t.requires_grad_(floating and i not in case.constant))
    outputs = case.op(*tensors)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    if seeds is None:
        seeds = [narrow(numpy.asarray(rng.uniform(-1, 1, tuple(y.shape))), operands_dtype(operands)) if y.requires_grad else None for y in outputs]
    roots = [(y, torch.from_numpy(s.astype(dtype))) for y, s in zip(outputs, seeds) if s is not None]
    if roots:
        torch.autograd.backward([y for y, _ in roots], [s for _, s in roots])
    return [y.detach().numpy() for y in outputs], [t.grad.numpy() if t.grad is not None else None for t in tensors], seeds


def operands_dtype(operands):
    return next(a.dtype for a in operands if a.dtype in (numpy.float32, numpy.float64))


def run(case, dtype, arrays, k):
    operands = [narrow(a, dtype) for a in map(numpy.asarray, case.operands)]
    outputs, gradients, seeds = evaluate(case, operands, None, numpy.float64)
    results = {"": (outputs, gradients)}
    if dtype == numpy.float32:
        results["single."] = evaluate(case, operands, seeds, numpy.float32)[:2]
    arrays[f"{k}.attr"] = numpy.asarray(case.attributes, numpy.float64)
    for i, a in enumerate(operands):
        arrays[f"{k}.in.{i}"] = a
    for j, s in enumerate(seeds):
        if s is not None:
            arrays[f"{k}.seed.{j}"] = s
    for kind, (outputs, gradients) in results.items():
        for j, y in enumerate(outputs):
            arrays[f"{k}.{kind}out.{j}"] = y
        for i, g in enumerate(gradients):
            if g is not None:
                arrays[f"{k}.{kind}grad.{i}"] = g


def main():
    global rng
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the cases are tiny
    os.makedirs(options.directory, exist_ok=True)
    for number, (op, make) in enumerate(OPS.items()):
        for dtype, name in ((numpy.float32, "f32"), (numpy.float64, "f64")):
            rng = numpy.random.default_rng([options.seed, number])
            arrays = {}
            for k in range(options.cases):
                run(make(), dtype, arrays, k)
            path = os.path.join(options.directory, f"{op}.{name}.safetensors")
            safetensors_file.save(arrays, path, {"op": op, "cases": str(options.cases), "torch": torch.__version__})
    print(f"{len(OPS)} ops, {options.cases} cases each in f32 and f64, by PyTorch {torch.__version__}: {options.directory}")


main()
