"""The playground: choose data, net and optimizer, and watch the net learn. ``server`` trains it in a
kernel."""

from __future__ import annotations

from .base import Figure


def empty() -> dict:
    """The page makes its data itself; ``display.playground`` puts a kernel's address here."""
    return {"kernel": None}


FIGURES = [
    Figure(
        "playground",
        "Playground: build a net, and watch it learn",
        "Choose the data, the net and how it learns, and press Train. Optimizer, learning rate and "
        "mini-batch can be changed while it learns; anything else starts a new net. Steps per second "
        "are those of the training, without the drawing. In a notebook playground() trains in "
        "minitorch's C core; without a kernel the page trains by itself.",
        "Coloured plane with two classes of points and the decision boundary of a net that the reader"
        " builds and trains; beside it the net with its weights, and its training and test loss.",
        ("net.js", "train.js", "playground.js"),
        empty,
    ),
]
