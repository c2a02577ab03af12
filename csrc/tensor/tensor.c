/* Making, freeing and looking at tensors. Relies on storage.h and shape.h;
 * read next: tensor/iter.c. */
#include "tensor/tensor.h"

#include "base/alloc.h"
#include "tensor/scope.h"

#include <inttypes.h>
#include <string.h>

int64_t mt_live_tensors;
void (*mt_tensor_drop_history)(mt_tensor *t);
void (*mt_tensor_drop_node)(struct mt_node *node);
void (*mt_host_release)(mt_tensor *t);

/* Note [One block]
 * A small tensor, its storage and its data lie in one block: one allocation, and one cache line
 * less to reach. The storage counts the tensor that lies before it as one user for as long as that
 * lives, whether it looks at this storage or was given another one (set_data); who of tensor and
 * storage goes last frees the block. */
typedef struct block {
    mt_tensor t;
    _Alignas(64) mt_storage storage;
    char data[];
} block;

#define BLOCK_DATA ((size_t)256) /* more data than this gets a block of its own */

_Static_assert(sizeof(block) == 256, "the data begins on a cache line");

static inline mt_storage *own_storage(mt_tensor *t) { return &((block *)(void *)t)->storage; }

/* All fields but storage and shape. */
static inline void tensor_init(mt_tensor *t, mt_dtype d, bool has_block)
{
    t->refs = 1;
    t->flags = 0;
    t->dtype = (uint8_t)d;
    t->ndim = 0;
    t->out_nr = 0;
    t->base_generation = t->generation = 0;
    t->has_block = has_block;
    t->offset = 0;
    t->size = t->dims;
    t->stride = t->dims + MT_INLINE_DIMS;
    t->node = NULL;
    t->grad = t->base = t->shadow = t->spare = NULL;
    t->hooks = NULL;
    t->host = NULL;
    mt_live_tensors++;
}

/* A tensor without storage or shape, owned by the caller. */
static MT_INLINE mt_tensor *tensor_new(mt_dtype d)
{
    mt_tensor *t = mt_malloc(sizeof *t);
    if (!t) return NULL;
    tensor_init(t, d, false);
    t->storage = NULL;
    return t;
}

/* What a new block holds. */
static inline mt_tensor *block_init(block *b, mt_dtype d, size_t nbytes)
{
    tensor_init(&b->t, d, true);
    mt_storage_init(&b->storage, b->data, nbytes, b);
    mt_live_storages++;
    b->t.storage = &b->storage;
    b->t.data = b->data;
    return &b->t;
}

/* A tensor with memory of its own, but without shape, owned by the caller. */
static mt_tensor *tensor_with_memory(mt_dtype d, size_t nbytes)
{
    if (MT_LIKELY(nbytes <= BLOCK_DATA)) {
        block *b = mt_malloc(sizeof *b + nbytes);
        return b ? block_init(b, d, nbytes) : NULL;
    }
    mt_storage *storage = mt_storage_new(nbytes);
    mt_tensor *t = storage ? tensor_new(d) : NULL;
    if (!t) {
        if (storage) mt_storage_release(storage);
        return NULL;
    }
    t->storage = storage;
    t->data = storage->data;
    return t;
}

static size_t dims_bytes(int ndim) { return 2 * (size_t)ndim * sizeof(int64_t); }

/* Room for ndim dimensions. */
static int reserve_dims(mt_tensor *t, int ndim)
{
    if (ndim > MT_MAX_DIMS)
        return mt_error(MT_RUNTIME, "tensors have at most %d dimensions, but got %d", MT_MAX_DIMS,
                        ndim);
    int64_t *room = NULL;
    if (ndim > MT_INLINE_DIMS && ndim != t->ndim) {
        room = mt_malloc(dims_bytes(ndim));
        if (!room) return -1;
    } else if (ndim > MT_INLINE_DIMS) {
        return 0;
    }
    if (t->ndim > MT_INLINE_DIMS) mt_free(t->size, dims_bytes(t->ndim));
    t->size = room ? room : t->dims;
    t->stride = room ? room + ndim : t->dims + MT_INLINE_DIMS;
    t->ndim = (uint8_t)ndim;
    return 0;
}

