"""Switches of a library for other devices: programs may set them, nothing looks at them.

Source: https://docs.pytorch.org/docs/stable/backends.html#torch-backends-cudnn
"""

import contextlib

enabled = True
benchmark = False
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False."""
    return False


def version() -> None:
    """None: the library is not there."""
    return None


@contextlib.contextmanager
def flags(
    enabled=False, benchmark=False, benchmark_limit=10, deterministic=False, allow_tf32=True, **precision
):
    """A block in which the switches are set otherwise; it changes nothing here.

    >>> import minitorch
    >>> with minitorch.backends.cudnn.flags(allow_tf32=False):
    ...     minitorch.ones(2).sum()
    tensor(2.)
    """
    yield
