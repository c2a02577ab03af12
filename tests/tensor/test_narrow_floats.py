"""float16 and bfloat16. Breaks when a conversion rounds wrongly, a cast is forgotten, or a view copies."""

import copy
import io
import pickle

import numpy as np
import pytest

import minitorch as mt

TYPES = [mt.float16, mt.bfloat16]
pytestmark = pytest.mark.parametrize("dtype", TYPES, ids=str)


def all_patterns(dtype):
    """A tensor with each of the 65536 numbers of the type."""
    return mt.from_numpy(np.arange(65536, dtype=np.uint16).view(np.int16)).view(dtype)


def widened(dtype):
    """The same numbers as float32, by NumPy."""
    bits = np.arange(65536, dtype=np.uint16)
    with np.errstate(invalid="ignore"):
        return (
            bits.view(np.float16).astype(np.float32)
            if dtype == mt.float16
            else (bits.astype(np.uint32) << 16).view(np.float32)
        )


def rounded(x, dtype):
    """float32 numbers to the nearest of the type and back, by NumPy or by Python's integers."""
    if dtype == mt.float16:
        with np.errstate(over="ignore"):
            return x.astype(np.float16).astype(np.float32)
    bits = x.view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    return bits.astype(np.uint32).view(np.float32)


def test_every_number_becomes_float32(dtype):
    assert np.array_equal(all_patterns(dtype).float().numpy(), widened(dtype), equal_nan=True)
    assert np.array_equal(
        all_patterns(dtype).double().numpy(), widened(dtype).astype(np.float64), equal_nan=True
    )


def test_rounding_to_nearest_even(dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            rng.standard_normal(10_000).astype(np.float32),
            (2.0 ** rng.uniform(-30, 20, 10_000)).astype(np.float32),
            np.array(
                [65504, 65519.99, 65520, 65536, 2**-24, 2**-25, 2**-14, 0, -0.0, np.inf, -np.inf], np.float32
            ),
            (1 + np.arange(1, 65, dtype=np.float32) * 2**-12),  # halfway cases
        ]
    )
    assert np.array_equal(mt.from_numpy(x).to(dtype).float().numpy(), rounded(x, dtype))
    assert mt.tensor(float("nan"), dtype=dtype).isnan().item()


@pytest.mark.parametrize("other", [mt.float64, mt.int64, mt.int32, mt.int16, mt.uint8, mt.bool], ids=str)
def test_casts_go_through_float32(dtype, other):
    x = mt.arange(0, 300, 7).to(other)
    assert mt.equal(x.to(dtype).float(), x.float().to(dtype).float())
    y = mt.tensor([0.0, 1.5, 100.25, 250.0], dtype=dtype)
    assert mt.equal(y.to(other), y.float().to(other))


def test_operators_round_once(dtype):
    a, b = mt.linspace(-2, 2, 33).to(dtype), mt.linspace(1, 3, 33).to(dtype)
    for f in (
        mt.add,
        mt.mul,
        mt.div,
        mt.maximum,
        lambda x, y: mt.exp(x),
        lambda x, y: x.sum(),
        lambda x, y: x @ y,
    ):
        got, expected = f(a, b), f(a.float(), b.float()).to(dtype)
        assert got.dtype == dtype and mt.equal(got, expected)
    assert (a > b).dtype == mt.bool and a.argmax().dtype == mt.int64


def test_promotion(dtype):
    a = mt.ones(2, dtype=dtype)
    assert (a + 1.5).dtype == (a + mt.ones(2, dtype=mt.int64)).dtype == (a + mt.tensor(1.0)).dtype == dtype
    assert (a + mt.ones(2)).dtype == mt.float32 and (a * mt.ones(2).double()).dtype == mt.float64
    assert mt.promote_types(*TYPES) == mt.float32
    assert a.sum(dtype=mt.float32).dtype == mt.float32
    assert mt.ones(3).sum(dtype=dtype).dtype == dtype


def test_gradients_have_the_type(dtype):
    w = mt.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=dtype, requires_grad=True)
    x = mt.tensor([[1.0, 2.0]], dtype=dtype)
    y = mt.nn.functional.linear(x, w).sigmoid()
    assert y.dtype == dtype and y.requires_grad
    y.sum().backward()
    assert w.grad.dtype == dtype
    wide = w.detach().float().requires_grad_()
    mt.nn.functional.linear(x.float(), wide).sigmoid().sum().backward()
    assert mt.allclose(w.grad.float(), wide.grad, rtol=2**-6)


