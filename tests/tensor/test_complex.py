"""complex64 and complex128: what every operator does with them, and all that is theirs alone.

The whole table of tests/opinfo.py is run with complex inputs: an operator gives the right value (NumPy's,
and PyTorch's where it is installed) or says clearly that it does not know them; and what has a value has a
gradient. Breaks when include/minitorch/complex.def is wrong, or ops/complex.c is.
"""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest
from op_samples import Maker, function, results, to_numpy, torch
from opinfo import OPS

import minitorch as mt
from minitorch.autograd import gradcheck, gradgradcheck

needs_torch = pytest.mark.skipif(torch is None, reason="compares with PyTorch")
each_op = pytest.mark.parametrize("op", OPS, ids=str)
C = [mt.complex64, mt.complex128]
ERRORS = (RuntimeError, NotImplementedError, TypeError, IndexError, ValueError)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def z():
    return mt.tensor([[1 + 2j, -3 + 0.5j], [0j, 2 - 1j]], dtype=mt.complex128)


# ---- the whole table ----------------------------------------------------------------------------------

# What PyTorch computes for complex numbers and NumPy's formula in the table does not, or the other way about.
OTHER_FORMULA = """
    sgn sign log2 log10 rsqrt isclose norm vector_norm matrix_norm std var vdot vecdot l1_loss dist logsumexp
    float_power nan_to_num isreal std_mean var_mean resolve_conj resolve_neg
""".split()
# What PyTorch refuses, although it knows conv1d and so on.
MORE_THAN_PYTORCH = ["convolution"]
DRAWN = "empty empty_like empty_strided empty_permuted new_empty new_empty_strided".split()


def run(op, sample, library, dtype="complex128", grad=False):
    """The results of one call, or the error."""
    m = Maker(sample, library, dtype, requires_grad=grad)
    library.manual_seed(3)
    try:
        return m, results(function(op, library)(*m.args, **m.kwargs))
    except ERRORS as e:
        return m, e


def near(a, b, what, tolerance=1e-9):
    a, b = to_numpy(a), to_numpy(b)
    assert a.shape == b.shape and a.dtype == b.dtype, what
    if a.dtype.kind in "fc":
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=what)
    else:
        np.testing.assert_array_equal(a, b, err_msg=what)


def is_complex_call(m):
    return any(t.is_complex() for t in m.tensors)


@each_op
def test_right_or_refused(op):
    """No operator takes the bits of complex numbers for something else."""
    for sample in op.calls()[:5]:
        for dtype in ("complex128", "complex64"):
            m, got = run(op, sample, mt, dtype)
            if isinstance(got, Exception):
                assert str(got) and not isinstance(got, SystemError), sample
                assert "failed without saying why" not in str(got)
                continue
            if op.name in DRAWN or not is_complex_call(m) or torch is None or op.name.startswith("_"):
                continue
            if function(op, torch) is None or op.name in MORE_THAN_PYTORCH:
                continue
            _, expected = run(op, sample, torch, dtype)
            assert not isinstance(expected, Exception), f"{op}({sample}): PyTorch says {expected}"
            for a, b in zip(got, expected, strict=True):
                near(a, b, f"{op}({sample}) {dtype}", 1e-9 if dtype == "complex128" else 2e-4)


@each_op
def test_values_are_numpys(op):
    if op.ref is None or op.seeded or op.name in OTHER_FORMULA:
        return
    for sample in op.calls()[:5]:
        m, got = run(op, sample, mt)
        if isinstance(got, Exception) or not is_complex_call(m):
            continue
        made = Maker(sample, None, "complex128")
        with np.errstate(all="ignore"):
            try:
                expected = results(op.ref(*made.args, **made.kwargs))
            except (TypeError, np.exceptions.ComplexWarning, AttributeError):
                continue  # the formula does not know complex numbers
        for a, b in zip(got, expected, strict=True):
            a, b = to_numpy(a), np.asarray(b)
            if b.dtype.kind == "c" and a.dtype.kind == "c":
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=f"{op}({sample})")


