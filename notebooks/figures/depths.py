"""The second lecture's half moons: noisy ones, and nets from logistic regression to five layers of a
thousand.

Relies on ``surfaces``; read ``fits`` next. The largest net has four million weights: its page keeps what it
gives on a grid, a letter or so for each place.
"""

from __future__ import annotations

from base64 import b64encode

import numpy as np

import minitorch as torch
import minitorch.nn.functional as F
from minitorch import nn
from minitorch.lecture.data import Moons, half_moons
from minitorch.lecture.models import accuracy
from minitorch.utils.data import DataLoader, TensorDataset

from .base import Figure, flat, numbers, stored
from .surfaces import chosen, plane

RANGE = {"x": [-1.75, 2.75], "y": [-1.25, 1.75]}
SHAPE = (49, 31)  # of the grid for a net too large for the page
# name, sizes, hidden activation, learning rate of Adam, epochs
NETS = (
    ("logistic regression", [2, 1], nn.Tanh, 0.02, 150),
    ("1 layer of 2 neurons", [2, 2, 1], nn.Tanh, 0.02, 150),
    ("1 layer of 10 neurons", [2, 10, 1], nn.Tanh, 0.02, 150),
    ("2 layers of 20 neurons", [2, 20, 20, 1], nn.Tanh, 0.02, 150),
    ("5 layers of 1000 neurons", [2, 1000, 1000, 1000, 1000, 1000, 1], nn.ReLU, 2e-4, 24),
)


def noisy_moons(n: int = 400, noise: float = 0.2) -> Moons:
    """Half moons with normal noise: 300 points to train on, 100 to test."""
    x, y = half_moons(n)
    x = x + np.random.default_rng(1).normal(0, noise, x.shape)
    tensors = [torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y[:, None].astype(np.float32))]
    return Moons(tensors[0][:300], tensors[1][:300], tensors[0][300:], tensors[1][300:])


def network(sizes, activation) -> nn.Sequential:
    layers = []
    for n_in, n_out in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]), nn.Sigmoid())


def trained(name, sizes, activation, rate, epochs) -> dict:
    """A net trained with Adam and binary cross entropy, batches of 50."""
    large = max(sizes) > 100
    moons = noisy_moons()
    torch.manual_seed(0)
    model = network(sizes, activation)
    if not large:  # in float64, for the reason given in ``fits``
        moons, model = Moons(*[part.double() for part in moons]), model.double()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    loader = DataLoader(TensorDataset(moons.train_x, moons.train_y), batch_size=50, shuffle=True)
    steps = chosen(epochs, 12 if large else 24)
    kept = {part: [] for part in ("frames", "values", "train", "test", "trainRight", "testRight")}
    for epoch in range(epochs + 1):
        if epoch in steps:
            keep(kept, model, moons, large)
        for x, y in loader:
            optimizer.zero_grad()
            F.binary_cross_entropy(model(x), y).backward()
            optimizer.step()
    net = {
        "name": name,
        "sizes": sizes,
        "hidden": "relu" if activation is nn.ReLU else "tanh",
        "last": "sigmoid",
    }
    net.update(steps=steps, train=numbers(kept["train"], 4), test=numbers(kept["test"], 4))
    if large:
        shares = {part: numbers(kept[part]) for part in ("trainRight", "testRight")}
        return {**net, "values": kept["values"], "shape": list(SHAPE), **shares}
    return {**net, "frames": kept["frames"]}


def keep(kept: dict, model, moons: Moons, large: bool) -> None:
    with torch.no_grad():
        for part, x, y in (("train", moons.train_x, moons.train_y), ("test", moons.test_x, moons.test_y)):
            outputs = model(x)
            kept[part].append(F.binary_cross_entropy(outputs, y).item())
            kept[part + "Right"].append(accuracy(outputs, y))
        if not large:
            kept["frames"].append(flat(model))
            return
        x1, x2 = np.meshgrid(np.linspace(*RANGE["x"], SHAPE[0]), np.linspace(*RANGE["y"], SHAPE[1]))
        grid = torch.from_numpy(np.stack([x1.reshape(-1), x2.reshape(-1)], 1).astype(np.float32))
        letters = (model(grid).reshape(-1) * 255).round().numpy().astype(np.uint8)
        kept["values"].append(b64encode(letters.tobytes()).decode())


def half_moons_nets() -> dict:
    nets = [trained(*net) for net in NETS]
    return {
        **plane(noisy_moons()),
        **RANGE,
        "nets": nets,
        "unit": "epoch",
        "top": 1,
        "diagram": False,
        "shows": 2,
    }


def small_nets() -> tuple[list, list]:
    """All but the largest net anew, and as they are in the page."""
    return [trained(*net) for net in NETS[:-1]], stored(FIGURES[0])["nets"][:-1]


FIGURES = [
    Figure(
        "half-moons-nets",
        "Half moons with noise: from logistic regression to five layers of a thousand",
        "Choose a net. Logistic regression draws a straight line, two neurons do hardly better, ten "
        "draw a curve. The large nets have weights enough to learn single points by heart: compare "
        "their losses on training and test points. (The last one has 4 million weights; the page "
        "keeps its outputs.)",
        "Coloured plane with two overlapping noisy half moons and a net's decision boundary; beside "
        "it the training and test loss. The boundary is nearly straight for logistic regression and "
        "two neurons, curved for more.",
        ("net.js", "surface.js"),
        half_moons_nets,
        part=small_nets,
    ),
]
