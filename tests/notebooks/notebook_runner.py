"""Runs a notebook's source without Jupyter, on minitorch or on PyTorch, and keeps what each cell shows.

A cell's text is what it prints and, as in a notebook, the repr of its last expression. Cells tagged
``minitorch`` (graphs) and ``%%compare`` cells are left out: they have no counterpart in PyTorch. What cells
tagged ``varies`` show is left out, and figures, of which a path would be printed.
"""

import ast
import contextlib
import io
import re
import sys
from pathlib import Path

import jupytext

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")


def code_cells(name):
    """The cells that both libraries can run: source, and whether what it shows is compared."""
    notebook = jupytext.read(NOTEBOOKS / "src" / f"{name}.py", fmt="py:percent")
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and "compare" not in cell.metadata and "minitorch" not in tags:
            source = "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))
            yield source, "varies" not in tags and not source.startswith("show(")


def compared(name):
    """Which of these cells are compared, in order."""
    return [wanted for _, wanted in code_cells(name)]


def texts_of(name, library):
    """What the cells of a notebook show, in order, with ``minitorch`` read as the library's name."""
    shown, names = [], {"__name__": "__main__"}
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(NOTEBOOKS))
        sys.path.insert(0, str(NOTEBOOKS))
        stack.callback(sys.path.remove, str(NOTEBOOKS))
        for number, (source, wanted) in enumerate(code_cells(name), 1):
            if library != "minitorch":
                source = source.replace("minitorch.lecture", "MINITORCH.lecture")
                source = source.replace("minitorch", library).replace("MINITORCH", "minitorch")
            text = run_cell(source, names, f"<{name}, code cell {number}>")
            shown.append(text if wanted else "")
    return shown


def run_cell(source, names, file):
    """Run one cell; its text."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, file, "exec"), names)
        result = None if last is None else eval(compile(ast.Expression(last.value), file, "eval"), names)
    text = printed.getvalue()
    if result is not None and " object at 0x" not in repr(result):
        text += f"{result!r}\n"
    return text


def same(theirs, ours, relative=2e-3):
    """Is the text the same, but for numbers that differ by a last digit or a thousandth?"""
    if NUMBER.sub("#", theirs).split() != NUMBER.sub("#", ours).split():
        return False
    for a, b in zip(NUMBER.findall(theirs), NUMBER.findall(ours), strict=True):
        decimals = len(a.partition("e")[0].partition(".")[2])
        unit = 10.0**-decimals if "." in a and "e" not in a else 0.0
        if abs(float(a) - float(b)) > max(1.01 * unit, relative * abs(float(a))):
            return False
    return True
