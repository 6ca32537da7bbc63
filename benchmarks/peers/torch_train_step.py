"""PyTorch's side of bench_train_step. Says "ready <version>", or "absent <reason>" where PyTorch cannot be imported, then answers
lines on stdin:

    load MODEL FILE LR   weights and batches of FILE; answers which of PyTorch's ways was fastest
    losses N             N steps from the file's weights; answers their losses
    time N               N further steps; answers seconds per step
"""
import os
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except Exception as reason:  # not there, or not loadable
    print("absent", str(reason).replace("\n", " "), flush=True)
    sys.exit(0)

import safetensors_file


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(784, 1000), nn.Linear(1000, 1000), nn.Linear(1000, 10)])

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class Trainer:
    def __init__(self, model, path, lr, channels_last, fused):
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        arrays = {name: torch.from_numpy(a) for name, a in safetensors_file.load(path).items()}
        self.x = [x.contiguous(memory_format=self.format) for x in arrays.pop("batches.x")]
        self.t = list(arrays.pop("batches.t"))
        self.net = {"lenet": LeNet, "mlp": MLP}[model]()
        self.net.load_state_dict(arrays)
        if channels_last:
            self.net = self.net.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=lr, fused=fused or None)
        self.step_number = 0

    def step(self):
        i = self.step_number % len(self.x)
        self.step_number += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.net(self.x[i]), self.t[i])
        loss.backward()
        self.optimizer.step()
        return loss

    def seconds_per_step(self, count):
        begin = time.perf_counter()
        for _ in range(count):
            self.step()
        return (time.perf_counter() - begin) / count


def fastest(model, path, lr):
    """PyTorch gets its best: both memory formats (for images), both optimizers."""
    best = None
    for channels_last in (False, True) if model == "lenet" else (False,):
        for fused in (False, True):
            trainer = Trainer(model, path, lr, channels_last, fused)
            first = trainer.seconds_per_step(3)
            if best is not None and first > 10 * best[0]:
                continue  # one channel in channels_last falls back to plain loops, 50 times slower
            trainer.seconds_per_step(20)
            seconds = min(trainer.seconds_per_step(20) for _ in range(3))
            if best is None or seconds < best[0]:
                best = (seconds, channels_last, fused)
    return best[1], best[2]


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    print("ready", torch.__version__, flush=True)
    make = trainer = None
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "load":
            model, path, lr = arguments[0], arguments[1], float(arguments[2])
            ways = fastest(model, path, lr)
            make = lambda: Trainer(model, path, lr, *ways)
            trainer = make()
            print("channels_last" if ways[0] else "contiguous", "fused" if ways[1] else "foreach", flush=True)
        elif command == "losses":
            trainer = make()
            print(*(f"{trainer.step().item():.9g}" for _ in range(int(arguments[0]))), flush=True)
        elif command == "time":
            print(f"{trainer.seconds_per_step(int(arguments[0])):.9g}", flush=True)


main()
