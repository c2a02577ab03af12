"""Loaders: orders, batches, draws, workers, and what they refuse."""

import collections
import collections.abc
import gc
import multiprocessing
import os
import random
import sys
import threading
import time

import numpy as np
import pytest

import minitorch
from minitorch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    TensorDataset,
    default_collate,
    default_convert,
    get_worker_info,
)


def data_of(torch):
    return __import__(torch.__name__ + ".utils.data", fromlist=["x"])


def plain(x):
    """A batch as nested lists, with dtypes."""
    if hasattr(x, "numpy"):
        return str(x.detach().numpy().dtype), x.tolist()
    if isinstance(x, collections.abc.Mapping):
        return {k: plain(v) for k, v in x.items()}
    return [plain(v) for v in x] if isinstance(x, (list, tuple)) else x


def both():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    return minitorch, torch


# ---- orders and draws -----------------------------------------------------------------------------------


def test_stored_orders():
    """Golden values of PyTorch 2.13 with manual_seed(0)."""
    minitorch.manual_seed(0)
    loader = DataLoader(range(10), 10, shuffle=True)
    assert [b.tolist() for _ in range(2) for b in loader] == [
        [6, 7, 1, 4, 2, 0, 9, 8, 3, 5],
        [2, 4, 7, 0, 8, 9, 5, 3, 6, 1],
    ]
    loader = DataLoader(range(10), 10, shuffle=True, generator=minitorch.Generator().manual_seed(0))
    assert [b.tolist() for _ in range(2) for b in loader] == [
        [3, 7, 5, 2, 0, 8, 1, 6, 9, 4],
        [1, 3, 2, 7, 5, 9, 0, 6, 4, 8],
    ]


def tensor_data(t, n=13):
    x, y = t.arange(2.0 * n).reshape(n, 2), t.arange(n)
    return data_of(t).TensorDataset(x, y)


