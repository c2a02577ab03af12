"""Images: resizing, windows as columns, sampling at given places; against PyTorch where it is installed."""

import numpy as np
import pytest

import minitorch as mt
import minitorch.nn.functional as F

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(5)
IMAGE = RNG.standard_normal((2, 3, 5, 4))
GRID = RNG.uniform(-1.3, 1.3, (2, 3, 4, 2))


def both(name, *arrays, **options):
    """The result of F.name and the gradients of all arrays, in both libraries."""
    found = []
    for library in (mt, torch):
        inputs = [library.from_numpy(a.copy()).requires_grad_() for a in arrays]
        y = getattr(library.nn.functional, name)(*inputs, **options)
        (y * y).sum().backward()
        found.append([y.detach().numpy(), *(x.grad.numpy() for x in inputs)])
    return zip(*found, strict=True)


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area", "nearest-exact"])
@pytest.mark.parametrize("size", [(7, 9), (3, 2), (5, 4), (1, 1)])
def test_interpolate(mode, size):
    for a, b in both("interpolate", IMAGE, size=size, mode=mode):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("factor", [2, 1.7, 0.6, (1.5, 2.5)])
def test_interpolate_by_factor(factor):
    for a, b in both("interpolate", IMAGE, scale_factor=factor, mode="bilinear"):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_grid_sample(mode, padding_mode, align_corners):
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    for a, b in both("grid_sample", IMAGE, GRID, **options):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("channels", [4, 8, 12, 5])
@pytest.mark.parametrize("wild", [False, True])
def test_many_channels_of_a_grid_are_each_as_one_alone(channels, threads, wild):
    """To the bit: the kernels for many channels add up in the order of the kernel for any."""
    image = mt.from_numpy(RNG.standard_normal((9, channels, 24, 23)).astype("float32"))
    grid = mt.from_numpy(RNG.uniform(-1.2, 1.2, (9, 30, 21, 2)).astype("float32"))
    given = mt.from_numpy(RNG.standard_normal((9, channels, 30, 21)).astype("float32"))
    if wild:
        image[0, :, 3:7, 2:9] = mt.inf
        image[1, 1, 5] = mt.nan
        image[2] = -0.0
        given[3, 2, 4] = -0.0
        given[4, 3, 1] = mt.inf
        image, given = image.transpose(0, 2).contiguous().transpose(0, 2), given[:, :, :, ::1]
    before = mt.get_num_threads()
    mt.set_num_threads(threads)
    try:
        x = image.clone().requires_grad_()
        y = F.grid_sample(x, grid, align_corners=False)
        (gx,) = mt.autograd.grad(y, x, given)
        mt.set_num_threads(1)
        for c in range(channels):
            one = image[:, c : c + 1].clone().requires_grad_()
            z = F.grid_sample(one, grid, align_corners=False)
            (gone,) = mt.autograd.grad(z, one, given[:, c : c + 1])
            for a, b in ((y[:, c : c + 1].detach(), z.detach()), (gx[:, c : c + 1], gone)):
                assert a.contiguous().numpy().tobytes() == b.contiguous().numpy().tobytes()
    finally:
        mt.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("taps", [1, 3, 4, 8, 9])
@pytest.mark.parametrize("channels", [3, 4, 8, 20])
def test_the_weights_of_a_grid_add_up_channel_by_channel(channels, taps, threads):
    image = RNG.standard_normal((5, channels, 6, 7)).astype("float32")
    at = RNG.integers(-1, 42, (5, taps, 45))
    given = RNG.standard_normal((5, channels, 9, 5)).astype("float32")
    image[1, 2, 3] = np.nan
    given[2, 1, 1] = np.inf
    given[3] = -0.0
    weights = mt.zeros(5, taps, 45, requires_grad=True)
    before = mt.get_num_threads()
    mt.set_num_threads(threads)
    try:
        y = mt._C._nn._grid_pick(mt.from_numpy(image), mt.from_numpy(at), weights, (9, 5))
        (found,) = mt.autograd.grad(y, weights, mt.from_numpy(given))
    finally:
        mt.set_num_threads(before)
    want = np.zeros((5, taps, 45), "float32")
    flat, g = image.reshape(5, channels, 42), given.reshape(5, channels, 45)
    for n, c in np.ndindex(5, channels):
        for t in range(taps):
            want[n, t] += np.where(at[n, t] < 0, np.float32(0), g[n, c] * flat[n, c, at[n, t]])
    assert np.array_equal(found.numpy(), want, equal_nan=True)
    assert np.array_equal(np.signbit(found.numpy())[want == 0], np.signbit(want)[want == 0])


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("align_corners", [False, True])
def test_affine_grid(align_corners):
    theta = RNG.standard_normal((2, 2, 3))
    for a, b in both("affine_grid", theta, size=(2, 1, 3, 4), align_corners=align_corners):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_fold_counts_how_often_windows_cover_a_place():
    ones = mt.ones(1, 1, 4, 4)
    covered = F.fold(F.unfold(ones, 3), (4, 4), 3)
    assert covered[0, 0].tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]


def test_fold_refuses_columns_that_do_not_fit():
    with pytest.raises(RuntimeError, match="divisible by the product of kernel_size"):
        F.fold(mt.ones(1, 7, 6), (4, 3), 2)
    with pytest.raises(RuntimeError, match="calculated number of sliding blocks 3 \\* 2 = 6"):
        F.fold(mt.ones(1, 8, 5), (4, 3), 2)


def test_interpolate_refuses():
    x = mt.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match="either size or scale_factor should be defined"):
        F.interpolate(x)
    with pytest.raises(ValueError, match="only one of size or scale_factor"):
        F.interpolate(x, 2, 2)
    with pytest.raises(ValueError, match="align_corners option can only be set"):
        F.interpolate(x, 2, align_corners=True)
    with pytest.raises(NotImplementedError, match="Got 4D input, but linear mode needs 3D input"):
        F.interpolate(x, 2, mode="linear")
    with pytest.raises(RuntimeError, match="should be greater than 0"):
        F.interpolate(x, (0, 1), mode="bilinear")
