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

typedef uint8_t __attribute__((may_alias)) word_1;
typedef uint16_t __attribute__((may_alias)) word_2;
typedef uint32_t __attribute__((may_alias)) word_4;
typedef uint64_t __attribute__((may_alias)) word_8;

/* n elements of `bytes`: y + i step and x + offset[i]. */
#define MOVE_EACH(bytes)                                                                           \
    static void move_##bytes(int64_t n, const int64_t *offset, char *x, char *y, int64_t step,     \
                             bool put)                                                             \
    {                                                                                              \
        word_##bytes *far = (word_##bytes *)(void *)x, *near = (word_##bytes *)(void *)y;          \
        if (put)                                                                                   \
            for (int64_t i = 0; i < n; i++) far[offset[i]] = near[i * step];                       \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++) near[i * step] = far[offset[i]];                       \
    }
MOVE_EACH(1)
MOVE_EACH(2)
MOVE_EACH(4)
MOVE_EACH(8)

static void move_chunks(const job *j, int64_t n, const int64_t *offset, char *x, char *y)
{
    const int64_t bytes = j->p->chunk * j->itemsize;
    for (int64_t i = 0; i < n; i++) {
        char *at_x = x + offset[i] * j->itemsize, *at_y = y + i * j->p->step * j->itemsize;
        memcpy(j->put ? at_x : at_y, j->put ? at_y : at_x, (size_t)bytes);
    }
}

/* Pieces [begin, end) of outer * n: each is one chunk. */
static void move_range(int64_t begin, int64_t end, void *context)
{
    static void (*const each[9])(int64_t, const int64_t *, char *, char *, int64_t,
                                 bool) = {[1] = move_1, [2] = move_2, [4] = move_4, [8] = move_8};
    const job *j = context;
    const plan *p = j->p;
    int64_t x, y;
    while (begin < end) {
        const int64_t i = begin % p->n, n = p->n - i < end - begin ? p->n - i : end - begin;
        rest_offsets(p, begin / p->n, &x, &y);
        char *at_x = j->x + x * j->itemsize, *at_y = j->y + (y + i * p->step) * j->itemsize;
        if (p->chunk == 1)
            each[j->itemsize](n, p->offset + i, at_x, at_y, p->step, j->put);
        else
            move_chunks(j, n, p->offset + i, at_x, at_y);
        begin += n;
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

/* ---- one index of int64 that counts from the front alone: no plan is needed ---- */

static bool counts_from_front(const mt_tensor *index, int64_t n)
{
    const uint64_t *at = (const uint64_t *)(void *)index->data;
    uint64_t outside = 0; /* its sign bit: below 0, or above n - 1 */
    for (int64_t i = 0; i < index->numel; i++) outside |= at[i] | ((uint64_t)n - 1 - at[i]);
    return !(outside >> 63);
}

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
    return plain && counts_from_front(index, x->size[*dim]) ? index : NULL;
}

/* The result's shape: that of the index in the place of dim. */
static void shape_of_one(plan *p, const mt_tensor *x, int dim, const mt_tensor *index)
{
    const int before = dim, behind = x->ndim - dim - 1;
    memcpy(p->size, x->size, (size_t)before * sizeof *p->size);
    memcpy(p->size + before, index->size, (size_t)index->ndim * sizeof *p->size);
    memcpy(p->size + before + index->ndim, x->size + dim + 1, (size_t)behind * sizeof *p->size);
    p->ndim = before + index->ndim + behind;
}

/* y: contiguous, of that shape. */
static void move_one(mt_along_how how, const mt_tensor *x, int dim, const mt_tensor *index,
                     const mt_tensor *y)
{
    mt_along a;
    int64_t stride = 1;
    a.how = how;
    a.dtype = (mt_dtype)x->dtype;
    a.ndim = x->ndim;
    a.dim = dim;
    a.n = x->size[dim];
    for (int d = x->ndim - 1; d >= 0; d--) {
        a.size[d] = d == dim ? index->numel : x->size[d];
        a.index_stride[d] = d == dim;
        a.near_stride[d] = stride;
        stride *= a.size[d];
    }
    mt_along_strides(x, x->ndim, a.far_stride);
    a.index = (const int64_t *)(void *)index->data;
    a.far = x->data;
    a.near = y->data;
    mt_along_run(&a);
}

/* ==== index: x[i, j, ...] ===================================================================== */

static int index_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y, *only;
    int dim;
    plan p;
    if ((only = only_index(x, c->nin - 1, c->in + 1, &dim)))
        shape_of_one(&p, x, dim, only);
    else if (make_plan(&p, x, c->nin - 1, c->in + 1) < 0)
        return -1;
    if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, p.ndim, p.size))) return -1;
    if (only)
        move_one(MT_PICK, x, dim, only, y);
    else
        move_all(&p, x, y, false);
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
        mt_parallel_for(y->numel, COPY_GRAIN, choose, &o);
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
    int dim;
    mt_tensor *only = only_index(y, c->nin - 2, c->in + 2, &dim), *values;
    if (only && !mt_overlap(y, only))
        shape_of_one(&p, y, dim, only);
    else if (only = NULL, make_plan(&p, y, c->nin - 2, c->in + 2) < 0)
        return -1;
    if (!(values = spread_values(&p, y, c->in[1]))) return -1;
    if (only)
        move_one(c->arg[0].b ? MT_ADD : MT_PLACE, y, dim, only, values);
    else if (c->arg[0].b)
        add_all(&p, y, values);
    else
        move_all(&p, y, values, true);
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