@pytest.mark.parametrize("op", [op for op in OPS if op.grad and not op.seeded], ids=str)
def test_gradients(op):
    """By finite differences of both parts, first and second."""
    if op.name in ("cfloat", "float", "half", "bfloat16"):
        return
    for sample in op.calls()[:3]:
        m, got = run(op, sample, mt, grad=True)
        inputs = tuple(t for t in m.tensors if t.requires_grad)
        if isinstance(got, Exception) or not any(t.is_complex() for t in inputs):
            continue
        if not any(isinstance(y, mt.Tensor) and y.requires_grad for y in got):
            continue
        if sum(x.numel() for x in inputs) > 40:
            continue

        def f(*xs, m=m, inputs=inputs):
            new = {id(old): x for old, x in zip(inputs, xs, strict=True)}
            swap = lambda a: [swap(e) for e in a] if isinstance(a, list) else new.get(id(a), a)  # noqa: E731
            args = [swap(a) for a in m.args]
            if op.name.endswith("_"):
                args[0] = args[0].clone()
            found = results(function(op)(*args, **{k: swap(v) for k, v in m.kwargs.items()}))
            return tuple(y for y in found if y.is_floating_point() or y.is_complex())

        assert gradcheck(f, inputs), sample
        if sum(x.numel() for x in inputs) <= 12:
            assert gradgradcheck(f, inputs), sample


# ---- values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", C, ids=str)
def test_arithmetic(dtype):
    a, b = mt.tensor([1 + 2j, -3 + 0.5j], dtype=dtype), mt.tensor([0.5 - 1j, 2j], dtype=dtype)
    assert (a + b).tolist() == [1.5 + 1j, -3 + 2.5j]
    assert (a - b).tolist() == [0.5 + 3j, -3 - 1.5j]
    assert (a * b).tolist() == [2.5 + 0j, -1 - 6j]
    np.testing.assert_allclose((a / b).numpy(), [-1.2 + 1.6j, 0.25 + 1.5j], rtol=1e-6)
    assert (a**2).tolist() == [-3 + 4j, 8.75 - 3j]
    assert (-a).tolist() == [-1 - 2j, 3 - 0.5j]
    assert (2 - a).tolist() == [1 - 2j, 5 - 0.5j] and (1j * a).tolist() == [-2 + 1j, -0.5 - 3j]
    assert (a == b).tolist() == [False, False] and (a == a).all() and (a != b).all()
    assert a.real.tolist() == [1, -3] and a.imag.tolist() == [2, 0.5] and a.conj().tolist()[0] == 1 - 2j


def test_special_values_of_power_and_division():
    zero = mt.zeros(1, dtype=mt.complex128)
    assert (zero**0).item() == 1 and (zero**2).item() == 0
    huge = mt.tensor([1e300 + 1e300j], dtype=mt.complex128)
    assert (huge / huge).item() == 1 and abs(huge).item() == pytest.approx(2**0.5 * 1e300)
    small = mt.tensor([1e-20 + 1e-20j], dtype=mt.complex128)
    assert small.log1p().item() == pytest.approx(1e-20 + 1e-20j)
    assert small.expm1().item() == pytest.approx(1e-20 + 1e-20j)


@pytest.mark.parametrize(
    "a, b, kind",
    [
        ("ones(2)", "1j", "complex64"),
        ("ones(2, dtype=m.float64)", "1j", "complex128"),
        ("ones(2, dtype=m.int32)", "1j", "complex64"),
        ("tensor(True)", "1j", "complex64"),
        ("ones(2, dtype=m.complex64)", "m.ones(2, dtype=m.float64)", "complex128"),
        ("ones(2, dtype=m.complex64)", "m.tensor(1.0, dtype=m.float64)", "complex64"),
        ("ones(2, dtype=m.complex64)", "2.5", "complex64"),
        ("ones(2, dtype=m.float16)", "m.ones(2, dtype=m.complex64)", "complex64"),
        ("ones(2, dtype=m.float64)", "m.tensor(1j)", "complex128"),
    ],
)
def test_promotion(a, b, kind):
    for m in (mt, torch) if torch else (mt,):
        x, y = eval("m." + a, {"m": m}), eval(b, {"m": m})
        assert str((x * y).dtype) == f"torch.{kind}" and str((y + x).dtype) == f"torch.{kind}"


