"""RMSprop."""

from minitorch import _C, Tensor

from ._formula import _check_options, _Formula, _moment, _moved, _square_moment, _zeros
from .optimizer import ParamsT

__all__ = ["RMSprop"]


@_C._own_methods
class RMSprop(_Formula):
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

    _later_options = {"momentum": 0, "centered": False} | _Formula._later_options

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
        _check_options(lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
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

    step = _C._rmsprop_step

    def _new_state(self, p, group):
        names = ["square_avg"]
        names += ["momentum_buffer"] if group["momentum"] > 0 else []
        names += ["grad_avg"] if group["centered"] else []
        return _zeros(p, *names)

    def _update(self, p, grad, state, group, t, lr):
        square = state["square_avg"]
        _square_moment(square, grad, group["alpha"])
        if group["centered"]:
            mean = state["grad_avg"]
            _moment(mean, grad, group["alpha"])
            square = square - mean * mean
        direction = grad / (square.sqrt() + group["eps"])
        if group["momentum"] > 0:
            direction = state["momentum_buffer"].mul_(group["momentum"]).add_(direction)
        _moved(p, direction, lr)
