"""What a profiler saw: events, their sums by name, tables and traces.

An event is one call of an operator, one derivative rule, or a block that the program named itself. Times are
in microseconds, on the clock of the processor's core: there is no other device, so all that PyTorch says of
devices is zero here.

Relies on minitorch._C. Source: https://docs.pytorch.org/docs/stable/profiler.html
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

__all__ = ["DeviceType", "EventList", "FunctionEvent", "FunctionEventAvg", "read_events"]

OPERATOR, RULE, HOST = range(3)


class DeviceType(Enum):
    """Where an event ran: on the CPU, always."""

    CPU = 0
    CUDA = 1


def _time_text(us: float) -> str:
    """A time as tables show it."""
    if us >= 1e6:
        return f"{us / 1e6:.3f}s"
    return f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def _memory_text(count: int) -> str:
    """A number of bytes as tables show it."""
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if abs(count) >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count} B"


class _Times:
    """Names that one event and a sum of events have in common."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    device_type = DeviceType.CPU
    is_async = is_remote = is_legacy = is_user_annotation = False
    flops = 0
    device_time = device_time_total = self_device_time_total = cuda_time = cuda_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0
    node_id = -1

    @property
    def cpu_time(self) -> float:
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        return _time_text(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        return _time_text(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        return _time_text(self.self_cpu_time_total)


class Interval:
    """From when to when, in microseconds since the profiler began."""

    def __init__(self, start: float, end: float):
        self.start = start
        self.end = end

    def elapsed_us(self) -> float:
        return self.end - self.start


class FunctionEvent(_Times):
    """One call: its name, time, memory, the shapes of its inputs if they were asked for, what it called."""

    def __init__(self, id: int, name: str, start: float, end: float, memory: int, shapes: list, kind: int):
        self.id = id
        self.name = self.key = self.trace_name = name
        self.time_range = Interval(start, end)
        self.cpu_memory_usage = memory
        self.input_shapes = shapes
        self.kind = kind
        self.is_user_annotation = kind == HOST
        self.thread = 1
        self.count = 1
        self.scope = self.fwd_thread = 0
        self.sequence_nr = -1
        self.stack: list = []
        self.kernels: list = []
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_parent: FunctionEvent | None = None

    @property
    def cpu_time_total(self) -> float:
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:
        return self.cpu_memory_usage - sum(child.cpu_memory_usage for child in self.cpu_children)

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_str} "
            f"start_us={self.time_range.start:.3f} end_us={self.time_range.end:.3f} "
            f"cpu_children={[child.id for child in self.cpu_children]} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage}>"
        )


class FunctionEventAvg(_Times):
    """All events of one name (and of the same shapes, if they are told apart)."""

    def __init__(self, key: str | None = None, shapes: Any = None):
        self.key = key
        self.input_shapes = shapes if shapes is not None else ""
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.is_user_annotation = False
        self.stack: list = []

    def add(self, other: _Times) -> FunctionEventAvg:
        """Adds an event, or a sum of events."""
        self.key = other.key if self.key is None else self.key
        self.count += other.count
        self.cpu_time_total += other.cpu_time_total
        self.self_cpu_time_total += other.self_cpu_time_total
        self.cpu_memory_usage += other.cpu_memory_usage
        self.self_cpu_memory_usage += other.self_cpu_memory_usage
        self.is_user_annotation = other.is_user_annotation
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage}>"
        )


