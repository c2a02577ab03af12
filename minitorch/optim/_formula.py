"""What the optimizers here share: options that are checked, and a step that is a formula over tensors.

SGD, Adam and RMSprop step in C, and use their formula only to let gradients flow through a step
(differentiable=True); the others have nothing else. A formula is an `_update` of one parameter, in place,
over the state that `_new_state` made at the first step. Read next: _plain.py.
"""

import minitorch
from minitorch import Tensor

from .optimizer import Optimizer, _get_scalar_dtype, _get_value, _to_scalar


class _Formula(Optimizer):
    """An optimizer that has a formula."""

    # What a group gets that was saved before there was such an option.
    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self._later_options.items():
                group.setdefault(name, value)
            self._load_step_counts(group)

    def _load_step_counts(self, group):
        """Old checkpoints hold step counts as numbers: makes them tensors."""
        for p in group["params"]:
            state = self.state.get(p, {})
            if "step" in state and not isinstance(state["step"], Tensor):
                state["step"] = _count(float(state["step"]), group.get("fused"))

    def step(self, closure=None):
        """Performs one step. closure: evaluates the model anew and returns the loss, which step() returns."""
        loss = None
        if closure is not None:
            with minitorch.enable_grad():
                loss = closure()
        self._step_in_python()
        return loss

    def _step_in_python(self):
        """The step as a formula, recorded with differentiable=True."""
        with minitorch.set_grad_enabled(bool(self.defaults["differentiable"])):
            for group in self.param_groups:
                self._group_in_python(group)

    def _group_in_python(self, group):
        for p, grad in _with_gradients(group):
            if group.get("capturable"):
                raise AssertionError(
                    "If capturable=True, params and state_steps must be on supported devices: "
                    "['cuda', 'xpu', 'hpu', 'privateuseone', 'xla']."
                )
            state = self.state[p]
            if not state:
                state.update(self._first_state(p, group))
            state["step"] += 1
            lr, decay = _to_scalar(group["lr"]), group.get("weight_decay", 0)
            if decay != 0 and group.get("decoupled_weight_decay"):
                p.mul_(1 - lr * decay)
            else:
                grad = _decayed(grad, p, decay)
            self._update(p, grad, state, group, state["step"].item(), lr)

    def _first_state(self, p, group):
        return {"step": _count(0.0, group.get("fused")), **self._new_state(p, group)}

    def _new_state(self, p, group):
        """The state of a parameter before its first step, without the step count."""
        raise NotImplementedError

    def _update(self, p, grad, state, group, t, lr):
        """Step number t of one parameter."""
        raise NotImplementedError


# ---- options ----------------------------------------------------------------------------------------


def _check_scalar(x, what):
    """ValueError for a tensor that has not one element."""
    if isinstance(x, Tensor) and x.numel() != 1:
        raise ValueError(f"Tensor {what} must be 1-element")


def _check_betas(betas):
    for i in range(2):
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")


def _check_options(lr, **options):
    """ValueError for a negative lr or option, and for betas outside [0, 1), in the order given."""
    _check_scalar(lr, "lr")
    names = {"lr": "learning rate", "eps": "epsilon value"}
    for name, value in {"lr": lr, **options}.items():
        if name == "betas":
            _check_betas(value)
        elif not 0.0 <= value:
            raise ValueError(f"Invalid {names.get(name, name + ' value')}: {value}")


def _check_fused(fused, foreach, differentiable):
    """The three ways to compute a step exclude each other."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


# ---- state ------------------------------------------------------------------------------------------


def _count(value, fused=None):
    return minitorch.full((), value, dtype=_get_scalar_dtype(fused))


def _zeros(p, *names):
    return {name: minitorch.zeros_like(p) for name in names}


def _moment(average, value, beta):
    """average = beta average + (1 - beta) value, in place."""
    average.lerp_(value, 1 - beta)


def _square_moment(average, value, beta):
    """average = beta average + (1 - beta) value^2, in place."""
    average.mul_(beta).addcmul_(value, value, value=1 - beta)


# ---- steps ------------------------------------------------------------------------------------------


def _with_gradients(group):
    """The parameters of a group that have a gradient, with it (negated to maximize)."""
    for p in group["params"]:
        if p.grad is not None:
            yield p, -p.grad if group["maximize"] else p.grad


def _decayed(grad, param, weight_decay):
    """grad + weight_decay param, as tensors that are recorded."""
    if isinstance(weight_decay, Tensor) and weight_decay.requires_grad:
        return grad + param.clone() * weight_decay
    return grad.add(param, alpha=_get_value(weight_decay)) if weight_decay != 0 else grad


def _moved_by_quotient(param, above, below, lr):
    """param -= lr above / below in place, rounded as PyTorch does it where lr is a number."""
    if isinstance(lr, Tensor):
        param.sub_(lr * above / below)
    else:
        param.addcdiv_(above, below, value=-lr)


def _moved(param, direction, lr):
    """param -= lr direction in place, recorded also with respect to lr."""
    lr = _to_scalar(lr)
    if isinstance(lr, Tensor) and lr.requires_grad:
        param.sub_(direction * lr)
    else:
        param.add_(direction, alpha=-_get_value(lr))
