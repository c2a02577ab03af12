/* Indexing with tensors: x[i, j], x[mask], and writing there. Basic indexing (numbers, slices)
 * makes views: ops/slice.c.
 *
 * All index tensors are broadcast against each other to one shape B. Each of its n positions names,
 * through the indexed dimensions, an offset into x; what remains of x's dimensions is copied from
 * there. In the result, B stands where the first index stood if the indexed dimensions are
 * neighbours, else in front (NumPy's rule). A bool tensor of k dimensions is k index tensors: the
 * places where it is true. Relies on tensor/shape.h, base/parallel.h. */
#include "ops/ops.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <string.h>

#define COPY_GRAIN 16384 /* elements a thread should at least move */

typedef struct plan {
    int ndim; /* of the result */
    int64_t size[MT_MAX_DIMS];
    int64_t n;       /* positions */
    int64_t *offset; /* n of them, in elements of x: the data of a tensor of the scope */
    int64_t step;    /* elements of the result from one position to the next */
    /* What remains of x, without its contiguous tail of `chunk` elements. */
    int rest;
    int64_t outer, chunk, rest_size[MT_MAX_DIMS], x_stride[MT_MAX_DIMS], y_stride[MT_MAX_DIMS];
} plan;

/* ==== from index tensors to a plan ============================================================ */

/* mask: one byte per element, contiguous. */
static int64_t count_true(const mt_tensor *mask)
{
    int64_t n = 0;
    const uint8_t *p = (const uint8_t *)mask->data;
    for (int64_t i = 0; i < mask->numel; i++) n += p[i] != 0;
    return n;
}

/* out[k * step_k + i * step_i]: coordinate k of the i-th true element. mask: bytes, contiguous. */
static void write_true(const mt_tensor *mask, int64_t *out, int64_t step_k, int64_t step_i)
{
    int64_t at[MT_MAX_DIMS] = {0};
    const uint8_t *p = (const uint8_t *)mask->data;
    for (int64_t i = 0; i < mask->numel; i++) {
        if (p[i]) {
            for (int k = 0; k < mask->ndim; k++) out[k * step_k] = at[k];
            out += step_i;
        }
        for (int k = mask->ndim - 1; k >= 0 && ++at[k] == mask->size[k]; k--) at[k] = 0;
    }
}

static int check_mask(const mt_tensor *mask, const mt_tensor *x, int dim)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    for (int k = 0; k < mask->ndim; k++)
        if (dim + k < x->ndim && mask->size[k] != x->size[dim + k])
            return mt_error(MT_INDEX,
                            "The shape of the mask %s at index %d does not match the shape of the "
                            "indexed tensor %s at index %d",
                            mt_shape_text(mask->ndim, mask->size, a), k,
                            mt_shape_text(x->ndim, x->size, b), dim + k);
    return 0;
}

/* One mask as mask->ndim index tensors. -1 on failure. */
static int expand_mask(mt_tensor *mask, const mt_tensor *x, int dim, mt_tensor **index)
{
    if (check_mask(mask, x, dim) < 0) return -1;
    mt_tensor *bytes = mt_contiguous_raw(mask, (mt_dtype)mask->dtype);
    if (!bytes) return -1;
    int64_t n = count_true(bytes), size[2] = {mask->ndim, n};
    mt_tensor *all = mt_empty(MT_INT64, 2, size);
    if (!all) return -1;
    write_true(bytes, (int64_t *)all->data, n, 1);
    for (int k = 0; k < mask->ndim; k++)
        if (!(index[k] = mt_alias_as(all, 1, &n, NULL, k * n))) return -1;
    return 0;
}

static bool is_mask(const mt_tensor *t) { return t->dtype == MT_BOOL || t->dtype == MT_UINT8; }

