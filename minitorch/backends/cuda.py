"""Switches for another kind of device, which is not there: they may be set, nothing looks at them.

Source: https://docs.pytorch.org/docs/stable/backends.html#torch-backends-cuda
"""

from types import SimpleNamespace

matmul = SimpleNamespace(allow_tf32=False)


def is_built() -> bool:
    """False."""
    return False
