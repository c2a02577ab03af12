"""Python's operators on tensors, numbers and arrays: +, <, in, bool(), float(), format()."""

import numpy as np

import minitorch

TOPIC = "operators"


def test_as_recorded(case, check):
    check(minitorch, case)


def test_records_are_pytorchs(case, check, pytorch):
    check(pytorch, case)


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
