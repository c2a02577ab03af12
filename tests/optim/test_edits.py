"""Whatever is changed between two steps counts at the next: steps remember what they read while it stands.

Each edit is made twice, after steps that have read the old value, and the parameters are compared with those
of a copy of the optimizer, of which nothing is remembered.
"""

import copy

import pytest

import minitorch
from minitorch.optim import SGD, Adam, RMSprop

KINDS = {
    "sgd": lambda ps: SGD(ps, lr=0.25),
    "momentum": lambda ps: SGD(ps, lr=0.25, momentum=0.5),
    "adam": lambda ps: Adam(ps, lr=0.25),
    "amsgrad": lambda ps: Adam(ps, lr=0.25, amsgrad=True),
    "rmsprop": lambda ps: RMSprop(ps, lr=0.25, momentum=0.5, centered=True),
}


def set_lr(opt):
    opt.param_groups[0]["lr"] = 0.5


def update_lr(opt):
    opt.param_groups[0].update(lr=0.5)


def merge_lr(opt):
    opt.param_groups[0] |= {"lr": 0.5}


def number_as_tensor(opt):
    opt.param_groups[0]["lr"] = minitorch.tensor(0.5)


def decay(opt):
    opt.param_groups[0]["weight_decay"] = 0.5


def climb(opt):
    opt.param_groups[0]["maximize"] = True


def other_group(opt):
    opt.param_groups[0] = dict(opt.param_groups[0], lr=0.5)


def other_groups(opt):
    opt.param_groups = [dict(group, lr=0.5) for group in opt.param_groups]


def other_dict(opt):
    opt.__dict__ = dict(opt.__dict__, param_groups=[dict(group, lr=0.5) for group in opt.param_groups])


def drop_parameter(opt):
    del opt.param_groups[0]["params"][0]


def swap_parameters(opt):
    opt.param_groups[0]["params"] = opt.param_groups[0]["params"][1:]


def clear_state(opt):
    opt.state.clear()


def forget_one(opt):
    opt.state.pop(opt.param_groups[0]["params"][0], None)


def replace_state(opt):
    p = opt.param_groups[0]["params"][0]
    opt.state[p] = {k: v * 0.5 for k, v in opt.state[p].items()} if p in opt.state else {}


def replace_tensors(opt):
    for state in opt.state.values():
        for key in state:
            state[key] = state[key] * 0.5


def change_tensors(opt):
    for state in opt.state.values():
        for value in state.values():
            value *= 0.5


def load(opt):
    other = copy.deepcopy(opt.state_dict())
    other["param_groups"][0]["lr"] = 0.5
    opt.load_state_dict(other)


EDITS = [
    set_lr, update_lr, merge_lr, number_as_tensor, decay, climb, other_group, other_groups, other_dict,
    drop_parameter, swap_parameters, clear_state, forget_one, replace_state, replace_tensors, change_tensors,
    load,
]  # fmt: skip


def make(kind):
    ps = [minitorch.tensor([1.0 + i, -2.0]).requires_grad_(True) for i in range(3)]
    return ps, KINDS[kind](ps)


def step(ps, opt):
    opt.zero_grad()
    sum((p * p).sum() for p in ps).backward()
    opt.step()


def twin(ps, opt):
    """A copy whose dicts are new, so that nothing is remembered of it."""
    memo = {}
    other = [copy.deepcopy(p, memo) for p in ps]
    return other, copy.deepcopy(opt, memo)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("kind", KINDS)
def test_edits_count_at_once(kind, edit):
    ps, opt = make(kind)
    for _ in range(2):
        step(ps, opt)
        step(ps, opt)
        want, fresh = twin(ps, opt)
        edit(fresh)
        edit(opt)
        step(want, fresh)
        step(ps, opt)
        assert [p.tolist() for p in ps] == [p.tolist() for p in want]


def test_learning_rate_as_a_tensor_may_change():
    rate = minitorch.tensor(0.5)
    p = minitorch.tensor([8.0]).requires_grad_(True)
    opt = SGD([p], lr=rate)
    for want in (4.0, 4.0, 3.0):
        opt.zero_grad()
        p.sum().backward()
        p.grad.fill_(p.item())
        if want == 4.0 and p.item() == 4.0:
            rate.zero_()
        elif want == 3.0:
            rate.fill_(0.25)
        opt.step()
        assert p.item() == want


def test_betas_in_a_list_may_change():
    ps, opt = make("adam")
    opt.param_groups[0]["betas"] = [0.9, 0.999]
    step(ps, opt)
    want, fresh = twin(ps, opt)
    for o in (opt, fresh):
        o.param_groups[0]["betas"][0] = 0.1
    step(ps, opt)
    step(want, fresh)
    assert [p.tolist() for p in ps] == [p.tolist() for p in want]


@pytest.mark.parametrize("kind", ["adam", "rmsprop"])
def test_amount_of_state_may_change(kind):
    """An option that wants one more tensor of state: what is missing is missed, not read from elsewhere."""
    ps, opt = make(kind)
    step(ps, opt)
    group = opt.param_groups[0]
    group["amsgrad" if kind == "adam" else "centered"] = kind == "adam"
    if kind == "adam":
        with pytest.raises(KeyError, match="max_exp_avg_sq"):
            step(ps, opt)
    else:
        step(ps, opt)
        group["centered"], group["momentum"] = True, 0
        step(ps, opt)
    assert all(p.isfinite().all() for p in ps)


def test_many_optimizers_do_not_mix():
    made = [make(kind) for kind in list(KINDS) * 12]
    for i, (_, opt) in enumerate(made):
        opt.param_groups[0]["lr"] = 0.25 / (1 + i)
    wants = [twin(*pair) for pair in made]
    for _ in range(3):
        for ps, opt in made:
            step(ps, opt)
    for i, (ps, opt) in enumerate(wants):
        for _ in range(3):
            step(ps, opt)
        assert [p.tolist() for p in ps] == [p.tolist() for p in made[i][0]]
        wants[i] = None  # dicts die and their memory is used again
