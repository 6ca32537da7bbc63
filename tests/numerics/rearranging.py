"""Cases of scans, orders, scatters, padding and of what moves elements about, and of the reductions that came with them."""
import numpy
import torch
import torch.nn.functional as F

from basics import Case, away_from_zero, broadcastable, dim_of, integers, real, rng, shape, size


def ranks(dims, d):
    """Numbers that differ along dimension d, exact in every floating dtype: which of two equal ones comes first is no question."""
    return numpy.argsort(rng.random(dims), d) * 0.5 - 2


def distinct(dims):
    """Numbers of distinct magnitudes other than zero; at most 128, so that bf16 holds them."""
    count = int(numpy.prod(dims))
    return ((rng.permutation(count) + 1) / 32 * rng.choice([-1, 1], count)).reshape(dims)


def with_zeros(dims):
    return numpy.where(rng.random(dims) < 0.3, 0.0, real(dims))


def reduction(f, make=real, number=None):
    """Attributes: keepdim, then the dimensions; before them a number where `number` makes one."""

    def case():
        dims = shape(1, 3)
        over = sorted(int(d) for d in rng.choice(len(dims), int(rng.integers(1, len(dims) + 1)), replace=False))
        keep = bool(rng.random() < 0.5)
        first = [] if number is None else [number()]
        return Case(lambda x: f(x, *first, over, keep), [make(dims)], [*first, keep, *over])

    return case


def product(x, over, keep):
    for d in reversed(over):
        x = torch.prod(x, d, keep)
    return x


def norm_of_extremes():
    dims, p = [size(1, 10), size(1, 10)], float(rng.choice([numpy.inf, -numpy.inf]))
    d, keep = dim_of(dims), bool(rng.random() < 0.5)
    return Case(lambda x: torch.linalg.vector_norm(x, p, d, keep), [distinct(dims)], [p, keep, d])


def deviation():
    dims = [size(3, 9) for _ in range(size(1, 3))]
    over, keep, correction = dim_of(dims), bool(rng.random() < 0.5), int(rng.integers(0, 2))
    return Case(lambda x: torch.std(x, over, correction=correction, keepdim=keep), [real(dims)], [keep, correction, over])


def along(f, make=real):
    def case():
        dims = shape(1, 3)
        d = dim_of(dims)
        return Case(lambda x: f(x, d), [make(dims)], [d])

    return case


def ordered(f):
    """f(x, d, flag) for lines without equal elements."""

    def case():
        dims = shape(1, 3)
        d, flag = dim_of(dims), bool(rng.random() < 0.5)
        return Case(lambda x: f(x, d, flag), [ranks(dims, d)], [d, flag])

    return case


def selected(f):
    """f(x, k, d, flag) with 1 <= k <= the size of dimension d."""

    def case():
        dims = shape(1, 3)
        d, flag = dim_of(dims), bool(rng.random() < 0.5)
        k = int(rng.integers(1, dims[d] + 1))
        return Case(lambda x: f(x, k, d, flag), [ranks(dims, d)], [k, d, flag])

    return case


def quantile():
    dims, mode = shape(1, 3), int(rng.integers(0, 5))
    d, keep, q = dim_of(dims), bool(rng.random() < 0.5), float(rng.choice([0, 0.125, 0.25, 0.5, 0.75, 1]))
    interpolation = ["linear", "lower", "higher", "midpoint", "nearest"][mode]
    return Case(lambda x: torch.quantile(x, q, d, keep, interpolation=interpolation), [ranks(dims, d)], [q, d, keep, mode])


def bucketize():
    right = bool(rng.random() < 0.5)
    boundaries, values = numpy.sort(numpy.round(real([size(1, 12)]) * 4) / 4), numpy.round(real(shape()) * 4) / 4
    return Case(lambda v, b: torch.bucketize(v, b, right=right), [values, boundaries], [right], constant=(0, 1))


def histogram():
    # halves of a power of two, so that no element is at the mercy of rounding at the edge of a bin
    x, weighted = integers([size(), *shape(0, 2)], -16, 17) / 8 + 1 / 64, rng.random() < 0.5
    weight = integers(list(x.shape), 0, 5).astype(float)
    f = lambda x, w: list(torch.histogram(x.double(), torch.tensor([-2.0, -0.5, 0.25, 1.5], dtype=torch.float64), weight=w.double() if weighted else None)[:1])
    return Case(lambda x, w: f(x, w)[0].to(x.dtype), [x, weight], [weighted], constant=(0, 1))


def bincount():
    n, least = size(0, 30), size(0, 12)
    return Case(lambda x: torch.bincount(x, minlength=least), [integers([n], 0, 9)], [least])


