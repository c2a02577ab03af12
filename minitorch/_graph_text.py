"""A computational graph as text: the tree of a terminal, and the chain rule read off it in numbers.

Relies on _graph.py; read next: _graph_svg.py.
"""

import re

from minitorch import _C
from minitorch._graph import is_number

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "lt": "<", "gt": ">"}
INFIX |= dict.fromkeys(("matmul", "mm", "mv", "bmm", "dot"), "@")
PREFIX = {"neg": "-"}
FEW = 4  # a tensor of so many elements is shown with its numbers


class Text(str):
    """A text that a prompt shows as it is."""

    def __repr__(self):
        return str(self)


def number(x):
    """A number as people write it: 4 digits that count."""
    text = f"{x:.4g}"
    return text if text != "-0" else "0"


def shape_text(shape):
    return f"[{', '.join(map(str, shape))}]"


def size_of(tensor):
    """A gradient, as short as can be: a number, or its norm."""
    if tensor.numel() == 1:
        return number(tensor.item())
    return f"norm {number(tensor.abs().double().norm().item())}"


def shown(value):
    """A value: its number, its few numbers, or its shape."""
    if value.is_scalar:
        return number(value.tensor.item()) if value.tensor is not None else "?"
    if value.tensor is not None and len(value.shape) == 1 and value.shape[0] <= FEW:
        return f"[{', '.join(map(number, value.tensor.tolist()))}]"
    return shape_text(value.shape)


def label(value):
    """What stands for a value in a formula: its name, or the number itself."""
    return shown(value) if is_number(value) and not value.name else value.name


def formula(call, text=label):
    """v1 = a * b: the right side, with text(value) for every value."""
    inputs = [text(value) for value in call.inputs if value is not None]
    extra = arguments_text(call)
    if call.name == "rsub" and len(inputs) == 2 and not extra:
        return f"{inputs[1]} - {inputs[0]}"
    if call.name in INFIX and len(inputs) == 2 and not extra:
        return f"{inputs[0]} {INFIX[call.name]} {inputs[1]}"
    if call.name in PREFIX and len(inputs) == 1:
        return PREFIX[call.name] + inputs[0]
    return f"{operation(call)}({', '.join(inputs + extra)})"


def _public_name(call):
    """The operator's name without the overload, sum of sum_dim; "" if nobody can call it by that name."""
    name = re.sub(r"_(dim|tensor|scalar|value)$", "", call.name)
    return name if hasattr(_C, name) or hasattr(_C._nn, name) else ""


def operation(call):
    """What the operation is called: as its function, else as PyTorch calls the node."""
    words = re.findall("[A-Z][a-z]*[0-9]*D?", re.sub(r"Backward\d*$", "", call.title)) or [call.title]
    snake = "_".join(words).lower()
    return _public_name(call) or snake


def arguments_text(call):
    """Its arguments that are no tensors, where they are not as usual: ["dim=1"]."""
    return [f"{name}={value}" for name, value in call.arguments.items()] if _public_name(call) else []


def tree(graph):
    """The graph as a tree that grows from its output."""
    made_by = {id(value): call for call in graph.calls for value in call.outputs.values()}
    lines, above = [], set()
    waiting = [(graph.root, "", "")]
    while waiting:
        value, first, rest = waiting.pop()
        call = made_by.get(id(value))
        if id(value) in above and not is_number(value):
            lines.append(f"{first}{label(value)}  (shown above)")
            continue
        above.add(id(value))
        lines.append(first + _tree_line(value, call))
        inputs = [v for v in call.inputs if v is not None] if call else []
        for i, source in reversed(list(enumerate(inputs))):
            last = i == len(inputs) - 1
            waiting.append((source, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  ")))
    return "\n".join(lines)


def _tree_line(value, call):
    parts = [] if is_number(value) and not value.name else [value.name]
    parts += [formula(call)] if call else ["..."] if value.kind == "more" else []
    text = " = ".join([*parts, shown(value)])
    if value.grad is not None:
        text += f"  (gradient {size_of(value.grad)})"
    return text


# ---- the chain rule ------------------------------------------------------------------------------------


def rule_text(call):
    """The derivative as the source states it, in words of mathematics."""
    text = re.sub(r"\bmt_", "", call.node.rule or "")
    return re.sub(r"\bnumber\(([^()]*)\)", r"\1", text)


def _signed(text):
    return f"({text})" if text.startswith("-") else text


def explain(graph):
    """Forward, then back: every step with its numbers."""
    out = graph.root.name
    lines = ["Forward: every operation, from its inputs"]
    lines += [f"  {_forward(call)}" for call in graph.calls]
    if graph.root.grad is None:
        return Text("\n".join([*lines, "", "No gradients: the output has more than one element."]))
    lines += ["", f"Backward: d{out}/d{out} = {_grad(graph.root)}; then each operation, the last first,"]
    lines += ["hands back the gradient that arrives times its own derivative"]
    for call in reversed(graph.calls):
        if any(grad is not None for grad in call.input_grads):
            lines += _backward(out, call)
    lines += ["", "Gradients of the leaves: the sum over all uses"]
    lines += [f"  {_total(out, value)}" for value in graph.values if value.kind == "leaf" and value.parts]
    return Text("\n".join(lines))


def _forward(call):
    result = shown(call.output)
    text = f"{call.output.name} = {formula(call)}"
    numbers = formula(call, lambda value: _signed(shown(value)))
    scalar = all(value is None or value.is_scalar for value in call.inputs)
    return f"{text} = {numbers} = {result}" if scalar else f"{text}: {result}"


def _grad(value):
    return size_of(value.grad) if value.grad is not None else "0"


def _total(out, value):
    text = f"d{out}/d{value.name} = "
    if value.is_scalar:
        if len(value.parts) > 1:
            text += f"{' + '.join(_signed(size_of(part)) for part in value.parts)} = "
        return text + _grad(value)
    uses = f", from {len(value.parts)} uses" if len(value.parts) > 1 else ""
    return f"{text}{_numbers(value.grad)}{uses}"


def _numbers(grad):
    if grad.dim() == 1 and grad.numel() <= FEW:
        return f"[{', '.join(map(number, grad.tolist()))}]"
    return f"{shape_text(grad.shape)}, {size_of(grad)}"


def _backward(out, call):
    """The lines of one operation."""
    result = call.output
    lines = [f"  {result.name} = {formula(call)}"]
    if len(result.parts) > 1:
        lines.append(f"    {_total(out, result)}, as it is used {len(result.parts)} times")
    if call.local:
        arrived = f"d{out}/d{result.name}"
        for value, grad, local in zip(call.inputs, call.input_grads, call.local, strict=True):
            if grad is None or local is None:
                continue
            partial = f"∂{result.name}/∂{value.name}"
            product = f"{_signed(size_of(result.grad))} * {_signed(size_of(local))}"
            target = f"d{out}/d{value.name}" + (" gets" if len(value.parts) > 1 else " =")
            lines.append(f"    {target} {arrived} * {partial} = {product} = {size_of(grad)}")
        return lines
    if rule_text(call):
        lines.append(f"    rule: {rule_text(call)}, with g = d{out}/d{result.name}")
    for value, grad in zip(call.inputs, call.input_grads, strict=True):
        if grad is not None:
            target = f"d{out}/d{value.name}" + (" gets" if len(value.parts) > 1 else " =")
            lines.append(f"    {target} {_numbers(grad)}")
    return lines
