"""``python notebooks/figures``: makes the pages and the stills.

Without arguments all figures are computed, trained and drawn anew, which takes some minutes. ``--pages``
keeps the numbers that the pages have and puts the pages together anew, after a change of a script or a
caption. The stills are pictures of the pages, taken with Chromium through playwright, and only of pages
that have changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

if __package__ in (None, ""):  # started as a folder
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    __package__ = "figures"

from .base import PAGES, STILLS, Figure, build, stored
from .catalogue import FIGURES


def write_page(figure: Figure, keep: bool) -> bool:
    """Make a figure's page; returns whether it changed."""
    data = stored(figure) if keep and figure.page.is_file() else figure.make()
    text = build(figure, data)
    old = figure.page.read_text(encoding="utf-8") if figure.page.is_file() else ""
    figure.page.write_text(text, encoding="utf-8", newline="\n")
    return text != old


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python notebooks/figures", description=__doc__.split("\n\n")[1])
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help="only these")
    parser.add_argument("--pages", action="store_true", help="keep the numbers of the pages there are")
    parser.add_argument("--no-stills", action="store_true", help="no pictures, so no browser")
    options = parser.parse_args(argv)
    known = {figure.name: figure for figure in FIGURES}
    unknown = [name for name in options.figures if name not in known]
    if unknown:
        parser.error(f"no figure is called {unknown[0]!r}; there are {', '.join(known)}")
    wanted = [known[name] for name in options.figures or known]
    PAGES.mkdir(exist_ok=True)
    STILLS.mkdir(exist_ok=True)
    for figure in wanted:
        start = time.perf_counter()
        changed = write_page(figure, options.pages)
        size = figure.page.stat().st_size / 1000
        state = "changed" if changed else "as before"
        print(f"{figure.name:<28}{size:7.1f} kB  {state:<10}{time.perf_counter() - start:6.1f} s", flush=True)
    if not options.no_stills:
        from .stills import take

        for line in take(wanted):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
