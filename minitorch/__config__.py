"""How this minitorch was built.

Source: https://docs.pytorch.org/docs/stable/__config__.html
"""

from minitorch import _C, version

__all__ = ["parallel_info", "show"]


def show() -> str:
    """A text about the build: versions, instruction set, threads.

    >>> show().splitlines()[0]
    'minitorch built with:'

    Behaviour: https://docs.pytorch.org/docs/stable/__config__.html
    """
    return (
        "minitorch built with:\n"
        f"  - minitorch {version.__version__}, which follows PyTorch {version.follows}\n"
        f"  - CPU capability usage: {_C._cpu_capability().upper()}\n"
        f"  - threads: {_C.get_num_threads()}\n"
    )


def parallel_info() -> str:
    """A text about threads.

    >>> "threads" in parallel_info()
    True

    Behaviour: https://docs.pytorch.org/docs/stable/__config__.html
    """
    return f"at::get_num_threads() : {_C.get_num_threads()} threads\n"
