"""autograd.functional and minitorch.func against formulas, each other, and the texts of PyTorch 2.13."""

import pytest

import minitorch as mt
from minitorch import nn
from minitorch.autograd import functional as F
from minitorch.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)

X = mt.tensor([0.5, 1.0, 2.0], dtype=mt.float64)
V = mt.tensor([1.0, -1.0, 3.0], dtype=mt.float64)


def cubes(x):
    return (x**3).sum() * x.sum()


def close(a, b):
    assert mt.allclose(a, b), (a, b)
    assert not a.requires_grad


# ---- autograd.functional ---------------------------------------------------------------------------------


def test_products_agree_with_the_matrices():
    def function(x):
        return mt.stack([x.prod(), x.sin().sum()])

    J = F.jacobian(function, X)
    assert J.shape == (2, 3)
    close(F.jvp(function, X, V)[1], J @ V)
    close(F.vjp(function, X, mt.ones(2, dtype=mt.float64))[1], J.sum(0))
    H = F.hessian(cubes, X)
    close(H, H.T)
    close(F.hvp(cubes, X, V)[1], H @ V)
    close(F.vhp(cubes, X, V)[1], V @ H)
    close(F.hvp(cubes, X, V)[0], cubes(X))
    close(jacrev(function)(X), J)
    close(jacfwd(function)(X), J)
    close(hessian(cubes)(X), H)
    close(jvp(function, (X,), (V,))[1], J @ V)
    close(linearize(function, X)[1](V), J @ V)
    close(vjp(function, X)[1](mt.ones(2, dtype=mt.float64))[0], J.sum(0))


def test_tuples():
    (a, b), (c, d) = F.jacobian(lambda x, y: (x.exp(), y * 2), (X, X))
    close(a, X.exp().diag())
    close(b, mt.zeros(3, 3, dtype=mt.float64))
    close(c, b)
    close(d, 2 * mt.eye(3, dtype=mt.float64))
    (a, b), (c, d) = F.hessian(lambda x, y: (x * y).sum(), (X, X))
    close(b, mt.eye(3, dtype=mt.float64))
    close(a, d)
    value, (u, w) = F.hvp(lambda x, y: (x**3).sum(), (X, X), (V, V))
    close(u, 6 * X * V)
    close(w, mt.zeros(3, dtype=mt.float64))
    value, products = F.vhp(lambda x: (x**3).sum(), (X,), (V,))
    assert isinstance(products, tuple)


def test_create_graph_goes_on():
    x = X.clone().requires_grad_()
    J = F.jacobian(lambda x: x**3, x, create_graph=True)
    J.sum().backward()
    close(x.grad, 6 * X)
    assert F.jacobian(lambda x: x * 2, X, create_graph=True).requires_grad is False
    y, product = F.vjp(lambda x: x**2, x, V, create_graph=True)
    assert y.requires_grad and product.requires_grad


FUNCTIONAL_ERRORS = [
    (
        lambda: F.jacobian(mt.exp, [X]),
        TypeError,
        "The inputs given to jacobian must be either a Tensor or a tuple",
    ),
    (
        lambda: F.jacobian(lambda x: 3, X),
        TypeError,
        "The outputs of the user-provided function given to jacobian must be either a Tensor or a tuple of "
        "Tensors "
        "but the given outputs of the user-provided function has type <class 'int'>.",
    ),
    (
        lambda: F.hessian(mt.exp, X),
        RuntimeError,
        "The Tensor returned by the function given to hessian should contain a single element",
    ),
    (
        lambda: F.jacobian(lambda x: mt.ones(2), X, strict=True),
        RuntimeError,
        "Output 0 of the user-provided function does not require gradients.",
    ),
    (
        lambda: F.jacobian(lambda x, y: x * 2, (X, X), strict=True),
        RuntimeError,
        "Output 0 of the user-provided function is independent of input 1. This is not allowed in strict "
        "mode.",
    ),
    (
        lambda: F.jacobian(lambda x: x * 2, X, strict=True, create_graph=True),
        RuntimeError,
        "The jacobian of the user-provided function is independent of input 0. This is not allowed in "
        "strict mode "
        "when create_graph=True.",
    ),
    (
        lambda: F.vjp(mt.exp, X),
        RuntimeError,
        "The vector v can only be None if the user-provided function returns a single Tensor with a single "
        "element.",
    ),
    (
        lambda: F.jvp(mt.exp, X),
        RuntimeError,
        "The vector v can only be None if the input to the user-provided function is a single Tensor with a "
        "single",
    ),
    (
        lambda: F.vjp(mt.exp, X, mt.ones(2)),
        RuntimeError,
        r"v has invalid size: should be torch.Size\(\[3\]\) but got torch.Size\(\[2\]\).",
    ),
    (
        lambda: F.hvp(lambda x: (x * 3).sum(), X, V, strict=True),
        RuntimeError,
        "While computing the hessian, found that the jacobian of the user-provided function with respect to "
        "input 0",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), FUNCTIONAL_ERRORS)
def test_functional_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ---- func ------------------------------------------------------------------------------------------------


