"""tensor(), as_tensor(), asarray() and the old constructors."""

import numpy as np
import pytest

import minitorch


def test_hostile_sequences():
    class Clears:
        def __float__(self):
            data.clear()
            return 1.0

    data = [Clears(), 2.0, 3.0]
    with pytest.raises(ValueError, match="expected sequence of length 3 at dim 0"):
        minitorch.tensor(data, dtype=minitorch.float32)

    class Grows:
        def __float__(self):
            data.extend([1.0] * 1000)
            return 1.0

    data = [Grows(), 2.0]
    assert minitorch.tensor(data, dtype=minitorch.float32).tolist() == [1.0, 2.0]
    nested = []
    nested += [nested, nested]
    with pytest.raises(ValueError, match="too many dimensions 'list'"):
        minitorch.tensor(nested)
    with pytest.raises(TypeError):
        minitorch.tensor([1, nested])


def test_arrays_are_copied_or_shared():
    a = np.zeros(2)
    copied, shared = minitorch.tensor(a), minitorch.as_tensor(a)
    a[0] = 1
    assert copied.tolist() == [0.0, 0.0] and shared.tolist() == [1.0, 0.0]


def test_every_dtype_holds_its_limits():
    for name in ("int8", "int16", "int32", "int64", "uint8"):
        dtype = getattr(minitorch, name)
        info = minitorch.iinfo(dtype)
        assert minitorch.tensor([info.min, info.max], dtype=dtype).tolist() == [info.min, info.max]
        with pytest.raises((RuntimeError, ValueError)):
            minitorch.tensor([info.max + 1], dtype=dtype)
