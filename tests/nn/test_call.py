"""Calling modules: the C path, what may replace it, hooks, and the note that names the layer."""

import inspect

import pytest

import minitorch
from minitorch import nn

X = minitorch.ones(4, 2)


class Wrapper(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x, *, twice=False):
        y = self.inner(x)
        return y * 2 if twice else y


def test_ways_to_call():
    m = nn.Linear(2, 3)
    want = m(X).tolist()
    assert m.forward(X).tolist() == nn.Linear.forward(m, X).tolist() == m(input=X).tolist() == want
    assert m.__call__(X).tolist() == nn.Module.__call__(m, X).tolist() == m.forward(input=X).tolist() == want
    assert list(map(m, [X]))[0].tolist() == want
    w = Wrapper(m)
    assert w(X, twice=True).tolist() == (2 * m(X)).tolist()
    assert w(*[X], **{"twice": True}).tolist() == nn.Module.__call__(w, X, twice=True).tolist()


def test_signature_and_names():
    assert str(inspect.signature(nn.Linear.forward)) == "(self, input)"
    assert str(inspect.signature(nn.MSELoss().forward)) == "(input, target)"
    assert nn.Linear.forward.__name__ == "forward" and nn.Linear.forward.__qualname__ == "Linear.forward"


def test_forward_on_the_instance():
    m = nn.Sequential(nn.ReLU())
    m[0].forward = lambda x: "mine"
    assert m(X) == "mine" == m[0](X)
    del m[0].forward
    assert m(X).tolist() == X.tolist()


def test_forward_replaced_on_the_class():
    class Net(nn.ReLU):
        pass

    m = Net()
    assert m(X).tolist() == X.tolist()
    Net.forward = lambda self, x: "mine"
    assert m(X) == "mine"
    Net.forward = staticmethod(lambda x: "static")
    assert m(X) == "static"
    del Net.forward
    assert m(X).tolist() == X.tolist()


def test_subclass_overrides_forward():
    class Net(nn.Linear):
        def forward(self, input):
            return super().forward(input) + 1

    m = Net(2, 3)
    assert m(X).tolist() == (nn.Linear.forward(m, X) + 1).tolist()


def test_call_in_the_class():
    class Net(nn.ReLU):
        def __call__(self, x):
            return "call", super().__call__(x)

    assert Net()(X)[0] == "call" == nn.Sequential(Net())(X)[0]
    assert Net()(X)[1].tolist() == X.tolist()


def test_call_assigned_to_the_class():
    class Net(nn.ReLU):
        pass

    m = Net()
    m(X)
    Net.__call__ = lambda self, x: ("late", nn.ReLU.__call__(self, x))
    assert m(X)[0] == "late" == nn.Sequential(m)(X)[0]
    del Net.__call__
    assert m(X).tolist() == X.tolist()


def test_sequential_runs_in_order(same):
    def program(T):
        class Add(T.nn.Module):
            def __init__(self, n):
                super().__init__()
                self.n = n

            def forward(self, x):
                return [*x, self.n]

        m = T.nn.Sequential(Add(1), T.nn.Sequential(Add(2), Add(3)), Add(4))
        return [m([]), T.nn.Sequential()("x"), m[1:]([]), (m + m)([]), (m * 2)([]), (2 * m)([])]

    same(program)


def test_sequential_changed_while_it_runs():
    class Grow(nn.Module):
        def forward(self, x):
            m.append(nn.ReLU())
            return x

    m = nn.Sequential(Grow(), nn.ReLU())
    with pytest.raises(RuntimeError, match="changed size"):
        m(X)


def test_deep_nesting_is_a_recursion_error():
    m = nn.Sequential()
    for _ in range(100_000):
        m = nn.Sequential(m)
    with pytest.raises(RecursionError):
        m(X)
    del m


def note_of(call):
    """The notes that name layers; the operator that failed has one of its own, tested in test_error_hints."""
    with pytest.raises(Exception) as info:
        call()
    notes = getattr(info.value, "__notes__", None)
    return notes and [note for note in notes if not note.startswith("in linear(")]


def test_note_names_the_layer():
    bad = "Linear(in_features=5, out_features=1, bias=True)"
    linear = nn.Linear(5, 1)
    assert note_of(lambda: linear(X)) == [f"in {bad}"]
    m = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), linear)
    assert note_of(lambda: m(X)) == [f"in Sequential[2]: {bad}"] == note_of(lambda: m.forward(X))
    m = nn.Sequential(Wrapper(nn.Sequential(nn.ReLU(), Wrapper(linear))))
    assert note_of(lambda: m(X)) == [f"in Sequential[0].inner[1].inner: {bad}"]
    from collections import OrderedDict

    m = nn.Sequential(OrderedDict(first=nn.ReLU(), last=linear))
    assert note_of(lambda: m(X)) == [f"in Sequential.last: {bad}"]


class Fails(nn.Module):
    def forward(self, x):
        raise ValueError("no")


