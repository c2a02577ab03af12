"""A loss landscape over two weights, and the paths that optimizers take down. Relies on
``minitorch.optim``.

The page follows the rules itself, so that start and learning rate can be chosen; the paths of
``minitorch.optim`` are in the page, too, and a test compares them.
"""

from __future__ import annotations

import minitorch as torch

from .base import Figure, numbers

OPTIMIZERS = {
    "SGD": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr),
    "momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
    "RMSProp": lambda parameters, lr: torch.optim.RMSprop(parameters, lr=lr),
    "Adam": lambda parameters, lr: torch.optim.Adam(parameters, lr=lr),
}
RATES = {"SGD": 0.02, "momentum": 0.02, "RMSProp": 0.05, "Adam": 0.1}
STARTS = {"valley": [-2.6, 1.6], "hills": [-1.2, 1.9], "saddle": [-0.02, 1.8]}


def loss(name: str, w: torch.Tensor) -> torch.Tensor:
    """The landscapes: a long valley with steep walls, hills with two hollows, a saddle."""
    a, b = w[0], w[1]
    if name == "valley":
        return 0.1 * a**2 + 4 * (b + 0.3 * torch.sin(a)) ** 2
    if name == "saddle":
        return 0.25 * a**4 - 0.8 * a**2 + 0.6 * b**2 + 0.7
    hollows = ((1.3, -0.9, 0.9, 2.2), (-1.5, -0.6, 0.8, 1.4))
    value = 0.12 * (a**2 + b**2) + 2.2
    for x, y, width, depth in hollows:
        value = value - depth * torch.exp(-((a - x) ** 2 + (b - y) ** 2) / (2 * width**2))
    return value


def descend(landscape: str, optimizer: str, steps: int = 120) -> list:
    """The path of an optimizer from the landscape's start, float64: [[w1, w2, loss], ...]."""
    w = torch.tensor(STARTS[landscape], dtype=torch.float64, requires_grad=True)
    optim = OPTIMIZERS[optimizer]([w], RATES[optimizer])
    path = []
    for _step in range(steps + 1):
        value = loss(landscape, w)
        path.append([*w.tolist(), value.item()])
        optim.zero_grad()
        value.backward()
        optim.step()
    return numbers(path)


def landscape() -> dict:
    paths = {name: {optimizer: descend(name, optimizer) for optimizer in OPTIMIZERS} for name in STARTS}
    return {"paths": paths, "rates": RATES, "starts": STARTS, "x": [-3, 3], "y": [-2.2, 2.2]}


FIGURES = [
    Figure(
        "loss-landscape",
        "Descending a loss landscape: SGD, momentum, RMSProp, Adam",
        "Start where you like: click, or focus the picture and use the arrow keys. In the valley SGD "
        "drops to the floor and then creeps along it; momentum swings from wall to wall; RMSProp and "
        "Adam scale each weight's step by the size of its gradients. Among the hills the start "
        "decides which hollow is found. Watch what ten times the learning rate does.",
        "Coloured map of a loss over two weights, blue where it is low, with the paths of four "
        "optimizers from one start down into the valley. Beside it the loss of each by step.",
        ("landscape.js",),
        landscape,
        digits=5e-3,
    ),
]