static inline void drop_shadow(mt_tensor *t)
{
    mt_tensor *shadow = t->shadow;
    if (MT_LIKELY(!shadow)) return;
    t->shadow = NULL;
    mt_release(shadow);
}

static __attribute__((noinline)) void free_any(mt_tensor *t)
{
    if (MT_UNLIKELY(t->flags & MT_HOST_OWNED)) {
        mt_host_release(t);
        return;
    }
    if (t->node || t->grad || t->base || t->hooks) mt_tensor_drop_history(t);
    drop_shadow(t);
    mt_release(t->spare);
    if (t->ndim > MT_INLINE_DIMS) mt_free(t->size, dims_bytes(t->ndim));
    mt_live_tensors--;
    if (MT_LIKELY(t->has_block)) {
        mt_storage *own = own_storage(t);
        if (t->storage != own) mt_storage_release(t->storage);
        if (!mt_count_down(&own->refs)) return; /* the block goes with the last of the two */
        mt_live_storages--;
        mt_free(t, sizeof(block) + own->nbytes);
        return;
    }
    if (t->storage) mt_storage_release(t->storage);
    mt_free(t, sizeof *t);
}

/* The usual cases stand here: a block of its own, or a look at somebody's memory, and nothing but
 * perhaps a node and a shadow. */
void mt_tensor_free(mt_tensor *t)
{
    mt_storage *own = own_storage(t); /* looked at only where there is one */
    const void *rare = (void *)((uintptr_t)t->grad | (uintptr_t)t->spare | (uintptr_t)t->hooks);
    if (MT_UNLIKELY(rare || t->ndim > MT_INLINE_DIMS ||
                    t->flags & (MT_HOST_OWNED | MT_RETAIN_GRAD | MT_HAS_BASE) ||
                    (t->has_block && t->storage != own))) {
        free_any(t);
        return;
    }
    struct mt_node *node = t->node;
    t->node = NULL;
    if (node) mt_tensor_drop_node(node);
    drop_shadow(t);
    mt_live_tensors--;
    if (MT_UNLIKELY(!t->has_block)) {
        if (t->storage) mt_storage_release(t->storage);
        mt_free(t, sizeof *t);
    } else if (MT_LIKELY(mt_count_down(&own->refs))) { /* the block goes with the last of the two */
        mt_live_storages--;
        mt_free(t, sizeof(block) + own->nbytes);
    }
}

void mt_tensor_set_storage(mt_tensor *t, mt_storage *storage)
{
    drop_shadow(t);
    mt_storage *old = t->storage, *own = t->has_block ? own_storage(t) : NULL;
    t->storage = storage;
    if (storage == own) mt_storage_release(own); /* counted for as long as t lives */
    if (old != own) mt_storage_release(old);
}

int mt_tensor_set_shape(mt_tensor *t, int ndim, const int64_t *size, const int64_t *stride,
                        int64_t offset)
{
    int64_t sizes[MT_MAX_DIMS], strides[MT_MAX_DIMS]; /* size may point into t */
    if (ndim > MT_MAX_DIMS) return reserve_dims(t, ndim);
    drop_shadow(t);
    if (ndim) memcpy(sizes, size, (size_t)ndim * sizeof *sizes); /* size may be NULL */
    if (stride) memcpy(strides, stride, (size_t)ndim * sizeof *strides);
    if (reserve_dims(t, ndim) < 0) return -1;
    int64_t n = 1;
    for (int d = 0; d < ndim; d++) {
        t->size[d] = sizes[d];
        n *= sizes[d];
    }
    t->numel = n;
    if (stride)
        memcpy(t->stride, strides, (size_t)ndim * sizeof *strides);
    else
        mt_shape_contiguous_strides(ndim, t->size, t->stride);
    bool contiguous = !stride || mt_shape_is_contiguous(ndim, t->size, t->stride);
    t->flags = contiguous ? t->flags | MT_CONTIGUOUS : t->flags & ~MT_CONTIGUOUS;
    t->flags |= MT_SHAPE_SET;
    t->offset = offset;
    t->data = t->storage->data + offset * mt_itemsize(t);
    return 0;
}

