"""First half of the lecture: one x, one y, and a straight line fitted by gradient descent, by hand.

Relies on ``data.line_data``. Read ``moons`` next.
"""

from __future__ import annotations

from dataclasses import dataclass

import minitorch as torch
from minitorch import nn

from .data import Line, line_data
from .report import Report

LEARNING_RATE = 1e-3  # the code book's
H = 0.0001  # the slide's h: "some arbitrarily small value"


@dataclass
class Lesson:
    """What the pictures of the first half show: the data, and (w, b) at each stage."""

    data: Line
    guess: tuple[float, float]
    point: tuple[float, float]
    slope: float
    one_step: tuple[float, float] = (0.0, 0.0)
    one_epoch: tuple[float, float] = (0.0, 0.0)
    fitted: tuple[float, float] = (0.0, 0.0)
    epochs: int = 1


def squared_loss(w, b, x0, y0):
    """The lecture's loss for one point: (y0 - (x0 w + b))^2."""
    return (y0 - (x0 * w + b)).pow(2)


def numerical_gradient(w, b, x0, y0, h: float = H):
    """dL/dw from its definition, (L(w + h) - L(w)) / h, in the precision of the tensors given."""
    fx = squared_loss(w, b, x0, y0)
    fxh = squared_loss(w + h, b, x0, y0)
    return (fxh - fx) / h


def random_guess() -> tuple[torch.Tensor, torch.Tensor]:
    """w and b, 1 x 1, from N(0, 0.5^2) after ``manual_seed(0)``.

    >>> w, b = random_guess()
    >>> print(f"{w.item():.4f} {b.item():.4f}")
    0.7705 -0.1467
    """
    w = torch.empty(1, 1, requires_grad=True)
    b = torch.empty(1, 1, requires_grad=True)
    torch.manual_seed(0)
    nn.init.normal_(w, std=0.5)
    nn.init.normal_(b, std=0.5)
    return w, b


def descend(w, b, x0, y0, lr: float = LEARNING_RATE) -> None:
    """One update by hand: w' = w - lr dL/dw, and the same for b."""
    for parameter in (w, b):
        if parameter.grad is not None:
            parameter.grad.zero_()
    squared_loss(w, b, x0, y0).backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad


def teach(report: Report, epochs: int = 30) -> Lesson:
    """Go through the first half; ``epochs`` is how often the whole data is gone through in the end."""
    report.heading("One x, one y: a straight line, by hand")
    data = line_data()
    report.say(f"{len(data.x)} points; least squares: y = {data.w_ols:.2f} x + {data.b_ols:.2f}", "data")
    w, b = random_guess()
    guess = (w.item(), b.item())
    report.say(f"w = {guess[0]:.4f}, b = {guess[1]:.4f}", "random guess")

    x, y = torch.tensor(data.x).float(), torch.tensor(data.y).float()
    x0, y0 = x[0], y[0]
    report.say(f"(x, y) = ({x0.item():.4f}, {y0.item():.4f})", "first point")
    yhat = x0 * w + b
    report.say(f"w x + b = {yhat.item():.4f}", "prediction")
    loss = squared_loss(w, b, x0, y0)
    report.say(f"(y - prediction)^2 = {loss.item():.4f}, the error being {(y0 - yhat).item():.4f}", "loss")

    slope = _gradients(report, w, b, x0, y0)
    lesson = Lesson(data, guess, (x0.item(), y0.item()), slope)
    _descent(report, lesson, w, b, x, y, epochs)
    return lesson


def _gradients(report: Report, w, b, x0, y0) -> float:
    """The slope of the loss, by definition and by autograd, and where float32 lets the definition down."""
    single = [t.detach() for t in (w, b, x0, y0)]
    double = [t.double() for t in single]
    squared_loss(w, b, x0, y0).backward()
    slope = w.grad.item()
    report.say(
        f"dL/dw = {numerical_gradient(*double).item():.2f} from its definition with h = {H} (float64)",
        "gradient",
    )
    report.say(f"dL/dw = {slope:.2f} from autograd (float32)")
    steps = (1e-3, 1e-4, 1e-5, 1e-6)
    report.say("h      = " + "".join(f"{h:>10.0e}" for h in steps), "definition, with")
    for name, tensors in (("float64", double), ("float32", single)):
        report.say(f"{name}  " + "".join(f"{numerical_gradient(*tensors, h).item():>10.3f}" for h in steps))
    report.say(
        "float32 stores a loss near 9 in steps of 9.5e-7; divided by h = 0.0001 that is 0.0095.\n"
        "So two decimals are luck, and a smaller h makes it worse. (The slide's rounded 0.77,\n"
        "-0.15, 1.37, 3.91 give -8.249 in float32: right is -8.234.) Autograd subtracts no\n"
        "nearly equal numbers."
    )
    return slope


def _descent(report: Report, lesson: Lesson, w, b, x, y, epochs: int) -> None:
    """Gradient descent by hand: one point, all points once, all points again and again."""
    before = squared_loss(w, b, x[0], y[0]).item()
    descend(w, b, x[0], y[0])
    lesson.one_step = (w.item(), b.item())
    after = squared_loss(w, b, x[0], y[0]).item()
    report.say(
        f"w = {w.item():.4f}, b = {b.item():.4f}; loss {before:.4f} -> {after:.4f}, lr = {LEARNING_RATE}",
        "one step",
    )
    for i in range(1, len(x)):
        descend(w, b, x[i], y[i])
    lesson.one_epoch = (w.item(), b.item())
    report.say(f"w = {w.item():.4f}, b = {b.item():.4f}", "one epoch")
    for _epoch in report.progress(range(1, epochs), "line by hand"):
        for i in range(len(x)):
            descend(w, b, x[i], y[i])
    lesson.fitted, lesson.epochs = (w.item(), b.item()), max(epochs, 1)
    best = f"{lesson.data.w_ols:.4f}, {lesson.data.b_ols:.4f}"
    report.say(
        f"w = {w.item():.4f}, b = {b.item():.4f}; least squares: {best}",
        f"{lesson.epochs} epoch" + "s" * (lesson.epochs > 1),
    )
