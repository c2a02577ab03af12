"""Workers that are threads: ``DataLoader(..., multiprocessing_context="thread")``. Not in PyTorch.

For notebooks, where a dataset defined in a cell cannot be sent to a process that begins anew, and where
what takes time is reading files or NumPy's work on arrays, which let other threads run meanwhile. Nothing
is copied or pickled: all workers use the one dataset. The random states of minitorch, Python and NumPy are
those of the process, shared and not seeded for each worker, so what a dataset draws depends on who comes
first.
"""

import queue
import threading

from minitorch.utils.data._utils import worker


class _State:
    """What the loader and a thread share: the thread does not keep the loader's worker alive."""

    def __init__(self):
        self.tasks: queue.SimpleQueue = queue.SimpleQueue()
        self.results: queue.SimpleQueue = queue.SimpleQueue()
        self.closed = False


def _serve(plan, state):
    """The life of a worker thread."""

    def begin():
        if plan.init_fn is not None:
            plan.init_fn(plan.info.id)

    def next_task():
        task = state.tasks.get()
        return None if state.closed else task

    worker.thread_info.info = plan.info
    for found in worker.answers(plan, begin, next_task):
        state.results.put(found)


class ThreadWorker:
    """A worker in a thread of its own. The interface is LocalWorker's."""

    def __init__(self, plan):
        self.id = plan.info.id
        self.state = _State()
        self.thread = threading.Thread(target=_serve, args=(plan, self.state), daemon=True)
        self.thread.start()

    def restart(self):
        """A new epoch begins."""
        self.state.tasks.put(worker.RESTART)

    def submit(self, index):
        """Asks for the batch with these indices."""
        self.state.tasks.put((index,))

    def result(self, timeout=0):
        """The batch asked for first. Raises the dataset's error; StopIteration where an iterable ends."""
        try:
            answer = self.state.results.get(timeout=timeout or None)
        except queue.Empty:
            raise RuntimeError(f"DataLoader timed out after {timeout} seconds") from None
        return worker.unpack(self.id, answer, "thread")

    def close(self):
        """Lets the thread end after what it is loading; what else was asked for is dropped."""
        self.state.closed = True
        self.state.tasks.put(None)
        self.thread.join(timeout=1)
