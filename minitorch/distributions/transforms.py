"""Transforms by the name of PyTorch's module; see transformed.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html#module-torch.distributions.transforms
"""

from .transformed import AffineTransform, ExpTransform, SigmoidTransform, TanhTransform, Transform

__all__ = ["AffineTransform", "ExpTransform", "SigmoidTransform", "TanhTransform", "Transform"]
