"""Cases of losses, of products by named dimensions, and of small matrices."""
import numpy
import torch
import torch.nn.functional as F
from basics import Case, dim_of, integers, real, rng, shape, size

REDUCTIONS = ["mean", "sum", "none"]


def reduction():
    return int(rng.integers(0, 3))


def probabilities(dims):
    return real(dims, 0.05, 0.95)


def logarithms(dims):
    return real(dims, -4, -0.1)


def signs(dims):
    return rng.choice([-1.0, 1.0], dims)


def pointwise(f, x=real, target=real, constant=(), number=None, value=lambda: float(rng.choice([0.5, 0.75, 1.25]))):
    """A loss of equal shapes, with a reduction and perhaps a parameter."""

    def case():
        dims, r = shape(1, 3), reduction()
        attributes, options = [float(r)], {"reduction": REDUCTIONS[r]}
        if number:
            attributes.append(value())
            options[number] = attributes[1]
        return Case(lambda x, t: f(x, t, **options), [x(dims), target(dims)], attributes, constant=constant)

    return case


def hinge_loss():
    dims, r = shape(1, 3), reduction()
    reduce = [torch.mean, torch.sum, lambda y: y][r]
    return Case(lambda x, t: reduce(F.relu(1 - x * t)), [real(dims), signs(dims)], [r], constant=(1,))


def focal(x, target, reduction, gamma):
    """Lin et al. 2017, formula (5)."""
    p = torch.sigmoid(x)
    miss = p * (1 - target) + (1 - p) * target
    losses = F.binary_cross_entropy_with_logits(x, target, reduction="none") * miss**gamma * (0.25 * target + 0.75 * (1 - target))
    return {"mean": torch.mean, "sum": torch.sum, "none": lambda y: y}[reduction](losses)


def dice_loss():
    dims, r = [size(1, 3), size(1, 3), size(), size()], reduction()

    def f(x, t):
        both = lambda a: a.flatten(2).sum(-1)
        return [torch.mean, torch.sum, lambda y: y][r](1 - (2 * both(x * t) + 1) / (both(x) + both(t) + 1))

    return Case(f, [probabilities(dims), probabilities(dims)], [r])


def cosine_similarity():
    dims = shape(1, 3)
    d = dim_of(dims)
    dims[d] = size(2)  # of single numbers it is constant
    return Case(lambda a, b: F.cosine_similarity(a, b, d), [real(dims), real(dims)], [d])


def pairwise_distance():
    dims, p = shape(1, 3), float(rng.choice([1, 2, 3]))
    return Case(lambda a, b: F.pairwise_distance(a, b, p), [real(dims), real(dims)], [p])


def cosine_embedding_loss():
    n, d, margin, r = size(), size(2), float(rng.choice([-0.5, 0, 0.25])), reduction()
    f = lambda a, b, t: F.cosine_embedding_loss(a, b, t, margin, reduction=REDUCTIONS[r])
    return Case(f, [real([n, d]), real([n, d]), signs([n])], [r, margin], constant=(2,))


def triplet_margin_loss():
    n, d, swap, r = size(), size(2), bool(rng.random() < 0.5), reduction()
    f = lambda a, p, n: F.triplet_margin_loss(a, p, n, swap=swap, reduction=REDUCTIONS[r])
    return Case(f, [real([n, d]), real([n, d]), real([n, d])], [r, swap])


def margin_ranking_loss():
    n, margin, r = size(), float(rng.choice([0, 0.25, 0.5])), reduction()
    f = lambda a, b, t: F.margin_ranking_loss(a, b, t, margin, reduction=REDUCTIONS[r])
    return Case(f, [real([n]), real([n]), signs([n])], [r, margin], constant=(2,))


def multi_margin_loss():
    n, c, p, r = size(), size(2), size(1, 2), reduction()
    return Case(lambda x, t: F.multi_margin_loss(x, t, p, reduction=REDUCTIONS[r]), [real([n, c]), integers([n], 0, c)], [r, p])


def multilabel_margin_loss():
    n, c, r = size(), size(2), reduction()
    labels = numpy.full([n, c], -1)
    for row in labels:
        count = int(rng.integers(0, c))
        row[:count] = rng.permutation(c)[:count]
    if rng.random() < 0.2:
        labels = labels[0]
    return Case(lambda x, t: F.multilabel_margin_loss(x, t, reduction=REDUCTIONS[r]), [real(labels.shape), labels], [r])


def bilinear():
    lead, m, n, out = shape(0, 2), size(), size(), size()
    operands = [real([*lead, m]), real([*lead, n]), real([out, m, n])]
    return Case(lambda *x: F.bilinear(*x), operands + [real([out])] * int(rng.integers(0, 2)))


