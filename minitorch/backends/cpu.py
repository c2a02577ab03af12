"""The processor's part in the work."""

from minitorch import _C

__all__ = ["get_cpu_capability"]


def get_cpu_capability():
    """The instruction set the kernels were chosen for: "BASELINE", "AVX2", "AVX512" or "NEON".

    MINITORCH_CPU=baseline in the environment asks for a smaller one.

    >>> import minitorch
    >>> minitorch.backends.cpu.get_cpu_capability() in ("BASELINE", "AVX2", "AVX512", "NEON")
    True

    Behaviour: https://docs.pytorch.org/docs/stable/backends.html#torch.backends.cpu.get_cpu_capability
    """
    return _C._cpu_capability().upper()
