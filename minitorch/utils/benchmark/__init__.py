"""Times of statements: ``Timer``, ``Measurement``, ``TaskSpec``, ``Compare``.

Source: https://docs.pytorch.org/docs/stable/benchmark_utils.html
"""

from __future__ import annotations

import enum
import statistics
import textwrap
import timeit
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import minitorch

__all__ = ["Compare", "Language", "Measurement", "TaskSpec", "Timer", "select_unit"]

_units = (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0))


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which to write t seconds, and that unit in seconds.

    >>> select_unit(0.0025)
    ('ms', 0.001)

    Behaviour: https://docs.pytorch.org/docs/stable/benchmark_utils.html
    """
    fitting = [unit for unit in _units if t >= unit[1]]
    return (fitting or _units)[-1 if fitting else 0]


class Language(enum.Enum):
    """What a statement is written in; only Python's are timed here.

    >>> Timer("1 + 1", language=Language.PYTHON).timeit(10).mean < 1.0
    True

    Source: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/benchmark/utils/timer.py
    """

    PYTHON = 0
    CPP = 1


def _snippet(source: str) -> str:
    """Source that may stand indented in a program, as it would stand alone."""
    return textwrap.dedent(source).removeprefix("\n").rstrip()


def _block(name: str, source: str) -> str:
    """A line of source as it is, more under a heading."""
    return f"{name}:\n{textwrap.indent(source, '  ')}\n" if "\n" in source else f"{name}: {source}"


@dataclass(frozen=True)
class TaskSpec:
    """What was timed: the statement, and the words for it in tables.

    >>> TaskSpec("x + x", "x = 1", label="sum", sub_label="ints").title
    'sum: ints'

    Source: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/benchmark/utils/common.py
    """

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, or else the statement."""
        name = self.label or (_block("stmt", self.stmt).rstrip() if "\n" in self.stmt else self.stmt)
        return f"{name}: {self.sub_label}" if self.sub_label else name

    def setup_str(self) -> str:
        """The preparation, "" if there is none."""
        return "" if self.setup in ("", "pass") else _block("setup", self.setup)

    def summarize(self) -> str:
        """Title, description and preparation, on lines of their own."""
        title = self.title + ("\n" if "\n" in self.title else "")
        return "\n".join(filter(None, [title, self.description, self.setup_str()]))


