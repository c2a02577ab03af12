"""What computes: minitorch knows one backend, the processor."""

from minitorch.backends import cpu

__all__ = ["cpu"]
