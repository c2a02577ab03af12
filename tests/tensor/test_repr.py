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


STORED = {
    "float32": [0.0, -1.5, 1e10, 1e-5, float("nan"), 3.14159265],
    "float64": [0.1],
    "float16": [0.1],
    "int64": [0, 1, -2],
    "uint8": [200],
    "bool": [True, False],
    "complex64": [1 + 2j, 0],
    "int32": [],
}


def test_storages_print_an_element_a_line():
    x = minitorch.tensor([[0.0, 1.5], [2.0, 3.0]])[1]
    assert repr(x.storage()) == (
        " 0.0\n 1.5\n 2.0\n 3.0\n[torch.storage.TypedStorage(dtype=torch.float32, device=cpu) of size 4]"
    )
    narrow = minitorch.tensor([200, 0], dtype=minitorch.uint8)
    text = " 200\n 0\n[torch.storage.UntypedStorage(device=cpu) of size 2]"
    assert repr(narrow.untyped_storage()) == str(narrow.storage().untyped()) == text
    assert len(repr(minitorch.zeros(2000).storage()).splitlines()) == 2001, "nothing is left out"


def test_storages_like_pytorch(pytorch):
    for dtype, values in STORED.items():
        mine, theirs = (lib.tensor(values, dtype=getattr(lib, dtype)) for lib in (minitorch, pytorch))
        assert repr(mine.storage()) == repr(theirs.storage())
        assert repr(mine.untyped_storage()) == repr(theirs.untyped_storage())
        assert repr(mine.storage().dtype) == repr(theirs.storage().dtype)
        assert mine.storage().type() == theirs.storage().type()
        assert mine.untyped_storage().tolist() == theirs.untyped_storage().tolist()