def test_views_share_memory(dtype):
    x = mt.zeros(4, 4, dtype=dtype)
    views = [
        x[1:],
        x.t(),
        x.view(16),
        x.reshape(2, 8),
        x.flatten(),
        x.chunk(2)[0],
        x.unsqueeze(0),
        x.narrow(0, 1, 2),
    ]
    x.fill_(2)
    assert all(v.dtype == dtype and bool((v == 2).all()) for v in views)
    assert x.view(mt.int16).data_ptr() == x.data_ptr()


def test_writing_in_place(dtype):
    x = mt.ones(3, dtype=dtype)
    address = x.data_ptr()
    assert x.add_(0.5) is x and x.mul_(mt.tensor([1.0, 2.0, 3.0])) is x
    x[0] = 7
    assert x.tolist() == [7.0, 3.0, 4.5] and x.dtype == dtype and x.data_ptr() == address
    leaf = mt.ones(2, dtype=dtype, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
        leaf.add_(1)


def test_creation(dtype):
    assert mt.arange(4, dtype=dtype).tolist() == [0, 1, 2, 3]
    assert (
        mt.full((2,), 1.5, dtype=dtype).dtype
        == mt.randn(2, dtype=dtype).dtype
        == mt.eye(2, dtype=dtype).dtype
        == dtype
    )
    assert mt.tensor([1.1]).to(dtype).item() == pytest.approx(1.1, rel=2**-8)
    assert mt.zeros_like(mt.ones(2, dtype=dtype)).dtype == dtype
    with pytest.raises(RuntimeError, match="cannot be converted to type c10::.* without overflow"):
        mt.full((2,), 1e300, dtype=dtype)


def test_empty_and_without_dimensions(dtype):
    assert (mt.empty(0, dtype=dtype) + 1).shape == (0,)
    assert (mt.tensor(2.0, dtype=dtype) * 3).item() == 6


def test_modules_and_optimizers(dtype):
    layer = mt.nn.Linear(2, 1).to(dtype)
    layer(mt.ones(3, 2, dtype=dtype)).sum().backward()
    before = layer.bias.item()
    mt.optim.SGD(layer.parameters(), lr=0.5).step()
    assert layer.weight.dtype == dtype and layer.bias.item() == pytest.approx(before - 1.5, rel=2**-6)


def test_copies_and_files(dtype):
    x = mt.tensor([1.5, -2.0], dtype=dtype)
    file = io.BytesIO()
    mt.save(x, file)
    file.seek(0)
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), mt.load(file)):
        assert y.dtype == dtype and mt.equal(x, y)


def test_numpy(dtype):
    x = mt.tensor([1.5, -2.0], dtype=dtype)
    if dtype == mt.float16:
        assert x.numpy().dtype == np.float16 and mt.from_numpy(x.numpy()).dtype == dtype
    else:
        with pytest.raises(TypeError, match="Got unsupported ScalarType BFloat16"):
            x.numpy()


def test_texts(dtype):
    assert repr(mt.tensor([1.5], dtype=dtype)) == f"tensor([1.5000], dtype={dtype})"
    info = mt.finfo(dtype)
    assert (info.bits, info.eps) == ((16, 2**-10) if dtype == mt.float16 else (16, 2**-7))
    assert dtype.is_floating_point and dtype.itemsize == 2
    with pytest.raises(NotImplementedError, match="cannot be the default dtype"):
        mt.set_default_dtype(dtype)


def test_against_pytorch(dtype):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch, str(dtype).partition(".")[2])
    x = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    a, b = mt.from_numpy(x).to(dtype), torch.from_numpy(x).to(theirs)
    for f in (
        lambda t: t.softmax(1),
        lambda t: t.cumsum(0),
        lambda t: t.std(1),
        lambda t: t.sort(1)[0],
        lambda t: t.clamp(-0.5, 0.5),
        lambda t: t**2,
    ):
        ours, ref = f(a), f(b)
        assert str(ours.dtype) == str(ref.dtype)
        np.testing.assert_allclose(ours.float().numpy(), ref.float().numpy(), rtol=2**-6, atol=2**-7)
