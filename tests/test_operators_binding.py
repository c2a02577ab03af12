"""How operators are called from Python: arguments, errors, results, what objects say about themselves.

Breaks when csrc/python/py_schema.c, py_bind*.c or py_op*.c are wrong. Texts are compared with PyTorch's
where it is installed.
"""

import copy
import gc
import inspect
import pickle
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import minitorch as mt
from minitorch import _C

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="compares with PyTorch")


def ones():
    return mt.ones(2, 2)


# ---- errors, word for word ---------------------------------------------------------------------------------
BAD_CALLS = """
torch.sin('a')
torch.sin()
torch.sin(x, x)
torch.sin(x, foo=1)
torch.sin(self=x)
torch.sin(x, input=x)
torch.sin(x, out=3)
torch.add('a', x)
torch.add(x, 'a')
torch.add(x)
torch.add(x, x, x)
torch.add(x, x, alpha='a')
torch.add(x, x, foo=1)
x.add('a')
x.add()
x.add_('a')
torch.zeros(2.5)
torch.zeros('3')
torch.zeros(True)
torch.zeros((2, 2.5))
torch.zeros([2, 'a'])
torch.zeros(2, 2.5)
torch.zeros()
torch.zeros(2, foo=1)
torch.zeros(2, dtype='float')
torch.zeros(2, requires_grad=3)
torch.zeros(2, size=(2,))
torch.zeros((True, 2))
torch.zeros(10 ** 30)
torch.zeros((2,), torch.float32)
torch.sum(x, 'a')
torch.sum(x, dim=0.5)
torch.sum(x, True)
torch.sum(x, 0, 1)
x.sum('a')
x.view(2, 2.0)
x.reshape()
x.permute(0, 'a')
x.permute((0, 1), 1)
torch.permute(x, 0, 1)
x.transpose(0)
torch.transpose()
x.transpose(0, 1, 2)
x.transpose('a', 1)
torch.transpose(x, 2 ** 70, 1)
x.expand('a')
torch.flatten(x, 0, 1, 2)
torch.cat(x)
torch.cat([1, 2])
torch.cat([x, 1])
torch.cat([x, x], 'a')
torch.cat([x], dim=1, axis=1)
torch.cat([x], 0, dim=1)
torch.stack([x, None])
torch.stack('ab')
torch.matmul(x, 1)
torch.mm(x, 1)
torch.unsqueeze(x)
torch.unsqueeze(x, 0.5)
torch.unsqueeze(x, True)
torch.unsqueeze(x, torch.tensor(1.))
x.normal_('a')
x.uniform_(0, 'a')
torch.bernoulli('a')
torch.relu(None)
torch.mul(x, None)
F.linear(1, x)
F.linear(x)
F.linear(x, x, 'a')
"""


def outcome(library, functional, code):
    scope = {"torch": library, "F": functional, "x": library.tensor([[1.0, 1.0], [1.0, 1.0]])}
    with pytest.raises(Exception) as caught:
        eval(code, scope)
    return type(caught.value).__name__, str(caught.value).split("\nException raised")[0]


@needs_torch
@pytest.mark.parametrize("code", BAD_CALLS.split("\n")[1:-1])
def test_error_texts_are_pytorchs(code):
    theirs = outcome(torch, torch.nn.functional, code)
    ours = outcome(mt, mt.nn.functional, code)
    assert ours == theirs


def test_a_method_wants_a_tensor():
    with pytest.raises(TypeError, match="descriptor 'add' for 'Tensor' objects doesn't apply to a 'int'"):
        mt.Tensor.add(1, 2)
    with pytest.raises(TypeError, match="needs an argument"):
        mt.Tensor.sin()


# ---- arguments ---------------------------------------------------------------------------------------------
class Index:
    def __index__(self):
        return 1


def test_numbers_stand_for_tensors():
    x = ones()
    for two in (2, 2.0, np.float32(2), np.int64(2), mt.tensor(2)):
        assert mt.add(x, two).tolist() == [[3, 3], [3, 3]]
        assert mt.mul(two, x).tolist() == [[2, 2], [2, 2]]
    assert mt.add(x, True).tolist() == [[2, 2], [2, 2]]
    assert mt.add(mt.ones(2, dtype=mt.int64), 1.5).dtype is mt.float32
    assert mt.add(mt.ones(2, dtype=mt.int32), 1).dtype is mt.int32


