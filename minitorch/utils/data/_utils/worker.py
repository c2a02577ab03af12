"""Workers that live in the loader's own process and take turns.

A worker is what a process would be in PyTorch, as far as results go: it has a number, a copy of the dataset,
and random states of its own (minitorch's, Python's and NumPy's), seeded from the loader's base seed as
PyTorch seeds them and put in place only while it loads. Batches therefore hold the same numbers; nothing is
loaded in parallel.
"""

import copy
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

import minitorch

_worker_info = None


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
    """
    return _worker_info


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


class _RandomStates:
    """The states of the three generators that datasets use."""

    @staticmethod
    def get():
        return minitorch.get_rng_state(), random.getstate(), np.random.get_state()

    @staticmethod
    def put(states):
        minitorch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])

    @staticmethod
    def seed(base_seed, worker_id):
        minitorch.manual_seed(base_seed + worker_id)
        random.seed(base_seed + worker_id)
        np.random.seed(_numpy_seed(base_seed, worker_id))


class Worker:
    """One of a loader's workers. The first use of `run` seeds it."""

    def __init__(self, worker_id, num_workers, base_seed, dataset, init_fn):
        try:
            dataset = copy.copy(dataset)
        except Exception:  # not everything can be copied: then it is shared
            pass
        self.info = WorkerInfo(worker_id, num_workers, base_seed + worker_id, dataset)
        self.base_seed = base_seed
        self.init_fn = init_fn
        self.states = None
        self.fetcher = None

    def run(self, job):
        """job(self), with this worker's random states and as its worker info."""
        global _worker_info
        outer_info, outer_states = _worker_info, _RandomStates.get()
        _worker_info = self.info
        try:
            if self.states is not None:
                _RandomStates.put(self.states)
            else:
                _RandomStates.seed(self.base_seed, self.info.id)
                if self.init_fn is not None:
                    self.init_fn(self.info.id)
            return job(self)
        finally:
            self.states = _RandomStates.get()
            _RandomStates.put(outer_states)
            _worker_info = outer_info