/* The index tensor of each dimension of x, NULL where it is not indexed. -1 on failure. */
static int spread(const mt_tensor *x, int n, mt_tensor **in, mt_tensor **index)
{
    int dim = 0;
    for (int d = 0; d < x->ndim; d++) index[d] = NULL;
    for (int i = 0; i < n; i++) {
        int takes = in[i] && is_mask(in[i]) ? in[i]->ndim : 1;
        if (dim + takes > x->ndim)
            return mt_error(MT_INDEX, "too many indices for tensor of dimension %d (got %d)",
                            x->ndim, dim + takes);
        if (in[i] && is_mask(in[i])) {
            if (expand_mask(in[i], x, dim, index + dim) < 0) return -1;
        } else if (in[i] && in[i]->dtype != MT_INT64 && in[i]->dtype != MT_INT32) {
            return mt_error(MT_INDEX,
                            "tensors used as indices must be long, int, byte or bool tensors");
        } else {
            index[dim] = in[i];
        }
        dim += takes;
    }
    return 0;
}

/* The common shape of the index tensors; its ndim, -1 on failure. */
static int broadcast_indices(int ndim, mt_tensor **index, int64_t *size)
{
    int n = 0;
    for (int d = 0; d < ndim; d++) {
        if (!index[d]) continue;
        int64_t common[MT_MAX_DIMS];
        int m = mt_shape_broadcast(n, size, index[d]->ndim, index[d]->size, common);
        if (m < 0) {
            char text[MT_SHAPE_TEXT], all[4 * MT_SHAPE_TEXT] = "";
            for (int k = 0; k < ndim; k++) {
                if (!index[k] || strlen(all) > 3 * MT_SHAPE_TEXT) continue;
                if (all[0]) strcat(all, ", ");
                strcat(all, mt_shape_text(index[k]->ndim, index[k]->size, text));
            }
            mt_error_clear();
            return mt_error(
                MT_INDEX,
                "shape mismatch: indexing tensors could not be broadcast together with shapes %s",
                all);
        }
        n = m;
        memcpy(size, common, (size_t)n * sizeof *size);
    }
    return n;
}

/* offset += stride * index, all broadcast to (ndim, size). `which`: for the message, as PyTorch
 * counts. */
static int add_offsets(plan *p, const mt_tensor *index, int ndim, const int64_t *size,
                       int64_t length, int64_t stride, int which)
{
    mt_tensor *all = mt_empty(MT_INT64, ndim, size);
    if (!all || mt_copy_raw(all, index) < 0) return -1;
    const int64_t *at = (const int64_t *)all->data;
    if (length == 0 && p->n > 0)
        return mt_error(MT_INDEX, "index is out of bounds for dimension with size 0");
    for (int64_t i = 0; i < p->n; i++) {
        if (MT_UNLIKELY(at[i] < -length || at[i] >= length))
            return mt_error(
                MT_INDEX, "index %" PRId64 " is out of bounds for dimension %d with size %" PRId64,
                at[i], which, length);
        p->offset[i] += (at[i] < 0 ? at[i] + length : at[i]) * stride;
    }
    return 0;
}

/* Where B stands in the result: the number of unindexed dimensions before it. */
static int placement(int ndim, mt_tensor **index)
{
    int first = -1, last = -1, count = 0;
    for (int d = 0; d < ndim; d++) {
        if (!index[d]) continue;
        if (first < 0) first = d;
        last = d;
        count++;
    }
    return last - first + 1 == count ? first : 0;
}

