"""Hundreds of runs: how many epochs nets of several sizes need. Relies on ``minitorch.lecture``; read
``activations`` next.

300 runs of 1500 epochs are 25 million steps of gradient descent, some minutes of work.
"""

from __future__ import annotations

import statistics

import minitorch as torch
from minitorch import nn
from minitorch.lecture.data import moons_split
from minitorch.lecture.models import Run, network, train
from minitorch.lecture.moons import RATE, SIZES, THRESHOLD, evaluation

from .base import Figure, numbers, parameters, stored
from .surfaces import chosen, reached

SEEDS = 50
EPOCHS = 1500
THRESHOLDS = [0.505, 0.51, 0.515, 0.52, 0.525, 0.53, 0.54, 0.55, 0.56, 0.58, 0.6]


def history(sizes, activation, seed: int) -> list[float]:
    """The evaluation loss after each epoch of one run."""
    moons = moons_split()
    torch.manual_seed(seed)
    run = Run("", network(sizes, activation), "")
    return train(run, moons, nn.BCELoss(), RATE, range(EPOCHS), evaluation(moons)).history


def convergence(sizes=SIZES, seeds: int = SEEDS) -> dict:
    """For each size: the quartiles of the evaluation loss over the seeds, and when each run passed a
    threshold.

    A run that did not pass it within 1500 epochs has 0.
    """
    steps = [step for step in chosen(EPOCHS, 60) if step]
    nets = []
    for name, layers, activation in sizes:
        runs = [history(layers, activation, seed) for seed in range(seeds)]
        quartiles = [statistics.quantiles([run[step - 1] for run in runs], n=4) for step in steps]
        passed = [[first(run, threshold) for run in runs] for threshold in THRESHOLDS]
        net = {"name": name, "parameters": parameters(layers), "passed": passed}
        nets.append({**net, "loss": numbers(quartiles, 4)})
    return {
        "steps": steps,
        "thresholds": THRESHOLDS,
        "opens": THRESHOLDS.index(THRESHOLD),
        "nets": nets,
        "runs": seeds,
        "epochs": EPOCHS,
    }


def first(run: list[float], threshold: float) -> int:
    epoch = reached(run, threshold)
    return epoch if run[epoch - 1] <= threshold + 1e-9 else 0


def first_seeds() -> tuple[list, list]:
    """The first seeds of the two smallest nets anew, and as they are in the page."""
    anew = [net["passed"] for net in convergence(SIZES[:2], 2)["nets"]]
    return anew, [[row[:2] for row in net["passed"]] for net in stored(FIGURES[0])["nets"][:2]]


FIGURES = [
    Figure(
        "convergence",
        "More complex networks generally converge faster",
        "Six sizes of nets, 50 seeds each: 300 runs of 1500 epochs. Left, the median evaluation loss "
        "with the middle half of the runs. Right, a dot for each run at the epoch where its loss "
        "passed the threshold. Mind the “generally”: the spread within a size is large, and some runs"
        " get stuck.",
        "Left: falling curves of the evaluation loss for six sizes of nets, the larger ones falling "
        "earlier. Right: for each size fifty dots at the epoch at which the loss passed 0.52; the "
        "larger nets' dots lie further left.",
        ("convergence.js",),
        convergence,
        part=first_seeds,
        digits=1e-2,
    ),
]
