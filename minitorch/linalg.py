"""Linear algebra: operators of the C core, by the names PyTorch gives them in torch.linalg."""

from minitorch._C import _linalg
from minitorch._C import _LinAlgError as LinAlgError

__all__ = ["LinAlgError", *sorted(name for name in vars(_linalg) if not name.startswith("_"))]
globals().update({name: getattr(_linalg, name) for name in __all__[1:]})
