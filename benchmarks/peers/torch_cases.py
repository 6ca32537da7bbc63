"""The cases of bench_ops as PyTorch writes them: name: (operands, function). An operand is (lo, hi), (lo, hi, shape) or
(lo, hi, shape, kind), as benchmarks/ops/cases.hpp has it."""
import torch
import torch.nn.functional as F

COLUMNS = 512
ANY, POSITIVE, UNIT, NEAR_ONE = (-2, 2), (0.3, 4), (0.1, 0.9), (0.9, 1.1)


def elementwise(rows, images):
    row, column = (-2, 2, (COLUMNS,)), (-2, 2, (rows, 1))
    wholes, shifts = (-100, 100, (256, COLUMNS), "index"), (0, 60, (256, COLUMNS), "index")
    of_torch = """exp abs neg square sin cos tanh sigmoid erf expm1 atan sinh cosh asinh erfc sign floor ceil round trunc frac nan_to_num isnan
        isinf isfinite logical_not""".split()
    of_functional = "relu silu relu6 hardsigmoid hardswish selu mish logsigmoid tanhshrink gelu leaky_relu elu hardtanh softshrink softplus".split()
    of_positive = "log sqrt rsqrt reciprocal log2 log10 lgamma digamma".split()
    of_two = "add sub mul maximum minimum atan2 hypot logaddexp eq ne lt le gt ge logical_and logical_or logical_xor".split()
    table = {name: ([ANY], getattr(torch, name)) for name in of_torch} | {name: ([ANY], getattr(F, name)) for name in of_functional}
    table |= {name: ([POSITIVE], getattr(torch, name)) for name in of_positive} | {name: ([ANY, ANY], getattr(torch, name)) for name in of_two}
    table |= {name: ([(-0.95, 0.95)], getattr(torch, name)) for name in ("asin", "acos", "atanh")}
    table |= {name: ([wholes, wholes], getattr(torch, name)) for name in ("bitwise_and", "bitwise_or", "bitwise_xor")}
    table |= {name: ([wholes, shifts], getattr(torch, name)) for name in ("bitwise_left_shift", "bitwise_right_shift")}
    return table | {
        "acosh": ([(1.1, 4)], torch.acosh), "tan": ([(-1.2, 1.2)], torch.tan), "log1p": ([(-0.7, 3)], torch.log1p),
        "gelu_tanh": ([ANY], lambda x: F.gelu(x, approximate="tanh")), "polygamma": ([POSITIVE], lambda x: torch.polygamma(1, x)),
        "celu": ([ANY], lambda x: F.celu(x, 1.25)), "clamp": ([ANY], lambda x: torch.clamp(x, -1, 1)),
        "clamp_min": ([ANY], lambda x: torch.clamp_min(x, -1)), "clamp_max": ([ANY], lambda x: torch.clamp_max(x, 1)), "softsign": ([ANY], F.softsign),
        "hardshrink": ([ANY], F.hardshrink), "threshold": ([ANY], lambda x: F.threshold(x, 0.25, -1)), "glu": ([ANY], F.glu), "isclose": ([ANY, ANY], torch.isclose),
        "prelu": ([(-2, 2, images), (0, 1, (32,))], F.prelu), "add a row": ([ANY, row], torch.add), "add a column": ([ANY, column], torch.add),
        "add transposed": ([ANY, (-2, 2, (COLUMNS, rows))], lambda x, y: x + y.t()), "mul by a number": ([ANY], lambda x: x * 1.5),
        "mul by a row": ([ANY, row], torch.mul), "div": ([ANY, POSITIVE], torch.div), "pow": ([POSITIVE, ANY], torch.pow),
        "pow of a number": ([POSITIVE], lambda x: x**1.7), "floor_divide": ([ANY, POSITIVE], lambda x, y: torch.floor_divide(x.detach(), y.detach())), "rrelu": ([ANY], lambda x: F.rrelu(x, training=True)),
        "fmod": ([ANY, POSITIVE], torch.fmod), "remainder": ([ANY, POSITIVE], torch.remainder),
        "lerp": ([ANY, ANY], lambda x, y: torch.lerp(x, y, 0.3)), "addcmul": ([ANY, ANY, ANY], lambda x, a, b: torch.addcmul(x, a, b, value=0.5)),
        "addcdiv": ([ANY, ANY, POSITIVE], lambda x, a, b: torch.addcdiv(x, a, b, value=0.5)),
        "where": ([ANY, ANY], lambda x, y: torch.where(x.detach() > 0, x, y)), "masked_fill": ([ANY], lambda x: x.masked_fill(x.detach() > 0, 0.5)),
        "bitwise_not": ([wholes], torch.bitwise_not),
    }