def test_dtypes():
    assert mt.cfloat is mt.complex64 and mt.cdouble is mt.complex128
    assert mt.complex64.is_complex and not mt.complex64.is_floating_point and not mt.float32.is_complex
    assert mt.complex64.to_real() is mt.float32 and mt.float64.to_complex() is mt.complex128
    assert mt.complex128.itemsize == 16 and mt.finfo(mt.complex64).eps == mt.finfo(mt.float32).eps
    assert mt.is_complex(z()) and z().is_complex() and not mt.is_complex(mt.ones(1))
    assert mt.can_cast(mt.float64, mt.complex64) and not mt.can_cast(mt.complex64, mt.float64)
    with pytest.raises(RuntimeError, match="Unknown Complex ScalarType for Int"):
        mt.int32.to_complex()
    with pytest.raises(TypeError, match="only floating-point types are supported as the default type"):
        mt.set_default_dtype(mt.complex64)


def test_creation():
    assert mt.tensor([1j, 2.5, True]).tolist() == [1j, 2.5, 1]
    assert mt.tensor(1j).dtype is mt.complex64 and mt.tensor(np.array([1j])).dtype is mt.complex128
    assert mt.full((2,), 1j).tolist() == [1j, 1j] and mt.full_like(z(), 2).tolist()[0] == [2, 2]
    assert mt.eye(2, dtype=mt.cfloat).tolist() == [[1, 0], [0, 1]]
    assert mt.linspace(0, 1, 3, dtype=mt.cfloat).tolist() == [0, 0.5, 1]
    assert z().new_zeros(2).dtype is mt.complex128
    for call in ("tensor([1j], dtype=mt.float32)", "tensor([1j], dtype=mt.int64)"):
        with pytest.raises(TypeError):
            eval("mt." + call)
    with pytest.raises(RuntimeError, match="value cannot be converted to type float without overflow"):
        mt.full((2,), 1j, dtype=mt.float32)
    with pytest.raises(NotImplementedError, match="\"arange_cpu\" not implemented for 'ComplexFloat'"):
        mt.arange(3, dtype=mt.cfloat)


@needs_torch
def test_random_numbers_are_pytorchs():
    for call in ("randn(3, dtype=m.cfloat)", "randn(40, dtype=m.cdouble)", "rand(5, dtype=m.cfloat)"):
        found = []
        for m in (mt, torch):
            m.manual_seed(0)
            found.append(to_numpy(eval("m." + call, {"m": m})))
        np.testing.assert_allclose(*found, rtol=1e-6)


# ---- memory -------------------------------------------------------------------------------------------


def test_parts_share_the_memory():
    a = z()
    a.real[0, 0] = 7
    a.imag.add_(1)
    assert a.tolist() == [[7 + 3j, -3 + 1.5j], [1j, 2]]
    mt.view_as_real(a)[1, 1] = mt.tensor([5.0, 6.0], dtype=mt.float64)
    assert a[1, 1].item() == 5 + 6j and a.real.stride() == (4, 2) and a.real._base is a
    a.real = mt.zeros(2, 2)
    assert a[0].tolist() == [3j, 1.5j]
    pairs = mt.ones(3, 2)
    mt.view_as_complex(pairs)[0] = 2j
    assert pairs[0].tolist() == [0, 2]


@pytest.mark.parametrize("dtype", C, ids=str)
def test_numpy_and_dlpack(dtype):
    a = z().to(dtype)
    assert a.numpy().dtype.name == str(dtype)[6:] and (a.numpy() == np.array(a.tolist())).all()
    a.numpy()[0, 0] = 9j
    assert a[0, 0].item() == 9j
    assert (np.asarray(mt.from_numpy(a.numpy())) == a.numpy()).all()
    assert mt.from_dlpack(np.from_dlpack(a)).tolist() == a.tolist()
    np.testing.assert_allclose(np.abs(a), a.abs().numpy(), rtol=1e-6)


@pytest.mark.parametrize("dtype", C, ids=str)
def test_copies_and_files(dtype):
    a = z().to(dtype).t()
    file = io.BytesIO()
    mt.save({"a": a}, file)
    for b in (
        pickle.loads(pickle.dumps(a)),
        copy.deepcopy(a),
        mt.load(io.BytesIO(file.getvalue()))["a"],
        a.contiguous(),
    ):
        assert b.dtype is dtype and b.tolist() == a.tolist()


@needs_torch
def test_files_of_pytorch():
    file = io.BytesIO()
    torch.save({"a": torch.tensor([1j, 2])}, file)
    assert mt.load(io.BytesIO(file.getvalue()))["a"].tolist() == [1j, 2]
    file = io.BytesIO()
    mt.save({"a": mt.tensor([1j, 2])}, file)
    assert torch.load(io.BytesIO(file.getvalue()))["a"].tolist() == [1j, 2]


