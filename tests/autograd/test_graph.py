"""Hooks on nodes, anomaly mode, saved-tensor hooks, edges: texts and values of PyTorch 2.13."""

import gc
import warnings

import pytest

import minitorch as mt
from minitorch import _C
from minitorch.autograd import detect_anomaly, grad, graph, set_detect_anomaly


def ones(*size):
    return mt.ones(*size, requires_grad=True)


# ---- node hooks ------------------------------------------------------------------------------------------


def test_node_hooks_see_and_replace():
    x, seen = ones(3), []
    y = x * 2
    node = y.grad_fn
    node.register_hook(lambda gi, go: seen.append((gi, go)))
    node.register_prehook(lambda go: (go[0] * 5,))
    node.register_hook(lambda gi, go: (gi[0] * 3, *gi[1:]))
    y.sum().backward()
    (gi, go) = seen[0]
    assert mt.equal(go[0], mt.full((3,), 5.0)) and mt.equal(gi[0], mt.full((3,), 10.0)) and gi[1] is None
    assert mt.equal(x.grad, mt.full((3,), 30.0)) and node.name() == "MulBackward0"


def test_node_hooks_with_create_graph_and_broadcasting():
    x, s = (
        mt.randn(3, dtype=mt.float64, requires_grad=True),
        mt.ones((), dtype=mt.float64, requires_grad=True),
    )
    y, shapes = x * s, []
    y.grad_fn.register_hook(lambda gi, go: shapes.append([None if g is None else g.shape for g in gi]))
    g, _ = grad((y * y).sum(), (x, s), create_graph=True)
    assert shapes == [[(3,), ()]], shapes
    (h,) = grad(g.sum(), x)
    assert mt.allclose(h, mt.full((3,), 2.0, dtype=mt.float64))


def test_node_hooks_are_removed():
    x, seen = ones(2), []
    y = x.exp()
    with y.grad_fn.register_prehook(seen.append):
        y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert len(seen) == 1


def test_hooks_of_accumulate_grad():
    x, seen = ones(2), []
    node = (x * 1).grad_fn.next_functions[0][0]
    handles = [node.register_hook(lambda gi, go: seen.append((gi, go))), node.register_prehook(seen.append)]
    (x * 2).sum().backward()
    assert len(seen[0]) == 1 and seen[1][0] == () and mt.equal(seen[1][1][0], mt.full((2,), 2.0))
    for handle in handles:
        handle.remove()
    (x * 2).sum().backward()
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("hook", "error", "text"),
    [
        (
            lambda gi, go: (1,),
            RuntimeError,
            r"hook '<lambda>' has returned an incorrect number of values \(got 1, but",
        ),
        (lambda gi, go: gi[0], TypeError, "expected tuple, but hook returned 'minitorch.Tensor'|'Tensor'"),
        (lambda gi, go: (1, None), TypeError, "expected Variable, but hook returned 'int'"),
        (lambda gi, go: 1 / 0, ZeroDivisionError, "division by zero"),
    ],
)
def test_wrong_hooks(hook, error, text):
    y = ones(3) * 2
    y.grad_fn.register_hook(hook)
    with pytest.raises(error, match=text):
        y.sum().backward()


def test_multi_grad_hook():
    x, seen, first = ones(2), [], []
    a, b = x * 2, x * 3
    handle = graph.register_multi_grad_hook((a, b), seen.append)
    graph.register_multi_grad_hook((a, b), first.append, mode="any")
    (a + b).sum().backward(retain_graph=True)
    assert len(seen) == 1 and len(seen[0]) == 2 and len(first) == 1
    handle.remove()
    (a + b).sum().backward()
    assert len(seen) == 1


def test_edges():
    x = ones(2)
    y = x * 2
    assert graph.get_gradient_edge(y).node is y.grad_fn
    assert graph.get_gradient_edge(x).node.variable is x
    with pytest.raises(
        RuntimeError, match="It is not possible to get the gradient edge for a Tensor that does not"
    ):
        graph.get_gradient_edge(mt.ones(2))


# ---- anomaly mode ----------------------------------------------------------------------------------------


def test_anomaly_names_the_forward_line():
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        mode = detect_anomaly()
    with mode:
        x = mt.zeros(2, requires_grad=True)
        y = x.sqrt() * 0  # here
        text = (
            "Error detected in SqrtBackward0. Traceback of forward call that caused the error:(.|\n)*x.sqrt"
        )
        with pytest.warns(UserWarning, match=text):
            with pytest.raises(
                RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output."
            ):
                y.sum().backward()
    assert not mt.is_anomaly_enabled()


def test_anomaly_of_any_error():
    with set_detect_anomaly(True, check_nan=False):
        assert mt.is_anomaly_enabled() and not mt.is_anomaly_check_nan_enabled()
        x = mt.zeros(2, requires_grad=True)
        (x.sqrt() * 0).sum().backward()
        y = x.exp()
        y.add_(1)
        with pytest.warns(UserWarning, match="Error detected in ExpBackward0"):
            with pytest.raises(
                RuntimeError, match="one of the variables needed for gradient computation has been"
            ):
                y.sum().backward()
    assert mt.is_anomaly_check_nan_enabled()


