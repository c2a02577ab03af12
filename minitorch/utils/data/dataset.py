"""Datasets: things with items, and ways to combine and split them.

Source: https://docs.pytorch.org/docs/2.13/data.html#dataset-types
"""

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from minitorch import Tensor, randperm

__all__ = [
    "Dataset",
    "IterableDataset",
    "TensorDataset",
    "StackDataset",
    "ConcatDataset",
    "ChainDataset",
    "Subset",
    "random_split",
]

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class Dataset(Generic[_T_co]):
    """Base of datasets with an item for each index: subclasses write `__getitem__`, and mostly `__len__`.

    A `__getitems__(indices)` that returns a list of samples, if there is one, is asked for whole batches.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 10
    ...     def __getitem__(self, i):
    ...         return i * i
    >>> Squares()[3]
    9

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.Dataset
    """

    def __getitem__(self, index) -> _T_co:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: "Dataset[_T_co]") -> "ConcatDataset[_T_co]":
        return ConcatDataset([self, other])


class IterableDataset(Dataset[_T_co], Iterable[_T_co]):
    """Base of datasets that only give one sample after another: subclasses write `__iter__`.

    With several workers each iterates over a copy of its own: see get_worker_info() for how to share the
    work.

    >>> import minitorch
    >>> class Count(minitorch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(3))
    >>> [batch.tolist() for batch in minitorch.utils.data.DataLoader(Count(), batch_size=2)]
    [[0, 1], [2]]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.IterableDataset
    """

    def __add__(self, other: Dataset[_T_co]):
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of the same first size; item i is the tuple of their i-th rows.

    tensors: of shapes (N, ...), any dtypes; AssertionError if their first sizes differ. A DataLoader copies
    whole batches out of them.

    >>> import minitorch
    >>> data = TensorDataset(minitorch.arange(6.0).reshape(3, 2), minitorch.tensor([0, 1, 1]))
    >>> data[1]
    (tensor([2., 3.]), tensor(1))

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.TensorDataset
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        if any(tensors[0].size(0) != tensor.size(0) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple([tensor[index] for tensor in self.tensors])

    def __len__(self) -> int:
        return self.tensors[0].size(0)


class StackDataset(Dataset):
    """Several datasets side by side: item i holds the i-th item of each, as a tuple, or by name as a dict.

    Raises ValueError without datasets, for both positional and named ones, or if their lengths differ.

    >>> import minitorch
    >>> minitorch.utils.data.StackDataset(x=[1, 2], y=["a", "b"])[1]
    {'x': 2, 'y': 'b'}

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.StackDataset
    """

    def __init__(self, *args, **kwargs) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or"
                "``dict``- (via ``kwargs``) like input/output, but both types are given."
            )
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        parts = list(args or kwargs.values())
        self._length = len(parts[0])
        if any(len(part) != self._length for part in parts):
            raise ValueError("Size mismatch between datasets")
        self.datasets = args or kwargs

    def _assemble(self, parts):
        """parts: one item, or list of items, for each dataset."""
        return (
            dict(zip(self.datasets, parts, strict=True)) if isinstance(self.datasets, dict) else tuple(parts)
        )

    def _parts(self):
        return self.datasets.values() if isinstance(self.datasets, dict) else self.datasets

    def __getitem__(self, index):
        return self._assemble([part[index] for part in self._parts()])

    def __getitems__(self, indices: list):
        columns = []
        for part in self._parts():
            if not callable(getattr(part, "__getitems__", None)):
                columns.append([part[i] for i in indices])
                continue
            items = part.__getitems__(indices)
            if len(items) != len(indices):
                raise ValueError(
                    f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(items)}"
                )
            columns.append(items)
        return [self._assemble(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[_T_co]):
    """Datasets one after another.

    datasets: an iterable of map-style datasets; AssertionError if it is empty or holds an IterableDataset.

    >>> both = ConcatDataset([[10, 11], [12, 13, 14]])
    >>> len(both), both[2], both[-1]
    (5, 12, 14)

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.ConcatDataset
    """

    datasets: list[Dataset[_T_co]]
    cumulative_sizes: list[int]

    @staticmethod
    def cumsum(sequence):
        return list(itertools.accumulate(map(len, sequence)))

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(part, IterableDataset) for part in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx):
        if idx < 0:
            if -idx > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            idx += len(self)
        part = bisect.bisect_right(self.cumulative_sizes, idx)
        begin = self.cumulative_sizes[part - 1] if part else 0
        return self.datasets[part][idx - begin]

    @property
    def cummulative_sizes(self):
        """The old name of cumulative_sizes."""
        warnings.warn(
            "`cummulative_sizes` attribute is renamed to `cumulative_sizes`", FutureWarning, stacklevel=2
        )
        return self.cumulative_sizes


class ChainDataset(IterableDataset):
    """Iterable datasets one after another; AssertionError when one is reached that is not iterable-style.

    >>> import minitorch
    >>> class Count(minitorch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(3))
    >>> list(minitorch.utils.data.ChainDataset([Count(), Count()]))
    [0, 1, 2, 0, 1, 2]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.ChainDataset
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = datasets

    def _parts(self):
        for part in self.datasets:
            if not isinstance(part, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset")
            yield part

    def __iter__(self):
        for part in self._parts():
            yield from part

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts())


class Subset(Dataset[_T_co]):
    """The items of a dataset with the given indices.

    A subclass that overrides `__getitem__` must override `__getitems__` too (else NotImplementedError), since
    loaders ask for whole batches.

    >>> Subset([5, 6, 7, 8], [3, 0])[0]
    8

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.Subset
    """

    dataset: Dataset[_T_co]
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[_T_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        cls = type(self)
        if cls.__getitem__ is not Subset.__getitem__ and cls.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{cls.__name__} overrides __getitem__ but not __getitems__. "
                "When subclassing Subset and overriding __getitem__, "
                "you must also override __getitems__ to ensure DataLoader works correctly "
                "with your custom logic. A simple implementation:\n\n"
                "def __getitems__(self, indices):\n"
                "    return [self.__getitem__(idx) for idx in indices]"
            )

    def __getitem__(self, idx):
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[_T_co]:
        inner = [self.indices[i] for i in indices]
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.dataset.__getitems__(inner)
        return [self.dataset[i] for i in inner]

    def __len__(self):
        return len(self.indices)


def _fraction_lengths(n, fractions):
    """floor(n f) for each fraction f; what is left goes one by one to the first parts."""
    for i, f in enumerate(fractions):
        if f < 0 or f > 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1")
    lengths = [math.floor(n * f) for f in fractions]
    for i in range(n - sum(lengths)):
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if length == 0:
            warnings.warn(
                f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=3
            )
    return lengths


def random_split(dataset: Dataset[_T], lengths: Sequence[int | float], generator=None) -> list[Subset[_T]]:
    """Splits a dataset at random into Subsets of the given lengths, or fractions that sum to 1.

    generator: draws one permutation; the default generator if None. Raises ValueError if the lengths do not
    sum to the dataset's.

    >>> import minitorch
    >>> parts = random_split(range(10), [7, 3], generator=minitorch.Generator().manual_seed(0))
    >>> parts[1].indices
    [8, 6, 2]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.random_split
    """
    total = sum(lengths)
    if math.isclose(total, 1) and total <= 1:
        lengths = _fraction_lengths(len(dataset), lengths)
    if sum(lengths) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    indices = randperm(sum(lengths), generator=generator).tolist()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, indices[end - n : end]) for end, n in zip(ends, lengths, strict=True)]
