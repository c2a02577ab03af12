"""Adam, and the variants that share its averages."""

import minitorch
from minitorch import _C, Tensor

from ._formula import _check_fused, _check_options, _check_scalar, _Formula, _moment, _square_moment, _zeros
from .optimizer import ParamsT, _to_scalar

__all__ = ["Adam"]


@_C._own_methods
class Adam(_Formula):
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

    _later_options = _Formula._later_options | {
        "amsgrad": False,
        "decoupled_weight_decay": False,
        "fused": None,
    }

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
        self._check_numbers(lr, betas, eps, weight_decay, foreach and not capturable)
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
    def _check_numbers(lr, betas, eps, weight_decay, no_tensors):
        """no_tensors: lr and betas must be numbers."""
        beyond = "as a Tensor is not supported for capturable=False and foreach=True"
        if isinstance(lr, Tensor) and no_tensors:
            raise ValueError(f"lr {beyond}")
        _check_options(lr, eps=eps, betas=betas, weight_decay=weight_decay)
        if not any(all(isinstance(b, kind) for b in betas[:2]) for kind in (float, Tensor)):
            raise ValueError("betas must be either both floats or both Tensors")
        for i in range(2):
            if isinstance(betas[i], Tensor) and no_tensors:
                raise ValueError(f"betas[{i}] {beyond}")
            _check_scalar(betas[i], f"betas[{i}]")

    step = _C._adam_step

    def _new_state(self, p, group):
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")[: 3 if group["amsgrad"] else 2]
        return _zeros(p, *names)

    def _group_in_python(self, group):
        states = (self.state.get(p, {}) for p in group["params"] if p.grad is not None)
        if any("step" in state and state["step"].requires_grad for state in states):
            raise RuntimeError("`requires_grad` is not supported for `step` in differentiable mode")
        super()._group_in_python(group)

    def _update(self, p, grad, state, group, t, lr):
        beta1, beta2 = map(_to_scalar, group["betas"])
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        _moment(mean, grad, beta1)
        _square_moment(square, grad, beta2)
        size = lr / (1 - beta1**t)
        scale = (1 - beta2**t) ** 0.5
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            largest.copy_(minitorch.maximum(largest.clone(), square))
            square = largest
        p.sub_(size * mean.clone() / (square.sqrt() / scale + group["eps"]))
