"""minitorch.graph(loss): the computational graph of a tensor, with its values and gradients, to look at.

The graph itself knows what was computed from what. A value that no operation kept is computed once more from
what is known; gradients come from the operations' own rules, one at a time, so that no leaf's .grad changes,
no hook is called and the graph can still be walked. Read next: _graph_layout.py (where everything stands),
_graph_svg.py (the drawing), _graph_text.py (the tree and the chain rule in numbers).
"""

from minitorch import _C

__all__ = ["graph"]

# Values of bigger tensors are not computed once more: they are shown by shape anyway.
SMALL = 4096


class Value:
    """A tensor in the graph: a leaf, a constant, or the result of a call."""

    def __init__(self, kind, shape, dtype, tensor=None, name=""):
        self.kind, self.shape, self.dtype, self.tensor, self.name = kind, shape, dtype, tensor, name
        self.anonymous = False  # named by us, v1
        self.grad = None
        self.parts = []  # the gradients that its uses handed back; grad is their sum

    @property
    def is_scalar(self):
        return self.shape == ()

    def set(self, tensor):
        """Its value, unless it is known already."""
        if self.tensor is None and tensor is not None and tuple(tensor.shape) == self.shape:
            self.tensor = tensor.detach()

    def add_grad(self, part):
        self.parts.append(part)
        self.grad = part if self.grad is None else self.grad + part


class Call:
    """An operation: one remembered call."""

    def __init__(self, node):
        self.node = node
        self.name, self.released, self.arguments, self.seen, self.kept = _C._node_look(node)
        self.title = node.name()
        self.name = self.name or self.title.removesuffix("Backward")
        self.inputs, self.outputs = [], {}
        self.input_grads = []  # what it hands back to each input
        self.local = []  # its own derivatives, of numbers

    @property
    def output(self):
        return self.outputs[min(self.outputs)]