def test_ints():
    x = mt.zeros(2, 3)
    for one in (1, np.int64(1), np.int8(1), mt.tensor(1), Index()):
        assert x.unsqueeze(one).shape == (2, 1, 3)
        assert x.sum(one).shape == (2,)
    assert mt.zeros(mt.tensor(3)).shape == (3,)
    assert mt.zeros((mt.tensor(3), np.int64(2))).shape == (3, 2)


def test_lists_of_ints_in_every_form():
    x = mt.zeros(6)
    for view in (x.view(2, 3), x.view((2, 3)), x.view([2, 3]), x.view(mt.Size((2, 3))), x.view(size=(2, 3))):
        assert view.shape == (2, 3)
    y = mt.zeros(2, 3, 4)
    assert y.sum((0, 2)).shape == y.sum([0, -1]).shape == y.sum(dim=(0, 2)).shape == (3,)
    assert y.sum(1, True).shape == y.sum(1, keepdim=True).shape == (2, 1, 4)
    assert mt.zeros(()).shape == ()


def test_long_lists():
    n = 1000
    x = mt.arange(n).float()
    parts = x.split([1] * n)
    assert isinstance(parts, tuple) and len(parts) == n
    assert mt.cat(list(parts)).tolist() == x.tolist()


def test_names_and_their_aliases():
    x = mt.arange(6).float().view(2, 3)
    assert mt.sum(input=x, dim=0).tolist() == mt.sum(x, axis=0).tolist() == [3, 5, 7]
    assert mt.sum(x, 0, keepdims=True).shape == (1, 3)
    keyword = "".join(["d", "im"])
    assert mt.sum(x, **{keyword: 1}).tolist() == [3, 12]
    assert mt.absolute(mt.tensor([-1.0])).tolist() == [1]
    assert x.swapaxes(0, 1).shape == (3, 2) and x.subtract(x).sum() == 0
    assert mt.tensor([-1.0]).absolute_().tolist() == [1]


def test_none_leaves_an_argument_out():
    x = ones()
    assert mt.sum(x, None).item() == mt.sum(x, dim=None).item() == 4
    weight, bias = mt.ones(1, 2), None
    assert mt.nn.functional.linear(x, weight, bias).tolist() == [[2], [2]]


def test_factories():
    t = mt.zeros(2, dtype=mt.float64, requires_grad=True, device="cpu", layout=mt.strided, pin_memory=False)
    assert t.dtype is mt.float64 and t.requires_grad and t.is_leaf
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype can require"):
        mt.zeros(2, dtype=mt.int64, requires_grad=True)
    assert mt.zeros_like(t).dtype is mt.float64 and not mt.zeros_like(t).requires_grad


def test_out():
    x, y = ones(), mt.empty(0)
    assert mt.add(x, x, out=y) is y and y.tolist() == [[2, 2], [2, 2]]
    values, indices = mt.empty(0), mt.empty(0, dtype=mt.int64)
    result = mt.max(x, 0, out=(values, indices))
    assert result[0] is values and values.tolist() == [1, 1] and indices.tolist() == [0, 0]


def test_in_place_forms_return_the_object():
    x = ones()
    assert x.add_(1) is x and x.tolist() == [[2, 2], [2, 2]]
    assert mt.neg_(x) is x and x.tolist() == [[-2, -2], [-2, -2]]
    assert mt.nn.functional.relu(x, inplace=True) is x and x.tolist() == [[0, 0], [0, 0]]


# ---- results -----------------------------------------------------------------------------------------------
def test_named_tuples():
    x = mt.tensor([[1.0, 5.0], [3.0, 2.0]])
    result = x.max(0)
    values, indices = result
    assert result.values is values and result[1] is indices
    assert type(result) is mt.return_types.max and isinstance(result, tuple)
    assert repr(result) == "torch.return_types.max(\nvalues=tensor([3., 5.]),\nindices=tensor([1, 0]))"
    assert pickle.loads(pickle.dumps(result)).indices.tolist() == [1, 0]


