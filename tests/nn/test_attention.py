"""Attention: the fused operator against its rule, finite differences and PyTorch; heads, transformers."""

import math

import numpy as np
import pytest

import minitorch as mt
from minitorch import nn
from minitorch.autograd import gradcheck, gradgradcheck
from minitorch.nn.functional import scaled_dot_product_attention as attend

try:
    import torch
except ImportError:
    torch = None

with_torch = pytest.mark.skipif(torch is None, reason="compares with PyTorch")
RNG = np.random.default_rng(2)
Q, K, V = (RNG.standard_normal(s) for s in ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 2)))
NUMBERS = RNG.standard_normal((4, 6))
BOOLS = RNG.random((2, 1, 4, 6)) < 0.6
BOOLS[0, 0, 1] = False  # a query that sees nothing
MINUS = np.where(RNG.random((1, 6)) < 0.5, 0, -math.inf)
KINDS = {
    "plain": {},
    "causal": {"is_causal": True},
    "numbers": {"attn_mask": NUMBERS},
    "bools": {"attn_mask": BOOLS},
    "infinite": {"attn_mask": MINUS, "scale": 0.3},
}


def arrays(library, dtype="float64"):
    return [library.tensor(a, dtype=getattr(library, dtype), requires_grad=True) for a in (Q, K, V)]


def options(kind, library, dtype="float64"):
    kw = dict(KINDS[kind])
    if "attn_mask" in kw:
        mask = library.tensor(kw["attn_mask"])
        kw["attn_mask"] = mask if mask.dtype == library.bool else mask.to(getattr(library, dtype))
    return kw


@with_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_pytorchs(kind, dtype):
    found = []
    for library in (mt, torch):
        inputs = arrays(library, dtype)
        y = library.nn.functional.scaled_dot_product_attention(*inputs, **options(kind, library, dtype))
        (y * y).sum().backward()
        found.append([y.detach().numpy(), *(x.grad.numpy() for x in inputs)])
    tolerance = {"rtol": 2e-5, "atol": 2e-6} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-11}
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_loops_and_operators_agree(kind):
    inputs = arrays(mt)
    kw = options(kind, mt)
    if kind == "numbers":
        inputs.append(kw["attn_mask"].requires_grad_())
    fused = mt.autograd.grad((attend(*inputs[:3], **kw) ** 2).sum(), inputs)
    rule = mt.autograd.grad((attend(*inputs[:3], **kw) ** 2).sum(), inputs, create_graph=True)
    for a, b in zip(fused, rule, strict=True):
        assert b.requires_grad
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", ["causal", "numbers", "bools"])
def test_finite_differences(kind):
    kw = options(kind, mt)
    inputs = [x.detach()[:1, :2, :, :2].clone().requires_grad_() for x in arrays(mt)]
    if kind == "numbers":
        inputs.append(kw.pop("attn_mask").requires_grad_())
    elif "attn_mask" in kw:
        kw["attn_mask"] = kw["attn_mask"][:1]
    assert gradcheck(lambda *x: attend(*x, **kw), inputs)
    assert gradgradcheck(lambda *x: attend(*x, **kw), inputs)


def test_stored_values():
    """Of PyTorch 2.13."""
    x = mt.arange(6.0).reshape(3, 2) / 4
    want = [[0, 0.25], [0.3044, 0.5544], [0.7406, 0.9906]]
    np.testing.assert_allclose(attend(x, x, x, is_causal=True).numpy(), want, rtol=1e-5, atol=1e-4)


def test_batches_broadcast_and_share_heads():
    q, k, v = (mt.from_numpy(a) for a in (Q, K, V))
    alone = attend(q, k[:, :1], v[:1, :1])
    wide = attend(q, k[:, :1].expand(2, 3, 6, 5), v[:1, :1].expand(2, 3, 6, 2))
    np.testing.assert_allclose(alone.numpy(), wide.numpy(), rtol=1e-12)
    grouped = attend(q.repeat(1, 2, 1, 1), k, v, enable_gqa=True)
    np.testing.assert_allclose(grouped[:, ::2].numpy(), attend(q.repeat(1, 2, 1, 1)[:, ::2], k, v).numpy())


def heads(library, **kw):
    library.manual_seed(0)
    model = library.nn.MultiheadAttention(6, 2, dtype=library.float64, **kw)
    rng = np.random.default_rng(1)
    sizes = (4, 3, 6), (5, 3, kw.get("kdim", 6)), (5, 3, kw.get("vdim", 6))
    return model, [library.tensor(rng.standard_normal(s), requires_grad=True) for s in sizes]


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize(
    "kw",
    [
        {},
        {"kdim": 5, "vdim": 7, "bias": False},
        {"add_bias_kv": True, "add_zero_attn": True},
        {"dropout": 0.5},
        {"self": True},
        {"self": True, "batch_first": True},
    ],
)
def test_multihead_attention(same, kw, need_weights):
    kw = dict(kw)
    alone = kw.pop("self", False)

    def program(library):
        model, inputs = heads(library, **kw)
        inputs = inputs[:1] * 3 if alone else inputs
        keys = inputs[1].shape[:2]
        padding = library.zeros(*(keys if kw.get("batch_first") else keys[::-1]), dtype=library.bool)
        padding[0, -1] = True
        library.manual_seed(4)
        y, weights = model(*inputs, key_padding_mask=padding, need_weights=need_weights)
        (y * y).sum().backward()
        gradients = [x.grad for x in inputs] + [p.grad for p in model.parameters()]
        return [y, [weights] if need_weights else [], gradients, repr(model), *model.state_dict().values()]

    same(program, close=True)


