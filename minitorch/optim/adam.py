"""Adam, and the variants that share its averages."""

import minitorch
from minitorch import _C, Tensor

from .optimizer import (
    Optimizer,
    ParamsT,
    _check_fused,
    _decayed,
    _get_scalar_dtype,
    _is_scalar_tensor,
    _load_step_counts,
    _to_scalar,
    _with_gradients,
)

__all__ = ["Adam"]


class Adam(Optimizer):
    """Adam: steps scaled by running averages of the gradient and of its square.

    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g g; and, in step t,
    p = p - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps).

    params: parameters or groups, see Optimizer. lr and betas: numbers, or tensors of one element.
    weight_decay: added to g as weight_decay p, or, with decoupled_weight_decay=True, p shrinks by lr
    weight_decay (AdamW). amsgrad: v is replaced by its maximum so far. maximize: climbs instead of
    descending. foreach, fused: accepted, the step is the same. capturable: only for other devices, step()
    raises AssertionError. differentiable: records the step, so that gradients can flow through it.

    Raises ValueError for negative lr, eps or weight_decay, and for betas outside [0, 1).

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.Adam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.9000], requires_grad=True)

    Sources: https://arxiv.org/abs/1412.6980, https://openreview.net/forum?id=ryQu7f-RZ,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adam.html
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        self._check_options(lr, betas, eps, weight_decay, foreach and not capturable)
        defaults = {
            "lr": lr,
            "betas": tuple(map(_to_scalar, betas)),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        _check_fused(fused, foreach, differentiable)

    @staticmethod
    def _check_options(lr, betas, eps, weight_decay, no_tensors):
        """no_tensors: lr and betas must be numbers."""
        beyond = "as a Tensor is not supported for capturable=False and foreach=True"
        if isinstance(lr, Tensor) and no_tensors:
            raise ValueError(f"lr {beyond}")
        _is_scalar_tensor(lr, "lr")
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for i in range(2):
            if not 0.0 <= betas[i] < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not any(all(isinstance(b, kind) for b in betas[:2]) for kind in (float, Tensor)):
            raise ValueError("betas must be either both floats or both Tensors")
        for i in range(2):
            if isinstance(betas[i], Tensor) and no_tensors:
                raise ValueError(f"betas[{i}] {beyond}")
            _is_scalar_tensor(betas[i], f"betas[{i}]")

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("amsgrad", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("capturable", False)
            group.setdefault("differentiable", False)
            group.setdefault("decoupled_weight_decay", False)
            group.setdefault("fused", None)
            _load_step_counts(self, group)

    step = _C._adam_step

    def _new_state(self, p, group):
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")[: 3 if group["amsgrad"] else 2]
        step = minitorch.zeros((), dtype=_get_scalar_dtype(group["fused"]))
        return {"step": step} | {name: minitorch.zeros_like(p) for name in names}

    def _group_in_python(self, group):
        lr, weight_decay = _to_scalar(group["lr"]), group["weight_decay"]
        beta1, beta2 = map(_to_scalar, group["betas"])
        for p, grad in _with_gradients(group):
            state = self.state[p]
            if not state:
                state.update(self._new_state(p, group))
            step = state["step"]
            if step.requires_grad:
                raise RuntimeError("`requires_grad` is not supported for `step` in differentiable mode")
            step += 1
            if group["decoupled_weight_decay"]:
                p.mul_(1 - lr * weight_decay)
            else:
                grad = _decayed(grad, p, weight_decay)
            mean, square = state["exp_avg"], state["exp_avg_sq"]
            mean.add_((grad - mean) * (1 - beta1))
            square.mul_(beta2).add_(grad * grad * (1 - beta2))
            t = step.item()
            size = lr / (1 - beta1**t)
            scale = (1 - beta2**t) ** 0.5
            if group["amsgrad"]:
                largest = state["max_exp_avg_sq"]
                largest.copy_(minitorch.maximum(largest.clone(), square))
                square = largest
            p.sub_(size * mean.clone() / (square.sqrt() / scale + group["eps"]))
