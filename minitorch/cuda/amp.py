"""Mixed precision by its older names; see minitorch/amp.

Source: https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

from typing import Any

from minitorch import amp
from minitorch.amp import custom_bwd, custom_fwd

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(amp.autocast):
    """``torch.autocast("cuda")``: does nothing, with a warning, since there is no such device.

    >>> import minitorch
    >>> with autocast(enabled=False):
    ...     minitorch.ones(1).dtype
    torch.float32

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html#torch.cuda.amp.autocast
    """

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True):
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """``torch.amp.GradScaler("cuda")``: off, with a warning, since there is no such device.

    >>> GradScaler(enabled=False).is_enabled()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html#torch.cuda.amp.GradScaler
    """

    def __init__(
        self,
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
