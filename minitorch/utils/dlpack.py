"""DLPack by its older names. See also minitorch.from_dlpack and Tensor.__dlpack__.

Source: https://docs.pytorch.org/docs/stable/dlpack.html
"""

from __future__ import annotations

import enum
from typing import Any

from minitorch import Tensor
from minitorch._dlpack import from_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]


class DLDeviceType(enum.IntEnum):
    """DLPack's numbers of the devices that teaching code may meet.

    >>> import minitorch
    >>> minitorch.ones(1).__dlpack_device__()[0] == DLDeviceType.kDLCPU
    True

    Source: https://dmlc.github.io/dlpack/latest/c_api.html
    """

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLMetal = 8
    kDLROCM = 10


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule with a tensor's memory, to be used once. BufferError if it requires grad.

    >>> import minitorch
    >>> from_dlpack(to_dlpack(minitorch.ones(2)))
    tensor([1., 1.])

    Behaviour: https://docs.pytorch.org/docs/stable/dlpack.html#torch.utils.dlpack.to_dlpack
    """
    return tensor.__dlpack__()
