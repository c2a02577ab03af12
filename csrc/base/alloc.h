/* Memory: every byte of the core comes from here.
 *
 * Small blocks (up to 8 KiB) come from size-class free lists of the calling thread, large ones from
 * a shared cache of freed blocks (page faults are the cost of big results), the rest from the C
 * library. All blocks are 64-byte aligned and padded by at least one 64-byte vector, so a kernel
 * may read past the last element of a buffer, never past its block. Frees are sized: no header, no
 * look-up. Any thread may free a block, and then keeps it.
 *
 * Under AddressSanitizer the caches are off, so that every misuse is seen.
 * Read next: base/alloc.c. */
#ifndef MT_BASE_ALLOC_H
#define MT_BASE_ALLOC_H

#include "base/thread.h"

#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define MT_NO_CACHE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MT_NO_CACHE 1
#endif
#endif
#ifndef MT_NO_CACHE
#define MT_NO_CACHE 0
#endif

#define MT_SMALL_MAX 8192
#define MT_PADDING   64

extern int mt_alloc_failing; /* a failure is being simulated: take the long way */
void *mt_malloc_slow(size_t size);
void mt_free_slow(void *block, size_t size);

/* 0..7: 64, 128, ..., 512 bytes; 8..11: 1, 2, 4, 8 KiB. */
static inline int mt_size_class(size_t size)
{
    size_t last = size - (size != 0);
    if (last < 512) return (int)(last >> 6);
    return 8 + (63 - __builtin_clzll((unsigned long long)last >> 9));
}

/* How many more blocks of class c this thread may keep changes by one. A plain add,
 * since only its thread writes it; whoever reads it from another (mt_alloc_get_stats)
 * sees the old or the new value. */
#define MT_ROOM(c, by) (mt_self.room[c] = (uint16_t)(mt_self.room[c] + (by)))

/* A cached block, or NULL if there is none. Calls nothing, so that a function whose usual way is
 * this one need not save its registers. */
static MT_INLINE void *mt_malloc_cached(size_t size)
{
    if (MT_LIKELY(!MT_NO_CACHE && size <= MT_SMALL_MAX && !mt_alloc_failing)) {
        int c = mt_size_class(size);
        void *block = mt_self.cache[c];
        if (MT_LIKELY(block != NULL)) {
            mt_self.cache[c] = *(void **)block;
            MT_ROOM(c, 1);
            return block;
        }
    }
    return NULL;
}

/* NULL with a pending MT_MEMORY error if there is none to be had. size 0 is allowed. */
static MT_INLINE void *mt_malloc(size_t size)
{
    void *block = mt_malloc_cached(size);
    return MT_LIKELY(block != NULL) ? block : mt_malloc_slow(size);
}

/* The reverse of mt_malloc_cached: false if this block cannot be kept. */
static MT_INLINE bool mt_free_cached(void *block, size_t size)
{
    if (MT_LIKELY(!MT_NO_CACHE && size <= MT_SMALL_MAX && block != NULL)) {
        int c = mt_size_class(size);
        if (MT_LIKELY(mt_self.room[c] != 0)) {
            *(void **)block = mt_self.cache[c];
            mt_self.cache[c] = block;
            MT_ROOM(c, -1);
            return true;
        }
    }
    return false;
}

/* size as asked for; NULL is allowed */
static MT_INLINE void mt_free(void *block, size_t size)
{
    if (MT_UNLIKELY(!mt_free_cached(block, size))) mt_free_slow(block, size);
}

void *mt_calloc(size_t size);

/* Grows an array: like realloc, but sized; on failure the old block stays
 * valid and NULL returns. */
void *mt_regrow(void *block, size_t old_size, size_t new_size);

/* For tests: the nth allocation from now fails (n = 1 the next), and, if `persistent`, all after
 * it. n = 0 switches it off, MT_COUNT_ONLY lets none fail. Returns the number of allocations asked
 * for since it was switched on (0 if it was off). */
#define MT_COUNT_ONLY UINT64_MAX
uint64_t mt_fail_alloc_after(uint64_t n, int persistent);

typedef struct mt_alloc_stats {
    int64_t live_blocks;  /* handed out and not yet freed (exact, all threads) */
    int64_t live_bytes;   /* in them; up to 8 KiB by size class */
    int64_t cached_bytes; /* held for reuse */
} mt_alloc_stats;
mt_alloc_stats mt_alloc_get_stats(void);
void mt_alloc_trim(void); /* gives the caches of this thread and the shared one back */

/* For thread.c. */
void mt_alloc_open(mt_thread *t);   /* the thread may cache from now on */
void mt_alloc_retire(mt_thread *t); /* its counts go to the total of ended threads; lock held */
void mt_alloc_empty(mt_thread *t);  /* frees what it has cached and closes the cache */

#endif
