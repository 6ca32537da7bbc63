"""Cases of the ops that networks are made of: products, windows, norms, attention, losses."""
import numpy
import torch
import torch.nn.functional as F

from basics import Case, broadcastable, dim_of, integers, real, rng, shape, size


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

    return Case(f, operands, [training, momentum, eps], constant=(1, 2), wide=(1, 2, 3, 4))


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
    batch, heads, queries, keys, width = size(1, 3), size(1, 3), size(5, 20), size(5, 20), size(1, 20)
    key_heads = heads if rng.random() < 0.6 else 1
    causal = bool(rng.random() < 0.4)
    scale = float(rng.uniform(0.1, 0.6)) if rng.random() < 0.5 else 0.0
    # moderate scores: where one key takes all, the gradient of the others is what is left of numbers that cancel
    operands = [real([batch, heads, queries, width], -1, 1), real([batch, key_heads, keys, width], -1, 1), real([batch, key_heads, keys, size(1, 20)])]
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


def rotary_embedding():
    heads, length, pairs, interleaved = shape(0, 2), size(1, 9), size(1, 20), bool(rng.random() < 0.5)
    angles = rng.uniform(0, 6.3, [length, pairs])

    def f(x, cos, sin):
        a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else (x[..., :pairs], x[..., pairs:])
        turned = [a * cos - b * sin, b * cos + a * sin]
        return torch.stack(turned, -1).flatten(-2) if interleaved else torch.cat(turned, -1)

    return Case(f, [real([*heads, length, 2 * pairs]), numpy.cos(angles), numpy.sin(angles)], [interleaved], constant=(1, 2), wide=(1, 2))


OPS = {
    "matmul": matmul, "linear": linear,
    **{f"{make.__name__}{n}d": make(n) for make in (conv, conv_transpose, max_pool, avg_pool, adaptive_avg_pool) for n in (1, 2, 3)},
    "interpolate": interpolate, "interpolate_by_scale": interpolate_by_scale, "batch_norm": batch_norm, "layer_norm": layer_norm, "rms_norm": rms_norm,
    "group_norm": group_norm, "instance_norm": instance_norm,
    "softmax": along_dim(torch.softmax), "log_softmax": along_dim(torch.log_softmax), "scaled_dot_product_attention": attention, "rotary_embedding": rotary_embedding,
    "cross_entropy": cross_entropy, "nll_loss": nll_loss, "mse_loss": mse_loss,
}