def test_lists_come_as_tuples():
    x = mt.zeros(3, 2)
    assert isinstance(x.unbind(), tuple) and isinstance(mt.split(x, 1), tuple) and len(x.chunk(2)) == 2


def test_results_of_subclasses_are_tensors():
    p = mt.nn.Parameter(mt.ones(2))
    assert type(p + 1) is type(p.sin()) is mt.Tensor
    with mt.no_grad():
        assert p.add_(1) is p


# ---- what the objects say ----------------------------------------------------------------------------------
def all_operators():
    places = {"": _C, "_nn.": _C._nn, "_linalg.": _C._linalg, "_special.": _C._special, "Tensor.": mt.Tensor}
    for prefix, place in places.items():
        for name, value in vars(place).items():
            if isinstance(value, _C.Operator | type(mt.Tensor.sin)) and not name.startswith("_"):
                yield pytest.param(value, name, id=prefix + name)


@pytest.mark.parametrize("op, name", list(all_operators()))
def test_every_operator_describes_itself(op, name):
    assert op.__name__ == name and op.__qualname__.endswith(name)
    parameters = inspect.signature(op).parameters
    assert parameters
    signature, _, text = op.__doc__.partition("\n\n")
    assert signature.startswith(name + "(") and text.strip()
    assert op.schemas and op.stubs and all(stub.startswith("(") for stub in op.stubs)
    assert repr(op).startswith("<")
    assert pickle.loads(pickle.dumps(op)) is op and copy.deepcopy(op) is op


def test_signatures():
    assert str(inspect.signature(mt.add)) == "(input, other, *, alpha=1, out=None)"
    assert str(inspect.signature(mt.Tensor.add)) == "(self, other, *, alpha=1)"
    assert str(inspect.signature(ones().add)) == "(other, *, alpha=1)"
    assert mt.sin.__module__ == "minitorch"
    assert repr(mt.Tensor.sin) == "<method 'sin' of 'minitorch.Tensor' objects>"


def test_functions_do_not_bind_and_methods_do():
    class Holder:
        function = mt.neg

    assert Holder().function(mt.ones(1)).item() == -1
    assert mt.ones(1).neg.__self__.item() == 1


def test_stub_file_is_current():
    from minitorch._stubgen import generate

    path = Path(mt.__file__).with_name("_C.pyi")
    assert path.read_text() == generate(), "run python -m minitorch._stubgen"


# ---- memory ------------------------------------------------------------------------------------------------
def test_calls_leak_no_references():
    x, bad, good = ones(), "a", mt.zeros(2)
    size = (2, 2)

    def calls():
        x.add(x).sum(0, keepdim=True).expand(size).max(0)
        mt.cat([x, x]).split(1)
        for wrong in (lambda: x.add(bad), lambda: mt.zeros(bad), lambda: mt.cat([x, bad]), lambda: x.view(3)):
            with pytest.raises((TypeError, RuntimeError)):
                wrong()

    for _ in range(3):
        calls()
    gc.collect()
    before = [sys.getrefcount(o) for o in (x, bad, good, size, mt.Tensor)]
    for _ in range(50):
        calls()
    gc.collect()
    assert [sys.getrefcount(o) for o in (x, bad, good, size, mt.Tensor)] == before