def weighted_bincount():
    n = size(1, 30)
    return Case(lambda x, w: torch.bincount(x, w.double()).to(w.dtype), [integers([n], 0, 9), real([n])], constant=(1,))


def index_fill():
    dims, value = shape(1, 3), float(numpy.float32(rng.uniform(-2, 2)))
    d = dim_of(dims)
    return Case(lambda x, i: torch.index_fill(x, d, i, value), [real(dims), integers([size(1, 5)], 0, dims[d])], [d, value])


def index_copy():
    dims = shape(1, 3)
    d = dim_of(dims)
    index = rng.permutation(dims[d])[: size(1, 4)].astype(numpy.int64)
    source = list(dims)
    source[d] = len(index)
    return Case(lambda x, i, s: torch.index_copy(x, d, i, s), [real(dims), index, real(source)], [d])


def brackets(dims):
    """Random indices of a tensor: a function from their tensors to what stands between Python's brackets, the tensors, and the same as
    attributes, four for each entry: its kind, and its number or slice. The dimensions that an ellipsis leaves out are the last."""
    python, tensors, attributes = [], [], []
    lists = [size(1, 4), size(1, 4)]

    def add(entry, *numbers):
        python.append(entry)
        attributes.extend([*numbers, *[0] * (4 - len(numbers))])

    for n in dims[: int(rng.integers(0, len(dims) + 1))]:
        kind = int(rng.integers(0, 6))
        if kind == 0:
            at = int(rng.integers(-n, n))
            add(lambda _, at=at: at, 0, at)
        elif kind == 1:
            begin, end, step = int(rng.integers(-n - 1, n + 1)), int(rng.integers(-n - 1, n + 2)), int(rng.integers(1, 4))
            add(lambda _, s=slice(begin, end, step): s, 1, begin, end, step)
        else:
            if kind == 2:
                add(lambda _: None, 3)
            mask = kind == 3 and not tensors
            if mask:
                lists = [1]  # which goes with any number of places
            add(lambda t, k=len(tensors): t[k], 4)
            tensors.append(rng.random([n]) < 0.6 if mask else integers(broadcastable(lists), -n, n))
    if rng.random() < 0.5:
        add(lambda _: Ellipsis, 2)
    return lambda t: tuple(e(t) for e in python), tensors, attributes


def index():
    dims = shape(1, 4)
    python, tensors, attributes = brackets(dims)
    return Case(lambda x, *t: x[python(t)], [real(dims), *tensors], attributes)


def index_put():
    dims, accumulate = shape(1, 4), bool(rng.random() < 0.5)
    python, tensors, attributes = brackets(dims)
    places = numpy.arange(int(numpy.prod(dims))).reshape(dims)
    chosen = torch.from_numpy(places)[python([torch.from_numpy(t) for t in tensors])]
    if not accumulate and len(chosen.unique()) < chosen.numel():
        return index_put()  # PyTorch does not say which of equal indices wins
    values = real(broadcastable(chosen.shape))

    def put(x, *t):
        if accumulate:  # x[...] = v takes slices, index_put does not
            return x + torch.zeros(x.numel(), dtype=x.dtype).index_add(0, chosen.flatten(), t[-1].expand(chosen.shape).flatten()).reshape(x.shape)
        y = x.clone()
        y[python(t)] = t[-1]
        return y

    return Case(put, [real(dims), *tensors, values], [accumulate, *attributes])


def embedding_bag():
    rows, width, mode, padding = size(2, 12), size(1, 9), int(rng.integers(0, 3)), int(rng.integers(-1, 2))
    table = numpy.argsort(rng.random([rows, width]), 0) * 0.5 - 2
    f = lambda i, w: F.embedding_bag(i, w, mode=["mean", "sum", "max"][mode], padding_idx=None if padding < 0 else padding)
    return Case(f, [integers([size(1, 5), size(1, 6)], 0, rows), table], [mode, padding])


def embedding_bag_with_offsets():
    rows, width, mode, n = size(2, 12), size(1, 9), int(rng.integers(0, 2)), size(1, 12)
    offsets = numpy.sort(numpy.concatenate([[0], rng.integers(0, n + 1, size(0, 4))])).astype(numpy.int64)
    f = lambda i, w, o: F.embedding_bag(i, w, o, mode=["mean", "sum"][mode])
    return Case(f, [integers([n], 0, rows), real([rows, width]), offsets], [mode])


def repeat_interleave():
    dims, times = shape(1, 3), size(0, 4)
    d = dim_of(dims)
    return Case(lambda x: torch.repeat_interleave(x, times, d), [real(dims)], [times, d])


def repeat_interleave_each():
    dims = shape(1, 3)
    d = dim_of(dims)
    return Case(lambda x, n: torch.repeat_interleave(x, n, d), [real(dims), integers([dims[d]], 0, 4)], [d])