def test_grad():
    close(grad(lambda x: (x**2).sum())(X), 2 * X)
    a, b = grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(X, V)
    close(a, V)
    close(b, X)
    found, (value, aux) = grad_and_value(lambda x: ((x**2).sum(), x * 5), has_aux=True)(X)
    close(value, (X**2).sum())
    close(aux, X * 5)
    nested = grad(lambda d: (d["a"] * d["b"][0]).sum())({"a": X, "b": [V]})
    close(nested["a"], V)
    close(nested["b"][0], X)
    with mt.no_grad():
        close(grad(lambda x: (x**2).sum())(X), 2 * X)


def test_nested_derivatives_and_closures():
    x = mt.tensor(0.7, dtype=mt.float64)
    close(grad(grad(grad(mt.sin)))(x), -x.cos())
    # the inner function sees the outer variable: d/dx of (d/dy of x y^2 at y = 3) = 6
    close(grad(lambda x: grad(lambda y: x * y * y)(mt.tensor(3.0, dtype=mt.float64)))(x), 6 * mt.ones_like(x))
    w = X.clone().requires_grad_()
    outer = grad(lambda y: (w * y * y).sum())(V)
    assert outer.requires_grad  # a parameter is part of it
    outer.sum().backward()
    close(w.grad, 2 * V)


def test_vjp_of_several():
    (y, z), pull = vjp(lambda x: (x, x * 2), X)
    close(pull((X, X))[0], 3 * X)
    close(pull((V, X))[0], V + 2 * X)
    with pytest.raises(RuntimeError, match="Expected pytree structure of cotangents to be the same"):
        pull(X)


def test_vmap():
    a = mt.randn(4, 3, dtype=mt.float64)
    close(vmap(mt.dot)(a, a), (a * a).sum(1))
    close(vmap(mt.dot, in_dims=(0, None))(a, a[0]), a @ a[0])
    y, z = vmap(lambda x: (x, x.sum()), in_dims=1, out_dims=(1, 0))(a)
    close(y, a)
    close(z, a.sum(0))
    close(vmap(lambda d: d["a"] * 2)({"a": a}), a * 2)
    close(vmap(vmap(lambda x: x * x))(a), a * a)
    assert vmap(lambda x: x * 2)(mt.ones(0, 2)).shape == (0, 2)
    per_example = vmap(grad(lambda w, x: ((w * x).sum()) ** 2), in_dims=(None, 0))(a[0], a)
    close(per_example, 2 * (a @ a[0])[:, None] * a)
    same = vmap(lambda x: x + mt.rand(1), randomness="same")(mt.zeros(3, 1))
    assert mt.equal(same[0], same[2])
    w = mt.ones(3, dtype=mt.float64, requires_grad=True)
    vmap(lambda x: (w * x).sum())(a).sum().backward()
    close(w.grad, a.sum(0))


FUNC_ERRORS = [
    (
        lambda: grad(lambda x: x**2)(X),
        RuntimeError,
        r"grad_and_value\(f\)\(\*args\): Expected f\(\*args\) to return a scalar Tensor, got tensor with 1 "
        r"dims.",
    ),
    (
        lambda: grad(lambda x: 3)(X),
        RuntimeError,
        r"Expected f\(\*args\) to return a Tensor, got <class 'int'>",
    ),
    (lambda: grad(cubes, argnums=2)(X), RuntimeError, "Got argnum=2, but only 1 positional inputs"),
    (
        lambda: vmap(mt.dot)(mt.ones(3, 2), mt.ones(4, 2)),
        ValueError,
        r"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes \[3, 4\] for "
        r"the",
    ),
    (
        lambda: vmap(lambda x: 3)(X),
        ValueError,
        r"vmap\(<lambda>, ...\): `<lambda>` must only return Tensors, got type <class 'int'>.",
    ),
    (
        lambda: vmap(lambda x: x, in_dims=4)(X),
        ValueError,
        "Got in_dim=4 for some input, but that input is a Tensor of dimensionality 1 so expected in_dim to "
        "satisfy "
        "-1 <= in_dim < 1.",
    ),
    (lambda: vmap(lambda x: x, in_dims=None)(X), ValueError, "expected `in_dims` to be int or a"),
]


@pytest.mark.parametrize(("call", "error", "text"), FUNC_ERRORS)
def test_func_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_modules_as_functions():
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    x = mt.randn(4, 3)
    before = net(x)
    zeros = {name: mt.zeros_like(p) for name, p in net.named_parameters()}
    assert mt.equal(functional_call(net, zeros, x), mt.zeros(4, 1))
    assert mt.equal(net(x), before)
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    grads = grad(lambda p: (functional_call(net, p, (x,)) ** 2).mean())(parameters)
    (net(x) ** 2).mean().backward()
    for name, p in net.named_parameters():
        close(grads[name], p.grad)
        assert p is net.get_parameter(name)
    with pytest.raises(RuntimeError, match=r"Error\(s\) in reparametrizing for Sequential:"):
        functional_call(net, {"0.weight": zeros["0.weight"]}, x, strict=True)


def test_ensembles():
    nets = [nn.Linear(3, 2) for _ in range(4)]
    parameters, buffers = stack_module_state(nets)
    assert buffers == {} and parameters["weight"].shape == (4, 2, 3) and parameters["bias"].requires_grad
    x = mt.randn(5, 3)
    y = vmap(lambda p: functional_call(nets[0], p, (x,)))(parameters)
    assert mt.allclose(y, mt.stack([net(x) for net in nets]))
