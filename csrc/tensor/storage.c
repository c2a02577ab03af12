/* Storage. Own memory lies behind the record in the same block: one
 * allocation per tensor's data. */
#include "tensor/storage.h"

#include "tensor/tensor.h"

#include <stdalign.h>

#define HEADER ((size_t)64) /* keeps the data on a cache line of its own */

_Static_assert(sizeof(mt_storage) <= HEADER, "the record must fit in front of the data");

int64_t mt_live_storages;

mt_storage *mt_storage_new(size_t nbytes)
{
    if (nbytes > SIZE_MAX - HEADER) return mt_fail_memory();
    mt_storage *s = mt_malloc(nbytes + HEADER);
    if (!s) return NULL;
    mt_storage_init(s, (char *)s + HEADER, nbytes, NULL);
    mt_live_storages++;
    return s;
}

mt_storage *mt_storage_wrap(void *data, size_t nbytes, bool readonly, mt_release_fn release,
                            void *owner)
{
    mt_storage *s = mt_malloc(HEADER);
    if (!s) return NULL;
    *s = (mt_storage){.refs = 1,
                      .data = data,
                      .nbytes = nbytes,
                      .readonly = readonly,
                      .release = release,
                      .owner = owner};
    mt_live_storages++;
    return s;
}

void mt_storage_free(mt_storage *s)
{
    mt_live_storages--;
    if (s->release) {
        s->release(s->owner);
        mt_free(s, HEADER);
    } else {
        char *block = s->block ? s->block : (char *)s;
        mt_free(block, (size_t)(s->data - block) + s->nbytes);
    }
}
