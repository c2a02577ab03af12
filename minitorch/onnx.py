"""Export to ONNX, which minitorch does not do: it says what to do instead.

Source: https://docs.pytorch.org/docs/stable/onnx.html
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["dynamo_export", "export", "is_in_onnx_export"]


def export(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError: weights go to PyTorch with save() and load(), which exports them.

    >>> export(None, (), "model.onnx")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    NotImplementedError: minitorch has no ONNX export. ...

    Behaviour: https://docs.pytorch.org/docs/stable/onnx.html
    """
    raise NotImplementedError(
        "minitorch has no ONNX export. Save the weights with torch.save(model.state_dict(), path), load them "
        "into the same model in PyTorch, and export it there."
    )


dynamo_export = export


def is_in_onnx_export() -> bool:
    """False: nothing is being exported.

    >>> is_in_onnx_export()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/onnx.html
    """
    return False
