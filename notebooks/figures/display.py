"""How a notebook shows a figure: the page in a frame of its own, and the still where HTML is not possible.

Needs the made pages only, no minitorch (``playground`` does). Read ``base`` next.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from pathlib import Path

HERE = Path(__file__).resolve().parent


def names() -> list[str]:
    """The figures that ``show`` knows, in alphabetical order.

    >>> "gradient" in names()
    True
    """
    return sorted(path.stem for path in (HERE / "pages").glob("*.html"))


class Shown:
    """A figure as Jupyter asks for it: the page for those who show HTML, the still for those who do not."""

    def __init__(self, name: str, page: str, height: int, still: bool = False):
        self.name, self.page, self.height, self.still = name, page, height, still

    def __repr__(self) -> str:
        return f"figure {self.name!r}: {alt(self.page)}"

    def frame(self) -> str:
        """The page as ``<iframe srcdoc>``: no file and no server, so that it works in exported HTML, too."""
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" title="{html.escape(title(self.page))}" width="100%" '
            f'height="{self.height}" style="border:0;display:block"></iframe>'
        )

    def picture(self) -> bytes:
        return (HERE / "stills" / f"{self.name}.png").read_bytes()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        png = b64encode(self.picture()).decode()
        bundle = {"text/plain": repr(self), "image/png": png}
        if self.still:
            words = html.escape(alt(self.page))
            bundle["text/html"] = f'<img src="data:image/png;base64,{png}" alt="{words}" width="860">'
        else:
            bundle["text/html"] = self.frame()
        return bundle


def show(name: str, height: int = 560, still: bool = False) -> None:
    """Show a figure of the lectures below the cell.

    Args:
        name: one of ``names()``.
        height: of the frame in pixels, until the page has told its own.
        still: the picture only, without the page.

    Raises:
        ValueError: there is no figure of this name.

    Without Jupyter it prints what the figure shows, and where its page is.

    >>> show("no such figure")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: no figure is called 'no such figure'; there are ...
    """
    path = HERE / "pages" / f"{name}.html"
    if not path.is_file():
        raise ValueError(f"no figure is called {name!r}; there are {', '.join(names())}")
    _display(Shown(name, path.read_text(encoding="utf-8"), height, still), path)


def playground(height: int = 760):
    """The playground with its training in this kernel, by minitorch's C core; without a kernel the page
    trains.

    Returns:
        Server: its ``close()`` ends the serving; it also ends with the kernel.
    """
    from .server import serve

    server = serve()
    path = HERE / "pages" / "playground.html"
    page = path.read_text(encoding="utf-8").replace('"kernel":null', f'"kernel":"{server.address}"', 1)
    _display(Shown("playground", page, height), path)
    return server


def title(page: str) -> str:
    """The page's title."""
    return html.unescape(re.search(r"<title>(.*?)</title>", page, re.S).group(1))


def alt(page: str) -> str:
    """What the page's picture shows, in words."""
    return html.unescape(re.search(r'data-alt="(.*?)"', page, re.S).group(1))


def _display(shown: Shown, path: Path) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        print(f"{shown!r}\nopen {path} in a browser")
    else:
        display(shown)
