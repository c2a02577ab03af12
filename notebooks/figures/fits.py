"""Curves fitted by nets with one input: universal approximation, overfitting, early stopping, dropout.

Relies on ``minitorch.nn`` and Adam; read ``landscape`` next. A page keeps what a net gives along x at some
epochs, not its weights: that is less. All is in float64: long training makes small differences between
processors in rounding large, in float32 as large as one sees.
"""

from __future__ import annotations

import numpy as np

import minitorch as torch
import minitorch.nn.functional as F
from minitorch import nn
from minitorch.utils.data import DataLoader, TensorDataset

from .base import Figure, numbers, parameters
from .surfaces import chosen


def mlp(sizes, activation=nn.Tanh, dropout: float = 0.0) -> nn.Sequential:
    """Linear layers of these sizes with the activation between them, after which a share is dropped."""
    layers = []
    for n_in, n_out in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(n_in, n_out), activation()] + ([nn.Dropout(dropout)] if dropout else [])
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:])).double()


def fit(name, model, train, test, xs, epochs, batch=64, steps=None) -> dict:
    """Train with Adam, learning rate 0.01, and keep at the chosen epochs the curve over xs and both
    losses."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loader = DataLoader(TensorDataset(*train), batch_size=batch, shuffle=True)
    kept = {"fits": [], "train": [], "test": []}
    steps = steps or chosen(epochs, 40)
    for epoch in range(epochs + 1):
        if epoch in steps:
            model.eval()
            with torch.no_grad():
                kept["fits"].append(numbers(model(xs).reshape(-1), 2))
                kept["train"].append(F.mse_loss(model(train[0]), train[1]).item())
                kept["test"].append(F.mse_loss(model(test[0]), test[1]).item())
            model.train()
        for x, y in loader:
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
    losses = {part: numbers(kept[part], 4) for part in ("train", "test")}
    return {"name": name, "steps": list(steps), "fits": kept["fits"], **losses}


def column(values) -> torch.Tensor:
    return torch.tensor(np.asarray(values)).reshape(-1, 1)


NETS = (
    ("1 hidden layer of 1 neuron, tanh", [1, 1, 1], nn.Tanh, 1),
    ("1 hidden layer of 2 neurons, tanh", [1, 2, 1], nn.Tanh, 7),
    ("2 hidden layers of 4 neurons, tanh", [1, 4, 4, 1], nn.Tanh, 2),
    ("2 hidden layers of 8 neurons, tanh", [1, 8, 8, 1], nn.Tanh, 0),
    ("1 hidden layer of 16 neurons, tanh", [1, 16, 1], nn.Tanh, 0),
    ("1 hidden layer of 80 neurons, ReLU", [1, 80, 1], nn.ReLU, 0),
    ("2 hidden layers of 40 neurons, tanh", [1, 40, 40, 1], nn.Tanh, 0),
)


def approximation() -> dict:
    """Nets of growing size fitted to 200 points of a smooth curve, without noise."""
    x = torch.linspace(-2, 2, 200, dtype=torch.float64).reshape(-1, 1)
    y = torch.sin(4 * x) * torch.exp(-x * x / 4) + 0.3 * x
    xs = torch.linspace(-2.6, 2.6, 79, dtype=torch.float64).reshape(-1, 1)
    nets = []
    for name, sizes, activation, seed in NETS:
        torch.manual_seed(seed)
        net = fit(name, mlp(sizes, activation), (x, y), (x, y), xs, 2000)
        del net["test"]
        nets.append({**net, "parameters": parameters(sizes)})
    target = torch.cat([x, y], 1)[::3]
    ranges = {"x": [-2.6, 2.6], "y": [-1.6, 1.6], "top": 1, "bottom": 1e-4}
    return {
        "xs": numbers(xs.reshape(-1)),
        "truth": numbers(target),
        "points": [],
        "nets": nets,
        "opens": 2,
        **ranges,
    }


def noisy():
    """20 points to learn from and 200 to test on: y = sin(2x) + 0.3x and normal noise, standard deviation
    0.3."""
    rng = np.random.default_rng(1)
    parts = []
    for n in (20, 200):
        x = rng.uniform(-2.5, 2.5, n)
        parts.append((column(x), column(np.sin(2 * x) + 0.3 * x + rng.normal(0, 0.3, n))))
    return parts


def overfitted(*nets, epochs=1500, steps=None) -> dict:
    """Nets trained on the 20 points: (name, sizes, dropout, and a seed if not 0)."""
    train, test = noisy()
    xs = torch.linspace(-2.6, 2.6, 79, dtype=torch.float64).reshape(-1, 1)
    truth = torch.cat([xs, torch.sin(2 * xs) + 0.3 * xs], 1)
    done = []
    for name, sizes, dropout, *seed in nets:
        torch.manual_seed(*seed or [0])
        done.append(fit(name, mlp(sizes, nn.Tanh, dropout), train, test, xs, epochs, 10, steps))
    points = [numbers(torch.cat(part, 1), 2) for part in (train, [t[:60] for t in test])]
    ranges = {"x": [-2.6, 2.6], "y": [-2.6, 2.6], "top": 2, "bottom": 0.005}
    return {"xs": numbers(xs.reshape(-1)), "truth": numbers(truth), "points": points, "nets": done, **ranges}


def overfitting() -> dict:
    nets = (
        ("too small: 1 neuron", [1, 1, 1], 0),
        ("about right: 3 neurons", [1, 3, 1], 0, 6),
        ("too large: 2 layers of 50", [1, 50, 50, 1], 0),
    )
    return {**overfitted(*nets), "opens": 2}


def early_stopping() -> dict:
    steps = [*range(0, 100, 2), *range(100, 601, 10)]
    return {**overfitted(("2 layers of 50", [1, 50, 50, 1], 0), epochs=600, steps=steps), "patience": 60}


def dropout() -> dict:
    nets = [(f"p = {p}", [1, 50, 50, 1], p) for p in (0, 0.2, 0.5)]
    return {**overfitted(*nets), "opens": 2, "shares": [0, 0.2, 0.5], "sizes": [1, 8, 8, 1]}


FIGURES = [
    Figure(
        "universal-approximation",
        "Universal approximation: the same curve, fitted by larger and larger nets",
        "One hidden layer can come as near to a continuous function as you like, if it has neurons "
        "enough. Trained with Adam for 2000 epochs; small nets often get stuck, and these are of "
        "seeds that did not. Outside the points learnt from (beyond ±2) a net does what its neurons "
        "do: tanh levels off, ReLU goes on straight.",
        "Left: a wavy curve and a net's fit to it. Right: the falling loss of the net over epochs. "
        "Nets from one neuron to two layers of forty can be chosen; the larger ones follow the curve "
        "closely.",
        ("curves.js",),
        approximation,
        digits=1.5e-2,  # the curves have two decimals
    ),
    Figure(
        "overfitting",
        "Overfitting: training loss and test loss",
        "Twenty noisy points. The large net goes on learning after its test loss was least, before "
        "epoch 50: it learns the noise by heart, and its test loss rises. Three neurons can learn the"
        " curve and little else; one is too few even for that.",
        "Left: twenty points, the curve they come from, and a net's wiggly fit through nearly all of "
        "them. Right: the training loss falls throughout, the test loss falls and then rises.",
        ("curves.js",),
        overfitting,
        digits=1.5e-2,  # the curves have two decimals
    ),
    Figure(
        "early-stopping",
        "Early stopping",
        "Stop when the loss on points kept aside has not become smaller for some epochs (the "
        "patience), and keep the net of the best epoch. Too little patience stops at a hiccup; much "
        "patience costs time only.",
        "Left: the noisy points, the fit of the epoch that is kept, and the overfitted one of the "
        "last epoch. Right: both losses with a mark at the kept epoch, where the test loss is least, "
        "and one where training stops.",
        ("curves.js",),
        early_stopping,
        digits=1.5e-2,  # the curves have two decimals
    ),
    Figure(
        "dropout",
        "Dropout",
        "In each mini-batch every hidden neuron is left out with probability p, so none can rely on "
        "another; those that stay are multiplied by 1 / (1 − p). For predictions all take part. The "
        "net is that of the overfitting figure (2 layers of 50; drawn with 8): with dropout it learns"
        " less of the noise.",
        "A net drawn with some of its neurons crossed out and their connections removed; the fit of "
        "the same net trained with dropout; its training and test losses, which stay closer together "
        "than without dropout.",
        ("net.js", "curves.js"),
        dropout,
        digits=1.5e-2,  # the curves have two decimals
    ),
]
