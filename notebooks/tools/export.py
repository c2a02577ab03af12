"""Runs notebooks and writes each as one HTML page that needs no internet.

``python notebooks/tools/export.py --out DIR [lecture workbook_1_one_x_one_y ...]``; without names, all.

nbconvert's own pages fetch MathJax from the network to draw formulas. Here they become MathML, which browsers
draw by themselves; figures are in their pages anyway. Needs the extra ``notebooks``.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbclient
import nbformat
from latex2mathml.converter import convert
from nbconvert import HTMLExporter

HERE = Path(__file__).resolve().parents[1]
# A formula, or code, in which dollars mean nothing: code first.
FORMULA = re.compile(r"(`[^`]*`)|\$\$(.+?)\$\$|(?<![\\$\w])\$(?!\s)([^$]+?)(?<!\s)\$(?![\w$])", re.S)


def with_mathml(markdown: str) -> str:
    r"""The text with every formula as MathML.

    >>> with_mathml("`$5` and $x$")[:42]
    '`$5` and <math xmlns="http://www.w3.org/1'
    """

    def drawn(found: re.Match) -> str:
        code, block, inline = found.groups()
        if code is not None:
            return code
        formula = " ".join((block or inline).split())
        # One line, and nothing in it that Markdown would read as its own.
        mathml = convert(formula, display="block" if block else "inline").replace("\n", "")
        return mathml.replace("*", "&#42;").replace("_", "&#95;").replace("|", "&#124;")

    return FORMULA.sub(drawn, markdown)


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook, after it has run in a kernel of its own."""
    notebook = nbformat.read(path, 4)
    folder = {"metadata": {"path": str(path.parent)}}
    return nbclient.NotebookClient(notebook, timeout=300, resources=folder).execute()


def page_of(notebook: nbformat.NotebookNode) -> str:
    """An executed notebook's page, in which nothing is fetched."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    # The playground's kernel is gone by now: the page trains by itself.
    page = re.sub(r"&quot;kernel&quot;:&quot;[^&]*&quot;", "&quot;kernel&quot;:null", page)
    page = re.sub(r'<script[^>]*src="https?://[^"]*"[^>]*>\s*</script>', "", page)  # MathJax, RequireJS
    return re.sub(r'href="(lecture|side_by_side|workbook_\w+)\.ipynb"', r'href="\1.html"', page)


def main(arguments: list[str]) -> int:
    """Write the pages; the exit status."""
    parser = argparse.ArgumentParser(description="Runs notebooks and writes HTML pages.")
    parser.add_argument("names", nargs="*", help="of notebooks, without .ipynb; all if there are none")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pages")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or sorted(path.stem for path in (HERE / "src").glob("*.py")):
        path = options.out / f"{name}.html"
        path.write_text(page_of(executed(HERE / f"{name}.ipynb")), encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
