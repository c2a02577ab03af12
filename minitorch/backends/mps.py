"""Another kind of device, which is not there.

Source: https://docs.pytorch.org/docs/stable/backends.html#torch-backends-mps
"""


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False
