"""Modules that learn the number of their inputs from the first input they get.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.modules.lazy.LazyModuleMixin.html
"""

import itertools

import minitorch
from minitorch.nn.modules import batchnorm, conv, instancenorm, linear
from minitorch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

_NORMS = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d")
_CONVS = ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")

__all__ = ["LazyLinear", *("Lazy" + name for name in _CONVS + _NORMS)]


class LazyModuleMixin:
    """What lazy modules share: before the first forward, initialize_parameters(*inputs) makes what is
    missing, and the module becomes one of class cls_to_become.
    """

    cls_to_become = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        unsaved = self._non_persistent_buffers_set
        buffers = ((name, buffer) for name, buffer in self._buffers.items() if name not in unsaved)
        for name, tensor in itertools.chain(self._parameters.items(), buffers):
            if tensor is not None:
                destination[prefix + name] = tensor if is_lazy(tensor) or keep_vars else tensor.detach()

    def _lazy_load_hook(self, state_dict, prefix, *_):
        """Gives tensors without a shape that of what is loaded into them."""
        for name, own in itertools.chain(self._parameters.items(), self._buffers.items()):
            given = state_dict.get(prefix + name)
            if is_lazy(own) and given is not None and not is_lazy(given):
                with minitorch.no_grad():
                    own.materialize(given.shape)

    def initialize_parameters(self, *args, **kwargs):
        """Makes parameters and buffers that fit the inputs; each class has its own."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self):
        """Whether a parameter or buffer has no shape yet."""
        return any(map(is_lazy, itertools.chain(self._parameters.values(), self._buffers.values())))

    def _infer_parameters(self, module, args, kwargs=None):
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        for name in ("_initialize_hook", "_load_hook"):
            getattr(module, name).remove()
            delattr(module, name)
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _leave_open(self, names, device, dtype):
        for name in names:
            setattr(self, name, UninitializedParameter(device=device, dtype=dtype))


class LazyLinear(LazyModuleMixin, linear.Linear):
    """A Linear whose in_features is the last size of its first input.

    >>> import minitorch
    >>> minitorch.nn.LazyLinear(3)(minitorch.ones(2, 5)).shape
    torch.Size([2, 3])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyLinear.html
    """

    cls_to_become = linear.Linear

    def __init__(self, out_features, bias=True, device=None, dtype=None):
        super().__init__(0, 0, False)
        self.out_features = out_features
        self._leave_open(("weight", "bias") if bias else ("weight",), device, dtype)

    def reset_parameters(self):
        """Draws weight and bias anew, once they have a shape."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input):
        """Makes weight and bias for this input."""
        size = input.shape[-1]
        if self.has_uninitialized_params():
            with minitorch.no_grad():
                self.in_features = size
                self.weight.materialize((self.out_features, size))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()
        if self.in_features == 0:
            if size != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {size} is not equal to in_features from "
                    f"self.weight: {self.weight.shape[-1]}"
                )
            self.in_features = size


class _LazyConvNd(LazyModuleMixin):
    def reset_parameters(self):
        """Draws weight and bias anew, once they have a shape."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input, *args, **kwargs):
        """Makes weight and bias for this input."""
        if not self.has_uninitialized_params():
            return
        few = len(self.kernel_size) + 1
        if input.dim() not in (few, few + 1):
            raise RuntimeError(
                f"Expected {few}D (unbatched) or {few + 1}D (batched) input to {type(self).__name__}, but "
                f"got input of size: {input.shape}"
            )
        self.in_channels = input.shape[input.dim() - few]
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        self.weight.materialize((first, second // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


class _LazyConv(_LazyConvNd):
    def __init__(
        self,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype
        )
        self.out_channels = out_channels
        self._leave_open(("weight", "bias") if bias else ("weight",), device, dtype)


class _LazyConvTranspose(_LazyConvNd):
    def __init__(
        self,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode,
            device, dtype,
        )  # fmt: skip
        self.out_channels = out_channels
        self._leave_open(("weight", "bias") if bias else ("weight",), device, dtype)


class _LazyNorm(LazyModuleMixin):
    def __init__(
        self,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self._leave_open(("weight", "bias") if bias else ("weight",), device, dtype)
        if track_running_stats:
            for name in ("running_mean", "running_var"):
                setattr(self, name, UninitializedBuffer(device=device, dtype=dtype))
            self.num_batches_tracked = minitorch.tensor(0, dtype=minitorch.int64, device=device)

    def reset_parameters(self):
        """Sets weight and bias to 1 and 0 and resets the running statistics, once they have a shape."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input):
        """Makes what is learned and counted for this input."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for name in ("weight", "bias", "running_mean", "running_var"):
                tensor = getattr(self, name)
                if tensor is not None:
                    tensor.materialize((self.num_features,))
            self.reset_parameters()


def _lazy(name):
    """The class LazyX for X of this name."""
    dims = int(name[-2])
    if name in _NORMS:
        full = getattr(batchnorm if name.startswith("Batch") else instancenorm, name)
        base, what, call, sizes = _LazyNorm, "num_features", "()", (2, 3, *(4,) * dims)
        result = sizes
    else:
        full = getattr(conv, name)
        transposed = name.startswith("ConvT")
        base = _LazyConvTranspose if transposed else _LazyConv
        what, call, sizes = "in_channels", "(5, 2)", (2, 3, *(4,) * dims)
        result = (2, 5, *(5 if transposed else 3,) * dims)
    doc = f"""A {name} whose {what} is the number of channels of its first input.

    >>> import minitorch
    >>> minitorch.nn.Lazy{name}{call}(minitorch.ones{sizes}).shape
    torch.Size({list(result)})

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Lazy{name}.html
    """
    members = {"cls_to_become": full, "__doc__": doc, "__module__": __name__}
    return type("Lazy" + name, (base, full), members)


globals().update({"Lazy" + name: _lazy(name) for name in _CONVS + _NORMS})
