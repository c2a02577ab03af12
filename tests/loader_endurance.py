"""Loaders with worker processes, started and stopped again and again: nothing hangs, stays or leaks.

    python tests/loader_endurance.py            200 starts and stops with 4 workers, in about a minute
    python tests/loader_endurance.py 50 spawn   with processes that begin anew, as on other systems

A third of the loaders run to the end, a third are left in the middle, a third keep their workers for a second
pass. utils/data/test_dataloader.py runs some of these. Works where /proc is (Linux).
"""

import gc
import os
import sys
import time

import minitorch
from minitorch.utils.data import DataLoader, TensorDataset

DATA = TensorDataset(minitorch.arange(64.0).reshape(32, 2))
WORKERS = 4


def start_and_stop(turn, how=None):
    """One loader: run to the end, left in the middle, or used twice."""
    loader = DataLoader(
        DATA,
        batch_size=4,
        num_workers=WORKERS,
        persistent_workers=turn % 3 == 2,
        multiprocessing_context=how,
        timeout=60,
    )
    if turn % 3 == 1:
        next(iter(loader))
        return
    for _ in range(turn % 3 or 1):
        assert sum(len(x) for (x,) in loader) == 32


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def children():
    """Processes of ours, zombies included."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if parent == os.getpid():
            found.append(int(name))
    return found


def left_over(count, how=None):
    """Processes and descriptors that are there after so many starts and stops, and were not before."""
    start_and_stop(0, how)  # what the first one opens for good
    gc.collect()
    before = set(children()), descriptors()
    for turn in range(count):
        start_and_stop(turn, how)
    gc.collect()
    for _ in range(50):
        if set(children()) <= before[0]:
            break
        time.sleep(0.1)
    return sorted(set(children()) - before[0]), descriptors() - before[1]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    how = sys.argv[2] if len(sys.argv) > 2 else None
    start = time.time()
    processes, opened = left_over(count, how)
    print(f"{count} starts and stops with {WORKERS} workers in {time.time() - start:.0f} s:")
    print(f"{len(processes)} processes and {opened} descriptors left")
    return 1 if processes or opened > 0 else 0


if __name__ == "__main__":
    sys.exit(main())
