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


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize("spacing", [1, 0.5, (2.0, 3.0), "coordinates"])
def test_gradient_of_samples(spacing, edge_order):
    """By NumPy's function of that name."""
    x = np.random.default_rng(1).standard_normal((4, 5))
    steps = spacing if isinstance(spacing, tuple) else (spacing,)
    if spacing == "coordinates":
        steps = (np.array([0.0, 1.0, 4.0, 5.0]), np.array([0.0, 0.5, 1.0, 3.0, 3.5]))
        spacing = tuple(map(minitorch.from_numpy, steps))
    found = minitorch.gradient(minitorch.from_numpy(x), spacing=spacing, edge_order=edge_order)
    for a, b in zip(found, np.gradient(x, *steps, edge_order=edge_order), strict=True):
        np.testing.assert_allclose(a.numpy(), b, atol=1e-12)


def test_gradient_refuses():
    x = minitorch.ones(3, 1)
    with pytest.raises(RuntimeError, match="at least edge_order"):
        minitorch.gradient(x)
    with pytest.raises(RuntimeError, match="appears multiple times"):
        minitorch.gradient(x, dim=(0, 0))
    with pytest.raises(RuntimeError, match="only supports edge_order"):
        minitorch.gradient(x, dim=0, edge_order=3)
    with pytest.raises(IndexError):
        minitorch.gradient(x, dim=2)


def test_unravel_index():
    found = minitorch.unravel_index(minitorch.tensor([[22, 41], [37, 0]]), (7, 6))
    expected = np.unravel_index([[22, 41], [37, 0]], (7, 6))
    assert [a.tolist() for a in found] == [b.tolist() for b in expected]
    with pytest.raises(TypeError, match="integer tensor"):
        minitorch.unravel_index(minitorch.ones(1), (2,))


def test_a_view_of_more_than_the_input_shows():
    """Only what the input shows gets a gradient."""
    x = minitorch.arange(8.0)[2:5].requires_grad_()
    y = x.as_strided((4,), (1,), 0)
    (g,) = minitorch.autograd.grad(y, x, minitorch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert g.tolist() == [3.0, 4.0, 0.0]


def test_as_strided_scatter_is_differentiated():
    """With finite differences: PyTorch 2.13 has self's gradient the wrong way round here."""
    x = minitorch.randn(6, dtype=minitorch.float64, requires_grad=True)
    src = minitorch.randn(2, 2, dtype=minitorch.float64, requires_grad=True)
    put = lambda a, b: minitorch.as_strided_scatter(a, b, (2, 2), (2, 1), 1)  # noqa: E731
    assert minitorch.autograd.gradcheck(put, (x, src))
    assert minitorch.autograd.gradgradcheck(put, (x, src))


def test_two_numbers_are_not_enough():
    for f in (minitorch.fmod, minitorch.xlogy, minitorch.bitwise_and, minitorch.float_power):
        with pytest.raises(TypeError, match="invalid combination of arguments"):
            f(2, 3)


@pytest.mark.parametrize("diagonal", [-(2**63), 2**63 - 1, 2**62, -(2**40)])
def test_a_diagonal_too_far_away_is_refused(diagonal):
    with pytest.raises(RuntimeError):
        minitorch.diag(minitorch.ones(2), diagonal)
