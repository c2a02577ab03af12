"""The lecture's first half: one x, one y, a straight line. Relies on ``minitorch.lecture.line``; read
``surfaces`` next."""

from __future__ import annotations

import minitorch as torch
from minitorch import nn
from minitorch.lecture import line
from minitorch.lecture.data import line_data

from .base import Figure, numbers

EPOCHS = 30


def cloud() -> dict:
    """The 100 points, float32 as the models see them, and the least-squares line."""
    data = line_data()
    points = torch.cat([torch.tensor(data.x), torch.tensor(data.y)], 1)
    return {"points": numbers(points, 4), "ols": numbers([data.w_ols, data.b_ols], 4)}


def start():
    """The lecture's random guess, and the data as float32: w, b, x, y."""
    data = line_data()
    w, b = line.random_guess()
    return w, b, torch.tensor(data.x).float(), torch.tensor(data.y).float()


def random_guess() -> dict:
    guesses = []
    for seed in range(40):
        torch.manual_seed(seed)
        w, b = torch.empty(1, 1), torch.empty(1, 1)
        nn.init.normal_(w, std=0.5)
        nn.init.normal_(b, std=0.5)
        guesses.append([w.item(), b.item()])
    return {**cloud(), "guesses": numbers(guesses, 4)}


def gradient() -> dict:
    """Loss and slope of the first point, by autograd, at the guess and along w: the page draws by formula
    and is compared with these in a test."""
    w, b, x, y = start()
    x0, y0 = x[0], y[0]
    along = torch.linspace(-1, 6, 15).requires_grad_()
    loss = line.squared_loss(along, b.detach(), x0, y0).reshape(-1)
    loss.sum().backward()
    line.squared_loss(w, b, x0, y0).backward()
    return {
        **cloud(),
        "guess": numbers([w.item(), b.item()], 4),
        "point": numbers([x0.item(), y0.item()], 4),
        "slopes": numbers([w.grad.item(), b.grad.item()], 4),
        "along": numbers(torch.stack([along.detach(), loss.detach(), along.grad], 1), 4),
    }


def new_model() -> dict:
    """Ten steps on the first point, at the lecture's learning rate and at ten and a hundred times that."""
    paths = {}
    for rate in (1e-3, 1e-2, 1e-1):
        w, b, x, y = start()
        path = [[w.item(), b.item()]]
        for _step in range(10):
            line.descend(w, b, x[0], y[0], rate)
            path.append([w.item(), b.item()])
        paths[str(rate)] = numbers(path, 5)
    return {**cloud(), "point": numbers([x[0].item(), y[0].item()], 4), "paths": paths}


def one_epoch() -> dict:
    """(w, b) after each point of the first epoch, then after each further epoch."""
    w, b, x, y = start()
    path = [[w.item(), b.item()]]
    ends = []
    for epoch in range(EPOCHS):
        for i in range(len(x)):
            line.descend(w, b, x[i], y[i])
            if epoch == 0:
                path.append([w.item(), b.item()])
        ends.append([w.item(), b.item()])
    return {**cloud(), "path": numbers(path, 4), "epochs": numbers(ends, 4), "rate": line.LEARNING_RATE}


FIGURES = [
    Figure(
        "data-and-ols",
        "The data and the least-squares line",
        "Move the line away from the least-squares solution: every move makes the mean of the squared"
        " errors larger.",
        "Scatter plot of 100 points that rise from lower left to upper right, with the least-squares line "
        "y = 3.38 x + 0.91 through them and a line that the reader moves.",
        ("lines.js", "ols.js"),
        cloud,
    ),
    Figure(
        "random-guess",
        "A random guess",
        "Step 0 of the procedure: w and b are drawn from a normal distribution (mean 0, standard "
        "deviation 0.5). The lecture's guess is that of seed 0. The upright bar is the error at the "
        "first point.",
        "The same 100 points. A nearly flat line, the random guess y = 0.77 x - 0.15, misses them; a "
        "dashed line is the least-squares solution. A bar shows the error of 3.0 at the first point.",
        ("lines.js", "guess.js"),
        random_guess,
    ),
    Figure(
        "gradient",
        "The gradient made visible",
        "One point, so the loss is a parabola in w. Its slope, the gradient, is the number below. "
        "Where the gradient is negative, a larger w makes the loss smaller. Change b: the best w is "
        "another one. With one point and two parameters there is no single answer.",
        "Three plots. First: the point (1.37, 3.91) and the line w x + b. Second: the squared loss as"
        " w varies, a parabola, with its tangent at w = 0.77, slope -8.23. Third: the gradient as w "
        "varies, a straight line through zero where the loss is least.",
        ("lines.js", "gradient.js"),
        gradient,
    ),
    Figure(
        "new-model",
        "Our new model, after a step",
        "w' = w - lr dL/dw, and the same for b. With the lecture's small learning rate one step is "
        "hardly visible. With a large one the line jumps past the point; beyond 0.35 every step makes"
        " it worse.",
        "The points, the line of the random guess and the line after one step of gradient descent on "
        "the first point: it has turned towards that point.",
        ("lines.js", "step.js"),
        new_model,
    ),
    Figure(
        "one-epoch",
        "Repeat for the full data set: one epoch, then thirty",
        "Left, the line after each point. Right, the same as a path over the plane of w and b, with "
        "lines of equal mean squared error. w is learnt within the first epoch, b takes many.",
        "Left: the points, the random guess, the least-squares line and the line while it is fitted. "
        "Right: the path of (w, b) from the guess to the least-squares solution, over ellipses of "
        "equal loss.",
        ("lines.js", "epoch.js"),
        one_epoch,
    ),
]
