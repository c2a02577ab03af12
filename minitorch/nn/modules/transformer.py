"""Transformers (Vaswani et al. 2017). https://docs.pytorch.org/docs/2.13/nn.html#transformer-layers"""

import copy
import math
import warnings

import minitorch
from minitorch.nn import functional as F
from minitorch.nn import init
from minitorch.nn._attention import _canonical_masks
from minitorch.nn.modules.activation import GELU, ReLU
from minitorch.nn.modules.attention import MultiheadAttention
from minitorch.nn.modules.container import ModuleList
from minitorch.nn.modules.dropout import Dropout
from minitorch.nn.modules.linear import Linear
from minitorch.nn.modules.module import Module
from minitorch.nn.modules.normalization import LayerNorm

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]


def _causal_mask(size, device=None, dtype=None):
    return minitorch.triu(minitorch.full((size, size), -math.inf, dtype=dtype, device=device), 1)


def _is_causal(mask, is_causal, steps):
    """Whether the mask is the causal one, unless that was said."""
    if is_causal is None and mask is not None:
        causal = _causal_mask(steps, dtype=mask.dtype) if mask.is_floating_point() else None
        return causal is not None and mask.size() == causal.size() and bool((mask == causal).all())
    return is_causal is True


def _steps(x, batch_first):
    return x.size(0) if x.dim() == 2 else x.size(1 if batch_first else 0)


def _copies(module, n):
    return ModuleList([copy.deepcopy(module) for _ in range(n)])


def _activation(name):
    functions = {"relu": F.relu, "gelu": F.gelu}
    if not isinstance(name, str):
        return name
    if name not in functions:
        raise RuntimeError(f"activation should be relu/gelu, not {name}")
    return functions[name]


class _Layer(Module):
    """What the layers share: linear1, linear2, norms and dropouts, in PyTorch's order."""

    def _build(
        self, attentions, d_model, nhead, feedforward, dropout, eps, batch_first, norm_first, bias, made
    ):
        for name in attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **made
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, feedforward, bias=bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(feedforward, d_model, bias=bias, **made)
        self.norm_first = norm_first
        numbers = range(1, len(attentions) + 2)
        for k in numbers:
            setattr(self, f"norm{k}", LayerNorm(d_model, eps=eps, bias=bias, **made))
        for k in numbers:
            setattr(self, f"dropout{k}", Dropout(dropout))

    def _attend(self, attention, dropout, x, memory, mask, padding, is_causal):
        y = attention(
            x,
            memory,
            memory,
            attn_mask=mask,
            key_padding_mask=padding,
            need_weights=False,
            is_causal=is_causal,
        )[0]
        return dropout(y)

    def _feed(self, dropout, x):
        return dropout(self.linear2(self.dropout(self.activation(self.linear1(x)))))

    def _add(self, x, norm, part):
        """x + part(x), normalized before or after."""
        return x + part(norm(x)) if self.norm_first else norm(x + part(x))


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then two linear layers, each with a way around it and a norm.

    Args:
        d_model: features of input and output.
        nhead: heads of the attention.
        dim_feedforward: features between the two linear layers.
        dropout: probability of dropout in training.
        activation: "relu", "gelu" or a function, between the linear layers.
        layer_norm_eps: eps of the norms.
        batch_first: (batch, steps, features), not (steps, batch, features).
        norm_first: the norms come before attention and linear layers, not after.
        bias: whether linear layers and norms have biases.

    Raises:
        RuntimeError: for an unknown activation.
        AssertionError: if shapes do not go together.

    >>> import minitorch
    >>> layer = minitorch.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16)
    >>> layer(minitorch.ones(5, 3, 8)).shape
    torch.Size([5, 3, 8])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerEncoderLayer.html
    """

    def __init__(
        self,
        d_model,
        nhead,
        dim_feedforward=2048,
        dropout=0.1,
        activation=F.relu,
        layer_norm_eps=1e-5,
        batch_first=False,
        norm_first=False,
        bias=True,
        device=None,
        dtype=None,
    ):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self._build(
            ("self_attn",), d_model, nhead, dim_feedforward, dropout, layer_norm_eps, batch_first,
            norm_first, bias, made,
        )  # fmt: skip
        activation = _activation(activation)
        relu = activation is F.relu or isinstance(activation, ReLU)
        gelu = activation is F.gelu or isinstance(activation, GELU)
        self.activation_relu_or_gelu = 1 if relu else 2 if gelu else 0
        self.activation = activation

    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        names = ("src_mask", "src_key_padding_mask")
        mask, padding = _canonical_masks(src_mask, src_key_padding_mask, src.dtype, names)

        def attend(x):
            return self._attend(self.self_attn, self.dropout1, x, x, mask, padding, is_causal)

        x = self._add(src, self.norm1, attend)
        return self._add(x, self.norm2, lambda x: self._feed(self.dropout2, x))


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, to the encoder's output, then two linear layers, each with a way
    around it and a norm.

    Args are those of TransformerEncoderLayer.

    Raises:
        RuntimeError: for an unknown activation.
        AssertionError: if shapes do not go together.

    >>> import minitorch
    >>> layer = minitorch.nn.TransformerDecoderLayer(8, 2, dim_feedforward=16)
    >>> layer(minitorch.ones(5, 3, 8), minitorch.ones(7, 3, 8)).shape
    torch.Size([5, 3, 8])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerDecoderLayer.html
    """

    def __init__(
        self,
        d_model,
        nhead,
        dim_feedforward=2048,
        dropout=0.1,
        activation=F.relu,
        layer_norm_eps=1e-5,
        batch_first=False,
        norm_first=False,
        bias=True,
        device=None,
        dtype=None,
    ):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self._build(
            ("self_attn", "multihead_attn"), d_model, nhead, dim_feedforward, dropout, layer_norm_eps,
            batch_first, norm_first, bias, made,
        )  # fmt: skip
        self.activation = _activation(activation)

    def forward(
        self,
        tgt,
        memory,
        tgt_mask=None,
        memory_mask=None,
        tgt_key_padding_mask=None,
        memory_key_padding_mask=None,
        tgt_is_causal=False,
        memory_is_causal=False,
    ):
        def attend(x):
            return self._attend(
                self.self_attn, self.dropout1, x, x, tgt_mask, tgt_key_padding_mask, tgt_is_causal
            )

        def look(x):
            return self._attend(
                self.multihead_attn,
                self.dropout2,
                x,
                memory,
                memory_mask,
                memory_key_padding_mask,
                memory_is_causal,
            )

        x = self._add(tgt, self.norm1, attend)
        x = self._add(x, self.norm2, look)
        return self._add(x, self.norm3, lambda x: self._feed(self.dropout3, x))