def test_indexing():
    a = z()
    a[0] = 1j
    a[a.real > 1] = 3
    a[mt.tensor([1]), mt.tensor([0])] = 4j
    assert a.tolist() == [[1j, 1j], [4j, 3]]
    x = mt.zeros(2)
    x[0] = 2 + 0j
    with pytest.raises(RuntimeError, match="value cannot be converted to type float without overflow"):
        x[0] = 1j
    with pytest.raises(IndexError, match="tensors used as indices must be long, int, byte or bool tensors"):
        a[mt.tensor(1j)]


def test_casts():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert z().real.tolist() == z().to(mt.float64).tolist() and z().int()[0].tolist() == [1, -3]
    assert all("Casting complex values to real discards the imaginary part" in str(w.message) for w in told)
    assert z().bool().tolist() == [[True, True], [False, True]] and mt.tensor([0.5j]).bool().item()
    assert mt.tensor([1.5]).to(mt.cfloat).item() == 1.5 and mt.tensor([1.5]).half().cfloat().item() == 1.5
    assert complex(z()[0, 0]) == 1 + 2j and float(mt.tensor(2 + 0j)) == 2 and bool(mt.tensor(1j))
    with pytest.raises(RuntimeError, match="value cannot be converted to type double without overflow"):
        float(mt.tensor(1j))
    with pytest.raises(RuntimeError, match="value cannot be converted to type int64_t without overflow"):
        int(mt.tensor(1j))


# ---- printing -----------------------------------------------------------------------------------------

PRINTED = {
    "tensor(1j)": "tensor(0.+1.j)",
    "tensor([1+2j, -3.5])": "tensor([ 1.0000+2.j, -3.5000+0.j])",
    "tensor([[1j], [2]])": "tensor([[0.+1.j],\n        [2.+0.j]])",
    "tensor([1e10+1j, 1j])": "tensor([1.0000e+10+1.j, 0.0000e+00+1.j])",
    "tensor([complex(1, float('nan')), complex(float('inf'), -1)])": "tensor([1.+nanj, inf-1.j])",
    "zeros(0, dtype=m.cfloat)": "tensor([], dtype=torch.complex64)",
    "zeros(1, dtype=m.cdouble)": "tensor([0.+0.j], dtype=torch.complex128)",
    "ones(1, dtype=m.cfloat).requires_grad_()": "tensor([1.+0.j], requires_grad=True)",
    "ones(30, dtype=m.cfloat)[:6] * (1 / 3)": None,
    "ones(2000, dtype=m.cfloat)": None,
    "arange(12.).reshape(3, 4) * (1 + 100j)": None,
}


@pytest.mark.parametrize("call", PRINTED)
def test_printing(call):
    text = repr(eval("m." + call, {"m": mt}))
    assert PRINTED[call] in (None, text)
    assert torch is None or text == repr(eval("m." + call, {"m": torch}))


# ---- gradients ----------------------------------------------------------------------------------------


def test_gradient_is_that_of_both_parts():
    """dL/dx + i dL/dy, so that a step against it goes downhill."""
    a = mt.tensor([3 + 4j], dtype=mt.complex128, requires_grad=True)
    (a.abs() ** 2).sum().backward()
    assert a.grad.tolist() == [6 + 8j]
    a.grad = None
    (a**2).real.sum().backward()
    assert a.grad.tolist() == [6 - 8j]  # 2 conj(a)
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    (x * (1 + 2j)).abs().sum().backward()
    assert x.grad.dtype is mt.float32
    np.testing.assert_allclose(x.grad.numpy(), [5**0.5, 5**0.5], rtol=1e-6)


def test_nodes_have_pytorchs_names():
    a = z().requires_grad_()
    names = {"exp": "ExpBackward0", "sum": "SumBackward0", "abs": "AbsBackward0", "angle": "AngleBackward0"}
    names |= {"conj": "ConjBackward0", "mean": "MeanBackward0", "sgn": "SgnBackward0"}
    for name, node in names.items():
        assert type(getattr(a, name)().grad_fn).__name__ == node
    assert (
        type((a * a).grad_fn).__name__ == "MulBackward0" and type((a @ a).grad_fn).__name__ == "MmBackward0"
    )


