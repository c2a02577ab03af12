"""``assert_close``, for tests of programs.

Source: https://docs.pytorch.org/docs/stable/testing.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import minitorch
from minitorch import Tensor

__all__ = ["assert_close", "make_tensor"]

_TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5),
               "float64": (1e-7, 1e-7), "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}  # fmt: skip
_NUMBERS = (bool, int, float, complex)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Are two tensors, numbers, arrays, or lists or dicts of them close: |a - b| <= atol + rtol |b|?

    Args:
        actual, expected: of one type, shape and dtype. Lists and dicts are compared item by item.
        rtol, atol: both or none; without them they follow from the dtype, and are 0 for integers.
        msg: instead of the text, or a function of it.

    Raises:
        AssertionError: if they are not; its text says where and by how much.
        TypeError: for what cannot be compared.

    >>> import minitorch
    >>> assert_close(minitorch.tensor([1.0]), minitorch.tensor([1.0 + 1e-7]))

    Behaviour: https://docs.pytorch.org/docs/stable/testing.html#torch.testing.assert_close
    """
    if (rtol is None) != (atol is None):
        missing, given = ("atol", "rtol") if atol is None else ("rtol", "atol")
        raise ValueError(
            "Both 'rtol' and 'atol' must be either specified or unspecified, "
            f"but got no {missing} although {given} was given"
        )
    checks = {"dtype": check_dtype, "stride": check_stride}
    for path, a, b in _pairs(actual, expected, ()):
        text = _difference(a, b, None if rtol is None else (rtol, atol), equal_nan, checks)
        if text is None:
            continue
        if path:
            text += f"\n\nThe failure occurred for item {''.join(f'[{key!r}]' for key in path)}"
        if msg is not None:
            text = msg(text) if callable(msg) else msg
        raise AssertionError(text)


def _pairs(a: Any, b: Any, path: tuple[Any, ...]) -> Any:
    """What has to be compared, with the keys that lead there."""
    if isinstance(a, Sequence) and isinstance(b, Sequence) and not isinstance(a, str):
        if len(a) != len(b):
            raise AssertionError(f"The length of the sequences mismatch: {len(a)} != {len(b)}")
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _pairs(x, y, (*path, i))
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        if set(a) != set(b):
            raise AssertionError(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {sorted(set(b) - set(a))}\n"
                f"Additional keys in the actual mapping: {sorted(set(a) - set(b))}"
            )
        for key in a:
            yield from _pairs(a[key], b[key], (*path, key))
    else:
        yield path, a, b


def _difference(a: Any, b: Any, given: Any, equal_nan: bool, checks: dict[str, bool]) -> str | None:
    """Why two tensors or numbers are not close; None if they are."""
    if a is None and b is None:
        return None
    scalars = isinstance(a, _NUMBERS) and isinstance(b, _NUMBERS)
    arrays = [isinstance(o, (Tensor, np.ndarray)) for o in (a, b)]
    if not scalars and not (all(arrays) and isinstance(a, Tensor) == isinstance(b, Tensor)):
        raise TypeError(f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}.")
    if scalars:
        kind = "float64" if isinstance(a, float) or isinstance(b, float) else "int64"
        return _said(np.asarray(a), np.asarray(b), given or _TOLERANCES.get(kind, (0, 0)), equal_nan, True)
    if tuple(a.shape) != tuple(b.shape):
        return f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}."
    if checks["dtype"] and a.dtype != b.dtype:
        return f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}."
    if checks["stride"] and isinstance(a, Tensor) and a.stride() != b.stride():
        return f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}."
    kinds = [str(o.dtype).rpartition(".")[2] for o in (a, b)]
    loosest = max((_TOLERANCES.get(kind, (0, 0)) for kind in kinds), key=lambda pair: pair[0])
    x, y = (o.detach().numpy() if isinstance(o, Tensor) else o for o in (a, b))
    return _said(x, y, given or loosest, equal_nan, x.ndim == 0)


def _said(x: Any, y: Any, tolerances: tuple[float, float], equal_nan: bool, scalar: bool) -> str | None:
    """The report on two arrays of one shape."""
    rtol, atol = tolerances
    exact = x.dtype.kind in "biu" and y.dtype.kind in "biu"
    wide = "int64" if exact else "complex128" if "c" in (x.dtype.kind, y.dtype.kind) else "float64"
    x, y = x.astype(wide), y.astype(wide)
    close = np.isclose(x, y, rtol, atol, equal_nan)
    if close.all():
        return None
    with np.errstate(all="ignore"):
        absolute = np.where(close & (x == y), 0, np.abs(x - y))
        relative = absolute / np.abs(y)
    what = "equal" if exact and not rtol and not atol else "close"
    allowed = [f" (up to {t} allowed)" if what == "close" else "" for t in (atol, rtol)]
    if scalar:
        return (
            f"Scalars are not {what}!\n\nExpected {y.item()} but got {x.item()}.\n"
            f"Absolute difference: {absolute.item()}{allowed[0]}\n"
            f"Relative difference: {relative.item()}{allowed[1]}"
        )
    wrong, total = int((~close).sum()), close.size
    lines = [f"Tensor-likes are not {what}!\n\nMismatched elements: {wrong} / {total} ({wrong / total:.1%})"]
    for name, values, limit in (("absolute", absolute, allowed[0]), ("relative", relative, allowed[1])):
        at = np.unravel_index(int(np.argmax(np.where(close, -1, values))), values.shape)
        place = tuple(int(i) for i in at)
        lines.append(f"Greatest {name} difference: {values[at].item()} at index {place}{limit}")
    return "\n".join(lines)


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
) -> Tensor:
    """A tensor of random values from low to high, by default -9 to 9 (0 to 9 for unsigned, 0 or 1 for bool).

    >>> import minitorch
    >>> make_tensor(2, 3, dtype=minitorch.float32).shape
    torch.Size([2, 3])

    Behaviour: https://docs.pytorch.org/docs/stable/testing.html#torch.testing.make_tensor
    """
    size = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    if noncontiguous and size:
        size = (*size[:-1], 2 * size[-1])
    if dtype == minitorch.bool:
        low, high = 0, 2
    low = (0 if dtype == minitorch.uint8 else -9) if low is None else low
    high = (9 if dtype.is_floating_point else 10) if high is None else high
    if dtype.is_floating_point:
        t = minitorch.rand(size, dtype=dtype) * (high - low) + low
    else:
        t = minitorch.randint(int(low), int(high), size, dtype=dtype)
    if noncontiguous and size:
        t = t[..., ::2]
    return t.requires_grad_(requires_grad)
