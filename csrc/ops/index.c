/* Indexing with tensors: x[i, j], x[mask], and writing there. Basic indexing (numbers, slices)
 * makes views: ops/slice.c.
 *
 * All index tensors are broadcast against each other to one shape B. Each of its n positions names,
 * through the indexed dimensions, an offset into x; what remains of x's dimensions is copied from
 * there. In the result, B stands where the first index stood if the indexed dimensions are
 * neighbours, else in front (NumPy's rule). A bool tensor of k dimensions is k index tensors: the
 * places where it is true. Relies on tensor/shape.h, base/parallel.h. */
#include "ops/along.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <string.h>

#define GRAIN 16384 /* elements a thread should at least choose among */

typedef struct plan {
    int ndim; /* of the result */
    int64_t size[MT_MAX_DIMS];
    int64_t n;       /* positions */
    int64_t *offset; /* n of them, in elements of x: the data of a tensor of the scope */
    mt_along along;  /* what remains of x's dimensions, and the positions as one more */
} plan;

/* ==== from index tensors to a plan ============================================================ */

/* mask: one byte per element, contiguous. */
static int64_t count_true(const mt_tensor *mask)
{
    enum { BLOCK = 128 }; /* so few fit in a byte */
    const uint8_t *p = (const uint8_t *)mask->data, *end = p + mask->numel;
    int64_t n = 0;
    for (; end - p >= BLOCK; p += BLOCK) {
        uint8_t some = 0;
        for (int i = 0; i < BLOCK; i++) some = (uint8_t)(some + (p[i] != 0));
        n += some;
    }
    for (; p < end; p++) n += *p != 0;
    return n;
}

/* to[0], to[step], ... = base + i by for all i with p[i], at most `left` of them; how many. Without a branch on p: a
 * processor cannot guess it. */
static int64_t true_places(const uint8_t *p, int64_t n, int64_t left, int64_t *to, int64_t step,
                           int64_t base, int64_t by)
{
    int64_t k = 0;
    for (int64_t i = 0; i < n && k < left; i += 8) {
        const int64_t some = n - i < 8 ? n - i : 8;
        uint64_t word = 1;
        if (some == 8) memcpy(&word, p + i, sizeof word);
        for (int64_t j = i; word && j < i + some && k < left; j++) {
            to[k * step] = base + j * by;
            k += p[j] != 0;
        }
    }
    return k;
}

/* out[k * step_k + i * step_i]: coordinate k of the i-th of n true elements. mask: bytes, contiguous. */
static void write_true(const mt_tensor *mask, int64_t n, int64_t *out, int64_t step_k,
                       int64_t step_i)
{
    const int last = mask->ndim - 1;
    const uint8_t *p = (const uint8_t *)mask->data;
    int64_t at[MT_MAX_DIMS] = {0}, done = 0;
    while (last >= 0 && done < n) {
        int64_t *to = out + done * step_i, found = true_places(p, mask->size[last], n - done,
                                                               to + last * step_k, step_i, 0, 1);
        for (int k = 0; k < last; k++)
            for (int64_t i = 0; i < found; i++) to[k * step_k + i * step_i] = at[k];
        p += mask->size[last];
        done += found;
        for (int k = last - 1; k >= 0 && ++at[k] == mask->size[k]; k--) at[k] = 0;
    }
}

