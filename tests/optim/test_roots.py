"""Square roots of float32, and steps that divide by them, have PyTorch's digits on AMD's processors.

There MKL refines the processor's estimate of 1 / sqrt(x) once; elsewhere roots are exactly rounded.
"""

import numpy as np
import pytest

import minitorch

RANDOM = np.random.default_rng(0)


def numbers(n):
    """Of every exponent."""
    return RANDOM.integers(0x00800000, 0x7F000000, n, dtype=np.uint32).view("f4")


def test_roots_are_near_the_exact_ones(amd):
    x = numbers(100_000)
    got = minitorch.sqrt(minitorch.from_numpy(x)).numpy()
    exact = np.sqrt(x.astype("f8"))
    error = np.abs(got - exact) / np.spacing(exact.astype("f4")).astype("f8")
    assert error.max() <= (0.7501 if amd else 0.5)
    gaps = minitorch.from_numpy(np.repeat(x, 3))[::3]
    np.testing.assert_array_equal(minitorch.sqrt(gaps).numpy(), got)
    for n in (1, 3, 4, 7, 8, 9, 65):
        np.testing.assert_array_equal(minitorch.sqrt(minitorch.from_numpy(x[:n])).numpy(), got[:n])


def test_roots_at_the_ends():
    x = minitorch.tensor([0.0, -0.0, float("inf"), 1e-45, 1.0, 4.0, 9.0, 2.0**-126, 1e6])
    y = minitorch.sqrt(x)
    want = [0.0, -0.0, float("inf"), np.sqrt(np.float32(1e-45)), 1.0, 2.0, 3.0, 2.0**-63, 1000.0]
    assert y.tolist() == want and minitorch.signbit(y[1])
    assert minitorch.sqrt(minitorch.tensor([-1.0, float("nan")])).isnan().all()


def test_roots_of_pytorch(pytorch_amd):
    x = numbers(200_000)
    want = pytorch_amd.from_numpy(x).sqrt().numpy()
    np.testing.assert_array_equal(minitorch.from_numpy(x).sqrt().numpy(), want)


OPTIMIZERS = {
    "Adam": {"lr": 0.01},
    "AdamW": {"lr": 0.01, "amsgrad": True},
    "RMSprop": {"lr": 0.002, "momentum": 0.5, "centered": True},
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "Adamax": {},
    "NAdam": {"weight_decay": 0.01},
    "RAdam": {},
    "Adagrad": {"lr_decay": 0.01},
    "Adadelta": {},
    "Rprop": {},
    "ASGD": {},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("sizes", [(2, 4, 1), (2, 8, 8, 1), (3, 70, 9, 1)])
def test_training_is_the_same_to_the_last_bit(pytorch_amd, name, sizes):
    x, results = RANDOM.standard_normal((40, sizes[0])).astype("f4"), []
    y = np.sin(x.sum(1, keepdims=True))
    for library in (pytorch_amd, minitorch):
        library.manual_seed(0)
        layers = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [library.nn.Linear(n_in, n_out), library.nn.ReLU()]
        net = library.nn.Sequential(*layers[:-1])
        optimizer = getattr(library.optim, name)(net.parameters(), **OPTIMIZERS[name])
        a, b = library.from_numpy(x), library.from_numpy(y)
        losses = []
        for step in range(100):
            part = slice(step % 5 * 8, step % 5 * 8 + 8)
            optimizer.zero_grad()
            loss = library.nn.functional.mse_loss(net(a[part]), b[part])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        results.append((losses, [p.tolist() for p in net.parameters()]))
    assert results[0] == results[1]
