"""Optimizers and learning-rate schedulers, with the interface of torch.optim."""

from importlib import import_module as _import_module

from minitorch._once import mark_loaded as _mark_loaded
from minitorch.optim import lr_scheduler as lr_scheduler
from minitorch.optim._matrix import Adafactor, Muon
from minitorch.optim._plain import ASGD, Adadelta, Adagrad, Adamax, NAdam, RAdam, Rprop
from minitorch.optim.adam import Adam as Adam
from minitorch.optim.adamw import AdamW as AdamW
from minitorch.optim.lbfgs import LBFGS as LBFGS
from minitorch.optim.optimizer import Optimizer as Optimizer
from minitorch.optim.rmsprop import RMSprop as RMSprop
from minitorch.optim.sgd import SGD as SGD

__all__ = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "lr_scheduler",
    "swa_utils",
]


def __getattr__(name):
    """Averages of weights need layers, which are not imported for nothing."""
    if name == "swa_utils":
        return _import_module("minitorch.optim.swa_utils")
    raise AttributeError(f"module 'minitorch.optim' has no attribute {name!r}")


_mark_loaded()
