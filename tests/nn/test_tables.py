"""Embedding: what the table of operators cannot say, being no derivative: padding, frequencies, max_norm."""

import numpy as np
import pytest

import minitorch as mt
import minitorch.nn.functional as F

INDEX = [[0, 2, 2], [1, 2, 0]]


def gradient(**options):
    weight = mt.arange(8.0).reshape(4, 2).requires_grad_()
    F.embedding(mt.tensor(INDEX), weight, **options).sum().backward()
    return weight.grad


def test_rows_add_up():
    assert gradient().tolist() == [[2, 2], [1, 1], [3, 3], [0, 0]]


def test_padding_has_no_gradient():
    assert gradient(padding_idx=2).tolist() == [[2, 2], [1, 1], [0, 0], [0, 0]]
    assert gradient(padding_idx=-4).tolist() == [[0, 0], [1, 1], [3, 3], [0, 0]]


def test_gradient_by_frequency():
    assert gradient(scale_grad_by_freq=True).tolist() == [[1, 1], [1, 1], [1, 1], [0, 0]]


def test_max_norm_shortens_what_is_used():
    weight = mt.tensor([[3.0, 4.0], [6.0, 8.0]])
    found = F.embedding(mt.tensor([1]), weight, max_norm=5.0)
    np.testing.assert_allclose(found.numpy(), [[3, 4]], rtol=1e-6)
    np.testing.assert_allclose(weight.numpy(), [[3, 4], [3, 4]], rtol=1e-6)


def test_padding_row_is_zero_and_stays():
    layer = mt.nn.Embedding(5, 3, padding_idx=1)
    assert layer.weight[1].abs().sum() == 0
    with pytest.raises(AssertionError, match="Padding_idx must be within num_embeddings"):
        mt.nn.Embedding(5, 3, padding_idx=5)


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags_are_sums_of_embeddings(mode):
    weight = mt.randn(4, 2)
    rows = F.embedding(mt.tensor(INDEX), weight)
    bags = F.embedding_bag(mt.tensor([0, 2, 2, 1, 2, 0]), weight, mt.tensor([0, 3]), mode=mode)
    expected = rows.sum(1) if mode == "sum" else rows.mean(1)
    np.testing.assert_allclose(bags.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)
