"""Padding layers. https://docs.pytorch.org/docs/2.13/nn.html#padding-layers"""

from minitorch.nn import functional as F
from minitorch.nn._tuples import _ntuple
from minitorch.nn.modules.module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(Module):
    """F.pad with numbers for _dims dimensions, the last first: one number stands for all."""

    __constants__ = ["padding"]
    _mode = "constant"

    def __init__(self, padding):
        super().__init__()
        self.padding = _ntuple(2 * type(self)._dims)(padding)

    def forward(self, input):
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self):
        return f"{self.padding}"


class _ConstantPad(_Pad):
    __constants__ = ["padding", "value"]

    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class _Circular(_Pad):
    _mode = "circular"

    def _check_input_dim(self, input):
        few, many = self._dims + 1, self._dims + 2
        if input.dim() not in (few, many):
            raise ValueError(f"expected {few}D or {many}D input (got {input.dim()}D input)")

    def forward(self, input):
        self._check_input_dim(input)
        return F.pad(input, self.padding, "circular")


class _Reflect(_Pad):
    _mode = "reflect"


class _Replicate(_Pad):
    _mode = "replicate"


def _family(base, name, text, more, example, result):
    """The classes of one kind for one, two and three dimensions; `more` are arguments behind the padding."""
    made = []
    for dims, places in ((1, "W"), (2, "H, W"), (3, "D, H, W")):
        size = ", ".join(["2"] * dims)
        shape = ", ".join(["4"] * dims)
        call, shown = f"{name}{dims}d(1{more})(minitorch.ones(1, {size})).shape", f"torch.Size([1, {shape}])"
        if dims == 1:
            call, shown = f"{name}1d({example})(minitorch.tensor([[1.0, 2.0, 3.0]]))", f"tensor([[{result}]])"
        doc = f"""{text}

    Shapes: (N, C, {places}) or (C, {places}), larger by padding: one number for all ends, or (before, after)
    for each dimension, the last first.

    Raises:
        RuntimeError: if the padding does not fit.

    >>> import minitorch
    >>> minitorch.nn.{call}
    {shown}

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.{name}{dims}d.html
    """
        members = {"_dims": dims, "__doc__": doc, "__module__": __name__}
        made.append(type(f"{name}{dims}d", (base,), members))
    return made


ConstantPad1d, ConstantPad2d, ConstantPad3d = _family(
    _ConstantPad, "ConstantPad", "Puts `value` around the input.",
    ", 5.0", "(1, 0), 5.0", "5., 1., 2., 3.",
)  # fmt: skip
ZeroPad1d, ZeroPad2d, ZeroPad3d = _family(
    _ZeroPad, "ZeroPad", "Puts zeros around the input.",
    "", "1", "0., 1., 2., 3., 0.",
)  # fmt: skip
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _family(
    _Reflect, "ReflectionPad", "Puts the input, mirrored at its edges, around it.",
    "", "2", "3., 2., 1., 2., 3., 2., 1.",
)  # fmt: skip
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _family(
    _Replicate, "ReplicationPad", "Puts the edges of the input around it.",
    "", "1", "1., 1., 2., 3., 3.",
)  # fmt: skip
CircularPad1d, CircularPad2d, CircularPad3d = _family(
    _Circular, "CircularPad", "Puts the opposite ends of the input around it.",
    "", "1", "3., 1., 2., 3., 1.",
)  # fmt: skip
