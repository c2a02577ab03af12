"""RMSprop."""

import minitorch
from minitorch import _C, Tensor

from .optimizer import (
    Optimizer,
    ParamsT,
    _decayed,
    _get_scalar_dtype,
    _is_scalar_tensor,
    _load_step_counts,
    _moved,
    _with_gradients,
)

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop: steps scaled by a running average of the gradient's square.

    v = alpha v + (1 - alpha) g g; p = p - lr g / (sqrt(v) + eps). centered=True: the square of the averaged
    gradient is taken off v first, so that it estimates the variance. momentum > 0: b = momentum b + g /
    (sqrt(v) + eps), p = p - lr b.

    params: parameters or groups, see Optimizer. lr: a number, or a tensor of one element.
    weight_decay: added to g as weight_decay p. maximize: climbs instead of descending. foreach: accepted.
    capturable: only for other devices, step() raises AssertionError. differentiable: records the step.

    Raises ValueError for a negative lr, eps, momentum, weight_decay or alpha.

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.RMSprop([p], lr=0.1, alpha=0.75)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.8000], requires_grad=True)

    Sources: https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf,
    https://arxiv.org/abs/1308.0850,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.RMSprop.html
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        _is_scalar_tensor(lr, "lr")
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        if not 0.0 <= momentum:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not 0.0 <= alpha:
            raise ValueError(f"Invalid alpha value: {alpha}")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("momentum", 0)
            group.setdefault("centered", False)
            group.setdefault("foreach", None)
            group.setdefault("maximize", False)
            group.setdefault("differentiable", False)
            group.setdefault("capturable", False)
            _load_step_counts(self, group)

    step = _C._rmsprop_step

    def _new_state(self, p, group):
        names = ["square_avg"]
        names += ["momentum_buffer"] if group["momentum"] > 0 else []
        names += ["grad_avg"] if group["centered"] else []
        step = minitorch.zeros((), dtype=_get_scalar_dtype())
        return {"step": step} | {name: minitorch.zeros_like(p) for name in names}

    def _group_in_python(self, group):
        alpha, momentum = group["alpha"], group["momentum"]
        for p, grad in _with_gradients(group):
            state = self.state[p]
            if not state:
                state.update(self._new_state(p, group))
            state["step"] += 1
            grad = _decayed(grad, p, group["weight_decay"])
            square = state["square_avg"]
            square.mul_(alpha).add_(grad * grad * (1 - alpha))
            if group["centered"]:
                mean = state["grad_avg"]
                mean.add_((grad - mean) * (1 - alpha))
                square = square - mean * mean
            direction = grad / (square.sqrt() + group["eps"])
            if momentum > 0:
                direction = state["momentum_buffer"].mul_(momentum).add_(direction)
            _moved(p, direction, group["lr"])