def test_large_work_lets_other_threads_run():
    import threading

    turns, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            turns[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    x = mt.ones(300, 400)
    for _ in range(20):
        x = x * 1.0
    stop.set()
    thread.join()
    assert turns[0] > 0 and x.sum().item() == 120000


# ---- modes, hooks, nodes -----------------------------------------------------------------------------------
def test_modes_nest_and_restore():
    assert mt.is_grad_enabled()
    with mt.no_grad():
        assert not mt.is_grad_enabled()
        with mt.enable_grad():
            assert mt.is_grad_enabled()
        with pytest.raises(KeyError), mt.set_grad_enabled(True):
            raise KeyError
        assert not mt.is_grad_enabled()
    mt.set_grad_enabled(False)
    assert not mt.is_grad_enabled()
    mt.set_grad_enabled(True)
    with mt.inference_mode():
        assert mt.is_inference_mode_enabled() and not mt.is_grad_enabled()
    assert mt.is_grad_enabled() and not mt.is_inference_mode_enabled()


@pytest.mark.parametrize("mode", [lambda: mt.no_grad, mt.no_grad, lambda: mt.set_grad_enabled(False)])
def test_modes_decorate_functions_and_generators(mode):
    decorate = mode()

    @decorate
    def function(a, b=1):
        "doc"
        return mt.is_grad_enabled(), a, b

    @mode()
    def generator():
        received = yield mt.is_grad_enabled()
        yield received, mt.is_grad_enabled()
        return 7

    assert function(1, b=2) == (False, 1, 2) and function.__doc__ == "doc" and mt.is_grad_enabled()
    g = generator()
    assert next(g) is False and mt.is_grad_enabled()
    assert g.send(5) == (5, False) and mt.is_grad_enabled()
    with pytest.raises(StopIteration) as stop:
        next(g)
    assert stop.value.value == 7


def test_nodes():
    x = ones().requires_grad_()
    y = (x * 2).sum()
    node = y.grad_fn
    assert repr(node).startswith("<SumBackward0 object at 0x") and node.name() == "SumBackward0"
    assert y.grad_fn is node and x.grad_fn is None
    (product, number), *rest = node.next_functions
    assert product.name() == "MulBackward0" and number == 0 and not rest
    leaf, nothing = product.next_functions
    assert leaf[0].name() == "torch::autograd::AccumulateGrad" and leaf[0].variable is x
    assert nothing == (None, 0) and "g" in product.rule
    assert mt.graph_size(y)[0] == 2


def test_hooks():
    x = ones().requires_grad_()
    y = x * 2
    seen = []
    double = y.register_hook(lambda g: g * 2)
    x.register_hook(seen.append)
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append(leaf.grad.clone()))
    y.sum().backward()
    assert x.grad.tolist() == [[4, 4], [4, 4]] and len(seen) == 2 and seen[1].tolist() == x.grad.tolist()
    double.remove()
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [[2, 2], [2, 2]]


def test_a_hook_that_refers_to_its_tensor_is_collected():
    class Marker:
        pass

    def make():
        marker, x = Marker(), ones().requires_grad_()
        y = x * 2
        y.register_hook(lambda g: (marker, y))
        return weakref.ref(marker)

    marker = make()
    gc.collect()
    assert marker() is None


def test_exceptions_of_hooks_pass_through():
    x = ones().requires_grad_()
    x.register_hook(lambda g: {}["missing"])
    with pytest.raises(KeyError, match="missing"):
        x.sum().backward()
    assert mt.ones(1).sin() is not None  # nothing is left pending


INTERRUPT = """
import os, signal, threading, time
import minitorch as mt
x = mt.ones(1, requires_grad=True)
y = x
for _ in range(1_000_000):
    y = y + 1
sent = []
def send():
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.02, send).start()
try:
    while True:
        y.backward(retain_graph=True)
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_is_answered():
    done = subprocess.run([sys.executable, "-c", INTERRUPT], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.0  # 0.1 on a machine of its own


def test_subinterpreters_are_refused():
    code = (
        "import _xxsubinterpreters as s\ni = s.create()\n"
        "try:\n    s.run_string(i, 'import minitorch._C')\nexcept Exception as e:\n    print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if "No module named" in done.stderr:
        pytest.skip("this Python has no such module")
    assert "refused" in done.stdout


def test_what_was_only_captured_is_not_freed():
    x = mt.ones(2, requires_grad=True)
    y = x.relu()
    mt.autograd.grad(y.pow(2).sum(), [y])
    assert mt.autograd.grad(y.sum(), [x])[0].tolist() == [1, 1]


def test_retained_gradients_add_up():
    y = mt.ones(2, requires_grad=True) * 1
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert y.grad.tolist() == [2, 2]


def test_second_derivatives_at_a_leaf_that_is_a_view():
    x = mt.ones(4).reshape(2, 2).requires_grad_()
    (g,) = mt.autograd.grad((x**2).sum(), x, create_graph=True)
    assert mt.autograd.grad(g.sum(), x)[0].tolist() == [[2, 2], [2, 2]]