EQUATIONS = ["ij,jk->ik", "bij,bkj->bik", "ii->i", "ij->", "i,j->ij", "ij,j->i", "ab,bc,cd->ad", "bi,nij,bj->bn", "bhqd,bhkd->bhqk", "i,i,i->i"]


def einsum():
    number = int(rng.integers(0, len(EQUATIONS)))
    sizes = {}
    dims = [[sizes.setdefault(c, size(1, 5)) for c in part] for part in EQUATIONS[number].split("->")[0].split(",")]
    return Case(lambda *x: torch.einsum(EQUATIONS[number], *x), [real(d) for d in dims], [number])


def gaussian_nll_loss():
    dims, full, r = shape(1, 3), bool(rng.random() < 0.5), reduction()
    var = dims if rng.random() < 0.5 else [*dims[:-1], 1]
    f = lambda x, t, v: F.gaussian_nll_loss(x, t, v, full=full, reduction=REDUCTIONS[r])
    return Case(f, [real(dims), real(dims), real(var, 0.3, 2)], [r, full])


def triplet_with_distance():
    n, d, swap, r = size(), size(2), bool(rng.random() < 0.5), reduction()
    f = lambda a, p, n: F.triplet_margin_with_distance_loss(a, p, n, distance_function=F.pairwise_distance, swap=swap, reduction=REDUCTIONS[r])
    return Case(f, [real([n, d]), real([n, d]), real([n, d])], [r, swap])


def mm():
    m, k, n = size(), size(), size()
    return Case(torch.mm, [real([m, k]), real([k, n])])


def mv():
    m, k = size(), size()
    return Case(torch.mv, [real([m, k]), real([k])])


def dot():
    n = size(1, 40)
    return Case(torch.dot, [real([n]), real([n])])


def added(f, batch):
    def make():
        b, m, k, n = size(), size(), size(), size()
        lead = [b] if batch else []
        beta, alpha = float(rng.choice([0.5, 1, -2])), float(rng.choice([0.5, 1, 2]))
        x = [n] if rng.random() < 0.5 else [*lead, m, n]
        return Case(lambda x, p, q: f(x, p, q, beta=beta, alpha=alpha), [real(x), real([*lead, m, k]), real([*lead, k, n])], [beta, alpha])

    return make


def tensordot():
    a, b, c, d = size(1, 4), size(1, 4), size(1, 4), size(1, 4)
    return Case(lambda x, y: torch.tensordot(x, y, ([0, 2], [1, 0])), [real([a, b, c]), real([c, a, d])])


def cross():
    dims = shape(1, 3)
    d = dim_of(dims)
    dims[d] = 3
    return Case(lambda a, b: torch.linalg.cross(a, b, dim=d), [real(dims), real(dims)], [d])


def cdist():
    p, d = float(rng.choice([1, 2, 3])), size(1, 5)
    batch = shape(0, 1)
    return Case(lambda a, b: torch.cdist(a, b, p), [real([*batch, size(1, 30), d]), real([*batch, size(1, 30), d])], [p])


def bmm():
    b, m, k, n = (size() for _ in range(4))
    return Case(torch.bmm, [real([b, m, k]), real([b, k, n])])


def kron():
    return Case(torch.kron, [real([size(1, 4) for _ in range(int(rng.integers(0, 4)))]) for _ in range(2)])


def local_response_norm():
    window = size(1, 5)
    return Case(lambda x: F.local_response_norm(x, window, 0.5, 0.6, 1.5), [real([size(1, 3), size(1, 9), *shape(1, 2)])], [window])


def ctc_loss():
    n, classes, most, r = size(1, 4), size(3, 6), size(1, 4), reduction()
    steps = 2 * most + size(1, 4)
    lengths, targets = integers([n], 1, most + 1), integers([n, most], 1, classes)
    f = lambda x, t, i, l: F.ctc_loss(F.log_softmax(x, 2), t, i, l, reduction=REDUCTIONS[r])
    return Case(f, [real([steps, n, classes]), targets, integers([n], 2 * most, steps + 1), lengths], [r])


def regular(dims):
    return real(dims, -1, 1) + 4 * numpy.eye(dims[-1])


def square():
    n = size(1, 6)
    return [*shape(0, 2), n, n]


def of_matrix(f):
    return lambda: Case(f, [regular(square())])


def solve():
    dims = square()
    return Case(torch.linalg.solve, [regular(dims), real([*dims[:-1], size()])])


def cholesky():
    return Case(lambda a: torch.linalg.cholesky(a @ a.mT), [regular(square())])


