"""DataLoader: batches of a dataset, epoch after epoch.

Over a map-style dataset without workers an epoch is an iterator in C (csrc/python/py_loader.c), which gathers
the batches of a TensorDataset as a whole. Iterable datasets and workers are served here.

Workers (num_workers > 0) are forked processes on Linux and take turns in this process elsewhere. They have
the random states and the order of batches that PyTorch's have, so that the numbers are the same. See
_utils/worker.py. Source: https://docs.pytorch.org/docs/2.13/data.html
"""

import contextlib
import functools
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import minitorch
from minitorch import _C

from . import _utils
from .dataset import Dataset, IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

_T_co = TypeVar("_T_co", covariant=True)

default_collate = _utils.collate.default_collate
default_convert = _utils.collate.default_convert
get_worker_info = _utils.worker.get_worker_info

_C._know_loader(
    TensorDataset,
    Subset,
    SequentialSampler,
    RandomSampler,
    BatchSampler,
    default_collate,
    _utils.collate.collate_in_python,
    _utils.collate.default_collate_fn_map,
)


class _DatasetKind:
    Map = 0
    Iterable = 1

    @staticmethod
    def create_fetcher(kind, dataset, auto_collation, collate_fn, drop_last):
        fetch = _utils.fetch
        cls = fetch._MapDatasetFetcher if kind == _DatasetKind.Map else fetch._IterableDatasetFetcher
        return cls(dataset, auto_collation, collate_fn, drop_last)


class _InfiniteConstantSampler(Sampler):
    """The "indices" of an iterable dataset: None for ever."""

    def __iter__(self):
        while True:
            yield None


class DataLoader(Generic[_T_co]):
    """Gives the samples of a dataset in batches.

    dataset: map-style (`__getitem__`, `__len__`) or an IterableDataset. batch_size: samples per batch; None:
    samples are given one by one, not collated. shuffle: a new random order in each epoch. sampler: an
    iterable of indices; batch_sampler: one of lists of indices, instead of batch_size, shuffle, sampler and
    drop_last. collate_fn: makes a batch of a list of samples. drop_last: leaves out a last batch that is too
    short. generator: for shuffling and for the workers' seed; the default generator if None. num_workers,
    worker_init_fn, persistent_workers: processes that load ahead; with multiprocessing_context="thread"
    (not in PyTorch) they are threads, which share the dataset and the random states. pin_memory, timeout,
    prefetch_factor, in_order: accepted.

    The random orders are PyTorch 2.13's for the same seed. Raises ValueError for options that exclude each
    other.

    >>> import minitorch
    >>> data = TensorDataset(minitorch.arange(5.0))
    >>> for (x,) in DataLoader(data, batch_size=2):
    ...     print(x)
    tensor([0., 1.])
    tensor([2., 3.])
    tensor([4.])

    Source: https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.DataLoader
    """

    dataset: Dataset[_T_co]
    batch_size: int | None
    num_workers: int
    pin_memory: bool
    drop_last: bool
    timeout: float
    sampler: Sampler | Iterable
    pin_memory_device: str
    prefetch_factor: int | None
    __initialized = False

    def __init__(
        self,
        dataset: Dataset[_T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler[list] | Iterable[list] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self._check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order

        is_iterable = isinstance(dataset, IterableDataset)
        self._dataset_kind = _DatasetKind.Iterable if is_iterable else _DatasetKind.Map
        if is_iterable:
            self._check_iterable(shuffle, sampler, batch_sampler)
        shuffle = bool(shuffle)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive "
                    "with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
            )
        if sampler is None:
            if is_iterable:
                sampler = _InfiniteConstantSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)

        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._in_c = not is_iterable and type(self)._get_iterator is DataLoader._get_iterator
        self.__initialized = True
        self._IterableDataset_len_called = None
        self._iterator = None

    @staticmethod
    def _check_workers(num_workers, timeout, prefetch_factor, persistent_workers):
        if num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing."
            )
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing."
                "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
            )
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")

    @staticmethod
    def _check_iterable(shuffle, sampler, batch_sampler):
        text = "DataLoader with IterableDataset: expected unspecified {0} option, but got {0}={1}"
        if shuffle not in {False, None}:
            raise ValueError(text.format("shuffle", shuffle))
        if sampler is not None:
            raise ValueError(text.format("sampler", sampler))
        if batch_sampler is not None:
            raise ValueError(text.format("batch_sampler", batch_sampler))

    @property
    def multiprocessing_context(self):
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context):
        if context is None:
            self.__multiprocessing_context = None
            return
        import multiprocessing  # a third of the time that importing this module would take

        if self.num_workers == 0:
            raise ValueError(
                "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
                f"but got num_workers={self.num_workers}"
            )
        if context == "thread":
            self.__multiprocessing_context = context
            return
        if isinstance(context, str):
            known = multiprocessing.get_all_start_methods()
            if context not in known:
                raise ValueError(
                    "multiprocessing_context option should specify a valid start method in "
                    f"{known!r}, but got multiprocessing_context={context!r}"
                )
            context = multiprocessing.get_context(context)
        if not isinstance(context, multiprocessing.context.BaseContext):
            raise TypeError(
                "multiprocessing_context option should be a valid context object or a string specifying the "
                f"start method, but got multiprocessing_context={context}"
            )
        self.__multiprocessing_context = context

    def __setattr__(self, name, value):
        fixed = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
        if self.__initialized and name in fixed:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __iter__(self):
        if self._in_c and self.num_workers == 0:
            return _C._batches(self)
        if not (self.persistent_workers and self.num_workers > 0):
            return self._get_iterator()
        if self._iterator is None:
            self._iterator = self._get_iterator()
        else:
            self._iterator._reset(self)
        return self._iterator

    def _get_iterator(self):
        if self.num_workers > 0:
            return _WorkersIter(self)
        return _C._batches(self) if self._dataset_kind == _DatasetKind.Map else _IterableIter(self)

    @property
    def _auto_collation(self):
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def __len__(self) -> int:
        """The number of batches, or of samples with batch_size=None."""
        if self._dataset_kind == _DatasetKind.Map:
            return len(self._index_sampler)
        n = self._IterableDataset_len_called = len(self.dataset)
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


