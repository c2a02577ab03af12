/* Operators that move values without changing them: copy_, clone, casts, fill_. */
#include "ops/ops.h"

#include <string.h>

/* ==== copy_ =================================================================================== */

static int refuse_shapes(const mt_tensor *target, const mt_tensor *src)
{
    int64_t common[MT_MAX_DIMS];
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    int ndim = mt_shape_broadcast(target->ndim, target->size, src->ndim, src->size, common);
    if (ndim < 0) return -1;
    return mt_error(MT_RUNTIME, "output with shape %s doesn't match the broadcast shape %s",
                    mt_shape_text(target->ndim, target->size, a), mt_shape_text(ndim, common, b));
}

/* Said once, where somebody asks for it; gradients take real() instead. */
static int tell_loss(const mt_tensor *from, mt_dtype to)
{
    static bool told;
    if (MT_LIKELY(!mt_is_complex((mt_dtype)from->dtype)) || mt_is_complex(to) || to == MT_BOOL ||
        told)
        return 0;
    told = true;
    return mt_warn("Casting complex values to real discards the imaginary part");
}

static int copy_forward(mt_call *c)
{
    mt_tensor *target = c->in[0], *src = c->in[1];
    if (tell_loss(src, (mt_dtype)target->dtype) < 0) return -1;
    if (!mt_shape_expandable(src->ndim, src->size, target->ndim, target->size))
        return refuse_shapes(target, src);
    int overlap = mt_overlap(target, src);
    if (overlap == 2)
        return mt_error(MT_RUNTIME, "unsupported operation: some elements of the input tensor and "
                                    "the written-to tensor refer to a single memory location. "
                                    "Please clone() the tensor before performing the operation.");
    if (overlap == 3) {
        mt_tensor *apart = mt_empty_like(src, (mt_dtype)src->dtype);
        if (!apart || mt_copy_raw(apart, src) < 0) return -1;
        src = apart;
    }
    c->out[0] = target;
    return mt_copy_raw(target, src);
}

static void copy_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_zeros_of(&c->in_dims[0]);
    if (gin[1]) gin[1] = gout[0];
}

MT_OP(copy, .kind = MT_ANY_DTYPE | MT_METHOD | MT_INPLACE_ONLY, .grad_name = "CopyBackwards",
      .backward = copy_backward,
      .schema = "copy_(Tensor self, Number other, bool non_blocking=False) -> Tensor",
      .doc = "Writes the values of src, broadcast and cast to this tensor's shape and type, into "
             "this tensor.");

mt_tensor *mt_copy(mt_tensor *self, mt_tensor *src)
{
    mt_tensor *in[2] = {self, src};
    return self && src ? mt_call_inplace(&mt_op_copy, 2, in, 0, NULL) : NULL;
}

/* ==== clone, contiguous ======================================================================= */

static void same_gradient(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = gout[0];
}

/* Strides of "channels last": dimension 1 innermost, the others in order. */
static void channels_last_strides(const mt_tensor *t, int64_t *stride)
{
    int64_t step = t->size[1];
    stride[1] = 1;
    for (int d = t->ndim - 1; d >= 0; d--) {
        if (d == 1) continue;
        stride[d] = step;
        step *= t->size[d];
    }
}

mt_tensor *mt_empty_format(const mt_tensor *like, mt_dtype d, const mt_arg *format)
{
    int64_t stride[MT_MAX_DIMS], which = format->given ? format->i : MT_FORMAT_PRESERVE;
    if (which == MT_FORMAT_PRESERVE) return mt_empty_like(like, d);
    if (which == MT_FORMAT_CONTIGUOUS) return mt_empty(d, like->ndim, like->size);
    if (like->ndim != (which == MT_FORMAT_LAST ? 4 : 5))
        return mt_fail(MT_RUNTIME, "required rank %d tensor to use channels_last%s format",
                       which == MT_FORMAT_LAST ? 4 : 5, which == MT_FORMAT_LAST ? "" : "_3d");
    channels_last_strides(like, stride);
    return mt_empty_strided(d, like->ndim, like->size, stride);
}

static int clone_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    bool ordered = c->narg && c->arg[0].given; /* mt_clone() gives no arguments */
    y = ordered ? mt_empty_format(x, (mt_dtype)x->dtype, &c->arg[0])
                : mt_empty_like(x, (mt_dtype)x->dtype);
    c->out[0] = y;
    return y ? mt_copy_raw(y, x) : -1;
}

MT_OP(clone, .kind = MT_ANY_DTYPE | MT_FUNCTION | MT_METHOD, .backward = same_gradient, .rule = "g",
      .schema = "clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",
      .doc = "A copy with memory of its own; gradients flow through it.");

