"""Attention with several heads. https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiheadAttention.html"""

import minitorch
from minitorch.nn import functional as F
from minitorch.nn import init
from minitorch.nn.modules.linear import NonDynamicallyQuantizableLinear
from minitorch.nn.modules.module import Module
from minitorch.nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention with several heads (Vaswani et al. 2017): each head attends with its part of the projected
    queries, keys and values, and their outputs together are projected once more.

    Args:
        embed_dim: features of queries and of the output.
        num_heads: heads; each has embed_dim / num_heads features.
        dropout: in training, the probability that a weight of attention becomes 0.
        bias: whether the projections have biases.
        add_bias_kv: a learned key and value is added at the end.
        add_zero_attn: a key and a value of zeros is added at the end.
        kdim, vdim: features of keys and values, unless embed_dim.
        batch_first: (batch, steps, features), not (steps, batch, features).

    Shapes: query (L, batch, embed_dim), key (S, batch, kdim), value (S, batch, vdim), or without the batch;
    key_padding_mask (batch, S), attn_mask (L, S) or (batch * heads, L, S): bools that hide where they
    are True, or numbers that are added. Output like query, and with need_weights the weights (batch, L, S),
    or (batch, heads, L, S) unless average_attn_weights.

    Raises:
        ValueError: for sizes that are not positive.
        AssertionError: if the heads do not divide embed_dim, or shapes do not go together.

    >>> import minitorch
    >>> attention = minitorch.nn.MultiheadAttention(6, 2)
    >>> x = minitorch.ones(4, 1, 6)
    >>> y, weights = attention(x, x, x)
    >>> y.shape, weights.shape
    (torch.Size([4, 1, 6]), torch.Size([1, 4, 4]))

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiheadAttention.html
    """

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        device=None,
        dtype=None,
    ):
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def learned(*size):
            return Parameter(minitorch.empty(size, device=device, dtype=dtype))

        if self._qkv_same_embed_dim:
            self.in_proj_weight = learned(3 * embed_dim, embed_dim)
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
                self.register_parameter(name, None)
        else:
            self.q_proj_weight = learned(embed_dim, embed_dim)
            self.k_proj_weight = learned(embed_dim, self.kdim)
            self.v_proj_weight = learned(embed_dim, self.vdim)
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", learned(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        self.bias_k = learned(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v = learned(1, 1, embed_dim) if add_bias_kv else None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self):
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        swap = self.batch_first and query.dim() == 3
        if swap:
            same = key is query, value is key
            query = query.transpose(0, 1)
            key = query if same[0] else key.transpose(0, 1)
            value = key if same[1] else value.transpose(0, 1)
        y, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return y.transpose(0, 1) if swap else y, weights
