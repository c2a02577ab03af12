"""The default stream of random numbers: seeding it, saving its state, working beside it.

https://docs.pytorch.org/docs/2.13/random.html
"""

from contextlib import contextmanager

from minitorch._C import get_rng_state, initial_seed, manual_seed, seed, set_rng_state

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


@contextmanager
def fork_rng(devices=None, enabled=True, device_type=None):
    """Puts the default generator back into its present state when the block ends, however it ends.

    devices, device_type: accepted for the sake of PyTorch's programs; the CPU's generator is the only one.
    enabled: False does nothing.

    >>> import minitorch
    >>> with minitorch.random.fork_rng():
    ...     _ = minitorch.manual_seed(1)

    https://docs.pytorch.org/docs/2.13/random.html#torch.random.fork_rng
    """
    if not enabled or device_type == "meta":
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
