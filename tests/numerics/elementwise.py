"""Cases of the elementwise ops."""
import numpy
import torch
import torch.nn.functional as F

from basics import Case, away_from_zero, broadcastable, integers, real, rng, shape, size


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
    low, high = -0.7501, 1.2502  # no element is equal to one: the gradient there is 1 in Tasuki, Chainer and older PyTorch, 0 in newer
    return Case(lambda x: torch.clamp(x, low, high), [real(shape())], [low, high])


def close(x, y):
    return torch.isclose(x, y, 0.3, 0.2)


def integers_apart():
    """Nothing near the bound of closeness."""
    dims = shape()
    return Case(close, [integers(dims, -4, 5).astype(float), integers(broadcastable(dims), -4, 5).astype(float)], constant=(0, 1))


def threshold():
    least, value = float(numpy.float32(rng.uniform(-1, 1))), float(numpy.float32(rng.uniform(-2, 2)))
    return Case(lambda x: F.threshold(x, least, value), [real(shape())], [least, value])


def glu():
    dims = [size(1, 5), 2 * size(1, 5), *shape(0, 2)]
    return Case(lambda x: F.glu(x, 1), [real(dims)])


def floor_divide():
    """Of floats, or of whole numbers as f64 and integers have them."""
    dims = shape()
    if rng.random() < 0.5:
        return Case(torch.floor_divide, [integers(dims, -20, 20), integers(broadcastable(dims), 1, 6) * int(rng.choice([-1, 1]))], [0])
    return Case(torch.floor_divide, [real(dims), away_from_zero(broadcastable(dims))], [0], constant=(0, 1))


def rrelu():
    """In evaluation, or with one slope: nothing is drawn."""
    lower, training = float(numpy.float32(rng.uniform(0, 1))), bool(rng.random() < 0.5)
    upper = lower if training else lower + 0.25
    return Case(lambda x: F.rrelu(x, lower, upper, training), [real(shape())], [lower, upper, training])


def where():
    dims = shape()
    return Case(torch.where, [rng.random(broadcastable(dims)) < 0.5, real(dims), real(broadcastable(dims))])


def lerp():
    dims, weight = shape(), float(numpy.float32(rng.uniform(0, 1)))
    return Case(lambda a, b: torch.lerp(a, b, weight), [real(dims), real(dims)], [weight])


def masked_fill():
    dims, number = shape(), float(numpy.float32(rng.uniform(-2, 2)))
    return Case(lambda x, mask: x.masked_fill(mask, number), [real(dims), rng.random(broadcastable(dims)) < 0.5], [number])


def with_specials(f):
    """Operands with infinities and NaNs in them."""

    def make():
        x = numpy.asarray(real(shape()))
        specials = rng.choice([numpy.nan, numpy.inf, -numpy.inf], x.shape)
        return Case(f, [numpy.where(rng.random(x.shape) < 0.4, specials, x)])

    return make