mt_tensor *mt_clone(mt_tensor *self) { return mt_call1(&mt_op_clone, self); }

/* t in that order of memory, itself if it lies so already. */
static mt_tensor *in_format(mt_tensor *t, mt_arg format)
{
    int64_t stride[MT_MAX_DIMS];
    if (!t || !format.given || format.i == MT_FORMAT_PRESERVE) return t;
    if (format.i == MT_FORMAT_CONTIGUOUS) return mt_contiguous(t);
    if (t->ndim == (format.i == MT_FORMAT_LAST ? 4 : 5)) {
        channels_last_strides(t, stride);
        if (mt_shape_equal(t->ndim, t->stride, t->ndim, stride)) return t;
    }
    return mt_call1a(&mt_op_clone, t, 1, &format);
}

/* The copy behind contiguous() and reshape(): always row-major. */
static int row_major_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, x->size);
    return y ? mt_copy_raw(y, x) : -1;
}

static const mt_op mt_op_row_major = {.name = "row_major",
                                      .kind = MT_ANY_DTYPE,
                                      .grad_name = "CloneBackward0",
                                      .schema = "row_major(Tensor self) -> Tensor",
                                      .forward = row_major_forward,
                                      .backward = same_gradient};

static int contiguous_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    if (c->narg && c->arg[0].given && c->arg[0].i != MT_FORMAT_CONTIGUOUS) {
        if (c->arg[0].i == MT_FORMAT_PRESERVE)
            return mt_error(MT_RUNTIME,
                            "preserve memory format is unsupported by the contiguous operator");
        return mt_result_is(c, 0, in_format(x, c->arg[0]));
    }
    return mt_result_is(c, 0, mt_is_contiguous(x) ? x : mt_call1(&mt_op_row_major, x));
}

MT_OP(contiguous, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_METHOD,
      .schema = "contiguous(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor",
      .doc = "This tensor if its elements lie in row-major order without gaps, else a copy of "
             "which that is true.");

mt_tensor *mt_contiguous(mt_tensor *self) { return mt_call1(&mt_op_contiguous, self); }

/* ==== restride ================================================================================
 * The same values at other strides: for rules about views of dense, permuted memory. */

static int restride_forward(mt_call *c)
{
    mt_tensor *x = c->in[0],
              *y = mt_empty_strided((mt_dtype)x->dtype, x->ndim, x->size, c->arg[0].ints.v);
    c->out[0] = y;
    return y ? mt_copy_raw(y, x) : -1;
}

MT_OP(restride, .kind = MT_ANY_DTYPE, .backward = same_gradient,
      .schema = "restride(Tensor self, int[] stride) -> Tensor",
      .doc = "The same values in new memory with the given strides.");

mt_tensor *mt_restride(mt_tensor *self, const int64_t *stride)
{
    if (!self || mt_shape_equal(self->ndim, self->stride, self->ndim, stride)) return self;
    mt_arg arg[1] = {mt_arg_ints(self->ndim, stride)};
    return mt_call1a(&mt_op_restride, self, 1, arg);
}

/* ==== casts =================================================================================== */

static int to_dtype_forward(mt_call *c)
{
    if (tell_loss(c->in[0], (mt_dtype)c->arg[0].i) < 0) return -1;
    mt_tensor *y = mt_result_like(c, 0, (mt_dtype)c->arg[0].i, c->in[0]);
    return y ? mt_copy_raw(y, c->in[0]) : -1;
}

MT_OP(to_dtype, .kind = MT_ANY_DTYPE, .grad_name = "ToCopyBackward0", .backward = same_gradient,
      .rule = "g, cast back", .schema = "to_dtype(Tensor self, ScalarType dtype) -> Tensor",
      .doc = "The values in another type.");

mt_tensor *mt_to_dtype(mt_tensor *self, mt_dtype dtype)
{
    if (!self || self->dtype == dtype) return self;
    mt_arg arg[1] = {mt_arg_dtype(dtype)};
    return mt_call1a(&mt_op_to_dtype, self, 1, arg);
}

#define CAST(id, name, E, text)                                                                    \
    static int id##_forward(mt_call *c)                                                            \
    {                                                                                              \
        mt_tensor *y = mt_to_dtype(c->in[0], E);                                                   \
        return mt_result_is(c, 0, y == c->in[0] ? y : in_format(y, c->arg[0]));                    \
    }                                                                                              \
    MT_OP(id, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_METHOD, .doc = text,                        \
          .schema = name "(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor");
