"""Python's multiprocessing, and ``spawn``. Tensors go to other processes by pickle, as copies.

Source: https://docs.pytorch.org/docs/stable/multiprocessing.html
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from multiprocessing.context import get_spawning_popen
from multiprocessing.reduction import ForkingPickler
from typing import Any

from minitorch import Tensor
from minitorch.nn.parameter import Parameter

__all__ = [
    *multiprocessing.__all__, "ProcessExitedException", "ProcessRaisedException",
    "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn",
]  # fmt: skip


class ProcessRaisedException(Exception):
    """A process that :func:`spawn` has started ended with an exception, whose traceback is the text.

    >>> issubclass(ProcessRaisedException, Exception)
    True

    Behaviour: https://docs.pytorch.org/docs/stable/multiprocessing.html#spawning-subprocesses
    """


class ProcessExitedException(Exception):
    """A process that :func:`spawn` has started was killed or called exit.

    >>> issubclass(ProcessExitedException, Exception)
    True

    Behaviour: https://docs.pytorch.org/docs/stable/multiprocessing.html#spawning-subprocesses
    """


_strategy = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """PyTorch's names, which make no difference: tensors are sent as copies."""
    return {"file_descriptor", "file_system"}


def get_sharing_strategy() -> str:
    """The name last set, which makes no difference: tensors are sent as copies."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted: tensors are sent as copies. AssertionError for a name that PyTorch does not know."""
    global _strategy
    if new_strategy not in get_all_sharing_strategies():
        raise AssertionError(
            f"invalid sharing strategy {new_strategy!r}, expected one of {get_all_sharing_strategies()}"
        )
    _strategy = new_strategy


def _sent(tensor: Any) -> Any:
    """How a tensor is pickled for another process: as anywhere else.

    RuntimeError for one in shared memory that goes to a new process by spawn: it would get a copy, and what
    it writes there would be lost.
    """
    if get_spawning_popen() is not None and tensor.is_shared():
        raise RuntimeError(
            "a tensor in shared memory reaches other processes by fork only: use "
            'start_method="fork" (torch.multiprocessing.get_context("fork"))'
        )
    return tensor.__reduce_ex__(2)


ForkingPickler.register(Tensor, _sent)
ForkingPickler.register(Parameter, _sent)


def _work(fn: Callable, index: int, args: tuple[Any, ...], errors: Any) -> None:
    """What a process of spawn does."""
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        errors.put((index, traceback.format_exc()))
        raise SystemExit(1) from None


class _Processes:
    """The processes of one spawn."""

    def __init__(self, processes: list[Any], errors: Any):
        self.processes = processes
        self._errors = errors

    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [p.pid for p in self.processes]

    def join(self, timeout: float | None = None) -> bool:
        """Waits for all; as soon as one fails, ends the others and raises. False: time has run out."""
        running = [p.sentinel for p in self.processes if p.is_alive()]
        if running:  # for nobody one would wait for ever
            multiprocessing.connection.wait(running, timeout)
        failed = [i for i, p in enumerate(self.processes) if p.exitcode not in (None, 0)]
        if not failed:
            return all(p.exitcode == 0 for p in self.processes)
        for p in self.processes:
            if p.is_alive():
                p.terminate()
        for p in self.processes:
            p.join()
        if not self._errors.empty():
            index, text = self._errors.get()
            raise ProcessRaisedException(
                f"\n\n-- Process {index} terminated with the following error:\n{text}"
            )
        code = self.processes[failed[0]].exitcode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise ProcessExitedException(f"process {failed[0]} terminated with {how}")


def spawn(
    fn: Callable,
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> Any:
    """Runs ``fn(i, *args)`` in nprocs new processes, and waits for them.

    Args:
        fn: a function at the top level of a module.
        join: False returns an object with ``join`` and ``pids`` at once.

    Raises:
        ProcessRaisedException, ProcessExitedException: if a process fails; the others are ended.

    >>> spawn(print, nprocs=0)

    Behaviour: https://docs.pytorch.org/docs/stable/multiprocessing.html#torch.multiprocessing.spawn.spawn
    """
    import multiprocessing.connection

    context = multiprocessing.get_context(start_method)
    errors = context.SimpleQueue()
    processes = [
        context.Process(target=_work, args=(fn, i, args, errors), daemon=daemon) for i in range(nprocs)
    ]
    for p in processes:
        p.start()
    running = _Processes(processes, errors)
    if not join:
        return running
    while not running.join():
        pass
    return None
