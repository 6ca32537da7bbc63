"""Fails when a file includes what stands below its own layer.

Each layer may include itself and the layers named here. Kernels are functions over raw views: they see no Tensor.
"""
import source_tree

BASE = {"core"}
RUNTIME = BASE | {"runtime"}
TENSOR = RUNTIME | {"tensor"}
KERNELS = RUNTIME | {"kernels", "cpu"}
AUTOGRAD = TENSOR | KERNELS | {"autograd"}
OPS = AUTOGRAD | {"ops"}
NN = OPS | {"nn", "loss", "models"}
TRAINING = NN | {"optim", "amp", "data", "io", "train"}
SERVICES = TRAINING | {"memory", "dist"}
ALL = SERVICES | {"debug", "interop"}

MAY_INCLUDE = {
    "core": BASE, "runtime": RUNTIME, "tensor": TENSOR, "kernels": KERNELS, "cpu": KERNELS,
    "autograd": AUTOGRAD, "ops": OPS,
    "nn": NN, "loss": NN, "models": NN,
    "optim": TRAINING, "amp": TRAINING, "data": TRAINING, "io": TRAINING, "train": TRAINING,
    "memory": SERVICES, "dist": SERVICES,
    "debug": ALL, "interop": ALL,
}
UMBRELLA = "include/tasuki/tasuki.hpp"

problems = []
for path in source_tree.files("include", "src", "kernels"):
    file = source_tree.name(path)
    own = source_tree.layer(file)
    if file == UMBRELLA:
        continue
    if own not in MAY_INCLUDE:
        problems.append(f"{file}: belongs to no layer; add its folder to {__file__}")
        continue
    for line, bracket, included in source_tree.includes(path):
        if included == "tasuki/tasuki.hpp":
            problems.append(f"{file}:{line}: the umbrella header is for users only")
            continue
        target = source_tree.layer(included)
        if target is None:
            if bracket == '"':
                problems.append(f'{file}:{line}: "{included}" is not written from the root (tasuki/..., src/... or kernels/...)')
        elif target not in MAY_INCLUDE[own]:
            problems.append(f"{file}:{line}: {own} may not include {target} ({included})")
        if file.startswith("include/") and not included.startswith("tasuki/") and bracket == '"':
            problems.append(f"{file}:{line}: a public header includes the private {included}")

source_tree.finish("layers", problems)
