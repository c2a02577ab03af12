"""Modules on several devices: there is one, so DataParallel calls its module.

https://docs.pytorch.org/docs/2.13/nn.html#dataparallel-layers-multi-gpu-distributed
"""

from typing import Any

from minitorch.nn.modules.module import Module

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]


class DataParallel(Module):
    """Calls its module: what PyTorch does where there is no device to share the batch among.

    Args:
        module: the Module, which stands in the attribute of this name, and so in the keys of state_dict.
        device_ids, output_device, dim: accepted.

    >>> import minitorch
    >>> net = minitorch.nn.DataParallel(minitorch.nn.Linear(1, 2))
    >>> net(minitorch.ones(3, 1)).shape, list(net.state_dict())
    (torch.Size([3, 2]), ['module.weight', 'module.bias'])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.DataParallel.html
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0):
        super().__init__()
        self.module = module
        self.device_ids = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's result."""
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(Module):
    """Raises ValueError: it needs a process group, and minitorch runs in one process.

    >>> import minitorch
    >>> try:
    ...     minitorch.nn.parallel.DistributedDataParallel(minitorch.nn.Linear(1, 1))
    ... except ValueError:
    ...     print("no process group")
    no process group

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parallel.DistributedDataParallel.html
    """

    def __init__(self, module: Module, *args: Any, **kwargs: Any):
        super().__init__()
        raise ValueError(
            "Default process group has not been initialized, please make sure to call init_process_group."
        )


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """``module(*inputs, **module_kwargs)``.

    >>> import minitorch
    >>> minitorch.nn.parallel.data_parallel(minitorch.nn.Linear(1, 2), minitorch.ones(3, 1)).shape
    torch.Size([3, 2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parallel.data_parallel.html
    """
    return module(*(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {}))
