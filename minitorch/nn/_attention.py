"""Attention: of queries to keys, and with several heads.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.scaled_dot_product_attention.html
"""

import math
import warnings

import minitorch
from minitorch import _C

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def _check_attention(query, key, value, attn_mask, is_causal):
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
        )
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.dim()} key.dim: {key.dim()} and value.dim: {value.dim()} instead."
        )
    if not query.dtype == key.dtype == value.dtype:
        types = [str(t.dtype).rpartition(".")[2] for t in (query, key, value)]
        types = [{"float32": "float", "float64": "double", "int64": "long int"}.get(t, t) for t in types]
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {types[0]} "
            f"key.dtype: {types[1]} and value.dtype: {types[2]} instead."
        )


def _with_dropout(query, key, value, attn_mask, dropout_p, is_causal, scale):
    """Step by step, as the weights pass through dropout on the way."""
    scores = (query * scale) @ key.transpose(-2, -1)
    if is_causal:
        rows, columns = minitorch.arange(query.size(-2)), minitorch.arange(key.size(-2))
        attn_mask = rows.unsqueeze(1) >= columns
    if attn_mask is None:
        return _C._nn.dropout(minitorch.softmax(scores, -1), dropout_p) @ value
    if attn_mask.dtype == minitorch.bool:
        scores = scores.masked_fill(attn_mask.logical_not(), -math.inf)
    else:
        scores = scores + attn_mask
    hidden = (scores == -math.inf).all(-1, True)
    weights = minitorch.softmax(scores.masked_fill(hidden, 0), -1).masked_fill(hidden, 0)
    return _C._nn.dropout(weights, dropout_p) @ value


def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """softmax(query key^T * scale + mask) value.

    Args:
        attn_mask: numbers that are added, or bools: False hides a key from a query.
        dropout_p: the probability that a weight becomes 0.
        is_causal: query i sees keys up to i.
        scale: 1 / sqrt(E) unless given.
        enable_gqa: several heads of queries share one of keys and values.

    Shapes: query (..., L, E), key (..., S, E), value (..., S, Ev) to (..., L, Ev); mask (..., L, S).

    Raises:
        RuntimeError: if the shapes do not fit, or with a mask and is_causal.

    >>> import minitorch
    >>> q = minitorch.zeros(1, 1, 2)
    >>> k = minitorch.zeros(1, 2, 2)
    >>> minitorch.nn.functional.scaled_dot_product_attention(q, k, minitorch.tensor([[[1.0], [3.0]]]))
    tensor([[[2.]]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.scaled_dot_product_attention.html
    """
    _check_attention(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        times = query.size(-3) // key.size(-3)
        key, value = (t.repeat_interleave(times, -3) for t in (key, value))
    if scale is None:
        scale = 1 / math.sqrt(query.size(-1)) if query.size(-1) else 1.0
    if dropout_p > 0:
        return _with_dropout(query, key, value, attn_mask, dropout_p, is_causal, scale)
    return _C._nn._attention(query, key, value, attn_mask, is_causal, scale)


# ---- several heads -------------------------------------------------------------------------------


def _canonical_mask(mask, mask_name, other_type, other_name, target_type, check_other=True, stacklevel=3):
    """A mask of bools (True hides) or numbers as numbers to add."""
    if mask is None:
        return None
    if mask.dtype != minitorch.bool and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {mask_name} are supported")
    if check_other and other_type is not None and mask.dtype != other_type:
        warnings.warn(
            f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for both "
            "instead.",
            stacklevel=stacklevel,
        )
    if mask.is_floating_point():
        return mask
    return minitorch.zeros_like(mask, dtype=target_type).masked_fill_(mask, -math.inf)


def _dtype_of(mask):
    return None if mask is None else mask.dtype


def _canonical_masks(attn_mask, padding, dtype, names=("attn_mask", "key_padding_mask")):
    """Both masks of attention as numbers to add."""
    padding = _canonical_mask(padding, names[1], _dtype_of(attn_mask), names[0], dtype, stacklevel=4)
    return _canonical_mask(attn_mask, names[0], None, "", dtype, check_other=False), padding


def _check_heads(query, key, value, padding, attn_mask, num_heads):
    """Whether there is a batch; AssertionError for numbers of dimensions that do not go together."""
    dim = query.dim()
    if dim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {dim}-D query tensor"
        )
    kind = f"For {'batched' if dim == 3 else 'unbatched'} ({dim}-D) `query`"
    if key.dim() != dim or value.dim() != dim:
        raise AssertionError(
            f"{kind}, expected `key` and `value` to be {dim}-D but found {key.dim()}-D and {value.dim()}-D "
            "tensors respectively"
        )
    if padding is not None and padding.dim() != dim - 1:
        raise AssertionError(
            f"{kind}, expected `key_padding_mask` to be `None` or {dim - 1}-D but found {padding.dim()}-D "
            "tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(
                f"{kind}, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor "
                "instead"
            )
        shape = (num_heads, query.shape[0], key.shape[0])
        if dim == 2 and attn_mask.dim() == 3 and attn_mask.shape != shape:
            raise AssertionError(f"Expected `attn_mask` shape to be {shape} but got {attn_mask.shape}")
    return dim == 3


