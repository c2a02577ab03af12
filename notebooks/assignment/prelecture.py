"""Questions before the lecture: the chain rule on computational graphs, with new numbers every term.

For each graph there is a picture with blanks, questions in the syntax of Gradescope's online assignments with
their answers, and a sheet with the full picture and the chain rule step by step. Numbers and pictures come
from minitorch itself, so they are right if it is.

Reading for students beforehand: https://colah.github.io/posts/2015-08-Backprop/
Syntax: https://guides.gradescope.com/hc/en-us/articles/22066784117901-Grading-Online-Assignments
Used by make.py.
"""

import random
import re
from html import escape
from typing import NamedTuple

import minitorch as torch

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1f2328; background: #fff }
.graph { overflow-x: auto; margin: 1rem 0 }
pre { background: #f6f8fa; padding: 1rem; overflow-x: auto; font-size: 13px }
table { border-collapse: collapse }
td, th { border: 1px solid #d0d7de; padding: 0.2rem 0.7rem; text-align: left }
"""
INTRODUCTION = """
A *computational graph* shows how a number comes about: every circle is an operation, and what flows along the
arrows are numbers. Two rules give every derivative of the last number. Along a path, multiply the derivatives
of the operations on it. Where several paths lead from one place to the end, add what they give.
"""
CHOICES = """
## What is saved
A loss depends on a million weights. How often must the graph be walked through from end to end to get the
derivatives with respect to all of them, going backwards from the loss?

(X) once
( ) once for every layer
( ) once for every weight

[[One walk back passes every operation once, and leaves the derivative at each place on the way. Going
forward, from one weight to the loss, it would be one walk for every weight.]]

## What it changes
What does backpropagation change about gradient descent?

(X) nothing but the time that it takes to compute the derivatives
( ) the weights of the last layer are changed first, then the forward pass is run again
( ) the steps get smaller from layer to layer

[[It is a way to compute all partial derivatives at once. The steps are taken afterwards, all together.]]

## What it cannot pass
Through which of these does no useful derivative come back?

( ) max(x, 0)
( ) x * x
(X) 1 if x is greater than 0, else 0
( ) exp(x)

[[Flat on both sides of the jump: its derivative is 0 wherever there is one.]]
"""


class Sheet(NamedTuple):
    title: str
    formula: str
    names: dict  # what is drawn, by name
    result: torch.Tensor
    asked: list  # (question, answer)


def _leaf(value):
    return torch.tensor(float(value), requires_grad=True)


def sheets(seed):
    """The graphs, with numbers drawn from a seed: all of them small integers, and so are the answers."""
    dice = random.Random(f"chain rule {seed}")
    pick = dice.choice
    return [make(pick) for make in (_two_paths, _shared, _line, _relu, _net)]


def _asked(result, middle, leaves):
    """Values of what lies between, then derivatives of the result; middle and leaves: {name: tensor}."""
    out = next(iter(result))
    questions = [
        (f"the value of {name}", tensor.item()) for name, tensor in [*middle.items(), *result.items()]
    ]
    every = {**middle, **leaves}
    grads = torch.autograd.grad(result[out], list(every.values()), retain_graph=True)
    return questions + [
        (f"the derivative of {out} with respect to {name}", grad.item())
        for name, grad in zip(every, grads, strict=True)
    ]


def _sheet(title, formula, result, middle, leaves):
    names = {**result, **middle, **leaves}
    return Sheet(title, formula, names, next(iter(result.values())), _asked(result, middle, leaves))


def _two_paths(pick):
    a, b = _leaf(pick((2, 3, 4))), _leaf(pick((1, 2, 5)))
    c, d = a + b, b + 1
    return _sheet(
        "Two paths", "c = a + b,  d = b + 1,  e = c * d", {"e": c * d}, {"c": c, "d": d}, {"a": a, "b": b}
    )


def _shared(pick):
    a, b = _leaf(pick((2, 3, -2))), _leaf(pick((4, 5, -3)))
    c = a * b
    return _sheet("Used twice", "c = a * b,  d = c + a", {"d": c + a}, {"c": c}, {"a": a, "b": b})


def _line(pick):
    w, b, x = _leaf(pick((2, 3))), _leaf(pick((-1, 1))), pick((2, 4))
    prediction = w * x + b
    y = torch.tensor(prediction.item() + pick((2, 3, -2)))
    error = y - prediction
    sheet = _sheet(
        "One observation",
        f"p = w * {x} + b,  r = y - p,  L = r²",
        {"L": error**2},
        {"p": prediction, "r": error},
        {"w": w, "b": b},
    )
    sheet.names["y"] = y
    return sheet


def _relu(pick):
    u, v = _leaf(pick((2, 3))), _leaf(pick((-2, -3)))
    p, q = torch.relu(u * 2), torch.relu(v * 4)
    return _sheet(
        "Switched off",
        "p = relu(u * 2),  q = relu(v * 4),  s = 3 * p + 5 * q",
        {"s": p * 3 + q * 5},
        {"p": p, "q": q},
        {"u": u, "v": v},
    )


def _net(pick):
    w, v, x = _leaf(pick((2, 3))), _leaf(pick((-1, 2))), pick((1, 2))
    h = torch.relu(w * x)
    o = v * h
    y = torch.tensor(o.item() + pick((1, -1, 2)))
    sheet = _sheet(
        "A net of two weights",
        f"h = relu(w * {x}),  o = v * h,  L = (y - o)²",
        {"L": (y - o) ** 2},
        {"h": h, "o": o},
        {"w": w, "v": v},
    )
    sheet.names["y"] = y
    return sheet


def picture(sheet, blank=False):
    """The graph as SVG; blank: with question marks for what is to be found, and without gradients."""
    graph = torch.graph(sheet.result, **sheet.names)
    if blank:
        for value in graph.values:
            value.grad = None
            if value.kind == "result":
                value.tensor = None
        for call in graph.calls:
            call.input_grads = None
    svg = re.sub(r"<title>.*?</title>", "", graph.svg, flags=re.S) if blank else graph.svg
    label = escape(f"computational graph of {sheet.formula}")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def _numbered(seed):
    return list(zip("ABCDEFG", sheets(seed), strict=False))


def _page(title, body):
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    )
    return f"{head}\n<h1>{title}</h1>\n{body}</html>\n"


def questions_page(seed):
    """The sheet for students: pictures and questions."""
    introduction = escape(INTRODUCTION.strip())
    body = [f"<p>{introduction.replace('*computational graph*', '<em>computational graph</em>')}</p>"]
    reading = "https://colah.github.io/posts/2015-08-Backprop/"
    body.append(f'<p>Good reading before: <a href="{reading}">Calculus on Computational Graphs</a>.</p>')
    for letter, sheet in _numbered(seed):
        body.append(f"<h2>Graph {letter}: {escape(sheet.title)}</h2>\n<p>{escape(sheet.formula)}</p>")
        body.append(f'<div class="graph">{picture(sheet, blank=True)}</div>\n<ol>')
        body += [f"<li>What is {escape(question)}?</li>" for question, _ in sheet.asked]
        body.append("</ol>")
    return _page("The chain rule on graphs", "\n".join(body))


def answers_page(seed):
    """The sheet for teachers: full pictures, answers, and the chain rule in numbers."""
    body = []
    for letter, sheet in _numbered(seed):
        body.append(f"<h2>Graph {letter}: {escape(sheet.title)}</h2>\n<p>{escape(sheet.formula)}</p>")
        body.append(f'<div class="graph">{picture(sheet)}</div>\n<table><tr><th>asked for<th>answer</tr>')
        body += [f"<tr><td>{escape(question)}<td>{answer:g}</tr>" for question, answer in sheet.asked]
        steps = torch.graph(sheet.result, **sheet.names).explain()
        body.append(f"</table>\n<pre>{escape(steps)}</pre>")
    return _page("The chain rule on graphs: answers", "\n".join(body))


def online(seed):
    """The text of a Gradescope online assignment, with the answers."""
    text = ["# The chain rule on graphs", INTRODUCTION.strip(), ""]
    for letter, sheet in _numbered(seed):
        for i, (question, answer) in enumerate(sheet.asked, 1):
            text.append(f"## {letter}{i}\nGraph {letter}: {sheet.formula}\n\nWhat is {question}?\n")
            text.append(f"[____](={answer:g}+-0)\n")
    return "\n".join(text) + CHOICES