static __attribute__((noinline)) mt_tensor *empty_any(mt_dtype d, int ndim, const int64_t *size)
{
    int64_t numel = mt_shape_numel(ndim, size, mt_dtype_size(d));
    if (numel < 0) return NULL;
    mt_tensor *t = tensor_with_memory(d, (size_t)(numel * mt_dtype_size(d)));
    if (!t) return NULL;
    if (mt_tensor_set_shape(t, ndim, size, NULL, 0) < 0) {
        mt_release(t);
        return NULL;
    }
    t->flags &= ~MT_SHAPE_SET; /* it is the first */
    return mt_own(t);
}

/* The usual case, in which nothing is called: small, a block is at hand, and ndim is a constant. */
static MT_INLINE mt_tensor *empty_few(mt_dtype d, int ndim, const int64_t *size)
{
    int64_t numel = 1, step = 1, sizes[MT_INLINE_DIMS];
    uint64_t odd = 0; /* has high bits if a size is 0 or less, or large */
    for (int k = 0; k < ndim; k++) {
        sizes[k] = size[k];
        odd |= (uint64_t)sizes[k] - 1;
        numel = (int64_t)((uint64_t)numel * (uint64_t)sizes[k]);
    }
    size_t nbytes = (size_t)numel * (size_t)mt_dtype_size(d);
    if (MT_UNLIKELY(odd >= BLOCK_DATA || nbytes > BLOCK_DATA ||
                    mt_self.scope_top == mt_self.scope_capacity))
        return empty_any(d, ndim, size);
    block *b = mt_malloc_cached(sizeof *b + nbytes);
    if (MT_UNLIKELY(!b)) return empty_any(d, ndim, size);
    mt_tensor *t = block_init(b, d, nbytes);
    t->ndim = (uint8_t)ndim;
    t->numel = numel;
    t->flags = MT_CONTIGUOUS;
    for (int k = ndim - 1; k >= 0; k--) {
        t->dims[k] = sizes[k];
        t->dims[MT_INLINE_DIMS + k] = step;
        step *= sizes[k];
    }
    mt_self.scope[mt_self.scope_top++] = t;
    return t;
}

mt_tensor *mt_empty(mt_dtype d, int ndim, const int64_t *size)
{
    if (ndim == 2) return empty_few(d, 2, size);
    if (ndim == 1) return empty_few(d, 1, size);
    if (ndim == 0) return empty_few(d, 0, size);
    return ndim == 3 ? empty_few(d, 3, size) : empty_any(d, ndim, size);
}

/* Bytes that (size, stride) reach from the first element; -1 on overflow. */
static int64_t extent_bytes(mt_dtype d, int ndim, const int64_t *size, const int64_t *stride)
{
    int64_t last = 1, step, bytes;
    for (int k = 0; k < ndim; k++) {
        if (size[k] == 0) return 0;
        if (__builtin_mul_overflow(size[k] - 1, stride[k], &step) ||
            __builtin_add_overflow(last, step, &last))
            return -1;
    }
    return __builtin_mul_overflow(last, mt_dtype_size(d), &bytes) ? -1 : bytes;
}

mt_tensor *mt_empty_strided(mt_dtype d, int ndim, const int64_t *size, const int64_t *stride)
{
    char text[MT_SHAPE_TEXT];
    if (mt_shape_numel(ndim, size, mt_dtype_size(d)) < 0) return NULL;
    for (int k = 0; k < ndim; k++)
        if (stride[k] < 0)
            return mt_fail(
                MT_RUNTIME,
                "as_strided: Negative strides are not supported at the moment, got strides: %s",
                mt_shape_text(ndim, stride, text));
    int64_t bytes = extent_bytes(d, ndim, size, stride);
    if (bytes < 0)
        return mt_fail(MT_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                       mt_shape_text(ndim, size, text));
    mt_tensor *t = tensor_with_memory(d, (size_t)bytes);
    if (!t) return NULL;
    if (mt_tensor_set_shape(t, ndim, size, stride, 0) < 0) {
        mt_release(t);
        return NULL;
    }
    return mt_own(t);
}

/* Is dimension a to lie outside dimension b? Not known (0) where one of them
 * is not in memory at all. */
static int compare_strides(const mt_tensor *t, int a, int b)
{
    int64_t sa = t->stride[a], sb = t->stride[b];
    if (sa == 0 || sb == 0) return 0;
    if (sa != sb) return sa < sb ? -1 : 1;
    return t->size[a] > t->size[b];
}

/* The dimensions from the innermost on; a dimension of stride 0 stays
 * where it is among the others. */
