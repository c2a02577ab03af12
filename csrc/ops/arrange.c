/* Operators that move and repeat elements, made of views, cat and flip: rot90, tile, the
 * stack family, tensor_split, repeat_interleave. Relies on ops.h. */
#include "ops/ops.h"

#include <inttypes.h>
#include <string.h>

#define BOTH    (MT_COMPOSITE | MT_FUNCTION | MT_METHOD)
#define VIEWING (MT_ANY_DTYPE | BOTH)

/* ==== rot90, flips ====================================================================== */

static mt_tensor *flip1(mt_tensor *x, int64_t dim) { return mt_flip(x, 1, &dim); }

static int rot90_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t k = c->arg[0].i, n = c->arg[1].ints.n;
    const int64_t *dims = c->arg[1].ints.v;
    if (n != 2)
        return mt_error(MT_RUNTIME, "expected total rotation dims == 2, but got dims = %" PRId64,
                        n);
    if (x->ndim < 2)
        return mt_error(MT_RUNTIME, "expected total dims >= 2, but got total dims = %d", x->ndim);
    if (dims[0] == dims[1] ||
        (dims[0] > dims[1] ? dims[0] - dims[1] : dims[1] - dims[0]) == x->ndim)
        return mt_error(MT_RUNTIME,
                        "expected rotation dims to be different, but got dim0 = %" PRId64
                        " and dim1 = %" PRId64,
                        dims[0], dims[1]);
    for (int i = 0; i < 2; i++)
        if (dims[i] >= x->ndim || dims[i] < -x->ndim)
            return mt_error(MT_RUNTIME, "Rotation dim%d out of range, dim%d = %" PRId64, i, i,
                            dims[i]);
    k = (k % 4 + 4) % 4;
    mt_tensor *y = k == 0   ? mt_clone(x)
                   : k == 1 ? mt_transpose(flip1(x, dims[1]), dims[0], dims[1])
                   : k == 2 ? mt_flip(x, 2, dims)
                            : mt_transpose(flip1(x, dims[0]), dims[0], dims[1]);
    return mt_result_is(c, 0, y);
}
MT_OP(rot90, .kind = BOTH, .schema = "rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor",
      .doc = "A copy turned k times by 90 degrees, from the first dim towards the second.");

static int fliplr_forward(mt_call *c)
{
    if (c->in[0]->ndim < 2) return mt_error(MT_RUNTIME, "Input must be >= 2-d.");
    return mt_result_is(c, 0, flip1(c->in[0], 1));
}
MT_OP(fliplr, .kind = BOTH, .schema = "fliplr(Tensor self) -> Tensor",
      .doc = "A copy with the columns (dim 1) reversed.");
static int flipud_forward(mt_call *c)
{
    if (c->in[0]->ndim < 1) return mt_error(MT_RUNTIME, "Input must be >= 1-d.");
    return mt_result_is(c, 0, flip1(c->in[0], 0));
}
MT_OP(flipud, .kind = BOTH, .schema = "flipud(Tensor self) -> Tensor",
      .doc = "A copy with the rows (dim 0) reversed.");

/* ==== tile, ravel ============================================================================= */

static int tile_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t times[MT_MAX_DIMS], n = c->arg[0].ints.n, extra = x->ndim > n ? x->ndim - n : 0;
    if (n > MT_MAX_DIMS) return mt_error(MT_RUNTIME, "tile: too many dimensions");
    for (int64_t d = 0; d < n + extra; d++) times[d] = d < extra ? 1 : c->arg[0].ints.v[d - extra];
    mt_arg arg[1] = {mt_arg_ints(n + extra, times)};
    return mt_result_is(c, 0, mt_call1a(&mt_op_repeat, x, 1, arg));
}
MT_OP(tile, .kind = BOTH | MT_VARARGS, .schema = "tile(Tensor self, int[] dims) -> Tensor",
      .doc = "Copies side by side, dims[d] times along dimension d; as repeat, but dims may be "
             "shorter than the shape.");

static int ravel_forward(mt_call *c)
{
    int64_t all = c->in[0]->numel;
    return mt_result_is(c, 0, mt_reshape(mt_contiguous(c->in[0]), 1, &all));
}
MT_OP(ravel, .kind = VIEWING, .schema = "ravel(Tensor self) -> Tensor",
      .doc = "All elements in one contiguous dimension: a view if the tensor is contiguous.");

