"""AdamW: Adam with weight decay that does not enter the averages."""

from minitorch import _C, Tensor

from .adam import Adam
from .optimizer import ParamsT

__all__ = ["AdamW"]


@_C._own_methods
class AdamW(Adam):
    """Adam, where each step first shrinks the parameters: p = p (1 - lr weight_decay).

    Arguments and errors as for Adam, but for weight_decay=0.01.

    >>> import minitorch
    >>> p = minitorch.tensor([1.0], requires_grad=True)
    >>> opt = minitorch.optim.AdamW([p], lr=0.1, weight_decay=0.5)
    >>> (p * p).sum().backward()
    >>> opt.step()
    >>> p
    tensor([0.8500], requires_grad=True)

    Sources: https://arxiv.org/abs/1711.05101,
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.AdamW.html
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state):
        """Whatever was saved, an AdamW decays as AdamW."""
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
