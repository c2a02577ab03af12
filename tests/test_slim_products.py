"""Products with few columns or rows, with vectors, and sums of columns: their values, and the order of
additions, spelled out in NumPy. Where PyTorch is installed, its own digits are compared too."""

import numpy as np
import pytest

import minitorch as mt

RANDOM = np.random.default_rng(0)


def matrix(*shape, dtype=np.float32):
    return RANDOM.standard_normal(shape).astype(dtype)


def at(array, offset):
    """A tensor with these numbers, `offset` elements behind a multiple of 64 bytes."""
    memory = mt.zeros(array.size + offset, dtype=mt.from_numpy(array).dtype)
    assert memory.data_ptr() % 64 == 0
    memory[offset:] = mt.from_numpy(array.reshape(-1))
    return memory[offset:].view(array.shape)


ZERO = np.float32(0)


def in_turn(x, y, total=ZERO):
    for a, b in zip(x, y, strict=True):
        total = total + a * b
    return total


def in_vectors(x, y, head, vectors, block):
    """The sum of the products: `head` of them in turn, then in lanes of four, then in turn again."""
    head = min(head, len(x))
    stop = head + (len(x) - head) // block * block
    total = in_turn(x[:head], y[:head])
    if stop > head:
        sums = np.zeros((vectors, 4), np.float32)
        sums[0, 0] = total
        for i, start in enumerate(range(head, stop, 4)):
            sums[i % vectors] += x[start : start + 4] * y[start : start + 4]
        lanes = sums[0] if vectors == 1 else sums[0] + sums[1]
        total = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
    return in_turn(x[stop:], y[stop:], total)


def rows_by_rows(a, b, offset=0):
    """a (m, k), which lies that many elements behind a multiple of 16 bytes, by b (n, k)^T."""
    fours = len(b) // 4 * 4
    total = np.empty((len(a), len(b)), np.float32)
    for i, j in np.ndindex(total.shape):
        head = -(offset + i * a.shape[1]) % 4
        total[i, j] = in_vectors(a[i], b[j], head, *((1, 4) if j < fours else (2, 8)))
    return total


def matrix_by_vector(a, x, offset=0, x_offset=0):
    """a (m, k) by x (k): fours of rows, and what is left over."""
    fours = len(a) // 4 * 4
    total = np.empty(len(a), np.float32)
    for i in range(len(a)):
        if i < fours:
            head = 4 - (offset + (i // 4 * 4 + 3) * a.shape[1]) % 4
            total[i] = in_vectors(a[i], x, head, 1, 4)
        else:
            total[i] = in_vectors(a[i], x, 4 - x_offset % 4, 1 if i - fours == 1 else 2, 8)
    return total


def term_by_term(a, b, total=None):
    """a (m, k) b (k, n), every step rounded to float32."""
    total = np.zeros((len(a), b.shape[1]), np.float32) if total is None else total
    for i in range(a.shape[1]):
        total = total + a[:, i : i + 1] * b[i : i + 1]
    return total


def in_eights(a, b):
    """The same; but of elements before a multiple of 16 bytes, four of eight terms by themselves."""
    total, (m, k), n = term_by_term(a, b), a.shape, b.shape[1]
    for i in range(m):
        head = -(i * n) % 4
        if k < 8 or n - head < 4 or m == 1 or n == 1:
            continue
        for j in range(head):
            one = np.float32(0)
            for start in range(0, k - k % 8, 8):
                one = in_turn(a[i, start : start + 4], b[start : start + 4, j], one)
                one = one + in_turn(a[i, start + 4 : start + 8], b[start + 4 : start + 8, j])
            total[i, j] = in_turn(a[i, k - k % 8 :], b[k - k % 8 :, j], one)
    return total


def dot(x, y):
    sums, k, start = np.zeros((4, 4), np.float32), len(x), 0
    for count, vectors in ((16, 4), (8, 2), (4, 1)):
        while start + count <= k:
            pair = x[start : start + count] * y[start : start + count]
            sums[:vectors] += pair.reshape(vectors, 4)
            start += count
    sums[0, 0] = in_turn(x[start:], y[start:], sums[0, 0])
    lanes = ((sums[0] + sums[1]) + sums[2]) + sums[3]
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 10, 11])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 8, 9, 20, 33, 64])
@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_layer_adds_up_in_lanes(n, k, offset):
    for m in (2, 7):
        x, w, bias = matrix(m, k), matrix(n, k), matrix(n)
        wanted = rows_by_rows(x, w, offset) if n > 1 else matrix_by_vector(x, w[0], offset)[:, None]
        got = mt.nn.functional.linear(at(x, offset), at(w, 0), at(bias, 0)).numpy()
        np.testing.assert_array_equal(got, wanted + bias)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 8, 15, 40])
