"""Which minitorch this is, and which PyTorch it follows.

Source: https://docs.pytorch.org/docs/stable/torch.html
"""

from __future__ import annotations

import re
import sys
from typing import Any

__all__ = ["TorchVersion", "cuda", "debug", "follows", "git_version", "hip", "xpu"]

follows = "2.13"


class TorchVersion(str):
    """A version as text. What asks for an order asks for an interface: it is compared as PyTorch's version.

    So ``torch.__version__ >= "1.7"`` and ``>= (2, 0)`` are true, as minitorch follows PyTorch 2.13; the text
    itself is minitorch's own number, or 2.13.0+minitorch where minitorch goes by the name of torch.

    >>> import minitorch
    >>> minitorch.__version__ >= (1, 7), minitorch.__version__ < "2.0"
    (True, False)

    Behaviour: https://github.com/pytorch/pytorch/blob/main/torch/torch_version.py
    """

    def _compared(self, other: Any) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Both versions as numbers of one length; None if the other is no version."""
        numbers = re.findall(r"\d+", re.split(r"[+a-z-]", other)[0]) if isinstance(other, str) else other
        try:
            theirs = tuple(int(n) for n in numbers)
        except (TypeError, ValueError):
            return None
        ours = tuple(int(n) for n in follows.split("."))
        length = max(len(ours), len(theirs))
        return ours + (0,) * (length - len(ours)), theirs + (0,) * (length - len(theirs))

    def __lt__(self, other: Any) -> bool:
        both = self._compared(other)
        return NotImplemented if both is None else both[0] < both[1]

    def __le__(self, other: Any) -> bool:
        both = self._compared(other)
        return NotImplemented if both is None else both[0] <= both[1]

    def __gt__(self, other: Any) -> bool:
        both = self._compared(other)
        return NotImplemented if both is None else both[0] > both[1]

    def __ge__(self, other: Any) -> bool:
        both = self._compared(other)
        return NotImplemented if both is None else both[0] >= both[1]


_own = TorchVersion("0.1.0")
_as_torch = TorchVersion(f"{follows}.0+minitorch")
debug = False
cuda = hip = xpu = git_version = None


def __getattr__(name: str) -> Any:
    """``__version__``: minitorch's own number, but where minitorch is what ``import torch`` gives, PyTorch's.

    Programs take the number apart to find out what they may call, and print it beside their results.
    """
    if name != "__version__":
        raise AttributeError(f"module 'minitorch.version' has no attribute {name!r}")
    return _as_torch if sys.modules.get("torch") is sys.modules.get("minitorch") else _own
