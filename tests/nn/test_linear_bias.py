"""linear adds a bias of any shape that fits, as PyTorch does: to the rows or to the whole result."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.nn import functional as F

INPUTS = [(7,), (3, 7), (2, 3, 7)]
BIASES = [(5,), (1,), (1, 5), (3, 5), (3, 1), (1, 1), (), (2, 3, 5), (2, 1, 5), (4,), (2, 1), (4, 5)]
DTYPES = [("float64", "float64"), ("float64", "float32"), ("float32", "int64"), ("int64", "int64")]


def wave(lib, shape, step, dtype):
    """Numbers without a pattern, the same in both libraries."""
    v = np.sin(np.arange(int(np.prod(shape))) * step) * 2
    t = lib.tensor(v.tolist(), dtype=lib.float64).reshape(shape).to(getattr(lib, dtype))
    return t.requires_grad_() if t.is_floating_point() else t


def layer(lib, x, bias, dtype, bias_dtype):
    """The result, the kind of its node, and the gradients."""
    given = wave(lib, x, 0.7, dtype), wave(lib, (5, 7), 0.3, dtype), wave(lib, bias, 1.1, bias_dtype)
    y = lib.nn.functional.linear(*given)
    if not y.requires_grad:
        return y
    (y * wave(lib, tuple(y.shape), 0.9, dtype).detach()).sum().backward()
    return [y, y.grad_fn.name(), *(t.grad for t in given)]


@pytest.mark.parametrize("dtypes", DTYPES, ids="-".join)
@pytest.mark.parametrize("x", INPUTS, ids=str)
def test_values_gradients_and_errors_are_pytorchs(same, x, dtypes):
    for bias in BIASES:
        same(lambda lib, bias=bias: layer(lib, x, bias, *dtypes))


FITTING = {
    (7,): [(5,), (1,), ()],
    (3, 7): [(5,), (1,), (1, 5), (3, 5), (3, 1), (1, 1), ()],
    (2, 3, 7): [(5,), (1,), (1, 5), (3, 5), (1, 1), (), (2, 3, 5), (2, 1, 5)],
}


@pytest.mark.parametrize("x", INPUTS, ids=str)
def test_it_is_a_product_and_a_sum(x):
    for bias in FITTING[x]:
        given = [wave(mt, s, step, "float64") for s, step in ((x, 0.7), ((5, 7), 0.3), (bias, 1.1))]
        a, w, b = (t.detach().numpy() for t in given)
        y = F.linear(*given)
        np.testing.assert_allclose(y.detach().numpy(), a @ w.T + b, rtol=1e-13)
        (y * 2).sum().backward()
        np.testing.assert_array_equal(given[2].grad.numpy(), np.full(bias, 2.0 * y.numel() / b.size))
        assert mt.autograd.gradcheck(F.linear, given)


def test_a_column_goes_over_the_rows_of_two_dimensions_only():
    x, w = mt.ones(2, 3, 7), mt.ones(5, 7)
    column = mt.arange(3.0).reshape(3, 1)
    assert F.linear(x[0], w, column).tolist() == [[7.0] * 5, [8.0] * 5, [9.0] * 5]
    with pytest.raises(RuntimeError, match=r"The expanded size of the tensor \(6\) must match the existing"):
        F.linear(x, w, column)
    rows = mt.arange(6.0).reshape(6, 1)
    assert F.linear(x, w, rows).reshape(6, 5).tolist() == [[7.0 + i] * 5 for i in range(6)]


def test_a_number_of_integers_counts_as_its_value_where_it_is_added_last():
    """Beside three dimensions it is a second operator, which promotes; beside two its type is wrong."""
    x, w, number = mt.ones(2, 3, 7), mt.ones(5, 7), mt.tensor(4)
    assert F.linear(x, w, number).unique().tolist() == [11.0]
    with pytest.raises(RuntimeError, match="self and mat2 must have the same dtype, but got Long and Float"):
        F.linear(x[0], w, number)


def test_a_wrong_type_is_told_before_a_wrong_shape():
    x, w = mt.ones(2, 3), mt.ones(5, 4)
    with pytest.raises(RuntimeError, match="self and mat2 .* but got Double and Float"):
        F.linear(x, w, mt.ones(9, dtype=mt.float64))
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x5\)"):
        F.linear(x, w, mt.ones(9))
    with pytest.raises(RuntimeError, match=r"The expanded size of the tensor \(5\) must match"):
        F.linear(mt.ones(2, 4), w, mt.ones(9))
