"""backward and grad: accumulation, retained graphs, hooks, unused inputs, higher derivatives."""

import subprocess
import sys

import pytest

import minitorch as mt
from minitorch import nn
from minitorch.autograd import gradcheck, gradgradcheck


def leaf(*values):
    return mt.tensor(values or (1.0, 2.0), requires_grad=True)


def test_gradients_accumulate():
    x = leaf()
    (x * x).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first and x.grad.tolist() == [5, 7]


HOLDERS = {
    "the tensor": lambda g: g,
    "an array": lambda g: g.numpy(),
    "a buffer": lambda g: memoryview(g.numpy()),
    "DLPack": lambda g: g.__dlpack__(),
    "a view": lambda g: g[0],
    "detach": lambda g: g.detach(),
    "data": lambda g: g.data,
    "its storage": lambda g: g.untyped_storage(),
    "a Parameter": lambda g: mt.nn.Parameter(g),
    "a graph": lambda g: mt.ones(2, 2, requires_grad=True) * g,
    "other strides": lambda g: (g.t_(), None)[1],
    "less of it": lambda g: (g.resize_(1, 2), None)[1],
}


def backward_of(p, factor):
    """The gradient of p is factor everywhere."""
    nn.functional.mse_loss(p, mt.full(p.shape, -0.5 * factor), reduction="sum").backward()


def test_a_gradient_given_back_is_written_to_again():
    p = mt.zeros(2, 2, requires_grad=True)
    backward_of(p, 1)
    place = p.grad.data_ptr()
    for factor in range(2, 5):
        p.grad.add_(1)
        p.grad = None
        backward_of(p, factor)
        assert p.grad.data_ptr() == place
        assert p.grad.tolist() == [[factor, factor]] * 2 and p.grad._version == 0 and p.grad.is_leaf


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("way", ["optimizer", "module", "attribute"])
def test_a_gradient_that_somebody_sees_is_not(holder, way):
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.detach().zero_()
    optimizer = mt.optim.SGD(layer.parameters(), lr=0.0)
    drop = {
        "optimizer": optimizer.zero_grad,
        "module": layer.zero_grad,
        "attribute": lambda: setattr(layer.weight, "grad", None),
    }[way]
    backward_of(layer.weight, 1)
    place, held = layer.weight.grad.data_ptr(), HOLDERS[holder](layer.weight.grad)
    drop()
    assert layer.weight.grad is None
    backward_of(layer.weight, 5)
    assert layer.weight.grad.tolist() == [[5, 5], [5, 5]] and layer.weight.grad.stride() == (2, 1)
    assert layer.weight.grad.untyped_storage().nbytes() == 16
    assert held is None or layer.weight.grad.data_ptr() != place


WALKED_MEANWHILE = """
import signal
import minitorch as mt

one = mt.ones(4)
for n in range(5):
    steps = [mt.full((4,), 0.01, requires_grad=True)]
    for _ in range(60000):
        steps.append(mt.tanh(steps[-1]))

    def walk(*_):
        while steps:  # from the very node whose turn it is
            try:
                return steps.pop().backward(one)
            except RuntimeError as error:
                assert "a second time" in str(error)

    signal.signal(signal.SIGALRM, walk)
    signal.setitimer(signal.ITIMER_REAL, 0.001 + 0.0002 * n)
    try:
        steps.pop().backward(one)
    except RuntimeError as error:
        assert "a second time" in str(error)
    signal.setitimer(signal.ITIMER_REAL, 0)
print("done")
"""


def test_a_graph_that_a_signal_handler_walks_meanwhile():
    """The nodes that a long backward is still to come to may have been taken apart."""
    run = [sys.executable, "-c", WALKED_MEANWHILE]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


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


def test_what_a_post_accumulate_hook_may_return():
    x = leaf()
    with mt.no_grad():
        start = x.clone()
    handle = x.register_post_accumulate_grad_hook(lambda t: t.add_(t.grad, alpha=-0.5))
    (x * 2).sum().backward()
    assert x.tolist() == (start - 1).tolist()
    handle.remove()
    for result, error, text in (
        (3, TypeError, "expected Variable, but hook returned 'int'"),
        (mt.ones(2), RuntimeError, "Tensor post accumulate grad hooks should return None"),
        (mt.ones(3), RuntimeError, "has changed the size of value"),
    ):
        handle = x.register_post_accumulate_grad_hook(lambda t, result=result: result)
        with pytest.raises(error, match=text):
            (x * 2).sum().backward()
        handle.remove()


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
    for composite in (
        lambda x: 2 - x,
        lambda x: mt.stack([x, x]),
        lambda x: x.chunk(2)[0],
        lambda x: x.split(1)[1],
        lambda x: x.unbind()[0],
        lambda x: x.repeat(2),
        lambda x: x.tile(2),
        lambda x: x.view(1, 2).trace(),
    ):
        y = composite(x).sum()
        y.backward()
        y.backward()
    x.grad = mt.full((2,), 2.0)
    z = (x * x).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        z.backward()
    assert x.grad.tolist() == [4.0, 6.0]