def reductions(rows):
    unary = {
        "var": torch.var, "var of rows": lambda x: x.var(1), "std": torch.std, "std of rows": lambda x: x.std(1), "max": torch.max, "min": torch.min,
        "max of rows": lambda x: x.max(1).values, "max of columns": lambda x: x.max(0).values, "min of rows": lambda x: x.min(1).values,
        "amax of rows": lambda x: x.amax(1), "amin of columns": lambda x: x.amin(0), "argmax of rows": lambda x: x.argmax(1),
        "argmin of columns": lambda x: x.argmin(0), "norm": lambda x: x.norm(), "norm of rows": lambda x: x.norm(2, 1),
        "norm 1 of rows": lambda x: x.norm(1, 1), "norm 3 of rows": lambda x: x.norm(3, 1), "logsumexp of rows": lambda x: x.logsumexp(1),
        "logsumexp of columns": lambda x: x.logsumexp(0), "count_nonzero": torch.count_nonzero, "any of rows": lambda x: x.any(1),
        "all of columns": lambda x: x.all(0), "histc": lambda x: torch.histc(x.detach(), 100, -2, 2), "cumsum of rows": lambda x: x.cumsum(1),
        "cumsum of columns": lambda x: x.cumsum(0), "softmax": lambda x: x.softmax(1), "log_softmax": lambda x: x.log_softmax(1),
        "softmax of columns": lambda x: x.softmax(0), "sort of rows": lambda x: x.sort(1).values, "sort of columns": lambda x: x.sort(0).values,
        "argsort of rows": lambda x: x.argsort(1), "topk of rows": lambda x: x.topk(10, 1).values, "kthvalue of rows": lambda x: x.kthvalue(100, 1).values,
        "median of rows": lambda x: x.median(1).values, "quantile of rows": lambda x: x.quantile(0.3, 1),
    }
    unary |= {
        "normalize": F.normalize, "var_mean of rows": lambda x: torch.var_mean(x, 1)[0], "std_mean of rows": lambda x: torch.std_mean(x, 1)[0],
        "aminmax of rows": lambda x: torch.aminmax(x.detach(), dim=1)[1], "nansum of rows": lambda x: x.nansum(1), "nanmean of rows": lambda x: x.nanmean(1),
        "logcumsumexp of rows": lambda x: x.logcumsumexp(1), "cummax of rows": lambda x: x.cummax(1).values, "cummin of columns": lambda x: x.cummin(0).values,
        "trace": torch.trace, "diff of rows": lambda x: x.diff(), "softmin": lambda x: F.softmin(x, 1), "gumbel_softmax": F.gumbel_softmax,
        "histogram": lambda x: torch.histogram(x.detach(), 100, range=(-2.0, 2.0))[0],
    }
    of_positive = {"sum": torch.sum, "sum of rows": lambda x: x.sum(1), "sum of columns": lambda x: x.sum(0), "sum_to": lambda x: x.sum_to_size(COLUMNS),
                   "mean": torch.mean, "mean of rows": lambda x: x.mean(1)}
    near_one = {"prod of rows": lambda x: x.prod(1), "prod of columns": lambda x: x.prod(0), "cumprod of rows": lambda x: x.cumprod(1)}
    table = {name: ([ANY], f) for name, f in unary.items()} | {name: ([POSITIVE], f) for name, f in of_positive.items()}
    return table | {name: ([NEAR_ONE], f) for name, f in near_one.items()} | {
        "searchsorted": ([(-2, 2, (1000,)), ANY], lambda s, x: torch.searchsorted(s.detach().sort().values, x.detach())),
        "bincount": ([(0, 1000, (256 * COLUMNS,), "index")], torch.bincount),
        "bucketize": ([ANY, (-2, 2, (1000,))], lambda x, b: torch.bucketize(x.detach(), b.detach().sort().values)),
        "unique": ([(0, 1000, (256, COLUMNS), "index")], lambda x: torch.unique(x, return_inverse=True, return_counts=True)[0]),
    }


def focal(x, target):
    p = torch.sigmoid(x)
    miss = p * (1 - target) + (1 - p) * target
    return (F.binary_cross_entropy_with_logits(x, target, reduction="none") * miss**2 * (0.25 * target + 0.75 * (1 - target))).mean()


