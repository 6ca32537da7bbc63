"""Cases of windows and places: columns, poolings with indices, sampling by a grid."""
import torch
import torch.nn.functional as F

from basics import Case, real, rng, size
from networks import extents, spatial


def windows():
    kernel, dilation = spatial(2, 1, 3), spatial(2, 1, 2)
    return kernel, dilation, spatial(2, 0, 2), spatial(2, 1, 2)


def unfold_images():
    kernel, dilation, padding, stride = windows()
    f = lambda x: F.unfold(x, kernel, dilation, padding, stride)
    return Case(f, [real([size(1, 3), size(1, 4), *extents(2, 6, kernel, dilation)])], [*kernel, *dilation, *padding, *stride])


def fold():
    kernel, dilation, padding, stride = windows()
    output = extents(2, 6, kernel, dilation)
    places = [(o + 2 * p - d * (k - 1) - 1) // s + 1 for o, p, d, k, s in zip(output, padding, dilation, kernel, stride)]
    f = lambda x: F.fold(x, output, kernel, dilation, padding, stride)
    return Case(f, [real([size(1, 3), size(1, 4) * kernel[0] * kernel[1], places[0] * places[1]])], [*kernel, *dilation, *padding, *stride, *output])


def distinct(dims):
    count = 1
    for d in dims:
        count *= d
    return rng.permutation(count).reshape(dims) / 64 - 1


def max_pool_with_indices(n):
    def make():
        kernel, dilation, stride = spatial(n, 1, 3), spatial(n, 1, 2), spatial(n, 1, 3)
        padding = [int(rng.integers(0, k // 2 + 1)) for k in kernel]
        ceil = bool(rng.random() < 0.5)
        op = [F.max_pool1d, F.max_pool2d, F.max_pool3d][n - 1]
        f = lambda x: list(op(x, kernel, stride, padding, dilation, ceil, return_indices=True))
        return Case(f, [distinct([size(1, 3), size(1, 3), *extents(n, 4, kernel, dilation)])], [*kernel, *stride, *padding, *dilation, ceil])

    return make


def adaptive_max_pool(n, with_indices):
    def make():
        output = spatial(n, 1, 4)
        op = [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d][n - 1]
        f = lambda x: list(op(x, output, return_indices=True)) if with_indices else op(x, output)
        return Case(f, [distinct([size(1, 3), size(1, 3), *spatial(n, 1, 7)])], output)

    return make


def max_unpool(n):
    def make():
        pooled = spatial(n, 1, 3)
        kernel = spatial(n, 1, 3)
        pixels = 1
        for p, k in zip(pooled, kernel):
            pixels *= p * k
        count, planes = int(torch.tensor(pooled).prod()), (size(1, 2), size(1, 3))
        indices = torch.stack([torch.from_numpy(rng.permutation(pixels)[:count]) for _ in range(planes[0] * planes[1])]).reshape(*planes, *pooled).numpy()
        op = [F.max_unpool1d, F.max_unpool2d, F.max_unpool3d][n - 1]
        return Case(lambda x, i: op(x, i, kernel), [real([*planes, *pooled]), indices], kernel)

    return make


def fractional_max_pool(n, with_indices):
    def make():
        kernel, output = spatial(n, 1, 3), spatial(n, 1, 4)
        planes = [size(1, 3), size(1, 3)]
        image = [k + o + int(rng.integers(0, 5)) for k, o in zip(kernel, output)]  # PyTorch wants a pixel more than that in volumes
        op = F.fractional_max_pool2d if n == 2 else F.fractional_max_pool3d
        # PyTorch takes the samples of images with that of the width first
        f = lambda x, s: op(x, kernel, output_size=output, return_indices=with_indices, _random_samples=s.flip(-1) if n == 2 else s)
        return Case(lambda x, s: list(f(x, s)) if with_indices else f(x, s), [distinct([*planes, *image]), real([*planes, n], 0, 0.99)], [*kernel, *output], constant=(1,))

    return make


def lp_pool(n):
    def make():
        kernel, stride, p, ceil = spatial(n, 1, 3), spatial(n, 1, 3), float(rng.choice([1.0, 2.0, 3.0])), bool(rng.random() < 0.5)
        op = [F.lp_pool1d, F.lp_pool2d, F.lp_pool3d][n - 1]
        one = (lambda v: v[0]) if n == 1 else (lambda v: v)
        return Case(lambda x: op(x, p, one(kernel), one(stride), ceil), [real([size(1, 3), size(1, 3), *extents(n, 4, kernel, [1] * n)], 0.2, 2)], [*kernel, *stride, p, ceil])

    return make


def grid_sample():
    n = int(rng.choice([2, 3]))
    mode, padding, corners = int(rng.integers(0, 3 if n == 2 else 2)), int(rng.integers(0, 3)), bool(rng.random() < 0.5)
    images, grid = [size(1, 3), size(1, 4), *spatial(n, 1, 5)], spatial(n, 1, 4)
    f = lambda x, g: F.grid_sample(x, g, ["bilinear", "nearest", "bicubic"][mode], ["zeros", "border", "reflection"][padding], corners)
    return Case(f, [real(images), real([images[0], *grid, n], -1.4, 1.4)], [mode, padding, corners])


def affine_grid():
    n, corners = int(rng.choice([2, 3])), bool(rng.random() < 0.5)
    dims = [size(1, 3), 2, *spatial(n, 1, 5)]
    return Case(lambda theta: F.affine_grid(theta, dims, corners), [real([dims[0], n, n + 1])], [corners, *dims])


OPS = {
    "unfold_images": unfold_images, "fold": fold, "grid_sample": grid_sample, "affine_grid": affine_grid,
    **{f"fractional_max_pool{n}d{suffix}": fractional_max_pool(n, suffix != "") for n in (2, 3) for suffix in ("", "_with_indices")},
    **{f"{name}{n}d{suffix}": make(n) for n in (1, 2, 3) for name, suffix, make in (
        ("max_pool", "_with_indices", max_pool_with_indices), ("adaptive_max_pool", "", lambda n: adaptive_max_pool(n, False)),
        ("adaptive_max_pool", "_with_indices", lambda n: adaptive_max_pool(n, True)), ("max_unpool", "", max_unpool), ("lp_pool", "", lp_pool))},
}
