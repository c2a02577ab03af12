"""Batches of sequences of different lengths: padded to one length, or packed.

A packed batch holds the first elements of all sequences, then the second of those that have one, and so on;
the longest sequence comes first. Recurrent layers do no work for padding then.

https://docs.pytorch.org/docs/2.13/nn.html#utility-functions
"""

from collections import namedtuple
from collections.abc import Iterable

import minitorch

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

_Fields = namedtuple("PackedSequence_", "data batch_sizes sorted_indices unsorted_indices")


class PackedSequence(_Fields):
    """A packed batch of sequences; the functions of this module make it.

    Attributes:
        data: (sum of the lengths, ...), step by step.
        batch_sizes: int64 (longest length), how many rows belong to each step.
        sorted_indices: the order the sequences were brought into, or None if they came in it.
        unsorted_indices: the inverse of that order.

    >>> import minitorch
    >>> pack = minitorch.nn.utils.rnn.pack_sequence([minitorch.tensor([1, 2]), minitorch.tensor([3])])
    >>> pack.data, pack.batch_sizes
    (tensor([1, 3, 2]), tensor([2, 1]))

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.PackedSequence.html
    """

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args, **kwargs):
        """The same with data.to(...)."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def pin_memory(self):
        """Itself: there is no other memory."""
        return self

    def cpu(self, *args, **kwargs):
        """The same on the CPU, where it is."""
        return self.to(*args, **{"device": "cpu", **kwargs})

    def double(self):
        """The same in float64."""
        return self.to(dtype=minitorch.float64)

    def float(self):
        """The same in float32."""
        return self.to(dtype=minitorch.float32)

    def long(self):
        """The same in int64."""
        return self.to(dtype=minitorch.int64)

    def int(self):
        """The same in int32."""
        return self.to(dtype=minitorch.int32)

    @property
    def is_cuda(self):
        """False: there is no CUDA here."""
        return False

    def is_pinned(self):
        """False: there is no other memory."""
        return False


def invert_permutation(permutation):
    """The permutation that undoes this one; None for None.

    Shapes: (n) of int64 to the same.

    >>> import minitorch
    >>> minitorch.nn.utils.rnn.invert_permutation(minitorch.tensor([2, 0, 1]))
    tensor([1, 2, 0])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.invert_permutation.html
    """
    if permutation is None:
        return None
    return minitorch.empty_like(permutation).scatter_(0, permutation, minitorch.arange(permutation.numel()))


def _check_lengths(lengths, batch, longest):
    if len(lengths) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} (batch_size={batch})"
        )
    if lengths and lengths[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if any(b > a for a, b in zip(lengths, lengths[1:], strict=False)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
            "requirement if you do not need ONNX exportability."
        )
    if lengths and lengths[0] > longest:
        raise RuntimeError(
            f"Expected `lengths` array to be at most {longest} long, but got a length of {lengths[0]}"
        )


def _sizes(lengths):
    """How many sequences (lengths in falling order) have an element at each step."""
    sizes, alive = [], len(lengths)
    for t in range(lengths[0] if lengths else 0):
        while lengths[alive - 1] <= t:
            alive -= 1
        sizes.append(alive)
    return sizes


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Packs a padded batch.

    Args:
        lengths: the length of each sequence, a list or a tensor.
        batch_first: the input is (batch, steps, ...), not (steps, batch, ...).
        enforce_sorted: the longest sequence comes first; otherwise they are sorted here.

    Raises:
        RuntimeError: if the lengths are not sorted, not positive or not one a sequence.

    >>> import minitorch
    >>> padded = minitorch.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
    >>> minitorch.nn.utils.rnn.pack_padded_sequence(
    ...     padded, [2, 1, 3], batch_first=True, enforce_sorted=False
    ... ).data
    tensor([4, 1, 3, 5, 2, 6])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.pack_padded_sequence.html
    """
    lengths = minitorch.as_tensor(lengths).to(minitorch.int64)
    order = None
    if not enforce_sorted:
        lengths, order = minitorch.sort(lengths, descending=True)
        input = input.index_select(0 if batch_first else 1, order)
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    lengths = lengths.tolist()
    batch, steps = input.shape[:2] if batch_first else (input.size(1), input.size(0))
    _check_lengths(lengths, batch, steps)
    sizes = _sizes(lengths)
    if batch_first:
        places = [b * steps + t for t, size in enumerate(sizes) for b in range(size)]
    else:
        places = [t * batch + b for t, size in enumerate(sizes) for b in range(size)]
    data = input.flatten(0, 1).index_select(0, minitorch.tensor(places))
    return PackedSequence(data, minitorch.tensor(sizes), order)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """The padded batch that was packed, and the lengths of its sequences, in their first order.

    Args:
        batch_first: the result is (batch, steps, ...), not (steps, batch, ...).
        total_length: steps of the result, unless those of the longest sequence.

    Raises:
        ValueError: if total_length is less than that.

    >>> import minitorch
    >>> from minitorch.nn.utils.rnn import pack_sequence, pad_packed_sequence
    >>> pack = pack_sequence([minitorch.tensor([1, 2]), minitorch.tensor([3])])
    >>> pad_packed_sequence(pack, batch_first=True)
    (tensor([[1, 2],
            [3, 0]]), tensor([2, 1]))

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.pad_packed_sequence.html
    """
    sizes = sequence.batch_sizes.tolist()
    steps = len(sizes)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    data, batch = sequence.data, sizes[0]
    nothing = data.size(0)
    places, start = [], 0
    for size in sizes + [0] * (steps - len(sizes)):
        places += [*range(start, start + size), *[nothing] * (batch - size)]
        start += size
    places = minitorch.tensor(places).reshape(steps, batch)
    if batch_first:
        places = places.t()
    padding = minitorch.full((1, *data.shape[1:]), padding_value).to(data.dtype)
    padded = minitorch.cat([data, padding]).index_select(0, places.reshape(-1))
    padded = padded.reshape(*places.shape, *data.shape[1:])
    lengths = minitorch.tensor([sum(size > b for size in sizes) for b in range(batch)])
    order = sequence.unsorted_indices
    if order is None:
        return padded, lengths
    return padded.index_select(0 if batch_first else 1, order), lengths[order]


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Sequences (length, ...) as one batch (longest, batch, ...), or (batch, longest, ...) with batch_first.

    Raises:
        RuntimeError: if there is nothing to iterate over or to pad, or for an unknown side.

    >>> import minitorch
    >>> a, b = minitorch.tensor([1, 2]), minitorch.tensor([3])
    >>> minitorch.nn.utils.rnn.pad_sequence([a, b], batch_first=True)
    tensor([[1, 2],
            [3, 0]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.pad_sequence.html
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    sequences = tuple(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest = max(s.size(0) for s in sequences)
    rows = []
    for s in sequences:
        if s.size(0) < longest:
            padding = s.new_full((longest - s.size(0), *s.shape[1:]), padding_value)
            s = minitorch.cat([padding, s] if padding_side == "left" else [s, padding])
        rows.append(s)
    return minitorch.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The sequences of a padded batch, as a list.

    >>> import minitorch
    >>> padded = minitorch.tensor([[1, 2], [3, 0]])
    >>> minitorch.nn.utils.rnn.unpad_sequence(padded, minitorch.tensor([2, 1]), batch_first=True)
    [tensor([1, 2]), tensor([3])]

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.unpad_sequence.html
    """
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    places = minitorch.arange(padded_sequences.size(1))
    return [s[places < length] for s, length in zip(padded_sequences, lengths, strict=True)]


def pack_sequence(sequences, enforce_sorted=True):
    """Packs a list of sequences (length, ...).

    Raises:
        RuntimeError: with enforce_sorted, unless the longest comes first.

    >>> import minitorch
    >>> minitorch.nn.utils.rnn.pack_sequence([minitorch.tensor([1, 2]), minitorch.tensor([3])]).data
    tensor([1, 3, 2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.pack_sequence.html
    """
    lengths = minitorch.tensor([s.size(0) for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """The sequences of a packed batch, as a list.

    >>> import minitorch
    >>> from minitorch.nn.utils.rnn import pack_sequence, unpack_sequence
    >>> unpack_sequence(pack_sequence([minitorch.tensor([1, 2]), minitorch.tensor([3])]))
    [tensor([1, 2]), tensor([3])]

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.unpack_sequence.html
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
