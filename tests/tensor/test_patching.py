"""Programs give Tensor attributes, put functions in the place of its methods, and take them back."""

import gc
import sys
import unittest.mock

import pytest

import minitorch as mt
from minitorch import Tensor


class Sub(Tensor):
    pass


def tensors():
    """One of every kind: plain, a parameter, of a subclass."""
    return mt.ones(2), mt.nn.Parameter(mt.ones(2)), mt.ones(2).as_subclass(Sub)


def test_a_new_method(monkeypatch):
    monkeypatch.setattr(Tensor, "total", lambda self, more=1: self.sum().item() + more, raising=False)
    assert [t.total() for t in tensors()] == [3.0] * 3 and mt.zeros(1).total(more=5) == 5.0
    monkeypatch.undo()
    for t in tensors():
        with pytest.raises(AttributeError, match="has no attribute 'total'"):
            t.total()


def test_attributes_and_properties():
    Tensor.note, Tensor.rows = 3, property(lambda self: len(self))
    try:
        x = mt.ones(4)
        x.note = 4
        assert (x.note, mt.ones(1).note, x.rows) == (4, 3, 4)
    finally:
        del Tensor.note, Tensor.rows
    assert not hasattr(mt.ones(1), "note") and not hasattr(mt.ones(1), "rows")
    with pytest.raises(AttributeError):
        del Tensor.nothing


def test_repr():
    original = Tensor.__repr__
    Tensor.__repr__ = lambda self: f"{tuple(self.shape)}"
    try:
        plain, parameter, sub = tensors()
        for t in (plain, sub):
            assert repr(t) == str(t) == "(2,)" and str([t]) == "[(2,)]"
        assert str(parameter) == "Parameter containing:\n(2,)"
    finally:
        Tensor.__repr__ = original
    assert repr(mt.ones(2)) == "tensor([1., 1.])" and str(tensors()[2]) == "Sub([1., 1.])"


USES = {
    "__add__": lambda x: x + 1,
    "__radd__": lambda x: 1 + x,
    "__sub__": lambda x: x - x,
    "__rsub__": lambda x: 1 - x,
    "__mul__": lambda x: x * x,
    "__truediv__": lambda x: x / 2,
    "__pow__": lambda x: x**2,
    "__rpow__": lambda x: 2**x,
    "__matmul__": lambda x: x @ x,
    "__neg__": lambda x: -x,
    "__invert__": lambda x: ~x.long(),
    "__iadd__": lambda x: x.__iadd__(1),
    "__lt__": lambda x: x < 1,
    "__eq__": lambda x: x == 1,
    "__getitem__": lambda x: x[0],
    "__setitem__": lambda x: x.__setitem__(0, 3.0),
    "__len__": lambda x: len(x),
    "__contains__": lambda x: 1 in x,
    "__iter__": lambda x: list(x),
    "__bool__": lambda x: bool(x[0]),
    "__float__": lambda x: float(x[0]),
    "__int__": lambda x: int(x[0]),
    "__hash__": lambda x: hash(x) == id(x),
    "__format__": lambda x: f"{x[0]:.1f}",
    "abs": lambda x: x.abs(),
    "sum": lambda x: x.sum(),
    "numpy": lambda x: x.numpy().tolist(),
    "cuda": lambda x: x.is_cuda or x.dim(),
}


@pytest.mark.parametrize("name", USES)
def test_every_operator_sees_what_stands_in_its_place(name):
    """And none does any more when the original is back."""
    original, seen = getattr(Tensor, name), []

    def counted(*args):
        seen.append(name)
        return original(*args)

    before = [str(USES[name](t)) for t in (mt.ones(2), mt.ones(2).as_subclass(Sub))]
    setattr(Tensor, name, counted)
    try:
        between = [str(USES[name](t)) for t in (mt.ones(2), mt.ones(2).as_subclass(Sub))]
    finally:
        setattr(Tensor, name, original)
    count = len(seen)
    after = [str(USES[name](t)) for t in (mt.ones(2), mt.ones(2).as_subclass(Sub))]
    assert before == between == after and getattr(Tensor, name) is original
    assert len(seen) == count and (count >= 2 or name == "cuda")


def test_mocks():
    x = mt.ones(1, requires_grad=True)
    with unittest.mock.patch.object(Tensor, "cuda", lambda self: "moved"):
        assert x.cuda() == "moved"
    with unittest.mock.patch.object(Tensor, "backward", autospec=True) as backward:
        x.sum().backward()
    assert backward.called and x.grad is None
    x.sum().backward()
    assert x.grad.item() == 1.0


def test_operators_can_be_taken_away():
    add, radd = Tensor.__add__, Tensor.__radd__
    del Tensor.__add__, Tensor.__radd__
    try:
        for t in tensors():
            with pytest.raises(TypeError, match="unsupported operand"):
                t + t
        assert mt.add(mt.ones(1), 1).item() == 2.0, "the function is another object"
    finally:
        Tensor.__add__, Tensor.__radd__ = add, radd
    assert (1 + mt.ones(1) + 1).item() == 3.0


@pytest.mark.parametrize("name", ["__new__", "__del__"])
def test_what_must_stay(name):
    with pytest.raises(TypeError, match=f"cannot set '{name}' attribute of type 'Tensor'"):
        setattr(Tensor, name, lambda *args: None)
    with pytest.raises(TypeError, match=f"cannot set '{name}' attribute of type 'Tensor'"):
        delattr(Tensor, name)
    setattr(Sub, name, lambda *args: None)
    delattr(Sub, name)
    assert Tensor(2).shape == (2,)


def test_the_class_of_a_tensor_can_be_changed():
    """As PyTorch's; the references to the classes are counted."""
    x = mt.ones(3)
    x.__class__ = mt.nn.Parameter
    assert isinstance(x, mt.nn.Parameter) and str(x).startswith("Parameter containing")
    before = sys.getrefcount(Sub)
    for _ in range(100):
        y, z = mt.ones(3), mt.ones(3).as_subclass(Sub)
        y.__class__, z.__class__ = Sub, Tensor
        assert type(y) is Sub and type(z) is Tensor and (y + z).sum().item() == 6.0
    del y, z
    gc.collect()
    assert sys.getrefcount(Sub) == before


@pytest.mark.parametrize("make", [mt.Tensor.detach, mt.nn.Parameter, lambda x: x.as_subclass(Sub)])
def test_in_place_operators_of_subclasses_refuse_what_is_no_number(make):
    def add(x, value):
        x += value
        return x

    original = mt.Tensor.__iadd__
    for _ in range(2):
        with mt.no_grad():
            for value in ("a", [1], {}):
                with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \+=: '\w+' and"):
                    add(make(mt.ones(2)), value)
            assert add(make(mt.ones(2)), 2).tolist() == [3, 3]
        mt.Tensor.__iadd__ = lambda self, other: "patched"
        assert add(make(mt.ones(2)), 2) == "patched"
        mt.Tensor.__iadd__ = original