/* ==== at least so many dimensions ============================================================= */

static mt_tensor *at_least(mt_tensor *x, int n)
{
    int64_t one = 1;
    if (x->ndim == 0 && n >= 1) x = mt_reshape(x, 1, &one);
    if (x && x->ndim == 1 && n >= 2) x = mt_unsqueeze(x, 0);
    if (x && x->ndim == 2 && n >= 3) x = mt_unsqueeze(x, 2);
    return x;
}

#define AT_LEAST(n)                                                                                \
    static int atleast_##n##d_forward(mt_call *c)                                                  \
    {                                                                                              \
        return mt_result_is(c, 0, at_least(c->in[0], n));                                          \
    }                                                                                              \
    MT_OP(atleast_##n##d, .kind = MT_ANY_DTYPE | MT_COMPOSITE | MT_FUNCTION,                       \
          .schema = "_atleast_" #n "d(Tensor self) -> Tensor",                                     \
          .doc = "self with at least " #n " dimension(s), as a view.");
AT_LEAST(1)
AT_LEAST(2)
AT_LEAST(3)

/* ==== hstack, vstack, dstack, column_stack ==================================================== */

/* The tensors with at least n dimensions each, joined along dim. */
static int stack_along(mt_call *c, int n, int64_t dim)
{
    int name = (int)strcspn(c->op->schema, "(");
    if (c->nin == 0)
        return mt_error(MT_RUNTIME, "%.*s expects a non-empty TensorList", name, c->op->schema);
    size_t bytes = (size_t)c->nin * sizeof(mt_tensor *);
    mt_tensor **in = mt_malloc(bytes);
    bool ok = in != NULL;
    for (int i = 0; ok && i < c->nin; i++) {
        mt_tensor *x = c->in[i];
        if (n == -2) { /* columns: vectors stand upright */
            int64_t upright[2] = {x->numel, 1};
            in[i] = x->ndim <= 1 ? mt_reshape(x, 2, upright) : x;
        } else {
            in[i] = at_least(x, n);
        }
        ok = in[i] != NULL;
    }
    if (ok && dim == 1 && n == 1 && in[0]->ndim == 1) dim = 0;
    int status = ok ? mt_result_is(c, 0, mt_cat(c->nin, in, dim)) : -1;
    mt_free(in, bytes);
    return status;
}
#define STACK(id, n, dim, text)                                                                    \
    static int id##_forward(mt_call *c) { return stack_along(c, n, dim); }                         \
    MT_OP(id, .kind = MT_COMPOSITE | MT_FUNCTION | MT_OUT,                                         \
          .schema = #id "(Tensor[] tensors) -> Tensor", .doc = text);
STACK(hstack, 1, 1, "The tensors side by side: joined along dim 1, vectors along dim 0.")
STACK(vstack, 2, 0, "The tensors one above the other: joined along dim 0, vectors as rows.")
STACK(dstack, 3, 2, "The tensors one behind the other: joined along dim 2.")
STACK(column_stack, -2, 1, "Matrices side by side, vectors as columns.")

/* ==== tensor_split, hsplit ... ================================================================ */

static int split_at(mt_call *c, int d, int64_t n, const int64_t *at)
{
    mt_tensor *x = c->in[0];
    if (mt_result_list(c, (int)n + 1) < 0) return -1;
    for (int64_t i = 0; i <= n; i++) {
        int64_t start = i ? at[i - 1] : 0, end = i < n ? at[i] : INT64_MAX;
        if (!(c->out[i] = mt_slice(x, d, start, end, 1))) return -1;
    }
    return 0;
}
/* Pieces whose lengths differ by at most one, the longer ones first. */
static int split_in(mt_call *c, int d, int64_t n)
{
    mt_tensor *x = c->in[0];
    if (n <= 0)
        return mt_error(MT_RUNTIME, "number of sections must be larger than 0, got %" PRId64, n);
    int64_t size = x->size[d] / n, longer = x->size[d] % n, at = 0;
    if (mt_result_list(c, (int)n) < 0) return -1;
    for (int64_t i = 0; i < n; i++) {
        int64_t end = at + size + (i < longer);
        if (!(c->out[i] = mt_slice(x, d, at, end, 1))) return -1;
        at = end;
    }
    return 0;
}
static int split_dim(const mt_call *c, int64_t dim)
{
    if (c->in[0]->ndim == 0)
        return mt_error(
            MT_RUNTIME,
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
    return mt_wrap_dim(dim, c->in[0]->ndim);
}
static int tensor_split_forward(mt_call *c)
{
    int d = split_dim(c, c->arg[1].i);
    return d < 0 ? -1 : split_in(c, d, c->arg[0].i);
}
MT_OP(tensor_split, .kind = VIEWING,
      .schema = "tensor_split(Tensor self, int sections, int dim=0) -> Tensor[]",
      .doc = "Views of nearly equal size along dim, or cut at the given indices.");
static int tensor_split_indices_forward(mt_call *c)
{
    int d = split_dim(c, c->arg[1].i);
    return d < 0 ? -1 : split_at(c, d, c->arg[0].ints.n, c->arg[0].ints.v);
}
MT_OP(tensor_split_indices, .kind = VIEWING,
      .schema = "tensor_split.indices(Tensor self, int[] indices, int dim=0) -> Tensor[]",
      .doc = "");
static int tensor_split_tensor_forward(mt_call *c)
{
    mt_tensor *at = c->in[1];
    int d = split_dim(c, c->arg[0].i);
    if (d < 0) return -1;
    if (at->dtype != MT_INT64 || at->ndim > 1)
        return mt_error(MT_RUNTIME,
                        "tensor_split expected tensor_indices_or_sections to be a zero-dimensional "
                        "or one-dimensional tensor, but got a tensor with %d dims",
                        at->ndim);
    if (!(at = mt_contiguous_raw(at, MT_INT64))) return -1;
    const int64_t *v = (const int64_t *)(void *)at->data;
    return at->ndim ? split_at(c, d, at->numel, v) : split_in(c, d, v[0]);
}
MT_OP(tensor_split_tensor, .kind = VIEWING,
      .schema = "tensor_split.tensor_indices_or_sections(Tensor self, Tensor "
                "tensor_indices_or_sections, int dim=0) -> Tensor[]",
      .doc = "");

#define SPLIT(id, need, dim, text)                                                                 \
    static int id##_check(const mt_call *c)                                                        \
    {                                                                                              \
        if (c->in[0]->ndim >= need) return 0;                                                      \
        return mt_error(MT_RUNTIME,                                                                \
                        "torch." #id " requires a tensor with at least " #need                     \
                        " dimension, but got a tensor with %d dimensions!",                        \
                        c->in[0]->ndim);                                                           \
    }                                                                                              \
    static int id##_forward(mt_call *c)                                                            \
    {                                                                                              \
        int d = c->in[0]->ndim == 1 ? 0 : dim;                                                     \
        if (id##_check(c) < 0) return -1;                                                          \
        int64_t n = c->arg[0].i, size = c->in[0]->size[d];                                         \
        if (n <= 0 || size % n)                                                                    \
            return mt_error(MT_RUNTIME,                                                            \
                            "torch." #id " attempted to split along dimension %d, but the size "   \
                            "of the dimension %" PRId64                                            \
                            " is not divisible by the split_size %" PRId64 "!",                    \
                            d, size, n);                                                           \
        return split_in(c, d, n);                                                                  \
    }                                                                                              \
    MT_OP(id, .kind = VIEWING, .schema = #id "(Tensor self, int sections) -> Tensor[]",            \
          .doc = text);                                                                            \
    static int id##_indices_forward(mt_call *c)                                                    \
    {                                                                                              \
        int d = c->in[0]->ndim == 1 ? 0 : dim;                                                     \
        return id##_check(c) < 0 ? -1 : split_at(c, d, c->arg[0].ints.n, c->arg[0].ints.v);        \
    }                                                                                              \
    MT_OP(id##_indices, .kind = VIEWING,                                                           \
          .schema = #id ".array(Tensor self, int[] indices) -> Tensor[]", .doc = "");
SPLIT(hsplit, 1, 1, "Equal views along dim 1 (of vectors, along dim 0), or cut at the indices.")
SPLIT(vsplit, 2, 0, "Equal views along dim 0, or cut at the indices.")
SPLIT(dsplit, 3, 2, "Equal views along dim 2, or cut at the indices.")

/* ==== repeat_interleave ======================================================================= */

/* The number of each element, as often as it is wanted: 0, 0, 1, 2, 2, 2 for repeats 2, 1, 3. */
static mt_tensor *repeated_numbers(mt_tensor *repeats)
{
    int64_t total = 0, k = 0;
    if (repeats->ndim > 1)
        return mt_fail(MT_RUNTIME, "repeat_interleave only accept 1D vector as repeat");
    if (repeats->dtype != MT_INT64 && repeats->dtype != MT_INT32)
        return mt_fail(MT_RUNTIME, "repeats has to be Long or Int tensor");
    if (!(repeats = mt_contiguous_raw(repeats, MT_INT64))) return NULL;
    const int64_t *r = (const int64_t *)(void *)repeats->data;
    for (int64_t i = 0; i < repeats->numel; i++) {
        if (r[i] < 0) return mt_fail(MT_RUNTIME, "repeats can not be negative");
        total += r[i];
    }
    mt_tensor *y = mt_empty(MT_INT64, 1, &total);
    for (int64_t i = 0; y && i < repeats->numel; i++)
        for (int64_t j = 0; j < r[i]; j++) ((int64_t *)(void *)y->data)[k++] = i;
    return y;
}

static int interleave(mt_call *c, mt_tensor *repeats, const mt_arg *dim, const mt_arg *expected)
{
    mt_tensor *x = c->in[0];
    int64_t all = x->numel;
    int d = 0;
    if (!dim->given)
        x = mt_reshape(x, 1, &all);
    else if ((d = mt_wrap_dim(dim->i, x->ndim)) < 0)
        return -1;
    if (x && x->ndim == 0) x = mt_reshape(x, 1, &all);
    if (!x || !repeats) return -1;
    if (repeats->ndim == 0 || repeats->numel == 1) {
        mt_tensor *flat = mt_reshape(repeats, 1, (int64_t[]){1});
        if (!(repeats = flat ? mt_expand(flat, 1, &x->size[d]) : NULL)) return -1;
    } else if (repeats->ndim == 1 && repeats->numel != x->size[d]) {
        return mt_error(
            MT_RUNTIME,
            "repeats must have the same size as input along dim, but got repeats.size(0) = %" PRId64
            " and input.size(%d) = %" PRId64,
            repeats->numel, d, x->size[d]);
    }
    mt_tensor *index = repeated_numbers(repeats);
    if (index && expected->given && index->numel != expected->i)
        return mt_error(MT_RUNTIME, "allocated size does not match required size");
    return mt_result_is(c, 0, mt_index_select(x, d, index));
}

static int repeat_interleave_forward(mt_call *c)
{
    return mt_result_is(c, 0, repeated_numbers(c->in[0]));
}
MT_OP(repeat_interleave, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD,
      .schema = "repeat_interleave(Tensor repeats, *, int? output_size=None) -> Tensor",
      .doc = "Every element repeated as often as repeats says, along dim or of all; with repeats "
             "alone, the element's numbers.");
static int repeat_interleave_tensor_forward(mt_call *c)
{
    return interleave(c, c->in[1], &c->arg[0], &c->arg[1]);
}
MT_OP(repeat_interleave_tensor, .kind = BOTH,
      .schema = "repeat_interleave.self_Tensor(Tensor self, Tensor repeats, int? dim=None, *, int? "
                "output_size=None) -> Tensor",
      .doc = "");
static int repeat_interleave_int_forward(mt_call *c)
{
    mt_tensor *n = mt_contiguous_raw(mt_number_of(mt_scalar_int(c->arg[0].i)), MT_INT64);
    return interleave(c, n, &c->arg[1], &c->arg[2]);
}
MT_OP(repeat_interleave_int, .kind = BOTH,
      .schema = "repeat_interleave.self_int(Tensor self, int repeats, int? dim=None, *, int? "
                "output_size=None) -> Tensor",
      .doc = "");
