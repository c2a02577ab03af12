"""Functions of functions: grad, vjp, jacrev, hessian, vmap, and modules as functions of their parameters.

Behaviour: https://docs.pytorch.org/docs/stable/func.api.html
"""

from minitorch.func._derivatives import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp
from minitorch.func._modules import functional_call, stack_module_state
from minitorch.func._vmap import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]