def rot90():
    dims, k = shape(2, 4), int(rng.integers(-4, 5))
    a, b = (int(d) for d in rng.choice(len(dims), 2, replace=False))
    return Case(lambda x: torch.rot90(x, k, (a, b)), [real(dims)], [k, a, b])


def diff():
    dims, n = shape(1, 3), size(0, 3)
    d = dim_of(dims)
    return Case(lambda x: torch.diff(x, n, d), [real(dims)], [n, d])


def channel_shuffle():
    groups = size(1, 4)
    return Case(lambda x: F.channel_shuffle(x, groups), [real([size(1, 3), groups * size(1, 4), size(1, 5), size(1, 5)])], [groups])


def diag():
    dims, offset = shape(1, 2), int(rng.integers(-3, 4))
    return Case(lambda x: torch.diag(x, offset), [real(dims)], [offset])


def diag_embed():
    dims, offset = shape(1, 3), int(rng.integers(-2, 3))
    a, b = (int(d) for d in rng.choice(len(dims) + 1, 2, replace=False))
    return Case(lambda x: torch.diag_embed(x, offset, a, b), [real(dims)], [offset, a, b])


def searchsorted():
    rows, right = shape(0, 2), bool(rng.random() < 0.5)
    sequence = numpy.sort(numpy.round(real([*rows, size(1, 12)]) * 4) / 4)
    values = numpy.round(real([*rows, size(1, 9)]) * 4) / 4
    return Case(lambda s, v: torch.searchsorted(s, v, right=right), [sequence, values], [right], constant=(0, 1))


def unique():
    f = lambda x: list(torch.unique(x.detach(), return_inverse=True, return_counts=True))
    return Case(f, [numpy.round(real(shape(1, 3)) * 2) / 2])


def index_below(dims, d):
    """Positions along dimension d, each at most once on a line."""
    most = numpy.argsort(rng.random(dims), d).astype(numpy.int64)
    return most[tuple(slice(int(rng.integers(1, s + 1))) for s in dims)]


def scatter():
    dims = shape(1, 3)
    d = dim_of(dims)
    index = index_below(dims, d)
    return Case(lambda x, i, source: torch.scatter(x, d, i, source), [real(dims), index, real(index.shape)], [d])


def scatter_number():
    dims, value = shape(1, 3), float(numpy.float32(rng.uniform(-2, 2)))
    d = dim_of(dims)
    return Case(lambda x, i: torch.scatter(x, d, i, value), [real(dims), index_below(dims, d)], [d, value])


def scatter_add():
    dims = shape(1, 3)
    d = dim_of(dims)
    index = [int(rng.integers(1, s + 1)) for s in dims]
    index[d] = size(1, 12)
    return Case(lambda x, i, source: torch.scatter_add(x, d, i, source), [real(dims), integers(index, 0, dims[d]), real(index)], [d])


def index_add():
    dims, alpha = shape(1, 3), float(rng.choice([1, 0.5, -2]))
    d = dim_of(dims)
    source = list(dims)
    source[d] = size(1, 12)
    f = lambda x, i, s: torch.index_add(x, d, i, s, alpha=alpha)
    return Case(f, [real(dims), integers([source[d]], 0, dims[d]), real(source)], [d, alpha])


def take_along_dim():
    dims = shape(1, 3)
    d = dim_of(dims)
    index = [1 if rng.random() < 0.3 else s for s in dims]
    index[d] = size(1, 12)
    return Case(lambda x, i: torch.take_along_dim(x, i, d), [real(dims), integers(index, 0, dims[d])], [d])


def one_hot():
    classes = size(1, 12)
    return Case(lambda labels: F.one_hot(labels, classes), [integers(shape(0, 3), 0, classes)], [classes])


def masked_select():
    dims = shape(1, 3)
    return Case(torch.masked_select, [real(dims), rng.random(broadcastable(dims)) < 0.5])


def pad():
    spatial = size(1, 3)
    dims = [size(1, 3), size(1, 4), *(size(3, 9) for _ in range(spatial))]
    mode = int(rng.integers(0, 4))
    amounts = [int(rng.integers(-1 if mode == 0 else 0, 3)) for _ in range(2 * spatial)]
    value = 0.0 if mode else float(rng.choice([0, 1.5]))
    f = lambda x: F.pad(x, amounts, ["constant", "reflect", "replicate", "circular"][mode], value if mode == 0 else None)
    return Case(f, [real(dims)], [mode, value, *amounts])


def flip():
    dims = shape(1, 4)
    over = [int(d) for d in rng.choice(len(dims), int(rng.integers(1, len(dims) + 1)), replace=False)]
    return Case(lambda x: torch.flip(x, over), [real(dims)], over)


