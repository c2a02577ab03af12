"""The older profiler, as a layer over minitorch.profiler.

Source: https://docs.pytorch.org/docs/stable/autograd.html#profiler
"""

from __future__ import annotations

from typing import Any

from minitorch import profiler as _profiler
from minitorch.profiler import EventList, ProfilerActivity, record_function
from minitorch.profiler._events import FunctionEvent, FunctionEventAvg

__all__ = [
    "EventList", "FunctionEvent", "FunctionEventAvg", "ProfilerActivity", "emit_itt", "emit_nvtx", "profile",
    "record_function",
]  # fmt: skip


class profile(_profiler.profile):
    """Notes every call of an operator and of a derivative rule in this thread, while it is open.

    Args:
        enabled: False: does nothing.
        record_shapes, profile_memory: as for :class:`minitorch.profiler.profile`.
        use_cuda, use_device, with_flops, with_stack, with_modules, use_kineto, use_cpu: accepted.

    Raises RuntimeError if another thread is being profiled.

    >>> import minitorch
    >>> with minitorch.autograd.profiler.profile() as prof:
    ...     y = minitorch.ones(2) * 2
    >>> [e.name for e in prof.function_events]
    ['aten::ones', 'aten::mul']

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.profiler.profile
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        **options: Any,
    ):
        super().__init__(record_shapes=record_shapes, profile_memory=profile_memory)
        self.enabled = enabled

    def start(self) -> None:
        """Begins, if enabled."""
        if self.enabled:
            super().start()

    @property
    def function_events(self) -> EventList | None:
        """All events; None while it runs, or if not enabled."""
        return self._events

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds spent in all events together."""
        return self.events().self_cpu_time_total

    def table(self, *args: Any, **kwargs: Any) -> str:
        """As :meth:`EventList.table`."""
        return self.events().table(*args, **kwargs)

    def total_average(self) -> FunctionEventAvg:
        """As :meth:`EventList.total_average`."""
        return self.events().total_average()


class emit_nvtx:
    """Does nothing: there is no such device. Arguments are accepted.

    >>> with emit_nvtx(): pass

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.profiler.emit_nvtx
    """

    def __init__(self, enabled: bool = True, record_shapes: bool = False):
        self.enabled = enabled

    def __enter__(self) -> emit_nvtx:
        return self

    def __exit__(self, *exception: Any) -> None:
        pass


class emit_itt(emit_nvtx):
    """Does nothing: traces are written by ``export_chrome_trace``. Arguments are accepted.

    >>> with emit_itt(): pass

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.profiler.emit_itt
    """
