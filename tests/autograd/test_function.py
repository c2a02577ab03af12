"""autograd.Function: values, gradients of both orders, marks, saved tensors, errors, and that nothing stays.

The expected texts and values were read off PyTorch 2.13.
"""

import gc
import weakref

import pytest

import minitorch as mt
from minitorch import _C
from minitorch.autograd import Function, grad, gradcheck, gradgradcheck
from minitorch.autograd.function import once_differentiable


def make(forward, backward, name="F", **attributes):
    attributes |= {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(name, (Function,), attributes)


def ones(*size):
    return mt.ones(*size, requires_grad=True)


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        ctx.note = 3
        return y

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class Product(Function):
    @staticmethod
    def forward(ctx, x, n, y):
        ctx.save_for_backward(x, y, None)
        ctx.n = n
        return x * y * n

    @staticmethod
    def backward(ctx, g):
        x, y, none = ctx.saved_tensors
        assert none is None
        assert ctx.needs_input_grad == (x.requires_grad, False, y.requires_grad)
        return g * y * ctx.n, None, g * x * ctx.n


class Power(Function):
    @staticmethod
    def forward(x, n=2):
        return x**n

    @staticmethod
    def setup_context(ctx, inputs, output):
        assert not output.requires_grad
        ctx.save_for_backward(inputs[0])
        ctx.n = inputs[1]

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return ctx.n * x ** (ctx.n - 1) * g, None


def test_gradients_of_both_orders():
    x, y = (mt.randn(2, 3, dtype=mt.float64, requires_grad=True) for _ in range(2))
    assert gradcheck(Exp.apply, (x,)) and gradgradcheck(Exp.apply, (x,))
    assert gradcheck(lambda a, b: Product.apply(a, 3, b), (x, y))
    assert gradgradcheck(lambda a, b: Product.apply(a * a, 3, b.sin()), (x, y))
    assert gradgradcheck(lambda a: Power.apply(a, n=3), (x,))
    assert mt.equal(Power.apply(x), x**2)


def test_third_derivative():
    x = mt.tensor(0.5, requires_grad=True)
    y = Exp.apply(x)
    for _ in range(3):
        (y,) = grad(y, x, create_graph=True)
    assert mt.allclose(y, x.exp())


def test_the_node():
    x = ones(3)
    y = Exp.apply(x)
    node = y.grad_fn
    assert repr(y).endswith("grad_fn=<ExpBackward>)") and node.name() == "ExpBackward"
    assert node.note == 3 and node.needs_input_grad == (True,)
    assert node.next_functions[0][0].variable is x
    assert node.saved_tensors[0].grad_fn is node
    y.sum().backward()
    assert mt.equal(x.grad, mt.ones(3).exp())
    for fn in (node, y.grad_fn):
        with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
            fn.saved_tensors  # noqa: B018
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.sum().backward()


def test_saved_leaf_is_itself_and_history_comes_back():
    seen = []

    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    def backward(ctx, g):
        seen.extend(ctx.saved_tensors)
        a, b = ctx.saved_tensors
        return g * b, g * a

    x = ones(3)
    z = x * 2
    make(forward, backward).apply(x, z).sum().backward()
    assert seen[0] is x and seen[1].requires_grad and mt.equal(seen[1], z)
    assert mt.equal(x.grad, mt.full((3,), 4.0))


def test_no_recording():
    x = ones(3)
    with mt.no_grad():
        y = Exp.apply(x)
    assert not y.requires_grad and y.grad_fn is None
    plain = mt.ones(2)
    same = make(lambda ctx, a: a, lambda ctx, g: g).apply(plain)
    assert same is not plain and same.data_ptr() == plain.data_ptr()
    assert make(lambda ctx, a: a.long(), lambda ctx, g: g).apply(x).requires_grad is False


@pytest.mark.parametrize("result", [3, None, "text"])
def test_outputs_that_are_no_tensors(result):
    assert make(lambda ctx, a: result, lambda ctx, g: g).apply(ones(2)) is result


def test_several_outputs_and_none():
    got = []

    def backward(ctx, *grads):
        got.append(grads)
        return grads[0] * 2 + (0 if grads[2] is None else grads[2])

    for materialize in (True, False):

        def forward(ctx, a, materialize=materialize):
            ctx.set_materialize_grads(materialize)
            return a * 2, "between", a * 1

        x = ones(3)
        y, text, z = make(forward, backward).apply(x)
        assert text == "between" and (y.grad_fn is z.grad_fn)
        y.sum().backward(retain_graph=True)
        (y + z).sum().backward()
        first, second = got[-2:]
        assert first[1] is None and second[1] is None
        assert (first[2] is None) is not materialize
        assert mt.equal(x.grad, mt.full((3,), 5.0))


def test_non_differentiable():
    got = []

    def forward(ctx, a):
        index = a * 2
        ctx.mark_non_differentiable(index)
        return a * 3, index

    def backward(ctx, g, h):
        got.append(h)
        return g * 3

    x = ones(2)
    y, index = make(forward, backward).apply(x)
    assert y.requires_grad and not index.requires_grad
    y.sum().backward()
    assert mt.equal(got[0], mt.zeros(2)) and mt.equal(x.grad, mt.full((2,), 3.0))


def test_dirty():
    def forward(ctx, a):
        ctx.mark_dirty(a)
        return a.mul_(2)

    Double = make(forward, lambda ctx, g: g * 2, "Double")
    x = ones(3)
    z = x * 3
    y = Double.apply(z)
    assert y is z and z.grad_fn.name() == "DoubleBackward"
    z.sum().backward()
    assert mt.equal(x.grad, mt.full((3,), 6.0))
    w = x * 1
    Double.apply(w[1:])
    (g,) = grad(w.sum(), x)
    assert mt.equal(g, mt.tensor([1.0, 2.0, 2.0])) and mt.equal(w, mt.tensor([1.0, 2.0, 2.0]))
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad has been used in an in-place"):
        Double.apply(x)

    def lost(ctx, a):
        ctx.mark_dirty(a)
        return a.add_(1) * 2

    with pytest.raises(
        RuntimeError, match="Some elements marked as dirty during the forward method were not"
    ):
        make(lost, lambda ctx, g: g).apply(x * 1)


@pytest.mark.parametrize("forward", [lambda ctx, a: a, lambda ctx, a: a[0]])
def test_views_that_come_out_must_not_be_written(forward):
    y = make(forward, lambda ctx, g: g.expand(3), "Id").apply(ones(3))
    assert y.grad_fn.name() == "IdBackward"
    with pytest.raises(
        RuntimeError, match="Output 0 of Id is a view and is being modified inplace. This view"
    ):
        y.add_(1)


WRONG = [
    (
        lambda ctx, g: g,
        2,
        r"function FBackward returned an incorrect number of gradients \(expected 2, got 1\)",
    ),
    (lambda ctx, g: (g, g, g), 2, r"returned an incorrect number of gradients \(expected 2, got 3\)"),
    (lambda ctx, g: 3.0, 1, r"expected Variable or None \(got float\)"),
    (
        lambda ctx, g: mt.ones(4),
        1,
        r"Function FBackward returned an invalid gradient at index 0 - got \[4\] but expected shape "
        r"compatible with \[3\]",
    ),
]


@pytest.mark.parametrize(("backward", "count", "text"), WRONG)
def test_wrong_gradients(backward, count, text):
    x = ones(3)
    y = make(lambda ctx, *a: a[0] * 1, backward).apply(*[x] * count)
    with pytest.raises(RuntimeError, match=text):
        y.sum().backward()


def test_gradient_for_what_is_no_tensor():
    y = make(lambda ctx, a, n: a * n, lambda ctx, g: (g, g)).apply(ones(3), 2)
    with pytest.raises(RuntimeError, match="returned a gradient different than None at position 2, but the"):
        y.sum().backward()


def test_what_fits_is_made_to_fit():
    x, s = ones(3), mt.ones((), requires_grad=True)
    F = make(lambda ctx, a, b: a * b, lambda ctx, g: (g.double(), g, None, None))
    F.apply(x, s).sum().backward()
    assert x.grad.dtype == mt.float32 and mt.equal(s.grad, mt.tensor(3.0))


STALE = (
    "one of the variables needed for gradient computation has been modified by an inplace operation: "
    r"\[torch.FloatTensor \[3\]\]"
)


def test_saved_and_written():
    y = Exp.apply(ones(3))
    y.mul_(2)
    with pytest.raises(
        RuntimeError, match=STALE + ", which is output 0 of Exp, is at version 1; expected version 0"
    ):
        y.sum().backward()
    z = ones(3) * 2
    y = Power.apply(z)
    z.mul_(2)
    with pytest.raises(
        RuntimeError, match=STALE + ", which is output 0 of Mul, is at version 1; expected version 0"
    ):
        y.sum().backward()
    x = ones(3)
    y = Power.apply(x)
    with mt.no_grad():
        x.mul_(2)
    with pytest.raises(RuntimeError, match=STALE + " is at version 1; expected version 0 instead"):
        y.sum().backward()


def test_missing_methods():
    x = ones(2)
    with pytest.raises(NotImplementedError, match="You must implement the forward function for custom"):
        type("G", (Function,), {}).apply(x)
    only = type("G", (Function,), {"forward": staticmethod(lambda ctx, a: a * 1)})
    with pytest.raises(NotImplementedError, match="You must implement either the backward or vjp method"):
        only.apply(x).sum().backward()
    both = make(lambda ctx, a: a * 1, lambda ctx, g: g, vjp=staticmethod(lambda ctx, g: g))
    with pytest.raises(
        RuntimeError, match="Implementing both 'backward' and 'vjp' for a custom Function is not"
    ):
        both.apply(x).sum().backward()
    vjp = type(
        "G",
        (Function,),
        {"forward": staticmethod(lambda ctx, a: a * 1), "vjp": staticmethod(lambda ctx, g: g * 4)},
    )
    vjp.apply(x).sum().backward()
    assert mt.equal(x.grad, mt.full((2,), 4.0))
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        instance = Exp()
    with pytest.raises(RuntimeError, match="Legacy autograd function with non-static forward method"):
        instance(x)


@pytest.mark.parametrize(
    ("method", "error", "text"),
    [
        (
            "save_for_backward",
            TypeError,
            "save_for_backward can only save variables, but argument 0 is of type int",
        ),
        ("mark_dirty", RuntimeError, "mark_dirty can only accept variables, but argument "),
        (
            "mark_non_differentiable",
            RuntimeError,
            "mark_non_differentiable only accepts variable arguments, but ",
        ),
    ],
)
def test_wrong_marks(method, error, text):
    with pytest.raises(error, match=text):
        make(lambda ctx, a: getattr(ctx, method)(3), lambda ctx, g: g).apply(ones(2))


def test_once_differentiable():
    class Once(Exp):
        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not mt.is_grad_enabled()
            return ctx.saved_tensors[0] * g

    x = ones(3)
    (g,) = grad(Once.apply(x).sum(), x, create_graph=True)
    assert not g.requires_grad
    (g,) = grad(Once.apply(x), x, ones(3), create_graph=True)
    assert g.requires_grad
    with pytest.raises(
        RuntimeError, match="trying to differentiate twice a function that was marked with @once"
    ):
        g.sum().backward()


def test_walks_within_walks():
    """backward may call backward; only not so that its own node is released meanwhile."""
    inner, kept = ones(2), []

    def backward(ctx, g):
        with mt.enable_grad():
            (inner * 2).sum().backward()
        if kept:
            kept.pop().backward(mt.ones(2))
        return g

    x = ones(2)
    y = make(lambda ctx, a: a * 1, backward).apply(x)
    y.sum().backward()
    assert mt.equal(x.grad, mt.ones(2)) and mt.equal(inner.grad, mt.full((2,), 2.0))
    y = make(lambda ctx, a: a * 1, backward).apply(x)
    kept.append(y)
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.sum().backward()


def test_exceptions_pass():
    y = make(lambda ctx, a: a * 1, lambda ctx, g: 1 / 0).apply(ones(2))
    with pytest.raises(ZeroDivisionError):
        y.sum().backward()
    x = ones(2)
    (x * 2).sum().backward()
    assert mt.equal(x.grad, mt.full((2,), 2.0))


def round_trip():
    x = ones(3)
    y = Exp.apply(Product.apply(x, 2, x * 1))
    y.sum().backward(create_graph=True)
    x.grad = None
    Exp.apply(x)  # never walked
    with pytest.raises(RuntimeError):
        make(lambda ctx, a: a * 1, lambda ctx, g: (g, g)).apply(x).sum().backward()


def test_nothing_stays():
    for _ in range(3):
        round_trip()
    gc.collect()
    before = _C._live()[:3]
    for _ in range(10):
        round_trip()
    gc.collect()
    assert _C._live()[:3] == before


def test_a_context_that_refers_to_its_output_is_collected():
    def forward(ctx, a):
        ctx.y = a * 2
        return ctx.y

    y = make(forward, lambda ctx, g: g).apply(ones(3))
    gone = weakref.ref(y)
    del y
    gc.collect()
    gc.collect()
    assert gone() is None