/* The result's shape, and how to walk through what remains of x. */
static void lay_out(plan *p, const mt_tensor *x, mt_tensor **index, int nb, const int64_t *b)
{
    int before = placement(x->ndim, index), kept[MT_MAX_DIMS], k = 0, m = 0;
    for (int d = 0; d < x->ndim; d++)
        if (!index[d]) kept[m++] = d;
    p->ndim = m + nb;
    for (int i = 0; i < m; i++) p->size[i < before ? i : i + nb] = x->size[kept[i]];
    memcpy(p->size + before, b, (size_t)nb * sizeof *b);
    int64_t stride = 1;
    p->step = p->chunk = p->outer = 1;
    for (int i = m - 1; i >= 0; i--) {
        if (i == before - 1) stride *= p->n;
        p->rest_size[i] = x->size[kept[i]];
        p->x_stride[i] = x->stride[kept[i]];
        p->y_stride[i] = stride;
        stride *= p->rest_size[i];
        if (i >= before) p->step = stride;
    }
    for (k = m; k > before && (p->x_stride[k - 1] == p->chunk || p->rest_size[k - 1] == 1); k--)
        p->chunk *= p->rest_size[k - 1];
    p->rest = k;
    for (int i = 0; i < k; i++) p->outer *= p->rest_size[i];
}

/* in: n index tensors, NULL for dimensions taken whole. */
static int make_plan(plan *p, const mt_tensor *x, int n, mt_tensor **in)
{
    mt_tensor *index[MT_MAX_DIMS];
    int64_t b[MT_MAX_DIMS];
    int which = 0;
    if (spread(x, n, in, index) < 0) return -1;
    int nb = broadcast_indices(x->ndim, index, b);
    if (nb < 0) return -1;
    if (x->ndim + nb > MT_MAX_DIMS)
        return mt_error(MT_RUNTIME, "tensors have at most %d dimensions", MT_MAX_DIMS);
    mt_tensor *offset = mt_zeros_raw(MT_INT64, nb, b);
    if (!offset) return -1;
    p->n = offset->numel;
    p->offset = (int64_t *)offset->data;
    for (int d = 0; d < x->ndim; d++)
        if (index[d] && add_offsets(p, index[d], nb, b, x->size[d], x->stride[d], which++) < 0)
            return -1;
    lay_out(p, x, index, nb, b);
    return 0;
}

/* ==== moving elements ========================================================================= */

typedef struct job {
    const plan *p;
    char *x, *y;
    int64_t itemsize;
    bool put; /* from y to x */
} job;

static void move(char *to, const char *from, int64_t bytes)
{
    if (bytes == 4)
        memcpy(to, from, 4);
    else if (bytes == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, (size_t)bytes);
}

/* Offsets (in elements) of position r of the remaining dimensions. */
static void rest_offsets(const plan *p, int64_t r, int64_t *x, int64_t *y)
{
    *x = *y = 0;
    for (int i = p->rest - 1; i >= 0; i--) {
        *x += r % p->rest_size[i] * p->x_stride[i];
        *y += r % p->rest_size[i] * p->y_stride[i];
        r /= p->rest_size[i];
    }
}

/* Pieces [begin, end) of outer * n: each is one chunk. */
static void move_range(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    const plan *p = j->p;
    int64_t bytes = p->chunk * j->itemsize, x, y;
    while (begin < end) {
        int64_t i = begin % p->n, stop = p->n - i < end - begin ? p->n : i + end - begin;
        rest_offsets(p, begin / p->n, &x, &y);
        begin += stop - i;
        for (; i < stop; i++) {
            char *at_x = j->x + (x + p->offset[i]) * j->itemsize,
                 *at_y = j->y + (y + i * p->step) * j->itemsize;
            move(j->put ? at_x : at_y, j->put ? at_y : at_x, bytes);
        }
    }
}

/* When the same place is written twice, the last one counts: writing is not cut into parallel
 * parts. */
static void move_all(const plan *p, mt_tensor *x, mt_tensor *y, bool put)
{
    job j = {p, x->data, y->data, mt_itemsize(x), put};
    int64_t grain = COPY_GRAIN / (p->chunk > 0 ? p->chunk : 1) + 1, pieces = p->outer * p->n;
    if (p->chunk == 0 || pieces == 0) return;
    if (put)
        move_range(0, pieces, &j);
    else
        mt_parallel_for(pieces, grain, move_range, &j);
}

