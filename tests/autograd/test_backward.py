"""backward and grad: accumulation, retained graphs, hooks, unused inputs, higher derivatives."""

import pytest

import minitorch as mt
from minitorch.autograd import gradcheck, gradgradcheck


def leaf(*values):
    return mt.tensor(values or (1.0, 2.0), requires_grad=True)


def test_gradients_accumulate():
    x = leaf()
    (x * x).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first and x.grad.tolist() == [5, 7]


def test_a_gradient_that_is_held_stays_what_it_was():
    """zero_grad() lets the next backward write where the last gradient lay: only if nobody sees it."""
    layer, x = mt.nn.Linear(2, 2), mt.ones(1, 2)
    optimizer = mt.optim.SGD(layer.parameters(), lr=0.0)
    for drop in (optimizer.zero_grad, layer.zero_grad, lambda: setattr(layer.weight, "grad", None)):
        layer(x).sum().backward()
        held, array, view = layer.weight.grad, layer.weight.grad.numpy(), layer.weight.grad[0]
        drop()
        assert layer.weight.grad is None
        layer(5 * x).sum().backward()
        assert held.tolist() == array.tolist() == [[1, 1], [1, 1]] and view.tolist() == [1, 1]
        assert layer.weight.grad.tolist() == [[5, 5], [5, 5]] and layer.weight.grad is not held
        layer.zero_grad()
        del held
        layer(2 * x).sum().backward()
        assert array.tolist() == [[1, 1], [1, 1]] and layer.weight.grad.tolist() == [[2, 2], [2, 2]]
        layer.weight.grad.add_(1)
        layer.zero_grad()
        layer(x).sum().backward()
        assert layer.weight.grad._version == 0 and layer.weight.grad.tolist() == [[1, 1], [1, 1]]
        layer.zero_grad()


def test_used_twice_in_a_row():
    """b = a + a, c = b + b: each node runs once, when all has arrived."""
    a = leaf(1.0)
    c = a
    for _ in range(20):
        c = c + c
    c.sum().backward()
    assert a.grad.tolist() == [2.0**20]


def test_retain_graph():
    x = leaf()
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4, 8]
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_gradient_of_what_is_no_scalar():
    x = leaf()
    y = x * x
    y.backward(mt.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2, 40]


def test_unused_and_inputs():
    x, z = leaf(), leaf()
    y = (x * x).sum()
    gx, gz = mt.autograd.grad(y, (x, z), allow_unused=True, retain_graph=True)
    assert gx.tolist() == [2, 4] and gz is None and x.grad is None
    mt.autograd.backward(y + z.sum(), inputs=[z])
    assert z.grad.tolist() == [1, 1] and x.grad is None


def test_create_graph():
    x = leaf(2.0)
    (g,) = mt.autograd.grad(x.pow(4).sum(), x, create_graph=True)
    (h,) = mt.autograd.grad(g.sum(), x, create_graph=True)
    (k,) = mt.autograd.grad(h.sum(), x)
    assert (g.item(), h.item(), k.item()) == (32, 48, 48)


def test_retain_grad_follows_writes():
    x = leaf()
    y = x * 3
    y.retain_grad()
    y.mul_(2)
    y.sum().backward()
    assert y.grad.tolist() == [1, 1] and x.grad.tolist() == [6, 6]


def test_retain_grad_of_what_is_gone():
    x = leaf()
    y = x * 3
    y.retain_grad()
    y.mul_(2)
    z = y.sum()
    del y
    z.backward()
    assert x.grad.tolist() == [6, 6]


def test_hooks():
    x = leaf()
    y = x * 3
    order = []
    y.register_hook(lambda g: order.append("first"))
    handle = y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: order.append(g.tolist()))
    y.sum().backward(retain_graph=True)
    handle.remove()
    handle.remove()
    y.sum().backward()
    assert order == ["first", [30, 30], "first", [3, 3]]
    assert x.grad.tolist() == [33, 33]


def test_post_accumulate_hook():
    x = leaf()
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    (x * 2).sum().backward()
    assert seen == [[2, 2]]


def test_a_hooks_exception_passes_through():
    x = leaf()
    y = x * 3

    def hook(g):
        raise KeyError("mine")

    y.register_hook(hook)
    with pytest.raises(KeyError, match="mine"):
        y.sum().backward()
    assert x.grad is None


def test_grad_mode():
    x = leaf()
    with mt.no_grad():
        assert not (x * 2).requires_grad
        with mt.enable_grad():
            assert (x * 2).requires_grad
    with mt.set_grad_enabled(False):
        assert not (x * 2).requires_grad

    @mt.no_grad()
    def f(t):
        return t * 2

    assert not f(x).requires_grad and mt.is_grad_enabled()


def test_gradcheck_finds_a_wrong_derivative():
    x = mt.tensor([0.5, 2.0], dtype=mt.float64, requires_grad=True)
    assert gradcheck(mt.sin, (x,)) and gradgradcheck(mt.sin, (x,))
    with pytest.raises(RuntimeError, match="Jacobian mismatch for output 0 with respect to input 0,"):
        gradcheck(lambda t: t * t.detach(), (x,))
    assert not gradcheck(lambda t: t * t.detach(), (x,), raise_exception=False)
    with pytest.raises(ValueError, match="expects at least one input tensor to require gradient"):
        gradcheck(mt.sin, (x.detach(),))


def test_a_graph_that_keeps_no_values_can_be_walked_again():
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    y = (x + 1).reshape(2, 1).t().sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]
    z = (x * x).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        z.backward()
    assert x.grad.tolist() == [4.0, 6.0]
