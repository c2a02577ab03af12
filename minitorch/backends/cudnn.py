"""Switches of a library for other devices: programs may set them, nothing looks at them.

Source: https://docs.pytorch.org/docs/stable/backends.html#torch-backends-cudnn
"""

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
