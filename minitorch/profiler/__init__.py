"""Where the time goes: what ran between two points of a program, by operator.

    with minitorch.profiler.profile() as prof:
        loss = criterion(model(x), y)
        loss.backward()
    print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=10))

Operators are named as PyTorch names its own (``aten::addmm``), derivative rules as ``grad_fn`` prints them.
The core notes two times for each call of the thread that profiles; while nobody profiles, nothing is paid.

Relies on csrc/graph/watch.c; tables are made in _events.py.
Source: https://docs.pytorch.org/docs/stable/profiler.html
"""

from __future__ import annotations

import functools
import os
import socket
import time
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from minitorch import _C
from minitorch.profiler._events import EventList, read_events

__all__ = [
    "EventList", "ProfilerAction", "ProfilerActivity", "kineto_available", "profile", "record_function",
    "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip

_labels: list[str] = []


class ProfilerActivity(Enum):
    """What to look at. There is the CPU; other devices are accepted and show nothing."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(Enum):
    """What a step of a schedule does."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """The activities that show something.

    >>> supported_activities()
    {<ProfilerActivity.CPU: 0>}

    Behaviour: https://docs.pytorch.org/docs/stable/profiler.html
    """
    return {ProfilerActivity.CPU}


def kineto_available() -> bool:
    """False: PyTorch's tracing library is not used.

    >>> kineto_available()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/profiler.html
    """
    return False


class record_function:
    """Names a block of a program (or a function, as a decorator) in what a profiler shows.

    >>> import minitorch
    >>> with minitorch.profiler.profile() as prof:
    ...     with minitorch.profiler.record_function("my block"):
    ...         y = minitorch.ones(3).sum()
    >>> prof.events()[0].name, len(prof.events()[0].cpu_children)
    ('my block', 2)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.profiler.record_function.html
    """

    def __init__(self, name: str, args: str | None = None):
        self.name = name
        self.args = args
        self._open: list[int] = []

    def __enter__(self) -> record_function:
        event = _C._watch_open(len(_labels))
        if event >= 0:
            _labels.append(self.name)
        self._open.append(event)
        return self

    def __exit__(self, *exception: Any) -> None:
        _C._watch_close(self._open.pop())

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return named


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """For ``profile(schedule=...)``: which steps are looked at.

    Args:
        wait, warmup, active: a cycle leaves out so many steps, then warms up, then records.
        repeat: so many cycles; 0: no end.
        skip_first: steps before the first cycle.
        skip_first_wait: not 0: the first cycle does not wait.

    Raises AssertionError for negative numbers and for active=0.

    >>> plan = schedule(wait=1, warmup=1, active=2)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']

    Behaviour: https://docs.pytorch.org/docs/stable/profiler.html#torch.profiler.schedule
    """
    numbers = (wait, warmup, active, repeat, skip_first)
    assert min(numbers) >= 0 and active > 0, "Invalid profiler schedule arguments"

    def action(step: int) -> ProfilerAction:
        assert step >= 0, "Step number cannot be negative"
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        length = wait + warmup + active
        if repeat and step >= repeat * length:
            return ProfilerAction.NONE
        at = step % length
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """For ``profile(on_trace_ready=...)``: writes a trace into a folder, one file per cycle.

    Raises ValueError if dir_name is no folder and cannot be made.

    Example:
        >>> handler = tensorboard_trace_handler("/tmp/traces")

    Behaviour: https://docs.pytorch.org/docs/stable/profiler.html#torch.profiler.tensorboard_trace_handler
    """

    def handler(prof: profile) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise ValueError("Can't create directory: " + dir_name) from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json"
        prof.export_chrome_trace(os.path.join(dir_name, name + (".gz" if use_gzip else "")))

    return handler


class profile:
    """Notes every call of an operator and of a derivative rule in this thread, while it is open.

    Args:
        activities: accepted; the CPU is looked at.
        schedule: step number -> ProfilerAction, see :func:`schedule`; call :meth:`step` after every step.
        on_trace_ready: called with the profiler when a cycle of the schedule, or the whole, is done.
        record_shapes: keep the shapes of inputs, for ``key_averages(group_by_input_shape=True)``.
        profile_memory: add columns with the memory that calls took and did not give back.
        with_stack, with_flops, with_modules and the rest: accepted, nothing more is shown for them.

    Raises RuntimeError if another thread is being profiled.

    >>> import minitorch
    >>> x = minitorch.ones(2, requires_grad=True)
    >>> with minitorch.profiler.profile() as prof:
    ...     (x * x).sum().backward()
    >>> [e.key for e in prof.key_averages()]
    ['aten::mul', 'aten::sum', 'aten::ones_like', 'SumBackward0', 'aten::expand', 'MulBackward0']

    Behaviour: https://docs.pytorch.org/docs/stable/profiler.html#torch.profiler.profile
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Callable | None = None,
        post_processing_timeout_s: float | None = None,
    ):
        self.activities = set(activities) if activities else supported_activities()
        self.schedule = schedule
        self.on_trace_ready = on_trace_ready
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.step_num = 0
        self._running = False
        self._step: record_function | None = None
        self._events: EventList | None = None
        self._hooks: list = []

    # -- from start to stop --

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.stop()

    def _action(self) -> ProfilerAction:
        return self.schedule(self.step_num) if self.schedule else ProfilerAction.RECORD

    def start(self) -> None:
        """Begins, or waits for the step at which its schedule says so."""
        if self._action() in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE):
            self._begin()

    def stop(self) -> None:
        """Ends, and calls on_trace_ready if there is something that it has not seen."""
        if self._running:
            self._end()
            if self.on_trace_ready:
                self.on_trace_ready(self)

    def step(self) -> None:
        """Says that a step of the program is done."""
        before = self._action()
        self.step_num += 1
        now = self._action()
        if self._running and before is ProfilerAction.RECORD_AND_SAVE:
            self.stop()
        recording = now in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if self._running and recording:
            self._next_step()
        elif self._running:
            self._end()
        elif recording:
            self._begin()

    def _begin(self) -> None:
        _labels.clear()
        _C._watch_start(self.record_shapes)
        self._origin = _C._watch_clock()
        self._running = True
        self._events = None
        self._watch_optimizers()
        self._next_step()

    def _next_step(self) -> None:
        if self._step is not None:
            self._step.__exit__()
        self._step = None
        if self.schedule is not None:
            self._step = record_function(f"ProfilerStep#{self.step_num}").__enter__()

    def _end(self) -> None:
        if self._step is not None:
            self._step.__exit__()
            self._step = None
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        _C._watch_stop()
        self._running = False
        raw = _C._watch_events()
        self._events = read_events(raw, _labels, self._origin, self.profile_memory, self.record_shapes)
        for event in self._events:
            if event.name.startswith("ProfilerStep#"):
                event.key = "ProfilerStep*"

    def _watch_optimizers(self) -> None:
        """A step of an optimizer is no operator: it gets a name of its own."""
        from minitorch.optim import optimizer

        steps: list[record_function] = []

        def before(opt: Any, args: Any, kwargs: Any) -> None:
            steps.append(record_function(f"Optimizer.step#{type(opt).__name__}.step").__enter__())

        def after(opt: Any, args: Any, kwargs: Any) -> None:
            if steps:
                steps.pop().__exit__()

        self._hooks.append(optimizer.register_optimizer_step_pre_hook(before))
        self._hooks.append(optimizer.register_optimizer_step_post_hook(after))

    # -- what was seen --

    def events(self) -> EventList:
        """All events, in order. AssertionError while the profiler runs."""
        assert self._events is not None, "events are there when the profiler has stopped"
        return self._events

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """Sums by name: see :meth:`EventList.key_averages`."""
        return self.events().key_averages(group_by_input_shape)

    def export_chrome_trace(self, path: str | os.PathLike) -> None:
        """Writes a trace for chrome://tracing and https://ui.perfetto.dev; compressed if path ends in .gz."""
        if not os.fspath(path).endswith(".gz"):
            self.events().export_chrome_trace(path)
            return
        import gzip
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "trace.json")
            self.events().export_chrome_trace(plain)
            with open(plain, "rb") as source, gzip.open(path, "wb") as target:
                target.write(source.read())

    def add_metadata(self, key: str, value: str) -> None:
        """Accepted, and not kept."""

    def add_metadata_json(self, key: str, value: str) -> None:
        """Accepted, and not kept."""

    def preset_metadata_json(self, key: str, value: str) -> None:
        """Accepted, and not kept."""

    def __repr__(self) -> str:
        if self._events is None:
            return f"<{type(self).__name__}: nothing seen yet>"
        return self.events().table()