def _why_not_nested(layer):
    """Why PyTorch's encoder would not leave out padding, in its words; "" if it would."""
    name, attention = "encoder_layer", getattr(layer, "self_attn", None)
    if not isinstance(layer, TransformerEncoderLayer):
        return f"{name} was not TransformerEncoderLayer"
    if layer.norm_first:
        return f"{name}.norm_first was True"
    if not attention.batch_first:
        return f"{name}.self_attn.batch_first was not True(use batch_first for better inference performance)"
    if not attention._qkv_same_embed_dim:
        return f"{name}.self_attn._qkv_same_embed_dim was not True"
    if attention.in_proj_bias is None:
        return f"{name}.self_attn was passed bias=False"
    if not layer.activation_relu_or_gelu:
        return f"{name}.activation_relu_or_gelu was not True"
    if layer.norm1.eps != layer.norm2.eps:
        return f"{name}.norm1.eps was not equal to {name}.norm2.eps"
    if attention.num_heads % 2 == 1:
        return f"{name}.self_attn.num_heads is odd"
    return ""


class TransformerEncoder(Module):
    """A stack of copies of an encoder layer, and a norm at the end.

    Args:
        encoder_layer: the layer that is copied.
        num_layers: how many copies.
        norm: a module for the end, or None.
        enable_nested_tensor: in evaluation without gradients the output of padding is 0, as in PyTorch.
        mask_check: takes part in that decision.

    Shapes: src (steps, batch, features) to the same; mask and src_key_padding_mask as in MultiheadAttention.

    >>> import minitorch
    >>> from minitorch import nn
    >>> layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    >>> nn.TransformerEncoder(layer, num_layers=2)(minitorch.ones(3, 5, 8)).shape
    torch.Size([3, 5, 8])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerEncoder.html
    """

    def __init__(self, encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True):
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.use_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        why_not = _why_not_nested(encoder_layer)
        if enable_nested_tensor and why_not:
            warnings.warn(
                f"enable_nested_tensor is True, but self.use_nested_tensor is False because {why_not}",
                stacklevel=2,
            )
            self.use_nested_tensor = False

    def _leaves_out(self, src, mask, padding):
        """What PyTorch's fast path would leave out: True at padding, or None if it would not be taken."""
        if not self.use_nested_tensor or self.layers[0].training or src.dim() != 3 or mask is not None:
            return None
        if padding is None or (minitorch.is_grad_enabled() and self._learns(src)):
            return None
        hidden = padding != 0
        left_aligned = bool((hidden[:, 1:] | hidden[:, :-1].logical_not()).all())
        return hidden if left_aligned or not self.mask_check else None

    def _learns(self, src):
        return src.requires_grad or any(p.requires_grad for p in self.layers[0].parameters())

    def forward(self, src, mask=None, src_key_padding_mask=None, is_causal=None):
        names = ("mask", "src_key_padding_mask")
        mask, padding = _canonical_masks(mask, src_key_padding_mask, src.dtype, names)
        left_out = self._leaves_out(src, mask, padding)
        is_causal = _is_causal(mask, is_causal, _steps(src, self.layers[0].self_attn.batch_first))
        output = src
        for layer in self.layers:
            output = layer(output, src_mask=mask, is_causal=is_causal, src_key_padding_mask=padding)
        if left_out is not None:
            output = output.masked_fill(left_out.unsqueeze(-1), 0.0)
        return output if self.norm is None else self.norm(output)