/* The offsets of n true elements where mask stands for dimensions of these strides. */
static void write_offsets(const mt_tensor *mask, int64_t n, int64_t *out, const int64_t *stride)
{
    const int last = mask->ndim - 1;
    const uint8_t *p = (const uint8_t *)mask->data;
    int64_t at[MT_MAX_DIMS] = {0}, done = 0, base = 0;
    while (last >= 0 && done < n) {
        done += true_places(p, mask->size[last], n - done, out + done, 1, base, stride[last]);
        p += mask->size[last];
        for (int k = last - 1; k >= 0; at[k--] = 0) {
            base += stride[k];
            if (++at[k] < mask->size[k]) break;
            base -= at[k] * stride[k];
        }
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

/* One mask as an index for each of its dimensions, all the same: the places' offsets. -1 on failure. */
static int expand_mask(mt_tensor *mask, const mt_tensor *x, int dim, mt_tensor **index)
{
    if (check_mask(mask, x, dim) < 0) return -1;
    mt_tensor *bytes = mt_contiguous_raw(mask, (mt_dtype)mask->dtype);
    if (!bytes) return -1;
    int64_t n = count_true(bytes);
    mt_tensor *all = mt_empty(MT_INT64, 1, &n);
    if (!all) return -1;
    write_offsets(bytes, n, (int64_t *)all->data, x->stride + dim);
    for (int k = 0; k < mask->ndim; k++) index[k] = all;
    return 0;
}

static bool is_mask(const mt_tensor *t) { return t->dtype == MT_BOOL || t->dtype == MT_UINT8; }

/* The index tensor of each dimension of x, NULL where it is not indexed; masked: how many dimensions share
 * that of a mask. -1 on failure. */
static int spread(const mt_tensor *x, int n, mt_tensor **in, mt_tensor **index, int *masked)
{
    int dim = 0;
    for (int d = 0; d < x->ndim; d++) index[d] = NULL, masked[d] = 0;
    for (int i = 0; i < n; i++) {
        int takes = in[i] && is_mask(in[i]) ? in[i]->ndim : 1;
        if (dim + takes > x->ndim)
            return mt_error(MT_INDEX, "too many indices for tensor of dimension %d (got %d)",
                            x->ndim, dim + takes);
        if (in[i] && is_mask(in[i])) {
            if (expand_mask(in[i], x, dim, index + dim) < 0) return -1;
            if (takes) masked[dim] = takes;
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

/* to[i] = from[i] + stride * at[i], negative ones counted from the end; from: what other indices gave, or NULL. The
 * first place that is out of bounds, else n. */
MT_INLINE int64_t offset_by(int64_t n, int64_t *to, const int64_t *from, const int64_t *at,
                            int64_t length, int64_t stride)
{
    for (int64_t i = 0; i < n; i++) {
        if (MT_UNLIKELY(at[i] < -length || at[i] >= length)) return i;
        to[i] = (from ? from[i] : 0) + (at[i] < 0 ? at[i] + length : at[i]) * stride;
    }
    return n;
}

/* index as int64 in the common shape: the data of a tensor of the scope, or its own. */
static const int64_t *in_shape(mt_tensor *index, int ndim, const int64_t *size)
{
    if (index->dtype == MT_INT64 && mt_is_contiguous(index) &&
        mt_shape_equal(index->ndim, index->size, ndim, size))
        return (const int64_t *)(void *)index->data;
    mt_tensor *all = mt_empty(MT_INT64, ndim, size);
    return all && mt_copy_raw(all, index) == 0 ? (const int64_t *)(void *)all->data : NULL;
}

/* Adds an index of a dimension to the offsets. `which`: for the message, as PyTorch counts. */
static int add_offsets(plan *p, const int64_t *at, int64_t length, int64_t stride, int which,
                       bool first)
{
    if (!at) return -1;
    if (length == 0 && p->n > 0)
        return mt_error(MT_INDEX, "index is out of bounds for dimension with size 0");
    int64_t bad = first ? offset_by(p->n, p->offset, NULL, at, length, stride)
                        : offset_by(p->n, p->offset, p->offset, at, length, stride);
    if (bad == p->n) return 0;
    return mt_error(MT_INDEX,
                    "index %" PRId64 " is out of bounds for dimension %d with size %" PRId64,
                    at[bad], which, length);
}

/* The places of a mask are offsets already. */
static int add_mask(plan *p, const int64_t *at, bool first)
{
    if (!at) return -1;
    for (int64_t i = 0; i < p->n; i++) p->offset[i] = at[i] + (first ? 0 : p->offset[i]);
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

/* The result's shape, and how to walk through what remains of x. by: elements of x from one index to the next. */
static void lay_out(plan *p, const mt_tensor *x, mt_tensor **index, int nb, const int64_t *b,
                    int64_t by)
{
    const int before = placement(x->ndim, index);
    mt_along *a = &p->along;
    int64_t stride = 1;
    int m = 0;
    a->dim = before;
    a->ndim = p->ndim = 0;
    for (int d = 0; d <= x->ndim; d++) {
        if (m == before && (d == x->ndim || !index[d]) && a->ndim == before) {
            a->size[a->ndim] = p->n;
            a->far_stride[a->ndim++] = by;
            memcpy(p->size + p->ndim, b, (size_t)nb * sizeof *b);
            p->ndim += nb;
        }
        if (d == x->ndim || index[d]) continue;
        a->size[a->ndim] = p->size[p->ndim++] = x->size[d];
        a->far_stride[a->ndim++] = x->stride[d];
        m++;
    }
    for (int k = a->ndim - 1; k >= 0; stride *= a->size[k--]) {
        a->near_stride[k] = stride;
        a->index_stride[k] = k == before;
    }
}

/* in: n index tensors, NULL for dimensions taken whole. */
static int make_plan(plan *p, const mt_tensor *x, int n, mt_tensor **in)
{
    mt_tensor *index[MT_MAX_DIMS], *offset;
    int64_t b[MT_MAX_DIMS];
    int masked[MT_MAX_DIMS], which = 0;
    bool first = true;
    masked[0] = 0;
    if (spread(x, n, in, index, masked) < 0) return -1;
    int nb = broadcast_indices(x->ndim, index, b);
    if (nb < 0) return -1;
    if (x->ndim + nb > MT_MAX_DIMS)
        return mt_error(MT_RUNTIME, "tensors have at most %d dimensions", MT_MAX_DIMS);
    const bool one_mask = masked[0] == x->ndim && x->ndim > 0;
    if (!(offset = one_mask ? index[0] : mt_empty(MT_INT64, nb, b))) return -1;
    p->n = offset->numel;
    p->offset = (int64_t *)offset->data;
    for (int d = 0, next; d < x->ndim && !one_mask; d = next) {
        next = d + (masked[d] ? masked[d] : 1);
        if (!index[d]) continue;
        const int64_t *at = in_shape(index[d], nb, b);
        if ((masked[d] ? add_mask(p, at, first)
                       : add_offsets(p, at, x->size[d], x->stride[d], which, first)) < 0)
            return -1;
        first = false;
        which += next - d;
    }
    if (first && !one_mask)
        for (int64_t i = 0; i < p->n; i++) p->offset[i] = 0;
    lay_out(p, x, index, nb, b, 1);
    p->along.n = INT64_MAX;
    p->along.index = p->offset;
    return 0;
}

/* ---- one index of int64 that counts from the front alone: no plan is needed ---- */

/* The only index and its dimension; NULL if it is to go the long way. */
static mt_tensor *only_index(const mt_tensor *x, int n, mt_tensor **in, int *dim)
{
    mt_tensor *index = NULL;
    for (int d = 0; d < n; d++) {
        if (!in[d]) continue;
        if (index) return NULL;
        index = in[ *dim = d];
    }
    const bool plain = index && n <= x->ndim && index->dtype == MT_INT64 &&
                       mt_is_contiguous(index) && x->ndim + index->ndim <= MT_MAX_DIMS;
    const int64_t *at = plain ? (const int64_t *)(void *)index->data : NULL;
    return at && mt_all_within(index->numel, at, x->size[*dim]) ? index : NULL;
}

/* A plan for it, or else for all of them. */
static int plan_for(plan *p, const mt_tensor *x, int n, mt_tensor **in, bool writing)
{
    int dim = 0;
    mt_tensor *only = only_index(x, n, in, &dim), *index[MT_MAX_DIMS];
    if (!only || (writing && mt_overlap(x, only))) return make_plan(p, x, n, in);
    for (int d = 0; d < x->ndim; d++) index[d] = d == dim ? only : NULL;
    p->n = only->numel;
    lay_out(p, x, index, only->ndim, only->size, x->stride[dim]);
    p->along.n = x->size[dim];
    p->along.index = (const int64_t *)(void *)only->data;
    return 0;
}

/* From x to y or back, y being contiguous, of the result's shape. When the same place is written twice, the last one
 * counts. */
static void move(plan *p, mt_along_how how, const mt_tensor *x, const mt_tensor *y)
{
    mt_along *a = &p->along;
    a->how = how;
    a->dtype = (mt_dtype)x->dtype;
    a->far = x->data;
    a->near = y->data;
    mt_along_run(a);
}

/* ==== index: x[i, j, ...] ===================================================================== */

static int index_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    plan p;
    if (plan_for(&p, x, c->nin - 1, c->in + 1, false) < 0 ||
        !(y = mt_result(c, 0, (mt_dtype)x->dtype, p.ndim, p.size)))
        return -1;
    move(&p, MT_PICK, x, y);
    return 0;
}

/* An element read twice gets both gradients: they are added up at its place. */
static void index_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *in[MT_MAX_DIMS + 2] = {gin[0] ? mt_zeros_of(&c->in_dims[0]) : NULL, gout[0]};
    mt_arg arg[1] = {mt_arg_bool(true)};
    memcpy(in + 2, c->in + 1, (size_t)(c->nin - 1) * sizeof *in);
    if (gin[0]) gin[0] = in[0] ? mt_call_inplace(&mt_op_index_put, c->nin + 1, in, 1, arg) : NULL;
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

typedef struct choice {
    mt_loop where;
    char *y, *mask, *line; /* a line of the number */
    int64_t itemsize;
} choice;

enum {
    LINE = 1024 /* bytes: with such a line all operands of `where` are neighbours, and it is fast */
};

static void choose(int64_t begin, int64_t end, void *context)
{
    const choice *o = context;
    const int64_t item = o->itemsize, most = LINE / item;
    for (int64_t n; begin < end; begin += n) {
        char *y = o->y + begin * item;
        n = end - begin < most ? end - begin : most;
        o->where(n, (char *[]){y, o->mask + begin, o->line, y}, (int64_t[]){item, 1, item, item},
                 NULL);
    }
}

/* y[mask] = one number: a choice at every place. */
static int put_masked(mt_tensor *y, mt_tensor *mask, const mt_tensor *value)
{
    const int64_t n = LINE / mt_itemsize(y);
    mt_tensor *line = mt_empty((mt_dtype)y->dtype, 1, &n), *in[3] = {mask, line, y};
    if (!line || mt_fill_raw(line, mt_item_at(value, 0)) < 0) return -1;
    if (mt_is_contiguous(y) && mt_is_contiguous(mask)) {
        choice o = {mt_k->where[y->dtype], y->data, mask->data, line->data, mt_itemsize(y)};
        mt_parallel_for(y->numel, GRAIN, choose, &o);
        return 0;
    }
    if (!(in[1] = mt_alias_as(line, 0, NULL, NULL, 0))) return -1;
    mt_run_loop(mt_k->where[y->dtype], y, 3, in, NULL, MT_GRAIN_CHEAP);
    return 0;
}

static bool is_choice(const mt_call *c, const mt_tensor *y)
{
    const mt_tensor *values = c->in[1], *mask = c->in[2];
    return c->nin == 3 && !c->arg[0].b && mask && is_mask(mask) && mt_same_shape(mask, y) &&
           y->ndim > 0 && values->numel == 1 && values->ndim <= 1 && values->dtype == y->dtype &&
           !mt_overlap(y, mask);
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
    c->out[0] = y;
    if (is_choice(c, y)) return put_masked(y, c->in[2], c->in[1]);
    mt_tensor *values;
    if (plan_for(&p, y, c->nin - 2, c->in + 2, true) < 0 ||
        !(values = spread_values(&p, y, c->in[1])))
        return -1;
    move(&p, c->arg[0].b ? MT_ADD : MT_PLACE, y, values);
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
    write_true(truth, size[0], (int64_t *)y->data, 1, truth->ndim);
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

/* take() failed: by its own message if it is for a place that is not there. */
static int refuse_place(mt_tensor *index, int64_t n)
{
    const mt_tensor *flat = mt_contiguous_raw(index, MT_INT64);
    for (int64_t i = 0; flat && i < flat->numel; i++) {
        const int64_t at = ((const int64_t *)(void *)flat->data)[i];
        if (at >= -n && at < n) continue;
        mt_error_clear();
        return mt_error(MT_INDEX,
                        "out of range: tried to access index %" PRId64 " on a tensor of %" PRId64
                        " elements.",
                        at, n);
    }
    return -1;
}

static int take_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *index = c->in[1];
    const int64_t all = x->numel;
    if (index->dtype != MT_INT64)
        return mt_error(MT_RUNTIME, "take(): Expected a long tensor for index, but got %s",
                        mt_dtype_camel((mt_dtype)index->dtype));
    if (all == 0 && index->numel > 0)
        return mt_error(MT_INDEX, "take(): tried to take from an empty tensor");
    mt_tensor *y = mt_index(mt_reshape(x, 1, &all), 1, &index);
    return mt_result_is(c, 0, y) < 0 ? refuse_place(index, all) : 0;
}

MT_OP(take, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT, .grad_name = "TakeBackward0",
      .schema = "take(Tensor self, Tensor index) -> Tensor",
      .doc = "The elements at these positions, counted in row-major order.");