CAST(as_float, "float", MT_FLOAT32, "This tensor as float32: itself if it is one already.")
CAST(as_double, "double", MT_FLOAT64, "This tensor as float64: itself if it is one already.")
CAST(as_half, "half", MT_FLOAT16, "This tensor as float16: itself if it is one already.")
CAST(as_bfloat16, "bfloat16", MT_BFLOAT16, "This tensor as bfloat16: itself if it is one already.")
CAST(as_long, "long", MT_INT64,
     "This tensor as int64, fractions cut off: itself if it is one already.")
CAST(as_int, "int", MT_INT32,
     "This tensor as int32, fractions cut off: itself if it is one already.")
CAST(as_short, "short", MT_INT16,
     "This tensor as int16, fractions cut off: itself if it is one already.")
CAST(as_char, "char", MT_INT8,
     "This tensor as int8, fractions cut off: itself if it is one already.")
CAST(as_byte, "byte", MT_UINT8,
     "This tensor as uint8, fractions cut off: itself if it is one already.")
CAST(as_cfloat, "cfloat", MT_COMPLEX64, "This tensor as complex64: itself if it is one already.")
CAST(as_cdouble, "cdouble", MT_COMPLEX128,
     "This tensor as complex128: itself if it is one already.")
CAST(as_bool, "bool", MT_BOOL, "False where this tensor is zero, True elsewhere.")

static int type_as_forward(mt_call *c)
{
    return mt_result_is(c, 0, mt_to_dtype(c->in[0], (mt_dtype)c->in[1]->dtype));
}
MT_OP(type_as, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_METHOD,
      .schema = "type_as(Tensor self, Tensor other) -> Tensor",
      .doc = "This tensor in the type of other.");

/* ==== detach ================================================================================== */

static int detach_forward(mt_call *c)
{
    mt_tensor *y = mt_alias(c->in[0]);
    if (y && mt_requires_grad(c->in[0])) y->flags |= MT_IS_DETACHED;
    c->out[0] = y;
    return y ? 0 : -1;
}

MT_OP(detach, .kind = MT_ANY_DTYPE | MT_NODIFF | MT_FUNCTION | MT_METHOD,
      .schema = "detach(Tensor self) -> Tensor",
      .doc = "The same memory as a new tensor without history: no gradient flows through it. "
             "Writing to one is seen in the other.");

mt_tensor *mt_detach(mt_tensor *self) { return mt_call1(&mt_op_detach, self); }

/* ==== fill_, zero_ ============================================================================ */

static int fill_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *value = c->in[1];
    if (value->numel != 1 || value->ndim != 0)
        return mt_error(
            MT_RUNTIME,
            "fill_ only supports 0-dimension value tensor but got tensor with %d dimensions.",
            value->ndim);
    mt_scalar s = mt_item_at(value, 0);
    if (value->flags & MT_WRAPPED_NUMBER && mt_scalar_check_fill(s, (mt_dtype)x->dtype) < 0)
        return -1;
    c->in[1] = NULL; /* read already: y.fill_(y[0]) is fine */
    mt_tensor *y = mt_result_like(c, 0, (mt_dtype)x->dtype, x);
    c->in[1] = value;
    return y ? mt_fill_raw(y, s) : -1;
}

static void fill_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_zeros_of(&c->in_dims[0]);
    if (gin[1]) gin[1] = mt_sum(gout[0]);
}

static const char *fill_grad_name(const mt_call *c)
{
    return mt_like_number(&c->in_dims[1]) ? "FillBackward0" : "FillBackward1";
}

MT_OP(fill, .kind = MT_ANY_DTYPE | MT_FUNCTION | MT_INPLACE | MT_IDEMPOTENT,
      .backward = fill_backward, .grad_name_of = fill_grad_name,
      .schema = "fill(Tensor self, Number value) -> Tensor", .doc = "Every element set to value.");

mt_tensor *mt_fill(mt_tensor *self, mt_tensor *value) { return mt_call2(&mt_op_fill, self, value); }

static int zero_forward(mt_call *c)
{
    mt_tensor *y = mt_result_like(c, 0, (mt_dtype)c->in[0]->dtype, c->in[0]);
    return y ? mt_fill_raw(y, mt_scalar_int(0)) : -1;
}

static void zero_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)gout;
    if (gin[0]) gin[0] = mt_zeros_of(&c->in_dims[0]);
}

MT_OP(zero, .kind = MT_ANY_DTYPE | MT_FUNCTION | MT_METHOD | MT_INPLACE_ONLY | MT_IDEMPOTENT,
      .backward = zero_backward, .schema = "zero_(Tensor self) -> Tensor",
      .doc = "Sets every element of this tensor to 0.");

mt_tensor *mt_zero(mt_tensor *self)
{
    return self ? mt_call_inplace(&mt_op_zero, 1, &self, 0, NULL) : NULL;
}