class Measurement:
    """Times of one statement, in seconds per run.

    Two are equal if they tell of the same statement and have the same times; they can be pickled.

    >>> m = Measurement(10, [2e-5, 4e-5, 3e-5])
    >>> round(m.median * 1e6, 3), len(m.times)
    (3.0, 3)

    Behaviour: https://docs.pytorch.org/docs/stable/benchmark_utils.html#torch.utils.benchmark.Measurement
    """

    def __init__(
        self,
        number_per_run: int,
        raw_times: list[float],
        task_spec: TaskSpec | None = None,
        metadata: dict[Any, Any] | None = None,
    ):
        self.number_per_run = number_per_run
        self.raw_times = raw_times
        self.task_spec = task_spec
        self.metadata = metadata

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Measurement) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    @property
    def times(self) -> list[float]:
        """Seconds per execution of the statement, one for each measurement."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.times)

    @property
    def iqr(self) -> float:
        """The width of the middle half."""
        if len(self.raw_times) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return high - low

    @property
    def num_threads(self) -> int:
        return self.task_spec.num_threads if self.task_spec else 1

    @property
    def title(self) -> str:
        return self.task_spec.title if self.task_spec else "[?]"

    @property
    def env(self) -> str | None:
        return self.task_spec.env if self.task_spec else None

    @property
    def as_row_name(self) -> str:
        spec = self.task_spec
        return (spec.sub_label or spec.stmt) if spec else "[Unknown]"

    def __repr__(self) -> str:
        unit, seconds = select_unit(self.median)
        n = len(self.raw_times)
        lines = [object.__repr__(self), self.task_spec.summarize() if self.task_spec else self.title]
        if n > 1:
            lines.append(f"  Median: {self.median / seconds:.2f} {unit}")
            lines.append(f"  IQR:    {self.iqr / seconds:.2f} {unit}")
        else:
            lines.append(f"  {self.median / seconds:.2f} {unit}")
        threads = f"{self.num_threads} thread{'s' if self.num_threads > 1 else ''}"
        lines.append(f"  {n} measurement{'s' if n > 1 else ''}, {self.number_per_run} runs, {threads}")
        return "\n".join(lines)


class Timer:
    """Times a statement, on a given number of threads.

    Args:
        stmt, setup: source text, which may be indented as a whole; setup runs once before.
        globals: names that the statement uses.
        label, sub_label, description: words for tables.
        num_threads: that minitorch may use.

    Raises ValueError for a statement that is no text and a language it does not know, NotImplementedError for
    C++; and whatever the statement raises.

    >>> import minitorch
    >>> timer = Timer("x @ x", globals={"x": minitorch.ones(2, 2)})
    >>> timer.timeit(100).mean < 1.0
    True

    Behaviour: https://docs.pytorch.org/docs/stable/benchmark_utils.html#torch.utils.benchmark.Timer
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Language | str = Language.PYTHON,
    ):
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if language in (Language.CPP, "cpp", "c++"):
            raise NotImplementedError("statements in C++ are not timed here")
        if language not in (Language.PYTHON, "py", "python"):
            raise ValueError(f"Invalid language `{language}`.")
        if global_setup:
            raise ValueError(
                f"global_setup is C++ only, got `{global_setup}`. Most likely this code can simply be moved "
                "to `setup`."
            )
        stmt, setup = _snippet(stmt), _snippet(setup)
        self._task_spec = TaskSpec(stmt, setup, "", label, sub_label, description, env, num_threads)
        self._timer = timeit.Timer(stmt, setup, timer, {"torch": minitorch, **(globals or {})})

    @contextmanager
    def _threads(self) -> Iterator[None]:
        before = minitorch.get_num_threads()
        minitorch.set_num_threads(self._task_spec.num_threads)
        try:
            yield
        finally:
            minitorch.set_num_threads(before)

    def timeit(self, number: int = 1000000) -> Measurement:
        """Runs the statement number times, after some runs to warm up."""
        with self._threads():
            self._timer.timeit(max(number // 100, 2))
            return Measurement(number, [self._timer.timeit(number)], self._task_spec)

    def _block_size(self, seconds: float) -> int:
        number = 1
        while True:
            spent = self._timer.timeit(number)
            if spent >= min(seconds, 1e-3) or number > 10**7:
                return number
            number *= 10

    def blocked_autorange(self, callback: Callable | None = None, min_run_time: float = 0.2) -> Measurement:
        """Blocks of runs, large enough to be timed, until min_run_time seconds have gone by."""
        with self._threads():
            number, times = self._block_size(min_run_time / 100), []
            while sum(times) < min_run_time or not times:
                times.append(self._timer.timeit(number))
                if callback is not None:
                    callback(number, times[-1])
        return Measurement(number, times, self._task_spec)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable | None = None,
    ) -> Measurement:
        """Blocks of runs until the middle half is narrow (relative to the median), or the time is up."""
        with self._threads():
            number, times = self._block_size(min_run_time), []
            while True:
                times.append(self._timer.timeit(number))
                if callback is not None:
                    callback(number, times[-1])
                done = Measurement(number, times, self._task_spec)
                enough = sum(times) >= min_run_time and len(times) > 3 and done.iqr < threshold * done.median
                if enough or sum(times) >= max_run_time:
                    return done


def _label(m: Measurement) -> str:
    return m.task_spec.label or m.task_spec.stmt


class Compare:
    """A table of measurements: a row for each sub_label, a column for each description.

    Example:
        >>> import minitorch
        >>> t = Timer("x + x", globals={"x": minitorch.ones(2)}, description="here")
        >>> print(str(Compare([t.timeit(10)])).split()[5])
        here

    Behaviour: https://docs.pytorch.org/docs/stable/benchmark_utils.html#torch.utils.benchmark.Compare
    """

    def __init__(self, results: Iterable[Measurement]):
        self._results = list(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Adds measurements."""
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Accepted: times are written with two decimals."""

    def colorize(self, rowwise: bool = False) -> None:
        """Accepted: there are no colours."""

    def highlight_warnings(self) -> None:
        """Accepted: nothing is highlighted."""

    def print(self) -> None:
        """Prints the table."""
        print(str(self))

    def __str__(self) -> str:
        unit, seconds = select_unit(min((m.median for m in self._results), default=0.0))
        text = []
        for label in dict.fromkeys(_label(m) for m in self._results):
            text += self._table(label, [m for m in self._results if _label(m) == label], seconds)
        return "\n".join([*text, "", f"Times are in {unit}."])

    @staticmethod
    def _table(label: str, results: list[Measurement], seconds: float) -> list[str]:
        columns = list(dict.fromkeys(m.task_spec.description or "" for m in results))
        rows: dict[tuple[int, str], dict[str, str]] = {}
        for m in results:
            row = rows.setdefault((m.num_threads, m.as_row_name), {})
            row[m.task_spec.description or ""] = f"{m.median / seconds:.2f}"
        wide = max(len(name) for _, name in rows)
        widths = [max(len(c), *(len(r.get(c, "")) for r in rows.values())) for c in columns]
        head = " | ".join(f"{c:>{w}}" for c, w in zip(columns, widths, strict=True))
        lines = [f"[ {label} ]", f"{'':{wide + 2}} | {head}"]
        for threads in dict.fromkeys(threads for threads, _ in rows):
            lines.append(f"{threads} threads:")
            for (at, name), row in rows.items():
                cells = " | ".join(f"{row.get(c, ''):>{w}}" for c, w in zip(columns, widths, strict=True))
                if at == threads:
                    lines.append(f"  {name:{wide}} | {cells}")
        return lines
