# ruff: noqa: E501
"""The lines of nn.functional: see tests/opinfo.py."""

import itertools

import numpy as np
from opline import AB, Op


def tuples(n, *values):
    return [v if isinstance(v, tuple | list) else (v,) * n for v in values]


def conv(n):
    def of(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
        if x.ndim == n + 1:
            return of(x[None], w, b, stride, padding, dilation, groups)[0]
        stride, dilation = tuples(n, stride, dilation)
        if isinstance(padding, str):
            total = [d * (k - 1) * (padding == "same") for d, k in zip(dilation, w.shape[2:], strict=True)]
            pads = [(t // 2, t - t // 2) for t in total]
        else:
            pads = [(p, p) for p in tuples(n, padding)[0]]
        x = np.pad(x, [(0, 0), (0, 0), *pads])
        sizes = [
            (s - d * (k - 1) - 1) // t + 1
            for s, d, k, t in zip(x.shape[2:], dilation, w.shape[2:], stride, strict=True)
        ]
        y = np.zeros((x.shape[0], w.shape[0], *sizes))
        c, o = w.shape[1], w.shape[0] // groups
        for g, k in itertools.product(range(groups), np.ndindex(w.shape[2:])):
            at = tuple(
                slice(i * d, i * d + (s - 1) * t + 1, t)
                for i, d, s, t in zip(k, dilation, sizes, stride, strict=True)
            )
            seen = x[(slice(None), slice(g * c, (g + 1) * c), *at)]
            y[:, g * o : (g + 1) * o] += np.einsum(
                "nc...,oc->no...", seen, w[(slice(g * o, (g + 1) * o), slice(None), *k)]
            )
        return y if b is None else y + b.reshape(1, -1, *[1] * n)

    return of


def pad(x, pads, mode="constant", value=None):
    widths = [(pads[i], pads[i + 1]) for i in range(0, len(pads), 2)]
    widths = [(0, 0)] * (x.ndim - len(widths)) + widths[::-1]
    cut = tuple(slice(max(0, -a), n - max(0, -b)) for (a, b), n in zip(widths, x.shape, strict=True))
    widths = [(max(0, a), max(0, b)) for a, b in widths]
    kind = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    more = {"constant_values": value or 0} if mode == "constant" else {}
    return np.pad(x[cut], widths, kind, **more)


def ctc(x, targets, steps, labels, blank=0, reduction="none"):
    """Over all ways through the classes, of those that say the target the sum of probabilities."""
    loss = np.zeros(x.shape[1])
    for b, (n, k) in enumerate(zip(steps, labels, strict=True)):
        for way in itertools.product(range(x.shape[2]), repeat=n):
            said = [c for c, _ in itertools.groupby(way) if c != blank]
            loss[b] += (said == list(targets[b, :k])) * np.exp(sum(x[t, b, c] for t, c in enumerate(way)))
    return -np.log(loss)


def attention(q, k, v, mask, causal, scale):
    scores = q @ k.swapaxes(-1, -2) * scale
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


def recurrent(x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, mode, reverse=False, batch_sizes=None):
    """One direction of one layer, as the formulas of RNN, LSTM and GRU say."""
    sizes = batch_sizes or [x.shape[1]] * x.shape[0]
    rows, out = np.split(x.reshape(-1, x.shape[-1]), np.cumsum(sizes)[:-1]), [None] * len(sizes)
    h, c = h.copy(), np.zeros(0) if c is None else c.copy()
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    for t in sorted(range(len(sizes)), reverse=reverse):
        n = sizes[t]
        a = rows[t] @ w_ih.T + (0 if b_ih is None else b_ih)
        s = h[:n] @ w_hh.T + (0 if b_hh is None else b_hh)
        if mode == 2:
            i, f, g, o = np.split(a + s, 4, 1)
            c[:n] = sigmoid(f) * c[:n] + sigmoid(i) * np.tanh(g)
            new = sigmoid(o) * np.tanh(c[:n])
            h[:n] = new if w_hr is None else new @ w_hr.T
        elif mode == 3:
            (a_r, a_z, a_n), (s_r, s_z, s_n) = np.split(a, 3, 1), np.split(s, 3, 1)
            z, new = sigmoid(a_z + s_z), np.tanh(a_n + sigmoid(a_r + s_r) * s_n)
            h[:n] = (1 - z) * new + z * h[:n]
        else:
            h[:n] = np.maximum(a + s, 0) if mode else np.tanh(a + s)
        out[t] = h[:n].copy()
    y = np.concatenate(out)
    return y.reshape(*x.shape[:-1], y.shape[-1]), h, c


OPS = [
    # ---- convolutions ---------------------------------------------------------------------------------
    Op(
        "convolution",
        "r(2,2,5), r(3,2,2), r(3), [2], [1], [1], False, [0], 1",
        lambda x, w, b, s, p, d, t, o, g: conv(1)(x, w, b, s[0], p[0], d[0], g),
    ),
    Op(
        "conv1d",
        "r(2,3,7), r(4,3,3), r(4); r(2,4,7), r(2,2,2), None, 2, 1, 2, 2; r(3,6), r(2,3,2), padding='same'; r(2,1,4), r(1,1,4)",
        conv(1),
        errors=[
            "r(1,2,3), r(1,2,4) -> RuntimeError",
            "r(1,2,5), r(1,2,2), stride=0 -> RuntimeError",
            "r(2,2,2,5), r(1,2,2) -> RuntimeError",
        ],
    ),
    Op(
        "conv2d",
        "r(2,3,5,6), r(4,3,3,2), r(4); r(1,4,5,5), r(4,2,3,3), r(4), (2,1), (1,0), (1,2), 2; r(2,4,4), r(2,1,3,3), None, padding='same', groups=2; "
        "r(2,3,4,4), r(2,3,1,1); r(2,3,4,4), r(2,3,1,1), r(2), 2; r(2,2,4,4), r(2,1,3,3), r(2), padding='valid', groups=2; r(0,2,4,4), r(3,2,2,2)",
        conv(2),
        errors=[
            "r(1,2,5,5), r(2,3,2,2) -> RuntimeError",
            "r(1,2,5,5), r(2,2,2,2), r(3) -> RuntimeError",
            "r(1,2,5,5), r(2,2,2,2), groups=3 -> RuntimeError",
            "r(1,2,5,5), r(2,2,2,2), padding=-1 -> RuntimeError",
            "r(1,2,5,5), r(2,2,2,2), padding='full' -> RuntimeError",
            "r(1,2,5,5), r(2,2,2,2), stride=2, padding='same' -> RuntimeError",
        ],
    ),
    Op(
        "conv3d",
        "r(1,2,3,4,3), r(2,2,2,2,2), r(2); r(1,2,3,3,3), r(2,1,2,1,2), None, (1,2,1), 1, (2,1,1), 2",
        conv(3),
    ),
    Op(
        "conv_transpose1d",
        "r(2,3,4), r(3,2,3), r(2); r(2,4,3), r(4,1,2), None, 3, 1, 2, 2; r(3,4), r(3,2,2), dilation=3, output_padding=1, stride=1",
        errors=["r(1,2,3), r(2,2,2), output_padding=1 -> RuntimeError"],
    ),
    Op(
        "conv_transpose2d",
        "r(2,3,3,4), r(3,2,3,2), r(2); r(1,4,3,3), r(4,1,2,2), r(2), (2,1), (1,0), (1,0), 2, (1,2); r(3,4,4), r(3,2,1,1), r(2)",
        errors=["r(1,2,3,3), r(3,2,2,2) -> RuntimeError", "r(1,2,3,3), r(2,2,2,2), r(3) -> RuntimeError"],
    ),
    Op("conv_transpose3d", "r(1,2,2,3,2), r(2,2,2,2,2), r(2); r(1,2,2,2,2), r(2,1,1,2,2), None, 2, 0, 1, 2"),
    # ---- attention, recurrent layers -----------------------------------------------------------------------------
    Op(
        "_attention",
        "r(2,3,4), r(2,5,4), r(2,5,3), None, False, 0.5; r(2,1,3,2), r(1,2,3,2), r(3,4), r(3,3), True, 0.7; r(3,2), r(3,2), r(3,2), None, True, 1.0",
        attention,
        rtol=1e-5,
    ),
    Op(
        "_recurrent",
        "r(3,2,2), r(2,3), r(2,3), r(12,2), r(12,3), r(12), r(12), None, 2; r(5,2), r(2,2), r(2,3), r(12,2), r(12,2), None, r(12), r(2,3), 2, True, [2,2,1]; "
        "r(3,2,2), r(2,3), None, r(9,2), r(9,3), r(9), r(9), None, 3; r(4,2), r(3,2), None, r(6,2), r(6,2), None, None, None, 3, True, [3,1]; "
        "r(3,2,2), r(2,3), None, r(3,2), r(3,3), r(3), r(3), None, 0; r(3,2,2), r(2,3), None, r(3,2), r(3,3), r(3), r(3), None, 1, True",
        recurrent,
        rtol=1e-5,
    ),
    # ---- pools ----------------------------------------------------------------------------------------
    Op(
        "max_pool1d",
        "d(2,3,6), 2; d(3,7), 3, 2, 1; d(1,2,7), 2, 1, 0, 2; d(2,5), 2, ceil_mode=True",
        errors=[
            "r(2,3,6), 7 -> RuntimeError",
            "r(2,3,6), 0 -> RuntimeError",
            "r(2,2,3,6), 2 -> RuntimeError",
        ],
    ),
    Op(
        "max_pool2d",
        "d(2,3,4,4), 2; d(3,5,5), 3, 2, 1; d(2,2,6,5), (3,2), (2,1), (1,0), 1, True; d(1,2,7,7), 2, None, 1, 2; d(0,2,4,4), 2",
        errors=[
            "r(2,3,4,4), 5 -> RuntimeError",
            "r(2,3,4,4), 2, 2, 2 -> RuntimeError",
            "r(2,3,4,4), (2,2,2) -> RuntimeError",
            "r(3,4), 2 -> RuntimeError",
        ],
    ),
    Op("max_pool3d", "d(1,2,4,4,2), 2; d(2,3,4,5), 2, 1, 1"),
    *[Op(f"max_pool{n}d_with_indices", f"d(1,2,{'4,' * n}), 2, 1") for n in (1, 2, 3)],
    Op(
        "avg_pool1d",
        "r(2,3,6), 2; r(3,7), 3, 2, 1; r(2,7), 3, 2, 1, True, False",
        errors=["r(2,3,6), 7 -> RuntimeError"],
    ),
    Op(
        "avg_pool2d",
        "r(2,3,4,4), 2; r(3,5,5), 3, 2, 1; r(2,2,6,5), (3,2), (2,1), (1,0), True, False; r(2,3,4,4), 2, 1, 1, False, True, 3; r(2,5,5), 2, ceil_mode=True",
        errors=["r(2,3,4,4), 5 -> RuntimeError", "r(2,3,4,4), 2, divisor_override=0 -> RuntimeError"],
    ),
    Op("avg_pool3d", "r(1,2,4,4,2), 2; r(2,3,4,5), 2, 1, 1, False, False"),
    Op("adaptive_avg_pool1d", "r(2,3,6), 2; r(3,7), 3; r(3,4), 6", errors=["r(2,2,3,6), 2 -> RuntimeError"]),
    Op(
        "adaptive_avg_pool2d",
        "r(2,3,4,4), 2; r(3,5,7), (3,2); r(2,2,3,3), 1; r(1,1,2,3), (None,5)",
        errors=["r(2,3), 2 -> RuntimeError"],
    ),
    Op("adaptive_avg_pool3d", "r(1,2,4,3,2), 2; r(2,3,4,5), (1,2,3)"),
    Op("adaptive_max_pool1d", "d(2,3,6), 2; d(3,7), 3"),
    Op(
        "adaptive_max_pool2d",
        "d(2,3,4,4), 2; d(3,5,7), (3,2); d(2,2,3,3), 1, True",
        errors=["r(2,3), 2 -> RuntimeError"],
    ),
    Op("adaptive_max_pool3d", "d(1,2,4,3,2), 2; d(2,3,4,5), (1,2,3)"),
    Op("_max_unpool", "r(1,2,3), c([[[0,2,5],[1,3,4]]]), (6,); r(1,1,2,2), c([[[[0,3],[8,11]]]]), (4,3)"),
    # ---- norms and tables -----------------------------------------------------------------------------
    Op(
        "layer_norm",
        "r(3,4), (4,); r(2,3,4), (3,4), p(3,4), r(3,4); r(2,5), (5,), p(5), None, 0.1; r(0,3), (3,)",
        rtol=1e-5,
        errors=["r(2,3), (2,) -> RuntimeError", "r(2,3), (3,), r(2) -> RuntimeError"],
    ),
    Op(
        "rms_norm",
        "r(3,4), (4,); r(2,3,4), (3,4), p(3,4); r(2,5), (5,), p(5), 0.1",
        rtol=1e-5,
        errors=["r(2,3), (2,) -> RuntimeError"],
    ),
    Op(
        "group_norm",
        "r(2,4,3), 2; r(2,4), 2, p(4), r(4); r(2,6,2,2), 3, p(6), r(6), 0.1",
        rtol=1e-5,
        errors=["r(2,4), 3 -> RuntimeError", "r(2), 1 -> RuntimeError"],
    ),
    Op(
        "embedding",
        "r(4,3), i(2,3,n=4); r(4,3), c([0,1,1]); r(2,2), c(1)",
        lambda w, i, p=-1: w[i],
        errors=["r(2,2), c([2]) -> IndexError", "r(2), c([0]) -> RuntimeError"],
    ),
    Op(
        "ctc_loss",
        "r(4,2,3), c([[1,2],[1,1]]), [4,3], [2,1], 0, 'none'; r(3,2,4), c([[3,3],[1,0]]), [3,1], [2,0], 2, 'none'",
        ctc,
        grad=None,  # PyTorch's takes log_probs for what log_softmax gave: tests/nn/test_losses.py
        errors=["r(2,1,3), c([[1]]), [2], [2] -> RuntimeError"],
    ),
    Op("embedding_renorm_", "w(4,3), c([0,2]), 0.5, 2.0; w(4,3), c([0,1,1]), 1.0, 1.0", grad=False),
    # ---- images ---------------------------------------------------------------------------------------
    Op(
        "_interpolate",
        "r(1,2,3), (5,), 'nearest'; r(1,2,3), (5,), 'linear'; r(2,1,3,4), (5,2), 'linear', True; r(1,1,3,4), (4,6), 'cubic'; r(1,1,4,3), (2,5), 'nearest-exact'",
    ),
    Op("_grid_places", "c([[[[0.,1.,9.]],[[1.,2.,0.]]],[[[3.,-1.,0.]],[[0.,0.,3.]]]]), (3,4)", grad=False),
    Op(
        "_grid_pick",
        "r(2,3,4,5), c([[[0,7,-1],[3,3,19]],[[1,1,1],[-1,-1,0]]]), r(2,2,3), (3,); "
        "r(1,2,6), c([[[5,0,2,2]]]), r(1,1,4), (2,2)",
    ),
    Op("_im2col", "r(1,2,4,3), 0, 2, 1, 0, 1; r(2,4,5), 0, (2,3), (2,1), (1,0), (1,2)"),
    Op(
        "_col2im",
        "r(1,8,6), (4,3), 2, 1, 0, 1; r(4,9), 4, 2, 1, 0, 1",
    ),
    # ---- padding --------------------------------------------------------------------------------------
    Op(
        "constant_pad_nd",
        "r(3,4), (1,2); r(3,4), (1,0,0,2), 5; r(3,4), (-1,2,1,-2), 1; r(0,3), (1,1)",
        lambda x, p, v=0: pad(x, p, value=v),
        AB,
        errors=["r(3), (1,) -> RuntimeError", "r(3), (-2,-2) -> RuntimeError"],
    ),
    Op(
        "pad",
        "r(3,4), (1,2); r(3,4), (1,0,0,2), value=2.5; r(2,3,4), (2,1), 'reflect'; r(2,3,4), (2,1,1,2), 'replicate'; r(2,3,4), (2,3,3,1), 'circular'; "
        "r(2,3,4), (-1,1), 'circular'; r(2,4), (-1,2), 'reflect'; r(2,4), (1,-2), 'replicate'; r(1,2,3,2), (1,1,2,2,0,1), 'reflect'",
        pad,
        errors=[
            "r(2,3), (3,1), 'reflect' -> RuntimeError",
            "r(2,3), (4,1), 'circular' -> RuntimeError",
            "r(2,3), (1,1), 'round' -> NotImplementedError",
        ],
    ),
]
