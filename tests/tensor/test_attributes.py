"""Attributes and the methods that are no operators; identity; the garbage collector."""

import gc
import weakref

import numpy as np
import pytest

import minitorch


class Sub(minitorch.Tensor):
    pass


def subclass(*values):
    return minitorch.Tensor._make_subclass(Sub, minitorch.tensor(values), True)


def test_the_same_tensor_is_the_same_object():
    x = minitorch.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad is x.grad
    y = x * 2
    assert y[0]._base is y


def test_attributes_outlive_the_last_reference():
    x = minitorch.tensor([1.0], requires_grad=True)
    x.grad = minitorch.tensor([3.0])
    x.grad.note = "kept"
    for _ in range(3):
        gc.collect()
        assert x.grad.note == "kept"
    alive = weakref.ref(x.grad)
    x.grad = None
    assert alive() is None


def test_a_subclass_stays_one_while_the_graph_needs_it():
    x = subclass(1.0, 2.0)
    y = x * 3
    alive = weakref.ref(x)
    del x
    gc.collect()
    assert type(alive()) is Sub and alive().requires_grad
    y.sum().backward(retain_graph=True)
    assert alive().grad.tolist() == [3.0, 3.0]
    del y
    gc.collect()
    assert alive() is None


def test_cycles_are_collected():
    for make in (lambda: minitorch.tensor([1.0]), lambda: subclass(1.0)):
        x = make()
        x.me = x
        alive = weakref.ref(x)
        del x
        gc.collect()
        assert alive() is None


def test_a_cycle_through_a_hook_is_collected():
    class Holder:
        pass

    def make():
        k = Holder()
        y = minitorch.tensor([1.0], requires_grad=True) * 2
        y.register_hook(lambda g: (k, y))
        k.y = y
        return weakref.ref(k)

    alive = make()
    gc.collect()
    assert alive() is None


def test_handing_over_and_back_leaks_nothing():
    x = minitorch.tensor([1.0], requires_grad=True)
    x.grad = minitorch.tensor([1.0])
    for _ in range(2000):
        g = x.grad
        g.note = 1
        del g
    parameters = [subclass(1.0) for _ in range(100)]
    loss = sum(p * 1 for p in parameters)
    alive = [weakref.ref(p) for p in parameters]
    del parameters
    loss.backward()
    del loss
    gc.collect()
    assert not any(r() for r in alive)


def test_long_chains_of_attributes_die_quietly():
    x = None
    for _ in range(100000):
        y = minitorch.tensor([1.0])
        y.next = x
        x = y
    del x, y


def test_setting_dict_and_doc_of_a_subclass():
    x = minitorch.tensor([1.0])
    x.__dict__ = {"a": 1}
    assert x.a == 1 and vars(x) == {"a": 1}
    assert Sub.__module__ == __name__ and minitorch.Tensor.__module__ == "minitorch"


def test_data_shares_memory_and_version():
    x = minitorch.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    x.data.mul_(2)
    assert x.tolist() == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_shared_memory_reaches_a_forked_process():
    import os

    x = minitorch.zeros(3).share_memory_()
    pid = os.fork()
    if pid == 0:
        x[1] = 7
        os._exit(0)
    os.waitpid(pid, 0)
    assert x.tolist() == [0.0, 7.0, 0.0] and x.is_shared() and not minitorch.zeros(3).is_shared()


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("size", [(3, 3), (7, 3), (3, 7), (3, 3, 3)])
def test_fill_diagonal(size, wrap):
    x = minitorch.zeros(*size).fill_diagonal_(5, wrap)
    expected = np.zeros(size)
    np.fill_diagonal(expected, 5, wrap)
    assert x.tolist() == expected.tolist()
    with pytest.raises(RuntimeError, match="dimensions must larger than 1"):
        minitorch.zeros(3).fill_diagonal_(1)


def test_resize_as():
    assert minitorch.zeros(4).resize_as_(minitorch.ones(3, 2)).shape == (3, 2)


def test_resize():
    x = minitorch.arange(6)
    y = x.resize_(2, 2)
    assert y is x and x.tolist() == [[0, 1], [2, 3]]
    assert x.resize_(2, 5).shape == (2, 5) and x.reshape(-1)[:4].tolist() == [0, 1, 2, 3]
    with pytest.raises(RuntimeError, match="Trying to resize storage that is not resizable"):
        minitorch.from_numpy(np.zeros(3)).resize_(100)
