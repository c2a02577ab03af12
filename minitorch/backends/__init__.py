"""What computes: minitorch knows one backend, the processor. The others say that they are absent."""

from minitorch.backends import cpu, cuda, cudnn, mkl, mkldnn, mps

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps"]
