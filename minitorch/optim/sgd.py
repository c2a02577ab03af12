"""Stochastic gradient descent."""

from minitorch import _C, Tensor

from ._formula import _check_fused, _check_scalar, _decayed, _Formula, _moved, _with_gradients
from .optimizer import ParamsT, _get_value

__all__ = ["SGD"]


@_C._own_methods
class SGD(_Formula):
    """Stochastic gradient descent, optionally with momentum.

    With the gradient g (plus weight_decay p), the buffer b and the parameter p:
    b = g at the first step, then momentum b + (1 - dampening) g; p = p - lr b. With nesterov=True,
    p = p - lr (g + momentum b); without momentum, p = p - lr g.

    params: parameters or groups, see Optimizer. lr: a number, or a tensor of one element.
    maximize: climbs instead of descending. foreach, fused: accepted, the step is the same.
    differentiable: records the step, so that gradients can flow through it.

    Raises ValueError for negative lr, momentum or weight_decay, and for nesterov without momentum or with
    dampening.

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.SGD([p], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     opt.zero_grad()
    ...     (p * p).sum().backward()
    ...     opt.step()
    >>> p
    tensor([0.4600], requires_grad=True)

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html
    """

    _later_options = {
        "nesterov": False,
        "maximize": False,
        "foreach": None,
        "differentiable": False,
        "fused": False,
    }

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        _check_scalar(lr, "lr")
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        _check_fused(fused, foreach, differentiable)

    step = _C._sgd_step

    def _group_in_python(self, group):
        momentum = _get_value(group["momentum"])
        for p, grad in _with_gradients(group):
            grad = _decayed(grad, p, group["weight_decay"])
            if momentum != 0:
                state = self.state[p]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    buffer = state["momentum_buffer"] = grad.detach().clone()
                else:
                    buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
                grad = grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer
            _moved(p, grad, group["lr"])
