"""Workers: who loads the batches of a DataLoader with num_workers > 0.

A worker has a number, a dataset of its own and random states of its own (minitorch's, Python's and NumPy's),
seeded from the loader's base seed as PyTorch seeds them, so that batches hold the same numbers. On Linux
workers are forked processes, which read indices from one pipe and write batches to another. Where there is no
fork that can be relied upon, they live in the loader's own process and take turns: the same batches, but
nothing in parallel.
"""

import copy
import os
import queue
import random
import signal
import sys
import threading
import traceback
import warnings
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

import minitorch

_worker_info = None
thread_info = threading.local()  # threads.py: of workers that are threads


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Who is loading: the worker's number, how many there are, its seed and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


def get_worker_info():
    """The WorkerInfo of the worker that is loading, None in the main program.

    To be called in a dataset, or in worker_init_fn, to share out the work of an IterableDataset.

    >>> import minitorch
    >>> print(minitorch.utils.data.get_worker_info())
    None

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.get_worker_info
    """
    return getattr(thread_info, "info", _worker_info)


def _numpy_seed(base_seed, worker_id):
    """Four words for numpy.random.seed: the mixing of NumPy's SeedSequence (NEP 19; M. O'Neill, "Developing a
    seed_seq alternative", 2015) over the words worker_id, the two halves of base_seed, and 0."""
    mask = 0xFFFFFFFF

    def hashing(constant, multiplier):
        """A hash that is another one at each call."""

        def hashed(word):
            nonlocal constant
            word = (word ^ constant) & mask
            constant = constant * multiplier & mask
            word = word * constant & mask
            return word ^ word >> 16

        return hashed

    def mixed(x, y):
        word = (0xCA01F9DD * x - 0x4973F715 * y) & mask
        return word ^ word >> 16

    absorb = hashing(0x43B0D7E5, 0x931E8875)
    pool = [absorb(word & mask) for word in (worker_id, base_seed, base_seed >> 32, 0)]
    for i in range(4):
        for j in range(4):
            if i != j:
                pool[j] = mixed(pool[j], absorb(pool[i]))
    emit = hashing(0x8B51F9DD, 0x58F38DED)
    return [emit(word) for word in pool]


def _seed(base_seed, worker_id):
    minitorch.manual_seed(base_seed + worker_id)
    random.seed(base_seed + worker_id)
    np.random.seed(_numpy_seed(base_seed, worker_id))


class _Plan:
    """What a worker needs to know."""

    def __init__(self, worker_id, num_workers, base_seed, dataset, init_fn, new_fetcher):
        self.info = WorkerInfo(worker_id, num_workers, base_seed + worker_id, dataset)
        self.base_seed = base_seed
        self.init_fn = init_fn
        self.new_fetcher = new_fetcher

    def begin(self):
        """Seeds everything and calls the user's function."""
        _seed(self.base_seed, self.info.id)
        if self.init_fn is not None:
            self.init_fn(self.info.id)


# ---- workers that take turns -----------------------------------------------------------------------------


def _states():
    return minitorch.get_rng_state(), random.getstate(), np.random.get_state()


def _set_states(states):
    minitorch.set_rng_state(states[0])
    random.setstate(states[1])
    np.random.set_state(states[2])


class LocalWorker:
    """A worker in this process: its random states are in place only while it loads."""

    def __init__(self, plan):
        try:
            dataset = copy.copy(plan.info.dataset)
        except Exception:  # not everything can be copied: then it is shared
            dataset = plan.info.dataset
        plan.info = WorkerInfo(plan.info.id, plan.info.num_workers, plan.info.seed, dataset)
        self.plan = plan
        self.states = None
        self.restart()

    def restart(self):
        """A new epoch begins."""
        self.fetcher = None
        self.tasks = deque()

    def submit(self, index):
        """Asks for the batch with these indices."""
        self.tasks.append(index)

    def result(self, timeout=0):
        """The batch asked for first. Raises the dataset's error; StopIteration where an iterable ends."""
        global _worker_info
        outer_info, outer_states = _worker_info, _states()
        _worker_info = self.plan.info
        try:
            if self.states is None:
                self.plan.begin()
            else:
                _set_states(self.states)
            if self.fetcher is None:
                self.fetcher = self.plan.new_fetcher(self.plan.info.dataset)
            return self.fetcher.fetch(self.tasks.popleft())
        finally:
            self.states = _states()
            _set_states(outer_states)
            _worker_info = outer_info

    def close(self):
        """Nothing to give back."""


# ---- workers that are processes ----------------------------------------------------------------------------

RESTART = "restart"


def _read_tasks(connection, tasks, parent):
    """Moves tasks from the pipe to a queue at once, so that the loader never waits to write."""
    try:
        while True:
            while not connection.poll(5):
                if os.getppid() != parent:
                    os._exit(1)
            tasks.put(connection.recv())
    except (EOFError, OSError):
        tasks.put(None)


