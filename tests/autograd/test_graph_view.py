"""minitorch.graph: the tree, the chain rule in numbers, the picture; and that looking changes nothing."""

import random
import re
import xml.etree.ElementTree as ET

import pytest

import minitorch as mt
from minitorch import nn
from minitorch._graph_layout import arrange
from minitorch._graph_svg import _parts
from minitorch.nn.functional import mse_loss


def scalar(x):
    return mt.tensor(x, requires_grad=True)


def chain_rule():
    """L = (a * b + c) * f, the scalar graph of the lecture."""
    a, b, c, f = scalar(2.0), scalar(-3.0), scalar(10.0), scalar(-2.0)
    e = a * b
    d = e + c
    return d * f, {"a": a, "b": b, "c": c, "f": f, "d": d, "e": e}


def lecture_net():
    """L = MSE(y - (W2 @ relu(W1 @ x + b) + b))"""
    W1, W2, b = mt.randn(4, 3), mt.randn(4, 4), mt.randn(4)
    x, y = mt.randn(3), mt.randn(4)
    for parameter in (W1, W2, b):
        parameter.requires_grad_()
    loss = mse_loss(y - (W2 @ mt.relu(W1 @ x + b) + b), mt.zeros(4))
    return loss, {"W1": W1, "W2": W2, "b": b, "x": x, "y": y}


def rectangles(graph):
    boxes, edges = _parts(graph)
    arrange(boxes, edges)
    parts = [*boxes, *(edge.label for edge in edges if edge.label.value or edge.label.gradient)]
    return [(b.x - b.width / 2, b.x + b.width / 2, b.y - b.height / 2, b.y + b.height / 2) for b in parts]


def overlaps(graph):
    found, all_of = 0, rectangles(graph)
    for i, (left, right, top, bottom) in enumerate(all_of):
        for other in all_of[:i]:
            apart = right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top
            found += not apart
    return found


def test_the_tree_of_the_lecture():
    loss, names = chain_rule()
    assert repr(mt.graph(loss, names)).splitlines() == [
        "L = d * f = -8  (gradient 1)",
        "├─ d = e + c = 4  (gradient -2)",
        "│  ├─ e = a * b = -6  (gradient -2)",
        "│  │  ├─ a = 2  (gradient 6)",
        "│  │  └─ b = -3  (gradient -4)",
        "│  └─ c = 10  (gradient -2)",
        "└─ f = -2  (gradient 4)",
    ]


def test_the_chain_rule_of_the_lecture():
    loss, names = chain_rule()
    text = mt.graph(loss, **names).explain()
    assert "d = e + c = (-6) + 10 = 4" in text
    assert "dL/de = dL/dd * ∂d/∂e = (-2) * 1 = -2" in text
    assert "dL/da = dL/de * ∂e/∂a = (-2) * (-3) = 6" in text
    assert repr(text) == str(text)


def test_looking_changes_nothing():
    loss, names = lecture_net()
    called = []
    names["W1"].register_hook(called.append)
    loss.grad_fn.register_hook(lambda *_: called.append(1))
    versions = [t._version for t in names.values()]
    mt.graph(loss, names)
    mt.graph(loss, names).explain()
    assert all(t.grad is None for t in names.values())
    assert versions == [t._version for t in names.values()]
    called.clear()
    loss.backward()
    assert len(called) == 2


def test_gradients_are_those_of_backward():
    loss, names = lecture_net()
    graph = mt.graph(loss, names)
    loss.backward()
    for value in graph.values:
        if value.kind == "leaf":
            assert mt.allclose(value.grad, names[value.name].grad)
            assert len(value.parts) == (2 if value.name == "b" else 1)


def test_values_that_nothing_kept_are_computed_again():
    loss, names = lecture_net()
    graph = mt.graph(loss, names)
    assert all(value.tensor is not None for value in graph.values)
    with mt.no_grad():
        hidden = names["W1"] @ names["x"] + names["b"]
    kept = next(call.output for call in graph.calls if call.name == "relu")
    assert mt.equal(kept.tensor, hidden.relu())


