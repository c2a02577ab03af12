/* Storage: counted memory that tensors look at. Views share one; foreign memory (a NumPy array)
 * enters with a release function, so the core need not know whose it is. */
#ifndef MT_TENSOR_STORAGE_H
#define MT_TENSOR_STORAGE_H

#include "base/alloc.h"
#include "base/dtype.h"
#include "base/error.h"

typedef void (*mt_release_fn)(void *owner);

typedef struct mt_storage {
    int32_t refs;
    uint32_t version;   /* raised by every in-place write; shared by all that share the memory */
    const void *writer; /* the operator (mt_op) that wrote last, for messages; NULL at first */
    char *data;
    size_t nbytes;
    bool readonly;         /* writing raises: NumPy said so */
    mt_release_fn release; /* NULL: our own memory, in one block behind this record */
    void *owner;           /* what `release` gets */
    void *block; /* where this record lies with something before it (tensor.c); NULL: alone */
} mt_storage;

/* The record of `nbytes` of our own memory at `data`, in a block that somebody else has made. */
static inline void mt_storage_init(mt_storage *s, char *data, size_t nbytes, void *block)
{
    s->refs = 1;
    s->version = 0;
    s->writer = NULL;
    s->data = data;
    s->nbytes = nbytes;
    s->readonly = false;
    s->release = NULL;
    s->owner = NULL;
    s->block = block;
}

/* New memory of our own, not cleared; the caller owns the one reference. NULL: out of memory. */
mt_storage *mt_storage_new(size_t nbytes);
/* Memory of somebody else's. On failure `release` is not called. */
mt_storage *mt_storage_wrap(void *data, size_t nbytes, bool readonly, mt_release_fn release,
                            void *owner);
void mt_storage_free(mt_storage *s);

static inline mt_storage *mt_storage_retain(mt_storage *s)
{
    mt_count_up(&s->refs);
    return s;
}
static inline void mt_storage_release(mt_storage *s)
{
    if (mt_count_down(&s->refs)) mt_storage_free(s);
}

#endif
