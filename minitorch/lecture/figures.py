"""The lecture's pictures, numbered as its figures are. Relies on matplotlib, an optional extra.

Only matplotlib's object interface is used, drawing to PNG files: no window, no global state.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import minitorch as torch

from . import line
from .models import Run
from .moons import SEEDS, THRESHOLD, Lesson, evaluation

# Class 0 orange, class 1 blue: told apart by every kind of colour vision. The surfaces are the same, paler.
CLASS_COLOURS = ("#d95f02", "#2166ac")
SURFACE = LinearSegmentedColormap.from_list(
    "classes", ["#f5a55c", "#fddcb9", "#ffffff", "#c3dcee", "#6fa9d6"]
)
GREY = "#555555"


def draw_all(first: line.Lesson, second: Lesson, directory: Path) -> list[Path]:
    """Write every picture into the directory; returns their paths."""
    figures = {
        "01-data": line_figure(first, "The data and the least-squares line", []),
        "02-random-guess": line_figure(first, "A random guess", ["guess"]),
        "03-gradient": gradient_figure(first),
        "04-one-step": line_figure(first, "After one step on one point", ["guess", "one_step"]),
        "05-one-epoch": line_figure(
            first, f"After one epoch, and after {first.epochs}", ["guess", "one_step", "one_epoch", "fitted"]
        ),
        "06-half-moons": moons_figure(second),
        "sigmoid": sigmoid_figure(),
        "13b-evaluation-loss": stopping_figure(second),
        "14-convergence": convergence_figure(second),
        "surfaces": overview_figure(second),
    }
    figures["07-linear-untrained"] = surface_figure(second, second.untrained, "Linear 2-1, untrained")
    for number, name, title in (
        ("08", "linear 2-1, longer", "Linear 2-1"),
        ("09", "linear 2-4-1, longer", "Linear 2-4-1: stacked, still a plane"),
        ("10", "sigmoid 2-1", "One neuron with a sigmoid"),
        ("11", "2-4-1", "2-4-1"),
        ("12", "2-8-8-1", "2-8-8-1"),
        ("13", "2-4-1 stopped", "2-4-1 stopped by its evaluation loss"),
        ("15", "ReLU 2-4-4-4-1", "ReLU 2-4-4-4-1"),
    ):
        run = second.run(name)
        slug = name.lower().replace(",", "").replace(" ", "-")
        figures[f"{number}-{slug}"] = surface_figure(second, run.model, _title(title, run))
    paths = []
    for name, figure in sorted(figures.items()):
        paths.append(directory / f"{name}.png")
        figure.savefig(paths[-1], dpi=120)
    return paths


def _title(title: str, run: Run) -> str:
    epochs = f"{run.epochs} epoch" + "s" * (run.epochs > 1)
    return f"{title}\n{epochs}: {run.test_accuracy:.0%} of the test points right"


def _axes(title: str, xlabel: str, ylabel: str, size: tuple[float, float] = (7.2, 5.0)):
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=12)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def line_figure(lesson: line.Lesson, title: str, stages: list[str]) -> Figure:
    """The 100 points, the least-squares line, and the model's line at each of the stages."""
    figure, axes = _axes(title, "x", "y")
    data = lesson.data
    axes.scatter(data.x, data.y, s=18, color=GREY, alpha=0.6, label="data", linewidths=0)
    ends = np.array([data.x.min(), data.x.max()])
    axes.plot(
        ends,
        data.w_ols * ends + data.b_ols,
        color="black",
        lw=1.5,
        ls="--",
        label=_line("least squares", data[2:]),
    )
    looks = {
        "guess": ("random guess", "#1b9e77", "-"),
        "one_step": ("after one step", "#d95f02", "--"),
        "one_epoch": ("after one epoch", "#7570b3", "-"),
        "fitted": (f"after {lesson.epochs} epochs", "#e7298a", "-."),
    }
    for stage in stages:
        name, colour, style = looks[stage]
        w, b = getattr(lesson, stage)
        axes.plot(ends, w * ends + b, color=colour, lw=2, ls=style, label=_line(name, (w, b)))
    if stages in (["guess"], ["guess", "one_step"]):
        axes.plot(*lesson.point, "o", ms=9, mfc="none", mec="black", mew=1.5, label="the first point")
    axes.legend(frameon=False)
    return figure


def _line(name: str, parameters: tuple[float, float]) -> str:
    w, b = parameters
    return f"{name}: {w:.2f} x {'-' if b < 0 else '+'} {abs(b):.2f}"


