"""Names of the top level that few programs use: nn.functional's namesakes, windows, random counts."""

import numpy as np
import pytest

import minitorch
from minitorch.signal import windows

F = minitorch.nn.functional


def test_losses_do_not_reduce_unless_asked():
    x, y = minitorch.tensor([3.0, 0.5]), minitorch.tensor([1.0, -1.0])
    assert minitorch.hinge_embedding_loss(x, y).tolist() == [3.0, 0.5]
    assert minitorch.hinge_embedding_loss(x, y, reduction=1).item() == 1.75
    assert minitorch.hinge_embedding_loss(x, y, reduction=2).item() == 3.5
    p = minitorch.tensor([0.25, 0.75])
    assert minitorch.kl_div(p.log(), p, 2).item() == 0.0
    assert minitorch.kl_div(p.log(), p).shape == (2,)


def test_dropout_asks_for_everything():
    minitorch.manual_seed(0)
    here = minitorch.dropout(minitorch.ones(20), 0.5, True)
    minitorch.manual_seed(0)
    assert minitorch.equal(here, F.dropout(minitorch.ones(20), 0.5))
    with pytest.raises(TypeError):
        minitorch.dropout(minitorch.ones(2), 0.5)
    with pytest.raises(RuntimeError, match="dropout probability has to be between 0 and 1, but got 1.5"):
        minitorch.dropout(minitorch.ones(2), 1.5, True)


def test_dropout_in_place():
    x = minitorch.ones(4)
    assert minitorch.dropout_(x, 1.0, True) is x
    assert x.sum() == 0


def test_batch_norm_in_the_order_of_up_here():
    x = minitorch.randn(8, 3)
    weight, bias = minitorch.randn(3), minitorch.randn(3)
    mean, var = minitorch.zeros(3), minitorch.ones(3)
    here = minitorch.batch_norm(x, weight, bias, mean, var, False, 0.1, 1e-5, True)
    assert minitorch.equal(here, F.batch_norm(x, mean, var, weight, bias, False, 0.1, 1e-5))


def test_poisson_and_binomial():
    generator = minitorch.Generator().manual_seed(0)
    state = minitorch.get_rng_state()
    counts = minitorch.poisson(minitorch.full((2000,), 4.0), generator)
    assert abs(counts.mean().item() - 4) < 0.2 and abs(counts.var().item() - 4) < 0.5
    hits = minitorch.binomial(minitorch.full((2000, 1), 10.0), minitorch.tensor([0.3]), generator)
    assert hits.shape == (2000, 1) and abs(hits.mean().item() - 3) < 0.15
    assert minitorch.equal(state, minitorch.get_rng_state()), "the global stream was drawn from"
    with pytest.raises(RuntimeError, match="invalid Poisson rate, expected rate to be non-negative"):
        minitorch.poisson(minitorch.tensor([-1.0]))
    with pytest.raises(NotImplementedError, match="\"poisson_cpu\" not implemented for 'Long'"):
        minitorch.poisson(minitorch.tensor([1]))
    with pytest.raises(ValueError, match="binomial only supports floating-point dtypes for count, got: Long"):
        minitorch.binomial(minitorch.tensor([1]), minitorch.tensor([1.0]))


@pytest.mark.parametrize("length", [0, 1, 2, 5, 8])
@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hann", "kaiser"])
def test_symmetric_windows_are_numpys(name, length):
    numpy_name = {"hann": "hanning"}.get(name, name)
    arguments = (length, 12.0) if name == "kaiser" else (length,)
    expected = getattr(np, numpy_name)(*arguments)
    double = minitorch.float64
    for window in (
        getattr(minitorch, f"{name}_window")(length, False, dtype=double),
        getattr(windows, name)(length, dtype=double),
    ):
        np.testing.assert_allclose(window.numpy(), expected, rtol=1e-12, atol=1e-12)


def test_a_periodic_window_is_a_longer_one_without_its_end():
    assert minitorch.allclose(minitorch.hann_window(6), minitorch.hann_window(7, periodic=False)[:-1])
    assert minitorch.allclose(windows.gaussian(6, sym=False), windows.gaussian(7)[:-1])
    assert minitorch.allclose(windows.cosine(6, sym=False), windows.cosine(7)[:-1])


def test_windows_by_their_formulas():
    k = np.arange(5)
    np.testing.assert_allclose(windows.exponential(5, tau=2.0).numpy(), np.exp(-abs(k - 2) / 2), rtol=1e-6)
    np.testing.assert_allclose(windows.gaussian(5, std=2.0).numpy(), np.exp(-((k - 2) ** 2) / 8), rtol=1e-6)
    np.testing.assert_allclose(windows.cosine(5).numpy(), np.sin(np.pi * (k + 0.5) / 5), rtol=1e-6)
    assert windows.general_cosine(5, a=[1.0, 2.0])[0] == -1.0
    assert windows.nuttall(5)[2] == 1.0


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda: minitorch.hann_window(-1),
            RuntimeError,
            "requires non-negative window_length, got window_length=-1",
        ),
        (
            lambda: minitorch.hann_window(3, dtype=minitorch.int64),
            RuntimeError,
            "hann_window expects floating point",
        ),
        (lambda: windows.hann(-1), ValueError, "requires non-negative window length, got M=-1"),
        (
            lambda: windows.gaussian(3, std=0.0),
            ValueError,
            "Standard deviation must be positive, got: 0.0 instead.",
        ),
        (lambda: windows.exponential(3, tau=-1), ValueError, "Tau must be positive, got: -1 instead."),
        (lambda: windows.exponential(3, center=1), ValueError, "Center must be None for symmetric windows"),
        (lambda: windows.general_cosine(3, a=3), TypeError, "Coefficients must be a list/tuple"),
        (lambda: windows.general_cosine(3, a=[]), ValueError, "Coefficients cannot be empty"),
        (lambda: windows.kaiser(3, beta=-1), ValueError, "beta must be non-negative, got: -1 instead."),
        (lambda: minitorch.vander(minitorch.ones(1, 1)), RuntimeError, "x must be a one-dimensional tensor."),
    ],
)
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_vander_and_chain_matmul():
    x = minitorch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert minitorch.vander(x, 3, increasing=True).tolist() == [[1, 1, 1], [1, 2, 4], [1, 3, 9]]
    minitorch.vander(x, 3)[:, 0].sum().backward()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]
    assert minitorch.vander(minitorch.tensor([2, 3])).dtype == minitorch.int64
    a, b, c = minitorch.randn(2, 3), minitorch.randn(3, 4), minitorch.randn(4, 1)
    assert minitorch.allclose(minitorch.chain_matmul(a, b, c), a @ b @ c, atol=1e-6)


def test_newaxis_indexes():
    assert minitorch.ones(2)[:, minitorch.newaxis].shape == (2, 1)
