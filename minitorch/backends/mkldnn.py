"""The vendor's library for layers, which minitorch does without.

Source: https://docs.pytorch.org/docs/2.13/backends.html#module-torch.backends.mkldnn
"""

enabled = deterministic = False


def is_available() -> bool:
    """False: layers are computed by minitorch's own kernels."""
    return False
