"""Export of whole programs, which minitorch does not do: it says what to do instead.

Source: https://docs.pytorch.org/docs/stable/export.html
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["export", "load", "save"]


def export(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: weights go to PyTorch with save() and load(), which exports programs.

    >>> export(None, ())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    NotImplementedError: minitorch has no torch.export. ...

    Behaviour: https://docs.pytorch.org/docs/stable/export.html
    """
    raise NotImplementedError(
        "minitorch has no torch.export. Save the weights with torch.save(model.state_dict(), path), load "
        "them into the same model in PyTorch, and export it there."
    )


load = save = export
