"""What can be seen and changed in a graph: nodes and their hooks, edges, what is saved for the way back.

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#autograd-graph
"""

import contextlib
from typing import NamedTuple

from minitorch import _C

__all__ = [
    "GradientEdge",
    "Node",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]

Node = _C._Node


class _Handle:
    """Takes a hook away again; also as a context manager."""

    def __init__(self, remove):
        self._remove = remove

    def remove(self):
        """The hook will not be called again."""
        remove, self._remove = self._remove, None
        if remove is not None:
            remove()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.remove()


def _register(node, fn, post):
    """node.register_hook (post) and node.register_prehook."""
    hooks = _C._node_hooks(node, post)
    if hooks is None:
        return _register_on_leaf(node.variable, fn, post)
    key = object()
    hooks[key] = fn
    return _Handle(lambda: hooks.pop(key, None))


def _register_on_leaf(leaf, fn, post):
    arrived = []

    def before(grad):
        arrived[:] = [grad]
        changed = None if post else fn((grad,))
        return None if changed is None else changed[0]

    handles = [leaf.register_hook(before)]
    if post:
        handles.append(leaf.register_post_accumulate_grad_hook(lambda _: fn((), tuple(arrived)) and None))
    return _Handle(lambda: [handle.remove() for handle in handles])


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor arrives: output `output_nr` of a node."""

    node: Node
    output_nr: int
    ownership_token: object = None


def get_gradient_edge(tensor):
    """The edge that the gradient of a tensor takes.

    Raises RuntimeError if it does not require grad.

    >>> import minitorch
    >>> x = minitorch.ones(2, requires_grad=True)
    >>> minitorch.autograd.graph.get_gradient_edge(x * 2).node.name()
    'MulBackward0'

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.get_gradient_edge
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    with _C.enable_grad():
        node, number = tensor.view_as(tensor).grad_fn.next_functions[0]
    return GradientEdge(node, number)


class saved_tensors_hooks:
    """Context manager: what operations save for the way back goes through pack_hook, and back through
    unpack_hook.

    pack_hook(tensor) may return anything; unpack_hook gets that back and returns a tensor of the same
    values, any shape and dtype the tensor had. Raises TypeError on the way back if it returns something else.

    >>> import minitorch
    >>> x = minitorch.tensor([1.0, 2.0], requires_grad=True)
    >>> with minitorch.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), minitorch.tensor):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.saved_tensors_hooks
    """

    _refused = None

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self):
        if saved_tensors_hooks._refused is not None:
            raise RuntimeError(saved_tensors_hooks._refused)
        _C._push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args):
        _C._pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):
    """For programs that want to spare another device's memory: everything is on the CPU here, and stays
    there.

    >>> import minitorch
    >>> with minitorch.autograd.graph.save_on_cpu():
    ...     y = minitorch.ones(2, requires_grad=True).exp()

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.save_on_cpu
    """

    def __init__(self, pin_memory=False, device_type="cuda"):
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)

    def __enter__(self):
        pass

    def __exit__(self, *args):
        pass


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message):
    """Context manager: saved_tensors_hooks raises RuntimeError with that message.

    >>> import minitorch
    >>> graph = minitorch.autograd.graph
    >>> with graph.disable_saved_tensors_hooks("not now"):
    ...     with graph.save_on_cpu():
    ...         pass

    Behaviour:
    https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.disable_saved_tensors_hooks
    """
    before, saved_tensors_hooks._refused = saved_tensors_hooks._refused, error_message
    try:
        yield
    finally:
        saved_tensors_hooks._refused = before


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """Calls fn when the gradients of several tensors have arrived; returns a handle with remove().

    mode "all": fn(list of gradients, None where none came) after the last of those that one walk reaches, as
    far as all tensors are reached; "any": fn(gradient) at the first.

    >>> import minitorch
    >>> x = minitorch.ones(2, requires_grad=True)
    >>> a, b, seen = x * 2, x * 3, []
    >>> handle = minitorch.autograd.graph.register_multi_grad_hook((a, b), seen.append)
    >>> (a + b).sum().backward()
    >>> seen
    [[tensor([1., 1.]), tensor([1., 1.])]]

    Behaviour:
    https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.register_multi_grad_hook
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    tensors, arrived = tuple(tensors), {}

    def hook_of(i):
        def hook(grad):
            if mode == "any":
                if not arrived:
                    fn(grad)
            arrived[i] = grad
            if len(arrived) == len(tensors):
                grads = [arrived[k] for k in range(len(tensors))]
                arrived.clear()
                if mode == "all":
                    fn(grads)

        return hook

    handles = [tensor.register_hook(hook_of(i)) for i, tensor in enumerate(tensors)]
    return _Handle(lambda: [handle.remove() for handle in handles])