static void order_by_stride(const mt_tensor *t, int *order)
{
    for (int k = 0; k < t->ndim; k++) {
        int at = k;
        order[k] = t->ndim - 1 - k;
        for (int before = k - 1; before >= 0; before--) {
            int outside = compare_strides(t, order[before], order[at]);
            if (outside < 0) break;
            if (outside == 0) continue;
            int dim = order[before];
            order[before] = order[at];
            order[at] = dim;
            at = before;
        }
    }
}

mt_tensor *mt_empty_like(const mt_tensor *t, mt_dtype d)
{
    if (MT_LIKELY(mt_is_contiguous(t))) {
        return mt_empty(d, t->ndim, t->size);
    }
    if (mt_is_dense(t)) return mt_empty_strided(d, t->ndim, t->size, t->stride);
    /* Not dense: contiguous in the order of t's strides, as preserve_format has it. */
    int64_t stride[MT_MAX_DIMS], step = 1;
    int order[MT_MAX_DIMS], n = t->ndim;
    order_by_stride(t, order);
    for (int k = 0; k < n; k++) {
        stride[order[k]] = step;
        step *= t->size[order[k]] > 1 ? t->size[order[k]] : 1;
    }
    return mt_empty_strided(d, n, t->size, stride);
}

mt_tensor *mt_zeros_raw(mt_dtype d, int ndim, const int64_t *size)
{
    mt_tensor *t = mt_empty(d, ndim, size);
    if (t) memset(t->data, 0, (size_t)(t->numel * mt_itemsize(t)));
    return t;
}

mt_tensor *mt_number_of(mt_scalar s)
{
    if (s.kind == MT_SCALAR_FLOAT) return mt_number(s.v.d);
    mt_tensor *t =
        mt_empty(s.kind == MT_SCALAR_COMPLEX ? MT_COMPLEX128 : mt_scalar_dtype(s), 0, NULL);
    if (!t) return NULL;
    mt_scalar_store(s, (mt_dtype)t->dtype, t->data);
    t->flags |= MT_WRAPPED_NUMBER;
    return t;
}

/* Kept in double whatever the default dtype: 1e-7 must not be rounded before
 * it meets a float64 tensor. */
mt_tensor *mt_number(double value)
{
    mt_tensor *t = mt_empty(MT_FLOAT64, 0, NULL);
    if (!t) return NULL;
    *(double *)t->data = value;
    t->flags |= MT_WRAPPED_NUMBER;
    return t;
}

mt_tensor *mt_from_storage(mt_storage *storage, mt_dtype d, int ndim, const int64_t *size,
                           const int64_t *stride, int64_t offset)
{
    int64_t contiguous[MT_MAX_DIMS], first, end;
    char text[MT_SHAPE_TEXT], text2[MT_SHAPE_TEXT];
    if (ndim > MT_MAX_DIMS)
        return mt_fail(MT_RUNTIME, "tensors have at most %d dimensions, but got %d", MT_MAX_DIMS,
                       ndim);
    if (mt_shape_numel(ndim, size, mt_dtype_size(d)) < 0) return NULL;
    if (!stride) {
        mt_shape_contiguous_strides(ndim, size, contiguous);
        stride = contiguous;
    }
    int64_t bytes = extent_bytes(d, ndim, size, stride);
    if (offset < 0) return mt_fail(MT_RUNTIME, "Tensor: invalid storage offset %" PRId64, offset);
    if (bytes < 0 || __builtin_mul_overflow(offset, mt_dtype_size(d), &first) ||
        __builtin_add_overflow(first, bytes, &end) || (bytes > 0 && (size_t)end > storage->nbytes))
        return mt_fail(MT_RUNTIME,
                       "setStorage: sizes %s, strides %s, storage offset %" PRId64
                       ", and itemsize %" PRId64 " requiring a storage size of %" PRId64
                       " are out of bounds for storage of size %zu",
                       mt_shape_text(ndim, size, text), mt_shape_text(ndim, stride, text2), offset,
                       mt_dtype_size(d), bytes + offset * mt_dtype_size(d), storage->nbytes);
    mt_tensor *t = tensor_new(d);
    if (!t) return NULL;
    t->storage = mt_storage_retain(storage);
    if (mt_tensor_set_shape(t, ndim, size, stride, offset) < 0) {
        mt_release(t);
        return NULL;
    }
    return mt_own(t);
}

