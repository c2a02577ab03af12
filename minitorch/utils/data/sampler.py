"""Samplers: iterables of indices, and of batches of indices.

The random ones draw the same numbers as PyTorch 2.13 from the same generator. For loaders over map-style
datasets the sequential and shuffled orders are counted off in C (csrc/python/py_loader.c), which draws the
same. Source: https://docs.pytorch.org/docs/2.13/data.html#data-loading-order-and-sampler
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Generic, TypeVar

import minitorch

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

_T_co = TypeVar("_T_co", covariant=True)


class Sampler(Generic[_T_co]):
    """Base of samplers: subclasses write `__iter__`, which gives indices, and mostly `__len__`.

    >>> import minitorch
    >>> class Even(minitorch.utils.data.Sampler):
    ...     def __iter__(self):
    ...         return iter(range(0, 6, 2))
    >>> list(Even())
    [0, 2, 4]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.Sampler
    """

    def __iter__(self) -> Iterator[_T_co]:
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """0, 1, ... up to the length of data_source.

    >>> import minitorch
    >>> list(minitorch.utils.data.SequentialSampler("abc"))
    [0, 1, 2]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.SequentialSampler
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


def _seeded_generator():
    """A generator seeded by the default one."""
    seed = minitorch.empty((), dtype=minitorch.int64).random_().item()
    return minitorch.Generator().manual_seed(seed)


class RandomSampler(Sampler[int]):
    """The indices of data_source in random order, or, with replacement, drawn one by one.

    num_samples: how many, by default as many as there are. generator: drawn from directly; without one, each
    iteration draws a seed from the default generator and uses a generator of its own.

    Raises TypeError if replacement is no bool, ValueError if num_samples is not positive.

    >>> import minitorch
    >>> list(RandomSampler(range(4), generator=minitorch.Generator().manual_seed(0)))
    [0, 1, 3, 2]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.RandomSampler
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator=None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(self.replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={self.replacement}")
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(
                f"num_samples should be a positive integer value, but got num_samples={self.num_samples}"
            )

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n = len(self.data_source)
        generator = _seeded_generator() if self.generator is None else self.generator
        if self.replacement:
            whole, rest = divmod(self.num_samples, 32)
            for size in [32] * whole + [rest]:
                yield from minitorch.randint(n, (size,), dtype=minitorch.int64, generator=generator).tolist()
        else:
            whole, rest = divmod(self.num_samples, n)
            for _ in range(whole):
                yield from minitorch.randperm(n, generator=generator).tolist()
            yield from minitorch.randperm(n, generator=generator).tolist()[:rest]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order, drawn from the generator, or the default one.

    >>> import minitorch
    >>> g = minitorch.Generator().manual_seed(0)
    >>> list(minitorch.utils.data.SubsetRandomSampler([5, 6, 7], generator=g))
    [7, 5, 6]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.SubsetRandomSampler
    """

    def __init__(self, indices: Sequence[int], generator=None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in minitorch.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """num_samples indices, each drawn with a probability in proportion to its weight.

    weights: a sequence of numbers, not necessarily summing to 1. Raises ValueError if num_samples is not
    positive, if replacement is no bool, or if weights is not one-dimensional.

    >>> import minitorch
    >>> g = minitorch.Generator().manual_seed(0)
    >>> list(minitorch.utils.data.WeightedRandomSampler([0.0, 1.0, 3.0], 5, generator=g))
    [2, 2, 2, 2, 2]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.WeightedRandomSampler
    """

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator=None
    ) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(
                f"num_samples should be a positive integer value, but got num_samples={num_samples}"
            )
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        weights = minitorch.as_tensor(weights, dtype=minitorch.float64)
        if weights.dim() != 1:
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {tuple(weights.shape)}"
            )
        self.weights = weights
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = minitorch.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of batch_size indices of another sampler; the last may be shorter, or is left out with drop_last.

    Raises ValueError unless batch_size is a positive int and drop_last a bool.

    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.BatchSampler
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self) -> int:
        n = len(self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