@pytest.mark.parametrize("k", [1, 3, 4, 8, 9, 31])
def test_a_layer_of_one_row_is_a_matrix_by_a_vector(n, k):
    for offset in (0, 2):
        x, w, bias = matrix(1, k), matrix(n, k), matrix(n)
        wanted = matrix_by_vector(w, x[0], 0, offset) + bias
        got = mt.nn.functional.linear(at(x, offset), at(w, 0), at(bias, 0)).numpy()
        np.testing.assert_array_equal(got[0], wanted)
        got = mt.mv(at(w, 0), at(x[0], offset)).numpy()
        np.testing.assert_array_equal(got, matrix_by_vector(w, x[0], 0, offset))


@pytest.mark.parametrize(
    ("m", "n", "k"),
    [(32, 2, 128), (32, 128, 4), (64, 20, 2), (120, 3, 40), (8, 4, 2), (8, 1, 4), (8, 8, 8), (9, 6, 7)]
    + [(8, 8, 2), (8, 1, 8), (16, 4, 4), (20, 300, 1), (20, 1, 300), (64, 8, 3), (5, 10, 9)],
)
def test_gradients_of_a_layer_add_up_term_by_term(m, n, k):
    x, w = (at(matrix(*shape), 0).requires_grad_() for shape in ((m, k), (n, k)))
    g = matrix(m, n)
    mt.nn.functional.linear(x, w).backward(at(g, 0))
    if k <= 11 or n <= 3:
        np.testing.assert_array_equal(w.grad.numpy(), in_eights(g.T, x.detach().numpy()))
    if k == 1:
        np.testing.assert_array_equal(x.grad.numpy()[:, 0], matrix_by_vector(g, w.detach().numpy()[:, 0]))
    elif k <= 11:
        np.testing.assert_array_equal(x.grad.numpy(), in_eights(g, w.detach().numpy()))


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 20, 31, 100])
def test_a_dot_product_goes_in_four_vectors(k):
    x, y = matrix(k), matrix(k)
    assert mt.dot(at(x, 0), at(y, 0)).item() == dot(x, y)


def test_small_stacks_are_multiplied_plainly():
    for m, k, n in ((2, 3, 4), (8, 20, 1), (1, 20, 8), (5, 13, 6)):
        a, b = matrix(3, m, k), matrix(3, k, n)
        wanted = [term_by_term(*pair) for pair in zip(a, b, strict=True)]
        np.testing.assert_array_equal(mt.bmm(at(a, 0), at(b, 0)).numpy(), wanted)
        turned = at(b.transpose(0, 2, 1).copy(), 0).transpose(1, 2)
        np.testing.assert_array_equal(mt.bmm(at(a, 0), turned).numpy(), wanted)
    assert mt.bmm(mt.zeros(2, 0, 3), mt.zeros(2, 3, 4)).shape == (2, 0, 4)
    assert mt.bmm(mt.zeros(2, 2, 0), mt.zeros(2, 0, 4)).sum() == 0


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 70])
@pytest.mark.parametrize("n", [1, 2, 5, 11, 12, 70])
@pytest.mark.parametrize("k", [0, 1, 7, 9, 33])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_in_every_layout(m, n, k, dtype):
    a, b, c = matrix(m, k, dtype=dtype), matrix(k, n, dtype=dtype), matrix(m, n, dtype=dtype)
    exact, most = a.astype(float) @ b, 1e-4 if dtype == np.float32 else 1e-12
    for left in (mt.from_numpy(a), mt.from_numpy(a.T.copy()).T, mt.from_numpy(a.repeat(2, 1))[:, ::2]):
        for right in (mt.from_numpy(b), mt.from_numpy(b.T.copy()).T, mt.from_numpy(b.repeat(2, 1))[:, ::2]):
            assert np.allclose((left @ right).numpy(), exact, atol=most)
            added = mt.addmm(mt.from_numpy(c), left, right)
            assert np.allclose(added.numpy(), exact + c, atol=most)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8, 31, 32, 33, 100])
@pytest.mark.parametrize("m", [1, 3, 5, 8, 16, 50, 300])
@pytest.mark.parametrize("k", [2, 20])
def test_gradients_of_a_bias(m, n, k):
    g, bias = matrix(m, n), mt.zeros(n, requires_grad=True)
    mt.nn.functional.linear(mt.ones(m, k), mt.ones(n, k, requires_grad=True), bias).backward(at(g, 0))
    assert np.allclose(bias.grad.numpy(), g.astype(float).sum(0), atol=1e-4)
    np.testing.assert_array_equal(bias.grad.numpy(), at(g, 0).sum(0).numpy())
    if m == 50 and n == 32:
        sixteens = [g[i : i + 16] for i in (0, 16, 32)]
        sums = [term_by_term(np.ones((1, 16), np.float32), part)[0] for part in sixteens]
        rest = g[48] + g[49]
        assert np.array_equal(bias.grad.numpy(), rest + ((sums[0] + sums[1]) + sums[2]))


