"""Special functions: operators of the C core, by the names PyTorch gives them in torch.special."""

from minitorch._C import _special

__all__ = sorted(name for name in vars(_special) if not name.startswith("_"))
globals().update({name: getattr(_special, name) for name in __all__})
