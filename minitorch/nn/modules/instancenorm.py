"""Instance normalisation. https://docs.pytorch.org/docs/2.13/nn.html#normalization-layers"""

import warnings

from minitorch.nn import functional as F
from minitorch.nn.modules.batchnorm import _NormBase

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


class _InstanceNorm(_NormBase):
    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=False,
        track_running_stats=False,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_input_dim(self, input):
        few, many = self._dims + 1, self._dims + 2
        if input.dim() not in (few, many):
            raise ValueError(f"expected {few}D or {many}D input (got {input.dim()}D input)")

    def forward(self, input):
        self._check_input_dim(input)
        alone = input.dim() == self._dims + 1
        channels = input.size(0 if alone else 1)
        if channels != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={0 if alone else 1} to match num_features "
                    f"({self.num_features}), but got: {channels}."
                )
            warnings.warn(
                f"input's size at dim={0 if alone else 1} does not match num_features. "
                "You can silence this warning by not passing in num_features, "
                "which is not used because affine=False",
                stacklevel=2,
            )
        result = F.instance_norm(
            input.unsqueeze(0) if alone else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )
        return result.squeeze(0) if alone else result


def _family():
    made = []
    for dims, places in ((1, "L"), (2, "H, W"), (3, "D, H, W")):
        size = ", ".join(["2"] * (dims + 2))
        doc = f"""(x - mean) / sqrt(var + eps) * weight + bias, mean and variance of every channel of every
        sample.

    With track_running_stats, evaluation uses running ones.

    Shapes: (N, C, {places}) or (C, {places}) to the same; weight and bias (C), with affine=True.

    Raises:
        ValueError: for other numbers of dimensions, or one value a channel.

    >>> import minitorch
    >>> minitorch.nn.InstanceNorm{dims}d(2)(minitorch.ones({size})).shape
    torch.Size([{size}])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.InstanceNorm{dims}d.html
    """
        members = {"_dims": dims, "__doc__": doc, "__module__": __name__}
        made.append(type(f"InstanceNorm{dims}d", (_InstanceNorm,), members))
    return made


InstanceNorm1d, InstanceNorm2d, InstanceNorm3d = _family()
