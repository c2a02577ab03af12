"""Helpers around tensors and modules: data loading in `data`, removable hooks in `hooks`."""

from minitorch.utils import data as data
from minitorch.utils import hooks as hooks
