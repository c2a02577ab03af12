"""Nothing is left behind: every operator, a training step, loaders, hooks and exceptions, run again and
again.

After some rounds to warm up, eight more must leave as many tensors, storages and core blocks as they
found, and fewer new blocks of Python than there were rounds (what the test itself holds is counted too).
Breaks when a reference is lost anywhere in csrc.
"""

import contextlib
import gc
import sys
import warnings

import pytest
from op_samples import Maker, function, results
from opinfo import OPS

import minitorch as mt
from minitorch import _C, nn
from minitorch.utils.data import DataLoader, TensorDataset


def counts():
    for _ in range(3):  # a cycle through the core may take a second look
        gc.collect()
    return sys.getallocatedblocks(), _C._live()[:3]


@pytest.fixture(autouse=True, scope="module")
def quick_collections():
    """What was there before need not be looked at each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def leaks(body, rounds):
    """What so many rounds leave: (Python blocks, (tensors, storages, blocks) of the core)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            body()
        blocks, core = counts()
        for _ in range(rounds):
            body()
        blocks_after, core_after = counts()
    return blocks_after - blocks, tuple(b - a for a, b in zip(core, core_after, strict=True))


def check(body):
    """Python's own caches fill up slowly, so what looks like a leak is looked at again for longer."""
    for rounds in (8, 8, 40, 200):
        python, core = leaks(body, rounds)
        if python < rounds and core == (0, 0, 0):
            return
    raise AssertionError(f"left behind: {python} Python blocks, {core} tensors, storages, blocks of the core")


def use(op):
    for sample in op.calls()[:4]:
        made = Maker(sample, dtype=op.dtypes[0], requires_grad=True)
        args = [a.clone() if i == 0 and op.name.endswith("_") else a for i, a in enumerate(made.args)]
        if op.seeded and op.name.endswith("_"):
            args[0] = args[0].detach()
        ys = [y for y in results(function(op)(*args, **made.kwargs)) if isinstance(y, mt.Tensor)]
        if op.grad:
            ys = [y.abs() if y.is_complex() else y for y in ys if y.requires_grad]
            total = sum((y * y).sum() for y in ys)
            if isinstance(total, mt.Tensor):
                total.backward(create_graph=True)
                for x in made.tensors:
                    x.grad = None


def fail(op):
    for error in op.errors:
        made = Maker(error.rsplit("->", 1)[0].strip(), requires_grad=True)
        try:
            function(op)(*made.args, **made.kwargs)
        except Exception:
            pass


@pytest.mark.parametrize("op", OPS, ids=str)
def test_operators(op):
    check(lambda: (use(op), fail(op)))


def test_complex_numbers():
    """Twins of operators, products of parts, a refusal, and what NumPy computes."""

    def body():
        z = mt.tensor([[1 + 2j, 3j], [0.5, 4]], requires_grad=True)
        y = mt.cat([z.exp() * z.sum(), z @ z.mH, z[[1, 0]]])
        y = y.abs() + mt.linalg.solve(z, z).real.sum() + mt.fft.irfft(mt.fft.fft(y), 2)
        y = y.sum() + mt.linalg.eigvals(z).abs().sum() + z.prod().angle()
        (g,) = mt.autograd.grad(y, z, create_graph=True)
        g.abs().sum().backward()
        with contextlib.suppress(NotImplementedError):
            mt.erf(z)

    check(body)


def net():
    return nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Dropout(0.1), nn.Linear(4, 1), nn.Sigmoid())


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_training_step(optimizer):
    model, loss_fn = net(), nn.MSELoss()
    step = getattr(mt.optim, optimizer)(model.parameters(), lr=0.01)
    x, y = mt.randn(8, 2), mt.rand(8, 1)

    def body():
        step.zero_grad()
        loss_fn(model(x), y).backward()
        step.step()

    body()
    check(body)


def test_models_are_freed():
    def body():
        model = net()
        optimizer = mt.optim.Adam(model.parameters())
        model(mt.randn(3, 2)).sum().backward()
        optimizer.step()
        model.load_state_dict(model.state_dict())
        optimizer.load_state_dict(optimizer.state_dict())

    check(body)


def test_loader_epoch():
    data = TensorDataset(mt.randn(20, 2), mt.randn(20, 1))
    pairs = [(i, float(i)) for i in range(10)]

    def body():
        for _x, _y in DataLoader(data, batch_size=8, shuffle=True):
            pass
        for _x, _y in DataLoader(pairs, batch_size=4):
            pass
        next(iter(DataLoader(data, batch_size=8)))  # left early

    check(body)


def test_hooks():
    def body():
        x = mt.ones(3, requires_grad=True)
        y = x * 2
        y.retain_grad()
        seen = []
        handles = [x.register_hook(seen.append), y.register_hook(lambda g: g * 2)]
        handles.append(y.register_hook(lambda g, h=handles: h[2].remove()))  # removes itself while it runs
        y.sum().backward()
        assert len(seen) == 1
        handles[0].remove()
        y.mul_(2)
        del handles

    check(body)


def test_cycles_are_collected():
    def body():
        x = mt.ones(3, requires_grad=True)
        y = x * 2
        y.register_hook(lambda g: y)  # y -> its node -> the hook -> y
        x.me = x
        model = net()
        model.self_again = [model]

    check(body)


def test_double_backward_and_exceptions():
    def bad(g):
        raise KeyError("no")

    def body():
        x = mt.ones(3, requires_grad=True)
        (g,) = mt.autograd.grad((x.exp() * x).sum(), x, create_graph=True)
        g.sum().backward()
        y = x * 2
        y.register_hook(bad)
        with pytest.raises(KeyError):
            y.sum().backward()
        with pytest.raises(RuntimeError):
            mt.ones(2, 3) @ mt.ones(2, 3)
        with pytest.raises(RuntimeError):
            z = (x * x).sum()
            z.backward()
            z.backward()
        with pytest.raises(IndexError):
            x[5]
        with pytest.raises(TypeError):
            mt.add(x, "a")
        x[mt.tensor([0, 2])]
        repr(x)

    check(body)
