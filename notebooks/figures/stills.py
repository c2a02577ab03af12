"""Stills: pictures of the pages as they open, taken with Chromium. Relies on playwright and an installed
browser.

``stills/made-from.json`` keeps which page each still was taken of, as a digest of the page's bytes: stills
of pages that have not changed are left alone, so that another browser or other fonts do not change them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from .base import STILLS, Figure

RECORD = STILLS / "made-from.json"
WIDTH = 900
COLOURS = 160
# No name is resolved but this machine's: a page that asks for anything fails.
FLAGS = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


def browser_path() -> str | None:
    """Chromium of the system: what MINITORCH_CHROMIUM names, else the first that is found."""
    chosen = os.environ.get("MINITORCH_CHROMIUM")
    names = [chosen] if chosen else ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    return next((path for path in map(shutil.which, names) if path), None)


@contextmanager
def browser():
    """A headless Chromium without a network."""
    from playwright.sync_api import sync_playwright

    path = browser_path()
    if path is None:
        raise RuntimeError(
            "no Chromium is installed (apt-get install chromium); MINITORCH_CHROMIUM names another browser"
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


def digest(figure: Figure) -> str:
    return hashlib.sha256(figure.page.read_bytes()).hexdigest()


def record() -> dict[str, str]:
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}


def smaller(png: bytes) -> bytes:
    """The picture in a palette of colours, half of the bytes; as it is where Pillow is not installed."""
    try:
        from PIL import Image
    except ImportError:
        return png
    image = Image.open(io.BytesIO(png)).convert("RGB")
    # the commonest colours (areas and lines) as they are, those between (rims of letters) as the nearest
    common = sorted(image.getcolors(1 << 24), reverse=True)[:COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _count, colour in common for part in colour])
    packed = io.BytesIO()
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def take(figures: list[Figure]) -> Iterator[str]:
    """Take the stills of the pages that have changed since theirs was taken; yields what was done."""
    made = record()
    changed = [f for f in figures if not f.still.is_file() or made.get(f.name) != digest(f)]
    if not changed:
        yield "all stills are of the pages as they are"
        return
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": WIDTH, "height": 600})
        page.on("pageerror", lambda error: print(f"error in the page: {error}"))
        for figure in changed:
            page.goto(figure.page.as_uri() + "?theme=light&steps=4000")
            page.wait_for_selector("html[data-ready]", timeout=10_000)
            figure.still.write_bytes(smaller(page.locator("main").screenshot(animations="disabled")))
            made[figure.name] = digest(figure)
            yield f"{figure.name:<28}{figure.still.stat().st_size / 1000:7.1f} kB  still"
    RECORD.write_text(json.dumps(dict(sorted(made.items())), indent=1) + "\n", encoding="utf-8")