def items_data(t, n=13):
    class Items(data_of(t).Dataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            return t.tensor([i, 2.0]), i, float(i), str(i), {"a": np.float32(i), "b": (i, np.arange(2))}

    return Items()


def getitems_data(t, n=13):
    class Items(data_of(t).Dataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            raise AssertionError

        def __getitems__(self, indices):
            assert type(indices) is list
            return [t.tensor(i) for i in indices]

    return Items()


def noisy_data(t, n=13):
    """Draws from the default generator for each item."""

    class Items(data_of(t).Dataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            return i, t.rand(2)

    return Items()


DATASETS = {
    "tensors": tensor_data,
    "subset": lambda t: data_of(t).Subset(tensor_data(t, 30), list(range(28, 2, -2))),
    "subset of subset": lambda t: data_of(t).Subset(
        data_of(t).Subset(tensor_data(t, 30), list(range(30))), [5, -1] * 6
    ),
    "subset by range": lambda t: data_of(t).Subset(tensor_data(t, 30), range(13)),
    "subset of items": lambda t: data_of(t).Subset(items_data(t, 30), list(range(28, 2, -2))),
    "items": items_data,
    "getitems": getitems_data,
    "noisy": noisy_data,
    "list": lambda t: list(range(13)),
}

OPTIONS = {
    "plain": lambda t, d: {},
    "batches": lambda t, d: {"batch_size": 4},
    "dividing": lambda t, d: {"batch_size": len(d)},
    "drop": lambda t, d: {"batch_size": 4, "drop_last": True},
    "single": lambda t, d: {"batch_size": None},
    "shuffle": lambda t, d: {"batch_size": 4, "shuffle": True},
    "shuffle drop": lambda t, d: {"batch_size": 4, "shuffle": True, "drop_last": True},
    "shuffle dividing": lambda t, d: {"batch_size": len(d) // 2, "shuffle": True},
    "shuffle single": lambda t, d: {"batch_size": None, "shuffle": True},
    "large": lambda t, d: {"batch_size": 100, "shuffle": True},
    "replacement": lambda t, d: {"batch_size": 4, "sampler": data_of(t).RandomSampler(d, replacement=True)},
    "number": lambda t, d: {"batch_size": 4, "sampler": data_of(t).RandomSampler(d, num_samples=30)},
    "own sampler": lambda t, d: {"batch_size": 4, "sampler": [3, 1, 2, -1, 0]},
    "own batches": lambda t, d: {"batch_sampler": [[1, 2], [0], [3, 3, 3]]},
    "tuples": lambda t, d: {"batch_sampler": [(1, 2), [np.int64(2), 1]]},
    "collate": lambda t, d: {"batch_size": 4, "collate_fn": lambda b: len(b)},
}


CASES = [
    (d, o, 0)
    for d in DATASETS
    for o in OPTIONS
    if d != "getitems" or ("single" not in o and o != "tuples")  # it is asked for lists
]
CASES += [("tensors", o, 2) for o in ("batches", "shuffle", "single")]
CASES += [("noisy", o, 2) for o in ("batches", "shuffle")]


@pytest.mark.parametrize("own", [False, True], ids=["default", "generator"])
@pytest.mark.parametrize("dataset, options, workers", CASES)
def test_epochs_are_those_of_torch(dataset, options, workers, own):
    """Batches of two epochs, the second left early, and the state of the generators after each."""
    results = []
    for t in both():
        t.manual_seed(3)
        generator = t.Generator().manual_seed(5) if own else None
        d = DATASETS[dataset](t)
        loader = data_of(t).DataLoader(d, generator=generator, num_workers=workers, **OPTIONS[options](t, d))
        result = [len(loader)]
        for stop in (100, 2):
            for k, batch in enumerate(loader):
                result.append(plain(batch))
                if k + 1 == stop:
                    break
            result.append(t.get_rng_state().tolist())
            result.append(generator.get_state().tolist() if own else None)
        results.append(result)
    assert results[0] == results[1]


def test_iterators_that_are_only_made_draw_too():
    results = []
    for t in both():
        t.manual_seed(0)
        loader = data_of(t).DataLoader(tensor_data(t), shuffle=True)
        first, second = iter(loader), iter(loader)
        results.append((first._base_seed, plain(next(second)), plain(next(first)), t.rand(1).item()))
    assert results[0] == results[1]


# ---- batches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (1,), (2,), (3,), (4,), (5, 2), (0,)], ids=str)
def test_gathering(dtype, shape):
    a = np.random.default_rng(0).integers(0, 2, (11, *shape)).astype(dtype)
    data = TensorDataset(minitorch.from_numpy(a))
    for shuffled in (False, True):
        loader = DataLoader(data, 4, shuffle=shuffled, generator=minitorch.Generator().manual_seed(1))
        got = [x for (x,) in loader]
        order = minitorch.Generator().manual_seed(1)
        minitorch.empty((), dtype=minitorch.int64).random_(generator=order)
        index = minitorch.randperm(11, generator=order).numpy() if shuffled else np.arange(11)
        assert [x.shape[0] for x in got] == [4, 4, 3] and all(x.is_contiguous() for x in got)
        np.testing.assert_array_equal(np.concatenate([x.numpy() for x in got]), a[index])


def test_rows_that_are_not_contiguous():
    a = np.arange(24.0).reshape(2, 3, 4)
    t = minitorch.from_numpy(a).permute(2, 0, 1)
    batches = [x for (x,) in DataLoader(TensorDataset(t), 3)]
    np.testing.assert_array_equal(np.concatenate([b.numpy() for b in batches]), a.transpose(2, 0, 1))
    every_second = minitorch.arange(10.0)[::2]
    assert [x.tolist() for (x,) in DataLoader(TensorDataset(every_second), 3)] == [[0, 2, 4], [6, 8]]


def test_batches_are_new_memory():
    x = minitorch.zeros(4)
    for shuffle in (False, True):
        for (batch,) in DataLoader(TensorDataset(x), 2, shuffle=shuffle):
            batch.fill_(1.0)
    assert x.tolist() == [0, 0, 0, 0]


def test_writing_between_batches_is_seen():
    x = minitorch.zeros(4)
    batches = []
    for (batch,) in DataLoader(TensorDataset(x), 2):
        batches.append(batch.tolist())
        x.fill_(1.0)
    assert batches == [[0, 0], [1, 1]]


def test_gradients_flow_into_a_dataset():
    x = minitorch.arange(4.0).requires_grad_(True)
    for (batch,) in DataLoader(TensorDataset(x), 2):
        assert batch.requires_grad
        batch.sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 1]


class Pairs(Dataset):
    """The dataset every lecture writes."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def test_simple_dataset_gives_what_tensor_dataset_gives():
    x, y = minitorch.randn(20, 2), minitorch.arange(20)
    epochs = []
    for data in (TensorDataset(x, y), Pairs(x, y), Subset(Pairs(x, y), range(20))):
        minitorch.manual_seed(1)
        epochs.append([plain(b) for b in DataLoader(data, 8, shuffle=True)])
    assert epochs[0] == epochs[1] == epochs[2]
    assert type(next(iter(DataLoader(Pairs(x, y), 8)))) is list


def test_errors_of_the_dataset_come_through():
    class Fails(Pairs):
        def __getitem__(self, i):
            if i == 3:
                raise KeyError("three")
            return super().__getitem__(i)

    x = minitorch.arange(6)
    batches = iter(DataLoader(Fails(x, x), 2))
    assert len(next(batches)) == 2
    with pytest.raises(KeyError, match="three"):
        next(batches)
    assert plain(next(batches))[0] == ("int64", [4, 5])
    with pytest.raises(StopIteration):
        next(batches)
    with pytest.raises(StopIteration):
        next(batches)


def test_indices_out_of_range():
    data = TensorDataset(minitorch.arange(3))
    for sampler in ([0, 3], [-4], [10**30]):
        with pytest.raises((IndexError, OverflowError, RuntimeError, ValueError)):
            list(DataLoader(data, 2, sampler=sampler))
    with pytest.raises(IndexError):
        list(DataLoader(Subset(data, [0, 7]), 2))
    with pytest.raises(IndexError):
        list(DataLoader(data, 2, sampler=RandomSampler(range(5))))


def test_loaders_leave_nothing_behind():
    data = TensorDataset(minitorch.arange(64.0), minitorch.arange(64))

    def epochs():
        for _ in range(10):
            list(DataLoader(data, 8, shuffle=True))
            next(iter(DataLoader(Pairs(*data.tensors), 8)))
        gc.collect()
        return sys.getallocatedblocks()

    epochs()
    before = epochs()
    assert epochs() - before < 20


# ---- collating -------------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


class Names(collections.UserDict):
    pass


SAMPLES = {
    "tensors": lambda t: [t.tensor([1.0, 2.0]), t.tensor([3.0, 4.0])],
    "scalars": lambda t: [t.tensor(1), t.tensor(2)],
    "transposed": lambda t: [t.arange(6).reshape(2, 3).t(), t.arange(6, 12).reshape(2, 3).t()],
    "mixed dtypes": lambda t: [t.tensor([1.0]), t.tensor([2])],
    "floats": lambda t: [1.0, 2.5],
    "ints": lambda t: [1, 2],
    "bools": lambda t: [True, False],
    "float then int": lambda t: [1.5, 2],
    "int then float": lambda t: [1, 2.5],
    "strings": lambda t: ["a", "b"],
    "bytes": lambda t: [b"a", b"b"],
    "tuples": lambda t: [(1, "a"), (2, "b")],
    "lists": lambda t: [[1, "a"], [2, "b"]],
    "dicts": lambda t: [{"a": 1, "b": [2.0]}, {"b": [3.0], "a": 4}],
    "mappings": lambda t: [Names(a=1), Names(a=2)],
    "named tuples": lambda t: [Point(1, t.tensor(2)), Point(3, t.tensor(4))],
    "arrays": lambda t: [np.arange(3), np.arange(3, 6)],
    "numpy scalars": lambda t: [np.float32(1), np.float32(2)],
    "numpy bools": lambda t: [np.bool_(True), np.bool_(False)],
    "numpy float64 is a float": lambda t: [np.float64(1), np.float64(2)],
    "nested": lambda t: [((1, (t.ones(2), {"k": "v"})), 2.0)] * 3,
    "one": lambda t: [(t.ones(2, 2), 3)],
    "empty tuples": lambda t: [(), ()],
    "parameters": lambda t: [t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.zeros(2))],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_collate(name):
    got, want = (data_of(t).default_collate(SAMPLES[name](t)) for t in both())
    assert plain(got) == plain(want)
    assert type(got).__name__ == type(want).__name__


@pytest.mark.parametrize("name", SAMPLES)
def test_convert(name):
    got, want = (data_of(t).default_convert(SAMPLES[name](t)[0]) for t in both())
    assert plain(got) == plain(want)
    assert type(got).__name__ == type(want).__name__


BAD_SAMPLES = {
    "sizes": lambda t: [t.ones(2), t.ones(3)],
    "lengths": lambda t: [(1, 2), (1,)],
    "objects": lambda t: [object, object],
    "none": lambda t: [None, None],
    "strings in arrays": lambda t: [np.array(["a"]), np.array(["b"])],
    "keys": lambda t: [{"a": 1}, {"b": 1}],
    "large ints": lambda t: [2**70, 1],
}


@pytest.mark.parametrize("name", BAD_SAMPLES)
def test_collate_errors(name):
    kinds, texts = [], []
    for t in both():
        with pytest.raises(Exception) as caught:
            data_of(t).default_collate(BAD_SAMPLES[name](t))
        kinds.append(caught.type)
        texts.append(str(caught.value))
    assert kinds[0] is kinds[1] and texts[0] == texts[1]


def test_collate_map_can_be_changed():
    from minitorch.utils.data._utils import collate

    old = dict(collate.default_collate_fn_map)
    try:
        collate.default_collate_fn_map[float] = lambda batch, *, collate_fn_map=None: "floats"
        assert default_collate([1.0, 2.0]) == "floats"
        assert default_collate([(1.0, 2)])[0] == "floats"
        collate.default_collate_fn_map[object] = lambda batch, *, collate_fn_map=None: "objects"
        assert default_collate([None]) == "objects"
    finally:
        collate.default_collate_fn_map.clear()
        collate.default_collate_fn_map.update(old)
    assert default_collate([1.0]).tolist() == [1.0]


def test_deep_samples():
    sample = 1.0
    for _ in range(100_000):
        sample = (sample,)
    with pytest.raises(RecursionError):
        default_collate([sample])


def test_convert_keeps_text():
    assert default_convert("abc") == "abc" and default_convert([b"x"]) == [b"x"]


# ---- iterable datasets and workers -------------------------------------------------------------------------


def stream_data(t, n=10, share=False):
    class Stream(data_of(t).IterableDataset):
        begin, end = 0, n

        def __iter__(self):
            info = data_of(t).get_worker_info()
            if info is None or not share:
                return iter(range(self.begin, self.end))
            return iter(range(self.begin + info.id, self.end, info.num_workers))

        def __len__(self):
            return n

    return Stream()


@pytest.mark.parametrize("share, workers", [(False, 0), (False, 2), (True, 0), (True, 1), (True, 3)])
@pytest.mark.parametrize(
    "options", [{}, {"batch_size": 4}, {"batch_size": 4, "drop_last": True}, {"batch_size": None}], ids=str
)
def test_iterable_datasets(options, share, workers):
    results = []
    for t in both():
        t.manual_seed(2)
        loader = data_of(t).DataLoader(stream_data(t, share=share), num_workers=workers, **options)
        results.append([[plain(b) for b in loader] for _ in range(2)] + [t.get_rng_state().tolist()])
    assert results[0] == results[1]


def test_length_of_iterable_datasets():
    loader = DataLoader(stream_data(minitorch), 4)
    assert len(loader) == 3 and len(DataLoader(stream_data(minitorch), 4, drop_last=True)) == 2
    short = stream_data(minitorch)
    type(short).__len__ = lambda self: 4
    loader = DataLoader(short, 1)
    len(loader)
    with pytest.warns(
        UserWarning, match="was reported to be 4\\(when accessing len\\(dataloader\\)\\), but 5 samples"
    ):
        list(loader)


class Random(Dataset):
    """Draws from the three generators a dataset may use; tells who loads."""

    def __len__(self):
        return 9

    def __getitem__(self, i):
        info = get_worker_info()
        return i, info.id, info.seed, minitorch.rand(()).item(), random.random(), float(np.random.rand())


def test_workers_have_the_random_numbers_of_torch():
    torch = both()[1]

    class TorchRandom(torch.utils.data.Dataset):
        def __len__(self):
            return 9

        def __getitem__(self, i):
            info = torch.utils.data.get_worker_info()
            return i, info.id, info.seed, torch.rand(()).item(), random.random(), float(np.random.rand())

    results = []
    for t, data in ((minitorch, Random()), (torch, TorchRandom())):
        t.manual_seed(4)
        loader = data_of(t).DataLoader(data, 2, num_workers=2, shuffle=True, persistent_workers=True)
        results.append([plain(b) for _ in range(2) for b in loader])
    assert results[0] == results[1]


def test_workers_leave_the_main_program_alone():
    minitorch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    want = random.random(), np.random.rand()
    random.seed(1)
    np.random.seed(1)
    list(DataLoader(Random(), 2, num_workers=2))
    assert (random.random(), np.random.rand()) == want and get_worker_info() is None


def test_worker_init_fn_sees_a_copy():
    data = stream_data(minitorch, 8)

    def init(worker):
        info = get_worker_info()
        assert info.id == worker and info.num_workers == 2
        info.dataset.begin, info.dataset.end = 4 * worker, 4 * worker + 4

    loader = DataLoader(data, 2, num_workers=2, worker_init_fn=init)
    assert [b.tolist() for b in loader] == [[0, 1], [4, 5], [2, 3], [6, 7]]
    assert (data.begin, data.end) == (0, 8)


# ---- the loader itself -------------------------------------------------------------------------------------

REFUSED = {
    "workers": {"num_workers": -1},
    "timeout": {"timeout": -1},
    "prefetch": {"prefetch_factor": 2},
    "negative prefetch": {"prefetch_factor": -2, "num_workers": 1},
    "persistent": {"persistent_workers": True},
    "context": {"multiprocessing_context": "fork"},
    "unknown context": {"multiprocessing_context": "spoon", "num_workers": 1},
    "no context": {"multiprocessing_context": 3, "num_workers": 1},
    "sampler": {"sampler": [0], "shuffle": True},
    "batch sampler": {"batch_sampler": [[0]], "batch_size": 2},
    "no batches": {"batch_size": None, "drop_last": True},
    "batch size": {"batch_size": 0},
    "batch size type": {"batch_size": 2.0},
    "drop last": {"drop_last": 1},
    "unknown": {"nonsense": 1},
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors_are_those_of_torch(name):
    texts = []
    for t in both():
        with pytest.raises((ValueError, TypeError)) as caught:
            data_of(t).DataLoader([1, 2], **REFUSED[name])
        texts.append((caught.type, str(caught.value)))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}], ids=str)
def test_iterable_datasets_refuse(options):
    texts = []
    for t in both():
        with pytest.raises(ValueError) as caught:
            data_of(t).DataLoader(stream_data(t), **options)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_attributes():
    data = TensorDataset(minitorch.arange(10))
    loader = DataLoader(data, 4, shuffle=True)
    assert loader.dataset is data and loader.batch_size == 4 and loader.num_workers == 0
    assert isinstance(loader.sampler, RandomSampler) and isinstance(loader.batch_sampler, BatchSampler)
    assert len(loader) == 3 and len(iter(loader)) == 3
    with pytest.raises(
        ValueError, match="^batch_size attribute should not be set after DataLoader is initialized$"
    ):
        loader.batch_size = 5
    loader.collate_fn = len
    assert list(loader) == [4, 4, 2]
    assert DataLoader[int] is not None


def test_subclasses_may_override():
    class Twice(DataLoader):
        def __iter__(self):
            for batch in super().__iter__():
                yield batch
                yield batch

    assert [b.tolist() for b in Twice(range(2))] == [[0], [0], [1], [1]]


def test_iterable_without_length():
    class Endless(IterableDataset):
        def __iter__(self):
            i = 0
            while True:
                yield i
                i += 1

    for k, batch in enumerate(DataLoader(Endless(), 3)):
        assert batch.tolist() == [3 * k, 3 * k + 1, 3 * k + 2]
        if k == 2:
            break
    with pytest.raises(TypeError):
        len(DataLoader(Endless(), 3))


# ---- worker processes ------------------------------------------------------------------------------------


class Failing(Dataset):
    def __init__(self, how):
        self.how = how

    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i == 2:
            self.how()
        return i


def fail_with_key():
    raise KeyError("two")


class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


def fail_oddly():
    raise Odd(1, 2)


def test_errors_of_workers_come_through():
    batches = iter(DataLoader(Failing(fail_with_key), num_workers=2))
    assert [next(batches).item(), next(batches).item()] == [0, 1]
    with pytest.raises(KeyError) as caught:
        next(batches)
    assert str(caught.value).startswith("Caught KeyError in DataLoader worker process 0.\nOriginal Traceback")
    assert next(batches).item() == 3
    with pytest.raises(RuntimeError, match="Caught Odd in DataLoader worker process 0."):
        list(DataLoader(Failing(fail_oddly), num_workers=1))


def test_workers_that_die_or_are_slow():
    with pytest.raises(RuntimeError, match=r"^DataLoader worker \(pid\(s\) \d+\) exited unexpectedly$"):
        list(DataLoader(Failing(lambda: os._exit(3)), num_workers=1))
    with pytest.raises(RuntimeError, match="^DataLoader timed out after 0.2 seconds$"):
        list(DataLoader(Failing(lambda: time.sleep(3)), num_workers=1, timeout=0.2))


def test_large_batches_and_indices_do_not_block():
    data = TensorDataset(minitorch.arange(200_000.0).reshape(-1, 2))
    loader = DataLoader(data, 50_000, num_workers=2)
    assert [b[0].shape[0] for b in loader] == [50_000, 50_000]


def test_workers_end_with_their_epoch():
    gc.collect()
    before = set(multiprocessing.active_children())
    loader = DataLoader(Failing(lambda: None), num_workers=2)
    assert len(list(loader)) == 4
    next(iter(loader))
    batches = iter(loader)
    next(batches)
    assert len(set(multiprocessing.active_children()) - before) == 2
    del batches
    gc.collect()
    assert set(multiprocessing.active_children()) <= before


def test_persistent_workers_stay():
    loader = DataLoader(range(6), 2, num_workers=2, persistent_workers=True)
    first = iter(loader)
    pids = {worker.process.pid for worker in first._workers}
    next(first)  # and is left early
    for _ in range(2):
        assert [b.tolist() for b in loader] == [[0, 1], [2, 3], [4, 5]]
    assert {worker.process.pid for worker in iter(loader)._workers} == pids
    del loader, first
    gc.collect()
    assert pids.isdisjoint(p.pid for p in multiprocessing.active_children())


def test_workers_that_take_turns_load_the_same(monkeypatch):
    def epochs():
        minitorch.manual_seed(4)
        random.seed(1)
        loader = DataLoader(Random(), 2, num_workers=2, shuffle=True, persistent_workers=True)
        return [plain(b) for _ in range(2) for b in loader], random.random()

    processes = epochs()
    monkeypatch.setattr(sys, "platform", "elsewhere")
    assert epochs() == processes
    data = stream_data(minitorch, share=True)
    assert sorted(b.item() for b in DataLoader(data, num_workers=3)) == list(range(10))
    assert get_worker_info() is None


@pytest.mark.skipif("spawn" not in multiprocessing.get_all_start_methods(), reason="needs spawn")
def test_spawned_workers():
    loader = DataLoader(range(4), 2, num_workers=1, multiprocessing_context="spawn")
    assert [b.tolist() for b in loader] == [[0, 1], [2, 3]]


# ---- workers that are threads ------------------------------------------------------------------------------


class _Here(Dataset):
    """What no process could be sent: it knows its threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.threads = set()

    def __len__(self):
        return 20

    def __getitem__(self, i):
        with self.lock:
            self.threads.add(threading.get_ident())
        time.sleep(0.005)
        if i == 13:
            raise KeyError("thirteen")
        return i, get_worker_info().id


def test_threads_load_in_order_and_tell_errors():
    data = _Here()
    loader = DataLoader(data, 2, num_workers=3, multiprocessing_context="thread", persistent_workers=True)
    for _ in range(2):
        batches, it = [], iter(loader)
        while True:
            try:
                batches.append(next(it))
            except KeyError as error:
                assert "Caught KeyError in DataLoader worker thread 0.\nOriginal Traceback" in str(error)
            except StopIteration:
                break
        assert [b[0].tolist() for b in batches] == [[i, i + 1] for i in range(0, 20, 2) if i != 12]
        assert [b[1][0].item() for b in batches] == [0, 1, 2, 0, 1, 2, 1, 2, 0]
    assert len(data.threads) == 3 and threading.get_ident() not in data.threads
    assert loader.multiprocessing_context == "thread" and get_worker_info() is None


def test_threads_end():
    before = threading.active_count()
    started = []
    for _ in range(20):
        loader = DataLoader(
            range(100), 5, num_workers=4, multiprocessing_context="thread", worker_init_fn=started.append
        )
        next(iter(loader))
    del loader
    gc.collect()
    assert threading.active_count() == before and sorted(started) == sorted(list(range(4)) * 20)
    data = stream_data(minitorch, share=True)
    loaded = DataLoader(data, num_workers=3, multiprocessing_context="thread")
    assert sorted(b.item() for b in loaded) == list(range(10))
    slow = DataLoader(_Slow(), num_workers=1, multiprocessing_context="thread", timeout=0.05)
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0.05 seconds"):
        next(iter(slow))
    with pytest.raises(ValueError, match="num_workers > 0"):
        DataLoader(range(3), multiprocessing_context="thread")


class _Slow(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, i):
        time.sleep(0.5)
        return i


def test_old_programs_are_told_how_to_ask_for_the_next_batch():
    """iterator.next() is from before PyTorch 1.13."""
    batches = iter(DataLoader(minitorch.arange(4), batch_size=2))
    with pytest.raises(AttributeError) as error:
        batches.next()
    assert str(error.value) == (
        "'_SingleProcessDataLoaderIter' object has no attribute 'next'. "
        "Call next(iterator), which every iterator of Python answers."
    )
    with pytest.raises(AttributeError, match="Iter' object has no attribute 'old'$"):
        _ = batches.old
    assert next(batches).tolist() == [0, 1]