#define ADD_ALL(T)                                                                                 \
    for (int64_t r = 0; r < p->outer; r++) {                                                       \
        int64_t at_x, at_y;                                                                        \
        rest_offsets(p, r, &at_x, &at_y);                                                          \
        for (int64_t i = 0; i < p->n; i++) {                                                       \
            T *to = (T *)x->data + at_x + p->offset[i];                                            \
            const T *from = (const T *)y->data + at_y + i * p->step;                               \
            for (int64_t k = 0; k < p->chunk; k++) to[k] = (T)(to[k] + from[k]);                   \
        }                                                                                          \
    }

/* x at the places += y, in order. Integers wrap (their unsigned twins are added), bool is "or". */
static void add_all(const plan *p, mt_tensor *x, mt_tensor *y)
{
    switch (x->dtype) {
    case MT_FLOAT32:
        ADD_ALL(float) break;
    case MT_FLOAT64:
        ADD_ALL(double) break;
    case MT_INT64:
        ADD_ALL(uint64_t) break;
    case MT_INT32:
        ADD_ALL(uint32_t) break;
    case MT_INT16:
        ADD_ALL(uint16_t) break;
    case MT_BOOL:
        ADD_ALL(bool) break;
    default:
        ADD_ALL(uint8_t) break;
    }
}
#undef ADD_ALL

/* ==== index: x[i, j, ...] ===================================================================== */

static int index_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    plan p;
    if (make_plan(&p, x, c->nin - 1, c->in + 1) < 0) return -1;
    mt_tensor *y = mt_result(c, 0, (mt_dtype)x->dtype, p.ndim, p.size);
    if (!y) return -1;
    move_all(&p, x, y, false);
    return 0;
}

/* An element read twice gets both gradients: they are added up at its place. */
static void index_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0])
        gin[0] = mt_index_put(mt_zeros_of(&c->in_dims[0]), gout[0], c->nin - 1, c->in + 1, true);
}

#define KEEP_INDICES(from) (MT_KEEP_ALL_IN & ~(MT_KEEP_IN(from) - 1))

MT_OP(index, .keeps = {KEEP_INDICES(1)}, .backward = index_rule, .rule = "g added up at the places",
      .schema = "index(Tensor self, Tensor?[] indices) -> Tensor",
      .doc = "self[indices]: the elements at the places that the index tensors name, as a copy.");

mt_tensor *mt_index(mt_tensor *self, int n, mt_tensor **indices)
{
    mt_tensor *in[MT_MAX_DIMS + 1] = {self};
    if (!self) return NULL;
    if (n > MT_MAX_DIMS)
        return mt_fail(MT_INDEX, "too many indices for tensor of dimension %d", self->ndim);
    memcpy(in + 1, indices, (size_t)n * sizeof *in);
    return mt_calln(&mt_op_index, n + 1, in, 0, NULL);
}

/* ==== index_put: x[i, j, ...] = values ======================================================== */

/* values in the result's shape, contiguous. */
static mt_tensor *spread_values(const plan *p, const mt_tensor *x, mt_tensor *values)
{
    char a[MT_SHAPE_TEXT], b[MT_SHAPE_TEXT];
    if (values->dtype != x->dtype)
        return mt_fail(MT_RUNTIME,
                       "Index put requires the source and destination dtypes match, got %s for the "
                       "destination and %s for the source.",
                       mt_dtype_camel((mt_dtype)x->dtype), mt_dtype_camel((mt_dtype)values->dtype));
    if (!mt_shape_expandable(values->ndim, values->size, p->ndim, p->size))
        return mt_fail(MT_RUNTIME,
                       "shape mismatch: value tensor of shape %s cannot be broadcast to indexing "
                       "result of shape %s",
                       mt_shape_text(values->ndim, values->size, a),
                       mt_shape_text(p->ndim, p->size, b));
    if (mt_is_contiguous(values) && mt_shape_equal(values->ndim, values->size, p->ndim, p->size) &&
        !mt_overlap(x, values))
        return values;
    mt_tensor *all = mt_empty((mt_dtype)x->dtype, p->ndim, p->size);
    return all && mt_copy_raw(all, values) == 0 ? all : NULL;
}

