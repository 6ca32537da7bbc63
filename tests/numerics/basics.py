"""What cases are made of: random sizes, shapes and operands."""
import numpy


class Rng:
    """A NumPy generator that every file of cases shares and each op's cases start anew."""

    def __init__(self):
        self.start(1)

    def start(self, seed):
        self.generator = numpy.random.default_rng(seed)

    def __getattr__(self, name):
        return getattr(self.generator, name)


rng = Rng()


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
    """Operands (NumPy arrays), attributes, and the op in PyTorch.

    Floating operands get gradients unless their number is in `constant`. Those in `wide` are f32 where the others are bf16 or f16.
    """

    def __init__(self, op, operands, attributes=(), constant=(), wide=()):
        self.op, self.operands, self.attributes, self.constant, self.wide = op, operands, attributes, constant, wide
