/* The tensor: a look at some storage, and its place in the graph.
 *
 * Invariants
 *   numel         is the product of size; sizes are >= 0; at most MT_MAX_DIMS of them
 *   data          = storage->data + offset * itemsize; every element lies inside the storage
 *   size, stride  point to `dims` for up to MT_INLINE_DIMS dimensions, else to a block of 2 * ndim
 *   shadow        the same memory and shape without history, made when a graph first keeps this
 *                 tensor; dropped when memory or shape change (graph/node.c, Note [Kept outputs])
 *   spare         a gradient that was taken away and of which nobody else knows, kept for the next
 *                 one to be written to (mt_drop_grad); no part of what t is
 *   node          the remembered call that made it (output out_nr), NULL for a leaf;
 *                 requires_grad if node != NULL
 *   base          the tensor this one is a differentiable view of (never a view itself), or NULL
 *   host          the host language's object for this tensor (borrowed, but for MT_HOST_OWNED),
 *                 cleared when that dies
 *
 * Ownership (see tensor/scope.h): functions that return mt_tensor * return one
 * owned by the innermost scope. */
#ifndef MT_TENSOR_TENSOR_H
#define MT_TENSOR_TENSOR_H

#include "base/dtype.h"
#include "base/error.h"
#include "base/scalar.h"
#include "tensor/shape.h"
#include "tensor/storage.h"

struct mt_node;
struct mt_hooks;

#define MT_INLINE_DIMS 4

/* flags */
#define MT_REQUIRES_GRAD  1u    /* set on leaves by the user; results have it together with node */
#define MT_RETAIN_GRAD    2u    /* retain_grad() was called on this non-leaf */
#define MT_WRAPPED_NUMBER 4u    /* a Python number: no part in promotion within its category */
#define MT_VIEW_NO_GRAD   8u    /* a view made under no_grad: no writing to it while recording */
#define MT_VIEW_MULTI     16u   /* one of several views of one call (split, unbind): likewise */
#define MT_INFERENCE      32u   /* made in inference_mode */
#define MT_CONTIGUOUS     64u   /* row-major without gaps: kept up to date by mt_tensor_set_shape */
#define MT_IS_DETACHED    128u  /* made by detach(): for the message why there is no gradient */
#define MT_FROM_NO_GRAD   256u  /* made under no_grad from something that requires grad: likewise */
#define MT_FROM_NODIFF    512u  /* made by an operator without derivative: likewise */
#define MT_HOST_OWNED     1024u /* the tensor keeps its host alive: mt_host_release gives it up */
#define MT_FROM_INTEGERS  4096u /* integers made from something that requires grad: likewise */
#define MT_HAS_BASE       8192u /* `base` is not NULL */
#define MT_SHAPE_SET 16384u /* by mt_tensor_set_shape: strides and storage may be any that fit */
/* Why there is no gradient: handed on to what is computed from such a tensor. */
#define MT_REASONS (MT_IS_DETACHED | MT_FROM_NO_GRAD | MT_FROM_NODIFF | MT_FROM_INTEGERS)
#define MT_FUNCTION_VIEW                                                                           \
    2048u /* a look at other memory that a host's function returned: not to be written to */

/* What a call asks of all its inputs, in one word: one `or` for each finds it out. */
typedef union mt_head {
    struct {
        uint32_t flags;
        uint8_t dtype, ndim;
        uint16_t out_nr;
    };
    uint64_t bits;
} mt_head;

typedef struct mt_tensor {
    int32_t refs;
    uint32_t base_generation; /* the base's generation that `node` belongs to (views) */
    union {
        struct {
            uint32_t flags;
            uint8_t dtype, ndim;
            uint16_t out_nr; /* of `node`, whose result it is */
        };
        mt_head head;
    };
    uint32_t generation; /* raised when the history of a base changes by an in-place write */
    bool has_block;      /* storage and data of its own follow in the same block (tensor.c) */
    int64_t numel, offset;
    char *data;
    mt_storage *storage;
    int64_t *size, *stride;
    int64_t dims[2 * MT_INLINE_DIMS];
    struct mt_node *node;
    struct mt_tensor *grad;
    struct mt_tensor *base;
    struct mt_tensor *shadow;
    struct mt_tensor *spare;
    struct mt_hooks *hooks; /* of a leaf; those of a non-leaf are kept by its node */
    void *host;
} mt_tensor;

/* What graph/ does when a tensor with a node, a grad, a base or hooks
 * dies (set once by mt_init). */
extern void (*mt_tensor_drop_history)(mt_tensor *t);
extern void (*mt_tensor_drop_node)(struct mt_node *node); /* its node alone */
/* Set by the binding: called instead of freeing a tensor that owns its host. Gives the last
 * reference to the host, which takes the tensor along when it goes. */
extern void (*mt_host_release)(mt_tensor *t);

/* ---- making. All owned by the innermost scope; NULL on failure ------------------------------- */
mt_tensor *mt_empty(mt_dtype d, int ndim, const int64_t *size);
mt_tensor *mt_empty_strided(mt_dtype d, int ndim, const int64_t *size, const int64_t *stride);
/* Dense like t's strides if t is dense (as PyTorch's preserve_format), else contiguous. */
mt_tensor *mt_empty_like(const mt_tensor *t, mt_dtype d);
mt_tensor *mt_zeros_raw(mt_dtype d, int ndim, const int64_t *size);
/* A 0-d tensor that counts as a number in promotion: mt_number(2), mt_number_of(scalar). */
mt_tensor *mt_number(double value);
mt_tensor *mt_number_of(mt_scalar s);
/* Looks at `storage` (retained). Strides in elements, NULL for contiguous; bounds are checked. */
mt_tensor *mt_from_storage(mt_storage *storage, mt_dtype d, int ndim, const int64_t *size,
                           const int64_t *stride, int64_t offset);
