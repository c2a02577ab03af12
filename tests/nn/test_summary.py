"""minitorch.summary: rows, totals, and that the model is afterwards as it was."""

import pytest

import minitorch as mt
from minitorch import nn


class Shared(nn.Module):
    """Runs one layer twice, another never; gives two tensors."""

    def __init__(self):
        super().__init__()
        self.twice, self.never = nn.Linear(3, 3), nn.Linear(3, 1)
        self.tied = nn.Linear(3, 3)
        self.tied.weight = self.twice.weight
        self.inner = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())

    def forward(self, x, scale=1.0):
        y = self.inner(self.twice(self.twice(x)))
        return {"y": y * scale, "z": (self.tied(y), 1)}


def test_rows_and_totals():
    model = Shared()
    model.never.requires_grad_(False)
    result = mt.summary(model, mt.randn(5, 3))
    rows = {row.path: row for row in result.rows}
    assert rows["twice"].calls == 2 and rows["twice"].parameters == 12 and rows["twice"].shape == (5, 3)
    assert rows["never"].shape is None and rows["never"].calls == 0
    assert rows[""].shape == {"y": (5, 3), "z": [(5, 3), None]}
    assert rows["inner.0"].depth == 2 and rows["inner.0"].kind == "BatchNorm1d"
    assert result.parameters == 12 + 4 + 3 + 6 and result.trainable == 12 + 3 + 6
    assert result.bytes == 4 * (25 + 3 + 3) + 8 and result.input == [(5, 3)]
    text = repr(result)
    assert "[5, 3]  x2" in text and "25 parameters, 4 of them frozen" in text
    assert "{" not in text and "y: [5, 3], z: ([5, 3], -)" in text


def test_the_model_is_as_it_was():
    model = Shared()
    model.inner.eval()
    model.inner[1].train()
    before = {name: t.clone() for name, t in model.state_dict().items()}
    state = mt.get_rng_state()
    x = mt.randn(5, 3, requires_grad=True)
    state = mt.get_rng_state()
    mt.summary(model, (x,), scale=2.0)
    assert model.training and not model.inner.training and model.inner[1].training
    assert all(mt.equal(before[name], t) for name, t in model.state_dict().items())
    assert mt.equal(state, mt.get_rng_state()) and not model._forward_hooks and x.grad is None
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        mt.summary(model, (2, 4))
    assert model.training and not model.twice._forward_hooks


def test_a_shape_and_errors():
    assert mt.summary(nn.Linear(4, 2), (7, 4)).rows[0].shape == (7, 2)
    assert mt.summary(nn.Identity(), [3]).rows[0].shape == (3,)
    with pytest.raises(TypeError, match="must be a Tensor, a tuple of Tensors or a shape, not str"):
        mt.summary(nn.Linear(4, 2), "x")
