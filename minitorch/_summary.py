"""minitorch.summary(model, input): the layers of a model, what shapes they give, and their parameters."""

from typing import NamedTuple

from minitorch import _C

__all__ = ["summary"]


class Row(NamedTuple):
    """One layer: its path in the model, its class, what it gave, its own parameters, how often it ran."""

    path: str
    kind: str
    shape: object
    parameters: int
    calls: int

    @property
    def depth(self):
        """How deep it lies in the model, which itself is 0."""
        return self.path.count(".") + 1 if self.path else 0


class Summary:
    """What minitorch.summary returns: rows, totals, and a table when it is printed."""

    def __init__(self, rows, model, inputs):
        parameters = list(model.parameters())  # shared ones once
        self.rows = rows
        self.parameters = sum(p.numel() for p in parameters)
        self.trainable = sum(p.numel() for p in parameters if p.requires_grad)
        held = [*parameters, *model.buffers()]
        self.bytes = sum(t.numel() * t.element_size() for t in held)
        self.input = _shapes(inputs)

    def __repr__(self):
        table = [("layer", "class", "output", "parameters")]
        for row in self.rows:
            name = "  " * row.depth + (row.path.rsplit(".", 1)[-1] or "(model)")
            shape = _text(row.shape) + (f"  x{row.calls}" if row.calls > 1 else "")
            table.append((name, row.kind, shape, f"{row.parameters:,}" if row.parameters else "-"))
        width = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            f"{a:<{width[0]}}  {b:<{width[1]}}  {c:<{width[2]}}  {d:>{width[3]}}".rstrip()
            for a, b, c, d in table
        ]
        rule = "-" * max(map(len, lines))
        frozen = self.parameters - self.trainable
        total = f"{self.parameters:,} parameters" + (f", {frozen:,} of them frozen" if frozen else "")
        return "\n".join([lines[0], rule, *lines[1:], rule, f"{total}; {_size(self.bytes)} with buffers"])


def _size(count):
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.3g} {unit}" if unit != "bytes" else f"{count} bytes"
        count /= 1000


def _shapes(value):
    """The shapes of the tensors in a result, in its own structure; None for what is no tensor."""
    if isinstance(value, _C.Tensor):
        return tuple(value.shape)
    if isinstance(value, dict):
        return {key: _shapes(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shapes(item) for item in value]
    return None


def _text(shape):
    if shape is None:
        return "-"
    if isinstance(shape, tuple):
        return f"[{', '.join(map(str, shape))}]"
    items = [f"{k}: {_text(s)}" for k, s in shape.items()] if isinstance(shape, dict) else map(_text, shape)
    return f"({', '.join(items)})"


def _inputs(input):
    """A tensor, several, or a shape of ints, as the arguments of a call."""
    if isinstance(input, _C.Tensor):
        return (input,)
    if isinstance(input, list | tuple) and input and all(type(size) is int for size in input):
        return (_C.zeros(*input),)
    if isinstance(input, list | tuple):
        return tuple(input)
    raise TypeError(
        "summary(): argument 'input' (position 2) must be a Tensor, a tuple of Tensors or a shape, "
        f"not {type(input).__name__}"
    )


def _watch(model, seen):
    """Hooks that note what each layer gives; their handles."""

    def hook_of(path):
        def hook(module, inputs, output):
            shape, calls = seen.get(path, (_shapes(output), 0))
            seen[path] = (shape, calls + 1)

        return hook

    return [module.register_forward_hook(hook_of(path)) for path, module in model.named_modules()]


def summary(model, input, **kwargs):
    """A model's layers by path, with the shapes of what they give and the number of their own parameters.

    input: a tensor, a tuple of several, or a shape: (1, 3, 32, 32) stands for zeros of that shape. Further
    keywords go to the model. The model runs once, in eval mode and without recording; its mode, its buffers
    and the state of the random numbers are afterwards as they were.

    Returns an object that prints as a table; its ``rows`` have path, kind, shape, parameters and calls, and
    ``parameters``, ``trainable`` and ``bytes`` are the totals, shared parameters counted once. A layer that
    did not run has no shape. Raises TypeError for other inputs; errors of the model name the layer.

    >>> import minitorch
    >>> from minitorch import nn
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> minitorch.summary(model, (5, 2, 2))
    layer    class       output  parameters
    ---------------------------------------
    (model)  Sequential  [5, 2]           -
      0      Flatten     [5, 4]           -
      1      Linear      [5, 3]          15
      2      ReLU        [5, 3]           -
      3      Linear      [5, 2]           8
    ---------------------------------------
    23 parameters; 92 bytes with buffers

    Idea: https://keras.io/api/models/model/#summary-method
    """
    inputs, seen = _inputs(input), {}
    modes = {module: module.training for module in model.modules()}
    state, handles = _C.get_rng_state(), _watch(model, seen)
    try:
        model.eval()
        with _C.no_grad():
            model(*inputs, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
        _C.set_rng_state(state)
    rows = []
    for path, module in model.named_modules():
        own = sum(p.numel() for p in module.parameters(recurse=False))
        shape, calls = seen.get(path, (None, 0))
        rows.append(Row(path, type(module).__name__, shape, own, calls))
    return Summary(rows, model, inputs)
