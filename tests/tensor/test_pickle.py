"""pickle, copy.copy and copy.deepcopy."""

import copy
import pickle

import pytest

import minitorch


class Sub(minitorch.Tensor):
    pass


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol(protocol):
    x = minitorch.arange(12.0).reshape(3, 4).t()[1:].requires_grad_()
    x.note = [1]
    y = pickle.loads(pickle.dumps(x, protocol))
    assert x.tolist() == y.tolist()
    assert y.stride() == x.stride() and y.requires_grad and y.note == [1] and y.is_leaf
    y.detach()[0, 0] = 5


def test_subclass():
    x = minitorch.Tensor._make_subclass(Sub, minitorch.tensor([1.0]), True)
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert type(y) is Sub and y.tolist() == [1.0] and y.requires_grad


def test_deepcopy_keeps_who_shares_what():
    x = minitorch.arange(4.0)
    x.grad = minitorch.ones(4)
    a, b, c = copy.deepcopy([x, x[1:], x])
    assert a is c and a is not x
    a[1] = 9
    assert b[0].item() == 9 and x[1].item() == 1 and a.grad.tolist() == [1.0] * 4


def test_small_types():
    for o in (
        minitorch.float32,
        minitorch.bool,
        minitorch.strided,
        minitorch.preserve_format,
        minitorch.FloatTensor,
    ):
        assert pickle.loads(pickle.dumps(o)) is o and copy.deepcopy(o) is o
    assert pickle.loads(pickle.dumps(minitorch.Tensor)) is minitorch.Tensor