def _project(query, key, value, weight, bias):
    """Queries, keys and values from one matrix for all three; what is the same is multiplied at once."""
    size = query.size(-1)
    if query is key and key is value:
        return minitorch.nn.functional.linear(query, weight, bias).split(size, -1)
    weights = weight.chunk(3)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    inputs = zip((query, key, value), weights, biases, strict=True)
    return [minitorch.nn.functional.linear(x, w, b) for x, w, b in inputs]


def _project_apart(query, key, value, weights, bias):
    """The same from a matrix for each."""
    size = query.size(-1)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    projected = []
    for name, x, w, b in zip(("query", "key", "value"), (query, key, value), weights, biases, strict=True):
        if w.shape != (size, x.size(-1)):
            raise AssertionError(f"expecting {name} weights shape of {(size, x.size(-1))}, but got {w.shape}")
        if b is not None and b.shape != (size,):
            raise AssertionError(f"expecting {name} bias shape of {(size,)}, but got {b.shape}")
        projected.append(minitorch.nn.functional.linear(x, w, b))
    return projected


def _check_mask_shape(attn_mask, heads, queries, keys):
    """attn_mask as (1 or heads, queries, keys)."""
    dim = attn_mask.dim()
    want = (queries, keys) if dim == 2 else (heads, queries, keys)
    if dim not in (2, 3):
        raise RuntimeError(f"attn_mask's dimension {dim} is not supported")
    if attn_mask.shape != want:
        raise RuntimeError(f"The shape of the {dim}D attn_mask is {attn_mask.shape}, but should be {want}.")
    return attn_mask.unsqueeze(0) if dim == 2 else attn_mask


def _longer(mask):
    """A mask with one more key, which everybody sees."""
    return None if mask is None else minitorch.nn.functional.pad(mask, (0, 1))


def _static(name, static, heads, size):
    if static.size(0) != heads:
        raise AssertionError(f"expecting {name}.size(0) of {heads}, but got {static.size(0)}")
    if static.size(2) != size:
        raise AssertionError(f"expecting {name}.size(2) of {size}, but got {static.size(2)}")
    return static


def _merge_padding(attn_mask, padding, batch, num_heads, keys):
    """Both masks as one (1 or batch * heads, queries or 1, keys)."""
    if padding is None:
        return attn_mask
    for d, want in enumerate((batch, keys)):
        if padding.shape[d] != want:
            raise AssertionError(
                f"Expected key_padded_mask.shape[{d}] to be {want}, but got {padding.shape[d]}"
            )
    padding = padding.view(batch, 1, 1, keys).expand(-1, num_heads, -1, -1).reshape(-1, 1, keys)
    return padding if attn_mask is None else attn_mask + padding


def _weighted(q, k, v, mask, dropout_p):
    """(the values of all heads, their weights), in PyTorch's steps."""
    scores = minitorch.bmm(q * math.sqrt(1.0 / q.size(-1)), k.transpose(-2, -1))
    weights = minitorch.softmax(scores if mask is None else mask + scores, -1)
    if dropout_p > 0.0:
        weights = _C._nn.dropout(weights, dropout_p)
    return minitorch.bmm(weights, v), weights


