"""Activation functions and their slopes. Relies on autograd; read ``fits`` next."""

from __future__ import annotations

import minitorch as torch
import minitorch.nn.functional as F

from .base import Figure, numbers

FUNCTIONS = (
    ("sigmoid", torch.sigmoid, "1 / (1 + exp(−z))"),
    ("tanh", torch.tanh, "(exp(z) − exp(−z)) / (exp(z) + exp(−z))"),
    ("ReLU", F.relu, "max(0, z)"),
    ("leaky ReLU", lambda z: F.leaky_relu(z, 0.1), "max(0.1 z, z)"),
    ("ELU", F.elu, "z, below 0 exp(z) − 1"),
    ("GELU", F.gelu, "z Φ(z)"),
)


def curve(function, n: int = 97) -> dict:
    """Values and slopes of a function between -6 and 6, the slopes by autograd."""
    z = torch.linspace(-6, 6, n).requires_grad_()
    values = function(z)
    values.sum().backward()
    return {"values": numbers(values), "slopes": numbers(z.grad)}


def sigmoid() -> dict:
    return {"z": numbers(torch.linspace(-6, 6, 97)), "sigmoid": curve(torch.sigmoid)}


def activations() -> dict:
    functions = [{"name": name, "formula": text, **curve(f)} for name, f, text in FUNCTIONS]
    return {"z": numbers(torch.linspace(-6, 6, 97)), "functions": functions}


FIGURES = [
    Figure(
        "sigmoid",
        "The sigmoid, and a neuron made of it",
        "The sigmoid squeezes every number into the range from 0 to 1; at 0 it is one half, and "
        "steepest. A neuron puts w x + b through it: w makes the step steep or turns it round, b "
        "moves it to x = −b / w.",
        "Left: the S-shaped sigmoid between 0 and 1 with its tangent at a point. Right: the same "
        "curve as a function of x for a weight and a bias, a step that is steeper and moved.",
        ("activation.js", "sigmoid.js"),
        sigmoid,
    ),
    Figure(
        "activations",
        "Other activation functions",
        "Solid: the function. Dashed: its derivative, which backpropagation multiplies by in every "
        "layer. Where it is near 0, learning stops: far out for sigmoid and tanh, on the whole left "
        "side for ReLU. (At 0 ReLU has none; libraries take 0.)",
        "Six small plots: sigmoid, tanh, ReLU, leaky ReLU, ELU and GELU as solid curves from -6 to 6,"
        " each with its derivative dashed.",
        ("activation.js", "activations.js"),
        activations,
    ),
]
