"""Optimizers that are written in Python, over tensor operations: one formula each.

They are what an optimizer of one's own looks like: the options go into `defaults`, the state of a parameter
is made at its first step, and `_update` changes the parameter in place. Formulas as in PyTorch, see the
sources named.
"""

import minitorch
from minitorch import Tensor

from ._formula import (
    _check_fused,
    _check_options,
    _count,
    _Formula,
    _moment,
    _moved,
    _moved_by_quotient,
    _square_moment,
    _zeros,
)

__all__ = ["ASGD", "Adadelta", "Adagrad", "Adamax", "NAdam", "RAdam", "Rprop"]


class Adagrad(_Formula):
    """p = p - lr / (1 + (t - 1) lr_decay) g / (sqrt(sum of g^2) + eps).

    Raises ValueError for negative options.

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.Adagrad([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.9000], requires_grad=True)

    Sources: https://jmlr.org/papers/v12/duchi11a.html,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adagrad.html
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(
        self,
        params,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        _check_options(
            lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        _check_fused(fused, foreach, differentiable)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p].update(self._first_state(p, group))

    def _new_state(self, p, group):
        return {"sum": minitorch.full_like(p, self.defaults["initial_accumulator_value"]).detach()}

    def _update(self, p, grad, state, group, t, lr):
        state["sum"].addcmul_(grad, grad)
        rate = lr / (1 + (t - 1) * group["lr_decay"])
        _moved_by_quotient(p, grad, state["sum"].sqrt() + group["eps"], rate)


class Adadelta(_Formula):
    """p = p - lr d with d = sqrt(D + eps) / sqrt(G + eps) g, G and D being running averages of g^2 and d^2.

    Raises ValueError for negative options and for rho > 1.

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.Adadelta([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.9997], requires_grad=True)

    Sources: https://arxiv.org/abs/1212.5701,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adadelta.html
    """

    def __init__(
        self,
        params,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check_options(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        _check_options(lr, eps=eps, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, p, group):
        return _zeros(p, "square_avg", "acc_delta")

    def _update(self, p, grad, state, group, t, lr):
        rho, eps = group["rho"], group["eps"]
        _square_moment(state["square_avg"], grad, rho)
        delta = (state["acc_delta"] + eps).sqrt() / (state["square_avg"] + eps).sqrt() * grad
        _square_moment(state["acc_delta"], delta, rho)
        _moved(p, delta, lr)


class Adamax(_Formula):
    """Adam with the largest gradient, fading by beta2, instead of the root of the mean square.

    Raises ValueError for negative options and betas outside [0, 1).

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.Adamax([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.9000], requires_grad=True)

    Sources: https://arxiv.org/abs/1412.6980,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adamax.html
    """

    def __init__(
        self,
        params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        _check_options(lr, eps=eps, betas=betas, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, p, group):
        return _zeros(p, "exp_avg", "exp_inf")

    def _update(self, p, grad, state, group, t, lr):
        beta1, beta2 = group["betas"]
        mean, largest = state["exp_avg"], state["exp_inf"]
        _moment(mean, grad, beta1)
        largest.copy_(minitorch.maximum(largest * beta2, grad.abs() + group["eps"]))
        _moved_by_quotient(p, mean, largest, lr / (1 - beta1**t))


class NAdam(_Formula):
    """Adam with Nesterov's momentum, which grows: mu = beta1 (1 - 0.5 0.96^(t momentum_decay)).

    Raises ValueError for negative options and betas outside [0, 1).

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.NAdam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.8944], requires_grad=True)

    Sources: https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.NAdam.html
    """

    _later_options = _Formula._later_options | {"decoupled_weight_decay": False}

    def __init__(
        self,
        params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check_options(lr, eps=eps, betas=betas, weight_decay=weight_decay, momentum_decay=momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, p, group):
        return {"mu_product": _count(1.0), **_zeros(p, "exp_avg", "exp_avg_sq")}

    def _update(self, p, grad, state, group, t, lr):
        beta1, beta2 = group["betas"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (k * group["momentum_decay"])) for k in (t, t + 1))
        state["mu_product"] *= mu
        product = state["mu_product"].item()
        _moment(mean, grad, beta1)
        _square_moment(square, grad, beta2)
        scale = (square / (1 - beta2**t)).sqrt() + group["eps"]
        _moved_by_quotient(p, grad, scale, lr * (1 - mu) / (1 - product))
        _moved_by_quotient(p, mean, scale, lr * following / (1 - product * following))


class RAdam(_Formula):
    """Adam that leaves out the scaling while its variance is too large to be of use, and then rectifies it.

    Raises ValueError for negative options and betas outside [0, 1).

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.RAdam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.8000], requires_grad=True)

    Sources: https://arxiv.org/abs/1908.03265,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.RAdam.html
    """

    _later_options = _Formula._later_options | {"decoupled_weight_decay": False}

    def __init__(
        self,
        params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check_options(lr, eps=eps, betas=betas, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, p, group):
        return _zeros(p, "exp_avg", "exp_avg_sq")

    def _update(self, p, grad, state, group, t, lr):
        beta1, beta2 = group["betas"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        _moment(mean, grad, beta1)
        _square_moment(square, grad, beta2)
        update = mean / (1 - beta1**t) * lr
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * t * beta2**t / (1 - beta2**t)
        if length > 5.0:
            above, below = (length - 4) * (length - 2) * limit, (limit - 4) * (limit - 2) * length
            update = (
                update * ((1 - beta2**t) ** 0.5 / (square.sqrt() + group["eps"])) * (above / below) ** 0.5
            )
        p.sub_(update)


class Rprop(_Formula):
    """Steps against the sign of the gradient, of sizes that grow while it stays and shrink where it changes.

    etas: factors for shrinking and growing. step_sizes: the smallest and the largest size. Only for whole
    batches. Raises ValueError for a negative lr, and unless 0 < etas[0] < 1 < etas[1].

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.Rprop([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.9000], requires_grad=True)

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Rprop.html
    """

    def __init__(
        self,
        params,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check_options(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, p, group):
        return {
            "prev": minitorch.zeros_like(p),
            "step_size": minitorch.full_like(p, float(group["lr"])).detach(),
        }

    def _update(self, p, grad, state, group, t, lr):
        shrink, grow = group["etas"]
        turned, kept = grad * state["prev"] < 0, grad * state["prev"] > 0
        size = state["step_size"]
        size.copy_(minitorch.where(turned, size * shrink, minitorch.where(kept, size * grow, size)))
        size.clamp_(*group["step_sizes"])
        grad = minitorch.where(turned, minitorch.zeros_like(grad), grad)
        p.sub_(grad.sign() * size)
        state["prev"].copy_(grad)


class ASGD(_Formula):
    """Averaged gradient descent: state["ax"] is the mean of the parameters from step t0 on.

    The rate falls as lr / (1 + lambd lr t)^alpha. Raises ValueError for a negative lr or weight_decay.

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.ASGD([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.8000], requires_grad=True)

    Sources: https://doi.org/10.1137/0330046,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.ASGD.html
    """

    def __init__(
        self,
        params,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        _check_options(lr, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, p, group):
        return {"eta": _count(float(group["lr"])), "mu": _count(1.0), "ax": minitorch.zeros_like(p)}

    def _update(self, p, grad, state, group, t, lr):
        eta, mu, mean = state["eta"].item(), state["mu"].item(), state["ax"]
        p.mul_(1 - group["lambd"] * eta)
        p.add_(grad, alpha=-eta)
        if mu != 1:
            mean.add_((p - mean) * mu)
        else:
            mean.copy_(p)
        state["eta"].fill_(float(lr) / (1 + group["lambd"] * float(lr) * t) ** group["alpha"])
        state["mu"].fill_(1 / max(1, t - group["t0"]))
