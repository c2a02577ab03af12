"""How tensors print."""

import numpy as np

import minitorch


def random_tensor(rng):
    """Values and a dtype; all kinds of magnitudes, and what is not finite."""
    shape = [int(n) for n in rng.choice([0, 1, 1, 2, 3, 4, 7, 8, 20], size=rng.integers(0, 4))]
    if rng.random() < 0.1:
        shape = [int(rng.choice([999, 1000, 1001, 2000]))]
    n = int(np.prod(shape))
    dtype = str(rng.choice(["float32", "float64", "int64", "int32", "int8", "uint8", "bool"]))
    if dtype.startswith("float"):
        values = rng.standard_normal(n) * 10.0 ** rng.integers(-6, 9, size=n if rng.random() < 0.3 else ())
        if rng.random() < 0.3:
            values = np.rint(values)
        if rng.random() < 0.2 and n:
            values[rng.integers(n)] = rng.choice([np.nan, np.inf, -np.inf, 0.0])
    else:
        values = rng.integers(0, 2 if dtype == "bool" else 100, size=n)
    return values.reshape(shape), dtype


def test_random_tensors_like_pytorch(pytorch):
    rng = np.random.default_rng(0)
    for _ in range(500):
        values, dtype = random_tensor(rng)
        pair = [
            m.tensor(values.tolist(), dtype=getattr(m, dtype)).reshape(values.shape)
            for m in (minitorch, pytorch)
        ]
        assert repr(pair[0]) == repr(pair[1])


def test_options_come_back():
    before = minitorch.get_printoptions()
    with minitorch._tensor_str.printoptions(precision=1, edgeitems=7):
        assert repr(minitorch.tensor([0.25])) == "tensor([0.2])"
    assert minitorch.get_printoptions() == before


def test_parameter():
    p = minitorch.nn.Parameter(minitorch.ones(2))
    assert repr(p) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
