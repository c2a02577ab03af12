"""The base of optimizers: groups, errors, state dicts, hooks, optimizers written by the user."""

import copy
import warnings

import numpy as np
import problems
import pytest

import minitorch
from minitorch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from minitorch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
    required,
)


def leaf(*values):
    return minitorch.tensor(values or (1.0,)).requires_grad_(True)


def both_raise(call, kind=None):
    """call(torch) raises the same with both; texts may differ in the module's name."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    with pytest.raises(Exception) as want:
        call(torch)
    with pytest.raises(type(want.value)) as got:
        call(minitorch)
    assert str(got.value).replace("minitorch", "torch") == str(want.value)


def param(t):
    return t.tensor([1.0]).requires_grad_(True)


ERRORS = {
    "tensor": lambda t: t.optim.SGD(param(t), lr=0.1),
    "empty": lambda t: t.optim.SGD([], lr=0.1),
    "set": lambda t: t.optim.SGD([{"params": {param(t)}}], lr=0.1),
    "no tensors": lambda t: t.optim.SGD([1, 2], lr=0.1),
    "text": lambda t: t.optim.SGD("ab", lr=0.1),
    "group is no dict": lambda t: t.optim.SGD([param(t)], lr=0.1).add_param_group([param(t)]),
    "non-leaf": lambda t: t.optim.SGD([param(t) * 2], lr=0.1),
    "some names": lambda t: t.optim.SGD([("a", param(t)), param(t)], lr=0.1),
    "names in one group": lambda t: t.optim.SGD([("a", param(t))], lr=0.1).add_param_group(
        {"params": param(t)}
    ),
    "no names in one group": lambda t: t.optim.SGD([param(t)], lr=0.1).add_param_group(
        {"params": [("a", param(t))]}
    ),
    "sgd lr": lambda t: t.optim.SGD([param(t)], lr=-0.1),
    "sgd lr tensor": lambda t: t.optim.SGD([param(t)], lr=t.tensor([0.1, 0.2])),
    "sgd momentum": lambda t: t.optim.SGD([param(t)], momentum=-0.5),
    "sgd decay": lambda t: t.optim.SGD([param(t)], weight_decay=-1),
    "sgd nesterov": lambda t: t.optim.SGD([param(t)], nesterov=True),
    "sgd nesterov dampening": lambda t: t.optim.SGD([param(t)], momentum=0.9, dampening=0.1, nesterov=True),
    "sgd fused foreach": lambda t: t.optim.SGD([param(t)], fused=True, foreach=True),
    "sgd fused differentiable": lambda t: t.optim.SGD([param(t)], fused=True, differentiable=True),
    "adam lr": lambda t: t.optim.Adam([param(t)], lr=-1),
    "adam eps": lambda t: t.optim.Adam([param(t)], eps=-1),
    "adam beta 0": lambda t: t.optim.Adam([param(t)], betas=(1.0, 0.9)),
    "adam beta 1": lambda t: t.optim.Adam([param(t)], betas=(0.9, -0.1)),
    "adam betas": lambda t: t.optim.Adam([param(t)], betas=(0.9, t.tensor(0.9))),
    "adam tensor lr": lambda t: t.optim.Adam([param(t)], lr=t.tensor(0.1), foreach=True),
    "adam decay": lambda t: t.optim.AdamW([param(t)], weight_decay=-1),
    "rmsprop lr": lambda t: t.optim.RMSprop([param(t)], lr=-1),
    "rmsprop alpha": lambda t: t.optim.RMSprop([param(t)], alpha=-1),
    "rmsprop momentum": lambda t: t.optim.RMSprop([param(t)], momentum=-1),
    "base step": lambda t: t.optim.Optimizer([param(t)], {}).step(),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_those_of_torch(case):
    both_raise(ERRORS[case])


def test_error_texts():
    """A few of the above, stored, for where there is no PyTorch."""
    p = leaf()
    with pytest.raises(ValueError, match="^optimizer got an empty parameter list$"):
        SGD([], lr=0.1)
    with pytest.raises(ValueError, match="^can't optimize a non-leaf Tensor$"):
        SGD([p * 2], lr=0.1)
    with pytest.raises(ValueError, match="^Invalid learning rate: -0.1$"):
        Adam([p], lr=-0.1)
    with pytest.raises(ValueError, match="^some parameters appear in more than one parameter group$"):
        SGD([{"params": [p]}, {"params": [p]}], lr=0.1)
    with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr$"):
        Optimizer([p], {"lr": required})


def test_duplicates_warn():
    p = leaf()
    with pytest.warns(UserWarning, match="optimizer contains a parameter group with duplicate parameters"):
        SGD([p, p], lr=0.1)


def test_groups_and_defaults():
    a, b, c = leaf(), leaf(), leaf()
    opt = SGD([{"params": a}, {"params": (x for x in [b]), "lr": 0.5}], lr=0.1, momentum=0.9)
    assert [g["lr"] for g in opt.param_groups] == [0.1, 0.5]
    assert [g["momentum"] for g in opt.param_groups] == [0.9, 0.9]
    assert opt.param_groups[0]["params"][0] is a
    opt.add_param_group({"params": [c], "momentum": 0})
    assert len(opt.param_groups) == 3 and opt.defaults["lr"] == 0.1
    for p in (a, b, c):
        p.grad = minitorch.ones(1)
    opt.step()
    assert [round(p.item(), 6) for p in (a, b, c)] == [0.9, 0.5, 0.9]
    assert c not in opt.state


def test_repr():
    assert repr(SGD([leaf()], lr=0.1)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n"
        "    fused: None\n    lr: 0.1\n    maximize: False\n    momentum: 0\n    nesterov: False\n"
        "    weight_decay: 0\n)"
    )


def test_named_parameters():
    model = minitorch.nn.Linear(2, 1)
    opt = SGD(model.named_parameters(), lr=0.1)
    assert opt.param_groups[0]["param_names"] == ["weight", "bias"]
    assert opt.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    unnamed = SGD(model.parameters(), lr=0.1)
    unnamed.load_state_dict(opt.state_dict())
    assert unnamed.param_groups[0]["param_names"] == ["weight", "bias"]
    opt.load_state_dict(SGD(model.parameters(), lr=0.1).state_dict())
    assert opt.param_groups[0]["param_names"] == ["weight", "bias"]


# ---- state dicts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", problems.CONFIGS[::2], ids=problems.name_of)
def test_state_dict_resumes(config):
    def make():
        w, b = problems.parameters(minitorch, "float32")
        return w, b, getattr(minitorch.optim, config[0])([w, b], **config[1])

    w, b, opt = make()
    problems.train(minitorch, opt, w, b, 10)
    saved = copy.deepcopy(opt.state_dict())
    v, c, resumed = make()
    with minitorch.no_grad():
        v.copy_(w)
        c.copy_(b)
    resumed.load_state_dict(saved)
    problems.train(minitorch, opt, w, b, 10, begin=10)
    problems.train(minitorch, resumed, v, c, 10, begin=10)
    assert w.tolist() == v.tolist() and b.tolist() == c.tolist()


def to(torch, value):
    """A state dict with the tensors of another library."""
    if hasattr(value, "numpy"):
        return torch.from_numpy(value.detach().numpy().copy())
    if isinstance(value, dict):
        return {k: to(torch, v) for k, v in value.items()}
    return [to(torch, v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("config", problems.CONFIGS + problems.PLAIN, ids=problems.name_of)
@pytest.mark.parametrize("direction", ["to torch", "from torch"])
def test_state_dicts_are_exchanged_with_torch(config, direction):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    first, second = (minitorch, torch) if direction == "to torch" else (torch, minitorch)

    def make(t):
        w, b = problems.parameters(t, "float32")
        return w, b, getattr(t.optim, config[0])([w, b], **config[1])

    w, b, opt = make(first)
    problems.train(first, opt, w, b, 25)
    saved = opt.state_dict()
    v, c, resumed = make(second)
    with second.no_grad():
        v.copy_(second.from_numpy(w.detach().numpy()))
        c.copy_(second.from_numpy(b.detach().numpy()))
    resumed.load_state_dict(to(second, saved))
    again = resumed.state_dict()
    assert again["param_groups"] == saved["param_groups"]
    assert list(again["state"]) == list(saved["state"])
    for number, state in saved["state"].items():
        assert list(again["state"][number]) == list(state)
        for key in state:
            assert again["state"][number][key].numpy().dtype == state[key].numpy().dtype
    problems.train(second, resumed, v, c, 25, begin=25)
    want = problems.TRAJECTORIES[problems.name_of(config)]["float32"]
    got = np.concatenate([v.detach().numpy().ravel(), c.detach().numpy()])
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=1e-7)


def test_state_dict_format():
    p, q = leaf(), leaf()
    opt = AdamW([p, q], lr=0.5)
    assert opt.state_dict()["state"] == {}
    q.grad = minitorch.ones(1)
    opt.step()
    state = opt.state_dict()["state"]
    assert list(state) == [1] and list(state[1]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state[1]["step"].dtype == minitorch.float32 and state[1]["step"].shape == ()
    assert state[1]["step"].item() == 1.0
    assert opt.state_dict()["param_groups"][0]["params"] == [0, 1]


def test_load_state_dict_errors():
    opt = SGD([leaf()], lr=0.1)
    with pytest.raises(ValueError, match="^loaded state dict has a different number of parameter groups$"):
        opt.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group$"):
        opt.load_state_dict(SGD([leaf(), leaf()], lr=0.1).state_dict())


def test_loaded_state_is_cast():
    a = minitorch.ones(1, dtype=minitorch.float64).requires_grad_(True)
    b = leaf()
    a.grad = minitorch.ones(1, dtype=minitorch.float64)
    opt, other = Adam([a]), Adam([b])
    opt.step()
    other.load_state_dict(opt.state_dict())
    assert other.state[b]["exp_avg"].dtype == minitorch.float32
    assert other.state[b]["step"].dtype == minitorch.float32
    other.state[b]["step"] = 3  # as PyTorch before 1.12 saved it
    other.load_state_dict(other.state_dict())
    assert other.state[b]["step"].item() == 3.0


# ---- hooks ------------------------------------------------------------------------------------------------


def test_step_hooks():
    p = leaf()
    opt, calls = SGD([p], lr=1.0), []
    p.grad = minitorch.ones(1)

    def pre(optimizer, args, kwargs):
        assert optimizer is opt and args[0] is opt
        calls.append(("pre", p.item()))

    def post(optimizer, args, kwargs):
        calls.append(("post", p.item()))

    handles = [opt.register_step_pre_hook(pre), opt.register_step_post_hook(post)]
    handles += [
        register_optimizer_step_pre_hook(lambda *a: calls.append("global pre")),
        register_optimizer_step_post_hook(lambda *a: calls.append("global post")),
    ]
    opt.step()
    assert calls == ["global pre", ("pre", 1.0), ("post", 0.0), "global post"]
    for handle in handles:
        handle.remove()
    opt.step()
    assert len(calls) == 4 and p.item() == -1.0


def test_step_hook_changes_arguments():
    p = leaf()
    opt, calls = SGD([p], lr=1.0), []
    handle = opt.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: calls.append(1)), {}))
    opt.step()
    assert calls == [1]
    handle.remove()
    opt.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(
        RuntimeError, match="must return None or a tuple of \\(new_args, new_kwargs\\), but got 3"
    ):
        opt.step()


def test_state_dict_hooks():
    opt, calls = SGD([leaf()], lr=1.0), []
    opt.register_state_dict_pre_hook(lambda o: calls.append("pre"))
    opt.register_state_dict_pre_hook(lambda o: calls.append("first"), prepend=True)
    opt.register_state_dict_post_hook(lambda o, d: d | {"extra": 1})
    saved = opt.state_dict()
    assert calls == ["first", "pre"] and saved["extra"] == 1
    opt.register_load_state_dict_pre_hook(lambda o, d: calls.append(d.pop("extra")))
    opt.register_load_state_dict_post_hook(lambda o: calls.append("loaded"))
    opt.load_state_dict(saved)
    assert calls[2:] == [1, "loaded"] and saved["extra"] == 1


# ---- optimizers written by the user ---------------------------------------------------------------------


class Signs(Optimizer):
    """Moves against the sign of the gradient."""

    def __init__(self, params, lr=required):
        super().__init__(params, {"lr": lr})

    @minitorch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.state[p]["steps"] = self.state[p].get("steps", 0) + 1
                    p.sub_(group["lr"] * p.grad.sign())


def test_optimizer_in_python():
    p = leaf(1.0, -1.0)
    opt, calls = Signs([p], lr=0.5), []
    opt.register_step_post_hook(lambda *a: calls.append("post"))
    (p * p).sum().backward()
    opt.step()
    assert p.tolist() == [0.5, -0.5] and opt.state[p]["steps"] == 1 and calls == ["post"]
    opt.zero_grad()
    assert p.grad is None
    assert opt.state_dict()["state"] == {0: {"steps": 1}}


class Counting(SGD):
    steps = 0

    def step(self, closure=None):
        self.steps += 1
        return super().step(closure)


def test_step_can_be_overridden():
    p = leaf()
    opt = Counting([p], lr=0.5)
    p.grad = minitorch.ones(1)
    opt.step()
    assert opt.steps == 1 and p.item() == 0.5


@pytest.mark.parametrize("cls", [SGD, Adam, AdamW, RMSprop])
def test_step_looks_like_a_method(cls):
    import inspect

    opt = cls([leaf()])
    assert opt.step.__name__ == "step" and "step" in cls.step.__doc__
    assert list(inspect.signature(cls.step).parameters) == ["self", "closure"]
    assert list(inspect.signature(opt.zero_grad).parameters) == ["set_to_none"]


def test_no_warnings_in_ordinary_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = leaf()
        opt = Adam([p])
        p.grad = minitorch.ones(1)
        opt.step()
        opt.zero_grad()
        copy.deepcopy(opt).step()
