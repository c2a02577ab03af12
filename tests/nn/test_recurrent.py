"""Recurrent layers: the fused operator against its rule in operators, finite differences and PyTorch; packed
sequences, dropout between layers, weights both ways."""

import numpy as np
import pytest

import minitorch as mt
from minitorch import nn
from minitorch.autograd import gradcheck, gradgradcheck
from minitorch.nn.utils import rnn as packing

try:
    import torch
except ImportError:
    torch = None

with_torch = pytest.mark.skipif(torch is None, reason="compares with PyTorch")
KINDS = {
    "tanh": ("RNN", {}),
    "relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "projected": ("LSTM", {"proj_size": 2}),
    "gru": ("GRU", {}),
}
SIZES = [3, 2, 2, 1]
STORED_LSTM = [[-0.127009, -0.009671], [-0.172369, -0.020379], [-0.187363, -0.02623]]
STORED_GRU = [[-0.243466, -0.401327], [-0.463209, -0.567936], [-0.613299, -0.64684]]
STORED_RNN = [[0.097272, -0.783454], [-0.077312, -0.904216], [-0.052769, -0.91544]]


def layer(kind, library=mt, **kw):
    name, more = KINDS[kind]
    library.manual_seed(3)
    return getattr(library.nn, name)(4, 3, dtype=library.float64, **more, **kw)


def total(output, states):
    """One number that depends on everything a layer returns."""
    data = getattr(output, "data", output) if isinstance(output, tuple) else output
    states = states if isinstance(states, tuple) else (states,)
    return (data * data).sum() + sum((s * s * s).sum() for s in states)


def sequence(library, packed):
    rng = np.random.default_rng(5)
    x = library.tensor(rng.standard_normal((sum(SIZES), 4) if packed else (4, 3, 4)), requires_grad=True)
    if not packed:
        return x, x
    return x, library.nn.utils.rnn.PackedSequence(x, library.tensor(SIZES))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_loops_and_operators_agree(kind, packed):
    """The fused way back is used without create_graph, the rule made of operators with it."""
    model = layer(kind, bidirectional=True, num_layers=2)
    x, given = sequence(mt, packed)
    leaves = [x, *model.parameters()]
    fused = mt.autograd.grad(total(*model(given)), leaves)
    rule = mt.autograd.grad(total(*model(given)), leaves, create_graph=True)
    for a, b in zip(fused, rule, strict=True):
        assert b.requires_grad
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_finite_differences(kind, packed, bias):
    model = layer(kind, bias=bias)
    names = [name for name, _ in model.named_parameters()]
    x, _ = sequence(mt, packed)
    lstm = kind in ("lstm", "projected")
    states = [mt.randn(1, 3, 2 if kind == "projected" else 3, dtype=mt.float64, requires_grad=True)]
    if lstm:
        states.append(mt.randn(1, 3, 3, dtype=mt.float64, requires_grad=True))
    weights = [p.detach().clone().requires_grad_() for p in model.parameters()]

    def run(x, *rest):
        given = packing.PackedSequence(x, mt.tensor(SIZES)) if packed else x
        hx = tuple(rest[: len(states)])
        parameters = dict(zip(names, rest[len(states) :], strict=True))
        output, last = mt.func.functional_call(model, parameters, (given, hx if lstm else hx[0]))
        return (output.data if packed else output, *(last if lstm else (last,)))

    inputs = (x, *states, *weights)
    assert gradcheck(run, inputs)
    if kind != "relu":
        assert gradgradcheck(run, inputs)


@with_torch
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_pytorchs(kind, packed):
    found = []
    for library in (mt, torch):
        model = layer(kind, library, bidirectional=True, num_layers=2, dropout=0.4)
        x, given = sequence(library, packed)
        library.manual_seed(1)
        output, states = model(given)
        total(output, states).backward()
        found.append([x.grad, *(p.grad for p in model.parameters()), output[0] if packed else output])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-10)


