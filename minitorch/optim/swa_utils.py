"""Averages of a model's weights over its training, and the rates that go with them.

P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018
(https://arxiv.org/abs/1803.05407); exponential averages: B. Polyak and A. Juditsky, 1992.

Source: https://docs.pytorch.org/docs/2.13/optim.html#weight-averaging-swa-and-ema
"""

from __future__ import annotations

import itertools
import math
from copy import deepcopy

import minitorch
from minitorch.nn import Module
from minitorch.nn.modules.batchnorm import _BatchNorm

from ._lr_base import LRScheduler, _per_group

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(decay):
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_multi_avg_fn(decay=0.999):
    """A function that moves lists of averages: a = decay a + (1 - decay) p.

    >>> import minitorch
    >>> a, p = minitorch.tensor([1.0]), minitorch.tensor([0.0])
    >>> get_ema_multi_avg_fn(0.75)([a], [p], 1)
    >>> a
    tensor([0.7500])

    Source: https://docs.pytorch.org/docs/2.13/optim.html#custom-averaging-strategies
    """
    _check_decay(decay)

    @minitorch.no_grad()
    def ema_update(ema_param_list, current_param_list, _):
        for a, p in zip(ema_param_list, current_param_list, strict=True):
            if a.is_floating_point():
                a.lerp_(p, 1 - decay)
            else:
                a.copy_(a * decay + p * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn():
    """A function that moves lists of averages: a = a + (p - a) / (n + 1), after n others.

    >>> import minitorch
    >>> a, p = minitorch.tensor([1.0]), minitorch.tensor([0.0])
    >>> get_swa_multi_avg_fn()([a], [p], 3)
    >>> a
    tensor([0.7500])

    Source: https://docs.pytorch.org/docs/2.13/optim.html#custom-averaging-strategies
    """

    @minitorch.no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged):
        for a, p in zip(averaged_param_list, current_param_list, strict=True):
            if a.is_floating_point():
                a.lerp_(p, float(1 / (num_averaged + 1)))
            else:
                a.copy_(a + (p - a) / (num_averaged + 1))

    return swa_update


def get_ema_avg_fn(decay=0.999):
    """A function of an average and a parameter: decay a + (1 - decay) p.

    >>> get_ema_avg_fn(0.75)(1.0, 0.0, 1)
    0.75

    Source: https://docs.pytorch.org/docs/2.13/optim.html#custom-averaging-strategies
    """
    _check_decay(decay)

    @minitorch.no_grad()
    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn():
    """A function of an average and a parameter: a + (p - a) / (n + 1), after n others.

    >>> get_swa_avg_fn()(1.0, 0.0, 3)
    0.75

    Source: https://docs.pytorch.org/docs/2.13/optim.html#custom-averaging-strategies
    """

    @minitorch.no_grad()
    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of that model's.

    Args:
        model: copied; update_parameters(model) after each step takes it into the average.
        avg_fn: `avg_fn(average, parameter, n)` returns the new average; multi_avg_fn: the same for lists, in
            place. Neither: equal weights.
        use_buffers: average buffers too; else they are copied.

    Raises AssertionError if both functions are given.

    >>> import minitorch
    >>> net = minitorch.nn.Linear(1, 1)
    >>> averaged = AveragedModel(net)
    >>> for value in (0.0, 1.0, 2.0):
    ...     _ = net.weight.data.fill_(value)
    ...     averaged.update_parameters(net)
    >>> averaged.module.weight.item()
    1.0

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.optim.swa_utils.AveragedModel.html
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", minitorch.tensor(0, dtype=minitorch.long, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """The averaged model's result."""
        return self.module(*args, **kwargs)

    def _averaged(self, model):
        """What of a model is averaged."""
        extra = model.buffers() if self.use_buffers else ()
        return [t.detach() for t in itertools.chain(model.parameters(), extra)]

    def update_parameters(self, model):
        """Takes the model's present weights into the average."""
        averages, present = self._averaged(self.module), self._averaged(model)
        if self.n_averaged == 0:
            for a, p in zip(averages, present, strict=True):
                a.copy_(p)
        elif self.avg_fn is None:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(averages, present, self.n_averaged)
        else:
            for a, p in zip(averages, present, strict=True):
                a.copy_(self.avg_fn(a, p, self.n_averaged))
        if not self.use_buffers:
            for b, now in zip(self.module.buffers(), model.buffers(), strict=True):
                b.detach().copy_(now.detach())
        self.n_averaged += 1


@minitorch.no_grad()
def update_bn(loader, model, device=None):
    """Computes the running mean and variance of a model's BatchNorm layers anew, over the loader's data.

    loader: gives inputs, or lists and tuples whose first entry is the input.

    >>> import minitorch
    >>> net = minitorch.nn.Sequential(minitorch.nn.BatchNorm1d(1))
    >>> update_bn([minitorch.tensor([[1.0], [3.0]])], net)
    >>> net[0].running_mean
    tensor([2.])

    Source: https://docs.pytorch.org/docs/2.13/optim.html#taking-care-of-batch-normalization
    """
    momenta = {}
    for layer in model.modules():
        if isinstance(layer, _BatchNorm):
            layer.reset_running_stats()
            momenta[layer] = layer.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for layer in momenta:
        layer.momentum = None
    for batch in loader:
        if isinstance(batch, (list, tuple)):
            batch = batch[0]
        model(batch if device is None else batch.to(device))
    for layer, momentum in momenta.items():
        layer.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Goes from the present rate to swa_lr within anneal_epochs, and stays there.

    swa_lr: a number, or a list with one per group. anneal_strategy: "cos" or "linear".

    Raises ValueError for another strategy and for a negative or fractional anneal_epochs.

    >>> import minitorch
    >>> opt = minitorch.optim.SGD([minitorch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = SWALR(opt, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> rates = []
    >>> for _ in range(3):
    ...     opt.step()
    ...     scheduler.step()
    ...     rates += scheduler.get_last_lr()
    >>> rates
    [0.75, 0.5, 0.5]

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.optim.swa_utils.SWALR.html
    """

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        for group, rate in zip(optimizer.param_groups, _per_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._set_anneal_func(anneal_strategy)
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _set_anneal_func(self, strategy):
        self._anneal_strategy = strategy

    def anneal_func(self, t):
        """How much of the way is gone after a part t of the time."""
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def _gone(self, step):
        return self.anneal_func(max(0, min(1, step / max(1, self.anneal_epochs))))

    def get_lr(self):
        """The rates to set next, one per group."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._gone(step - 1), self._gone(step)
        rates = []
        for group in self.optimizer.param_groups:
            goal, present = group["swa_lr"], group["lr"]
            begin = goal if before == 1 else (present - before * goal) / (1 - before)
            rates.append(goal * now + begin * (1 - now))
        return rates
