"""Reads a notebook's source, a script in jupytext's percent format, and writes notebooks from its cells.

Only what source.py needs of the format: "# %%" begins a cell of code, "# %% [markdown]" one of text, and
tags=["..."] may follow. Nothing but Python is needed, and what comes out depends on nothing but the source.

Format: https://jupytext.readthedocs.io/en/latest/formats-scripts.html#the-percent-format
Used by make.py.
"""

import json
import re
import textwrap
from typing import NamedTuple

HEADER = re.compile(r"^# %%(?P<text> \[markdown\])?(?: tags=\[(?P<tags>[^\]]*)\])?\s*$")
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


class Cell(NamedTuple):
    kind: str  # "code" or "markdown"
    tags: tuple
    source: str


def read(text):
    """The cells of a script; what stands before the first is left out."""
    cells, lines = [], None
    for line in text.splitlines():
        if line.startswith("# %%"):
            header = HEADER.match(line)
            if not header:
                raise ValueError(f"this line begins no cell: {line}")
            tags = tuple(re.findall(r'"([^"]*)"', header["tags"] or ""))
            lines = []
            cells.append(("markdown" if header["text"] else "code", tags, lines))
        elif lines is not None:
            lines.append(line)
    return [Cell(kind, tags, _text(kind, lines)) for kind, tags, lines in cells]


def _text(kind, lines):
    if kind == "markdown":
        if any(line.strip() and not line.startswith("#") for line in lines):
            raise ValueError(f"a line of text without # in front: {lines}")
        lines = [line[2:] for line in lines]
    return "\n".join(lines).strip("\n")


def without_solution(code):
    """Code as students get it: of each solution, what stands behind INSTEAD, or an ellipsis."""
    kept, inside, instead = [], False, []
    for line in code.splitlines():
        mark = line.strip()
        indent = line[: len(line) - len(line.lstrip())]
        if mark == "# BEGIN SOLUTION":
            inside, instead = True, []
        elif mark == "# END SOLUTION":
            kept += instead or [indent + "..."]
            inside = False
        elif inside:
            if mark.startswith("# INSTEAD "):
                instead.append(indent + mark.removeprefix("# INSTEAD "))
        else:
            kept.append(line)
    if inside:
        raise ValueError("a solution without an end:\n" + textwrap.shorten(code, 200))
    return "\n".join(kept)


def with_solution(code):
    """Code with its solutions, without the marks."""
    marks = ("# BEGIN SOLUTION", "# END SOLUTION", "# INSTEAD ")
    return "\n".join(line for line in code.splitlines() if not line.strip().startswith(marks))


def notebook(cells):
    """The text of an .ipynb file without outputs."""
    made = []
    for i, cell in enumerate(cells):
        lines = cell.source.splitlines(keepends=True)
        entry = {"cell_type": cell.kind, "id": f"cell-{i:03}", "metadata": {}, "source": lines}
        if cell.kind == "code":
            entry |= {"execution_count": None, "outputs": []}
        made.append(entry)
    whole = {"cells": made, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
