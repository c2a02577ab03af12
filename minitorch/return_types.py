"""The named tuples that operators with several results return: ``x.max(0).values``."""

from minitorch._C import _return_types

globals().update({name: type_ for name, type_ in vars(_return_types).items() if not name.startswith("_")})
