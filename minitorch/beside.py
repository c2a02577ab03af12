"""PyTorch beside minitorch: tensors of one as tensors of the other, over the same memory.

Source: https://docs.pytorch.org/docs/stable/dlpack.html
"""

from __future__ import annotations

from typing import Any

import minitorch
from minitorch import Tensor

__all__ = ["from_torch", "to_torch"]


def _torch() -> Any:
    """The real PyTorch."""
    import torch

    if torch.__name__ != "torch" or torch is minitorch:
        raise RuntimeError("to_torch needs PyTorch itself, but here the name torch means minitorch")
    return torch


def from_torch(t: Any) -> Tensor:
    """A tensor of PyTorch as one of minitorch: same memory, shape, strides and requires_grad, no history.

    Args:
        t: a tensor of any shape on the CPU.

    Raises:
        BufferError: if minitorch has no such dtype, or the tensor is on another device.

    >>> import minitorch
    >>> minitorch.from_torch(minitorch.to_torch(minitorch.ones(2)))  # doctest: +SKIP
    tensor([1., 1.])

    How it is done: https://dmlc.github.io/dlpack/latest/python_spec.html
    """
    return minitorch.from_dlpack(t.detach()).requires_grad_(t.requires_grad)


def to_torch(t: Tensor) -> Any:
    """A tensor as one of PyTorch: same memory, shape, strides and requires_grad, no history.

    Args:
        t: a tensor of any shape.

    Raises:
        ModuleNotFoundError: if PyTorch is not installed.
        RuntimeError: under ``python -m minitorch``, where the name torch means minitorch.

    >>> import minitorch
    >>> minitorch.to_torch(minitorch.ones(2))  # doctest: +SKIP
    tensor([1., 1.])

    How it is done: https://dmlc.github.io/dlpack/latest/python_spec.html
    """
    return _torch().from_dlpack(t.detach()).requires_grad_(t.requires_grad)
