"""All figures, in the order of the lectures. Read a family next."""

from __future__ import annotations

from . import activations, convergence, lines, surfaces
from .base import Figure

FIGURES: list[Figure] = [*lines.FIGURES, *surfaces.FIGURES, *activations.FIGURES, *convergence.FIGURES]
