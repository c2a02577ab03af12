"""Steps of the optimizers: trajectories, what a step may meet, and what it must leave alone."""

import copy
import gc
import pickle
import weakref

import numpy as np
import problems
import pytest

import minitorch


def leaf(*values, dtype=minitorch.float32):
    return minitorch.tensor(values, dtype=dtype).requires_grad_(True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("config", problems.CONFIGS + problems.PLAIN, ids=problems.name_of)
def test_trajectory(config, dtype):
    got = problems.final(minitorch, config, dtype)
    want = problems.TRAJECTORIES[problems.name_of(config)][dtype]
    np.testing.assert_allclose(got, want, rtol=2e-6 if dtype == "float32" else 1e-13, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("config", problems.CONFIGS + problems.PLAIN, ids=problems.name_of)
def test_trajectory_is_that_of_torch_beside_it(config, dtype):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    got, want = problems.final(minitorch, config, dtype), problems.final(torch, config, dtype)
    np.testing.assert_allclose(got, want, rtol=2e-6 if dtype == "float32" else 1e-13, atol=1e-7)


@pytest.mark.parametrize("config", problems.CONFIGS, ids=problems.name_of)
def test_python_formulas_agree_with_the_kernels(config):
    w, b = problems.parameters(minitorch, "float64")
    opt = getattr(minitorch.optim, config[0])([w, b], **config[1])
    for t in range(20):
        problems.set_gradients(minitorch, w, b, t)
        with minitorch.no_grad():
            for group in opt.param_groups:
                opt._group_in_python(group)
    v, c = problems.parameters(minitorch, "float64")
    problems.train(minitorch, getattr(minitorch.optim, config[0])([v, c], **config[1]), v, c, 20)
    np.testing.assert_allclose(w.detach().numpy(), v.detach().numpy(), rtol=1e-6)
    np.testing.assert_allclose(b.detach().numpy(), c.detach().numpy(), rtol=1e-6)


MAKERS = {
    "transposed": lambda a: minitorch.from_numpy(a.T.copy()).t(),
    "strided": lambda a: minitorch.from_numpy(np.repeat(a, 2, axis=1).copy())[:, ::2],
    "offset": lambda a: minitorch.from_numpy(np.concatenate([a[:1], a]).copy())[1:],
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("grad_kind", ["plain", *MAKERS])
@pytest.mark.parametrize("config", problems.CONFIGS[4::4], ids=problems.name_of)
def test_any_memory_order(config, kind, grad_kind):
    def run(make, make_grad):
        p = make(problems.W0).detach().requires_grad_(True)
        opt = getattr(minitorch.optim, config[0])([p], **config[1])
        for t in range(5):
            p.grad = make_grad(np.cos(t + p.detach().numpy()))
            opt.step()
        return p.detach().numpy()

    want = run(lambda a: minitorch.from_numpy(a.copy()), minitorch.from_numpy)
    got = run(MAKERS[kind], MAKERS.get(grad_kind, minitorch.from_numpy))
    np.testing.assert_array_equal(got, want)


def test_parameters_without_gradient_stay():
    a, b = leaf(1.0), leaf(2.0)
    opt = minitorch.optim.Adam([a, b], lr=0.1)
    b.grad = minitorch.tensor([1.0])
    opt.step()
    assert a.item() == 1.0 and b.item() != 2.0
    assert a not in opt.state and b in opt.state


def test_many_parameters():
    params = [leaf(float(i)) for i in range(150)]
    for config in ({}, {"momentum": 0.9}):
        opt = minitorch.optim.SGD(params, lr=1.0, **config)
        before = [p.item() for p in params]
        for i, p in enumerate(params):
            p.grad = minitorch.tensor([1.0]) if i % 3 else None
        opt.step()
        assert [p.item() for p in params] == [x - 1 if i % 3 else x for i, x in enumerate(before)]


def test_large_parameter_in_chunks():
    a = np.random.default_rng(0).standard_normal(100_003).astype(np.float32)
    for name in ("SGD", "Adam", "RMSprop"):
        whole = minitorch.from_numpy(a.copy()).requires_grad_(True)
        parts = [minitorch.from_numpy(x.copy()).requires_grad_(True) for x in np.array_split(a, 7)]
        for params in ([whole], parts):
            opt = getattr(minitorch.optim, name)(params, lr=0.1)
            for _ in range(2):
                for p in params:
                    p.grad = p.detach() * 0.5
                opt.step()
        joined = np.concatenate([p.detach().numpy() for p in parts])
        np.testing.assert_array_equal(whole.detach().numpy(), joined)


def test_groups_are_read_anew_at_each_step():
    p = leaf(1.0)
    opt = minitorch.optim.SGD([p], lr=1.0)
    p.grad = minitorch.tensor([1.0])
    opt.step()
    opt.param_groups[0]["lr"] = 0.5
    opt.step()
    assert p.item() == -0.5
    opt.param_groups[0]["lr"] = minitorch.tensor(0.25)
    opt.step()
    assert p.item() == -0.75
    opt.param_groups[0]["lr"] = np.float32(0.25)
    opt.param_groups[0]["maximize"] = True
    opt.step()
    assert p.item() == -0.5
    del opt.param_groups[0]["momentum"]
    with pytest.raises(KeyError, match="momentum"):
        opt.step()


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_tensor_lr(name):
    p, q = leaf(1.0, 2.0), leaf(1.0, 2.0)
    for param, lr in ((p, 0.125), (q, minitorch.tensor(0.125))):
        opt = getattr(minitorch.optim, name)([param], lr=lr)
        param.grad = minitorch.tensor([1.0, -2.0])
        opt.step()
    assert p.tolist() == q.tolist()


def test_closure():
    p = leaf(1.0)
    opt = minitorch.optim.SGD([p], lr=0.25)

    def closure():
        assert minitorch.is_grad_enabled()
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with minitorch.no_grad():
        assert opt.step(closure).item() == 1.0
        assert not minitorch.is_grad_enabled()
    assert opt.step(closure=closure).item() == 0.25
    assert opt.step() is None

    def fails():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        opt.step(fails)
    with pytest.raises(TypeError):
        opt.step(closure, 1)
    with pytest.raises(TypeError, match="unexpected keyword"):
        opt.step(clozure=closure)


def test_step_raises_versions():
    p = leaf(1.0, 2.0)
    y = (p * p).sum()
    p.grad = minitorch.ones(2)
    version = p._version
    minitorch.optim.SGD([p], lr=0.1).step()
    assert p._version == version + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_step_is_not_recorded():
    p = leaf(1.0)
    p.grad = minitorch.ones(1)
    minitorch.optim.SGD([p], lr=0.1, momentum=0.9).step()
    assert p.is_leaf and p.grad_fn is None and p.requires_grad


def test_integers_are_refused():
    p = minitorch.tensor([1, 2])
    p.grad = minitorch.tensor([1, 1])
    with pytest.raises(RuntimeError, match="For integral input tensors"):
        minitorch.optim.SGD([p], lr=0.1).step()
    assert p.tolist() == [1, 2]


def test_shapes_that_do_not_fit_are_refused():
    p = leaf(1.0, 2.0)
    opt = minitorch.optim.SGD([p], lr=0.1, momentum=0.9)
    p.grad = minitorch.ones(2)
    opt.step()
    opt.state[p]["momentum_buffer"] = minitorch.ones(3)
    with pytest.raises(RuntimeError, match="size of tensor"):
        opt.step()
    opt.state[p]["momentum_buffer"] = minitorch.ones(2, dtype=minitorch.float64)
    with pytest.raises(RuntimeError, match="dtype"):
        opt.step()
    opt.state[p]["momentum_buffer"] = "no tensor"
    with pytest.raises(TypeError):
        opt.step()


def test_read_only_memory_is_refused():
    a = np.ones(3, np.float32)
    a.flags.writeable = False
    p = minitorch.from_numpy(a).requires_grad_(True)
    p.grad = minitorch.ones(3)
    with pytest.raises(RuntimeError):
        minitorch.optim.SGD([p], lr=0.1).step()
    assert a.tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", ["Adam", "AdamW", "RMSprop"])
def test_capturable_is_for_other_devices(name):
    p = leaf(1.0)
    opt = getattr(minitorch.optim, name)([p], capturable=True)
    p.grad = minitorch.ones(1)
    with pytest.raises(AssertionError, match="If capturable=True, params and state_steps must be on"):
        opt.step()


def test_zero_grad():
    a, b = leaf(1.0), leaf(2.0, 3.0)
    opt = minitorch.optim.SGD([a, b], lr=0.1)
    kept = minitorch.ones(2)
    b.grad = kept
    opt.zero_grad()
    assert a.grad is None and b.grad is None and kept.tolist() == [1, 1]
    b.grad = kept
    opt.zero_grad(set_to_none=False)
    assert a.grad is None and b.grad is kept and kept.tolist() == [0, 0]
    (b * b * b).sum().backward(create_graph=True)
    assert b.grad.requires_grad
    opt.zero_grad(False)
    assert not b.grad.requires_grad and b.grad.grad_fn is None and b.grad.tolist() == [0, 0]
    with pytest.raises(TypeError):
        opt.zero_grad(True, True)
    with pytest.raises(TypeError, match="unexpected keyword"):
        opt.zero_grad(set_to_nothing=True)


def test_gradients_are_given_back():
    p = leaf(1.0)
    p.grad = minitorch.ones(1)
    reference = weakref.ref(p.grad)
    minitorch.optim.SGD([p], lr=0.1).zero_grad()
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_differentiable_step(name):
    kwargs = {"momentum": 0.9} if name == "SGD" else {}
    start = minitorch.tensor([1.0, -2.0], dtype=minitorch.float64, requires_grad=True)
    p = start.clone()
    opt = getattr(minitorch.optim, name)([p], lr=0.1, differentiable=True, **kwargs)
    p.grad = (start * start).detach() + 1
    opt.step()
    p.sum().backward()
    assert start.grad.tolist() == [1.0, 1.0]


def test_differentiable_in_lr():
    lr = minitorch.tensor(0.5, dtype=minitorch.float64, requires_grad=True)
    p = minitorch.tensor([1.0, 2.0], dtype=minitorch.float64, requires_grad=True).clone()
    opt = minitorch.optim.SGD([p], lr=lr, differentiable=True)
    p.grad = minitorch.tensor([3.0, 4.0], dtype=minitorch.float64)
    opt.step()
    p.sum().backward()
    assert lr.grad.item() == -7.0


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("config", problems.CONFIGS[3::5], ids=problems.name_of)
def test_copies_go_on_alike(config, copier):
    w, b = problems.parameters(minitorch, "float32")
    opt = getattr(minitorch.optim, config[0])([w, b], **config[1])
    problems.train(minitorch, opt, w, b, 5)
    twin = copier(opt)
    v, c = twin.param_groups[0]["params"]
    assert v is not w
    problems.train(minitorch, opt, w, b, 5, begin=5)
    problems.train(minitorch, twin, v, c, 5, begin=5)
    assert w.tolist() == v.tolist() and b.tolist() == c.tolist()


def test_sgd_on_a_network_lowers_the_loss():
    minitorch.manual_seed(0)
    model = minitorch.nn.Sequential(
        minitorch.nn.Linear(2, 4), minitorch.nn.Sigmoid(), minitorch.nn.Linear(4, 1)
    )
    opt = minitorch.optim.SGD(model.parameters(), lr=0.5)
    x = minitorch.randn(16, 2)
    y = (x[:, :1] > 0).float()
    losses = []
    for _ in range(50):
        opt.zero_grad()
        loss = minitorch.nn.MSELoss()(model(x), y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