def test_backward_needs_a_real_number():
    a = z().requires_grad_()
    text = "grad can be implicitly created only for real scalar outputs but got torch.complex128"
    with pytest.raises(RuntimeError, match=text):
        a.sum().backward()
    a.sum().backward(mt.tensor(1j))
    assert a.grad[0].tolist() == [1j, 1j]


def test_a_gradient_step_of_a_complex_parameter():
    a = mt.tensor([1 + 1j, -2j], dtype=mt.complex128, requires_grad=True)
    target = mt.tensor([0.5 - 1j, 3.0], dtype=mt.complex128)
    for _ in range(60):
        loss = ((a - target).abs() ** 2).sum()
        (grad,) = mt.autograd.grad(loss, a)
        with mt.no_grad():
            a -= 0.2 * grad
    assert mt.allclose(a, target)


def test_layers_of_complex_numbers():
    layer = mt.nn.Linear(2, 3).to(mt.cdouble)
    assert layer.weight.dtype is mt.complex128
    x = z().requires_grad_()
    assert gradcheck(lambda x, w, b: mt.nn.functional.linear(x, w, b), (x, layer.weight, layer.bias))
    loss = (layer(z()).abs() ** 2).sum()
    loss.backward()
    assert mt.nn.utils.clip_grad_norm_(layer.parameters(), 1.0).dtype is mt.float64
    assert sum((p.grad.abs() ** 2).sum() for p in layer.parameters()) <= 1 + 1e-6
    with pytest.raises(
        NotImplementedError, match=r"optimizers take no complex parameters. Hint: .*view_as_real"
    ):
        mt.optim.SGD(layer.parameters(), lr=0.1).step()
    assert "norm" in str(mt.graph((layer(z()).abs() ** 2).sum()))
    assert z().type("torch.ComplexFloatTensor").type() == "torch.ComplexFloatTensor"


def test_views_of_parts_in_a_graph_are_not_written_to():
    a = z().requires_grad_() * 1
    with pytest.raises(NotImplementedError, match=r"real, imag, view_as_real.*Hint: clone"):
        a.real.mul_(2)


# ---- errors -------------------------------------------------------------------------------------------

REFUSED = {
    "z < z": "\"lt_cpu\" not implemented for 'ComplexDouble'",
    "z >= 1j": "\"ge_cpu\" not implemented for 'ComplexDouble'",
    "z.max()": "\"max_all\" not implemented for 'ComplexDouble'",
    "m.erf(z)": "\"erf_vml_cpu\" not implemented for 'ComplexDouble'",
    "m.relu(z)": "clamp is not supported for complex types",
    "z.clamp(0, 1)": "clamp is not supported for complex types",
    "z.floor()": "floor is not supported for complex inputs",
    "z // 2": "\"div_floor_cpu\" not implemented for 'ComplexDouble'",
    "z % 2": "\"remainder_cpu\" not implemented for 'ComplexDouble'",
    "z & 1": "\"bitwise_and_cpu\" not implemented for 'ComplexDouble'",
    "m.softmax(z, -1)": "\"softmax_lastdim_kernel_impl\" not implemented for 'ComplexDouble'",
    "m.imag(z.real)": "imag is not implemented for tensors with non-complex dtypes.",
    "m.view_as_real(z.real)": "view_as_real is only supported for complex tensors",
    "m.view_as_complex(m.ones(3))": "Tensor must have a last dimension of size 2",
    "m.ones(2).add_(1j)": "result type ComplexFloat can't be cast to the desired output type Float",
    "m.ones(2).masked_fill(m.tensor(True), 1j)": "value cannot be converted to type float without overflow",
    "m.mm(z, m.ones(2, 2))": "expected m1 and m2 to have the same dtype, but got: c10::complex<double> !=",
    "m.complex(m.ones(2), m.ones(2).double())": "Expected object of scalar type Float but got",
    "z.abs_()": "In-place abs is not supported for complex tensors.",
    "m.fft.rfft(z)": "rfft expects a real input tensor, but got ComplexDouble",
    "m.fft.fft(z, 0)": "Invalid number of data points (0) specified",
    "m.fft.fft(z, norm='x')": 'Invalid normalization mode: "x"',
    "m.fft.fftn(z, dim=(0, 0))": "FFT dims must be unique",
}


