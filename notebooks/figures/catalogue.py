"""All figures, in the order of the lectures. Read a family next."""

from __future__ import annotations

from . import activations, convergence, depths, fits, landscape, lines, play, surfaces
from .base import Figure

FAMILIES = (lines, surfaces, activations, convergence, fits, depths, landscape, play)
FIGURES: list[Figure] = [figure for family in FAMILIES for figure in family.FIGURES]