class Graph:
    """What minitorch.graph returns: a picture in a notebook, a tree in a terminal."""

    def __init__(self, output, names, gradient, max_nodes):
        self._names = names
        self.output_name = next((name for name, tensor in names.items() if tensor is output), None)
        self._values, self._calls = {}, {}
        self.root = self._value_of(output)
        self._walk(max_nodes)
        with _C.no_grad():
            self._find_values(output)
            self._find_gradients(output, gradient)
        self._give_names()

    # ---- building ---------------------------------------------------------------------------------------

    def _value_of(self, tensor):
        shape, dtype = tuple(tensor.shape), tensor.dtype
        if tensor.grad_fn is None:
            kind = "leaf" if tensor.requires_grad else "constant"
            return self._values.setdefault(("leaf", id(tensor)), Value(kind, shape, dtype, tensor))
        return self._values.setdefault(
            ("result", tensor.grad_fn, tensor.output_nr), Value("result", shape, dtype)
        )

    def _input(self, call, i, edge):
        seen = call.seen[i]
        if seen is None:
            return None
        (shape, dtype, kept), (node, number) = seen, edge
        if node is None:
            key, value = ("constant", call.node, i), Value("constant", shape, dtype)
        elif node.name() == "torch::autograd::AccumulateGrad":
            key, value = ("leaf", id(node.variable)), Value("leaf", shape, dtype, node.variable)
        else:
            key, value = ("result", node, number), Value("result", shape, dtype)
        value = self._values.setdefault(key, value)
        value.set(kept)
        return value

    def _walk(self, max_nodes):
        """All calls, newest first; of those beyond max_nodes only the results."""
        waiting = [key[1] for key in self._values if key[0] == "result"]
        while waiting:
            node = max(waiting, key=lambda node: node._sequence_nr())
            waiting.remove(node)
            if len(self._calls) == max_nodes:
                break
            call = self._calls[node] = Call(node)
            if call.released:
                raise RuntimeError(
                    "graph(): what this graph remembered has been freed by backward() or autograd.grad(). "
                    "Hint: call graph() before backward(), or backward(retain_graph=True)."
                )
            edges = node._edges
            call.inputs = [self._input(call, i, edge) for i, edge in enumerate(edges)]
            for value, (source, _) in zip(call.inputs, edges, strict=True):
                if value and value.kind == "result" and source not in self._calls and source not in waiting:
                    waiting.append(source)
        for key, value in self._values.items():
            if key[0] != "result":
                continue
            if key[1] in self._calls:
                self._calls[key[1]].outputs[key[2]] = value
            else:
                value.kind = "more"
        self.calls = sorted(self._calls.values(), key=lambda call: call.node._sequence_nr())
        self.values = list(self._values.values())

    def _find_values(self, output):
        self.root.set(output)
        for tensor in self._names.values():
            key = ("result", tensor.grad_fn, tensor.output_nr)
            if tensor.grad_fn is not None and key in self._values:
                self._values[key].set(tensor)
        for call in self.calls:
            for k, value in call.outputs.items():
                value.set(call.kept[k] if k < len(call.kept) else None)
        for call in self.calls:
            self._find_constant(call)
            if any(value.tensor is None for value in call.outputs.values()):
                for k, tensor in enumerate(self._replay(call) or ()):
                    if k in call.outputs:
                        call.outputs[k].set(tensor)

    @staticmethod
    def _replay(call, unknown=None, candidate=None):
        """The results of a call, computed once more; None if that cannot be done."""
        inputs = []
        for value in call.inputs:
            tensor = candidate if value is unknown and unknown is not None else value and value.tensor
            if value is not None and (tensor is None or tensor.numel() > SMALL):
                return None
            inputs.append(tensor)
        return _C._node_replay(call.node, tuple(inputs))

    def _find_constant(self, call):
        """A constant that no operation kept: the named tensor that gives the known result, or, in a sum, the
        number that does."""
        unknown = [value for value in call.inputs if value is not None and value.tensor is None]
        if len(unknown) != 1 or unknown[0].kind != "constant" or call.output.tensor is None:
            return
        value, result = unknown[0], call.output.tensor
        candidates = [
            tensor
            for tensor in self._names.values()
            if tuple(tensor.shape) == value.shape and tensor.dtype == value.dtype and not tensor.requires_grad
        ]
        if call.name in ("add", "sub", "rsub") and value.is_scalar and not call.arguments and result.numel():
            other = call.inputs[1 - call.inputs.index(value)].tensor
            number = (result - other) if call.name == "add" else (other - result)
            if call.inputs[0] is value:
                number = (result - other) if call.name == "add" else (result + other)
            number = number.flatten()[0]
            number = number if value.dtype.is_floating_point else number.round()
            candidates.append(number.to(value.dtype))
        for tensor in candidates:
            again = self._replay(call, value, tensor)
            if again is not None and _C._equal(again[0], result.to(again[0].dtype)):
                value.set(tensor)
                return

    def _find_gradients(self, output, gradient):
        if gradient is None and output.numel() == 1:
            gradient = output.detach().new_ones(output.shape)
        if gradient is None or not output.requires_grad:
            return
        self.root.add_grad(gradient.detach().to(output.dtype))
        for call in reversed(self.calls):
            grads = [call.outputs[k].grad if k in call.outputs else None for k in range(len(call.kept))]
            if not any(grad is not None for grad in grads):
                call.input_grads = [None] * len(call.inputs)
                continue
            call.input_grads = self._rule(call, grads)
            if len(grads) == 1 and all(value is None or value.is_scalar for value in call.inputs):
                if call.output.is_scalar:
                    call.local = self._rule(call, [_C.tensor(1.0, dtype=call.output.dtype)])
            for value, grad in zip(call.inputs, call.input_grads, strict=True):
                if grad is not None:
                    value.add_grad(grad)

    @staticmethod
    def _rule(call, grads):
        """What the operation hands back to its inputs, given the gradients of its outputs."""
        return _C._node_rule(call.node, tuple(grads)) or [None] * len(call.inputs)

    # ---- names ------------------------------------------------------------------------------------------

    def _give_names(self):
        for name, tensor in self._names.items():
            for value in self.values:
                if value.tensor is tensor:
                    value.name = value.name or name
            key = ("result", tensor.grad_fn, tensor.output_nr)
            if tensor.grad_fn is not None and key in self._values:
                self._values[key].name = name
            for value in self.values:
                same = value.tensor is not None and value.kind == "constant" and not value.name
                if (
                    same
                    and value.tensor.data_ptr() == tensor.data_ptr()
                    and value.shape == tuple(tensor.shape)
                ):
                    value.name = name
        taken = {value.name for value in self.values}
        self.root.name = self.root.name or ("L" if "L" not in taken else "out")
        counts = {}
        for call in self.calls:
            for value in [*call.inputs, *call.outputs.values()]:
                if value is None or value.name or is_number(value):
                    continue
                value.anonymous = True
                letter = {"leaf": "p", "constant": "c", "more": "m"}.get(value.kind, "v")
                while True:
                    counts[letter] = counts.get(letter, 0) + 1
                    value.name = f"{letter}{counts[letter]}"
                    if value.name not in taken:
                        break

    # ---- showing ----------------------------------------------------------------------------------------

    @property
    def svg(self):
        """The picture, as the text of an SVG file."""
        from minitorch._graph_svg import draw

        return draw(self)

    def save(self, path):
        """Writes the picture to an .svg file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg)

    def explain(self):
        """The chain rule, step by step, with the numbers of this graph."""
        from minitorch._graph_text import explain

        return explain(self)

    def _repr_svg_(self):
        return self.svg

    def _repr_html_(self):
        return f'<div style="overflow-x: auto; max-width: 100%">{self.svg}</div>'

    def __repr__(self):
        from minitorch._graph_text import tree

        return tree(self)


def is_number(value):
    """A constant that needs no name: 2, 0.5."""
    return value.kind == "constant" and value.is_scalar and value.tensor is not None


def _is_same(a, b):
    """The same elements in the same memory?"""
    return a is not None and a.data_ptr() == b.data_ptr() and a.shape == b.shape and a.stride() == b.stride()


def _named(names, tensors):
    """{name: tensor} of a dict or of a module, and of the keywords."""
    found = {}
    if names is not None and hasattr(names, "named_parameters"):
        found.update(names.named_parameters())
        found.update(names.named_buffers())
    elif names is not None:
        found.update(names)
    found.update(tensors)
    for name, tensor in found.items():
        if not isinstance(tensor, _C.Tensor):
            raise TypeError(f"graph(): {name!r} must be a Tensor, not {type(tensor).__name__}")
    return found


def graph(output, names=None, *, gradient=None, max_nodes=200, **tensors):
    """The computational graph that a tensor was computed by, with values and gradients: a picture (SVG) in a
    notebook, a tree in a terminal.

    Operations are circles, tensors that require grad green boxes, constants grey ones. On each edge stands
    what flows along it: above, in green, the value on its way forward; below, in red, the gradient on its way
    back. Tensors are shown by shape, their gradients by norm. Without names, values are called v1, v2 ... and
    leaves p1, p2 ...; a constant that nothing kept is shown as "?".

    output: a tensor of any shape. gradient: that of something with respect to it; 1 where it has one element,
    else no gradients are shown unless it is given.
    names: a dict of tensors, or a module whose parameters bear their names; further tensors as keywords. Only
    what is named so has a name: a tensor does not know what variable holds it.
    max_nodes: so many operations are shown, counted from the output.

    Nothing changes: no .grad, no hook is called, backward() can follow. Raises RuntimeError if backward() has
    already freed the graph, and TypeError for names of what is no tensor.

    ``explain()`` gives the chain rule step by step with numbers, ``svg`` the picture's text, and
    ``save(path)`` writes that to a file.

    >>> import minitorch
    >>> a = minitorch.tensor(2.0, requires_grad=True)
    >>> b = minitorch.tensor(-3.0, requires_grad=True)
    >>> g = minitorch.graph(a * b + b, a=a, b=b)
    >>> g
    L = v1 + b = -9  (gradient 1)
    ├─ v1 = a * b = -6  (gradient 1)
    │  ├─ a = 2  (gradient -3)
    │  └─ b = -3  (gradient 3)
    └─ b  (shown above)
    >>> print(g.explain().splitlines()[-2])
      dL/db = 1 + 2 = 3

    Idea: https://colah.github.io/posts/2015-08-Backprop/
    """
    if not isinstance(output, _C.Tensor):
        raise TypeError(
            f"graph(): argument 'output' (position 1) must be Tensor, not {type(output).__name__}"
        )
    return Graph(output, _named(names, tensors), gradient, max_nodes)
