"""Samplers: their draws, and what they refuse."""

import pytest

import minitorch
from minitorch.utils.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

WEIGHTS = [0.1, 0.9, 0.4, 0.7, 3.0, 0.6]


def seeded(seed=0):
    return minitorch.Generator().manual_seed(seed)


def test_stored_orders():
    """Golden values of PyTorch 2.13 with manual_seed(0)."""
    minitorch.manual_seed(0)
    assert list(RandomSampler(range(10), replacement=True)) == [6, 0, 4, 3, 9, 5, 7, 8, 9, 1]
    minitorch.manual_seed(0)
    assert list(WeightedRandomSampler(WEIGHTS, 10)) == [5, 4, 4, 5, 4, 4, 2, 3, 4, 3]
    minitorch.manual_seed(0)
    assert list(RandomSampler(range(10))) == [6, 9, 0, 7, 3, 5, 4, 2, 1, 8]
    assert list(RandomSampler(range(10), generator=seeded())) == [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]
    assert list(SubsetRandomSampler([5, 6, 7], generator=seeded())) == [7, 5, 6]


SAMPLERS = {
    "random": lambda d, g: d.RandomSampler(range(13), generator=g),
    "more": lambda d, g: d.RandomSampler(range(13), num_samples=30, generator=g),
    "fewer": lambda d, g: d.RandomSampler(range(13), num_samples=5, generator=g),
    "replacement": lambda d, g: d.RandomSampler(range(13), replacement=True, num_samples=70, generator=g),
    "subset": lambda d, g: d.SubsetRandomSampler(range(3, 20), generator=g),
    "weighted": lambda d, g: d.WeightedRandomSampler(WEIGHTS, 20, generator=g),
    "weighted without": lambda d, g: d.WeightedRandomSampler(WEIGHTS, 4, replacement=False, generator=g),
}


@pytest.mark.parametrize("own", [True, False], ids=["generator", "default"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_are_those_of_torch(name, own):
    """The indices, and the state of the generators afterwards."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    results = []
    for t in (minitorch, torch):
        data = __import__(t.__name__ + ".utils.data", fromlist=["x"])
        generator = t.Generator().manual_seed(5) if own else None
        t.manual_seed(3)
        sampler = SAMPLERS[name](data, generator)
        orders = [list(sampler), list(sampler)]
        state = generator.get_state() if own else t.get_rng_state()
        results.append((orders, len(sampler), state.tolist()))
    assert results[0] == results[1]


def test_sequential_and_base():
    assert list(SequentialSampler("abc")) == [0, 1, 2] and len(SequentialSampler("abc")) == 3
    with pytest.raises(NotImplementedError):
        iter(Sampler())


def test_batches():
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert list(BatchSampler(range(4), 2, True)) == [[0, 1], [2, 3]]
    assert [len(BatchSampler(range(5), 2, drop)) for drop in (False, True)] == [3, 2]


ERRORS = [
    (
        lambda: RandomSampler(range(3), replacement=1),
        TypeError,
        "replacement should be a boolean value, but got replacement=1",
    ),
    (
        lambda: RandomSampler([]),
        ValueError,
        "num_samples should be a positive integer value, but got num_samples=0",
    ),
    (
        lambda: RandomSampler([1], num_samples=1.5),
        ValueError,
        "num_samples should be a positive integer value, but got num_samples=1.5",
    ),
    (
        lambda: WeightedRandomSampler([1], True),
        ValueError,
        "num_samples should be a positive integer value, but got num_samples=True",
    ),
    (
        lambda: WeightedRandomSampler([1], 1, 2),
        ValueError,
        "replacement should be a boolean value, but got replacement=2",
    ),
    (
        lambda: WeightedRandomSampler([[1, 2]], 1),
        ValueError,
        "weights should be a 1d sequence but given weights have shape (1, 2)",
    ),
    (
        lambda: BatchSampler([1], 0, False),
        ValueError,
        "batch_size should be a positive integer value, but got batch_size=0",
    ),
    (lambda: BatchSampler([1], 1, 0), ValueError, "drop_last should be a boolean value, but got drop_last=0"),
]


@pytest.mark.parametrize("call, kind, text", ERRORS, ids=[e[2] for e in ERRORS])
def test_errors(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("drop_last", [True, False])
def test_dealing_out_is_that_of_torch(shuffle, drop_last):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    for n, replicas in ((10, 3), (2, 5), (9, 3), (1, 1)):
        for rank in range(replicas):
            samplers = [
                library.utils.data.DistributedSampler(
                    range(n), replicas, rank, shuffle, seed=4, drop_last=drop_last
                )
                for library in (minitorch, torch)
            ]
            for epoch in range(2):
                for sampler in samplers:
                    sampler.set_epoch(epoch)
                assert list(samplers[0]) == list(samplers[1]) and len(samplers[0]) == len(samplers[1])
    with pytest.raises(ValueError, match="Invalid rank 3"):
        minitorch.utils.data.DistributedSampler(range(3), 3, 3)
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        minitorch.utils.data.DistributedSampler(range(3))