/* in: self, values, the index tensors. */
static int index_put_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->target ? c->target[0] : NULL;
    plan p;
    if (!y) {
        y = mt_empty_like(x, (mt_dtype)x->dtype);
        if (!y || mt_copy_raw(y, x) < 0) return -1;
    }
    if (make_plan(&p, y, c->nin - 2, c->in + 2) < 0) return -1;
    mt_tensor *values = spread_values(&p, y, c->in[1]);
    if (!values) return -1;
    if (c->arg[0].b)
        add_all(&p, y, values);
    else
        move_all(&p, y, values, true);
    c->out[0] = y;
    return 0;
}

static void index_put_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], **indices = c->in + 2;
    int n = c->nin - 2;
    if (gin[0])
        gin[0] = c->arg[0].b ? g : mt_index_put(g, mt_zeros_of(&c->in_dims[1]), n, indices, false);
    if (gin[1]) gin[1] = mt_index(g, n, indices);
}

MT_OP(
    index_put, .keeps = {KEEP_INDICES(2), KEEP_INDICES(2)}, .backward = index_put_rule,
    .rule = "g, 0 at the places; g[indices]",
    .schema =
        "index_put(Tensor self, Tensor values, Tensor?[] indices, bool accumulate=False) -> Tensor",
    .doc = "A copy of self with values (broadcast) written to, or added at, the places that the "
           "index tensors name.");

mt_tensor *mt_index_put(mt_tensor *self, mt_tensor *values, int n, mt_tensor **indices,
                        bool accumulate)
{
    mt_tensor *in[MT_MAX_DIMS + 2] = {self, values};
    mt_arg arg[1] = {mt_arg_bool(accumulate)};
    if (!self || !values) return NULL;
    if (n > MT_MAX_DIMS)
        return mt_fail(MT_INDEX, "too many indices for tensor of dimension %d", self->ndim);
    memcpy(in + 2, indices, (size_t)n * sizeof *in);
    return mt_calln(&mt_op_index_put, n + 2, in, 1, arg);
}

/* ==== alias: x[...] =========================================================================== */

static int alias_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    return mt_result_view(c, 0, x->ndim, x->size, x->stride, x->offset) ? 0 : -1;
}

static void alias_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    (void)c;
    if (gin[0]) gin[0] = gout[0];
}

/* The C function's name, mt_alias, is the core's word for the same without history. */
MT_OP(alias, .kind = MT_VIEW, .backward = alias_rule, .rule = "g",
      .schema = "alias(Tensor self) -> Tensor", .doc = "A view of all of self.");

/* ==== nonzero ================================================================================= */

static int nonzero_forward(mt_call *c)
{
    mt_tensor *truth = mt_contiguous_raw(c->in[0], MT_BOOL);
    if (!truth) return -1;
    int64_t size[2] = {count_true(truth), truth->ndim};
    mt_tensor *y = mt_result(c, 0, MT_INT64, 2, size);
    if (!y) return -1;
    write_true(truth, (int64_t *)y->data, 1, truth->ndim);
    return 0;
}

MT_OP(nonzero, .kind = MT_NODIFF | MT_FUNCTION | MT_OUT,
      .schema = "_nonzero(Tensor self) -> Tensor", .doc = "nonzero() with as_tuple=False.");

mt_tensor *mt_nonzero(mt_tensor *self) { return mt_call1(&mt_op_nonzero, self); }

