"""How many times faster than PyTorch: the same work in both, in fresh processes in turn; prints ratios.

    python benchmarks/against_torch.py                  every workload
    python benchmarks/against_torch.py lecture gpt      those whose name holds one of the words
    python benchmarks/against_torch.py --rounds 5       more turns

Every workload is a function that takes the library and returns (what to do, how many steps that is). The time
of a process is the best of several repetitions after one to warm up, the figure is their median.
On a shared machine times say little; quote the ratio, and only from a machine with nothing else to do.
"""

import argparse
import importlib
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np

REPEATS = 5
SECONDS = 0.3


def perceptrons(torch, sizes, hidden, last):
    """The lecture's net: modules a student writes, a linear layer and its activation each."""
    nn = torch.nn

    class Perceptron(nn.Module):
        def __init__(self, features_in, features_out, activation):
            super().__init__()
            self.linear = nn.Linear(features_in, features_out)
            self.activation = activation()

        def forward(self, x):
            return self.activation(self.linear(x))

    kinds = [hidden] * (len(sizes) - 2) + [last]
    return nn.Sequential(
        *(Perceptron(*pair, kind) for *pair, kind in zip(sizes, sizes[1:], kinds, strict=False))
    )


def epochs(torch, model, loader, loss_fn, optim, count):
    def work():
        for _ in range(count):
            for inputs, labels in loader:
                optim.zero_grad()
                loss = loss_fn(model(inputs), labels)
                loss.backward()
                optim.step()

    return work


def lecture(sizes, activation="Sigmoid"):
    def workload(torch):
        data = importlib.import_module(torch.__name__ + ".utils.data")
        rng = np.random.default_rng(0)
        x = rng.standard_normal((512, 2), dtype=np.float32)
        y = (x[:, :1] * x[:, 1:] > 0).astype(np.float32)
        model = perceptrons(torch, sizes, getattr(torch.nn, activation), torch.nn.Sigmoid)
        rows = data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
        loader = data.DataLoader(rows, batch_size=8, shuffle=True)
        optim = torch.optim.SGD(model.parameters(), lr=0.1)
        return epochs(torch, model, loader, torch.nn.MSELoss(), optim, 2), 128

    return workload


def one_batch(build, batch, optimizer="SGD"):
    """Training steps on one batch; build(torch) gives the model, batch(torch) its input, labels and loss."""

    def workload(torch):
        model = build(torch)
        inputs, labels, loss_fn = batch(torch)
        optim = getattr(torch.optim, optimizer)(model.parameters(), lr=1e-3)
        return epochs(torch, model, [(inputs, labels)] * 4, loss_fn, optim, 1), 4

    return workload


def images(*shape, classes=10):
    def batch(torch):
        rng = np.random.default_rng(0)
        x = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
        return x, torch.from_numpy(rng.integers(0, classes, shape[0])), torch.nn.CrossEntropyLoss()

    return batch


def mlp(*sizes):
    def build(torch):
        nn = torch.nn
        layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers[:-1])

    return build


def lenet(torch):
    nn = torch.nn
    convolutions = (nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU())
    classifier = (nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    return nn.Sequential(*convolutions, nn.MaxPool2d(2), nn.Flatten(), *classifier)


def lstm(torch):
    class Last(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(32, 128, batch_first=True)
            self.head = torch.nn.Linear(128, 10)

        def forward(self, x):
            return self.head(self.lstm(x)[0][:, -1])

    return Last()


def transformer(torch):
    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            layer = torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
            self.body = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = torch.nn.Linear(64, 10)

        def forward(self, x):
            return self.head(self.body(x).mean(1))

    return Encoder()


def operator(sizes, count, call):
    def workload(torch):
        operands = [torch.from_numpy(np.ones(size, np.float32)) for size in sizes]

        def work():
            for _ in range(count):
                call(torch, *operands)

        return work, count

    return workload


WORKLOADS = {
    "lecture_2_4_1": lecture((2, 4, 1)),
    "lecture_2_8_8_1": lecture((2, 8, 8, 1)),
    "lecture_relu_2_4_4_4_1": lecture((2, 4, 4, 4, 1), "ReLU"),
    "mlp_64_32_10": one_batch(mlp(64, 32, 10), images(64, 64)),
    "mlp_784_256_10_adam": one_batch(mlp(784, 256, 10), images(128, 784), "Adam"),
    "lenet_b64": one_batch(lenet, images(64, 1, 28, 28)),
    "lstm_b32_t32_h128": one_batch(lstm, images(32, 32, 32)),
    "transformer_b16_t32_c64_l2": one_batch(transformer, images(16, 32, 64), "AdamW"),
    "add_1": operator([1, 1], 1000, lambda torch, a, b: a + b),
    "add_1e6": operator([10**6, 10**6], 4, lambda torch, a, b: a + b),
    "exp_1e6": operator([10**6], 4, lambda torch, a: a.exp()),
    "sum_1e6": operator([10**6], 4, lambda torch, a: a.sum()),
    "matmul_512": operator([(512, 512), (512, 512)], 4, lambda torch, a, b: a @ b),
}


def measure(library, name):
    """Microseconds a step, the best of REPEATS stretches of SECONDS."""
    torch = importlib.import_module(library)
    torch.manual_seed(0)
    work, steps = WORKLOADS[name](torch)
    work()
    best = float("inf")
    for _ in range(REPEATS):
        rounds, begin = 0, time.perf_counter()
        while (spent := time.perf_counter() - begin) < SECONDS:
            work()
            rounds += 1
        best = min(best, spent / (rounds * steps))
    return best * 1e6


def in_turn(name, libraries, rounds):
    times = {library: [] for library in libraries}
    for _ in range(rounds):
        for library in libraries:
            command = [sys.executable, __file__, "--one", library, name]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode:
                raise SystemExit(f"{name} with {library}:\n{result.stderr}")
            times[library].append(json.loads(result.stdout))
    return [statistics.median(times[library]) for library in libraries]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", help="workloads whose name holds one of these; all without")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("LIBRARY", "NAME"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(*args.one)))
        return
    if importlib.util.find_spec("torch") is None:
        raise SystemExit(
            "PyTorch is not installed, so there is nothing to compare with: pip install torch==2.13.0"
        )
    print(f"{'microseconds a step':28}{'PyTorch':>12}{'minitorch':>12}{'ratio':>8}")
    for name in WORKLOADS:
        if not args.words or any(word in name for word in args.words):
            theirs, ours = in_turn(name, ("torch", "minitorch"), args.rounds)
            print(f"{name:28}{theirs:12.2f}{ours:12.2f}{f'x{theirs / ours:.1f}':>8}", flush=True)


if __name__ == "__main__":
    main()