def test_note_of_python_forwards():
    assert note_of(lambda: Fails()(X)) is None
    assert note_of(lambda: nn.Sequential(nn.ReLU(), Fails())(X)) == ["in Sequential[1]: Fails()"]
    assert note_of(lambda: nn.Sequential(nn.Sequential(Fails()))(X)) == ["in Sequential[0][0]: Fails()"]


def test_caught_exception_leaves_nothing_behind():
    class Catches(nn.Module):
        def __init__(self):
            super().__init__()
            self.fails = nn.Linear(5, 1)

        def forward(self, x):
            try:
                return self.fails(x)
            except RuntimeError:
                raise KeyError("other") from None

    assert note_of(lambda: nn.Sequential(Catches())(X)) == ["in Sequential[0]: Catches"]


# ---- hooks -------------------------------------------------------------------------------------


def text(x):
    return None if x is None else x.tolist() if hasattr(x, "tolist") else [text(v) for v in x]


def test_forward_hooks(same):
    def program(T):
        log, m = [], T.nn.Sequential(T.nn.Linear(2, 3), T.nn.ReLU(), T.nn.Linear(3, 1))
        with T.no_grad():
            for p in m.parameters():
                p.fill_(0.5)
        first, relu = m[0], m[1]
        first.register_forward_pre_hook(lambda m, a: log.append(("pre", m._get_name())) or (a[0] * 2,))
        first.register_forward_pre_hook(
            lambda m, a, k: log.append(("kw", dict(k))), with_kwargs=True, prepend=True
        )
        handle = relu.register_forward_hook(lambda m, a, o: log.append(("fwd", text(o))) or o + 1)
        log.append(text(m(T.ones(1, 2))))
        handle.remove()
        log.append(text(m(T.ones(1, 2))))
        with relu.register_forward_pre_hook(lambda m, a: a[0] * 0):
            log.append(text(m(T.ones(1, 2))))
        always = relu.register_forward_hook(
            lambda m, a, k, o: log.append(("always", k, text(o))), with_kwargs=True, always_call=True
        )
        log.append(text(relu(input=T.ones(1))))
        try:
            relu(3)
        except TypeError:
            log.append("TypeError")
        always.remove()
        relu.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
        relu(T.ones(1))
        return log

    same(program)


def test_full_backward_hooks(same):
    def program(T):
        log, m = [], T.nn.Sequential(T.nn.Linear(2, 3), T.nn.ReLU(), T.nn.Linear(3, 1))
        with T.no_grad():
            for p in m.parameters():
                p.fill_(0.5)
        m.register_full_backward_hook(lambda m, gi, go: log.append(("all", text(gi), text(go))))
        m[2].register_full_backward_hook(
            lambda m, gi, go: log.append(("last", text(gi), text(go))) or (gi[0] * 3,)
        )
        m[2].register_full_backward_pre_hook(lambda m, go: log.append(("pre", text(go))) or (go[0] * 2,))
        x = T.ones(1, 2, requires_grad=True)
        m(x).sum().backward()
        log += [text(x.grad), text(m[0].weight.grad)]
        m(T.ones(1, 2)).sum().backward()
        return log

    same(program)


def test_old_backward_hooks():
    log, m = [], nn.Tanh()
    m.register_backward_hook(lambda m, gi, go: log.append((text(gi), text(go))))
    x = minitorch.zeros(2, requires_grad=True)
    m(x).sum().backward()
    assert log == [([[1.0, 1.0]], [[1.0, 1.0]])]
    with pytest.raises(
        RuntimeError, match="Cannot use both regular backward hooks and full backward hooks on a"
    ):
        m.register_full_backward_hook(print)


def test_backward_hooks_of_several_tensors(same):
    def program(T):
        class Two(T.nn.Module):
            def forward(self, a, b, c=None):
                return a * b, b + 1

        log, m = [], Two()
        m.register_full_backward_hook(lambda m, gi, go: log.append((text(gi), text(go))))
        a, b = T.ones(2, requires_grad=True), T.full((2,), 3.0)
        x, y = m(a, b)
        (x.sum() + y.sum()).backward()
        b.requires_grad_()
        x, y = m(a, b)
        y.sum().backward()
        m.register_full_backward_hook(lambda m, gi, go: (None,))
        try:
            m(a, b)[0].sum().backward()
        except RuntimeError as error:
            log.append(str(error))
        return log

    same(program)


def test_global_hooks(same):
    def program(T):
        log, module = [], T.nn.modules.module
        handles = [
            module.register_module_forward_pre_hook(lambda m, a: log.append("pre " + m._get_name())),
            module.register_module_forward_hook(lambda m, a, o: log.append(m._get_name())),
            module.register_module_parameter_registration_hook(lambda m, name, p: log.append(name)),
            module.register_module_module_registration_hook(lambda m, name, child: log.append(name)),
            module.register_module_buffer_registration_hook(lambda m, name, b: log.append(name)),
        ]
        m = T.nn.Sequential(T.nn.Linear(1, 1), T.nn.BatchNorm1d(1))
        m(T.ones(2, 1))
        for handle in handles:
            handle.remove()
        m(T.ones(2, 1))
        T.nn.Linear(1, 1)
        return log

    same(program)


