"""The picture of a computational graph, as SVG: plain text, no program beside Python.

Relies on _graph_layout.py for the places and on _graph_text.py for the words.
"""

from html import escape

from minitorch._graph import is_number
from minitorch._graph_layout import EMPTY, Box, Edge, Way, arrange
from minitorch._graph_text import (
    INFIX,
    PREFIX,
    arguments_text,
    formula,
    number,
    operation,
    rule_text,
    shape_text,
    shown,
)

FONT, SMALL_FONT = 13, 11
LETTER = 0.62  # width of a letter, as part of the font's size
MARGIN = 14
VALUE, GRADIENT, LINE = "#1a7f37", "#cf222e", "#8c959f"
FILL = {
    "leaf": ("#dafbe1", "#1a7f37"),
    "constant": ("#f6f8fa", "#8c959f"),
    "more": ("#f6f8fa", "#8c959f"),
    "call": ("#ddf4ff", "#0969da"),
    "output": ("#fff8c5", "#9a6700"),
}
SIGNS = {"*": "×", "/": "÷", "-": "−", "**": "xⁿ"}


def _width(text, font=FONT):
    return len(text) * font * LETTER


class Shape(Box):
    """A box with one or two lines of text."""

    def __init__(self, kind, lines, title=""):
        self.kind, self.lines, self.title = kind, [line for line in lines if line], title
        width = max([_width(self.lines[0]), *(_width(line, SMALL_FONT) for line in self.lines[1:])])
        height = 30 if len(self.lines) == 1 else 40
        super().__init__(max(width + 18, height), height)

    def draw(self):
        fill, stroke = FILL[self.kind]
        radius = self.height / 2 if self.kind == "call" else 5
        text = [
            f'<rect x="{self.x - self.width / 2:.1f}" y="{self.y - self.height / 2:.1f}" '
            f'width="{self.width:.1f}" height="{self.height:.1f}" rx="{radius:.1f}" fill="{fill}" '
            f'stroke="{stroke}"/>'
        ]
        y = self.y + (4.5 if len(self.lines) == 1 else -3)
        for i, line in enumerate(self.lines):
            font = SMALL_FONT if i else FONT
            text.append(
                f'<text x="{self.x:.1f}" y="{y + 16 * i:.1f}" font-size="{font}" '
                f'text-anchor="middle">{escape(line)}</text>'
            )
        title = f"<title>{escape(self.title)}</title>" if self.title else ""
        return f"<g>{title}{''.join(text)}</g>"


class Label(Way):
    """On an edge: the value above it, the gradient below."""

    def __init__(self, value, gradient):
        self.value, self.gradient = value, gradient
        width = max(_width(value, SMALL_FONT), _width(gradient, SMALL_FONT))
        super().__init__(width + 10 if width else 0, 32 if width else EMPTY)

    def draw(self):
        lines = []
        for text, y, color in ((self.value, -5, VALUE), (self.gradient, 13, GRADIENT)):
            if text:
                lines.append(
                    f'<text x="{self.x:.1f}" y="{self.y + y:.1f}" font-size="{SMALL_FONT}" '
                    f'text-anchor="middle" fill="{color}">{escape(text)}</text>'
                )
        return "".join(lines)


def _gradient(grad):
    if grad is None:
        return ""
    return number(grad.item()) if grad.numel() == 1 else f"‖·‖ {number(grad.double().norm().item())}"


def _value(value):
    return shown(value) if value.is_scalar else shape_text(value.shape)


def _sign(call):
    """What stands in a circle: the sign, or the name with its arguments."""
    binary = sum(value is not None for value in call.inputs) == 2
    if call.name in INFIX and binary and not call.arguments:
        return SIGNS.get(INFIX[call.name], INFIX[call.name])
    return SIGNS["-"] if call.name in PREFIX else operation(call)


def _call_shape(call, root):
    arguments = ", ".join(arguments_text(call))
    arguments = arguments if len(arguments) <= 24 else ""
    title = f"{call.output.name} = {formula(call)}\n{call.title}\n{rule_text(call)}".strip()
    named = "" if call.output.anonymous or call.output is root else call.output.name
    return Shape("call", [_sign(call), arguments or named], title)


def _input_shape(value):
    if is_number(value) and not value.name:
        return Shape("constant", [shown(value)])
    name = "…" if value.kind == "more" else value.name
    if value.anonymous and value.kind == "constant":
        name = "const"
    return Shape(value.kind, [name, "" if value.is_scalar else shape_text(value.shape)])


def _parts(graph):
    """Boxes and edges of the whole graph."""
    shapes, edges = {}, []
    for call in graph.calls:
        shape = _call_shape(call, graph.root)
        for value in call.outputs.values():
            shapes[id(value)] = shape
    boxes = list(dict.fromkeys(shapes.values()))
    for call in graph.calls:
        grads = call.input_grads or [None] * len(call.inputs)
        for value, grad in zip(call.inputs, grads, strict=True):
            if value is None:
                continue
            source = shapes.get(id(value))
            if source is None:
                source = _input_shape(value)
                boxes.append(source)
                if value.kind != "constant":
                    shapes[id(value)] = source
            numberless = value.kind == "constant" and not (value.is_scalar and value.name)
            label = Label("" if numberless else _value(value), _gradient(grad))
            edges.append(Edge(source, shapes[id(call.output)], label))
    root = graph.root
    if root.kind == "result":
        box = Shape("output", [root.name, "" if root.is_scalar else shape_text(root.shape)])
        boxes.append(box)
        edges.append(Edge(shapes[id(root)], box, Label(_value(root), _gradient(root.grad))))
    else:
        boxes.append(_input_shape(root))
    return boxes, edges


def _curve(edge):
    """From the right side of one box to the left side of another, level where the label stands."""
    x, y = edge.source.x + edge.source.width / 2, edge.source.y
    path = [f"M{x:.1f} {y:.1f}"]
    stops = [(box.x - box.width / 2, box.x + box.width / 2, box.y) for box in edge.path]
    end = edge.target.x - edge.target.width / 2
    for left, right, height in [*stops, (end - 7, end - 7, edge.target.y)]:
        middle = (x + left) / 2
        path.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {height:.1f} {left:.1f} {height:.1f}")
        if right > left:
            path.append(f"H{right:.1f}")
        x, y = right, height
    head = f"{end:.1f},{y:.1f} {end - 8:.1f},{y - 4:.1f} {end - 8:.1f},{y + 4:.1f}"
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="{LINE}" stroke-width="1.2"/>'
        f'<polygon points="{head}" fill="{LINE}"/>'
    )


def draw(graph):
    """The text of the SVG."""
    boxes, edges = _parts(graph)
    width, height = arrange(boxes, edges)
    width, height = width + 2 * MARGIN, height + 2 * MARGIN
    body = [_curve(edge) for edge in edges]
    body += [edge.label.draw() for edge in edges] + [box.draw() for box in boxes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" '
        'font-family="\'DejaVu Sans Mono\', Menlo, Consolas, monospace" fill="#1f2328">'
        f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" fill="#ffffff"/>'
        + "\n".join(body)
        + "</svg>"
    )