def roll():
    dims = shape(1, 4)
    shift, d = int(rng.integers(-12, 13)), dim_of(dims)
    return Case(lambda x: torch.roll(x, shift, d), [real(dims)], [shift, d])


def repeated(f, fewest):
    def case():
        dims = shape(1, 3)
        count = int(rng.integers(fewest, 2)) + len(dims)
        repeats = [size(1, 3) for _ in range(max(count, 1))]
        return Case(lambda x: f(x, repeats), [real(dims)], repeats)

    return case


def triangle(f):
    def case():
        dims, offset = [*shape(0, 2), size(), size()], int(rng.integers(-4, 5))
        return Case(lambda x: f(x, offset), [real(dims)], [offset])

    return case


def pixel_shuffle():
    r = size(1, 3)
    return Case(lambda x: F.pixel_shuffle(x, r), [real([*shape(0, 2), size(1, 3) * r * r, size(1, 5), size(1, 5)])], [r])


def pixel_unshuffle():
    r = size(1, 3)
    return Case(lambda x: F.pixel_unshuffle(x, r), [real([*shape(0, 2), size(1, 3), size(1, 4) * r, size(1, 4) * r])], [r])


def parts(f):
    """f(x, number, d)."""

    def case():
        dims = shape(1, 3)
        d, number = dim_of(dims), size(1, 5)
        return Case(lambda x: list(f(x, number, d)), [real(dims)], [number, d])

    return case


def meshgrid():
    return Case(lambda *axes: list(torch.meshgrid(*axes, indexing="ij")), [real([size(1, 5)]) for _ in range(size(1, 4))])


OPS = {
    "prod": reduction(product, with_zeros), "std": deviation, "logsumexp": reduction(torch.logsumexp),
    "norm": reduction(torch.linalg.vector_norm, away_from_zero, lambda: float(rng.choice([0.5, 1, 2, 3]))), "norm_of_extremes": norm_of_extremes,
    "norm_of_order_0": reduction(lambda x, over, keep: torch.linalg.vector_norm(x.detach(), 0, over, keep), with_zeros),
    "any": reduction(torch.any, with_zeros), "all": reduction(torch.all, with_zeros),
    "count_nonzero": reduction(lambda x, over, _: torch.count_nonzero(x, over), with_zeros),
    "logcumsumexp": along(torch.logcumsumexp), "cummax": along(lambda x, d: list(torch.cummax(x, d))), "cummin": along(lambda x, d: list(torch.cummin(x, d))),
    "bucketize": bucketize, "histogram": histogram, "bincount": bincount, "weighted_bincount": weighted_bincount, "index": index, "index_put": index_put, "index_fill": index_fill, "index_copy": index_copy,
    "embedding_bag": embedding_bag, "embedding_bag_with_offsets": embedding_bag_with_offsets, "repeat_interleave": repeat_interleave,
    "repeat_interleave_each": repeat_interleave_each, "rot90": rot90, "fliplr": lambda: Case(torch.fliplr, [real(shape(2, 4))]),
    "flipud": lambda: Case(torch.flipud, [real(shape(1, 4))]), "diff": diff, "channel_shuffle": channel_shuffle, "diag": diag, "diag_embed": diag_embed,
    "trace": lambda: Case(torch.trace, [real([size(), size()])]),
    "cumsum": along(torch.cumsum), "cumprod": along(torch.cumprod, with_zeros),
    "sort": ordered(lambda x, d, descending: list(torch.sort(x, d, descending))),
    "argsort": ordered(lambda x, d, descending: torch.argsort(x, d, descending)),
    "median": ordered(lambda x, d, keep: list(torch.median(x, d, keep))),
    "topk": selected(lambda x, k, d, largest: list(torch.topk(x, k, d, largest))),
    "kthvalue": selected(lambda x, k, d, keep: list(torch.kthvalue(x, k, d, keep))),
    "quantile": quantile, "searchsorted": searchsorted, "unique": unique, "nonzero": lambda: Case(torch.nonzero, [with_zeros(shape(1, 3))]),
    "scatter": scatter, "scatter_number": scatter_number, "scatter_add": scatter_add, "index_add": index_add, "take_along_dim": take_along_dim,
    "one_hot": one_hot, "masked_select": masked_select, "pad": pad, "flip": flip, "roll": roll,
    "repeat": repeated(lambda x, n: x.repeat(n), 0), "tile": repeated(torch.tile, -2), "tril": triangle(torch.tril), "triu": triangle(torch.triu),
    "pixel_shuffle": pixel_shuffle, "pixel_unshuffle": pixel_unshuffle, "split": parts(torch.split), "chunk": parts(torch.chunk),
    "unbind": along(lambda x, d: list(torch.unbind(x, d))), "meshgrid": meshgrid,
}
