"""Optimizers and learning-rate schedulers, with the interface of torch.optim."""

from minitorch.optim import lr_scheduler as lr_scheduler
from minitorch.optim._plain import ASGD, Adadelta, Adagrad, Adamax, NAdam, RAdam, Rprop
from minitorch.optim.adam import Adam as Adam
from minitorch.optim.adamw import AdamW as AdamW
from minitorch.optim.optimizer import Optimizer as Optimizer
from minitorch.optim.rmsprop import RMSprop as RMSprop
from minitorch.optim.sgd import SGD as SGD

__all__ = [
    "ASGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "lr_scheduler",
]
