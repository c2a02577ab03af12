"""Gradients of several slices of one tensor meet in it: each is added to its part alone, to the same bits as
if zeros stood around it, which is what happens where the gradient is to be differentiated again."""

import pytest

import minitorch as mt


def bits(t):
    return t.contiguous().view(mt.int64 if t.dtype == mt.float64 else mt.int32).tolist()


def chunks(x):
    return mt.cat([p * (i - 1) for i, p in enumerate(x.chunk(4, 1))], 0)


def overlapping(x):
    return x[:5] * 2 + x[1:6] * x[2:7].exp() - x[-5:]


def with_steps(x):
    return x[::2] * x[1::2] + x[:, ::3].sum() * x[::2]


def rows(x):
    return sum(r * i for i, r in enumerate(x.unbind(0))) * x.select(1, 2).sum()


def beside_the_whole(x):
    return x * 3 + x[0] + x[1, 2] + x.t()[1].sum() * x + x[:, 1:2] + x[..., -1:]


def empty_and_one(x):
    return x[3:3].sum() + x[:, 4:].sum() + x[2] * x[2, 2] + x[2:3]


def into_several(x):
    return mt.stack([a[0] + a[1:2] for a in (x * 1).split(2, 1)]) + x[0, 0]


WAYS = [chunks, overlapping, with_steps, rows, beside_the_whole, empty_and_one, into_several]


def number(kind, i):
    """-0 shows whether zeros have been added."""
    table = {
        "plain": (0.1 * i, -0.7, 1e-3),
        "zeros": (-0.0, 0.0, -1.5),
        "wild": (float("nan"), float("inf"), -0.0),
    }
    return table[kind][i % 3]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("kind", ["plain", "zeros", "wild"])
@pytest.mark.parametrize("dtype", [mt.float32, mt.float64, mt.float16])
@pytest.mark.parametrize("way", WAYS, ids=lambda f: f.__name__)
def test_parts_add_up_as_with_zeros_around_them(way, dtype, kind, threads):
    before = mt.get_num_threads()
    mt.set_num_threads(threads)
    try:
        x = (mt.arange(8 * 8).view(8, 8) * 0.01).to(dtype).requires_grad_()
        for leaf in (True, False):
            y = way(x if leaf else x * 1)
            g = mt.tensor([number(kind, i) for i in range(y.numel())]).view(y.shape).to(dtype)
            (slow,) = mt.autograd.grad(y, x, g, create_graph=True)
            (fast,) = mt.autograd.grad(way(x if leaf else x * 1), x, g)
            if dtype == mt.float16:
                slow, fast = slow.float(), fast.float()
            assert bits(slow) == bits(fast)
            x.grad = None
            way(x if leaf else x * 1).backward(g)
            assert bits(x.grad.float() if dtype == mt.float16 else x.grad) == bits(slow)
    finally:
        mt.set_num_threads(before)


def test_many_elements_and_many_waiting():
    x = mt.rand(300, 200, requires_grad=True)
    parts = [x[:, i : i + 20] for i in range(0, 200, 20)]
    y = mt.cat([p.relu() * (i - 4) for i, p in enumerate(parts)], 0)
    g = -mt.ones(3000, 20)
    g[:10] = -0.0
    (slow,) = mt.autograd.grad(y, x, g, retain_graph=True, create_graph=True)
    (fast,) = mt.autograd.grad(y, x, g)
    assert bits(slow) == bits(fast)


def test_what_others_hold_is_not_written_to():
    seen = []
    x = mt.ones(6, requires_grad=True)
    y = x * 2
    a, b = y[:3], y[3:]
    a.register_hook(seen.append)
    y.register_hook(seen.append)
    mt.cat([a, b, y[1:4]]).sum().backward()
    assert [s.tolist() for s in seen] == [[1.0] * 3, [1.0, 2.0, 2.0, 2.0, 1.0, 1.0]]
    assert x.grad.tolist() == [2.0, 4.0, 4.0, 4.0, 2.0, 2.0]


def test_the_gradient_given_is_not_written_to():
    x = mt.ones(4, requires_grad=True)
    y = x * 1
    g = mt.full((4,), 5.0)
    mt.autograd.backward([y, y[:2].sum(), y[1]], [g, None, None])
    assert g.tolist() == [5.0] * 4
    assert x.grad.tolist() == [6.0, 7.0, 5.0, 5.0]
