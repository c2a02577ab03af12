"""Downloading of models, which minitorch does not do: every function says what to do instead.

Source: https://docs.pytorch.org/docs/stable/hub.html
"""

from __future__ import annotations

import os
from typing import Any, NoReturn

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

_folder: str | None = None


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: minitorch downloads and runs nothing from the network."""
    raise RuntimeError(
        "minitorch downloads nothing. Get the file with another program, and read it with torch.load(path); "
        "a model's code must be written with the layers that are here."
    )


load = load_state_dict_from_url = download_url_to_file = list = help = _refuse


def get_dir() -> str:
    """The folder where PyTorch keeps downloads."""
    home = os.getenv("XDG_CACHE_HOME", os.path.join("~", ".cache"))
    home = os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(home, "torch")))
    return _folder or os.path.join(home, "hub")


def set_dir(d: str) -> None:
    """What :func:`get_dir` returns from now on."""
    global _folder
    _folder = os.path.expanduser(d)