class Digamma(torch.autograd.Function):
    """With a trigamma by zeta: PyTorch's own has 9 digits."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.digamma(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * torch.special.zeta(torch.full_like(x, 2), x)


def polygamma():
    n = int(rng.integers(2, 5))
    return Case(lambda x: torch.polygamma(n, x), [real(shape(), 0.5, 4.0)], [n])


def nan_to_num():
    make = with_specials(lambda x: torch.nan_to_num(x, 0.5, 2.0, -3.0))
    case = make()
    case.attributes = [0.5, 2.0, -3.0]
    return case


def prelu():
    dims = [size(1, 4), size(1, 6), *shape(0, 2)]
    return Case(F.prelu, [real(dims), real([dims[1] if rng.random() < 0.7 else 1])])


def with_factor(f, last=real):
    def make():
        dims, factor = shape(), float(numpy.float32(rng.uniform(-2, 2)))
        return Case(lambda x, a, b: f(x, a, b, value=factor), [real(broadcastable(dims)), real(dims), last(broadcastable(dims))], [factor])

    return make


def of_integers(f, most=100, unary=False):
    def make():
        dims = shape()
        operands = [integers(dims, -100, 100)] + ([] if unary else [integers(broadcastable(dims), 0, most)])
        return Case(f, operands)

    return make


def histc():
    bins, low, high = size(1, 12), float(rng.choice([-1.0, 0.0])), float(rng.choice([0.0, 1.5]))
    dims = [size(), *shape(0, 2)]
    # halves of a power of two, so that no element is at the mercy of rounding at the edge of a bin
    x = integers(dims, -16, 17) / 8 + 1 / 64
    return Case(lambda x: torch.histc(x, bins, low, high).to(torch.float64 if x.dtype == torch.float64 else torch.float32), [x], [bins, low, high], constant=(0,))


def to():
    """There and back, for the rounding; gradients take the same way."""
    there = int(rng.integers(0, 4))
    dtype = [torch.float32, torch.float64, torch.bfloat16, torch.float16][there]
    return Case(lambda x: x.to(dtype).to(x.dtype), [real(shape())], [there])


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
    "softsign": unary(F.softsign), "hardshrink": with_number(lambda x, a: F.hardshrink(x, a)), "threshold": threshold, "glu": glu, "isclose": integers_apart,
    "softmin": lambda: Case(lambda x: F.softmin(x, 0), [real(shape(1, 3))]),
    "clamp_min": with_number(lambda x, a: torch.clamp_min(x, -a)), "clamp_max": with_number(lambda x, a: torch.clamp_max(x, a)),
    "celu": with_number(lambda x, a: F.celu(x, a)), "softshrink": with_number(lambda x, a: F.softshrink(x, a)),
    "hardtanh": with_number(lambda x, a: F.hardtanh(x, -a, a)),
    "leaky_relu": with_number(lambda x, a: F.leaky_relu(x, a)), "elu": with_number(lambda x, a: F.elu(x, a)),
    "softplus": with_number(lambda x, beta: F.softplus(x, beta)), "clamp": clamp,
    "add": binary(torch.add), "sub": binary(torch.sub), "mul": binary(torch.mul), "div": binary(torch.div, real, away_from_zero),
    "pow": binary(torch.pow, positive, real), "maximum": binary(torch.maximum),
    "floor_divide": floor_divide, "rrelu": rrelu,
    "fmod": binary(torch.fmod, real, away_from_zero), "remainder": binary(torch.remainder, real, away_from_zero), "atan2": binary(torch.atan2, away_from_zero, away_from_zero),
    "hypot": binary(torch.hypot, away_from_zero), "logaddexp": binary(torch.logaddexp), "lerp": lerp, "minimum": binary(torch.minimum),
    "add_number": with_number(torch.add), "sub_number": with_number(torch.sub), "mul_number": with_number(torch.mul),
    "div_number": with_number(torch.div), "pow_number": with_number(torch.pow, positive), "number_sub": with_number(lambda x, a: a - x),
    "number_div": with_number(lambda x, a: a / x, away_from_zero), "where": where,
    "isnan": with_specials(torch.isnan), "isinf": with_specials(torch.isinf), "isfinite": with_specials(torch.isfinite), "masked_fill": masked_fill,
    "to": to,
    "lgamma": unary(torch.lgamma, 0.3, 6.0), "digamma": unary(Digamma.apply, 0.5, 6.0), "polygamma": polygamma, "nan_to_num": nan_to_num, "prelu": prelu,
    "addcmul": with_factor(torch.addcmul), "addcdiv": with_factor(torch.addcdiv, away_from_zero), "histc": histc,
    "logical_and": of_integers(torch.logical_and, 2), "logical_or": of_integers(torch.logical_or, 2), "logical_xor": of_integers(torch.logical_xor, 2),
    "logical_not": of_integers(torch.logical_not, unary=True), "bitwise_not": of_integers(torch.bitwise_not, unary=True),
    "bitwise_and": of_integers(torch.bitwise_and), "bitwise_or": of_integers(torch.bitwise_or), "bitwise_xor": of_integers(torch.bitwise_xor),
    "bitwise_left_shift": of_integers(torch.bitwise_left_shift, 62), "bitwise_right_shift": of_integers(torch.bitwise_right_shift, 70),
    "gt": binary(torch.gt), "le": binary(torch.le), "eq": binary(torch.eq), "ne": binary(torch.ne), "lt": binary(torch.lt), "ge": binary(torch.ge),
}