class EventList(list):
    """Events, or their sums by name, with ways to show them.

    >>> import minitorch
    >>> with minitorch.profiler.profile() as prof:
    ...     y = minitorch.ones(2, 2) @ minitorch.ones(2, 2)
    >>> [e.name for e in prof.events()]
    ['aten::ones', 'aten::ones', 'aten::matmul']

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#profiler
    """

    def __init__(self, events: Iterable = (), profile_memory: bool = False, with_shapes: bool = False):
        super().__init__(events)
        self._profile_memory = profile_memory
        self._with_shapes = with_shapes

    @property
    def self_cpu_time_total(self) -> float:
        return sum(event.self_cpu_time_total for event in self)

    def __str__(self) -> str:
        return self.table()

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """Sums by name; group_by_input_shape: by name and shapes. The other choices change nothing.

        >>> import minitorch
        >>> with minitorch.profiler.profile() as prof:
        ...     y = minitorch.ones(2) + minitorch.ones(2)
        >>> [(e.key, e.count) for e in prof.key_averages()]
        [('aten::ones', 2), ('aten::add', 1)]

        Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#profiler
        """
        sums: dict[tuple, FunctionEventAvg] = {}
        for event in self:
            shapes = event.input_shapes if group_by_input_shape else None
            key = event.key, str(shapes)
            sums.setdefault(key, FunctionEventAvg(event.key, shapes)).add(event)
        return EventList(sums.values(), self._profile_memory, group_by_input_shape)

    def total_average(self) -> FunctionEventAvg:
        """The sum of all events, under the name Total."""
        total = FunctionEventAvg()
        for event in self:
            total.add(event)
        total.key = "Total"
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The events as a table.

        Args:
            sort_by: an attribute, the largest first: ``"cpu_time_total"``, ``"self_cpu_time_total"``,
                ``"cpu_time"``, ``"count"``, ``"cpu_memory_usage"``, ...; of a device there is nothing.
            row_limit: at most so many rows; -1: all.
            max_name_column_width, max_shapes_column_width: longer texts are cut.
            header: a line above.
            top_level_events_only: leave out what was called by another event.
            time_unit: ``"s"``, ``"ms"`` or ``"us"`` for all times; by default each in its own.

        Raises AttributeError if events have no attribute sort_by.

        >>> import minitorch
        >>> with minitorch.profiler.profile() as prof:
        ...     y = minitorch.ones(2)
        >>> print(prof.key_averages().table(sort_by="count").split()[1])
        Name

        Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#profiler
        """
        events = list(self)
        if sort_by is not None:
            events.sort(key=lambda event: getattr(event, _old_names.get(sort_by, sort_by)), reverse=True)
        if top_level_events_only:
            events = [event for event in events if getattr(event, "cpu_parent", None) is None]
        whole = sum(event.self_cpu_time_total for event in self)
        shown = events if row_limit < 0 else events[:row_limit]
        columns = self._columns(whole, _unit(time_unit), max_name_column_width, max_shapes_column_width)
        lines = _lay_out([title for title, _ in columns], [[cell(e) for _, cell in columns] for e in shown])
        if header is not None:
            lines[:0] = ["-" * len(lines[0].rstrip()), header]
        return "\n".join([*lines, f"Self CPU time total: {_unit(time_unit)(whole)}", ""])

    def _columns(self, whole: float, time: Callable, name_width: int, shapes_width: int) -> list:
        """Titles of columns, and what they say of an event."""

        def share(us: float) -> str:
            return f"{100 * us / whole:.2f}%" if whole else "0.00%"

        columns = [
            ("Name", lambda e: _cut(e.key, name_width)),
            ("Self CPU %", lambda e: share(e.self_cpu_time_total)),
            ("Self CPU", lambda e: time(e.self_cpu_time_total)),
            ("CPU total %", lambda e: share(e.cpu_time_total)),
            ("CPU total", lambda e: time(e.cpu_time_total)),
            ("CPU time avg", lambda e: time(e.cpu_time)),
        ]
        if self._profile_memory:
            columns.append(("CPU Mem", lambda e: _memory_text(e.cpu_memory_usage)))
            columns.append(("Self CPU Mem", lambda e: _memory_text(e.self_cpu_memory_usage)))
        columns.append(("# of Calls", lambda e: str(e.count)))
        if self._with_shapes:
            columns.append(("Input Shapes", lambda e: _cut(str(e.input_shapes), shapes_width)))
        return columns

    def export_chrome_trace(self, path: str | os.PathLike) -> None:
        """Writes what chrome://tracing and https://ui.perfetto.dev show: a block for each event.

        Example:
            >>> import minitorch
            >>> with minitorch.profiler.profile() as prof:
            ...     y = minitorch.ones(2)
            >>> prof.events().export_chrome_trace("/dev/null")

        Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#profiler
        """
        process, thread = os.getpid(), threading.get_native_id()
        categories = {OPERATOR: "cpu_op", RULE: "cpu_op", HOST: "user_annotation"}
        trace = [
            {
                "ph": "X",
                "cat": categories[event.kind],
                "name": event.name,
                "pid": process,
                "tid": thread,
                "ts": event.time_range.start,
                "dur": event.cpu_time_total,
                "args": {"External id": event.id, "Input Dims": event.input_shapes},
            }
            for event in self
        ]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": trace}, file)


_old_names = {"cuda_time": "device_time", "self_cuda_time_total": "self_device_time_total",
              "cuda_memory_usage": "device_memory_usage",
              "self_cuda_memory_usage": "self_device_memory_usage"}  # fmt: skip


def _unit(name: str | None) -> Callable[[float], str]:
    """How to write a time in that unit."""
    if name is None:
        return _time_text
    parts = {"s": 1e6, "ms": 1e3, "us": 1.0}
    if name not in parts:
        raise ValueError(f"time_unit must be one of s, ms, us, but got {name!r}")
    return lambda us: f"{us / parts[name]:.3f}{name}"


def _cut(text: str, width: int) -> str:
    return text if width < 4 or len(text) <= width else text[: width - 3] + "..."


def _lay_out(titles: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a table whose columns are as wide as what is in them, and at least 12."""
    widths = [max(12, *map(len, column)) for column in zip(titles, *rows, strict=True)]
    rule = "".join("-" * width + "  " for width in widths)
    lines = ["".join(f"{cell:>{width}}  " for cell, width in zip(row, widths, strict=True)) for row in rows]
    head = "".join(f"{title:>{width}}  " for title, width in zip(titles, widths, strict=True))
    return [rule, head, rule, *lines, rule]


def read_events(raw: list[tuple], labels: list[str], origin: int, memory: bool, shapes: bool) -> EventList:
    """The core's events (``_C._watch_events()``) as objects; labels: names of the program's own blocks."""
    events: list[FunctionEvent] = []
    for number, (name, kind, parent, start, end, held, sizes) in enumerate(raw):
        text = labels[name] if kind == HOST else f"aten::{name}" if kind == OPERATOR else name
        end = end or start
        event = FunctionEvent(number, text, (start - origin) / 1e3, (end - origin) / 1e3, held, sizes, kind)
        if parent >= 0:
            event.cpu_parent = events[parent]
            events[parent].cpu_children.append(event)
        events.append(event)
    return EventList(events, memory, shapes)