class _BaseIter:
    """What epochs that are not in C share: the sampler, the base seed, the count of batches."""

    def __init__(self, loader):
        self._dataset = loader.dataset
        self._dataset_kind = loader._dataset_kind
        self._auto_collation = loader._auto_collation
        self._collate_fn = loader.collate_fn
        self._drop_last = loader.drop_last
        self._index_sampler = loader._index_sampler
        self._begin(loader)
        seed = minitorch.empty((), dtype=minitorch.int64).random_(generator=loader.generator)
        self._base_seed = seed.item()

    def _begin(self, loader):
        self._sampler_iter = iter(self._index_sampler)
        self._num_yielded = 0
        self._length_told = loader._IterableDataset_len_called

    def _new_fetcher(self, dataset):
        return _DatasetKind.create_fetcher(
            self._dataset_kind, dataset, self._auto_collation, self._collate_fn, self._drop_last
        )

    def __iter__(self):
        return self

    def __len__(self):
        return len(self._index_sampler)

    def __next__(self):
        data = self._next_data()
        self._num_yielded += 1
        told = self._length_told
        if told is not None and self._num_yielded > told and self._dataset_kind == _DatasetKind.Iterable:
            self._warn_length(told)
        return data

    def _warn_length(self, told):
        text = (
            f"Length of IterableDataset {self._dataset} was reported to be {told}"
            f"(when accessing len(dataloader)), but {self._num_yielded} samples have been fetched. "
        )
        if isinstance(self, _WorkersIter):
            text += (
                "For multiprocessing data-loading, this could be caused by not properly configuring the "
                "IterableDataset replica at each worker. Please see "
                "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
            )
        warnings.warn(text, stacklevel=3)

    def __getstate__(self):
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)


class _IterableIter(_BaseIter):
    """An epoch of an iterable dataset, without workers."""

    def __init__(self, loader):
        super().__init__(loader)
        self._fetcher = self._new_fetcher(self._dataset)

    def _next_data(self):
        return self._fetcher.fetch(next(self._sampler_iter))


class _WorkersIter(_BaseIter):
    """An epoch with workers.

    Batch k is loaded by worker k modulo their number, as long as none has come to the end of its iterable
    dataset. Indices are drawn ahead, prefetch_factor batches for each worker.
    """

    def __init__(self, loader):
        super().__init__(loader)
        self._ahead = loader.num_workers * loader.prefetch_factor
        self._timeout = loader.timeout
        self._persistent = loader.persistent_workers
        self._workers = _utils.worker.start_workers(
            loader.num_workers,
            self._base_seed,
            self._dataset,
            loader.worker_init_fn,
            functools.partial(
                _DatasetKind.create_fetcher,
                self._dataset_kind,
                auto_collation=self._auto_collation,
                collate_fn=self._collate_fn,
                drop_last=self._drop_last,
            ),
            loader.multiprocessing_context,
        )
        self._begin_work()

    def _reset(self, loader):
        self._drain()
        self._begin(loader)
        for worker in self._workers:
            worker.restart()
        self._begin_work()

    def _begin_work(self):
        self._active = deque(self._workers)
        self._tasks = deque()
        for _ in range(self._ahead):
            self._ask()

    def _ask(self):
        """Gives the next indices to the worker whose turn it is."""
        if not self._active:
            return
        try:
            index = next(self._sampler_iter)
        except StopIteration:
            return
        worker = self._active[0]
        worker.submit(index)
        self._tasks.append(worker)
        self._active.rotate(-1)

    def _drain(self):
        """Takes what was asked for and not fetched, at the end of an epoch that was left early."""
        for worker in self._tasks:
            try:
                worker.result(self._timeout)
            except Exception:  # nobody wants it any more
                continue
        self._tasks.clear()

    def _next_data(self):
        while self._tasks:
            worker = self._tasks.popleft()
            try:
                data = worker.result(self._timeout)
            except StopIteration:
                if worker in self._active:
                    self._active.remove(worker)
                    self._ask()
                continue
            except Exception:
                self._ask()
                raise
            except BaseException:  # Ctrl-C while waiting: the batch is still to come
                self._tasks.appendleft(worker)
                raise
            self._ask()
            return data
        if not self._persistent:
            self._close()
        raise StopIteration

    def _close(self):
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close()

    def __del__(self):
        with contextlib.suppress(Exception):
            self._close()