def test_constants_that_nothing_kept():
    w, y = scalar(0.5), mt.tensor(2.0)
    named = mt.graph((w + y) ** 2, w=w, y=y)  # y is found by its value
    assert "w + y = 0.5 + 2 = 2.5" in named.explain()
    number = mt.graph((w - 1) ** 2, w=w)  # 1 is what gives the known difference
    assert "w - 1 = 0.5 - 1 = -0.5" in number.explain()
    unknown = mt.graph((w + 1).sigmoid(), w=w)  # nothing tells
    assert "?" in repr(unknown)


@pytest.mark.parametrize("make", [chain_rule, lecture_net])
def test_the_picture(make, tmp_path):
    loss, names = make()
    graph = mt.graph(loss, names)
    root = ET.fromstring(graph.svg)
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {*(names if make is lecture_net else "abcf"), "L"} <= texts
    assert graph._repr_svg_() == graph.svg and graph.svg in graph._repr_html_()
    assert not re.search(r"<script|href|<image", graph.svg)
    graph.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == graph.svg
    assert overlaps(graph) == 0


@pytest.mark.parametrize("seed", range(20))
def test_nothing_overlaps(seed):
    rng = random.Random(seed)
    values = [scalar(rng.uniform(-2, 2)) for _ in range(rng.randint(2, 6))]
    for _ in range(rng.randint(3, 25)):
        a, b = rng.choice(values), rng.choice(values)
        values.append(rng.choice([lambda a, b: a * b, lambda a, b: a + b, lambda a, b: (a - b).tanh()])(a, b))
    loss, leaves = sum(values), [value for value in values if value.is_leaf]
    graph = mt.graph(loss, {f"x{i}": leaf for i, leaf in enumerate(leaves)})
    assert overlaps(graph) == 0
    for value in graph.values:
        if value.kind == "leaf":
            (expected,) = mt.autograd.grad(loss, leaves[int(value.name[1:])], retain_graph=True)
            assert mt.allclose(value.grad, expected)


def test_modules_give_names_and_big_graphs_are_cut():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    loss = model(mt.randn(5, 3)).logsumexp(1).mean()
    text = repr(mt.graph(loss, model))
    assert "0.weight = [4, 3]" in text and "3.bias = [" in text
    x = y = scalar(1.0)
    for _ in range(3000):
        y = y * 1.0001
    cut = mt.graph(y, max_nodes=10)
    assert "..." in repr(cut) and cut.svg.count("<g>") == 22
    assert "v1" in repr(mt.graph(x * 2 + 1))


def test_leaves_and_tensors_without_graph():
    x = mt.ones(2, requires_grad=True)
    assert repr(mt.graph(x, x=x)) == "x = [1, 1]"
    assert repr(mt.graph(mt.ones(()))) == "L = 1"
    assert "No gradients" in mt.graph(x * 2, x=x).explain()
    assert "norm" in repr(mt.graph(x * 2, gradient=mt.ones(2)))
    assert mt.graph(x).svg.startswith("<svg")


def test_a_function_of_python_and_random_operators():
    class Twice(mt.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = scalar(1.5)
    assert "twice" in repr(mt.graph(Twice.apply(x).exp(), x=x)).lower()
    y = nn.functional.dropout(x.expand(8), 0.5).sum()
    state = mt.get_rng_state()
    assert "x = 1.5" in repr(mt.graph(y, x=x))
    assert mt.equal(state, mt.get_rng_state())


def test_errors():
    loss, names = chain_rule()
    with pytest.raises(
        TypeError, match=r"graph\(\): argument 'output' \(position 1\) must be Tensor, not int"
    ):
        mt.graph(3)
    with pytest.raises(TypeError, match="'a' must be a Tensor, not float"):
        mt.graph(loss, a=2.0)
    loss.backward()
    with pytest.raises(RuntimeError, match="has been freed by backward"):
        mt.graph(loss, names)
    x = mt.ones(2, requires_grad=True)
    y = x.exp()
    z = y.sum()
    y.detach().add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        mt.graph(z)
