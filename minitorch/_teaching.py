"""minitorch.teaching(True): what PyTorch only warns of is an error."""

__all__ = ["teaching"]

strict = False  # read by nn.functional's losses


class teaching:
    """From now on, or inside a with block, what is nearly always a mistake is an error instead of a warning.

    mode: True turns it on, False off. So far that concerns losses of an input and a target of different
    shapes, which are broadcast otherwise: ValueError instead of UserWarning.

    >>> import minitorch
    >>> from minitorch.nn.functional import mse_loss
    >>> with minitorch.teaching():
    ...     mse_loss(minitorch.ones(3, 1), minitorch.ones(3))
    Traceback (most recent call last):
    ValueError: Using a target size (torch.Size([3])) that is different to the input size \
(torch.Size([3, 1])). This will likely lead to incorrect results due to broadcasting. Please ensure they \
have the same size.

    Why: https://github.com/pytorch/pytorch/issues/18349
    """

    def __init__(self, mode=True):
        global strict
        self._before, strict = strict, bool(mode)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        global strict
        strict = self._before