static mt_tensor *alias_owned(const mt_tensor *t)
{
    mt_tensor *a = tensor_new((mt_dtype)t->dtype);
    if (!a) return NULL;
    a->storage = mt_storage_retain(t->storage);
    if (MT_LIKELY(t->ndim <= MT_INLINE_DIMS)) {
        memcpy(a->dims, t->dims, sizeof a->dims);
    } else if (reserve_dims(a, t->ndim) < 0) {
        mt_release(a);
        return NULL;
    } else {
        memcpy(a->size, t->size, dims_bytes(t->ndim)); /* strides behind the sizes, in both */
    }
    a->ndim = t->ndim;
    a->numel = t->numel;
    a->offset = t->offset;
    a->data = t->data;
    a->flags = t->flags & (MT_CONTIGUOUS | MT_WRAPPED_NUMBER | MT_INFERENCE);
    return a;
}

mt_tensor *mt_alias(const mt_tensor *t) { return mt_own(alias_owned(t)); }

int mt_shadow_make(mt_tensor *t) { return (t->shadow = alias_owned(t)) ? 0 : -1; }

mt_tensor *mt_alias_as(const mt_tensor *t, int ndim, const int64_t *size, const int64_t *stride,
                       int64_t offset)
{
    mt_tensor *a = tensor_new((mt_dtype)t->dtype);
    if (!a) return NULL;
    a->storage = mt_storage_retain(t->storage);
    a->flags = t->flags & MT_INFERENCE;
    if (mt_tensor_set_shape(a, ndim, size, stride, offset) < 0) {
        mt_release(a);
        return NULL;
    }
    return mt_own(a);
}

int mt_tensor_set_data(mt_tensor *t, const mt_tensor *other)
{
    if (t == other) return 0;
    if (reserve_dims(t, other->ndim) < 0) return -1;
    mt_tensor_set_storage(t, mt_storage_retain(other->storage));
    t->dtype = other->dtype;
    return mt_tensor_set_shape(t, other->ndim, other->size, other->stride, other->offset);
}

mt_scalar mt_item_at(const mt_tensor *t, int64_t element_offset)
{
    return mt_scalar_load((mt_dtype)t->dtype, t->data + element_offset * mt_itemsize(t));
}

bool mt_is_dense(const mt_tensor *t)
{
    return mt_is_contiguous(t) || mt_shape_is_dense(t->ndim, t->size, t->stride);
}

/* Exact for the overlaps that expand() makes; a false alarm is possible for exotic as_strided
 * shapes, where PyTorch says "too hard" and lets them pass: so do we unless a stride is 0. */
bool mt_has_internal_overlap(const mt_tensor *t)
{
    if (mt_is_contiguous(t)) return false;
    for (int d = 0; d < t->ndim; d++)
        if (t->size[d] > 1 && t->stride[d] == 0) return true;
    return false;
}

/* The same elements in the same order, whatever dimensions of size 1 there are. */
static bool same_layout(const mt_tensor *a, const mt_tensor *b)
{
    int i = 0, j = 0;
    for (;; i++, j++) {
        while (i < a->ndim && a->size[i] == 1) i++;
        while (j < b->ndim && b->size[j] == 1) j++;
        if (i == a->ndim || j == b->ndim) return i == a->ndim && j == b->ndim;
        if (a->size[i] != b->size[j] || a->stride[i] != b->stride[j]) return false;
    }
}

int mt_overlap(const mt_tensor *a, const mt_tensor *b)
{
    if (a->storage != b->storage || a->numel == 0 || b->numel == 0) {
        if (a->numel == 0 || b->numel == 0) return 0;
    }
    const char *a_end = a->data + extent_bytes((mt_dtype)a->dtype, a->ndim, a->size, a->stride);
    const char *b_end = b->data + extent_bytes((mt_dtype)b->dtype, b->ndim, b->size, b->stride);
    if (a_end <= b->data || b_end <= a->data) return 0;
    if (a->data == b->data && a->dtype == b->dtype && same_layout(a, b)) return 1;
    if (!mt_is_dense(a) || !mt_is_dense(b))
        return a->storage == b->storage ? 3 : 2; /* cannot be told cheaply */
    return 2;
}
