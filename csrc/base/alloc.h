/* Memory: every byte of the core comes from here.
 *
 * Small blocks (up to 8 KiB) come from size-class free lists of the calling thread, large ones from a
 * shared cache of freed blocks (page faults are the cost of big results), the rest from the C library.
 * All blocks are 64-byte aligned and padded by at least one 64-byte vector, so a kernel may read past
 * the last element of a buffer, never past its block. Frees are sized: no header, no look-up.
 *
 * Under AddressSanitizer the caches are off, so that every misuse is seen. */
#ifndef MT_BASE_ALLOC_H
#define MT_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/* NULL with a pending MT_MEMORY error if there is none to be had. size 0 is allowed. */
void *mt_malloc(size_t size);
void *mt_calloc(size_t size);
void mt_free(void *block, size_t size); /* size as asked for; NULL is allowed */

/* Grows an array: like realloc, but sized; on failure the old block stays valid and NULL returns. */
void *mt_regrow(void *block, size_t old_size, size_t new_size);

/* For tests: the nth allocation from now fails (n = 1 the next), and, if `persistent`, all after it.
 * n = 0 switches it off. Returns the number of allocations since the last call. */
uint64_t mt_fail_alloc_after(uint64_t n, int persistent);

typedef struct mt_alloc_stats {
    int64_t live_blocks, live_bytes;     /* handed out and not yet freed (exact, all threads) */
    int64_t cached_bytes;                /* held for reuse */
} mt_alloc_stats;
mt_alloc_stats mt_alloc_get_stats(void);
void mt_alloc_trim(void); /* gives the caches of this thread and the shared one back */

#endif