@with_torch
def test_large_enough_for_slices_and_blocks():
    """Sizes that are no multiples of the blocks of packed weights."""
    found = []
    for library in (mt, torch):
        library.manual_seed(0)
        model = library.nn.LSTM(37, 141, batch_first=True)
        x = library.from_numpy(np.random.default_rng(0).standard_normal((19, 6, 37)).astype(np.float32))
        x.requires_grad_()
        output, states = model(x)
        total(output, states).backward()
        found.append([output, *states, x.grad, *(p.grad for p in model.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-4, atol=2e-4)


def digits(library, kind, sizes, lengths):
    """What a layer, or a cell, makes of sequences of these lengths, and its gradients, as bytes."""
    rng = np.random.default_rng(0)

    def numbers(*shape):
        return library.from_numpy(rng.standard_normal(shape).astype(np.float32))

    model = getattr(library.nn, kind)(*sizes)
    for p in model.parameters():
        p.data.copy_(numbers(*p.shape) / sizes[1])
    x = numbers(max(lengths), len(lengths), sizes[0]).requires_grad_()
    if "Cell" in kind:
        h = numbers(len(lengths), sizes[1]).requires_grad_()
        given, results = [x, h], [model(x[0], (h, h) if "LSTM" in kind else h)]
    else:
        given = [x]
        same = min(lengths) == max(lengths)
        y, h = model(x if same else library.nn.utils.rnn.pack_padded_sequence(x, library.tensor(lengths)))
        results = [y if same else y.data, h]
    results = [v for r in results for v in (r if isinstance(r, tuple) else (r,))]
    goal = sum((r * numbers(*r.shape)).sum() for r in results)
    gradients = library.autograd.grad(goal, [*given, *model.parameters()])
    return [v.detach().numpy().tobytes() for v in (*results, *gradients)]


LENGTHS = {
    "one": [4],
    "three": [3] * 3,
    "many": [5] * 16,
    "too many": [2] * 200,
    "packed": [6, 5, 5, 4, 3, 3, 1],
}


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("kind", ["RNN", "GRU", "RNNCell", "GRUCell", "LSTMCell"])
def test_digits_are_pytorchs(pytorch, kind, lengths):
    if not pytorch.backends.mkl.is_available() or pytorch.backends.cpu.get_cpu_capability() != "AVX512":
        pytest.skip("this PyTorch multiplies in other ways here")
    for sizes in ((10, 20), (57, 128), (32, 64)):
        assert digits(mt, kind, sizes, LENGTHS[lengths]) == digits(pytorch, kind, sizes, LENGTHS[lengths])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_digits_do_not_depend_on_threads(kind):
    """Nor where a thread's slice of the batch, or what is left of it in a late step, is a row or two."""
    threads = mt.get_num_threads()
    try:
        for lengths in (*LENGTHS.values(), [4] * 7, [3] * 9, [3] * 5 + [2] * 3, [4] * 6 + [3] * 3 + [1] * 2):
            for sizes in ((57, 128), (32, 65)):
                found = [mt.set_num_threads(n) or digits(mt, kind, sizes, lengths) for n in range(1, 6)]
                assert all(bits == found[0] for bits in found[1:])
    finally:
        mt.set_num_threads(threads)


def test_stored_values():
    """Of PyTorch 2.13: nn.LSTM(2, 2) and nn.GRU(2, 2) of ones after manual_seed(0)."""
    for name, want in (("LSTM", STORED_LSTM), ("GRU", STORED_GRU), ("RNN", STORED_RNN)):
        mt.manual_seed(0)
        y, _ = getattr(nn, name)(2, 2)(mt.ones(3, 1, 2))
        np.testing.assert_allclose(y.detach().numpy()[:, 0], want, rtol=1e-5, atol=1e-6)


@with_torch
@pytest.mark.parametrize("kind", KINDS)
def test_state_dict_both_ways(kind):
    ours, theirs = layer(kind, num_layers=2), layer(kind, torch, num_layers=2, bias=True)
    state = {k: torch.from_numpy(v.numpy().copy()) for k, v in ours.state_dict().items()}
    assert list(state) == list(theirs.state_dict())
    theirs.load_state_dict(state)
    ours.load_state_dict({k: mt.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    x = np.ones((2, 1, 4))
    a, b = ours(mt.from_numpy(x))[0], theirs(torch.from_numpy(x))[0]
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-10)


def test_a_packed_batch_is_its_sequences_one_by_one():
    model = layer("lstm", bidirectional=True)
    sequences = [mt.randn(n, 4, dtype=mt.float64) for n in (2, 5, 3)]
    packed = packing.pack_sequence(sequences, enforce_sorted=False)
    output, (h, c) = model(packed)
    for k, (s, o) in enumerate(zip(sequences, packing.unpack_sequence(output), strict=True)):
        alone, (h1, c1) = model(s)
        for a, b in ((o, alone), (h[:, k], h1), (c[:, k], c1)):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_cell_is_one_step(kind):
    mt.manual_seed(0)
    model = getattr(nn, kind)(3, 4)
    cell = getattr(nn, kind + "Cell")(3, 4)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in model.state_dict().items()})
    x, h = mt.randn(2, 3), None
    for _ in range(2):
        h = cell(x, h)
    last = model(mt.stack([x, x]))[1]
    for a, b in zip(h if kind == "LSTM" else (h,), last if kind == "LSTM" else (last,), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b[0].detach().numpy(), rtol=1e-5, atol=1e-6)


def packs(library):
    """Everything of nn.utils.rnn, as one program."""
    u = library.nn.utils.rnn
    padded = library.tensor([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0], [4.0, 5.0, 6.0]], requires_grad=True)
    p = u.pack_padded_sequence(padded, [2, 1, 3], batch_first=True, enforce_sorted=False)
    back, lengths = u.pad_packed_sequence(p, batch_first=True, padding_value=-1.0, total_length=4)
    (back * back).sum().backward()
    rows = u.pad_sequence([padded[0], padded[1, :1]], padding_side="left", padding_value=7.0)
    return [*p, back, lengths, padded.grad, rows, u.unpack_sequence(p), u.invert_permutation(lengths - 1)]


