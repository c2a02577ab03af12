"""Sets of numbers in which parameters and samples lie: ``constraint.check(value)`` says where a tensor does.

Source: https://docs.pytorch.org/docs/2.13/distributions.html#module-torch.distributions.constraints
"""

import minitorch


class Constraint:
    """A set; the last event_dim dimensions of a value are one element of it.

    >>> greater_than(2).check(minitorch.tensor([1.0, 3.0])), greater_than(2)
    (tensor([False,  True]), GreaterThan(lower_bound=2))

    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.constraints.Constraint
    """

    def __init__(self, name, test, event_dim=0, is_discrete=False):
        self._name, self._test = name, test
        self.event_dim, self.is_discrete = event_dim, is_discrete

    def check(self, value):
        """True at each element of the set."""
        return self._test(value)

    def __repr__(self):
        return self._name


def _whole(x):
    return x % 1 == 0


def greater_than(lower_bound):
    """Numbers above a bound."""
    return Constraint(f"GreaterThan(lower_bound={lower_bound})", lambda x: lower_bound < x)


def greater_than_eq(lower_bound):
    """Numbers not below a bound."""
    return Constraint(f"GreaterThanEq(lower_bound={lower_bound})", lambda x: lower_bound <= x)


def less_than(upper_bound):
    """Numbers below a bound."""
    return Constraint(f"LessThan(upper_bound={upper_bound})", lambda x: x < upper_bound)


def interval(lower_bound, upper_bound):
    """Numbers between two bounds, both included."""
    name = f"Interval(lower_bound={lower_bound}, upper_bound={upper_bound})"
    return Constraint(name, lambda x: (lower_bound <= x) & (x <= upper_bound))


def half_open_interval(lower_bound, upper_bound):
    """Numbers between two bounds, of which the upper one is not included."""
    name = f"HalfOpenInterval(lower_bound={lower_bound}, upper_bound={upper_bound})"
    return Constraint(name, lambda x: (lower_bound <= x) & (x < upper_bound))


def integer_interval(lower_bound, upper_bound):
    """Whole numbers between two bounds, both included."""
    name = f"IntegerInterval(lower_bound={lower_bound}, upper_bound={upper_bound})"
    return Constraint(name, lambda x: _whole(x) & (lower_bound <= x) & (x <= upper_bound), is_discrete=True)


def independent(base, dims):
    """Tensors all elements of which lie in a set."""

    def check(x):
        inside = base.check(x)
        return inside.reshape(*inside.shape[: inside.dim() - dims], -1).all(-1) if dims else inside

    name = f"IndependentConstraint({base}, {dims})"
    return Constraint(name, check, base.event_dim + dims, base.is_discrete)


def multinomial(upper_bound):
    """Vectors of whole numbers with a given sum at most."""
    return Constraint(
        "Multinomial()", lambda x: (x >= 0).all(-1) & (x.sum(-1) <= upper_bound), 1, is_discrete=True
    )


def _is_symmetric(x):
    return minitorch.isclose(x, x.mT, atol=1e-6).all(-1).all(-1)


def _is_definite(x):
    return _is_symmetric(x) & (minitorch.linalg.eigvalsh(x) > 0).all(-1)


real = Constraint("Real()", lambda x: x == x)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
boolean = Constraint("Boolean()", lambda x: (x == 0) | (x == 1), is_discrete=True)
nonnegative_integer = Constraint(
    "IntegerGreaterThan(lower_bound=0)", lambda x: _whole(x) & (x >= 0), is_discrete=True
)
positive_integer = Constraint(
    "IntegerGreaterThan(lower_bound=1)", lambda x: _whole(x) & (x >= 1), is_discrete=True
)
real_vector = independent(real, 1)
simplex = Constraint("Simplex()", lambda x: (x >= 0).all(-1) & ((x.sum(-1) - 1).abs() < 1e-6), 1)
one_hot = Constraint(
    "OneHot()", lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1), 1, is_discrete=True
)
lower_cholesky = Constraint(
    "LowerCholesky()",
    lambda x: (x.tril() == x).flatten(-2).all(-1) & (x.diagonal(dim1=-2, dim2=-1) > 0).all(-1),
    2,
)
positive_definite = Constraint("PositiveDefinite()", _is_definite, 2)