class TransformerDecoder(Module):
    """A stack of copies of a decoder layer, and a norm at the end.

    Args:
        decoder_layer: the layer that is copied.
        num_layers: how many copies.
        norm: a module for the end, or None.

    Shapes: tgt (steps, batch, features) and memory (other steps, batch, features) to the shape of tgt.

    >>> import minitorch
    >>> from minitorch import nn
    >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, dim_feedforward=16), num_layers=2)
    >>> decoder(minitorch.ones(5, 3, 8), minitorch.ones(7, 3, 8)).shape
    torch.Size([5, 3, 8])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerDecoder.html
    """

    def __init__(self, decoder_layer, num_layers, norm=None):
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt,
        memory,
        tgt_mask=None,
        memory_mask=None,
        tgt_key_padding_mask=None,
        memory_key_padding_mask=None,
        tgt_is_causal=None,
        memory_is_causal=False,
    ):
        steps = _steps(tgt, self.layers[0].self_attn.batch_first)
        tgt_is_causal = _is_causal(tgt_mask, tgt_is_causal, steps)
        output = tgt
        for layer in self.layers:
            output = layer(
                output,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=tgt_is_causal,
                memory_is_causal=memory_is_causal,
            )
        return output if self.norm is None else self.norm(output)


class Transformer(Module):
    """An encoder and a decoder that attends to its output.

    Args:
        d_model: features of source, target and output.
        nhead: heads.
        num_encoder_layers, num_decoder_layers: layers of each.
        dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias: of the layers.
        custom_encoder, custom_decoder: modules to take instead.

    Shapes: src (S, batch, d_model) and tgt (T, batch, d_model) to the shape of tgt.

    Raises:
        RuntimeError: if batches or features of source and target differ.

    >>> import minitorch
    >>> model = minitorch.nn.Transformer(8, 2, 1, 1, dim_feedforward=16)
    >>> model(minitorch.ones(7, 3, 8), minitorch.ones(5, 3, 8)).shape
    torch.Size([5, 3, 8])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Transformer.html
    """

    def __init__(
        self,
        d_model=512,
        nhead=8,
        num_encoder_layers=6,
        num_decoder_layers=6,
        dim_feedforward=2048,
        dropout=0.1,
        activation=F.relu,
        custom_encoder=None,
        custom_decoder=None,
        layer_norm_eps=1e-5,
        batch_first=False,
        norm_first=False,
        bias=True,
        device=None,
        dtype=None,
    ):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        more = (batch_first, norm_first, bias)

        def norm():
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)

        if custom_encoder is None:
            layer = TransformerEncoderLayer(*sizes, *more, **made)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        self.encoder = custom_encoder
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*sizes, *more, **made)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm())
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src,
        tgt,
        src_mask=None,
        tgt_mask=None,
        memory_mask=None,
        src_key_padding_mask=None,
        tgt_key_padding_mask=None,
        memory_key_padding_mask=None,
        src_is_causal=None,
        tgt_is_causal=None,
        memory_is_causal=False,
    ):
        batch_dim = 0 if self.batch_first else 1
        if src.dim() == 3 and src.size(batch_dim) != tgt.size(batch_dim):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz, device=None, dtype=None):
        """The mask of numbers that hides what comes later: 0, and -inf above the diagonal."""
        return _causal_mask(sz, device, dtype)

    def _reset_parameters(self):
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)
