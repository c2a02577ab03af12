/* Operators made of others, or nearly: masked_fill, repeat, comparisons of whole tensors, outer,
 * addmm, meshgrid, and the in-place forms of views. */
#include "ops/reduce.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ==== masked_fill ============================================================================= */

static int masked_fill_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *mask = c->in[1], *value = c->in[2], *in[3], *y;
    mt_dtype d = (mt_dtype)x->dtype;
    mt_tensor *shapes[2] = {x, mask};
    int64_t size[MT_MAX_DIMS];
    if (mask->dtype != MT_BOOL)
        return mt_error(MT_RUNTIME,
                        "masked_fill_ only supports boolean masks, but got mask with dtype %s",
                        mt_dtype_c((mt_dtype)mask->dtype));
    if (value->ndim > 0)
        return mt_error(MT_RUNTIME,
                        "masked_fill_ only supports a 0-dimensional value tensor, but got tensor "
                        "with %d dimension(s).",
                        value->ndim);
    if (d != MT_BOOL && mt_scalar_check_fill(mt_item_at(value, 0), d) < 0) return -1;
    if (mt_shape_broadcast(mask->ndim, mask->size, x->ndim, x->size, size) < 0) return -1;
    if (!(in[1] = mt_empty(d, 0, NULL)) || mt_copy_raw(in[1], value) < 0) return -1;
    c->in[2] = NULL; /* read already: it may be an element of the target */
    y = mt_result_broadcast(c, d, 2, shapes);
    c->in[2] = value;
    if (!y) return -1;
    in[0] = mask;
    in[2] = x;
    mt_run_loop(mt_k->where[d], y, 3, in, NULL, MT_GRAIN_CHEAP);
    return 0;
}

static void masked_fill_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_masked_fill(gout[0], c->in[1], mt_number(0));
    if (gin[2]) gin[2] = mt_sum(mt_where(c->in[1], gout[0], mt_number(0)));
}

/* MaskedFillBackward1 has a tensor for value. */
static const char *masked_fill_grad_name(const mt_call *c)
{
    return mt_like_number(&c->in_dims[2]) ? "MaskedFillBackward0" : "MaskedFillBackward1";
}

MT_OP(masked_fill, .kind = MT_FUNCTION | MT_METHOD | MT_INPLACE,
      .keeps = {MT_KEEP_IN(1), 0, MT_KEEP_IN(1)}, .backward = masked_fill_backward,
      .rule = "masked_fill(g, mask, 0)", .grad_name_of = masked_fill_grad_name,
      .schema = "masked_fill(Tensor self, Tensor mask, Number value) -> Tensor",
      .doc = "self with value where mask is true.");

mt_tensor *mt_masked_fill(mt_tensor *self, mt_tensor *mask, mt_tensor *value)
{
    mt_tensor *in[3] = {self, mask, value};
    return self && mask && value ? mt_calln(&mt_op_masked_fill, 3, in, 0, NULL) : NULL;
}

/* ==== repeat ================================================================================== */

/* (r0, n0, r1, n1, ...): each dimension behind its number of repeats, then merged. */
static int repeat_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int n = (int)c->arg[0].ints.n, extra = n - x->ndim;
    const int64_t *times = c->arg[0].ints.v;
    int64_t wide[2 * MT_MAX_DIMS], narrow[2 * MT_MAX_DIMS], merged[MT_MAX_DIMS];
    if (extra < 0)
        return mt_error(MT_RUNTIME, "Number of dimensions of repeat dims can not be smaller than "
                                    "number of dimensions of tensor");
    if (2 * n > MT_MAX_DIMS) return mt_error(MT_RUNTIME, "repeat: too many dimensions");
    for (int d = 0; d < n; d++) {
        int64_t size = d < extra ? 1 : x->size[d - extra];
        if (times[d] < 0)
            return mt_error(MT_RUNTIME, "Trying to create tensor with negative dimension %" PRId64,
                            (int64_t)((uint64_t)times[d] * (uint64_t)size));
        narrow[2 * d] = 1;
        narrow[2 * d + 1] = wide[2 * d + 1] = size;
        wide[2 * d] = times[d];
        if (__builtin_mul_overflow(size, times[d], &merged[d]))
            return mt_error(MT_RUNTIME, "repeat: sizes overflow");
    }
    if (mt_shape_numel(n, merged, mt_itemsize(x)) < 0) return -1;
    mt_tensor *y = mt_clone(mt_expand(mt_reshape(x, 2 * n, narrow), 2 * n, wide));
    return mt_result_is(c, 0, y ? mt_reshape(mt_contiguous(y), n, merged) : NULL);
}