def dice(x, target):
    both = lambda a: a.flatten(2).sum(-1)
    return (1 - (2 * both(x * target) + 1) / (both(x) + both(target) + 1)).mean()


def losses(rows, images):
    labels, ones, one_each = (0, COLUMNS, (rows,), "index"), (1, 2, (rows,), "index"), (1, 2, (rows, COLUMNS), "index")
    classes = rows * COLUMNS // 1600
    pair = {name: ([ANY, ANY], getattr(F, name)) for name in "mse_loss l1_loss smooth_l1_loss huber_loss pairwise_distance".split()}
    return pair | {
        "binary_cross_entropy": ([UNIT, UNIT], F.binary_cross_entropy), "kl_div": ([(-3, 0), UNIT], F.kl_div),
        "binary_cross_entropy_with_logits": ([ANY, (0, 1)], F.binary_cross_entropy_with_logits),
        "poisson_nll_loss": ([ANY, UNIT], lambda x, t: F.poisson_nll_loss(x, t.detach())), "soft_margin_loss": ([ANY, (-1, 1)], lambda x, t: F.soft_margin_loss(x, t.detach())),
        "hinge_loss": ([ANY, (-1, 1)], lambda x, t: F.relu(1 - x * t.detach()).mean()),
        "hinge_embedding_loss": ([ANY, (0, 2, (rows, COLUMNS), "index")], lambda x, t: F.hinge_embedding_loss(x, t.to(x.dtype) * 2 - 1)),
        "sigmoid_focal_loss": ([ANY, (0, 1)], lambda x, t: focal(x, t.detach())), "cosine_similarity": ([ANY, ANY], lambda x, y: F.cosine_similarity(x, y)),
        "cosine_embedding_loss": ([(-0.5, 0.5), (-0.5, 0.5), ones], lambda x, y, t: F.cosine_embedding_loss(x, y, t.to(x.dtype))),
        "triplet_margin_with_distance_loss": ([ANY, ANY, ANY], F.triplet_margin_with_distance_loss), "gaussian_nll_loss": ([ANY, ANY, (0.5, 2)], F.gaussian_nll_loss),
        "triplet_margin_loss": ([ANY, ANY, ANY], F.triplet_margin_loss), "multi_margin_loss": ([ANY, labels], F.multi_margin_loss),
        "multilabel_margin_loss": ([ANY, (-60, 452, (rows, COLUMNS), "index")], lambda x, t: F.multilabel_margin_loss(x, t.clamp(min=-1))),
        "margin_ranking_loss": ([ANY, ANY, one_each], lambda x, y, t: F.margin_ranking_loss(x, y, t.to(x.dtype))),
        "multilabel_soft_margin_loss": ([ANY, (0, 1)], lambda x, t: F.multilabel_soft_margin_loss(x, t.detach())),
        "dice_loss": ([(0.1, 0.9, images), (0.1, 0.9, images)], lambda x, t: dice(x, t.detach())),
        "cross_entropy": ([ANY, labels], F.cross_entropy), "nll_loss": ([ANY, labels], F.nll_loss),
        "ctc_loss": ([(-6, -0.1, (100, 16, classes)), (1, classes, (16, 20), "index"), (100, 101, (16,), "index"), (20, 21, (16,), "index")], lambda x, *rest: F.ctc_loss(x.log_softmax(2), *rest)),
    }


def rotary(x, cos, sin):
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    a, b = x.chunk(2, -1)
    cos, sin = cos.detach().to(wide), sin.detach().to(wide)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


def drop_path(x):
    return x * torch.empty(x.shape[0], 1, 1, 1, dtype=x.dtype).bernoulli_(0.9).div_(0.9)


