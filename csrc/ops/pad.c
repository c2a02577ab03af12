/* Padding: constants around a tensor (constant_pad_nd is its own transpose), or its own elements once
 * more. Read next: ops/border.c. */
#include "ops/border.h"

#include <string.h>

/* ==== constant_pad_nd ========================================================================= */

/* What to add before and after dimension d: `pad` lists the last dimension first. */
static int64_t before(const mt_arg *pad, int ndim, int d)
{
    int64_t at = 2 * (ndim - 1 - d);
    return at < pad->ints.n ? pad->ints.v[at] : 0;
}
static int64_t after(const mt_arg *pad, int ndim, int d)
{
    int64_t at = 2 * (ndim - 1 - d) + 1;
    return at < pad->ints.n ? pad->ints.v[at] : 0;
}

static int padded_size(const mt_tensor *x, const mt_arg *pad, int64_t *size)
{
    if (pad->ints.n % 2)
        return mt_error(MT_RUNTIME, "Length of pad must be even but instead it equals %lld",
                        (long long)pad->ints.n);
    if (pad->ints.n > 2 * x->ndim)
        return mt_error(MT_RUNTIME,
                        "Length of pad should be no more than twice the number of dimensions of "
                        "the input. Pad length is %lld while the input has %d dimensions.",
                        (long long)pad->ints.n, x->ndim);
    for (int d = 0; d < x->ndim; d++) {
        int64_t b = before(pad, x->ndim, d), a = after(pad, x->ndim, d);
        size[d] = x->size[d] + b + a;
        if (size[d] < 0) return mt_error(MT_RUNTIME, "narrow(): length must be non-negative.");
    }
    return 0;
}

static int constant_pad_nd_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    const mt_arg *pad = &c->arg[0];
    int64_t size[MT_MAX_DIMS], shared[MT_MAX_DIMS], from = x->offset, to = 0;
    if (padded_size(x, pad, size) < 0) return -1;
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, size)) ||
        mt_fill_raw(y, c->arg[1].s) < 0)
        return -1;
    to = y->offset;
    bool nothing = false;
    for (int d = 0; d < x->ndim; d++) { /* the part that both have */
        int64_t b = before(pad, x->ndim, d), a = after(pad, x->ndim, d);
        shared[d] = x->size[d] + (b < 0 ? b : 0) + (a < 0 ? a : 0);
        nothing = nothing || shared[d] <= 0;
        if (b < 0)
            from -= b * x->stride[d];
        else
            to += b * y->stride[d];
    }
    if (nothing) return 0;
    mt_tensor *source = mt_alias_as(x, x->ndim, shared, x->stride, from);
    mt_tensor *target = mt_alias_as(y, x->ndim, shared, y->stride, to);
    return source && target ? mt_copy_raw(target, source) : -1;
}

static void constant_pad_nd_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int64_t pad[2 * MT_MAX_DIMS], n = c->arg[0].ints.n;
    for (int64_t i = 0; i < n; i++) pad[i] = -c->arg[0].ints.v[i];
    if (gin[0]) gin[0] = mt_constant_pad_nd(gout[0], (int)n, pad, mt_scalar_int(0));
}

MT_OP(constant_pad_nd, .kind = MT_FUNCTION, .backward = constant_pad_nd_backward,
      .rule = "g, padded by -pad",
      .schema = "constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor",
      .doc = "The tensor with pad[0] elements `value` before and pad[1] after along its last "
             "dimension, pad[2] and pad[3] along the\none before it, and so on; negative numbers "
             "take elements away.\n\nRaises RuntimeError if a size would be negative.\n\n"
             ">>> minitorch.constant_pad_nd(minitorch.ones(2), (1, 0), 5.)\ntensor([5., 1., 1.])");

mt_tensor *mt_constant_pad_nd(mt_tensor *self, int n, const int64_t *pad, mt_scalar value)
{
    mt_arg arg[2] = {mt_arg_ints(n, pad), mt_arg_scalar(value)};
    return mt_call1a(&mt_op_constant_pad_nd, self, 2, arg);
}

/* ==== pad ===================================================================================== */

enum { CIRCULAR = MT_REPLICATE + 1, CONSTANT };

/* In PyTorch's order: what the pads ask must be there. */
static int check_line(int m, const mt_tensor *x, int d, int64_t b, int64_t a)
{
    char text[MT_SHAPE_TEXT];
    int64_t n = x->size[d];
    if (b == 0 && a == 0) return 0;
    if (m == MT_REFLECT && (b >= n || a >= n))
        return mt_error(MT_RUNTIME,
                        "Argument #4: Padding size should be less than the corresponding input "
                        "dimension, but got: padding (%lld, %lld) at dimension %d of input %s",
                        (long long)b, (long long)a, d, mt_shape_text(x->ndim, x->size, text));
    if (m == CIRCULAR && (b > n || a > n))
        return mt_error(MT_RUNTIME, "Padding value causes wrapping around more than once.");
    if (m == CIRCULAR && n + b + a < 0)
        return mt_error(MT_RUNTIME, "Negative padding value is resulting in an empty dimension");
    if (m != CIRCULAR && n + b + a < 1)
        return mt_error(MT_RUNTIME, "input (%s: %lld) is too small. Calculated output size: %lld",
                        d == x->ndim - 1   ? "W"
                        : d == x->ndim - 2 ? "H"
                                           : "D",
                        (long long)n, (long long)(n + b + a));
    return 0;
}