MT_OP(repeat, .kind = MT_COMPOSITE | MT_METHOD | MT_VARARGS, .grad_name = "RepeatBackward0",
      .schema = "repeat(Tensor self, int[] repeats) -> Tensor",
      .doc = "Copies of this tensor side by side, repeats[d] times along dimension d; new "
             "dimensions come first.");

/* ==== equal, isclose, allclose ================================================================ */

static int equal_tensor_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    bool same = mt_same_shape(x, y);
    mt_tensor *t = mt_result(c, 0, MT_BOOL, 0, NULL);
    if (!t) return -1;
    if (x->dtype != y->dtype)
        return mt_error(MT_RUNTIME,
                        "Expected object of data type %s but got data type %s for argument 'other'",
                        mt_dtype_name((mt_dtype)x->dtype), mt_dtype_name((mt_dtype)y->dtype));
    if (same) {
        mt_tensor *each = mt_eq(x, y);
        bool mask[MT_MAX_DIMS];
        memset(mask, true, sizeof mask);
        return each ? mt_reduce_raw(MT_REDUCE_all, each, mask, t) : -1;
    }
    *(bool *)t->data = false;
    return 0;
}
MT_OP(equal_tensor, .kind = MT_NODIFF | MT_FUNCTION,
      .schema = "_equal(Tensor self, Tensor other) -> Tensor", .doc = "equal() as a tensor.");

/* |x - y| <= atol + rtol |y|, and equal infinities. */
static int isclose_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    double rtol = c->arg[0].d, atol = c->arg[1].d;
    if (x->dtype != y->dtype)
        return mt_error(MT_RUNTIME, "%s did not match %s", mt_dtype_camel((mt_dtype)x->dtype),
                        mt_dtype_camel((mt_dtype)y->dtype));
    if (!(rtol >= 0))
        return mt_error(MT_RUNTIME, "rtol must be greater than or equal to zero, but got %g", rtol);
    if (!(atol >= 0))
        return mt_error(MT_RUNTIME, "atol must be greater than or equal to zero, but got %g", atol);
    mt_tensor *close = mt_eq(x, y);
    bool real = mt_is_inexact((mt_dtype)x->dtype);
    if (c->arg[2].b && real) close = mt_logical_or(close, mt_logical_and(mt_isnan(x), mt_isnan(y)));
    if (rtol == 0 && atol == 0) return mt_result_is(c, 0, close);
    mt_tensor *a = real ? x : mt_to_dtype(x, mt_default_dtype()),
              *b = real ? y : mt_to_dtype(y, mt_default_dtype());
    mt_tensor *allowed = mt_add(mt_abs(mt_mul(b, mt_number(rtol))), mt_number(atol)),
              *error = mt_abs(mt_sub(a, b));
    mt_tensor *near = mt_logical_and(mt_isfinite(error), mt_le(error, allowed));
    return mt_result_is(c, 0, mt_logical_or(close, near));
}
MT_OP(isclose, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD,
      .schema = "isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool "
                "equal_nan=False) -> Tensor",
      .doc = "True where |self - other| <= atol + rtol |other|, or both are the same infinity (or "
             "NaN with equal_nan).");

/* ==== outer, addmm ============================================================================ */

static int outer_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    if (x->ndim != 1 || y->ndim != 1)
        return mt_error(MT_RUNTIME, "outer: Expected 1-D argument %s, but got %d-D",
                        x->ndim != 1 ? "self" : "vec2", x->ndim != 1 ? x->ndim : y->ndim);
    return mt_result_is(c, 0, mt_mul(mt_unsqueeze(x, 1), mt_unsqueeze(y, 0)));
}
MT_OP(outer, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "outer(Tensor self, Tensor vec2) -> Tensor",
      .doc = "The matrix of all products of an element of self and one of vec2.");

/* A factor is first made a number of the results' type: 0.5 is 0 among integers. */
static mt_tensor *factor(const mt_arg *a, mt_dtype d)
{
    return mt_number_of(mt_is_inexact(d) ? a->s : mt_scalar_int(mt_scalar_to_int(a->s)));
}

