"""What several parts of the package need and none of them owns."""

from minitorch._C import Tensor


def typename(o):
    """The name that error messages give an object's type; for a function or a class its own.

    >>> import minitorch
    >>> typename(minitorch.zeros(2)), typename(3), typename(OSError), typename(minitorch.nn.Flatten())
    ('torch.FloatTensor', 'int', 'OSError', 'minitorch.nn.modules.flatten.Flatten')

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.typename.html
    """
    if isinstance(o, Tensor):
        return o.type()
    if hasattr(o, "__qualname__"):
        module, name = getattr(o, "__module__", None) or "", o.__qualname__
    elif hasattr(o, "__name__"):
        module, name = getattr(o, "__module__", None) or "", o.__name__
    else:
        module, name = type(o).__module__, type(o).__qualname__
    return name if module in ("", "builtins") else f"{module}.{name}"
