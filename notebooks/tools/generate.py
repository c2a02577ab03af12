"""Makes the notebooks, ``notebooks/*.ipynb``, from their sources, ``notebooks/src/*.py`` (jupytext's percent
format).

``python notebooks/tools/generate.py`` writes them, without outputs; with ``--check`` it only says which are
not what their source gives, and fails if there are any. Needs jupytext (extra ``notebooks``).

A code cell whose marker says ``compare`` (``# %% compare="--repeat 3"``) becomes a ``%%compare`` cell: in the
source it is plain Python, which linters can read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import jupytext

HERE = Path(__file__).resolve().parents[1]
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def cells_of(source: Path) -> list[dict]:
    """The cells of one source, in order, as a notebook file holds them."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    cells = []
    for i, cell in enumerate(notebook.cells, 1):
        text = cell.source
        if "compare" in cell.metadata:
            text = f"%%compare {cell.metadata['compare'] or ''}".rstrip() + "\n" + text
        tags = cell.metadata.get("tags", [])
        made = {
            "cell_type": cell.cell_type,
            "id": f"cell-{i:03d}",
            "metadata": {"tags": tags} if tags else {},
            "source": text.splitlines(keepends=True),
        }
        if cell.cell_type == "code":
            made |= {"execution_count": None, "outputs": []}
        cells.append(made)
    return cells


def notebook_text(source: Path) -> str:
    """The notebook of one source, as its file has it: the same bytes whenever and wherever it is made."""
    notebook = {
        "cells": cells_of(source),
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def pairs() -> list[tuple[Path, Path]]:
    """Every source with its notebook."""
    return [(source, HERE / f"{source.stem}.ipynb") for source in sorted((HERE / "src").glob("*.py"))]


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    parser = argparse.ArgumentParser(description="Makes the notebooks from their sources.")
    parser.add_argument("--check", action="store_true", help="write nothing, name what is out of date")
    check = parser.parse_args(arguments).check
    stale = []
    for source, notebook in pairs():
        text = notebook_text(source)
        if notebook.exists() and notebook.read_text(encoding="utf-8") == text:
            continue
        stale.append(notebook.name)
        if not check:
            notebook.write_text(text, encoding="utf-8")
    if stale:
        print(("out of date: " if check else "written: ") + ", ".join(stale))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