def gradient_figure(lesson: line.Lesson) -> Figure:
    """Loss of the first point as w varies, its tangent at the guess, and the derivative below it."""
    figure = Figure(figsize=(7.2, 6.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    (x0, y0), (w, b) = lesson.point, lesson.guess
    ws = torch.linspace(-1, 6, 141).requires_grad_()
    loss = line.squared_loss(ws, b, x0, y0)
    loss.sum().backward()
    grid, values, slopes = ws.detach().numpy(), loss.detach().numpy(), ws.grad.numpy()
    here = (y0 - (x0 * w + b)) ** 2
    upper.plot(grid, values, color=CLASS_COLOURS[1], lw=2, label="L(w)")
    near = np.array([w - 0.9, w + 0.9])
    upper.plot(
        near,
        here + lesson.slope * (near - w),
        color=CLASS_COLOURS[0],
        lw=2,
        label=f"tangent, slope {lesson.slope:.2f}",
    )
    upper.plot(w, here, "o", color="black", label=f"the guess, w = {w:.2f}")
    upper.set_title(f"The loss of the first point ({x0:.2f}, {y0:.2f}) and its gradient", fontsize=12)
    upper.set_ylabel("squared loss")
    lower.plot(grid, slopes, color=CLASS_COLOURS[1], lw=2, label="dL/dw by autograd")
    lower.plot(w, lesson.slope, "o", color="black")
    lower.annotate(f"{lesson.slope:.2f}", (w, lesson.slope), (8, -12), textcoords="offset points")
    lower.axhline(0, color=GREY, lw=0.8)
    lower.set_xlabel("w")
    lower.set_ylabel("dL/dw")
    for axes in (upper, lower):
        axes.legend(frameon=False)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return figure


def sigmoid_figure() -> Figure:
    """The sigmoid, bounded by 0 and 1."""
    figure, axes = _axes(
        "The sigmoid bounds its output between 0 and 1", "z", "1 / (1 + exp(-z))", (6.4, 4.0)
    )
    z = torch.linspace(-6, 6, 121)
    axes.plot(z.numpy(), torch.sigmoid(z).numpy(), color=CLASS_COLOURS[1], lw=2)
    axes.plot(0, 0.5, "o", color="black")
    axes.annotate("0.5 at z = 0", (0, 0.5), (10, -6), textcoords="offset points")
    for level in (0, 1):
        axes.axhline(level, color=GREY, lw=0.8, ls=":")
    return figure


def _scatter(axes, lesson: Lesson, small: bool = False) -> None:
    """The points of both classes: those trained on as dots, those for testing larger and outlined."""
    parts = (
        (lesson.data.train_x, lesson.data.train_y, 9, 0.0, 0.9),
        (lesson.data.test_x, lesson.data.test_y, 42, 1.0, 1.0),
    )
    for x, y, size, edge, alpha in parts:
        points, labels = x.numpy(), y.numpy()[:, 0]
        for label, colour in enumerate(CLASS_COLOURS):
            mine = points[labels == label]
            axes.scatter(
                mine[:, 0],
                mine[:, 1],
                s=size * (0.5 if small else 1),
                color=colour,
                edgecolors="white",
                linewidths=edge,
                alpha=alpha,
                zorder=3,
            )


def _class_legend(axes, boundary: bool) -> None:
    handles = [
        Line2D([], [], ls="", marker="o", ms=size, mfc=colour, mec="white", label=f"class {label}, {part}")
        for part, size in (("train", 5), ("test", 9))
        for label, colour in enumerate(CLASS_COLOURS)
    ]
    if boundary:
        handles.append(Line2D([], [], color="black", lw=2, label="decision boundary"))
    axes.legend(
        handles=handles,
        ncols=3 if boundary else 2,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.11),
        frameon=False,
    )


def moons_figure(lesson: Lesson) -> Figure:
    """The half moons, split in training and test."""
    figure, axes = _axes("Two half moons: no straight line tells them apart", "x1", "x2", (7.2, 5.2))
    _scatter(axes, lesson)
    axes.set_aspect("equal")
    _class_legend(axes, boundary=False)
    return figure


def surface(model, lesson: Lesson, n: int = 161):
    """The model's outputs on a grid over the data: x1 (n, n), x2 (n, n) and outputs (n, n)."""
    points = np.concatenate([lesson.data.train_x.numpy(), lesson.data.test_x.numpy()])
    low, high = points.min(axis=0) - 0.3, points.max(axis=0) + 0.3
    x1, x2 = np.meshgrid(np.linspace(low[0], high[0], n), np.linspace(low[1], high[1], n))
    grid = np.stack([x1.reshape(-1), x2.reshape(-1)], axis=1).astype(np.float32)
    with torch.no_grad():
        outputs = model(torch.from_numpy(grid)).numpy()
    return x1, x2, outputs.reshape(n, n)


def _draw_surface(axes, lesson: Lesson, model, small: bool = False):
    x1, x2, outputs = surface(model, lesson)
    shades = axes.contourf(x1, x2, outputs, np.linspace(-0.25, 1.25, 31), cmap=SURFACE, extend="both")
    if outputs.min() < 0.5 < outputs.max():
        axes.contour(x1, x2, outputs, [0.5], colors="black", linewidths=2)
    _scatter(axes, lesson, small)
    axes.set_aspect("equal")
    return shades


def surface_figure(lesson: Lesson, model, title: str) -> Figure:
    """The response surface of a model, its decision boundary and the data."""
    figure, axes = _axes(title, "x1", "x2", (8.0, 5.4))
    shades = _draw_surface(axes, lesson, model)
    bar = figure.colorbar(shades, ax=axes, shrink=0.85, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.set_label("output of the net")
    _class_legend(axes, boundary=True)
    return figure


def overview_figure(lesson: Lesson) -> Figure:
    """All response surfaces side by side."""
    names = [
        "linear 2-1, longer",
        "linear 2-4-1, longer",
        "sigmoid 2-1",
        "2-4-1",
        "2-8-8-1",
        "ReLU 2-4-4-4-1",
    ]
    figure = Figure(figsize=(12, 5.6), layout="constrained")
    grid = figure.subplots(2, 3, sharex=True, sharey=True)
    for axes, name in zip(grid.flat, names, strict=True):
        run = lesson.run(name)
        shades = _draw_surface(axes, lesson, run.model, small=True)
        axes.set_title(f"{name.removesuffix(', longer')}: {run.test_accuracy:.0%} right", fontsize=11)
    for axes in grid[1]:
        axes.set_xlabel("x1")
    for axes in grid[:, 0]:
        axes.set_ylabel("x2")
    figure.colorbar(shades, ax=grid, shrink=0.8, ticks=[0, 0.25, 0.5, 0.75, 1]).set_label("output of the net")
    figure.suptitle("Response surfaces, from one neuron to deep networks (black: decision boundary)")
    return figure


def stopping_figure(lesson: Lesson) -> Figure:
    """Evaluation loss of 2-4-1 by epoch, down to the threshold that stops its training."""
    run = lesson.run("2-4-1 stopped")
    figure, axes = _axes(
        "When to stop: 2-4-1 and the threshold of its evaluation loss", "epoch", "evaluation loss"
    )
    axes.plot(range(1, run.epochs + 1), run.history, color=CLASS_COLOURS[1], lw=2, label="evaluation loss")
    axes.axhline(THRESHOLD, color=CLASS_COLOURS[0], lw=1.5, label=f"threshold {THRESHOLD}")
    axes.axhline(perfect_loss(lesson), color=GREY, lw=1, ls=":", label="faultless outputs")
    if run.history[-1] <= THRESHOLD:
        axes.plot(run.epochs, run.history[-1], "o", color="black", label=f"stopped after {run.epochs} epochs")
    axes.legend(frameon=False)
    return figure


def perfect_loss(lesson: Lesson) -> float:
    """The evaluation loss of a net whose outputs are the labels themselves."""
    labels = iter([lesson.data.test_y])
    return evaluation(lesson.data)(lambda _inputs: next(labels))


def convergence_figure(lesson: Lesson) -> Figure:
    """Evaluation loss by epoch for nets of several sizes, every seed a line."""
    figure, axes = _axes("Larger networks generally converge faster", "epoch", "evaluation loss", (8.0, 5.2))
    colours = ["#999999", "#e6ab02", "#d95f02", "#e7298a", "#1b9e77", "#2166ac"]
    for (name, runs), colour in zip(lesson.sizes.items(), colours, strict=True):
        for i, run in enumerate(runs):
            label = (
                f"{name} ({sum(p.numel() for p in run.model.parameters())} parameters)" if i == 0 else None
            )
            order = 3 - 0.1 * len(run.model)  # the smaller nets, which end late, on top
            axes.plot(range(1, run.epochs + 1), run.history, color=colour, lw=1.6, label=label, zorder=order)
            if run.history[-1] <= THRESHOLD:
                axes.plot(run.epochs, run.history[-1], "o", ms=5, color=colour, zorder=4)
    axes.axhline(THRESHOLD, color="black", lw=1, ls="--", label=f"threshold {THRESHOLD}")
    axes.legend(frameon=False, title=f"{len(SEEDS)} seeds each")
    return figure
