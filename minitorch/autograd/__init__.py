"""Gradients: backward, grad, and the switches that say whether operations are recorded.

The engine is csrc/autograd/engine.c, the rules stand beside the operators in csrc/ops.
"""

import warnings
from importlib import import_module as _import_module

from minitorch import _C
from minitorch._C import enable_grad, inference_mode, no_grad, set_grad_enabled
from minitorch._once import mark_loaded as _mark_loaded
from minitorch.autograd import anomaly_mode, function, functional, grad_mode, graph
from minitorch.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
from minitorch.autograd.function import Function
from minitorch.autograd.gradcheck import gradcheck, gradgradcheck
from minitorch.autograd.variable import Variable

__all__ = [
    "Function",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def backward(
    tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None
):
    """Adds to the ``.grad`` of leaves: the gradients of `tensors` that were made from them.

    tensors: a tensor or a sequence of tensors of any shape, float32 or float64.
    grad_tensors: for each of them, the gradient of something with respect to it; None if it has one element.
    retain_graph: keep what was remembered, so that the graph can be walked again; default: create_graph.
    create_graph: record the way back as well, for higher derivatives.
    inputs: add only to the gradients of these tensors.

    Raises RuntimeError if an element does not require grad, if shapes differ, or on a second walk.

    >>> import minitorch
    >>> x = minitorch.ones(2, requires_grad=True)
    >>> minitorch.autograd.backward((x * x).sum())
    >>> x.grad
    tensor([2., 2.])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html
    """
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    retain = create_graph if retain_graph is None else retain_graph
    _C._backward(tensors, grad_tensors, retain, create_graph, inputs)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple; no ``.grad`` is touched.

    outputs, inputs: a tensor or a sequence of tensors of any shape, float32 or float64.
    grad_outputs: for each output, the gradient of something with respect to it; None if it has one element.
    retain_graph, create_graph: as for :func:`backward`.
    allow_unused: None in the tuple, instead of an error, where an input did not take part.
    materialize_grads: zeros instead of None.

    is_grads_batched: every one of grad_outputs has a first dimension more, and so have the results: one walk
    back for each of its elements.

    Raises RuntimeError if an input did not take part or does not require grad, ValueError for arguments that
    contradict each other.

    >>> import minitorch
    >>> x = minitorch.tensor(3.0, requires_grad=True)
    >>> minitorch.autograd.grad(x * x, x)
    (tensor(6.),)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
            "gradient for other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    allow = materialize_grads if allow_unused is None else allow_unused
    retain = create_graph if retain_graph is None else retain_graph
    if not isinstance(inputs, _C.Tensor):
        inputs = tuple(inputs)
    if is_grads_batched:
        return _grad_of_batch(outputs, inputs, grad_outputs, create_graph, allow, materialize_grads)
    gradients = _C._grad(outputs, inputs, grad_outputs, retain, create_graph, allow)
    if not materialize_grads:
        return gradients
    inputs = (inputs,) if isinstance(inputs, _C.Tensor) else inputs
    return tuple(_C.zeros_like(x) if g is None else g for g, x in zip(gradients, inputs, strict=True))


def _grad_of_batch(outputs, inputs, grad_outputs, create_graph, allow_unused, materialize_grads):
    grad_outputs = (grad_outputs,) if isinstance(grad_outputs, _C.Tensor) else tuple(grad_outputs)
    rows = [
        grad(
            outputs,
            inputs,
            given,
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=allow_unused,
            materialize_grads=materialize_grads,
        )
        for given in zip(*grad_outputs, strict=True)
    ]
    return tuple(None if column[0] is None else _C.stack(column) for column in zip(*rows, strict=True))


def __getattr__(name):
    """The profiler is imported when it is used."""
    if name == "profiler":
        return _import_module("minitorch.autograd.profiler")
    if name == "ProfilerActivity":
        return _import_module("minitorch.profiler").ProfilerActivity
    raise AttributeError(f"module 'minitorch.autograd' has no attribute {name!r}")


_mark_loaded()
