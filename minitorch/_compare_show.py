"""What minitorch.compare found, as a table and as curves: text, HTML with inline SVG, or matplotlib.

Relies on NumPy only; matplotlib is for those who ask for it.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

TITLES = {"torch": "PyTorch", "minitorch": "minitorch"}
COLOURS = {"torch": "#d95f02", "minitorch": "#2166ac"}
INSTALL = "pip install torch --index-url https://download.pytorch.org/whl/cpu"
FEW = 4  # so many numbers are shown as they are


@dataclass
class Side:
    """One library's run: what it computed, printed, raised, and how long it took."""

    library: str
    version: str = ""
    missing: str = ""  # why there was no run
    values: dict = field(default_factory=dict)
    printed: str = ""
    error: Exception | None = None
    seconds: float | None = None

    @property
    def title(self) -> str:
        return f"{TITLES[self.library]} {self.version}".strip()


class Row(NamedTuple):
    """One compared value, as text; difference is the largest one between elements, None if there is none."""

    name: str
    torch: str
    minitorch: str
    difference: float | None
    verdict: str


# ---- values as numbers ----------------------------------------------------------------------------------


def _array(value: Any) -> np.ndarray | None:
    """A value's numbers, None if it has none."""
    if isinstance(value, type):
        return None
    if hasattr(value, "named_parameters"):
        tensors = [*value.parameters(), *value.buffers()]
        parts = [_array(tensor) for tensor in tensors]
        return np.concatenate([part.reshape(-1) for part in parts]) if parts else None  # type: ignore[union-attr]
    if hasattr(value, "detach"):
        value = value.detach()
        value = value.float() if "bfloat16" in str(value.dtype) else value
        return np.asarray(value.resolve_conj().numpy() if value.is_complex() else value.numpy())
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        parts = [_array(item) for item in value]
        if not parts or any(part is None for part in parts):
            return None
        shapes = {part.shape for part in parts}  # type: ignore[union-attr]
        if len(shapes) == 1:
            return np.stack(parts)  # type: ignore[arg-type]
        return np.concatenate([part.reshape(-1) for part in parts])  # type: ignore[union-attr]
    if isinstance(value, bool | int | float | complex | np.generic | np.ndarray):
        array = np.asarray(value)
        return array if array.dtype.kind in "biufc" else None
    return None


def is_curve(value: Any) -> bool:
    """Three numbers or more in a list: losses over epochs, say."""
    if not isinstance(value, list) or len(value) < 3:
        return False
    array = _array(value)
    return array is not None and array.ndim == 1 and array.dtype.kind == "f"


def _number(x: Any) -> str:
    return f"{x:.6g}" if isinstance(x, float | complex) else str(x)


def shown(value: Any) -> str:
    """A value in a cell of the table."""
    if isinstance(value, str):
        return value if len(value) <= 40 else value[:39] + "…"
    array = _array(value)
    if array is None:
        return type(value).__name__
    if hasattr(value, "named_parameters"):
        return f"{array.size} parameters, norm {_number(float(np.linalg.norm(array)))}"
    if array.ndim == 0:
        return _number(array.item())
    if is_curve(value):
        return f"{_number(array[0].item())} → {_number(array[-1].item())} ({array.size} values)"
    if array.ndim == 1 and array.size <= FEW:
        return f"[{', '.join(map(_number, array.tolist()))}]"
    shape = f"[{', '.join(map(str, array.shape))}]"
    if array.size == 0 or array.dtype.kind in "b":
        return shape
    return f"{shape}, norm {_number(float(np.linalg.norm(array.astype(complex))))}"


def difference(theirs: Any, ours: Any) -> tuple[float | None, str]:
    """The largest difference of two values, and what is to be said of it."""
    if isinstance(theirs, str) and isinstance(ours, str):
        return (0.0, "identical") if theirs == ours else (math.inf, "other text")
    a, b = _array(theirs), _array(ours)
    if a is None or b is None:
        return None, ""
    if a.shape != b.shape:
        return math.inf, f"other shapes: {list(a.shape)}, {list(b.shape)}"
    if np.array_equal(a, b, equal_nan=a.dtype.kind in "fc" and b.dtype.kind in "fc"):
        return 0.0, "identical"
    a, b = a.astype(complex), b.astype(complex)
    with np.errstate(invalid="ignore"):
        gap = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b))
    worst = float(np.nan_to_num(gap, nan=math.inf).max())
    return worst, f"{worst:.1e}"


