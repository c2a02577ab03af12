"""grad_fn._saved_self and its like: what a node keeps, under PyTorch's names, found by dir()."""

import gc
import weakref

import numpy as np
import pytest

import minitorch as mt
from minitorch.autograd import graph

# Per operator: which names start with _saved_; the same in PyTorch, which may have more (sizes, mostly).
CONVOLUTION = "stride padding dilation transposed output_padding groups"
SAVED = {
    "x * y": "self other",
    "x * 2": "self other",
    "x / y": "self other",
    "x ** 2": "self exponent",
    "x ** y": "self exponent result",
    "x @ y": "self mat2",
    "x @ v": "self vec",
    "torch.dot(v, v * 1)": "self tensor",
    "x.exp()": "result",
    "x.log()": "self",
    "x.tanh()": "result",
    "x.relu()": "result",
    "torch.softmax(x, 1)": "dim result",
    "F.linear(x, y, v)": "mat1 mat2",
    "F.linear(x, y)": "self mat2",
    "F.mse_loss(x, y)": "self target reduction",
    "F.cross_entropy(x, torch.tensor([0, 1, 2]))": "target weight",
    "F.conv2d(x[None, None], y[None, None])": "input weight " + CONVOLUTION,
    "F.max_pool2d(x[None, None], 2)": "result1",
    "F.layer_norm(x, (3,))": "input weight",
    "F.embedding(torch.tensor([0, 1]), x)": "indices padding_idx scale_grad_by_freq sparse",
    "x[0]": "dim index",
    "x[torch.tensor([0, 2])]": "indices",
    "x.max(1)[0]": "dim indices keepdim",
    "x.sum(1)": "dim keepdim",
    "x.transpose(0, 1)": "dim0 dim1",
    "x.clamp(0, 1)": "self min max",
    "torch.where(x > 0, x, y)": "condition",
    "torch.bmm(x[None], y[None])": "self mat2",
    "x.std(1, correction=0)": "self dim correction keepdim result",
    "torch.addmm(x, y, y)": "",  # its node is a sum's, one step of several
    "x + y": "",
}
NOT_PYTORCHS_NUMBERS = ("padding_idx", "stride", "padding", "dilation", "output_padding")


def make(lib, program):
    given = {"x": [[0.5, 1.5, 2.5], [0.1, 0.7, 0.2], [3.0, 0.3, 0.9]], "v": [0.5, 2.0, 1.0]}
    given["y"] = [[1.0, 0.2, 0.4], [0.3, 2.0, 1.1], [0.6, 0.8, 1.4]]
    names = {n: lib.tensor(v, requires_grad=True) for n, v in given.items()}
    return eval(program, {**names, "torch": lib, "F": lib.nn.functional})


def plain(value):
    if hasattr(value, "detach"):
        return value.detach().double().numpy().round(5).tolist()
    return [plain(v) for v in value] if isinstance(value, (tuple, list)) else value


@pytest.mark.parametrize("program", SAVED)
def test_names(program):
    y = make(mt, program)
    names = {a for a in dir(y.grad_fn) if a.startswith("_saved_")}
    assert names - {"_saved_sparse_grad"} == {f"_saved_{n}" for n in SAVED[program].split()}
    for name in names:
        getattr(y.grad_fn, name)


@pytest.mark.parametrize("program", SAVED)
def test_values_are_pytorchs(program):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    mine, theirs = make(mt, program), make(torch, program)
    for name in SAVED[program].split():
        if name not in NOT_PYTORCHS_NUMBERS:
            got, want = (plain(getattr(y.grad_fn, f"_saved_{name}")) for y in (mine, theirs))
            assert got == want, name


def test_a_leaf_is_itself_and_a_result_has_its_history():
    x = mt.ones(3, requires_grad=True)
    middle = x * 2
    y = middle * x
    assert y.grad_fn._saved_other is x
    assert y.grad_fn._saved_self.grad_fn is middle.grad_fn and y.grad_fn._saved_self.tolist() == [2.0] * 3
    z = x.exp()
    assert z.grad_fn._saved_result.grad_fn is z.grad_fn
    (g,) = mt.autograd.grad(z.grad_fn._saved_result.sum(), x)
    assert mt.equal(g, z)


def test_what_is_not_kept_is_none():
    x, constant = mt.ones(3, requires_grad=True), mt.full((3,), 4.0)
    node = (x * constant).grad_fn
    assert node._saved_self is None and node._saved_other.tolist() == [4.0] * 3
    assert not node._saved_other.requires_grad and (x * 2).grad_fn._saved_other.item() == 2
    assert type((x**3).grad_fn._saved_exponent) is int


def test_a_product_with_weights_shows_them_turned():
    """PyTorch multiplies by their transpose."""
    x, w = mt.ones(2, 3, requires_grad=True), mt.arange(12.0).reshape(4, 3).requires_grad_()
    node = mt.nn.functional.linear(x, w, mt.zeros(4)).grad_fn
    assert node._saved_mat1 is x and mt.equal(node._saved_mat2, w.t())
    assert node._saved_mat2.grad_fn.name() == "TBackward0"


def test_after_backward_it_is_gone():
    x = mt.ones(3, requires_grad=True)
    y = x.softmax(0)
    node = y.grad_fn
    y.sum().backward(retain_graph=True)
    assert mt.equal(node._saved_result, y)
    y.sum().backward()
    with pytest.raises(RuntimeError) as error:
        _ = node._saved_result
    assert str(error.value) == (
        "Trying to backward through the graph a second time (or directly access saved tensors after they "
        "have already been freed). Saved intermediate values of the graph are freed when you call "
        ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
        "graph a second time or if you need to access saved tensors after calling backward."
    )
    assert node._saved_dim == 0 and "_saved_result" in dir(node)


def test_what_was_written_to_is_refused():
    a = mt.ones(3, requires_grad=True) * 2
    y = a * a
    a.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation.* is at version 1; expected"):
        _ = y.grad_fn._saved_self


def test_no_other_names():
    node = mt.ones(3, requires_grad=True).sin().grad_fn
    for name in ("_saved_", "_saved_nothing", "_saved_result", "saved_self"):
        with pytest.raises(AttributeError, match=f"'SinBackward0' object has no attribute '{name}'"):
            getattr(node, name)
    leaf = node.next_functions[0][0]
    assert not [a for a in dir(leaf) if "saved" in a] and "next_functions" in dir(node)


def test_hooks_unpack_what_is_asked_for():
    x = mt.zeros(2, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t.numpy(), lambda a: mt.tensor(np.array(a) + 1)):
        y = mt.ones(2) * x
        z = x.exp()
    assert y.grad_fn._saved_self.tolist() == [2.0, 2.0] and y.grad_fn._saved_other is None
    assert z.grad_fn._saved_result.tolist() == [2.0, 2.0]
    assert z.grad_fn._saved_result.grad_fn is z.grad_fn
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):
        wrong = x.exp()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        _ = wrong.grad_fn._saved_result


def test_packed_values_are_used_up_too():
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = mt.ones(2, requires_grad=True).exp()
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        _ = y.grad_fn._saved_result


def test_looking_holds_nothing():
    x = mt.ones(3, requires_grad=True)
    y = x.exp()
    kept = weakref.ref(y.grad_fn._saved_result)
    [getattr(y.grad_fn, a) for a in dir(y.grad_fn) if a.startswith("_saved_")]
    gc.collect()
    assert kept() is None