@pytest.mark.parametrize("call", REFUSED)
def test_errors_are_pytorchs(call):
    made = z().numpy()
    with pytest.raises((RuntimeError, NotImplementedError)) as mine:
        eval(call, {"m": mt, "z": mt.from_numpy(made)})
    assert str(mine.value).startswith(REFUSED[call])
    if torch:
        with pytest.raises(type(mine.value)) as theirs:
            eval(call, {"m": torch, "z": torch.from_numpy(made)})
        assert str(theirs.value).startswith(REFUSED[call])


# ---- Fourier transforms -------------------------------------------------------------------------------

TRANSFORMS = {
    "fft": ["", "n=5", "n=2, dim=0", "norm='ortho'", "norm='forward'"],
    "fft2": ["", "s=(3, 5)", "norm='ortho'"],
    "fftn": ["", "dim=0", "s=(3,), dim=(1,)", "norm='forward'"],
}


@pytest.mark.parametrize("kind", ["", "i", "r", "ir", "h", "ih"])
@pytest.mark.parametrize("name, call", [(n, c) for n, calls in TRANSFORMS.items() for c in calls])
def test_transforms(kind, name, call):
    r = np.random.default_rng(0)
    x = r.standard_normal((3, 4))
    if kind not in ("r", "ih"):
        x = x + 1j * r.standard_normal((3, 4))
    f = eval(f"lambda x: transform(x, {call})", {"transform": getattr(mt.fft, kind + name)})
    y = f(mt.from_numpy(x))
    if hasattr(np.fft, kind + name):
        options = call.replace("dim=0", "axes=(0,)" if "n" in name or "2" in name else "axis=0")
        options = options.replace("dim=", "axes=")
        expected = eval(f"t(x, {options})", {"t": getattr(np.fft, kind + name), "x": x})
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-9, atol=1e-9)
    if torch:
        g = eval(f"lambda x: transform(x, {call})", {"transform": getattr(torch.fft, kind + name)})
        np.testing.assert_allclose(y.numpy(), to_numpy(g(torch.from_numpy(x))), rtol=1e-9, atol=1e-9)
        single = f(mt.from_numpy(x.astype(x.dtype.name.replace("128", "64").replace("t64", "t32"))))
        assert single.dtype is (mt.complex64 if y.is_complex() else mt.float32)
        np.testing.assert_allclose(single.numpy(), y.numpy(), rtol=1e-5, atol=1e-5)
    leaf = mt.from_numpy(x).requires_grad_()
    assert gradcheck(f, (leaf,)) and gradgradcheck(f, (leaf,))


@pytest.mark.parametrize("dtype", [mt.float32, mt.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 101])
def test_whole_transforms_of_real_numbers(n, dtype):
    """Half of them is computed, the rest is its mirror."""
    x = mt.randn(2, n, 3, dtype=dtype)
    for options in ({}, {"norm": "forward"}, {"norm": "ortho"}):
        y = mt.fft.fft(x, dim=1, **options)
        want = mt.fft.fft(x.to(dtype.to_complex()), dim=1, **options)
        assert y.dtype is want.dtype and mt.allclose(y, want, 1e-5, 1e-5)
    leaf = mt.randn(n, 2, dtype=mt.float64).requires_grad_()
    assert gradcheck(lambda x: mt.fft.fft(x, dim=0), (leaf,))
    assert gradgradcheck(lambda x: mt.fft.fft(x, dim=0), (leaf,))


def test_frequencies():
    assert mt.fft.fftfreq(5, 0.5).tolist() == pytest.approx([0, 0.4, 0.8, -0.8, -0.4])
    assert mt.fft.rfftfreq(4).tolist() == [0, 0.25, 0.5]
    x = mt.arange(6).reshape(2, 3)
    assert mt.fft.ifftshift(mt.fft.fftshift(x)).tolist() == x.tolist()
    assert mt.fft.fftshift(x, 1).tolist() == [[2, 0, 1], [5, 3, 4]]


def test_convolution_theorem():
    a, b = mt.randn(8), mt.randn(8)
    circular = mt.stack([(a * b.flip(0).roll(k + 1)).sum() for k in range(8)])
    assert mt.allclose(mt.fft.irfft(mt.fft.rfft(a) * mt.fft.rfft(b), 8), circular, atol=1e-5)