# ---- the whole ------------------------------------------------------------------------------------------


class Comparison:
    """What minitorch.compare returns: ``rows``, ``seconds``, ``agree()``, ``plot()``; shows itself."""

    def __init__(self, torch: Side, minitorch: Side, repeat: int = 1):
        self.torch, self.minitorch, self.repeat = torch, minitorch, repeat
        self.rows = [row for name in minitorch.values or torch.values if (row := self._row(name))]
        self.seconds = {side.library: side.seconds for side in (torch, minitorch)}
        self.curves = {
            name: [side for side in (torch, minitorch) if is_curve(side.values.get(name))]
            for name in minitorch.values or torch.values
            if is_curve(minitorch.values.get(name)) or is_curve(torch.values.get(name))
        }

    def _row(self, name: str) -> Row | None:
        sides = (self.torch, self.minitorch)
        values = [side.values.get(name) for side in sides]
        if all(_array(value) is None and not isinstance(value, str) for value in values):
            return None
        theirs, ours = (shown(side.values[name]) if name in side.values else "" for side in sides)
        both = all(name in side.values for side in sides)
        return Row(name, theirs, ours, *(difference(*values) if both else (None, "")))

    def agree(self, tolerance: float = 1e-5) -> bool:
        """Is every value the same in both, but for so large a difference, relative to the largest number?

        True as well where PyTorch is not installed: then nothing disagrees.
        """
        if self.torch.missing:
            return True
        if type(self.torch.error) is not type(self.minitorch.error) or self.torch.printed and not self.rows:
            return self.torch.printed == self.minitorch.printed and self.torch.error is None
        for row in self.rows:
            array = _array(self.torch.values.get(row.name))
            scale = max(1.0, float(np.abs(array).max())) if array is not None and array.size else 1.0
            if row.difference is not None and not row.difference <= tolerance * scale:
                return False
        return True

    # ---- as text ----------------------------------------------------------------------------------------

    def _table(self) -> list[tuple[str, str, str, str]]:
        """Heading, one row a value, errors, times."""
        table = [("", self.torch.title, self.minitorch.title, "largest difference")]
        absent = "not installed" if self.torch.missing else ""
        table += [(row.name, row.torch or absent, row.minitorch, row.verdict) for row in self.rows]
        if self.torch.error or self.minitorch.error:
            same = str(self.torch.error) == str(self.minitorch.error)
            table.append(
                ("error", _error(self.torch), _error(self.minitorch), "same message" if same else "")
            )
        table.append(
            ("time", _time(self.torch.seconds) or absent, _time(self.minitorch.seconds), self._speed())
        )
        return table

    def _speed(self) -> str:
        theirs, ours = self.torch.seconds, self.minitorch.seconds
        if not theirs or not ours or self.torch.error or self.minitorch.error:
            return ""
        if self.repeat < 2:
            return "one run each"
        quick, times = ("minitorch", theirs / ours) if ours <= theirs else ("PyTorch", ours / theirs)
        return f"{quick} {times:.1f} times as fast"

    def _notes(self) -> list[str]:
        if not self.torch.missing:
            return []
        if "means minitorch" in self.torch.missing:
            return [f"No column of PyTorch: {self.torch.missing}."]
        return [f"For PyTorch's column: {INSTALL}"]

    def _printed(self) -> list[tuple[str, str]]:
        """What the runs printed, and what their errors say: once if it is the same."""
        sides = (self.torch, self.minitorch)
        result = []
        for verb, texts in (
            ("print", [side.printed for side in sides]),
            ("say", [str(side.error) if side.error else "" for side in sides]),
        ):
            if texts[0] == texts[1] != "":
                result.append((f"both {verb}", texts[0]))
            else:
                pairs = zip(sides, texts, strict=True)
                result += [(f"{side.title} {verb}s", text) for side, text in pairs if text]
        return result

    def __repr__(self) -> str:
        table = self._table()
        width = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(f"{c:<{w}}" for c, w in zip(row, width, strict=True)).rstrip() for row in table]
        lines.insert(1, "-" * max(map(len, lines)))
        for title, text in self._printed():
            lines += ["", f"{title}:", text.rstrip("\n")]
        return "\n".join(lines + self._notes())

    # ---- in a notebook ----------------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        cell = 'style="text-align: left; padding: 2px 14px 2px 0; vertical-align: top"'
        head, *body = self._table()
        rows = ["<tr>" + "".join(f"<th {cell}>{html.escape(text)}</th>" for text in head) + "</tr>"]
        for name, *texts in body:
            cells = "".join(f"<td {cell}>{html.escape(text)}</td>" for text in texts)
            rows.append(f"<tr><th {cell}>{html.escape(name)}</th>{cells}</tr>")
        parts = [f'<table style="border-collapse: collapse">{"".join(rows)}</table>']
        parts += [f"<p>{title}:</p><pre>{html.escape(text)}</pre>" for title, text in self._printed()]
        parts += [f"<p><small>{html.escape(note)}</small></p>" for note in self._notes()]
        if self.curves:
            drawn = "".join(curve_svg(name, self._points(name)) for name in self.curves)
            parts.append(f'<div style="background: #fff; color: #222; max-width: 100%">{drawn}</div>')
        return "\n".join(parts)

    def _points(self, name: str) -> dict[str, tuple[str, list[float]]]:
        """{library: (title, numbers)} of one curve."""
        sides = self.curves[name]
        return {side.library: (side.title, _array(side.values[name]).tolist()) for side in sides}  # type: ignore[union-attr]

    def plot(self, axes: Any = None) -> Any:
        """The curves, drawn by matplotlib into the axes given or a new figure; returns the axes.

        Raises ModuleNotFoundError if matplotlib is not installed, and ValueError if there is no curve.
        """
        if not self.curves:
            raise ValueError("plot(): the work left no list of three numbers or more")
        if axes is None:
            from matplotlib.figure import Figure

            axes = Figure(figsize=(6, 3.6), layout="constrained").subplots()
        for name in self.curves:
            for library, (title, numbers) in self._points(name).items():
                wide = library == "torch"
                axes.plot(
                    range(1, len(numbers) + 1),
                    numbers,
                    color=COLOURS[library],
                    linewidth=5 if wide else 1.6,
                    alpha=0.35 if wide else 1,
                    label=f"{name}, {title}",
                )
        axes.set_xlabel("step")
        axes.legend()
        return axes