def test_hook_put_into_the_table_directly():
    m = nn.ReLU()
    m(X)
    m._forward_hooks[0] = lambda m, a, o: "hooked"
    assert m(X) == "hooked"
    m._forward_hooks.clear()
    assert m(X).tolist() == X.tolist()


def test_options_are_read_at_every_call():
    """A loss's reduction and an activation's inplace, however they are set."""
    loss, relu, y = nn.MSELoss(), nn.ReLU(), minitorch.zeros(4, 2)
    assert loss(X, y).item() == loss(X, y).item() == 1
    loss.reduction = "sum"
    assert loss(X, y).item() == 8
    object.__setattr__(loss, "reduction", "mean")
    assert loss(X, y).item() == 1
    loss.__dict__["reduction"] = "sum"
    assert loss(X, y).item() == loss.forward(X, y).item() == 8
    loss.__dict__ = dict(loss.__dict__, reduction="none")
    assert loss(X, y).shape == (4, 2)
    del loss.reduction
    with pytest.raises(AttributeError, match="reduction"):
        loss(X, y)
    loss.__setstate__(dict(nn.MSELoss(reduction="sum").__dict__))
    assert loss(X, y).item() == 8

    x = -X.clone()
    assert relu(x) is not x and relu(x).sum() == 0
    relu.inplace = True
    assert relu(x) is x and x.sum() == 0
    relu.__dict__["inplace"] = False
    assert relu(x) is not x


def test_options_of_the_class_come_first():
    class Summed(nn.MSELoss):
        reduction = property(lambda self: self.how, lambda self, value: None)

    class Later(nn.MSELoss):
        pass

    loss, y = Summed(), minitorch.zeros(4, 2)
    for loss.how, want in (("sum", 8), ("mean", 1), ("sum", 8)):
        assert loss(X, y).item() == want
    loss = Later()
    assert loss(X, y).item() == loss(X, y).item() == 1
    Later.reduction = property(lambda self: "sum")
    assert loss(X, y).item() == nn.MSELoss.forward(loss, X, y).item() == 8
    del Later.reduction
    assert loss(X, y).item() == 1


LOSSES = [nn.L1Loss, nn.MSELoss, nn.SmoothL1Loss, nn.HuberLoss, nn.BCELoss, nn.BCEWithLogitsLoss]


@pytest.mark.parametrize("loss", [*LOSSES, nn.NLLLoss, nn.CrossEntropyLoss])
def test_losses_heed_each_of_their_attributes(loss):
    """As it is made, a loss calls its operator with the tensors alone: the same as the function with all."""
    input, target = (
        minitorch.rand(4, 3),
        minitorch.rand(4, 3) if loss in LOSSES else minitorch.tensor([0, 2, 1, 1]),
    )
    other = {
        "reduction": "sum",
        "beta": 0.25,
        "delta": 0.25,
        "ignore_index": 1,
        "label_smoothing": 0.5,
        "weight": minitorch.tensor([1.0, 2.0, 3.0]),
        "pos_weight": minitorch.tensor([1.0, 2.0, 3.0]),
    }
    m, f = loss(), loss.forward.function

    def check():
        names = [name for name in other if hasattr(m, name)]
        want = f(input, target, **{name: getattr(m, name) for name in names})
        assert m(input, target).tolist() == m(input, target).tolist() == want.tolist()
        return want.item(), names

    usual, names = check()
    for name in names:
        before = getattr(m, name)
        setattr(m, name, other[name])
        assert check()[0] != usual
        setattr(m, name, before)
        assert check()[0] == usual


def test_activations_heed_each_of_their_attributes():
    x = minitorch.linspace(-30, 30, 61)
    for kind in (nn.ReLU, nn.LeakyReLU, nn.Hardtanh, nn.ELU, nn.CELU, nn.GELU, nn.Softplus, nn.SiLU):
        m, f = kind(), kind.forward.function
        names = [n for n in vars(m) if n[0] != "_" and n not in ("training", "inplace")]
        assert m(x).tolist() == f(x, **{n: getattr(m, n) for n in names}).tolist()
        for name in names:
            value = {"approximate": "tanh", "max_val": 2.0, "min_val": -2.0}.get(name, 0.5)
            setattr(m, name, value)
            assert m(x).tolist() == f(x, **{n: getattr(m, n) for n in names}).tolist() != kind()(x).tolist()
        if hasattr(m, "inplace"):
            m.inplace = True
            y = x.clone()
            assert m(y) is y and y.tolist() != x.tolist()


def test_zero_grad_asks_a_class_that_names_its_parameters():
    class Some(nn.Sequential):
        pass

    m = Some(nn.Linear(2, 2), nn.Linear(2, 2))

    def backward():
        m(X).sum().backward()
        m.zero_grad()
        return [p.grad is None for p in m[0].parameters()] + [p.grad is None for p in m[1].parameters()]

    assert backward() == backward() == [True] * 4
    Some.parameters = lambda self: self[1].parameters()
    assert backward() == [False, False, True, True]
    del Some.parameters
    assert backward() == [True] * 4