/* In place, self has to have the product's shape already. */
static int check_inplace(const mt_call *c, int ndim, const int64_t *size)
{
    char have[MT_SHAPE_TEXT], want[MT_SHAPE_TEXT];
    const mt_tensor *m = c->in[0];
    if (!(c->flags & MT_CALL_INPLACE) || mt_shape_equal(m->ndim, m->size, ndim, size)) return 0;
    return mt_error(MT_RUNTIME,
                    "Bad in-place call: input tensor size %s and output tensor size %s should "
                    "match",
                    mt_shape_text(m->ndim, m->size, have), mt_shape_text(ndim, size, want));
}

/* beta M + alpha A B; M is not even looked at when beta is 0. */
static mt_tensor *blend(mt_tensor *m, mt_tensor *product, const mt_arg *beta, const mt_arg *alpha)
{
    if (!product) return NULL;
    mt_dtype d = (mt_dtype)product->dtype;
    mt_tensor *a = factor(alpha, d), *b = factor(beta, d);
    if (!a || !b) return NULL;
    if (mt_scalar_to_double(mt_item_at(a, 0)) != 1) product = mt_mul(product, a);
    if (mt_scalar_to_double(mt_item_at(b, 0)) == 0) return product;
    if (mt_scalar_to_double(mt_item_at(b, 0)) != 1) m = mt_mul(m, b);
    return product && m ? mt_add(mt_expand(m, product->ndim, product->size), product) : NULL;
}

static const char *camel(const mt_tensor *t) { return mt_dtype_camel((mt_dtype)t->dtype); }

