"""The half moons and the nets that are to tell them apart. Relies on ``minitorch.lecture``; read
``convergence`` next.

A page keeps the weights of a net at some epochs, and runs the net itself.
"""

from __future__ import annotations

import minitorch as torch
from minitorch import nn
from minitorch.lecture.data import moons_split
from minitorch.lecture.models import Run, network, train
from minitorch.lecture.moons import LINEAR_RATE, RATE, THRESHOLD, evaluation

from .base import Figure, flat, numbers

RANGE = {"x": [-1.5, 2.5], "y": [-1, 1.5]}
NAMES = {None: "linear", nn.Sigmoid: "sigmoid", nn.ReLU: "relu", nn.Tanh: "tanh"}


def plane(moons=None) -> dict:
    """The points with label and part (0 trained on, 1 tested), and the range that is drawn."""
    moons = moons or moons_split()
    parts = []
    for part, (x, y) in enumerate(((moons.train_x, moons.train_y), (moons.test_x, moons.test_y))):
        parts.append(torch.cat([x, y, torch.full_like(y, float(part))], 1))
    return {"points": numbers(torch.cat(parts)), **RANGE}


def chosen(epochs: int, count: int = 50) -> list[int]:
    """About ``count`` of the epochs 0 to ``epochs``, close together in the beginning, where most happens.

    >>> chosen(10, 5)
    [0, 1, 2, 4, 6, 10]
    """
    return sorted({min(epochs, max(i, round(epochs * (i / count) ** 2))) for i in range(count + 1)})


def trained(name, sizes, activation=nn.Sigmoid, epochs=1000, rate=RATE, steps=None) -> dict:
    """A net of the lecture trained as in ``minitorch.lecture``: weights and losses at the epochs of
    ``steps``."""
    moons = moons_split()
    torch.manual_seed(0)
    model = network(sizes, activation)
    loss_fn = nn.MSELoss() if activation is None else nn.BCELoss()
    steps, frames, losses, evaluated = steps or chosen(epochs), [], [], []
    wanted = set(steps)
    lecture_loss = evaluation(moons)

    def keep(net):
        epoch = len(evaluated)
        evaluated.append(lecture_loss(net))
        if epoch in wanted:
            with torch.no_grad():
                parts = ((moons.train_x, moons.train_y), (moons.test_x, moons.test_y))
                losses.append([loss_fn(net(x), y).item() for x, y in parts])
            frames.append(flat(net))
        return evaluated[-1]

    keep(model)
    train(Run(name, model, ""), moons, loss_fn, rate, range(epochs), keep)
    net = {"name": name, "sizes": list(sizes), "hidden": NAMES[activation]}
    net["last"] = "linear" if activation is None else "sigmoid"
    train_loss, test_loss = zip(*losses, strict=True)
    net.update(steps=steps, frames=frames, train=numbers(train_loss, 4), test=numbers(test_loss, 4))
    net["evaluated"] = numbers(evaluated, 4)
    return net


def page(*nets: dict, **more) -> dict:
    for net in nets:
        net.pop("evaluated", None)
    return {**plane(), "nets": list(nets), "unit": "epoch", **more}


def half_moons() -> dict:
    return plane()


def random_initialisation() -> dict:
    """The untrained linear 2-1 net for thirty seeds: the step of the slider is the seed."""
    frames = []
    for seed in range(30):
        torch.manual_seed(seed)
        frames.append(flat(network([2, 1], None)))
    net = {"name": "linear 2-1", "sizes": [2, 1], "hidden": "linear", "last": "linear"}
    net.update(steps=list(range(30)), frames=frames)
    return {**page(net), "unit": "seed", "opens": 0, "pause": 600}


def after_training() -> dict:
    return page(trained("linear 2-1", [2, 1], None, 1000, LINEAR_RATE), top=0.6)


def stacked_linear() -> dict:
    alone = trained("linear 2-1", [2, 1], None, 1000, LINEAR_RATE)
    line = {"text": "boundary of a single linear neuron", "line": alone["frames"][-1]}
    return page(trained("linear 2-4-1", [2, 4, 1], None, 1000, LINEAR_RATE), compare=line, top=2)


def sigmoid_neuron() -> dict:
    return page(trained("sigmoid 2-1", [2, 1], epochs=200))


def net_2_4_1() -> dict:
    return page(trained("2-4-1", [2, 4, 1], epochs=1500))


def net_2_8_8_1() -> dict:
    return page(trained("2-8-8-1", [2, 8, 8, 1]))


def relu_net() -> dict:
    return page(trained("ReLU 2-4-4-4-1", [2, 4, 4, 4, 1], nn.ReLU, 300), top=1)


