"""Linear algebra: operators of the C core, by the names PyTorch gives them in torch.linalg."""

from minitorch._C import _linalg, _LinAlgError
from minitorch._eig import eig, eigvals

__all__ = [
    "LinAlgError",
    "eig",
    "eigvals",
    *sorted(name for name in vars(_linalg) if not name.startswith("_")),
]
LinAlgError = _LinAlgError
globals().update({name: getattr(_linalg, name) for name in __all__[3:]})