def apart(batch):
    """Matrices whose singular values are far from each other, as the gradients of factors need."""
    m, n = size(1, 6), size(1, 6)
    k = min(m, n)
    orthonormal = lambda rows: numpy.linalg.qr(real([*batch, rows, k]))[0]
    return orthonormal(m) * (numpy.arange(k, 0, -1) + real([*batch, 1, k], -0.2, 0.2)) @ numpy.swapaxes(orthonormal(n), -1, -2)


def svd():
    def f(a):
        u, s, vh = torch.linalg.svd(a, full_matrices=False)
        largest = u.abs().argmax(-2, keepdim=True)
        signs = torch.where(u.gather(-2, largest) < 0, -1, 1)
        return [u * signs, s, vh.mT * signs]

    return Case(f, [apart(shape(0, 2))])


def singular_values():
    return Case(lambda a: torch.linalg.svdvals(a), [apart(shape(0, 2))])


def positive_qr():
    def f(a):
        q, r = torch.linalg.qr(a)
        signs = torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1, 1)
        return [q * signs.unsqueeze(-2), r * signs.unsqueeze(-1)]

    return Case(f, [regular(square())])


def eigh():
    def f(a):
        w, v = torch.linalg.eigh(a + a.mT)
        return [w, v * torch.where(v.gather(-2, v.abs().argmax(-2, keepdim=True)) < 0, -1, 1)]

    dims = square()
    vectors = numpy.linalg.qr(real(dims))[0]
    values = numpy.arange(dims[-1]) - 2.5 + real([*dims[:-2], 1, dims[-1]], -0.2, 0.2)
    return Case(f, [vectors * values @ numpy.swapaxes(vectors, -1, -2)])


def lu():
    def f(a):
        p, l, u = torch.linalg.lu(a)
        return [p.detach(), l, u]

    return Case(f, [apart(shape(0, 2))])


def matrix_power():
    n = int(rng.integers(-3, 6))
    return Case(lambda a: torch.linalg.matrix_power(a, n), [regular(square())], [n])


OPS = {
    "l1_loss": pointwise(F.l1_loss), "smooth_l1_loss": pointwise(F.smooth_l1_loss, number="beta"), "huber_loss": pointwise(F.huber_loss, number="delta"),
    "binary_cross_entropy": pointwise(F.binary_cross_entropy, probabilities, probabilities),
    "binary_cross_entropy_with_logits": pointwise(F.binary_cross_entropy_with_logits, target=probabilities),
    "kl_div": pointwise(F.kl_div, logarithms, probabilities), "kl_div_of_logs": pointwise(lambda x, t, **o: F.kl_div(x, t, log_target=True, **o), logarithms, logarithms),
    "poisson_nll_loss": pointwise(F.poisson_nll_loss, target=probabilities), "soft_margin_loss": pointwise(F.soft_margin_loss, target=signs, constant=(1,)),
    "hinge_loss": hinge_loss, "hinge_embedding_loss": pointwise(F.hinge_embedding_loss, target=signs, constant=(1,), number="margin"),
    "multilabel_soft_margin_loss": pointwise(F.multilabel_soft_margin_loss, target=probabilities, constant=(1,)),
    "sigmoid_focal_loss": pointwise(focal, target=probabilities, number="gamma", value=lambda: float(rng.choice([1, 2, 3]))),
    "dice_loss": dice_loss, "ctc_loss": ctc_loss, "local_response_norm": local_response_norm, "cosine_similarity": cosine_similarity, "pairwise_distance": pairwise_distance, "cosine_embedding_loss": cosine_embedding_loss,
    "triplet_margin_loss": triplet_margin_loss, "margin_ranking_loss": margin_ranking_loss, "multi_margin_loss": multi_margin_loss,
    "gaussian_nll_loss": gaussian_nll_loss, "triplet_margin_with_distance_loss": triplet_with_distance, "mm": mm, "mv": mv, "dot": dot,
    "addmm": added(torch.addmm, False), "baddbmm": added(torch.baddbmm, True), "tensordot": tensordot, "cross": cross, "cdist": cdist,
    "einsum": einsum, "bmm": bmm, "outer": lambda: Case(torch.outer, [real([size()]), real([size()])]), "kron": kron,
    "multilabel_margin_loss": multilabel_margin_loss, "bilinear": bilinear,
    "lu": lu, "lu_factor": lambda: Case(lambda a: list(torch.linalg.lu_factor(a)), [apart(shape(0, 2))]), "inverse": of_matrix(torch.linalg.inv), "det": of_matrix(torch.linalg.det), "solve": solve, "cholesky": cholesky, "svd": svd, "singular_values": singular_values, "qr": positive_qr,
    "eigh": eigh, "matrix_power": matrix_power, "slogdet": of_matrix(lambda a: torch.linalg.slogdet(a)[1]),
    "pinv": lambda: Case(torch.linalg.pinv, [apart(shape(0, 2))]),
}
