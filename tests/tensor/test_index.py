"""Reading and writing x[...]."""

import numpy as np
import pytest

import minitorch


def random_key(rng, shape):
    """A key that mostly fits the shape: slices, numbers, None, ..., masks, index arrays, in any order."""
    key, d = [], 0
    while d < len(shape) and len(key) < 5:
        size = shape[d]
        kind = rng.integers(9)
        if kind == 0:
            key.append(None)
            continue
        if kind == 1 and Ellipsis not in [k for k in key if not isinstance(k, np.ndarray)]:
            key.append(...)
            d += int(rng.integers(0, len(shape) - d + 1))
            continue
        if kind == 2:
            key.append(rng.random() < 0.8)
            continue
        if kind == 3:
            key.append(int(rng.integers(-size, size)))
        elif kind < 6:
            start, stop = (None if rng.random() < 0.3 else int(rng.integers(-4, 5)) for _ in range(2))
            key.append(slice(start, stop, int(rng.integers(1, 4))))
        elif kind == 6:
            covers = int(rng.integers(1, min(2, len(shape) - d) + 1))
            key.append(rng.random(shape[d : d + covers]) < 0.5)
            d += covers - 1
        else:
            key.append(rng.integers(-size, size, size=[(1,), (2,), (2,), (3, 1)][int(rng.integers(4))]))
        d += 1
    return tuple(key)


def with_tensors(torch, key):
    return tuple(torch.tensor(k) if isinstance(k, np.ndarray) else k for k in key)


def outcome(run, *args):
    """What was computed, or the error with its first line."""
    try:
        return run(*args)
    except Exception as e:
        return type(e).__name__, str(e).partition("\n")[0]


def same(a, b):
    if isinstance(a, tuple) and isinstance(a[0], str) or isinstance(b, tuple) and isinstance(b[0], str):
        return a == b
    return all(x.shape == y.shape and np.allclose(x, y, rtol=1e-5) for x, y in zip(a, b, strict=True))


def read(torch, array, key, weight):
    """x[key] and the gradient of a weighted sum of it."""
    x = torch.tensor(array, requires_grad=True)
    y = x.transpose(0, 1)[with_tensors(torch, key)]
    (y * torch.tensor(np.resize(weight, tuple(y.shape)).astype("f4"))).sum().backward()
    return y.detach().numpy(), x.grad.numpy()


def write(torch, array, key, weight):
    """x[key] = v, and the gradients of x and v."""
    x = torch.tensor(array, requires_grad=True)
    y = x.transpose(0, 1) * 1
    with torch.no_grad():
        shape = tuple(y[with_tensors(torch, key)].shape)
    v = torch.tensor(np.resize(weight, shape[1:]).astype("f4"), requires_grad=True)
    y[with_tensors(torch, key)] = v
    (y * y).sum().backward()
    return y.detach().numpy(), x.grad.numpy(), v.grad.numpy()


@pytest.mark.parametrize("run", [read, write])
@pytest.mark.filterwarnings("ignore")
def test_random_keys_like_pytorch(pytorch, run):
    rng = np.random.default_rng(0)
    weight = rng.random(97)
    for _ in range(400):
        shape = tuple(int(n) for n in rng.integers(2, 5, size=rng.integers(2, 5)))
        array = np.arange(np.prod(shape), dtype="f4").reshape(shape)
        key = random_key(rng, (shape[1], shape[0], *shape[2:]))
        ours, theirs = (outcome(run, m, array, key, weight) for m in (minitorch, pytorch))
        assert same(ours, theirs), (shape, key, ours, theirs)


def test_repeated_places_get_all_gradients():
    x = minitorch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[[0, 0, 2]].sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]


def test_second_derivative_through_indexing():
    x = minitorch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (g,) = minitorch.autograd.grad((x[[0, 2, 2]] ** 3).sum(), x, create_graph=True)
    g.sum().backward()
    assert x.grad.tolist() == [6.0, 0.0, 36.0]


def test_changed_index_is_noticed():
    x = minitorch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    i = minitorch.tensor([0, 1])
    y = x[i]
    i[0] = 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_index_put_adds():
    x = minitorch.tensor([0.0, 0.0, 0.0])
    places = (minitorch.tensor([1, 1, 2]),)
    assert x.index_put(places, minitorch.tensor(1.0), accumulate=True).tolist() == [0.0, 2.0, 1.0]
    assert x.tolist() == [0.0, 0.0, 0.0]
    x.index_put_(places, minitorch.tensor([1.0, 2.0, 3.0]))
    assert x.tolist() == [0.0, 2.0, 3.0]


def test_writes_raise_the_version():
    x = minitorch.tensor([0.0, 0.0])
    before = x._version
    x[0] = 1
    x[[1]] = 2
    assert x._version == before + 2


def test_a_list_that_changes_while_it_is_read():
    class Shrinks:
        def __index__(self):
            key.clear()
            return 0

    key = [Shrinks(), 1, 2]
    with pytest.raises((TypeError, IndexError, RuntimeError, ValueError)):
        minitorch.tensor([1.0, 2.0, 3.0])[key]


def test_bits_of_integers():
    a, b = minitorch.tensor([12, -5]), minitorch.tensor([10, 3])
    assert (a & b).tolist() == [8, 3] and (a | b).tolist() == [14, -5] and (a ^ b).tolist() == [6, -8]
    assert (~a).tolist() == [-13, 4] and (a << 1).tolist() == [24, -10] and (a >> 1).tolist() == [6, -3]
    assert (a >> 64).tolist() == [0, -1] and (a << 64).tolist() == [0, 0] and (a >> -1).tolist() == [0, -1]


def test_other_ways_to_name_elements():
    x = minitorch.tensor([[0.0, 1.0], [2.0, 0.0]], requires_grad=True)
    assert minitorch.nonzero(x).tolist() == x.nonzero().tolist() == x.argwhere().tolist() == [[0, 1], [1, 0]]
    assert x[x.nonzero(as_tuple=True)].tolist() == [1.0, 2.0]
    assert x.count_nonzero().item() == 2 and x.count_nonzero(0).tolist() == [1, 1]
    assert [t.tolist() for t in minitorch.nonzero(minitorch.tensor(3), as_tuple=True)] == [[0]]
    (x.masked_select(x > 0) * minitorch.tensor([3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [[0.0, 3.0], [4.0, 0.0]]
    assert x.take(minitorch.tensor([[2, -1]])).tolist() == [[2.0, 0.0]]


def test_one_value_under_a_mask_may_have_another_type():
    x = minitorch.arange(3)
    x[x > 0] = minitorch.tensor([2.5])
    assert x.tolist() == [0, 2, 2]


def test_copies_within_one_memory():
    x = minitorch.ones(2, 2)
    x[None] = x
    y = minitorch.arange(6.0)
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        y[1:].copy_(y[:-1])
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        minitorch.zeros(4).view(2, 2).requires_grad_()[0, 1] += 1
