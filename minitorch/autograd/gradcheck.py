"""Derivatives checked against finite differences, in float64 and complex128.

(f(x + eps) - f(x - eps)) / 2 eps, one input element at a time, against what autograd says, one output
element at a time. A complex number counts as its two parts. `gradgradcheck` does the same with the function
that computes the gradient. Small inputs only.

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#numerical-gradient-checking
"""

import warnings

import minitorch
from minitorch import _C

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """What `gradcheck` and `gradgradcheck` raise."""


def _tuple(values):
    return tuple(values) if isinstance(values, tuple | list) else (values,)


def _is_wanted(value):
    return isinstance(value, _C.Tensor) and value.requires_grad


def _outputs(func, inputs):
    return [y for y in _tuple(func(*inputs)) if isinstance(y, _C.Tensor)]


def _indices(shape):
    """Every index of a tensor of this shape, in row-major order."""
    found = [()]
    for size in shape:
        found = [(*index, i) for index in found for i in range(size)]
    return found


def _check_inputs(inputs):
    wanted = [i for i, x in enumerate(inputs) if _is_wanted(x)]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them have "
            "requires_grad=True."
        )
    for i in wanted:
        x = inputs[i]
        if x.dtype not in (minitorch.float64, minitorch.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point "
                "or complex. ",
                stacklevel=4,
            )
        if any(stride == 0 and size > 1 for stride, size in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                ".contiguous on the input before passing it to gradcheck."
            )
    return wanted


def _by_parts(func, inputs):
    """The same function of real numbers: complex inputs and outputs as their two parts each."""
    is_complex = [isinstance(x, _C.Tensor) and x.is_complex() for x in inputs]

    def parts(*xs):
        ys = _tuple(
            func(*(minitorch.view_as_complex(x) if z else x for x, z in zip(xs, is_complex, strict=True)))
        )
        return tuple(
            minitorch.view_as_real(y) if isinstance(y, _C.Tensor) and y.is_complex() else y for y in ys
        )

    def leaf(x):
        return minitorch.view_as_real(x.detach()).clone().requires_grad_(x.requires_grad)

    return parts, tuple(leaf(x) if z else x for x, z in zip(inputs, is_complex, strict=True))


def _numerical(func, inputs, i, eps):
    """For every output the matrix d output / d input i: a row for each element of the input."""
    x = inputs[i]
    rows = []
    with minitorch.no_grad():
        for index in _indices(x.shape):
            moved = []
            for step in (eps, -eps):
                changed = minitorch.empty_like(x)
                changed.copy_(x)
                changed[index] += step
                trial = [*inputs[:i], changed, *inputs[i + 1 :]]
                moved.append([y.clone() for y in _outputs(func, trial)])
            rows.append([((a - b) / (2 * eps)).reshape(-1) for a, b in zip(*moved, strict=True)])
    return rows


def _analytical(outputs, inputs, wanted):
    """The same by autograd, for all wanted inputs: [output][input] -> (numel of input, numel of output)."""
    matrices = []
    for y in outputs:
        columns = []
        if not y.requires_grad:
            matrices.append(None)
            continue
        for index in _indices(y.shape):
            g = minitorch.zeros_like(y)
            g[index] = 1
            grads = minitorch.autograd.grad(
                y, [inputs[i] for i in wanted], g, retain_graph=True, allow_unused=True
            )
            for i, grad in zip(wanted, grads, strict=True):
                if grad is not None and grad.shape != inputs[i].shape:
                    raise GradcheckError("Analytical gradient has incorrect size")
            columns.append([None if g is None else g.reshape(-1) for g in grads])
        matrices.append(columns)
    return matrices


def _matrix(columns, k, rows):
    """Column vectors side by side; a missing gradient is zero."""
    zero = minitorch.zeros(rows, dtype=minitorch.float64)
    return minitorch.stack([zero if c[k] is None else c[k].detach().double() for c in columns], dim=1)


def _compare(func, inputs, wanted, outputs, eps, atol, rtol):
    analytical = _analytical(outputs, inputs, wanted)
    for k, i in enumerate(wanted):
        numel = inputs[i].numel()
        if numel == 0:
            continue
        rows = _numerical(func, inputs, i, eps)
        for o, y in enumerate(outputs):
            if y.numel() == 0 or not y.is_floating_point():
                continue
            numerical = minitorch.stack([row[o].double() for row in rows])
            if analytical[o] is None:
                if not minitorch.allclose(numerical, minitorch.zeros_like(numerical), rtol, atol):
                    raise GradcheckError("Numerical gradient for function expected to be zero")
                continue
            found = _matrix(analytical[o], k, numel)
            if not minitorch.allclose(found, numerical, rtol, atol):
                raise GradcheckError(
                    f"Jacobian mismatch for output {o} with respect to input {i},\n"
                    f"numerical:{numerical}\nanalytical:{found}\n"
                )