def test_anomaly_changes_no_gradient():
    x, w = mt.randn(4, 3), mt.randn(2, 3, requires_grad=True)
    (plain,) = grad(mt.nn.functional.linear(x, w).tanh().pow(2).mean(), w)
    with set_detect_anomaly(True):
        (watched,) = grad(mt.nn.functional.linear(x, w).tanh().pow(2).mean(), w)
    assert mt.allclose(plain, watched)


# ---- saved tensors ---------------------------------------------------------------------------------------


def test_saved_tensors_hooks():
    x, packed, unpacked = ones(3), [], []

    def pack(tensor):
        packed.append(tensor)
        return tensor.tolist()

    def unpack(values):
        unpacked.append(values)
        return mt.tensor(values)

    with graph.saved_tensors_hooks(pack, unpack):
        y = (x * 2).exp() * 3
    assert len(packed) == 1 and not unpacked
    y.sum().backward()
    assert len(unpacked) == 1 and mt.allclose(x.grad, 6 * mt.full((3,), 2.0).exp())


def test_saved_tensors_hooks_and_second_derivatives():
    x = mt.randn(3, dtype=mt.float64, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = (x * x.sin()).exp()
        (g,) = grad(y.sum(), x, create_graph=True)
        (h,) = grad(g.sum(), x)
    y = (x * x.sin()).exp()
    (g2,) = grad(y.sum(), x, create_graph=True)
    assert mt.allclose(g, g2) and mt.allclose(h, grad(g2.sum(), x)[0])


def test_saved_tensors_hooks_that_fail():
    x = ones(2)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):
        y = x.exp()
    with pytest.raises(
        TypeError, match="Output of saved tensor unpack_hook expected to be a Tensor but got result of"
    ):
        y.sum().backward()
    with graph.saved_tensors_hooks(lambda t: 1 / 0, lambda t: t), pytest.raises(ZeroDivisionError):
        x.exp()
    with graph.disable_saved_tensors_hooks("not now"), pytest.raises(RuntimeError, match="not now"):
        with graph.saved_tensors_hooks(id, id):
            pass
    with graph.save_on_cpu():
        x.exp().sum().backward()
    assert mt.allclose(x.grad, mt.ones(2).exp())


def test_grads_batched():
    x = ones(3)
    (J,) = grad(x * x * 2, x, mt.eye(3), is_grads_batched=True)
    assert mt.equal(J, 4 * mt.eye(3))


def use_everything():
    x = ones(3)
    with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t), set_detect_anomaly(True):
        y = (x * 2).exp()
        y.grad_fn.register_hook(lambda gi, go: None)
        y.grad_fn.register_prehook(lambda go: go)
        y.sum().backward()
        (x * 3).exp()  # never walked
        z = x.exp().mul_(2)
        z.grad_fn.register_hook(lambda gi, go: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            z.sum().backward()


def test_nothing_stays():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            use_everything()
        gc.collect()
        before = _C._live()[:3]
        for _ in range(10):
            use_everything()
        gc.collect()
        assert _C._live()[:3] == before


class Cube(mt.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        return 3 * g * ctx.saved_tensors[0] ** 2


def test_nodes_say_where_they_come_from():
    """Nodes of operators are built in, those of Functions stand in autograd.function, as in PyTorch."""
    x = mt.ones(2, requires_grad=True)
    product, cube = (x * 2).grad_fn, Cube.apply(x).grad_fn
    leaf = product.next_functions[0][0]
    for node, name in ((product, "MulBackward0"), (leaf, "AccumulateGrad")):
        assert repr(node) == f"<{name} object at {id(node):#x}>"
        assert repr(type(node)) == f"<class '{name}'>"
    assert repr(cube) == f"<minitorch.autograd.function.CubeBackward object at {id(cube):#x}>"
    assert repr(type(cube)) == "<class 'minitorch.autograd.function.CubeBackward'>"
    assert type(cube).__module__ == "minitorch.autograd.function" and cube.name() == "CubeBackward"
    assert str(Cube.apply(x)) == "tensor([1., 1.], grad_fn=<CubeBackward>)"
    with pytest.raises(AttributeError, match="'MulBackward0' object has no attribute 'nothing'"):
        _ = product.nothing


def test_the_bias_of_a_layer_comes_first():
    """As PyTorch's AddmmBackward0 lists it, and as its first tutorial prints it."""
    layer, x = mt.nn.Linear(3, 2), mt.ones(4, 3) * mt.ones(1, requires_grad=True)
    y = mt.nn.functional.mse_loss(layer(x), mt.zeros(4, 2))
    product = y.grad_fn.next_functions[0][0]
    bias, input, weight = (f for f, _ in product.next_functions)
    assert bias.variable is layer.bias and input.name() == "MulBackward0" and weight.variable is layer.weight
    bare = mt.nn.Linear(3, 2, bias=False)
    x, weight = (f for f, _ in bare(mt.ones(4, 3)).grad_fn.next_functions)
    assert x is None and weight.variable is bare.weight
