"""Times of statements: ``Timer``, ``Measurement``, ``Compare``.

Source: https://docs.pytorch.org/docs/stable/benchmark_utils.html
"""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import minitorch

__all__ = ["Compare", "Measurement", "Timer", "select_unit"]

_units = (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0))


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which to write t seconds, and that unit in seconds.

    >>> select_unit(0.0025)
    ('ms', 0.001)

    Behaviour: https://docs.pytorch.org/docs/stable/benchmark_utils.html
    """
    fitting = [unit for unit in _units if t >= unit[1]]
    return (fitting or _units)[-1 if fitting else 0]


class Measurement:
    """Times of one statement, in seconds per run.

    >>> m = Measurement(10, [2e-5, 4e-5, 3e-5])
    >>> round(m.median * 1e6, 3), len(m.times)
    (3.0, 3)

    Behaviour: https://docs.pytorch.org/docs/stable/benchmark_utils.html#torch.utils.benchmark.Measurement
    """

    def __init__(self, number_per_run: int, raw_times: list[float], timer: Timer | None = None):
        self.number_per_run = number_per_run
        self.raw_times = raw_times
        self.task_spec = timer
        self.metadata: dict[Any, Any] | None = None

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
        timer = self.task_spec
        if timer is None:
            return "[?]"
        return timer.label + (f": {timer.sub_label}" if timer.sub_label else "")

    def __repr__(self) -> str:
        unit, seconds = select_unit(self.median)
        n = len(self.raw_times)
        lines = [object.__repr__(self), self.title]
        if self.task_spec is not None and self.task_spec.description:
            lines.append(self.task_spec.description)
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
        stmt, setup: source text; setup runs once before.
        globals: names that the statement uses.
        label, sub_label, description: words for tables.
        num_threads: that minitorch may use.

    Raises whatever the statement raises.

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
        language: str = "python",
    ):
        if global_setup or str(language).lower().endswith(("c++", "cpp")):
            raise NotImplementedError("statements in C++ are not timed here")
        self.stmt, self.setup = stmt, setup
        self.label = label or stmt
        self.sub_label, self.description = sub_label, description
        self.num_threads = num_threads
        self._timer = timeit.Timer(stmt, setup, timer, dict(globals or {}))

    @contextmanager
    def _threads(self) -> Iterator[None]:
        before = minitorch.get_num_threads()
        minitorch.set_num_threads(self.num_threads)
        try:
            yield
        finally:
            minitorch.set_num_threads(before)

    def timeit(self, number: int = 1000000) -> Measurement:
        """Runs the statement number times, after some runs to warm up."""
        with self._threads():
            self._timer.timeit(max(number // 100, 2))
            return Measurement(number, [self._timer.timeit(number)], self)

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
        return Measurement(number, times, self)

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
                done = Measurement(number, times, self)
                enough = sum(times) >= min_run_time and len(times) > 3 and done.iqr < threshold * done.median
                if enough or sum(times) >= max_run_time:
                    return done


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
        for label in dict.fromkeys(m.task_spec.label for m in self._results):
            text += self._table(label, [m for m in self._results if m.task_spec.label == label], seconds)
        return "\n".join([*text, "", f"Times are in {unit}."])

    @staticmethod
    def _table(label: str, results: list[Measurement], seconds: float) -> list[str]:
        columns = list(dict.fromkeys(m.task_spec.description or "" for m in results))
        rows: dict[tuple[int, str], dict[str, str]] = {}
        for m in results:
            row = rows.setdefault((m.num_threads, m.task_spec.sub_label or m.task_spec.stmt), {})
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
