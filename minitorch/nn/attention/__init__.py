"""Which implementation scaled_dot_product_attention takes: there is one, so every choice is the same.

https://docs.pytorch.org/docs/2.13/nn.attention.html
"""

from contextlib import contextmanager
from enum import Enum

from minitorch.nn.attention import bias

__all__ = ["SDPBackend", "bias", "sdpa_kernel"]


class SDPBackend(Enum):
    """The implementations that PyTorch has.

    >>> from minitorch.nn.attention import SDPBackend
    >>> SDPBackend.MATH.value
    0

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.attention.SDPBackend.html
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends, set_priority=False):
    """Within this context PyTorch takes one of these implementations; here nothing changes.

    Raises:
        AssertionError: if backends is neither an SDPBackend nor a list of them.

    >>> import minitorch
    >>> from minitorch.nn.attention import SDPBackend, sdpa_kernel
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     pass

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.attention.sdpa_kernel.html
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends)}"
        )
    yield {}