/* The same memory, without history: what detach() is made with. */
mt_tensor *mt_alias(const mt_tensor *t);
int mt_shadow_make(mt_tensor *t); /* for mt_shadow; -1: no memory */
/* The same memory in another shape; no bounds check beyond MT_ASSERT, no history. */
mt_tensor *mt_alias_as(const mt_tensor *t, int ndim, const int64_t *size, const int64_t *stride,
                       int64_t offset);

/* ---- counting -------------------------------------------------------------------------------- */
void mt_tensor_free(mt_tensor *t); /* refs has reached 0 */
static MT_INLINE mt_tensor *mt_retain(mt_tensor *t)
{
    mt_count_up(&t->refs);
    return t;
}
static MT_INLINE void mt_release(mt_tensor *t)
{
    if (t && mt_count_down(&t->refs)) mt_tensor_free(t);
}

/* The one alias that all graphs which keep t share, owned by the caller. Nobody may change it. */
static inline mt_tensor *mt_shadow(mt_tensor *t)
{
    return t->shadow || mt_shadow_make(t) == 0 ? mt_retain(t->shadow) : NULL;
}

/* A small tensor as mt_empty makes them, of which nobody else knows. */
static inline bool mt_is_spare(const mt_tensor *g)
{
    const mt_storage *s = g->storage;
    const void *known = (void *)((uintptr_t)g->grad | (uintptr_t)g->hooks | (uintptr_t)g->host);
    /* No flag but this one: it has no node, is no view, and its shape is the one it was made with. */
    return g->refs == 1 && g->flags == MT_CONTIGUOUS && s->refs == 1 && s->block == g && !known;
}

/* t->grad = NULL. What a training step frees is what the next one asks for: a small gradient that
 * nobody else holds stays as t->spare. */
static inline void mt_drop_grad(mt_tensor *t)
{
    mt_tensor *g = t->grad;
    if (!g) return;
    t->grad = NULL;
    if (MT_LIKELY(!t->spare && mt_is_spare(g)))
        t->spare = g;
    else
        mt_release(g);
}

static inline void mt_drop_spare(mt_tensor *t)
{
    mt_tensor *g = t->spare;
    t->spare = NULL;
    mt_release(g);
}

/* The reverse of mt_drop_grad: t->spare, owned by the caller, as a new tensor of this type and shape;
 * NULL if there is none, or none that fits. */
static inline mt_tensor *mt_take_spare(mt_tensor *t, mt_dtype d, int ndim, const int64_t *size)
{
    mt_tensor *g = t->spare;
    if (!g) return NULL;
    if (MT_UNLIKELY(g->dtype != d || !mt_shape_equal(g->ndim, g->size, ndim, size))) {
        mt_drop_spare(t);
        return NULL;
    }
    t->spare = NULL;
    g->storage->version = 0;
    g->storage->writer = NULL;
    return g;
}

/* ---- looking --------------------------------------------------------------------------------- */
static inline int64_t mt_itemsize(const mt_tensor *t) { return mt_dtype_size((mt_dtype)t->dtype); }
static inline bool mt_is_contiguous(const mt_tensor *t) { return t->flags & MT_CONTIGUOUS; }
static inline bool mt_requires_grad(const mt_tensor *t) { return t->flags & MT_REQUIRES_GRAD; }
static inline bool mt_is_leaf(const mt_tensor *t) { return t->node == NULL; }
static inline bool mt_same_shape(const mt_tensor *a, const mt_tensor *b)
{
    return mt_shape_equal(a->ndim, a->size, b->ndim, b->size);
}
mt_scalar mt_item_at(const mt_tensor *t, int64_t element_offset); /* relative to t->offset */
bool mt_is_dense(const mt_tensor *t);
bool mt_has_internal_overlap(const mt_tensor *t); /* two indices, one address */
/* 0 none, 1 the same elements exactly, 2 some elements in common, 3 perhaps
 * some: it cannot be told cheaply */
int mt_overlap(const mt_tensor *a, const mt_tensor *b);

/* ---- changing -------------------------------------------------------------------------------- */
/* Gives t another shape over its storage; used by set_data, resize_ and the
 * in-place views. -1: no memory. */
int mt_tensor_set_shape(mt_tensor *t, int ndim, const int64_t *size, const int64_t *stride,
                        int64_t offset);
/* t.data = other: t looks at other's storage from now on. */
int mt_tensor_set_data(mt_tensor *t, const mt_tensor *other);
/* t looks at `storage` (taken over) from now on; the caller sets the shape next. */
void mt_tensor_set_storage(mt_tensor *t, mt_storage *storage);

/* ---- plain data movement, without recording -------------------------------------------------- */
/* dst (any strides) = src broadcast and cast to it; does not raise dst's version. -1 on failure. */
int mt_copy_raw(mt_tensor *dst, const mt_tensor *src);
int mt_fill_raw(mt_tensor *dst, mt_scalar value);
/* The real (0) or imaginary (1) parts of a complex tensor's elements, as a look at its memory. */
mt_tensor *mt_part(const mt_tensor *t, int which);
/* t itself (still owned as it was) if it is contiguous and of dtype d,
 * else a contiguous cast copy. */
mt_tensor *mt_contiguous_raw(mt_tensor *t, mt_dtype d);

/* Prints like a C program needs it: "tensor(float32, [2, 3]) [...]" to stdout. */
void mt_print(const mt_tensor *t);

extern int64_t mt_live_tensors, mt_live_storages; /* for leak tests; exact while one thread runs */

#endif