def _check_sizes(query, key, value, size, num_heads, apart):
    if query.size(-1) != size:
        raise AssertionError(f"was expecting embedding dimension of {size}, but got {query.size(-1)}")
    if size % num_heads:
        raise AssertionError(f"embed_dim {size} not divisible by num_heads {num_heads}")
    if apart and key.shape[:2] != value.shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        )
    if not apart and key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")


def multi_head_attention_forward(
    query,
    key,
    value,
    embed_dim_to_check,
    num_heads,
    in_proj_weight,
    in_proj_bias,
    bias_k,
    bias_v,
    add_zero_attn,
    dropout_p,
    out_proj_weight,
    out_proj_bias,
    training=True,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    use_separate_proj_weight=False,
    q_proj_weight=None,
    k_proj_weight=None,
    v_proj_weight=None,
    static_k=None,
    static_v=None,
    average_attn_weights=True,
    is_causal=False,
):
    """Attention with several heads: see nn.MultiheadAttention, which holds the weights.

    Returns the output, and the weights of attention if need_weights, else None.

    Raises:
        AssertionError: if shapes do not go together.
        RuntimeError: if a mask has the wrong shape, or is_causal comes without attn_mask.

    >>> import minitorch
    >>> x, w = minitorch.ones(2, 1, 4), minitorch.eye(4)
    >>> y, weights = minitorch.nn.functional.multi_head_attention_forward(
    ...     x, x, x, 4, 2, w.repeat(3, 1), None, None, None, False, 0.0, w, None
    ... )
    >>> y.shape, weights.shape
    (torch.Size([2, 1, 4]), torch.Size([1, 2, 2]))

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiheadAttention.html
    """
    batched = _check_heads(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same = query is key, key is value
        query = query.unsqueeze(1)
        key = query if same[0] else key.unsqueeze(1)
        value = key if same[1] else value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    hint = is_causal and key_padding_mask is None and not need_weights
    attn_mask, key_padding_mask = _canonical_masks(None if hint else attn_mask, key_padding_mask, query.dtype)
    (queries, batch, size), apart = query.shape, use_separate_proj_weight
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, apart)
    if apart:
        q, k, v = _project_apart(
            query, key, value, (q_proj_weight, k_proj_weight, v_proj_weight), in_proj_bias
        )
    else:
        q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias)
    heads, width = batch * num_heads, size // num_heads
    if attn_mask is not None:
        attn_mask = _check_mask_shape(attn_mask, heads, queries, key.size(0))
    if bias_k is not None and bias_v is not None:
        k = minitorch.cat([k, bias_k.repeat(1, batch, 1)])
        v = minitorch.cat([v, bias_v.repeat(1, batch, 1)])
        attn_mask, key_padding_mask = _longer(attn_mask), _longer(key_padding_mask)
    q, k, v = (t.reshape(t.size(0), heads, width).transpose(0, 1) for t in (q, k, v))
    k = k if static_k is None else _static("static_k", static_k, heads, width)
    v = v if static_v is None else _static("static_v", static_v, heads, width)
    if add_zero_attn:
        zeros = minitorch.zeros(heads, 1, width, dtype=k.dtype)
        k, v = minitorch.cat([k, zeros], 1), minitorch.cat([v, zeros], 1)
        attn_mask, key_padding_mask = _longer(attn_mask), _longer(key_padding_mask)
    mask = _merge_padding(attn_mask, key_padding_mask, batch, num_heads, k.size(1))
    dropout_p, weights = dropout_p if training else 0.0, None
    if need_weights:
        y, weights = _weighted(q, k, v, mask, dropout_p)
        weights = weights.view(batch, num_heads, queries, -1)
        weights = weights.mean(1) if average_attn_weights else weights
    else:
        y = scaled_dot_product_attention(q, k, v, mask, dropout_p, hint)
    y = y.transpose(0, 1).reshape(queries * batch, size)
    y = minitorch.nn.functional.linear(y, out_proj_weight, out_proj_bias).view(queries, batch, -1)
    if batched:
        return y, weights
    return y.squeeze(1), None if weights is None else weights.squeeze(0)
