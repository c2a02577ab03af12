"""Python's operators on tensors, numbers and arrays: +, <, in, bool(), float(), format()."""

import numpy as np
import pytest

import minitorch


def test_numbers_keep_their_precision():
    x = minitorch.tensor([1.0], dtype=minitorch.float64)
    assert (0.1 - x).item() == 0.1 - 1.0 and (x * 0.1).item() == 0.1 and (0.1**x).item() == 0.1


def test_numpy_functions_give_tensors():
    assert isinstance(np.sin(minitorch.ones(2)), minitorch.Tensor)


def test_foreign_operands_are_asked():
    class Other:
        def __radd__(self, other):
            return "asked"

        def __gt__(self, other):
            return "compared"

    assert minitorch.ones(1) + Other() == "asked" and (minitorch.ones(1) < Other()) == "compared"


def test_division_by_infinity():
    x = minitorch.tensor([1.0, -3.0, 0.0])
    assert (x // float("inf")).tolist() == [0, -1, 0]
    assert (x % float("inf")).tolist() == [1, float("inf"), 0]


def test_bools_are_not_subtracted():
    for pair in ((minitorch.tensor([True]), 1), (1.5, minitorch.tensor([True])), (minitorch.ones(1), True)):
        with pytest.raises(RuntimeError, match="with a bool tensor is not supported"):
            pair[0] - pair[1]


def test_alpha_multiplies_in_the_type_of_the_result():
    x = minitorch.add(minitorch.ones(2), minitorch.tensor([2, 4], dtype=minitorch.uint8), alpha=-100)
    assert x.tolist() == [-199, -399]


def test_fractions_where_integers_are_made():
    assert minitorch.arange(3.5, dtype=minitorch.int32).tolist() == [0, 1, 2, 3]
    mask = minitorch.tensor([True, False])
    assert minitorch.zeros(2, dtype=minitorch.int8).masked_fill(mask, 1.5).tolist() == [1, 0]
    with pytest.raises(RuntimeError, match="without overflow"):
        minitorch.zeros(2, dtype=minitorch.int8).masked_fill(mask, 300)


def test_mode_counts():
    """The most frequent element, of several the smallest; its gradient has no finite difference."""
    values, places = minitorch.tensor([1.0, 2.0, 2.0, 1.0, 3.0]).mode()
    assert (values.item(), places.item()) == (1.0, 3)
