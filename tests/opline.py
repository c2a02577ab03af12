# ruff: noqa: E741
"""What a line of tests/opinfo.py is: the record, and the types and samples that many lines share."""

from dataclasses import dataclass, field

F = "float32 float64".split()
I = "uint8 int8 int16 int32 int64".split()
A = F + I
AB = [*A, "bool"]

# Pointwise: an ordinary shape, one element, none, 0-d, four dimensions.
X = "r(3,4); r(); r(0,3); r(1); r(2,1,3,2)"
P = X.replace("r(", "p(")
U = X.replace("r(", "u(")
D = X.replace("r(", "d(")
XY = "r(3,4), r(3,4); r(3,4), r(4); r(2,1), r(1,3); r(), r(3); r(), r(); r(0,3), r(3); r(3,4), 2; r(3), 2.5"
PP = XY.replace("r(", "p(")
NN = ["r(2), r(3) -> RuntimeError", "'a', r(2) -> TypeError"]


@dataclass
class Op:
    name: str
    samples: str
    ref: object = None
    dtypes: list = field(default_factory=lambda: F)
    grad: object = True
    errors: list = field(default_factory=list)
    rtol: float = 0.0  # in addition to what the type has
    seeded: bool = False  # draws random numbers: compared with PyTorch after the same seed

    def __str__(self):
        return self.name

    def calls(self):
        return [s.strip() for s in self.samples.split(";")]