def _check_same_twice(outputs, inputs, wanted, nondet_tol):
    for y in outputs:
        if not y.requires_grad:
            continue
        g = minitorch.ones_like(y)
        xs = [inputs[i] for i in wanted]
        first, second = (
            minitorch.autograd.grad(y, xs, g, retain_graph=True, allow_unused=True) for _ in range(2)
        )
        for a, b in zip(first, second, strict=True):
            if a is not None and a.numel() and not (a - b).abs().max() <= nondet_tol:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output "
                    "multiple times gives different values, although analytical gradient matches numerical "
                    "gradient.\n"
                    f"The tolerance for nondeterminism was {nondet_tol}."
                )


def gradcheck(
    func,
    inputs,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_batched_forward_grad=False,
    check_forward_ad=False,
    check_backward_ad=True,
    fast_mode=False,
    masked=None,
):
    """True if autograd's gradients of `func(*inputs)` agree with finite differences.

    func: takes tensors, returns a tensor or a tuple of them, of any shapes.
    inputs: a tensor or a tuple; those that require grad (float64, complex128) are checked.
    eps, atol, rtol: the step, and how near is near enough.
    raise_exception: False returns False where it would raise GradcheckError.

    Raises GradcheckError on a mismatch, ValueError if nothing requires grad. The remaining arguments are
    there for code written for PyTorch; forward mode and batched gradients do not exist here.

    >>> import minitorch
    >>> x = minitorch.tensor([0.5, 2.0], dtype=minitorch.float64, requires_grad=True)
    >>> minitorch.autograd.gradcheck(minitorch.log, (x,))
    True

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
    """
    if check_forward_ad or check_batched_grad or check_batched_forward_grad:
        raise NotImplementedError("gradcheck(): forward mode and batched gradients are not supported")
    inputs = _tuple(inputs)
    try:
        wanted = _check_inputs(inputs)
        func, inputs = _by_parts(func, inputs)
        outputs = _outputs(func, inputs)
        _compare(func, inputs, wanted, outputs, eps, atol, rtol)
        _check_same_twice(outputs, inputs, wanted, nondet_tol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func,
    inputs,
    grad_outputs=None,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    gen_non_contig_grad_outputs=False,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_fwd_over_rev=False,
    check_rev_over_rev=True,
    fast_mode=False,
    masked=False,
):
    """True if the gradients of the gradients of `func(*inputs)` agree with finite differences.

    grad_outputs: what the outputs' gradients are taken to be; drawn at random where None.
    gen_non_contig_grad_outputs: draw them with gaps in memory. The rest: see `gradcheck`, which raises the
    same.

    >>> import minitorch
    >>> x = minitorch.tensor([0.5, 2.0], dtype=minitorch.float64, requires_grad=True)
    >>> minitorch.autograd.gradgradcheck(minitorch.log, (x,))
    True

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradgradcheck.html
    """
    inputs = _tuple(inputs)
    if grad_outputs is None:
        outputs = [y for y in _outputs(func, inputs) if y.requires_grad]
        grad_outputs = tuple(_random_like(y, gen_non_contig_grad_outputs) for y in outputs)
    else:
        grad_outputs = _tuple(grad_outputs)
    count = len(grad_outputs)

    def gradients(*args):
        xs, gs = args[:-count], args[-count:]
        with minitorch.enable_grad():
            xs = tuple(
                x.detach().requires_grad_() if _is_wanted(given) and not x.requires_grad else x
                for x, given in zip(xs, inputs, strict=True)
            )
            outputs = [y for y in _outputs(func, xs) if y.requires_grad]
            wanted = [x for x in xs if _is_wanted(x)]
            grads = minitorch.autograd.grad(outputs, wanted, gs, create_graph=True, allow_unused=True)
        return tuple(minitorch.zeros_like(x) if g is None else g for g, x in zip(grads, wanted, strict=True))

    return gradcheck(
        gradients,
        inputs + grad_outputs,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
    )


def _random_like(y, gaps):
    g = minitorch.randn_like(y)
    if gaps and g.dim():
        g = minitorch.stack((g, g), dim=-1)[..., 0]
    return g.detach().requires_grad_()