def _error(side: Side) -> str:
    if side.error is None:
        return "not installed" if side.missing else "none"
    return type(side.error).__name__


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


# ---- curves without matplotlib --------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 230, 62, 44, 34


def curve_svg(name: str, points: dict[str, tuple[str, list[float]]]) -> str:
    """One picture of a list of numbers: PyTorch's wide and pale, minitorch's thin over it."""
    every = [x for _, numbers in points.values() for x in numbers if math.isfinite(x)]
    low, high = (min(every), max(every)) if every else (0.0, 1.0)
    high = high if high > low else low + 1
    longest = max(len(numbers) for _, numbers in points.values())
    right, floor = WIDTH - 14, HEIGHT - BOTTOM

    def place(i: int, x: float) -> str:
        across = LEFT + (right - LEFT) * i / max(1, longest - 1)
        return f"{across:.1f} {floor - (floor - TOP) * (x - low) / (high - low):.1f}"

    described = html.escape(
        f"{name}: " + "; ".join(f"{t} from {n[0]:.4g} to {n[-1]:.4g}" for t, n in points.values())
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{described}" width="{WIDTH}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" style="max-width: 100%" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="{LEFT}" y="16" font-weight="bold">{html.escape(name)}</text>'
        f'<path d="M{LEFT} {TOP}V{floor}H{right}" fill="none" stroke="#888"/>'
    ]
    for x in (low, high):
        parts.append(
            f'<text x="{LEFT - 6}" y="{floor + 4 if x == low else TOP + 4}" text-anchor="end">{x:.3g}</text>'
        )
    for i, anchor in ((1, "start"), (longest, "end")):
        across = LEFT if i == 1 else right
        parts.append(f'<text x="{across}" y="{floor + 16}" text-anchor="{anchor}">{i}</text>')
    for k, (library, (title, numbers)) in enumerate(points.items()):
        steps = [(i, x) for i, x in enumerate(numbers) if math.isfinite(x)]
        line = "L".join(place(i, x) for i, x in steps)
        style = f'stroke="{COLOURS[library]}" ' + (
            'stroke-width="6" stroke-opacity="0.4"' if library == "torch" else 'stroke-width="1.8"'
        )
        across = LEFT + 170 * k
        parts.append(f'<path d="M{line}" fill="none" {style}/>' if steps else "")
        parts.append(
            f'<path d="M{across} 29h24" {style}/><text x="{across + 30}" y="33">{html.escape(title)}</text>'
        )
    return "".join(parts) + "</svg>"