@pytest.mark.parametrize("offset", [0, 1, 3])
@pytest.mark.parametrize("m", [1, 2, 3, 4, 7, 8, 33])
def test_layers_of_pytorch(pytorch, m, offset):
    if not pytorch.backends.mkl.is_available():
        pytest.skip("this PyTorch multiplies with another library")
    for k in (1, 2, 3, 4, 7, 8, 11, 13, 20):
        for n in (1, 2, 3, 4, 5, 8, 11, 12, 30):
            buffer, w, bias, g = matrix(m * k + offset), matrix(n, k), matrix(n), matrix(m, n)
            results = []
            for library in (pytorch, mt):
                memory = library.zeros(m * k + offset) + library.from_numpy(buffer)
                x = memory[offset:].view(m, k).detach().requires_grad_()
                w_, bias_ = (library.from_numpy(v).clone().requires_grad_() for v in (w, bias))
                y = library.nn.functional.linear(x, w_, bias_)
                y.backward(library.from_numpy(g).clone())
                results.append([v.detach().numpy() for v in (y, x.grad, w_.grad, bias_.grad)])
            for want, got in zip(*results, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
            if pytorch.backends.cpu.get_cpu_capability() != "AVX512" or m == k == 1:
                continue  # the digits are those of that library on such a machine
            for want, got in zip(*results, strict=True):
                np.testing.assert_array_equal(got, want, err_msg=f"m {m}, k {k}, n {n}")


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint8"])
@pytest.mark.parametrize(
    "m, k, n", [(1, 1, 1), (2, 300, 5), (5, 257, 1), (33, 600, 17), (0, 3, 2), (3, 0, 2)]
)
def test_products_of_integers(m, k, n, dtype):
    """The low bits of sums that do not fit, whatever the strides; around the blocks of 256 terms."""
    ends = np.iinfo(dtype).min, np.iinfo(dtype).max
    a, b = (RANDOM.integers(*ends, shape, dtype, True) for shape in [(m, k), (k, n)])
    want = (a.astype(np.int64) @ b.astype(np.int64)).astype(dtype)
    for x in (mt.from_numpy(a), mt.from_numpy(a.T.copy()).t()):
        for y in (mt.from_numpy(b), mt.from_numpy(b.T.copy()).t()):
            np.testing.assert_array_equal((x @ y).numpy(), want)
            np.testing.assert_array_equal(mt.addmm(mt.from_numpy(want), x, y).numpy(), want + want)
            np.testing.assert_array_equal((x.expand(2, m, k) @ y.expand(2, k, n))[1].numpy(), want)


@pytest.mark.parametrize("shape", [(3, 4, 5), (8, 8, 8), (40, 50, 60)])
def test_stacks_of_products(shape):
    """Small products are shared among the processors: each is what it is by itself."""
    m, k, n = shape
    a, b = mt.from_numpy(matrix(300, m, k)), mt.from_numpy(matrix(300, k, n))
    y, turned = a @ b, a.mT.contiguous().mT @ b
    np.testing.assert_allclose(y.numpy(), a.numpy() @ b.numpy(), atol=1e-4)
    for i in range(0, 300, 7):
        np.testing.assert_array_equal(y[i].numpy(), mt.bmm(a[i : i + 1], b[i : i + 1])[0].numpy())
        assert turned[i].allclose(y[i], atol=1e-4)
    assert (mt.ones(4, 0, 3) @ mt.ones(4, 3, 2)).shape == (4, 0, 2)
    assert (mt.ones(4, 2, 0) @ mt.ones(4, 0, 2) == 0).all()


@pytest.mark.parametrize(
    "x, y", [((3, 4), (2, 5)), ((2, 3, 4), (5, 2)), ((4,), (3,)), ((2, 0), (3, 2)), ((), (2, 3))]
)
def test_kronecker_products_with_and_without_derivatives(x, y):
    a, b = mt.from_numpy(matrix(*x)), mt.from_numpy(matrix(*y))
    want = np.kron(a.numpy(), b.numpy())
    np.testing.assert_array_equal(mt.kron(a, b).numpy(), want)
    np.testing.assert_array_equal(mt.kron(a.requires_grad_(), b).detach().numpy(), want)


@pytest.mark.parametrize(
    ("m", "k", "n"), [(3000, 100, 10), (2, 900, 700), (1, 3000, 500), (3001, 400, 1), (4000, 64, 3)]
)
def test_large_layers(pytorch, m, k, n):
    """In PyTorch's order, and on several threads as on one."""
    x, w, g = matrix(m, k), matrix(n, k), matrix(m, n)
    before = mt.get_num_threads(), pytorch.get_num_threads()

    def run(library, threads):
        library.set_num_threads(threads)
        weight = library.from_numpy(w).requires_grad_()
        y = library.nn.functional.linear(library.from_numpy(x), weight)
        y.backward(library.from_numpy(g))
        return y.detach().numpy().tobytes(), weight.grad.numpy().tobytes()

    try:
        one, three, theirs = run(mt, 1), run(mt, 3), run(pytorch, 1)
    finally:
        mt.set_num_threads(before[0])
        pytorch.set_num_threads(before[1])
    assert one == three
    if pytorch.backends.mkl.is_available():
        assert one[0] == theirs[0]