def transformer(library, **kw):
    library.manual_seed(0)
    model = library.nn.Transformer(
        4, 2, 2, 1, dim_feedforward=8, dtype=library.float64, **{"batch_first": True, **kw}
    )
    rng = np.random.default_rng(1)
    src, tgt = (library.tensor(rng.standard_normal(s), requires_grad=True) for s in ((2, 5, 4), (2, 3, 4)))
    return model, src, tgt


@pytest.mark.parametrize("kw", [{}, {"norm_first": True, "activation": "gelu"}, {"bias": False}])
def test_transformer(same, kw):
    def program(library):
        model, src, tgt = transformer(library, **kw)
        mask = model.generate_square_subsequent_mask(3, dtype=library.float64)
        padding = library.tensor([[False] * 5, [False] * 3 + [True] * 2])
        library.manual_seed(5)
        y = model(src, tgt, tgt_mask=mask, src_key_padding_mask=padding)
        (y * y).sum().backward()
        return [y, src.grad, tgt.grad, [p.grad for p in model.parameters()]]

    same(program, close=True)


@with_torch
@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning")
def test_encoder_leaves_out_padding_where_pytorch_does():
    found = []
    for library in (mt, torch):
        model, src, _ = transformer(library)
        padding = library.tensor([[False] * 5, [False] * 3 + [True] * 2])
        with library.no_grad():
            found.append(model.eval().encoder(src, src_key_padding_mask=padding).numpy())
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)
    assert not found[0][1, 3:].any()


@with_torch
def test_state_dict_both_ways():
    ours, theirs = transformer(mt)[0], transformer(torch)[0]
    state = {k: torch.from_numpy(v.numpy().copy() + 1) for k, v in ours.state_dict().items()}
    theirs.load_state_dict(state)
    ours.load_state_dict({k: mt.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]


@pytest.mark.parametrize(
    "program",
    [
        lambda t: t.nn.MultiheadAttention(5, 2),
        lambda t: t.nn.MultiheadAttention(0, 2),
        lambda t: t.nn.MultiheadAttention(4, 2)(t.ones(4), t.ones(4), t.ones(4)),
        lambda t: t.nn.MultiheadAttention(4, 2)(t.ones(2, 4), t.ones(1, 2, 4), t.ones(2, 4)),
        lambda t: t.nn.MultiheadAttention(4, 2)(*[t.ones(2, 1, 4)] * 3, attn_mask=t.zeros(3, 2)),
        lambda t: t.nn.MultiheadAttention(4, 2)(*[t.ones(2, 1, 4)] * 3, is_causal=True),
        lambda t: t.nn.MultiheadAttention(4, 2)(*[t.ones(2, 1, 4)] * 3, key_padding_mask=t.zeros(2)),
        lambda t: t.nn.TransformerEncoderLayer(4, 2, activation="sin"),
        lambda t: t.nn.Transformer(4, 2, 1, 1, 4)(t.ones(2, 1, 4), t.ones(2, 2, 4)),
        lambda t: t.nn.Transformer(4, 2, 1, 1, 4)(t.ones(2, 1, 4), t.ones(2, 1, 3)),
        lambda t: t.nn.functional.scaled_dot_product_attention(t.ones(2), t.ones(2, 2), t.ones(2, 2)),
        lambda t: t.nn.functional.scaled_dot_product_attention(
            t.ones(2, 2), t.ones(2, 2).double(), t.ones(2, 2)
        ),
    ],
)
def test_refusals(same, program):
    same(program)


def test_shapes_that_the_operator_refuses():
    with pytest.raises(RuntimeError, match="do not fit"):
        attend(mt.ones(2, 3), mt.ones(2, 4), mt.ones(2, 3))
    with pytest.raises(RuntimeError, match="size of tensor"):
        attend(mt.ones(2, 1, 3), mt.ones(3, 1, 3), mt.ones(2, 1, 3))


def test_a_module_is_copied_with_its_weights():
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    with pytest.warns(UserWarning, match="enable_nested_tensor is True"):
        stack = nn.TransformerEncoder(layer, 2)
    first, second = stack.layers
    assert first.linear1.weight is not second.linear1.weight
    np.testing.assert_array_equal(
        first.linear1.weight.detach().numpy(), layer.linear1.weight.detach().numpy()
    )


def test_choosing_an_implementation_changes_nothing(same):
    def program(library):
        from importlib import import_module

        choice = import_module(library.__name__ + ".nn.attention")
        bias = import_module(library.__name__ + ".nn.attention.bias")
        q, k, v = (library.from_numpy(a) for a in (Q, K, V))
        with choice.sdpa_kernel([choice.SDPBackend.MATH]):
            y = library.nn.functional.scaled_dot_product_attention(q, k, v)
            later = library.nn.functional.scaled_dot_product_attention(
                q, k, v, attn_mask=bias.causal_lower_right(4, 6)
            )
        return [y, later, [b.value for b in choice.SDPBackend.__members__.values()]]

    same(program, close=True)