static int addmm_forward(mt_call *c)
{
    mt_tensor *m = c->in[0], *a = c->in[1], *b = c->in[2];
    if (a->ndim != 2 || b->ndim != 2)
        return mt_error(MT_RUNTIME, "mat%d must be a matrix, got %d-D tensor", a->ndim != 2 ? 1 : 2,
                        a->ndim != 2 ? a->ndim : b->ndim);
    if (m->dtype != b->dtype || a->dtype != b->dtype)
        return mt_error(MT_RUNTIME, "%s and mat2 must have the same dtype, but got %s and %s",
                        m->dtype != b->dtype ? "self" : "mat1", camel(m->dtype != b->dtype ? m : a),
                        camel(b));
    const int64_t size[2] = {a->size[0], b->size[1]};
    if (check_inplace(c, 2, size) < 0) return -1;
    return mt_result_is(c, 0, blend(m, mt_mm(a, b), &c->arg[0], &c->arg[1]));
}
MT_OP(
    addmm, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
    .grad_name = "AddmmBackward0",
    .schema =
        "addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .doc = "beta self + alpha mat1 @ mat2; self broadcasts to the product.");
static int addmv_forward(mt_call *c)
{
    mt_tensor *m = c->in[0], *a = c->in[1], *v = c->in[2];
    if (a->ndim != 2 || v->ndim != 1 || m->ndim > 1)
        return mt_error(MT_RUNTIME, "vector + matrix @ vector expected, got %d, %d, %d", m->ndim,
                        a->ndim, v->ndim);
    if (a->size[1] != v->size[0] || (m->numel != 1 && m->numel != a->size[0]))
        return mt_error(MT_RUNTIME,
                        "size mismatch, got input (%" PRId64 "), mat (%" PRId64 "x%" PRId64
                        "), vec (%" PRId64 ")",
                        m->numel, a->size[0], a->size[1], v->size[0]);
    if (m->dtype != a->dtype || m->dtype != v->dtype)
        return mt_error(MT_RUNTIME,
                        "addmv input tensors must have the same dtype, but got %s, %s, and %s",
                        camel(m), camel(a), camel(v));
    if (check_inplace(c, 1, a->size) < 0) return -1;
    return mt_result_is(c, 0, blend(m, mt_mv(a, v), &c->arg[0], &c->arg[1]));
}
MT_OP(addmv, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "AddmvBackward0",
      .schema =
          "addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      .doc = "beta self + alpha mat @ vec; self broadcasts to the product.");
/* t.size(d); -1 with PyTorch's error if there is no such dimension. */
static int64_t size_at(const mt_tensor *t, int d)
{
    if (t->ndim == 0)
        return mt_error(MT_INDEX, "Dimension specified as %d but tensor has no dimensions", d);
    if (d >= t->ndim)
        return mt_error(MT_INDEX,
                        "Dimension out of range (expected to be in range of [-%d, %d], but got %d)",
                        t->ndim, t->ndim - 1, d);
    return t->size[d];
}

static int baddbmm_forward(mt_call *c)
{
    mt_tensor *m = c->in[0], *a = c->in[1], *b = c->in[2];
    int64_t size[3];
    if ((size[0] = size_at(a, 0)) < 0 || (size[1] = size_at(a, 1)) < 0 ||
        (size[2] = size_at(b, 2)) < 0 || check_inplace(c, 3, size) < 0 ||
        !(m = mt_expand(m, 3, size)))
        return -1;
    if (m->dtype != a->dtype)
        return mt_error(MT_RUNTIME,
                        "Input dtypes must be the same, got: input %s, batch1: %s, batch2: %s",
                        mt_dtype_c((mt_dtype)m->dtype), mt_dtype_c((mt_dtype)a->dtype),
                        mt_dtype_c((mt_dtype)b->dtype));
    return mt_result_is(c, 0, blend(m, mt_bmm(a, b), &c->arg[0], &c->arg[1]));
}
MT_OP(baddbmm, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "BaddbmmBackward0",
      .schema = "baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar "
                "alpha=1) -> Tensor",
      .doc = "beta self + alpha batch1 @ batch2; self broadcasts to the product.");

/* On bool: and for times, or for plus. */
static int addr_forward(mt_call *c)
{
    mt_tensor *m = c->in[0], *x = c->in[1], *y = c->in[2];
    mt_dtype d = mt_result_type(3, c->in);
    if (x->ndim != 1 || y->ndim != 1)
        return mt_error(MT_RUNTIME, "addr: Expected 1-D argument vec%d, but got %d-D",
                        x->ndim != 1 ? 1 : 2, x->ndim != 1 ? x->ndim : y->ndim);
    if (c->flags & MT_CALL_INPLACE && m->ndim != 2)
        return mt_error(MT_RUNTIME, "2D tensor expected, got %dD tensor for input", m->ndim);
    mt_tensor *outer = mt_to_dtype(mt_mul(mt_unsqueeze(x, 1), mt_unsqueeze(y, 0)), d);
    if (d == MT_BOOL) {
        bool alpha = mt_scalar_to_double(c->arg[1].s) != 0,
             beta = mt_scalar_to_double(c->arg[0].s) != 0;
        if (!alpha) outer = mt_logical_and(outer, mt_number(0));
        return mt_result_is(c, 0, beta ? mt_logical_or(m, outer) : outer);
    }
    return mt_result_is(c, 0, blend(m, outer, &c->arg[0], &c->arg[1]));
}
MT_OP(addr, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "AddrBackward0",
      .schema =
          "addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
      .doc = "beta self + alpha times the matrix of products of two vectors.");
static int addbmm_forward(mt_call *c)
{
    int64_t first = 0;
    mt_tensor *y = mt_sum_dim(mt_bmm(c->in[1], c->in[2]), 1, &first, false);
    return mt_result_is(c, 0, blend(c->in[0], y, &c->arg[0], &c->arg[1]));
}
MT_OP(addbmm, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT,
      .grad_name = "AddbmmBackward0",
      .schema =
          "addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> "
          "Tensor",
      .doc = "beta self + alpha times the sum of the products of a batch.");

/* ==== broadcast_tensors, meshgrid ============================================================= */

static int broadcast_tensors_forward(mt_call *c)
{
    int64_t size[MT_MAX_DIMS];
    int ndim = 0, n = c->nin;
    for (int i = 0; i < n; i++)
        if ((ndim = mt_shape_broadcast(ndim, size, c->in[i]->ndim, c->in[i]->size, size)) < 0)
            return -1;
    if (mt_result_list(c, n) < 0) return -1;
    for (int i = 0; i < n; i++)
        if (!(c->out[i] = mt_expand(c->in[i], ndim, size))) return -1;
    return 0;
}
MT_OP(broadcast_tensors, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION,
      .schema = "_broadcast_tensors(Tensor[] tensors) -> Tensor[]",
      .doc = "The tensors expanded to their common shape, as views.");

static int meshgrid_forward(mt_call *c)
{
    int n = c->nin;
    int64_t size[MT_MAX_DIMS], shape[MT_MAX_DIMS];
    const char *indexing = c->arg[0].given ? c->arg[0].text : "ij";
    bool swap = !strcmp(indexing, "xy");
    if (!swap && strcmp(indexing, "ij"))
        return mt_error(
            MT_RUNTIME,
            "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: %s", indexing);
    if (n == 0) return mt_error(MT_RUNTIME, "meshgrid expects a non-empty TensorList");
    for (int i = 0; i < n; i++) {
        if (c->in[i]->ndim > 1)
            return mt_error(
                MT_RUNTIME,
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got %dD",
                c->in[i]->ndim);
        if (c->in[i]->dtype != c->in[0]->dtype)
            return mt_error(MT_RUNTIME,
                            "torch.meshgrid expects all tensors to have the same dtype");
        size[swap && n > 1 && i < 2 ? 1 - i : i] = c->in[i]->numel;
    }
    if (mt_result_list(c, n) < 0) return -1;
    for (int i = 0; i < n; i++) {
        int at = swap && n > 1 && i < 2 ? 1 - i : i;
        for (int d = 0; d < n; d++) shape[d] = d == at ? c->in[i]->numel : 1;
        mt_tensor *column = mt_reshape(c->in[i], n, shape);
        if (column == c->in[i]) column = mt_view(column, n, shape); /* a tensor of its own */
        if (!(c->out[i] = mt_expand(column, n, size))) return -1;
    }
    return 0;
}
MT_OP(meshgrid, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION,
      .schema = "_meshgrid(Tensor[] tensors, *, str? indexing=None) -> Tensor[]",
      .doc = "The grids of coordinates that the vectors span, as views.");

/* ==== views in place ========================================================================== */

/* x gets the shape that `v`, a view of it, has, and v's history. */
static int become(mt_call *c, mt_tensor *v)
{
    mt_tensor *x = c->in[0];
    if (!v || mt_tensor_set_shape(x, v->ndim, v->size, v->stride, v->offset) < 0) return -1;
    if (v->node) {
        mt_node *old = x->node;
        x->node = mt_node_retain(v->node);
        x->out_nr = v->out_nr;
        if (old) mt_node_release(old);
    }
    c->out[0] = x;
    return 0;
}

static int leaf_check(const mt_tensor *x)
{
    if (mt_self.no_grad || !mt_requires_grad(x) || x->node) return 0;
    return mt_error(MT_RUNTIME,
                    "a leaf Variable that requires grad is being used in an in-place operation.");
}

#define VIEW_INPLACE(id, name, Name, parameters, view)                                             \
    static int id##_forward(mt_call *c)                                                            \
    {                                                                                              \
        return leaf_check(c->in[0]) < 0 ? -1 : become(c, view);                                    \
    }                                                                                              \
    MT_OP(id, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_METHOD, .grad_name = Name,                  \
          .schema = name "(Tensor self" parameters ") -> Tensor",                                  \
          .doc = "In place: see the function without _.");
VIEW_INPLACE(inplace_t, "t_", "TBackward1", "", mt_t(c->in[0]))
VIEW_INPLACE(inplace_transpose, "transpose_", "TransposeBackward1", ", int dim0, int dim1",
             mt_transpose(c->in[0], c->arg[0].i, c->arg[1].i))
VIEW_INPLACE(inplace_squeeze, "squeeze_", "SqueezeBackward3", "", mt_squeeze(c->in[0]))
VIEW_INPLACE(inplace_squeeze_dim, "squeeze_.dim", "SqueezeBackward4", ", int dim",
             mt_squeeze_dim(c->in[0], c->arg[0].i))
VIEW_INPLACE(inplace_squeeze_dims, "squeeze_.dims", "SqueezeBackward5", ", int[] dim",
             mt_squeeze_dims(c->in[0], (int)c->arg[0].ints.n, c->arg[0].ints.v))
VIEW_INPLACE(inplace_unsqueeze, "unsqueeze_", "UnsqueezeBackward1", ", int dim",
             mt_unsqueeze(c->in[0], c->arg[0].i))
static mt_tensor *strided(const mt_call *c)
{
    const mt_arg *size = &c->arg[0], *stride = &c->arg[1];
    if (size->ints.n != stride->ints.n)
        return mt_fail(MT_RUNTIME, "mismatch in length of strides and shape");
    return mt_as_strided(c->in[0], (int)size->ints.n, size->ints.v, stride->ints.v,
                         c->arg[2].given ? c->arg[2].i : c->in[0]->offset);
}
VIEW_INPLACE(inplace_as_strided, "as_strided_", "AsStridedBackward0",
             ", int[] size, int[] stride, int? storage_offset=None", strided(c))

static int logical_not_inplace_forward(mt_call *c)
{
    mt_tensor *y = mt_logical_not(c->in[0]);
    c->out[0] = c->in[0];
    return y ? mt_copy_raw(c->in[0], y) : -1;
}
MT_OP(logical_not_inplace, .kind = MT_NODIFF | MT_METHOD | MT_INPLACE_ONLY,
      .schema = "logical_not_(Tensor self) -> Tensor", .doc = "In place: see logical_not().");
