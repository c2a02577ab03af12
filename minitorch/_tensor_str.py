"""How a tensor prints: ``repr(t)``, ``str(t)`` and the options that steer both.

The layout is PyTorch's to the letter, so that output in a book, a lecture or a doctest reads the same here.
It is policy, hence Python: the C type calls :func:`tensor_repr` and knows nothing about columns.

The work is done in three steps: read the values that will be shown as nested lists (``...`` stands where
items are left out), look at all of them to choose one number format, then lay the lists out in lines.

Source: https://docs.pytorch.org/docs/stable/generated/torch.set_printoptions.html
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import minitorch

__all__ = ["get_printoptions", "printoptions", "set_printoptions", "tensor_repr"]


class _Options:
    """The current print options; one instance, changed by :func:`set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_NAMES = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")
_PROFILES = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors print. What is not given stays, except ``sci_mode``, which goes back to automatic.

    Args:
        precision: digits after the point (4).
        threshold: tensors with more elements than this are shown with ``...`` (1000).
        edgeitems: items shown before and after each ``...`` (3).
        linewidth: characters per line (80).
        profile: ``"default"``, ``"short"`` or ``"full"``; the other arguments override it.
        sci_mode: True or False forces scientific notation on or off; None lets the values decide.

    Example:
        >>> import minitorch
        >>> minitorch.set_printoptions(precision=2)
        >>> minitorch.tensor([1.12345])
        tensor([1.12])
        >>> minitorch.set_printoptions(profile="default")

    Source: https://docs.pytorch.org/docs/stable/generated/torch.set_printoptions.html
    """
    for name, value in _PROFILES.get(profile, {}).items() if profile is not None else ():
        setattr(_options, name, value)
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, value in given.items():
        if value is not None:
            setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The current print options, as a dictionary that :func:`set_printoptions` takes back as keywords.

    Example:
        >>> import minitorch
        >>> minitorch._tensor_str.get_printoptions()["edgeitems"]
        3
    """
    return {name: getattr(_options, name) for name in _NAMES}


@contextlib.contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """Changes the print options inside a ``with`` block. Takes what :func:`set_printoptions` takes.

    Example:
        >>> import minitorch
        >>> with minitorch._tensor_str.printoptions(precision=1):
        ...     print(minitorch.tensor([0.25]))
        tensor([0.2])
    """
    before = get_printoptions()
    set_printoptions(**kwargs)
    try:
        yield
    finally:
        set_printoptions(**before)


def _shown(t: Any, cut: bool) -> Any:
    """The printed values of ``t`` as nested lists; with ``cut``, ``...`` replaces the middle of long axes."""
    if not cut or t.dim() == 0:
        return t.tolist()
    edge, length = _options.edgeitems, t.shape[0]
    if edge == 0:
        return [...]
    if length <= 2 * edge:
        return t.tolist() if t.dim() == 1 else [_shown(row, cut) for row in t]
    if t.dim() == 1:
        return [*t[:edge].tolist(), ..., *t[length - edge :].tolist()]
    head = [_shown(t[i], cut) for i in range(edge)]
    tail = [_shown(t[i], cut) for i in range(length - edge, length)]
    return [*head, ..., *tail]


def _flatten(values: Any, dim: int) -> list[Any]:
    """All numbers of nested lists in one list, without the ``...`` marks."""
    if dim == 0:
        return [values]
    for _ in range(dim - 1):
        values = [item for row in values if row is not ... for item in row]
    return [v for v in values if v is not ...]


def _float_format(numbers: list[float]) -> tuple[Callable[[float], str], int]:
    """One format for all of these floats, and the width it needs.

    Whole numbers print as ``3.``; a range of more than 1000 between the smallest and the largest magnitude,
    or very large or small ones, print as ``1.2000e+03``; the rest with a fixed number of digits. Zeros and
    what is not finite have no say.
    """
    precision = _options.precision
    counted = [v for v in numbers if v != 0 and math.isfinite(v)]
    sci, whole, width = False, True, 1
    if counted:
        sizes = [abs(v) for v in counted]
        low, high = min(sizes), max(sizes)
        whole = all(v.is_integer() for v in counted)
        sci = high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
        if _options.sci_mode is not None:
            sci = _options.sci_mode
    if sci:
        show = f"{{:.{precision}e}}".format
    elif whole:
        show = _whole
    else:
        show = f"{{:.{precision}f}}".format
    for v in counted:
        width = max(width, len(show(v)))
    return show, width


def _whole(v: float) -> str:
    """A float without fraction: ``3.``, and ``inf`` and ``nan`` as they are."""
    return f"{v:.0f}." if math.isfinite(v) else f"{v:.0f}"


def _complex_format(numbers: list[complex]) -> tuple[Callable[[complex], str], int]:
    """The parts have a format each: real parts stand in columns, imaginary ones right behind them."""
    (real, left), (imag, right) = (
        _float_format([getattr(v, part) for v in numbers]) for part in ("real", "imag")
    )

    def show(v: complex) -> str:
        text = imag(v.imag)
        return real(v.real).rjust(left) + (text if text[0] in "+-" else "+" + text) + "j"

    return show, left + right + 1


def _layout(
    values: Any, dim: int, indent: int, show: Callable[[Any], str], width: int, pad: bool = True
) -> str:
    """Nested lists as text: one bracket per axis, rows aligned under each other, long rows broken."""
    if dim > 1:
        between = "," + "\n" * (dim - 1) + " " * (indent + 1)
        rows = [
            "..." if row is ... else _layout(row, dim - 1, indent + 1, show, width, pad) for row in values
        ]
        return "[" + between.join(rows) + "]"
    if _options.edgeitems == 0 and values == [...]:
        return "[...]"
    items = [" ..." if v is ... else show(v).rjust(width if pad else 0) for v in values]
    per_line = max(1, math.floor((_options.linewidth - indent) / (width + 2)))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _contents(t: Any, indent: int) -> str:
    """What stands between ``tensor(`` and the suffixes."""
    if t.numel() == 0:
        return "[]"
    dim = t.dim()
    values = _shown(t, t.numel() > _options.threshold)
    numbers = _flatten(values, dim)
    if t.dtype.is_floating_point:
        show, width = _float_format(numbers)
    elif t.dtype.is_complex:
        show, width = _complex_format(numbers)
        return show(values) if dim == 0 else _layout(values, dim, indent, show, width, pad=False)
    else:
        show, width = str, max((len(str(v)) for v in numbers), default=1)
    if dim == 0:
        return show(values).rjust(width)
    return _layout(values, dim, indent, show, width)


def _history(t: Any) -> str | None:
    """``grad_fn=<AddBackward0>``, ``requires_grad=True`` or nothing."""
    try:
        grad_fn = t.grad_fn
    except RuntimeError:  # a view that was written to in a way that leaves it without a valid history
        return "grad_fn=<Invalid>"
    if grad_fn is not None:
        return f"grad_fn=<{type(grad_fn).__name__}>"
    return "requires_grad=True" if t.requires_grad else None


def _suffixes(t: Any) -> list[str]:
    """What follows the values: size, dtype and history, each only where it says something."""
    out = []
    default = minitorch.get_default_dtype()
    if t.numel() == 0:
        if t.dim() != 1:
            out.append(f"size={tuple(t.shape)}")
        if t.dtype != default:
            out.append(f"dtype={t.dtype}")
    else:
        if not _options.edgeitems:
            out.append(f"size={tuple(t.shape)}")
        usual = (default, default.to_complex(), minitorch.int64, minitorch.bool)
        if t.dtype not in usual:
            out.append(f"dtype={t.dtype}")
    history = _history(t)
    return out if history is None else [*out, history]


def _join(text: str, suffixes: list[str], indent: int) -> str:
    """Appends the suffixes, each on the last line if it still fits there."""
    used = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if used + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            used = indent + len(suffix)
        else:
            text += ", " + suffix
            used += len(suffix) + 2
    return text + ")"


def tensor_repr(t: Any) -> str:
    """The text of ``repr(t)`` for any tensor ``t``; subclasses print under their own name.

    Example:
        >>> import minitorch
        >>> minitorch.tensor([[1.0, 2.5], [3.0, 4.0]], requires_grad=True)
        tensor([[1.0000, 2.5000],
                [3.0000, 4.0000]], requires_grad=True)
    """
    kind = type(t)
    parameter = kind is not minitorch.Tensor and isinstance(t, minitorch.nn.Parameter)
    plain = kind is minitorch.Tensor or kind is minitorch.nn.Parameter
    prefix = "tensor(" if plain else f"{kind.__name__}("
    text = _join(prefix + _contents(t.detach(), len(prefix)), _suffixes(t), len(prefix))
    return f"Parameter({text})" if parameter and not plain else text