def layers(rows, images, signals, volumes):
    elements = rows * COLUMNS
    weights, vector, channel = lambda *shape: (-0.1, 0.1, shape), (0, 1, (COLUMNS,)), (0, 1, (32,))
    signal, picture, volume = (-2, 2, signals), (-2, 2, images), (-2, 2, volumes)
    heads, angles, batch = (-2, 2, (1, 8, elements // 512, 64)), (-1, 1, (elements // 512, 32)), (-1, 1, (elements // 4096, 64, 64))
    matrices = (-1, 1, (elements // 1024, 32, 32), "matrix")
    recurrent = lambda gates: [(-1, 1, (rows // 16, 16, 128)), (-0.1, 0.1, (gates * 128, 128)), (-0.1, 0.1, (gates * 128, 128)), (-1, 1, (16, 128))]
    layer = lambda f: lambda x, w, u, h: f(x, h[None], [w, u], False, 1, 0.0, True, False, False)[0]
    cell = lambda gates: [(-1, 1, (elements // 128, 128)), (-0.1, 0.1, (gates * 128, 128)), (-0.1, 0.1, (gates * 128, 128)), (-1, 1, (elements // 128, 128))]
    table = {}
    for n, x, conv, transposed in ((1, signal, F.conv1d, F.conv_transpose1d), (2, picture, F.conv2d, F.conv_transpose2d), (3, volume, F.conv3d, F.conv_transpose3d)):
        table[f"conv{n}d"] = ([x, weights(32, 32, *[3] * n), channel], lambda x, w, b, conv=conv: conv(x, w, b, padding=1))
        table[f"conv_transpose{n}d"] = ([x, weights(32, 32, *[2] * n), channel], lambda x, w, b, conv=transposed: conv(x, w, b, stride=2))
    linalg = {name: ([matrices], f) for name, f in {
        "lu": lambda a: torch.linalg.lu(a)[2], "lu_factor": lambda a: torch.linalg.lu_factor(a)[0], "cholesky": torch.linalg.cholesky, "inverse": torch.linalg.inv, "det": torch.linalg.det, "qr": lambda a: torch.linalg.qr(a)[1].abs(),
        "svd": lambda a: torch.linalg.svd(a, full_matrices=False)[1], "eigh": lambda a: torch.linalg.eigh(a)[0], "pinv": torch.linalg.pinv,
        "slogdet": lambda a: torch.linalg.slogdet(a)[1], "matrix_power": lambda a: torch.linalg.matrix_power(a, 5)}.items()}
    return table | linalg | {
        "matmul": ([ANY, weights(COLUMNS, COLUMNS)], torch.matmul), "linear": ([ANY, weights(COLUMNS, COLUMNS), vector], F.linear), "bmm": ([batch, batch], torch.bmm),
        "einsum": ([batch, batch], lambda x, y: torch.einsum("bij,bkj->bik", x, y)), "outer": ([(-2, 2, (rows,)), vector], torch.outer),
        "kron": ([(-2, 2, (rows // 16, 32)), (-2, 2, (16, 16))], torch.kron), "solve": ([matrices, (-1, 1, (elements // 1024, 32, 4))], torch.linalg.solve),
        "conv2d depthwise": ([picture, weights(32, 1, 3, 3), channel], lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=32)),
        "batch_norm": ([picture, channel, channel], lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)),
        "layer_norm": ([ANY, vector, vector], lambda x, w, b: F.layer_norm(x, (COLUMNS,), w, b)), "rms_norm": ([ANY, vector], lambda x, w: F.rms_norm(x, (COLUMNS,), w, 1e-6)),
        "group_norm": ([picture, channel, channel], lambda x, w, b: F.group_norm(x, 8, w, b)), "instance_norm": ([picture, channel, channel], lambda x, w, b: F.instance_norm(x, None, None, w, b)),
        "mm": ([ANY, weights(COLUMNS, COLUMNS)], torch.mm), "mv": ([ANY, vector], torch.mv), "dot": ([(-2, 2, (elements,)), (-2, 2, (elements,))], torch.dot),
        "addmm": ([vector, ANY, weights(COLUMNS, COLUMNS)], torch.addmm), "baddbmm": ([(-1, 1, (64, 64)), batch, batch], torch.baddbmm),
        "bilinear": ([ANY, ANY, weights(16, COLUMNS, COLUMNS)], F.bilinear),
        "tensordot": ([ANY, weights(COLUMNS, COLUMNS)], lambda x, y: torch.tensordot(x, y, 1)), "cdist": ([ANY, (-2, 2, (64, COLUMNS))], torch.cdist),
        "cross": ([(-2, 2, (elements // 4, 3)), (-2, 2, (elements // 4, 3))], torch.linalg.cross),
        "embedding_bag": ([(-2, 2, (1000, COLUMNS)), (0, 1000, (rows // 16, 16), "index")], lambda w, i: F.embedding_bag(i, w)),
        "local_response_norm": ([picture], lambda x: F.local_response_norm(x, 5)), "dropout": ([ANY], lambda x: F.dropout(x, 0.1)),
        "feature_dropout": ([picture], lambda x: F.dropout2d(x, 0.1)), "drop_path": ([picture], drop_path), "alpha_dropout": ([ANY], lambda x: F.alpha_dropout(x, 0.1, True)),
        "embedding": ([(-2, 2, (1000, COLUMNS)), (0, 1000, (rows,), "index")], lambda w, i: F.embedding(i, w)),
        "scaled_dot_product_attention": ([heads, heads, heads], F.scaled_dot_product_attention),
        "scaled_dot_product_attention causal": ([heads, heads, heads], lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)),
        "rotary_embedding": ([heads, angles, angles], rotary), "rnn": (recurrent(1), layer(torch.rnn_tanh)), "gru": (recurrent(3), layer(torch.gru)),
        "lstm": (recurrent(4), lambda x, w, u, h: torch.lstm(x, (h[None], h[None]), [w, u], False, 1, 0.0, True, False, False)[0]),
        "rnn_cell": (cell(1), lambda x, w, u, h: torch.rnn_tanh_cell(x, h, w, u)), "gru_cell": (cell(3), lambda x, w, u, h: torch.gru_cell(x, h, w, u)),
        "lstm_cell": (cell(4), lambda x, w, u, h: torch.lstm_cell(x, (h, h), w, u)[0]),
    }


def spatial(images, signals, volumes):
    table, n = {}, images[0]
    signal, picture, volume = (-2, 2, signals), (-2, 2, images), (-2, 2, volumes)
    for d, x in ((1, signal), (2, picture), (3, volume)):
        of = lambda name: getattr(F, f"{name}{d}d")
        table[f"max_pool{d}d"] = ([x], lambda x, f=of("max_pool"): f(x, 2))
        table[f"avg_pool{d}d"] = ([x], lambda x, f=of("avg_pool"): f(x, 2))
        table[f"lp_pool{d}d"] = ([x], lambda x, f=of("lp_pool"): f(x, 2.0, 2))
        table[f"max_pool{d}d_with_indices"] = ([x], lambda x, f=of("max_pool"): f(x, 2, return_indices=True)[0])
        if d > 1:
            table[f"fractional_max_pool{d}d"] = ([x], lambda x, f=of("fractional_max_pool"): f(x, 2, output_ratio=(0.6,) * (x.ndim - 2)))
            table[f"fractional_max_pool{d}d_with_indices"] = ([x], lambda x, f=of("fractional_max_pool"): f(x, 2, output_ratio=(0.6,) * (x.ndim - 2), return_indices=True)[0])
        table[f"adaptive_avg_pool{d}d"] = ([x], lambda x, f=of("adaptive_avg_pool"): f(x, 7))
        table[f"adaptive_max_pool{d}d"] = ([x], lambda x, f=of("adaptive_max_pool"): f(x, 7))
        table[f"adaptive_max_pool{d}d_with_indices"] = ([x], lambda x, f=of("adaptive_max_pool"): f(x, 7, return_indices=True)[0])
        pixels = (2048, 4096, 32768)[d - 1]
        table[f"max_unpool{d}d"] = ([x, (0, pixels, x[2], "index")], lambda x, i, f=of("max_unpool"): f(x, i, 2))
    resized = {"nearest": picture, "linear": signal, "bilinear": picture, "bicubic": picture, "trilinear": volume}
    table |= {f"interpolate {mode}": ([x], lambda x, mode=mode: F.interpolate(x, scale_factor=2, mode=mode)) for mode, x in resized.items()}
    padded = {"pad": "constant", "pad mirrored": "reflect", "pad repeated": "replicate", "pad around": "circular"}
    table |= {name: ([picture], lambda x, mode=mode: F.pad(x, (1, 1, 1, 1), mode)) for name, mode in padded.items()}
    grid = (-1, 1, (n, 32, 32, 2))
    return table | {
        "max_pool2d 3x3": ([picture], lambda x: F.max_pool2d(x, 3, 2, 1)), "avg_pool2d 3x3": ([picture], lambda x: F.avg_pool2d(x, 3, 2, 1)),
        "grid_sample": ([picture, grid], lambda x, g: F.grid_sample(x, g, align_corners=False)),
        "grid_sample nearest": ([picture, grid], lambda x, g: F.grid_sample(x, g.detach(), "nearest", align_corners=False)),
        "grid_sample of volumes": ([volume, (-1, 1, (volumes[0], 16, 16, 16, 3))], lambda x, g: F.grid_sample(x, g, align_corners=False)),
        "affine_grid": ([(-1, 1, (16, 2, 3))], lambda t: F.affine_grid(t, (16, 3, 64, 64), False)), "pixel_shuffle": ([picture], lambda x: F.pixel_shuffle(x, 2)),
        "pixel_unshuffle": ([picture], lambda x: F.pixel_unshuffle(x, 2)), "unfold of images": ([picture], lambda x: F.unfold(x, 2, stride=2)),
        "unfold of images 3x3": ([picture], lambda x: F.unfold(x, 3, padding=1)), "fold": ([(-2, 2, (n, 128, 256))], lambda x: F.fold(x, 32, 2, stride=2)),
    }


def rearranging(rows, images):
    places, some_rows, half, quarter = (0, COLUMNS, (rows, COLUMNS), "index"), (0, rows, (rows,), "index"), (-2, 2, (rows // 2, COLUMNS)), (-2, 2, (rows // 4, COLUMNS))
    unary = {
        "nonzero": lambda x: torch.nonzero(x.detach() > 0), "masked_select": lambda x: x.masked_select(x.detach() > 0), "stack of unbind": lambda x: torch.stack(x.unbind(), 1),
        "rot90": torch.rot90, "fliplr": torch.fliplr, "flipud": torch.flipud, "flip of rows": lambda x: x.flip(1), "flip of columns": lambda x: x.flip(0), "roll": lambda x: x.roll((7, 11), (0, 1)), "tril": torch.tril, "triu": torch.triu,
        "clone": torch.clone, "contiguous of the transposed": lambda x: x.t().contiguous(),
        "to f32": lambda x: x.to(torch.float32), "to bf16": lambda x: x.to(torch.bfloat16), "to f16": lambda x: x.to(torch.float16),
    }
    return {name: ([ANY], f) for name, f in unary.items()} | {
        "gather": ([ANY, places], lambda x, i: x.gather(1, i)), "take_along_dim": ([ANY, places], lambda x, i: torch.take_along_dim(x, i, 1)),
        "index_select": ([ANY, some_rows], lambda x, i: x.index_select(0, i)), "index_select of columns": ([ANY, (0, COLUMNS, (COLUMNS,), "index")], lambda x, i: x.index_select(1, i)),
        "scatter": ([ANY, places, ANY], lambda x, i, s: x.scatter(1, i, s.detach())), "scatter a number": ([ANY, places], lambda x, i: x.scatter(1, i, 1)),
        "scatter_add": ([ANY, places, ANY], lambda x, i, s: x.scatter_add(1, i, s)), "index_add": ([ANY, some_rows, ANY], lambda x, i, s: x.index_add(0, i, s)),
        "index by two lists": ([ANY, (0, rows, (rows, 1), "index"), (0, COLUMNS, (COLUMNS,), "index")], lambda x, i, k: x[i, k]),
        "index by a mask": ([ANY], lambda x: x[x.detach() > 0]), "index_put": ([ANY, some_rows, ANY], lambda x, i, s: x.index_put((i,), s, True)),
        "index_fill": ([ANY, (0, COLUMNS, (64,), "index")], lambda x, i: x.index_fill(1, i, 0.5)), "index_copy": ([ANY, some_rows, ANY], lambda x, i, s: x.index_copy(0, i, s.detach())),
        "repeat_interleave": ([quarter], lambda x: x.repeat_interleave(4, 0)), "channel_shuffle": ([(-2, 2, images)], lambda x: F.channel_shuffle(x, 8)),
        "hstack": ([half, half], lambda x, y: torch.hstack([x, y])), "vstack": ([half, half], lambda x, y: torch.vstack([x, y])),
        "diag": ([(-2, 2, (rows,))], torch.diag), "diag_embed": ([(-2, 2, (rows // 64, 64))], torch.diag_embed),
        "one_hot": ([(0, 32, (4096,), "index")], lambda i: F.one_hot(i, 32)), "cat": ([half, half], lambda x, y: torch.cat([x, y], 1)), "stack": ([half, half], lambda x, y: torch.stack([x, y], 1)),
        "repeat": ([quarter], lambda x: x.repeat(2, 2)), "tile": ([quarter], lambda x: x.tile(2, 2)),
        "contiguous of channels last": ([(-2, 2, images)], lambda x: x.contiguous(memory_format=torch.channels_last)),
    }


def cases(rows):
    elements = rows * COLUMNS
    signals, images, volumes = (elements // 2**15, 32, 1024), (elements // 2**15, 32, 32, 32), (elements // 2**17, 32, 16, 16, 16)
    return {**elementwise(rows, images), **reductions(rows), **losses(rows, images), **layers(rows, images, signals, volumes), **spatial(images, signals, volumes),
            **rearranging(rows, images)}
