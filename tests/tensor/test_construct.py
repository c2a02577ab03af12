"""tensor(), as_tensor(), asarray() and the old constructors."""

import subprocess
import sys

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


TOLD_ONCE = """
import warnings
import minitorch as mt

x = mt.tensor(1.5, requires_grad=True)
with warnings.catch_warnings():
    warnings.simplefilter("error")
    x.item(), int(x), bool(x), f"{x:.2f}", float(x.detach()), complex(x.detach())
    with mt.no_grad():
        float(x)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    assert THIS == 1.5
    float(x), complex(x), mt.tensor([x])
assert [w.category for w in told] == [UserWarning], told
text = "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\\n"
assert str(told[0].message).startswith(text + "Consider using tensor.detach() first.")
"""


@pytest.mark.parametrize("way", ["float(x)", "complex(x)", "mt.tensor([x])"])
def test_a_number_without_its_history_is_told_once(way):
    done = subprocess.run(
        [sys.executable, "-c", TOLD_ONCE.replace("THIS", way)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