static int nonzero_static_forward(mt_call *c)
{
    int64_t n = c->arg[0].i;
    if (n < 0)
        return mt_error(MT_RUNTIME, "nonzero_static: 'size' must be an non-negative integer");
    mt_tensor *found = mt_nonzero(c->in[0]), *y;
    int64_t size[2] = {n, c->in[0]->ndim};
    if (!found || !(y = mt_result(c, 0, MT_INT64, 2, size)) ||
        mt_fill_raw(y, mt_scalar_int(c->arg[1].i)) < 0)
        return -1;
    size[0] = found->size[0] < n ? found->size[0] : n;
    mt_tensor *part = mt_alias_as(y, 2, size, y->stride, 0);
    return part ? mt_copy_raw(part, mt_slice(found, 0, 0, n, 1)) : -1;
}
MT_OP(nonzero_static, .kind = MT_NODIFF | MT_FUNCTION | MT_METHOD | MT_OUT,
      .schema = "nonzero_static(Tensor self, *, int size, int fill_value=-1) -> Tensor",
      .doc = "The first `size` rows of nonzero(), filled up with rows of fill_value.");

static int argwhere_forward(mt_call *c) { return mt_result_is(c, 0, mt_nonzero(c->in[0])); }

MT_OP(argwhere, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "argwhere(Tensor self) -> Tensor",
      .doc = "The indices of all elements that are not zero, one row each.");

static int count_nonzero_forward(mt_call *c)
{
    const mt_arg *dims = &c->arg[0];
    mt_tensor *truth = mt_ne(c->in[0], mt_number_of(mt_scalar_int(0)));
    bool all = !dims->given || dims->ints.n == 0;
    return mt_result_is(
        c, 0, all ? mt_sum(truth) : mt_sum_dim(truth, (int)dims->ints.n, dims->ints.v, false));
}

MT_OP(count_nonzero, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD,
      .schema = "count_nonzero(Tensor self, int[1]? dim=None) -> Tensor",
      .doc = "How many elements are not zero, of all or along the given dimensions.");

/* ==== masked_select, take: index by another name ============================================== */

static int masked_select_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *mask = c->in[1];
    int64_t size[MT_MAX_DIMS];
    if (mask->dtype != MT_BOOL)
        return mt_error(MT_RUNTIME, "masked_select: expected BoolTensor for mask");
    int n = mt_shape_broadcast(x->ndim, x->size, mask->ndim, mask->size, size);
    if (n < 0) return -1;
    if (n == 0) n = (int)(size[0] = 1); /* numbers become lists of one */
    mask = mt_expand(mask, n, size);
    return mt_result_is(c, 0, mask ? mt_index(mt_expand(x, n, size), 1, &mask) : NULL);
}

MT_OP(masked_select, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .grad_name = "MaskedSelectBackward0",
      .schema = "masked_select(Tensor self, Tensor mask) -> Tensor",
      .doc = "The elements where mask is true, in row-major order, as a tensor of one dimension.");

static int take_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1];
    const int64_t all = x->numel;
    if (index->dtype != MT_INT64)
        return mt_error(MT_RUNTIME, "take(): Expected a long tensor for index, but got %s",
                        mt_dtype_camel((mt_dtype)index->dtype));
    if (all == 0 && index->numel > 0)
        return mt_error(MT_INDEX, "take(): tried to take from an empty tensor");
    const mt_tensor *flat = mt_contiguous_raw(index, MT_INT64);
    for (int64_t i = 0; flat && i < flat->numel; i++) {
        int64_t at = ((const int64_t *)(void *)flat->data)[i];
        if (at < -all || at >= all)
            return mt_error(MT_INDEX,
                            "out of range: tried to access index %" PRId64
                            " on a tensor of %" PRId64 " elements.",
                            at, all);
    }
    return mt_result_is(c, 0, mt_index(mt_reshape(x, 1, &all), 1, &index));
}

MT_OP(take, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT, .grad_name = "TakeBackward0",
      .schema = "take(Tensor self, Tensor index) -> Tensor",
      .doc = "The elements at these positions, counted in row-major order.");
