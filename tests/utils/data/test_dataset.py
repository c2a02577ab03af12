"""Datasets, and ways to combine and split them."""

import pytest

import minitorch
from minitorch.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Numbers(Dataset):
    def __init__(self, *numbers):
        self.numbers = numbers

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, i):
        return self.numbers[i]


class Stream(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n


def test_tensor_dataset():
    x, y = minitorch.arange(6.0).reshape(3, 2), minitorch.tensor([7, 8, 9])
    data = TensorDataset(x, y)
    assert len(data) == 3
    row, label = data[1]
    assert row.tolist() == [2, 3] and label.item() == 8 and label.shape == ()
    assert data[-1][1].item() == 9
    assert data[1:][1].tolist() == [8, 9]
    with pytest.raises(IndexError):
        data[3]
    with pytest.raises(AssertionError, match="^Size mismatch between tensors$"):
        TensorDataset(x, y[:2])


def test_base_class():
    with pytest.raises(NotImplementedError, match="^Subclasses of Dataset should implement __getitem__.$"):
        Dataset()[0]
    assert isinstance(Numbers(1) + Numbers(2), ConcatDataset)
    assert isinstance(Stream(1) + Stream(2), ChainDataset)
    assert Dataset[int] is not None


def test_concat():
    data = ConcatDataset([Numbers(1, 2), Numbers(3), Numbers(4, 5)])
    assert [data[i] for i in range(len(data))] == [1, 2, 3, 4, 5]
    assert data[-5] == 1 and data.cumulative_sizes == [2, 3, 5]
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length"):
        data[-6]
    with pytest.raises(AssertionError, match="datasets should not be an empty iterable"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="ConcatDataset does not support IterableDataset"):
        ConcatDataset([Stream(2)])


def test_chain():
    data = ChainDataset([Stream(2), Stream(3)])
    assert list(data) == [0, 1, 0, 1, 2] and len(data) == 5
    with pytest.raises(AssertionError, match="ChainDataset only supports IterableDataset"):
        list(ChainDataset([Numbers(1)]))


def test_stack():
    data = StackDataset(Numbers(1, 2), Subset(Numbers(3, 4, 5), [2, 0]))
    assert data[0] == (1, 5) and data.__getitems__([1, 0]) == [(2, 3), (1, 5)]
    named = StackDataset(a=Numbers(1, 2), b=Numbers(3, 4))
    assert named[1] == {"a": 2, "b": 4} and named.__getitems__([0]) == [{"a": 1, "b": 3}]
    assert len(named) == 2
    with pytest.raises(ValueError, match="Size mismatch between datasets"):
        StackDataset(Numbers(1), Numbers(1, 2))
    with pytest.raises(ValueError, match="At least one dataset should be passed"):
        StackDataset()
    with pytest.raises(ValueError, match="Supported either"):
        StackDataset(Numbers(1), b=Numbers(1))


def test_subset():
    data = Subset(Numbers(5, 6, 7, 8), [3, 0, -1])
    assert [data[i] for i in range(3)] == [8, 5, 8] and len(data) == 3
    assert data.__getitems__([1, 0]) == [5, 8]
    assert Subset(data, [1]).__getitems__([0]) == [5]
    x = minitorch.arange(4)
    assert Subset(TensorDataset(x), [3, 1])[[0, 1]][0].tolist() == [3, 1]

    class Doubled(Subset):
        def __getitem__(self, i):
            return 2 * super().__getitem__(i)

    with pytest.raises(NotImplementedError, match="^Doubled overrides __getitem__ but not __getitems__."):
        Doubled(Numbers(1), [0])


def split(data, lengths, seed=0):
    parts = random_split(data, lengths, generator=minitorch.Generator().manual_seed(seed))
    return [part.indices for part in parts]


def test_random_split():
    assert split(range(10), [7, 3]) == [[4, 1, 7, 5, 3, 9, 0], [8, 6, 2]]
    minitorch.manual_seed(0)
    assert [p.indices for p in random_split(range(10), [7, 3])] == [[4, 1, 7, 5, 3, 9, 0], [8, 6, 2]]
    assert [len(p) for p in split(range(10), [0.5, 0.25, 0.25])] == [6, 2, 2]
    assert [len(p) for p in split(range(11), [0.5, 0.5])] == [6, 5]
    with pytest.raises(
        ValueError, match="^Sum of input lengths does not equal the length of the input dataset!$"
    ):
        split(range(10), [7, 2])
    with pytest.raises(ValueError, match="^Fraction at index 0 is not between 0 and 1$"):
        split(range(10), [-0.5, 1.5])
    with pytest.warns(
        UserWarning, match="^Length of split at index 2 is 0. This might result in an empty dataset.$"
    ):
        split(range(2), [0.4, 0.4, 0.2])