def answer(fetcher, index):
    """("batch", data), ("end",) of an iterable dataset, or ("error", type, text)."""
    try:
        return "batch", fetcher.fetch(index)
    except StopIteration:
        return ("end",)
    except Exception as error:
        return failure(error)


def failure(error):
    """An exception that is being handled, as an answer."""
    return "error", type(error), traceback.format_exc()


def answers(plan, begin, next_task):
    """What a worker answers to its tasks, until next_task() returns None. begin() is called first; if
    it fails, or the fetcher cannot be made, that is the answer to all tasks."""
    failed = fetcher = None
    try:
        begin()
    except Exception as error:
        failed = failure(error)
    while (task := next_task()) is not None:
        if task == RESTART:
            fetcher = None
            continue
        if fetcher is None and failed is None:
            try:
                fetcher = plan.new_fetcher(plan.info.dataset)
            except Exception as error:
                failed = failure(error)
        yield failed or answer(fetcher, task[0])


def _work(plan, tasks_in, results_out, others, parent):
    """The life of a worker process."""
    global _worker_info
    # A worker that held the loader's ends of the pipes would keep other workers from seeing it go.
    for connection in others:
        connection.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the loader
    minitorch.set_num_threads(1)
    _worker_info = plan.info
    tasks: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_read_tasks, args=(tasks_in, tasks, parent), daemon=True).start()
    for found in answers(plan, plan.begin, tasks.get):
        try:
            results_out.send(found)
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as error:  # the batch cannot be pickled
            results_out.send(failure(error))


class _PlainKeyError(str):
    """A KeyError shows its argument's repr: this one keeps the lines of a traceback."""

    def __repr__(self):
        return str(self)


def unpack(worker_id, answer, what="process"):
    """The batch of an answer, or what was raised in its place."""
    if answer[0] == "end":
        raise StopIteration
    if answer[0] == "error":
        _raise(worker_id, what, *answer[1:])
    return answer[1]


def _raise(worker_id, what, kind, text):
    """Raises the error of a worker here."""
    text = f"Caught {kind.__name__} in DataLoader worker {what} {worker_id}.\nOriginal {text}"
    if kind is KeyError:
        raise KeyError(_PlainKeyError(text))
    try:
        error = kind(text)
    except Exception:  # it wants other arguments
        error = RuntimeError(text)
    raise error


class ProcessWorker:
    """A worker in a process of its own. The interface is LocalWorker's."""

    def __init__(self, plan, context, siblings):
        self.id = plan.info.id
        tasks_in, self.tasks = context.Pipe(duplex=False)
        self.results, results_out = context.Pipe(duplex=False)
        others = [self.tasks, self.results]
        for sibling in siblings:
            others += [sibling.tasks, sibling.results]
        if context.get_start_method() != "fork":
            others = []  # they are not inherited
        self.process = context.Process(
            target=_work, args=(plan, tasks_in, results_out, others, os.getpid()), daemon=True
        )
        with warnings.catch_warnings():
            # From 3.12 on Python warns of any fork with threads; ours may be forked.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        tasks_in.close()
        results_out.close()

    def restart(self):
        self.tasks.send(RESTART)

    def submit(self, index):
        try:
            self.tasks.send((index,))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has died: result() says so

    def result(self, timeout=0):
        try:
            if timeout > 0 and not self.results.poll(timeout):
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
            found = self.results.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            code = self.process.exitcode
            end = (
                f"is killed by signal: {signal.strsignal(-code)}. "
                if code < 0
                else f"exited unexpectedly with exit code {code}. Details are lost due to multiprocessing. "
                "Rerunning with num_workers=0 may give better error trace."
            )
            how = RuntimeError(f"DataLoader worker (pid {self.process.pid}) {end}")
            text = f"DataLoader worker (pid(s) {self.process.pid}) exited unexpectedly"
            raise RuntimeError(text) from how
        return unpack(self.id, found)

    def close(self):
        """Lets the process end, and sees to it."""
        self.tasks.close()
        self.results.close()
        self.process.join(timeout=1)
        if self.process.is_alive():
            self.process.terminate()
            self.process.join()


def start_workers(n, base_seed, dataset, init_fn, new_fetcher, context=None):
    """n workers: threads for the context "thread", processes for another or on Linux, else such that take
    turns."""
    if context is None and sys.platform == "linux":
        import multiprocessing  # not needed by those who load without workers

        context = multiprocessing.get_context("fork")
    if context == "thread":
        from minitorch.utils.data._utils import threads
    workers: list = []
    for i in range(n):
        plan = _Plan(i, n, base_seed, dataset, init_fn, new_fetcher)
        if context is None:
            workers.append(LocalWorker(plan))
        elif context == "thread":
            workers.append(threads.ThreadWorker(plan))
        else:
            workers.append(ProcessWorker(plan, context, workers))
    return workers
