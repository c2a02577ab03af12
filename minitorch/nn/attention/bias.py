"""Causal masks for other numbers of keys than queries.

https://docs.pytorch.org/docs/2.13/nn.attention.bias.html
"""

import minitorch

__all__ = ["causal_lower_right", "causal_upper_left"]


def causal_upper_left(*size):
    """A mask (queries, keys) of bools: query i sees keys up to i.

    >>> from minitorch.nn.attention.bias import causal_upper_left
    >>> causal_upper_left(2, 3)
    tensor([[ True, False, False],
            [ True,  True, False]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.attention.bias.causal_upper_left.html
    """
    if len(size) != 2:
        raise AssertionError("causal_upper_left only supports 2D tensors")
    return minitorch.ones(*size, dtype=minitorch.bool).tril()


def causal_lower_right(*size):
    """A mask (queries, keys) of bools: the last query sees all keys, each one before it one key less.

    >>> from minitorch.nn.attention.bias import causal_lower_right
    >>> causal_lower_right(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.attention.bias.causal_lower_right.html
    """
    if len(size) != 2:
        raise AssertionError("causal_lower_right only supports 2D tensors")
    return minitorch.ones(*size, dtype=minitorch.bool).tril(size[1] - size[0])
