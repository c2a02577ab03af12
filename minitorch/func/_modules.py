"""Modules as functions of their parameters."""

import contextlib

from minitorch import _C


def _slots(module):
    """Every name in the state, with the dictionary and the key that hold its tensor."""
    found = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for registry in (part._parameters, part._buffers):
            for key, tensor in registry.items():
                if tensor is not None:
                    found[f"{path}.{key}" if path else key] = (registry, key)
    return found


@contextlib.contextmanager
def _replaced(module, given, tie_weights, strict):
    slots = _slots(module)
    missing = [name for name in slots if name not in given]
    unexpected = [name for name in given if name not in slots]
    if strict and (missing or unexpected):
        lines = [f"Error(s) in reparametrizing for {type(module).__name__}:"]
        if unexpected:
            lines.append("Unexpected key(s): " + ", ".join(f"'{name}'" for name in unexpected) + ".")
        if missing:
            lines.append("Missing key(s): " + ", ".join(f"'{name}'" for name in missing) + ".")
        raise RuntimeError("\n\t".join(lines))
    targets = {name: given[name] for name in given if name in slots}
    if tie_weights:
        tied = {}
        for name, (registry, key) in slots.items():
            tied.setdefault(id(registry[key]), []).append(name)
        for names in tied.values():
            chosen = next((name for name in names if name in given), None)
            for name in names if chosen else ():
                targets.setdefault(name, given[chosen])
    saved = [(*slots[name], slots[name][0][slots[name][1]]) for name in targets]
    try:
        for name, tensor in targets.items():
            registry, key = slots[name]
            registry[key] = tensor
        yield
    finally:
        for registry, key, tensor in saved:
            registry[key] = tensor


def functional_call(
    module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False
):
    """module(*args, **kwargs) with other tensors in place of its parameters and buffers.

    parameter_and_buffer_dicts: {name: tensor} as in named_parameters(), or a tuple of such dicts; what is not
    named stays. args: a tuple, or the one argument. tie_weights: a tensor that the module has under several
    names is replaced under all. strict: all names must be there, and no others.

    Raises RuntimeError if strict and the names differ.

    >>> import minitorch
    >>> layer = minitorch.nn.Linear(2, 1)
    >>> weights = {"weight": minitorch.ones(1, 2), "bias": minitorch.zeros(1)}
    >>> minitorch.func.functional_call(layer, weights, minitorch.ones(2))
    tensor([2.])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html
    """
    dicts = parameter_and_buffer_dicts
    dicts = (dicts,) if isinstance(dicts, dict) else tuple(dicts)
    given = {}
    for one in dicts:
        for name in one:
            if name in given:
                raise ValueError(
                    f"{name} appeared in multiple dictionaries; behavior of functional call is ambiguous"
                )
        given.update(one)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def stack_module_state(models):
    """(parameters, buffers) of several modules of one kind, stacked name by name: for vmap over them.

    models: a list of modules, all in training or all in evaluation mode.

    Raises RuntimeError if there is none, or if they differ in mode or type.

    >>> import minitorch
    >>> parameters, buffers = minitorch.func.stack_module_state([minitorch.nn.Linear(2, 1) for _ in range(3)])
    >>> parameters["weight"].shape
    torch.Size([3, 1, 2])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.stack_module_state.html
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or not any(m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters, buffers = {}, {}
    for name, first in models[0].named_parameters():
        stacked = _C.stack([dict(m.named_parameters())[name].detach() for m in models])
        parameters[name] = stacked.requires_grad_(first.requires_grad)
    for name, _ in models[0].named_buffers():
        buffers[name] = _C.stack([dict(m.named_buffers())[name] for m in models])
    return parameters, buffers
