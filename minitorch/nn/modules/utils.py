"""Numbers that may be given once for all dimensions; see nn/_tuples.py."""

from minitorch.nn._tuples import _ntuple, _pair, _quadruple, _reverse_repeat_tuple, _single, _triple

__all__ = ["_ntuple", "_pair", "_quadruple", "_reverse_repeat_tuple", "_single", "_triple"]
