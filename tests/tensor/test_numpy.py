"""Sharing memory with NumPy and buffers."""

import numpy as np
import pytest

import minitorch


def test_read_only_memory_stays_so():
    a = np.ones(3, dtype="f4")
    a.flags.writeable = False
    x = minitorch.from_numpy(a)
    for write in (lambda: x.add_(1), lambda: x.__setitem__(0, 5), lambda: x[1:].zero_()):
        with pytest.raises(RuntimeError, match="read-only"):
            write()
    assert a.tolist() == [1.0, 1.0, 1.0] and not x.numpy().flags.writeable
    y = minitorch.tensor(a)
    y[0] = 5
    assert a[0] == 1


def test_memory_is_held():
    a = np.arange(1000.0)
    x = minitorch.from_numpy(a)
    del a
    assert x.sum().item() == 499500.0
    a = minitorch.arange(1000.0).numpy()
    assert a.sum() == 499500.0
    with pytest.raises(ValueError, match="resize"):
        b = np.zeros(3)
        y = minitorch.from_numpy(b)
        b.resize(1000)
    assert y.tolist() == [0.0, 0.0, 0.0]


def test_a_buffer_is_held():
    b = bytearray(16)
    x = minitorch.frombuffer(b, dtype=minitorch.float32)
    with pytest.raises(BufferError):
        b.extend(b"1")
    del x
    b.extend(b"1")


def test_unaligned_arrays_are_copied():
    raw = np.zeros(9, dtype="u1")
    a = raw[1:].view("f4")
    assert minitorch.from_numpy(a).tolist() == [0.0, 0.0]


def test_create_export_delete():
    rng = np.random.default_rng(0)
    alive = [minitorch.zeros(8)]
    for _ in range(3000):
        o = alive[int(rng.integers(len(alive)))]
        k = rng.integers(4)
        if isinstance(o, np.ndarray):
            alive.append(minitorch.from_numpy(o) if k < 2 else o[1:] if len(o) > 2 else np.zeros(8, "f4"))
        else:
            alive.append(o.numpy() if k < 2 else o[1:] if len(o) > 2 else minitorch.zeros(8))
        if len(alive) > 20:
            del alive[int(rng.integers(len(alive)))]
    assert all(float(o.sum()) == 0 for o in alive)