/* The other end around a line. What negative pads take away is no part of the circle. */
static mt_tensor *circle(mt_tensor *x, int d, int64_t b, int64_t a)
{
    int64_t n = x->size[d], size = n + b + a, first = b < 0 ? -b : 0,
            rest = n - first + (a < 0 ? a : 0);
    if ((b == 0 && a == 0) || check_line(CIRCULAR, x, d, b, a) < 0) return b || a ? NULL : x;
    mt_tensor *index = mt_empty(MT_INT64, 1, &size);
    for (int64_t i = 0; index && i < size; i++)
        ((int64_t *)(void *)index->data)[i] = first + ((i - b - first) % rest + rest) % rest;
    return mt_index_select(x, d, index);
}

static mt_tensor *pad_circular(mt_tensor *x, const mt_arg *pad)
{
    mt_tensor *y = x;
    for (int d = x->ndim - 1; y && d >= x->ndim - pad->ints.n / 2; d--)
        y = circle(y, d, before(pad, x->ndim, d), after(pad, x->ndim, d));
    return y == x ? mt_clone(x) : y;
}

static int check_pad(const mt_tensor *x, const mt_arg *pad)
{
    char text[MT_SHAPE_TEXT];
    int64_t n = pad->ints.n, least = n / 2;
    if (n % 2) return mt_error(MT_RUNTIME, "Padding length must be divisible by 2");
    if (n > 2 * x->ndim)
        return mt_error(MT_RUNTIME,
                        "Padding length should be less than or equal to two times the input "
                        "dimension but got padding length %lld and input of dimension %d",
                        (long long)n, x->ndim);
    if (n != 2 && n != 4 && n != 6)
        return mt_error(
            MT_NOT_IMPLEMENTED,
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now");
    if (x->ndim != least + 1 && x->ndim != least + 2)
        return mt_error(
            MT_NOT_IMPLEMENTED,
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now");
    for (int d = x->ndim - (int)least; d < x->ndim; d++)
        if (x->size[d] == 0)
            return mt_error(MT_RUNTIME,
                            "Expected %lldD or %lldD (batch mode) tensor with possibly 0 batch "
                            "size and other non-zero dimensions for input, but got: %s",
                            (long long)least + 1, (long long)least + 2,
                            mt_shape_text(x->ndim, x->size, text));
    return 0;
}

static int pad_forward(mt_call *c)
{
    static const char *const words[] = {"reflect", "replicate", "circular", "constant"};
    mt_tensor *x = c->in[0];
    const mt_arg *pad = &c->arg[0];
    int m = 0;
    while (m <= CONSTANT && strcmp(c->arg[1].text, words[m])) m++;
    if (m > CONSTANT)
        return mt_error(MT_NOT_IMPLEMENTED, "Unrecognised padding mode %s", c->arg[1].text);
    if (m == CONSTANT)
        return mt_result_is(
            c, 0,
            mt_constant_pad_nd(x, (int)pad->ints.n, pad->ints.v,
                               c->arg[2].given ? mt_scalar_float(c->arg[2].d) : mt_scalar_int(0)));
    if (c->arg[2].given && c->arg[2].d != 0)
        return mt_error(MT_RUNTIME, "Padding mode \"%s\" doesn't take in value argument",
                        c->arg[1].text);
    if (check_pad(x, pad) < 0) return -1;
    if (m == CIRCULAR) return mt_result_is(c, 0, pad_circular(x, pad));
    for (int d = x->ndim - 1; d >= x->ndim - pad->ints.n / 2; d--)
        if (check_line(m, x, d, before(pad, x->ndim, d), after(pad, x->ndim, d)) < 0) return -1;
    return mt_result_is(c, 0, mt_border(x, (mt_border_mode)m, (int)pad->ints.n, pad->ints.v));
}

MT_OP(
    pad, .kind = MT_COMPOSITE | MT_NN,
    .schema = "pad(Tensor input, int[] pad, str mode=\"constant\", float? value=None) -> Tensor",
    .doc =
        "The tensor with more elements around it: pad[0] before and pad[1] after along the last "
        "dimension, pad[2] and pad[3]\nalong the one before it, and so on; negative numbers take "
        "elements away.\n\n"
        "mode \"constant\": they are `value` (0 unless given); \"reflect\": mirrored at the edge, "
        "without the edge itself;\n\"replicate\": the edge; \"circular\": the other end. The last "
        "three are for inputs (C, ...) or (N, C, ...) with pads\nfor all dimensions but these.\n\n"
        "Raises RuntimeError if a pad does not fit, NotImplementedError for other modes and "
        "shapes.\n\n"
        ">>> x = minitorch.tensor([[1., 2., 3.]])\n"
        ">>> minitorch.nn.functional.pad(x, (1, 1), mode=\"reflect\")\n"
        "tensor([[2., 1., 2., 3., 2.]])");
