"""What every figure has, and how its page is put together. Relies on ``js/``; read a family next,
``lines`` say.

A page is one file: style, scripts, and the numbers of the figure as JSON. The numbers come out of training
with minitorch and are rounded; a rounded number may still differ by one in its last digit between
processors. So a page is checked in two halves (``tests/notebooks``): numbers computed anew must be near
those in the page, and the page put together from those very numbers must be the same bytes.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES, STILLS, SCRIPTS = HERE / "pages", HERE / "stills", HERE / "js"


@dataclass(frozen=True)
class Figure:
    """One figure: what it is called, what stands under it, which scripts draw it and where its numbers
    come from.

    ``alt`` says in words what the picture shows, for readers who do not see it. ``make`` computes the
    numbers. Where that takes more than a few seconds, ``part`` computes some of them anew and returns them
    with those in the page. ``digits`` is how far a number computed elsewhere may be off, relative to max(1,
    abs(number)).
    """

    name: str
    title: str
    caption: str
    alt: str
    scripts: tuple[str, ...]
    make: Callable[[], dict]
    part: Callable[[], tuple[list, list]] | None = None
    digits: float = 2e-3

    @property
    def page(self) -> Path:
        return PAGES / f"{self.name}.html"

    @property
    def still(self) -> Path:
        return STILLS / f"{self.name}.png"


def numbers(values, places: int = 3) -> list:
    """Tensor, array or list, rounded: nested lists of Python numbers, whole ones as integers.

    >>> numbers([1.0, 2.34567, -0.0001])
    [1, 2.346, 0]
    """
    if hasattr(values, "detach"):
        values = values.detach()
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, (list, tuple)):
        return [numbers(value, places) for value in values]
    rounded = round(float(values), places)
    return int(rounded) if rounded == int(rounded) else rounded


def flat(model, places: int = 3) -> list:
    """The weights of a net as one list, layer by layer: weights (inputs, outputs) row by row, then the
    bias."""
    values = []
    for name, parameter in model.named_parameters():
        # nn.Linear keeps (outputs, inputs), the lecture's neurons (inputs, outputs)
        matrix = parameter.t() if name.endswith("weight") else parameter
        values += numbers(matrix.detach().reshape(-1), places)
    return values


def parameters(sizes) -> int:
    """How many weights and biases a net of these sizes has.

    >>> parameters([2, 8, 8, 1])
    105
    """
    return sum((a + 1) * b for a, b in zip(sizes[:-1], sizes[1:], strict=True))


def script(name: str) -> str:
    """A script without the comments and blank lines that are for its reader."""
    lines = (SCRIPTS / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("//")) + "\n"


def build(figure: Figure, data: dict) -> str:
    """The stand-alone page of a figure with these numbers."""
    text = json.dumps(data, separators=(",", ":"), sort_keys=True).replace("</", "<\\/")
    code = "".join(script(name) for name in ("common.js", *figure.scripts))
    style = re.sub(r"/\*.*?\*/", "", (SCRIPTS / "style.css").read_text(encoding="utf-8"), flags=re.S)
    style = "\n".join(line for line in style.splitlines() if line.strip())
    title, caption, alt = (html.escape(part) for part in (figure.title, figure.caption, figure.alt))
    # The policy forbids the page to fetch anything; 127.0.0.1 is the playground's kernel.
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data:; connect-src http://127.0.0.1:*">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<div id="figure" data-alt="{alt}"></div>
<p class="caption">{caption}</p>
</main>
<script type="application/json" id="data">{text}</script>
<script>
"use strict";
{code}ready();
</script>
</body>
</html>
"""


def stored(figure: Figure) -> dict:
    """The numbers in a page made before."""
    text = figure.page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S).group(1))
