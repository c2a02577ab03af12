"""Optimizers that know a matrix when they see one: Adafactor keeps a row and a column instead of a matrix of
squares, Muon makes the steps of all directions equally long.

Sources: https://arxiv.org/abs/1804.04235, https://kellerjordan.github.io/posts/muon/
"""

import math

import minitorch
from minitorch import Tensor

from ._formula import _check_scalar, _Formula, _to_scalar, _with_gradients, _zeros

__all__ = ["Adafactor", "Muon"]


def _check_signs(**options):
    """ValueError for an option that is negative."""
    for name, value in options.items():
        if not 0.0 <= value:
            raise ValueError(f"{name.replace('_', ' ')} should be >= 0 but is: {value}")


class Adafactor(_Formula):
    """p = p - a g / sqrt(v), where v of a matrix is the product of the means of g^2 of its rows and columns.

    a is the smaller of lr and 1 / sqrt(t), times the root mean square of p but at least eps[1]; and less if
    the step's root mean square is above d. The means fade by 1 - t^beta2_decay. eps[0] is the least of
    sqrt(v), the dtype's eps if it is None. For a parameter of n x m numbers the state is n + m large.

    Raises ValueError for negative options, beta2_decay above 0 and d below 1; RuntimeError for complex
    numbers.

    >>> import minitorch
    >>> p = minitorch.ones(2, 2, requires_grad=True)
    >>> opt = minitorch.optim.Adafactor([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p[0]
    tensor([0.9000, 0.9000], grad_fn=<SelectBackward0>)

    Sources: https://arxiv.org/abs/1804.04235,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adafactor.html
    """

    _later_options = {"foreach": None}

    def __init__(
        self,
        params,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        _check_scalar(lr, "lr")
        _check_signs(Learning_rate=lr)
        if not 0.0 >= beta2_decay:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        _check_signs(epsilon1=0.0 if eps[0] is None else eps[0], epsilon2=eps[1])
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _step_in_python(self):
        with minitorch.no_grad():
            for group in self.param_groups:
                for p, grad in _with_gradients(group):
                    self._step_of(p, grad, group)

    def _new_state(self, p, group):
        if p.dim() < 2:
            return _zeros(p, "variance")
        *more, n, m = p.shape
        return {"row_var": p.new_zeros((*more, n, 1)), "col_var": p.new_zeros((*more, 1, m))}

    def _step_of(self, p, grad, group):
        if p.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        state = self.state[p]
        if not state:
            state.update(self._first_state(p, group))
        state["step"] += 1
        t, lr = state["step"].item(), _to_scalar(group["lr"])
        least, floor = group["eps"]
        least = minitorch.finfo(p.dtype).eps if least is None else least
        size = max(floor, p.norm(2).item() / p.numel() ** 0.5) * min(lr, 1 / t**0.5)
        if group["weight_decay"] != 0:
            p.mul_(1 - lr * group["weight_decay"])
        square = _fading_square(grad, state, t ** group["beta2_decay"], least)
        update = square.clamp_(min=least * least).rsqrt_().mul_(grad)
        excess = max(1.0, update.norm(2).item() / (update.numel() ** 0.5 * group["d"]))
        p.add_(update, alpha=-size / excess)


def _fading_square(grad, state, part, least):
    """The estimated mean of grad^2, of which the newest makes a part."""
    if "variance" in state:
        return state["variance"].lerp_(grad * grad, part).clone()
    rows, cols = state["row_var"], state["col_var"]
    for mean, dim in ((rows, -1), (cols, -2)):
        square = minitorch.norm(grad, dim=dim, keepdim=True).square_()
        mean.lerp_(square.div_(grad.size(dim)), part)
    return (rows @ cols).div_(rows.mean(dim=-2, keepdim=True).clamp_(min=least))


class Muon(_Formula):
    """p = p - lr O, where O is about the orthogonal matrix nearest to the mean of the gradients.

    Five Newton-Schulz steps (ns_coefficients, ns_steps) bring all singular values of the mean near 1. They
    are taken in bfloat16, as in PyTorch. For the matrices of hidden layers; leave embeddings and biases to
    AdamW.

    adjust_lr_fn: lr is multiplied by sqrt(max(1, rows / columns)) ("original", and None) or by
    0.2 sqrt(max(rows, columns)), with which AdamW's lr can be kept ("match_rms_adamw").

    Raises ValueError for negative options and for parameters that are no matrices.

    >>> import minitorch
    >>> p = minitorch.eye(2).requires_grad_()
    >>> opt = minitorch.optim.Muon([p], lr=0.1, weight_decay=0.0)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> bool((p.diagonal() < 0.95).all())
    True

    Sources: https://kellerjordan.github.io/posts/muon/, https://arxiv.org/abs/2502.16982,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Muon.html
    """

    _later_options: dict = {}

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        _check_scalar(lr, "lr")
        _check_signs(Learning_rate=lr, momentum=momentum, weight_decay=weight_decay)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim != 2:
                raise ValueError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}"
                )

    def _step_in_python(self):
        with minitorch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._step_of(p, group)

    def _step_of(self, p, group):
        if p.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        state, lr = self.state[p], _to_scalar(group["lr"])
        mean = state.setdefault("momentum_buffer", minitorch.zeros_like(p.grad))
        mean.lerp_(p.grad, 1 - group["momentum"])
        update = p.grad.lerp(mean, group["momentum"]) if group["nesterov"] else mean
        update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        n, m = p.shape
        matched = group["adjust_lr_fn"] == "match_rms_adamw"
        factor = 0.2 * math.sqrt(max(n, m)) if matched else math.sqrt(max(1, n / m))
        p.mul_(1 - lr * group["weight_decay"])
        p.add_(update, alpha=-lr * factor)


def _orthogonal(x, coefficients, steps, eps):
    """U V^T where x = U S V^T, roughly: the odd polynomial a s + b s^3 + c s^5 brings each s nearer to 1."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    (a, b, c), tall = coefficients, x.size(0) > x.size(1)
    x = x.bfloat16().T if tall else x.bfloat16()
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        square = x @ x.T
        x = minitorch.addmm(x, minitorch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
