"""Shared by the tests of nn: the same program run on minitorch and, where it is installed, on PyTorch."""

import warnings

import numpy as np
import pytest

import minitorch

try:
    import torch
except ImportError:
    torch = None


def plain(value):
    """A result as numbers and strings, so that two libraries' can be compared."""
    if hasattr(value, "detach"):
        return ("tensor", value.detach().numpy().tolist(), str(value.dtype).rpartition(".")[2])
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def outcome(program, library):
    """What a program returns, or the type and text of what it raises; and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = plain(program(library))
        except Exception as error:
            result = (type(error).__name__, str(error).replace("minitorch.", "torch."))
    return result, [(w.category.__name__, str(w.message)) for w in caught]


@pytest.fixture
def same():
    """same(program): program(minitorch) and program(torch) give, raise and warn the same."""
    if torch is None:
        pytest.skip("PyTorch is not installed")

    def check(program, close=False):
        got, want = outcome(program, minitorch), outcome(program, torch)
        if close:
            np.testing.assert_equal(_shapes(got[0]), _shapes(want[0]))
            for a, b in zip(_numbers(got[0]), _numbers(want[0]), strict=True):
                np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
            assert got[1] == want[1]
        else:
            assert got == want
        return got[0]

    return check


def _numbers(value):
    if isinstance(value, tuple) and value and value[0] == "tensor":
        yield np.array(value[1], dtype=float)
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _numbers(v)


def _shapes(value):
    if isinstance(value, tuple) and value and value[0] == "tensor":
        return ("tensor", np.shape(value[1]), value[2])
    if isinstance(value, (list, tuple)):
        return [_shapes(v) for v in value]
    return value
