"""Several processes, which minitorch does not have: programs may ask, and are told that they run alone.

Source: https://docs.pytorch.org/docs/stable/distributed.html
"""

from __future__ import annotations

import enum
from typing import Any, NoReturn

__all__ = ["ReduceOp", "get_backend", "get_rank", "get_world_size", "init_process_group", "is_available",
           "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
           "is_torchelastic_launched"]  # fmt: skip


class ReduceOp(enum.Enum):
    """What a reduction over processes would compute.

    >>> ReduceOp.SUM.name
    'SUM'

    Behaviour: https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.ReduceOp
    """

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4


def is_available() -> bool:
    """False: a program runs in one process.

    >>> import minitorch
    >>> minitorch.distributed.is_available()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.is_available
    """
    return False


is_initialized = is_torchelastic_launched = is_available
is_nccl_available = is_gloo_available = is_mpi_available = is_available


def init_process_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: there is one process.

    >>> try:
    ...     init_process_group("gloo")
    ... except RuntimeError as error:
    ...     print(str(error).partition(":")[0])
    minitorch runs in one process

    Behaviour: https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.init_process_group
    """
    raise RuntimeError(
        "minitorch runs in one process: it has no process groups. Programs that ask "
        "torch.distributed.is_available() first go on without."
    )


def _not_initialized(*args: Any, **kwargs: Any) -> NoReturn:
    """Raises ValueError: no process group can have been made.

    >>> try:
    ...     get_rank()
    ... except ValueError as error:
    ...     print(str(error).partition(",")[0])
    Default process group has not been initialized

    Behaviour: https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.get_rank
    """
    raise ValueError(
        "Default process group has not been initialized, please make sure to call init_process_group."
    )


get_rank = get_world_size = get_backend = _not_initialized

_NEEDS_A_GROUP = frozenset(
    "all_gather all_gather_into_tensor all_reduce all_to_all barrier broadcast destroy_process_group gather "
    "irecv isend new_group recv reduce reduce_scatter reduce_scatter_tensor scatter send".split()
)


def __getattr__(name: str) -> Any:
    """What needs a process group exists, and raises when it is called."""
    if name in _NEEDS_A_GROUP:
        return _not_initialized
    raise AttributeError(f"module 'minitorch.distributed' has no attribute {name!r}")