def test_packing(same):
    same(packs)


@pytest.mark.parametrize(
    "program",
    [
        lambda t: t.nn.utils.rnn.pack_padded_sequence(t.ones(2, 3), [1, 2], True),
        lambda t: t.nn.utils.rnn.pack_padded_sequence(t.ones(2, 3), [2], True),
        lambda t: t.nn.utils.rnn.pack_padded_sequence(t.ones(2, 3), [2, 0], True),
        lambda t: t.nn.utils.rnn.pad_sequence(3),
        lambda t: t.nn.utils.rnn.pad_packed_sequence(
            t.nn.utils.rnn.pack_sequence([t.ones(3)]), total_length=2
        )[0],
        lambda t: t.nn.LSTM(2, 3)(t.ones(2)),
        lambda t: t.nn.LSTM(2, 3)(t.ones(2, 1, 3)),
        lambda t: t.nn.LSTM(2, 3)(t.ones(2, 1, 2).double()),
        lambda t: t.nn.LSTM(2, 3)(t.ones(2, 1, 2), (t.ones(1, 1, 3), t.ones(1, 2, 3))),
        lambda t: t.nn.GRU(2, 3)(t.ones(2, 1, 2), t.ones(1, 3)),
        lambda t: t.nn.GRU(2, 3)(t.ones(0, 1, 2)),
        lambda t: t.nn.RNN(2, 3, nonlinearity="sin"),
        lambda t: t.nn.RNN(2, 3, proj_size=2),
        lambda t: repr(t.nn.LSTM(2, 3, dropout=0.5, bidirectional=True, batch_first=True)),
        lambda t: t.nn.GRUCell(2, 3)(t.ones(1, 2), t.ones(1, 2)),
        lambda t: t.nn.LSTMCell(2, 3)(t.ones(1, 3)),
    ],
)
def test_refusals(same, program):
    same(program)


@pytest.mark.parametrize(
    "x, h, weights, sizes",
    [
        ((3, 2, 2), (2, 3), ((3, 2), (4, 3)), None),
        ((3, 2, 2), (2, 3), ((3, 3), (3, 3)), None),
        ((4, 2), (3, 3), ((3, 2), (3, 3)), [1, 3]),
        ((4, 2), (3, 3), ((3, 2), (3, 3)), [3, 2]),
        ((0, 2, 2), (2, 3), ((3, 2), (3, 3)), None),
    ],
)
def test_shapes_that_the_operator_refuses(x, h, weights, sizes):
    w_ih, w_hh = (mt.ones(*shape) for shape in weights)
    with pytest.raises(RuntimeError):
        mt._C._nn._recurrent(mt.ones(*x), mt.ones(*h), None, w_ih, w_hh, None, None, None, 0, False, sizes)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("kind", ["projected", "gru"])
def test_every_allocation_fails(kind, create_graph):
    """Each gives MemoryError, and the next call is as if nothing had been."""
    model = layer(kind, bidirectional=True)
    x, given = sequence(mt, packed=True)
    leaves = [x, *model.parameters()]

    def run():
        return [g.tolist() for g in mt.autograd.grad(total(*model(given)), leaves, create_graph=create_graph)]

    want = run()
    mt._C._fail_alloc_after(2**64 - 1)  # counts, and lets none fail
    run()
    count = mt._C._fail_alloc_after(0)
    for n in range(1, count + 1, 7 if create_graph else 1):
        mt._C._fail_alloc_after(n)
        try:
            run()
        except MemoryError:
            pass
        finally:
            mt._C._fail_alloc_after(0)
    assert run() == want and count > 40
