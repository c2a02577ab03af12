"""The vendor's library for matrices and Fourier transforms, which minitorch does without.

Source: https://docs.pytorch.org/docs/2.13/backends.html#module-torch.backends.mkl
"""


def is_available() -> bool:
    """False: products of matrices are computed by minitorch's own kernels."""
    return False
