"""Automatic mixed precision, for programs that ask for it: everything is computed in the types as they are.

Lower precision pays on other devices. Here ``autocast`` changes nothing, so results are those of full
precision, and GradScaler does what it says, though nothing needs it.

Source: https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import minitorch
from minitorch import Tensor

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]


class autocast:
    """A context, or a decorator, in which PyTorch would choose lower precision; here nothing changes.

    Args:
        device_type: "cpu"; for another one there is PyTorch's warning that it is not available.
        dtype, enabled, cache_enabled: accepted.

    >>> import minitorch
    >>> with autocast("cpu"):
    ...     (minitorch.ones(1, 2) @ minitorch.ones(2, 1)).dtype
    torch.float32

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html#torch.autocast
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if enabled and device_type != "cpu":
            text = (
                f"User provided device_type of {device_type!r}, but {device_type.upper()} is not available. "
            )
            warnings.warn(
                "CUDA is not available or torch_xla is imported. Disabling autocast."
                if device_type == "cuda"
                else text + "Disabling",
                stacklevel=2,
            )
        self.device = device_type
        self.fast_dtype = dtype

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def __call__(self, function: Callable) -> Callable:
        return function


def is_autocast_available(device_type: str) -> bool:
    """False: minitorch computes in the types that tensors have.

    >>> is_autocast_available("cpu")
    False

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html#torch.amp.autocast_mode.is_autocast_available
    """
    return False


def custom_fwd(fwd: Callable | None = None, *, device_type: str = "cpu", cast_inputs: Any = None) -> Callable:
    """Decorates ``forward`` of an autograd.Function: unchanged, as there is no autocast.

    >>> custom_fwd(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html#torch.amp.custom_fwd
    """
    return functools.partial(custom_fwd, device_type=device_type) if fwd is None else fwd


def custom_bwd(bwd: Callable | None = None, *, device_type: str = "cpu") -> Callable:
    """Decorates ``backward`` of an autograd.Function: unchanged, as there is no autocast.

    >>> custom_bwd(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html#torch.amp.custom_bwd
    """
    return functools.partial(custom_bwd, device_type=device_type) if bwd is None else bwd


class GradScaler:
    """Multiplies the loss so that small gradients do not vanish in half precision, and divides them later.

    ``scale(loss).backward()``, ``step(optimizer)``, ``update()``. A step whose gradients are not finite is
    left out and the scale halved; after growth_interval good ones it doubles.

    Args:
        device: "cpu"; for another one the scaler is off, with PyTorch's warning.
        init_scale, growth_factor, backoff_factor, growth_interval: how the scale changes.
        enabled: False makes every method do nothing but its plain part.

    >>> import minitorch
    >>> w = minitorch.ones(1, requires_grad=True)
    >>> sgd, scaler = minitorch.optim.SGD([w], lr=0.1), GradScaler("cpu")
    >>> scaler.scale(w.sum()).backward()
    >>> scaler.step(sgd)
    >>> scaler.update()
    >>> w
    tensor([0.9000], requires_grad=True)

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html#torch.amp.GradScaler
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        if enabled and device != "cpu":
            warnings.warn(
                f"torch.{device}.amp.GradScaler is enabled, but {device.upper()} is not available.  "
                "Disabling.",
                stacklevel=2,
            )
            enabled = False
        if enabled and growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if enabled and backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._enabled = enabled
        self._scale = float(init_scale)
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        self._finite: dict[int, bool] = {}  # of the optimizers whose gradients were divided

    def is_enabled(self) -> bool:
        """Does this scaler do anything?"""
        return self._enabled

    def scale(self, outputs: Any) -> Any:
        """A tensor, or tensors in a list or tuple, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, (list, tuple)):
            return type(outputs)(self.scale(t) for t in outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of an optimizer's parameters, once before its step."""
        if not self._enabled:
            return
        if id(optimizer) in self._finite:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        finite = True
        with minitorch.no_grad():
            for group in optimizer.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.grad.mul_(1.0 / self._scale)
                        finite = finite and math.isfinite(p.grad.abs().sum().item())
        self._finite[id(optimizer)] = finite

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """The optimizer's step, unless a gradient is not finite."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        if id(optimizer) not in self._finite:
            self.unscale_(optimizer)
        return optimizer.step(*args, **kwargs) if self._finite[id(optimizer)] else None

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Changes the scale after the steps of all optimizers."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._finite:
            raise AssertionError("No inf checks were recorded prior to update.")
        elif not all(self._finite.values()):
            self._scale *= self._backoff_factor
            self._growth_tracker = 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self._growth_interval:
                self._scale *= self._growth_factor
                self._growth_tracker = 0
        self._finite.clear()

    def get_scale(self) -> float:
        """The scale; 1 if this scaler is off."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by after growth_interval good steps."""
        return self._growth_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after a bad step."""
        return self._backoff_factor

    def get_growth_interval(self) -> int:
        """How many good steps there are between two changes."""
        return self._growth_interval

    def state_dict(self) -> dict[str, Any]:
        """Scale, factors and counters; empty if this scaler is off."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where the scaler that gave state_dict was."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of "
                "GradScaler."
            )
        self._scale = state_dict["scale"]
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
