"""Cases of reductions, views, joins and indexing."""
import numpy
import torch
import torch.nn.functional as F

from basics import Case, broadcastable, dim_of, integers, real, rng, shape, size


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


def whole(f):
    return lambda: Case(f, [real(shape())])


def several(f, low=1):
    """f(x, dims, keepdim) of several results."""

    def make():
        dims = [size(low, 9) for _ in range(size(1, 4))]
        d, keep = dim_of(dims), bool(rng.random() < 0.5)
        return Case(lambda x: list(f(x, d, keep)), [real(dims)], [d, keep])

    return make


def with_nans(f):
    def make():
        dims = shape(1, 3)
        d, keep = dim_of(dims), bool(rng.random() < 0.5)
        x, missing = real(dims), rng.random(dims) < 0.3
        missing[(slice(None),) * (d % len(dims)) + (0,)] = False  # the gradient of a mean of nothing: NaN in PyTorch, 0 here
        return Case(lambda x: f(x, d, keep), [numpy.where(missing, numpy.nan, x)], [d, keep])

    return make


def normalize():
    dims, p = shape(1, 3), float(rng.choice([1, 2, 3]))
    d = dim_of(dims)
    dims[d] = size(2)  # of single numbers it is constant
    return Case(lambda x: F.normalize(x, p, d), [real(dims)], [p, d])


def movedim():
    dims = shape(1, 4)
    a, b = dim_of(dims), dim_of(dims)
    return Case(lambda x: torch.movedim(x, a, b), [real(dims)], [a, b])


def unflatten():
    a, b, c = size(1, 4), size(1, 4), size()
    return Case(lambda x: torch.unflatten(x, 1, (a, -1)), [real([c, a * b])], [a])


def stacked(f):
    def make():
        dims = shape(2, 3)
        return Case(lambda *x: f(x), [real(dims) for _ in range(size(1, 4))])

    return make


def sum_to():
    dims = shape(1, 4)
    target = broadcastable(dims)
    return Case(lambda x: x.sum_to_size(target), [real(dims)], target)


def contiguous():
    dims = shape(2, 4)
    return Case(lambda x: x.transpose(0, -1).contiguous(), [real(dims)])


def flatten():
    dims = shape(1, 4)
    first = int(rng.integers(0, len(dims)))
    last = int(rng.integers(first, len(dims)))
    return Case(lambda x: torch.flatten(x, first, last), [real(dims)], [first, last])


def select():
    dims = shape(1, 4)
    d = dim_of(dims)
    index = int(rng.integers(-dims[d], dims[d]))
    return Case(lambda x: torch.select(x, d, index), [real(dims)], [d, index])


def narrow():
    dims = shape(1, 4)
    d = dim_of(dims)
    begin = int(rng.integers(0, dims[d]))
    length = int(rng.integers(0, dims[d] - begin + 1))
    return Case(lambda x: torch.narrow(x, d, begin, length), [real(dims)], [d, begin, length])


def squeeze():
    dims = [1 if rng.random() < 0.5 else s for s in shape(1, 4)]
    if rng.random() < 0.4:
        return Case(torch.squeeze, [real(dims)])
    d = dim_of(dims)
    return Case(lambda x: torch.squeeze(x, d), [real(dims)], [d])


def unsqueeze():
    dims = shape()
    d = int(rng.integers(-len(dims) - 1, len(dims) + 1))
    return Case(lambda x: torch.unsqueeze(x, d), [real(dims)], [d])


OPS = {
    "sum": reduction(lambda x, d, k: torch.sum(x, d, k)), "mean": reduction(lambda x, d, k: torch.mean(x, d, k)), "var": variance,
    "amax": reduction(torch.amax), "amin": reduction(torch.amin),
    "sum_to": sum_to, "max_of_all": whole(torch.max), "min_of_all": whole(torch.min), "sum_of_all": whole(torch.sum), "mean_of_all": whole(torch.mean),
    "max": extremum(torch.max), "min": extremum(torch.min), "argmax": index_of(torch.argmax), "argmin": index_of(torch.argmin),
    "embedding": embedding, "cat": joined(torch.cat, False), "stack": joined(torch.stack, True), "gather": gather, "index_select": index_select,
    "transpose": transpose, "permute": permute, "reshape": reshape_of_a_transpose, "slice": slice_, "expand": expand, "unfold": unfold,
    "diagonal": diagonal, "movedim": movedim, "unflatten": unflatten, "hstack": stacked(torch.hstack), "vstack": stacked(torch.vstack), "normalize": normalize,
    "var_mean": several(lambda x, d, k: torch.var_mean(x, d, keepdim=k), 2), "std_mean": several(lambda x, d, k: torch.std_mean(x, d, keepdim=k), 3),
    "aminmax": several(lambda x, d, k: torch.aminmax(x, dim=d, keepdim=k)), "nansum": with_nans(torch.nansum), "nanmean": with_nans(torch.nanmean),
    "clone": whole(torch.clone), "contiguous": contiguous, "flatten": flatten, "select": select, "narrow": narrow, "squeeze": squeeze, "unsqueeze": unsqueeze,
}
