"""Memory shared with other libraries, and lifetimes.

Breaks when wrong: csrc/python/py_dlpack.c, minitorch/_dlpack.py.
"""

import ctypes
import gc

import numpy as np
import pytest

import minitorch

DTYPES = "uint8 int8 int16 int32 int64 float32 float64 bool".split()


def capsule_name(capsule):
    get = ctypes.pythonapi.PyCapsule_GetName
    get.restype, get.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return get(capsule)


@pytest.mark.parametrize("name", DTYPES)
def test_numpy_both_ways(name):
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(name)
    t = minitorch.from_dlpack(array)
    assert t.dtype == getattr(minitorch, name) and t.tolist() == array.tolist()
    array[0, 0] = 1
    assert t[0, 0].item() == 1
    back = np.from_dlpack(t.t())
    assert back.dtype == name and back.shape == (3, 2) and back.ctypes.data == array.ctypes.data


@pytest.mark.parametrize("name", DTYPES)
def test_pytorch_both_ways(name, pytorch):
    x = pytorch.tensor([[0, 1, 1], [1, 0, 1]]).to(getattr(pytorch, name)).t()
    t = minitorch.from_torch(x)
    assert t.data_ptr() == x.data_ptr() and t.stride() == x.stride() and t.tolist() == x.tolist()
    assert str(t.dtype) == str(x.dtype)
    y = minitorch.to_torch(t)
    assert y.data_ptr() == x.data_ptr() and y.tolist() == x.tolist() and y.dtype == x.dtype
    assert pytorch.from_dlpack(t).tolist() == x.tolist()
    assert pytorch.utils.dlpack.from_dlpack(t.__dlpack__()).tolist() == x.tolist()


def test_requires_grad_goes_along(pytorch):
    assert minitorch.from_torch(pytorch.ones(2, requires_grad=True)).requires_grad
    assert minitorch.to_torch(minitorch.ones(2, requires_grad=True)).requires_grad


def test_shapes_without_elements_or_dimensions():
    for shape in ((), (0,), (0, 3), (3, 0)):
        t = minitorch.zeros(shape)
        assert np.from_dlpack(t).shape == shape
        assert minitorch.from_dlpack(t.__dlpack__(max_version=(1, 0))).shape == shape


def test_offsets():
    t = minitorch.arange(6.0)[2:].view(2, 2)
    assert np.from_dlpack(t).tolist() == [[2, 3], [4, 5]]
    assert minitorch.from_dlpack(np.arange(6.0)[2:]).tolist() == [2, 3, 4, 5]


def test_the_device():
    assert minitorch.ones(1).__dlpack_device__() == (1, 0)
    assert minitorch.utils.dlpack.DLDeviceType.kDLCPU == 1


def test_names_of_capsules():
    t = minitorch.ones(2)
    for options, name in (({}, b"dltensor"), ({"max_version": (1, 0)}, b"dltensor_versioned")):
        capsule = t.__dlpack__(**options)
        assert capsule_name(capsule) == name
        minitorch.from_dlpack(capsule)
        assert capsule_name(capsule) == b"used_" + name
        with pytest.raises(RuntimeError, match="^from_dlpack received an invalid capsule"):
            minitorch.from_dlpack(capsule)


def test_what_is_refused():
    with pytest.raises(BufferError, match="^Can't export tensors that require gradient, use tensor.detach"):
        minitorch.ones(2, requires_grad=True).__dlpack__()
    with pytest.raises(AssertionError, match="stream should be None on cpu"):
        minitorch.ones(2).__dlpack__(stream=1)
    with pytest.raises(BufferError, match="device"):
        minitorch.ones(2).__dlpack__(dl_device=(2, 0))
    with pytest.raises(RuntimeError, match="invalid capsule"):
        minitorch.from_dlpack(object())
    with pytest.raises(ValueError, match="negative strides"):
        minitorch.from_dlpack(np.arange(3.0)[::-1])
    with pytest.raises(AssertionError, match="CUDA"):
        minitorch.from_dlpack(np.arange(3.0), device="cuda")
    with pytest.raises(BufferError, match="no such dtype"):
        minitorch.from_dlpack(np.arange(3, dtype="uint64"))


def test_a_refused_capsule_is_still_given_up():
    array = np.arange(3, dtype="uint64")
    capsule = array.__dlpack__()
    with pytest.raises(BufferError):
        minitorch.from_dlpack(capsule)
    assert capsule_name(capsule) == b"dltensor"


def test_copy():
    t = minitorch.ones(2)
    array = np.ones(2)
    assert minitorch.from_dlpack(t, copy=True).data_ptr() != t.data_ptr()
    assert minitorch.from_dlpack(t, copy=False).data_ptr() == t.data_ptr()
    assert minitorch.from_dlpack(array, copy=True).data_ptr() != array.ctypes.data
    assert minitorch.from_dlpack(t.__dlpack__(), copy=True).data_ptr() != t.data_ptr()


class Old:
    """A producer from before version 1.0."""

    def __init__(self, t):
        self.t = t

    def __dlpack__(self):
        return self.t.__dlpack__()


def test_old_producers():
    t = minitorch.ones(2)
    assert minitorch.from_dlpack(Old(t)).data_ptr() == t.data_ptr()
    assert minitorch.from_dlpack(Old(t), copy=True).data_ptr() != t.data_ptr()


def test_read_only_memory_stays_so():
    array = np.arange(3.0)
    array.flags.writeable = False
    t = minitorch.from_dlpack(array)
    with pytest.raises(RuntimeError):
        t[0] = 1
    assert not np.from_dlpack(t).flags.writeable
    with pytest.raises(BufferError, match="read-only"):
        t.__dlpack__()


def test_lifetimes():
    """Each side keeps the memory for as long as the other looks at it, and no longer."""
    gc.collect()
    before = minitorch._C._live()
    t = minitorch.full((1000,), 7.0)
    array, capsule = np.from_dlpack(t), t.__dlpack__()
    del t
    assert array.sum() == 7000
    del array
    again = minitorch.from_dlpack(capsule)
    del capsule
    view = again[10:20]
    del again
    assert view.tolist() == [7.0] * 10
    del view
    unused = [minitorch.ones(3).__dlpack__(max_version=(1, 0)) for _ in range(10)]
    del unused
    gc.collect()
    assert minitorch._C._live() == before


def test_an_array_lives_as_long_as_its_tensor():
    class Array(np.ndarray):
        def __del__(self):
            gone.append(1)

    gone = []
    t = minitorch.from_dlpack(np.zeros(3).view(Array))
    gc.collect()
    assert not gone
    del t
    gc.collect()
    assert gone


@pytest.mark.parametrize("k", range(1, 12))
def test_when_memory_runs_out(k):
    gc.collect()
    array, t = np.zeros((2, 3)), minitorch.zeros(2, 3)
    before = minitorch._C._live()
    for act in (lambda: minitorch.from_dlpack(array), lambda: t.__dlpack__()):
        minitorch._C._fail_alloc_after(k)
        try:
            result = act()
        except MemoryError:
            result = None
        finally:
            minitorch._C._fail_alloc_after(0)
        del result
    gc.collect()
    assert minitorch._C._live() == before
