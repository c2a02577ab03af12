"""Batch normalisation. https://docs.pytorch.org/docs/2.13/nn.html#normalization-layers"""

import minitorch
from minitorch.nn import functional as F
from minitorch.nn import init
from minitorch.nn.modules.module import Module
from minitorch.nn.parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]


class _NormBase(Module):
    _version = 2

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        how = {"device": device, "dtype": dtype}
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, Parameter(minitorch.empty(num_features, **how)) if wanted else None)
        if track_running_stats:
            self.register_buffer("running_mean", minitorch.zeros(num_features, **how))
            self.register_buffer("running_var", minitorch.ones(num_features, **how))
            self.register_buffer(
                "num_batches_tracked", minitorch.tensor(0, dtype=minitorch.int64, device=device)
            )
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self):
        """Sets the running mean to 0, the variance to 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self):
        """Sets the weight to 1, the bias to 0, and resets the running statistics."""
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def _check_input_dim(self, input):
        raise NotImplementedError

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        version = local_metadata.get("version")
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            tracked = self.num_batches_tracked  # not saved before version 2
            state_dict[key] = minitorch.tensor(0, dtype=minitorch.int64) if tracked is None else tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    def forward(self, input):
        self._check_input_dim(input)
        factor = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the mean of all batches so far
                factor = 1.0 / float(self.num_batches_tracked)
        keep = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if keep else None,
            self.running_var if keep else None,
            self.weight,
            self.bias,
            self.training or (self.running_mean is None and self.running_var is None),
            factor,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, mean and variance over the batch; in evaluation the
    running ones.

    Shapes: (N, C) or (N, C, L) to the same; weight and bias (C).

    Raises:
        ValueError: for other numbers of dimensions, or one value a channel in training.

    >>> import minitorch
    >>> minitorch.nn.BatchNorm1d(2)(minitorch.tensor([[0.0, 1.0], [2.0, 5.0]])).shape
    torch.Size([2, 2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm1d.html
    """

    def _check_input_dim(self, input):
        if input.dim() not in (2, 3):
            raise ValueError(f"expected 2D or 3D input (got {input.dim()}D input)")


class BatchNorm2d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, mean and variance of every channel over the batch; in
    evaluation the running ones.

    Shapes: (N, C, H, W) to the same; weight and bias (C).

    Raises:
        ValueError: for other numbers of dimensions, or one value a channel in training.

    >>> import minitorch
    >>> minitorch.nn.BatchNorm2d(2)(minitorch.ones(2, 2, 2, 2)).shape
    torch.Size([2, 2, 2, 2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm2d.html
    """

    def _check_input_dim(self, input):
        if input.dim() != 4:
            raise ValueError(f"expected 4D input (got {input.dim()}D input)")


class BatchNorm3d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, mean and variance of every channel over the batch; in
    evaluation the running ones.

    Shapes: (N, C, D, H, W) to the same; weight and bias (C).

    Raises:
        ValueError: for other numbers of dimensions, or one value a channel in training.

    >>> import minitorch
    >>> minitorch.nn.BatchNorm3d(2)(minitorch.ones(2, 2, 2, 2, 2)).shape
    torch.Size([2, 2, 2, 2, 2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm3d.html
    """

    def _check_input_dim(self, input):
        if input.dim() != 5:
            raise ValueError(f"expected 5D input (got {input.dim()}D input)")