def stopped() -> dict:
    """2-4-1 with its evaluation loss after every epoch, and the weights wherever the page lets it stop."""
    evaluated = trained("2-4-1", [2, 4, 1], epochs=2000, steps=[0])["evaluated"][1:]
    bounds = {"min": 0.51, "max": 0.7, "step": 0.005, "value": THRESHOLD}
    stops = {reached(evaluated, 0.51 + 0.005 * i) for i in range(39)}
    steps = sorted(stops.union(chosen(2000)))
    data = page(trained("2-4-1", [2, 4, 1], epochs=2000, steps=steps), evaluation=evaluated, threshold=bounds)
    return {**data, "top": 1, "opens": steps.index(reached(evaluated, THRESHOLD))}


def reached(evaluated: list[float], threshold: float) -> int:
    """The first epoch whose evaluation loss is at most the threshold, or the last one."""
    return next((i + 1 for i, value in enumerate(evaluated) if value <= threshold + 1e-9), len(evaluated))


SCRIPTS = ("net.js", "surface.js")
SEEN = "Coloured plane of the two inputs with the half moons' points in it; colour is the output of the net. "
FIGURES = [
    Figure(
        "half-moons",
        "A challenging shape: two half moons",
        "Two x, a binary y. Move the line: how many points can a straight line get right?",
        "Scatter plot of two interleaved half circles, one class orange, the other blue, and a "
        "straight line that the reader turns and moves; no position of it separates the classes.",
        ("net.js", "moons.js"),
        half_moons,
    ),
    Figure(
        "random-initialisation",
        "Random initialisation of a linear neuron with two inputs",
        "The net is y = w₁ x₁ + w₂ x₂ + b, a plane. Every seed is another plane, and none has seen "
        "the data yet.",
        SEEN + "An untrained linear neuron: straight bands that have nothing to do with the points.",
        SCRIPTS,
        random_initialisation,
    ),
    Figure(
        "after-training",
        "The linear neuron after training",
        "Mini-batches of 8, mean squared error, learning rate 0.0005. After the lecture's 50 epochs "
        "it is still settling; after 1000 it has settled on the best plane there is, and a plane has "
        "a straight boundary.",
        SEEN + "The trained linear neuron separates them by a straight line, about 88 % right.",
        SCRIPTS,
        after_training,
    ),
    Figure(
        "stacked-linear",
        "Stacked linear neurons, 2-4-1: still a plane",
        "Twelve weights and five biases, and still one plane: layers without an activation function "
        "multiply out to a single linear neuron. Trained long enough, the two boundaries agree.",
        SEEN + "A 2-4-1 net of linear neurons has a straight boundary, that of a single linear neuron.",
        SCRIPTS,
        stacked_linear,
    ),
    Figure(
        "sigmoid-neuron",
        "A neuron with sigmoid activation",
        "Logistic regression: outputs between 0 and 1, the boundary still straight.",
        SEEN + "One sigmoid neuron: the colours change from orange to blue along a straight boundary.",
        SCRIPTS,
        sigmoid_neuron,
    ),
    Figure(
        "net-2-4-1",
        "Deep neural network: 2-4-1",
        "Four sigmoid neurons bend the boundary. Play it from the start: long nothing happens, then "
        "it turns.",
        SEEN + "A trained 2-4-1 net: the boundary bends between the two half moons.",
        SCRIPTS,
        net_2_4_1,
    ),
    Figure(
        "net-2-8-8-1",
        "Wider and deeper: 2-8-8-1",
        "105 parameters. The boundary winds between the moons within fewer epochs than that of 2-4-1.",
        SEEN + "A trained 2-8-8-1 net: the boundary winds between the two half moons.",
        SCRIPTS,
        net_2_8_8_1,
    ),
    Figure(
        "stopped",
        "2-4-1, stopped at evaluation loss 0.52",
        "Training ends when the loss on points kept aside is small enough. Choose where. (The "
        "lecture's evaluation loss takes the sigmoid of outputs that went through one already, so "
        "0.503 is the least it can be.)",
        SEEN + "The 2-4-1 net when its evaluation loss came down to 0.52, beside the curves of its losses.",
        SCRIPTS,
        stopped,
    ),
    Figure(
        "relu-net",
        "A net with ReLU: 2-4-4-4-1",
        "Three hidden layers of four ReLU neurons, a sigmoid at the end: the boundary is made of "
        "straight pieces.",
        SEEN + "A trained ReLU net: a boundary of straight pieces between the two half moons.",
        SCRIPTS,
        relu_net,
    ),
]