# ---- matrices, spectra over time ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["real", "complex", "batch"])
def test_eig(kind):
    r = np.random.default_rng(2)
    a = r.standard_normal((2, 3, 3) if kind == "batch" else (3, 3))
    a = a if kind == "real" else a + 1j * r.standard_normal(a.shape)
    values, vectors = mt.linalg.eig(mt.from_numpy(a))
    assert mt.allclose(mt.from_numpy(a).cdouble() @ vectors, vectors * values.unsqueeze(-2))
    assert mt.allclose(vectors.abs().square().sum(-2), mt.ones(*a.shape[:-1], dtype=mt.float64))
    assert mt.equal(mt.linalg.eigvals(mt.from_numpy(a)), values)
    leaf = mt.from_numpy(a).requires_grad_()
    assert gradcheck(lambda x: mt.linalg.eigvals(x), (leaf,))
    assert gradgradcheck(lambda x: mt.linalg.eigvals(x), (leaf,))
    # a loss of eigenvectors that does not see their phase
    assert gradcheck(lambda x: mt.linalg.eig(x).eigenvectors.abs(), (leaf,))
    with pytest.raises(
        RuntimeError, match="linalg.eig: A must be batches of square matrices, but they are 2 by 3"
    ):
        mt.linalg.eig(mt.ones(2, 3))
    if torch:
        assert np.allclose(values.numpy(), torch.linalg.eigvals(torch.from_numpy(a)).numpy())


def hermitian(x):
    return x + x.mH


@pytest.mark.parametrize("shape", [(4, 4), (2, 3, 3), (1, 1), (0, 0)], ids=str)
def test_hermitian_matrices(shape):
    r = np.random.default_rng(0)
    x = mt.from_numpy(r.standard_normal(shape) + 1j * r.standard_normal(shape))
    h, eye = hermitian(x), mt.eye(shape[-1], dtype=mt.cdouble)
    positive = x @ x.mH + eye
    values, vectors = mt.linalg.eigh(h)
    assert mt.allclose(h @ vectors, vectors * values.unsqueeze(-2))
    assert mt.allclose(vectors.mH @ vectors, eye.expand(*shape)) and (values.diff() >= 0).all()
    assert mt.allclose(mt.linalg.eigvalsh(h, "U"), values)
    lower, upper = mt.linalg.cholesky(positive), mt.linalg.cholesky(positive, upper=True)
    assert mt.allclose(lower @ lower.mH, positive) and mt.allclose(upper, lower.mH)
    if torch:
        assert np.allclose(lower.numpy(), torch.linalg.cholesky(torch.from_numpy(positive.numpy())).numpy())
    if shape[-1] < 2:
        return
    leaf = (x.clone().requires_grad_(),)
    for f in (
        lambda x: mt.linalg.eigvalsh(hermitian(x)),
        lambda x: mt.linalg.cholesky(x @ x.mH + eye),
        lambda x: mt.linalg.solve(x + 3 * eye, x),
        lambda x: mt.linalg.slogdet(x + 3 * eye),
    ):
        assert gradcheck(f, leaf) and gradgradcheck(f, leaf)
    assert gradcheck(lambda x: mt.linalg.eigh(hermitian(x)).eigenvectors.abs(), leaf)


SPECTRA = [
    "n_fft=8",
    "n_fft=8, hop_length=3, win_length=6",
    "n_fft=8, normalized=True",
    "n_fft=8, center=False",
]


@pytest.mark.parametrize("call", SPECTRA)
@pytest.mark.parametrize("shape", [(40,), (2, 40)])
def test_stft(call, shape):
    x = np.random.default_rng(1).standard_normal(shape)
    options = eval(f"dict({call})")
    window = np.hanning(options.get("win_length", 8) + 2)[1:-1]
    f = lambda x, m=mt: m.stft(x, **options, window=m.from_numpy(window), return_complex=True)  # noqa: E731
    y = f(mt.from_numpy(x))
    if torch:
        np.testing.assert_allclose(y.numpy(), f(torch.from_numpy(x), torch).numpy(), atol=1e-12)
    back = mt.istft(y, **options, window=mt.from_numpy(window))
    n = back.shape[-1]
    np.testing.assert_allclose(back.numpy(), x[..., :n], atol=1e-10)
    assert gradcheck(f, (mt.from_numpy(x[..., :12]).requires_grad_(),))
    with pytest.raises(
        RuntimeError, match="stft requires the return_complex parameter be given for real inputs"
    ):
        mt.stft(mt.ones(8), 4)
