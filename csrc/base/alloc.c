/* Three sources of memory, by size:
 *
 *   up to 8 KiB        free lists of the thread (alloc.h), filled by what the thread frees
 *   up to 256 MiB      "spares": freed blocks, shared by all threads, in classes of four per octave
 *   the rest           the operating system
 *
 * A fresh page costs about 2 us (the kernel clears it), so a big result in a fresh block is several
 * times dearer than the arithmetic in it: freed blocks are kept, the oldest given back when they
 * exceed the cap. Blocks of 2 MiB and more are mapped at 2 MiB boundaries and ask for huge pages.
 *
 * Note [What is live]
 * Each thread counts, without atomic read-modify-writes (COUNT), the blocks that enter from beyond
 * its cache and those that leave; what it hands out from its cache costs no count. Blocks in the
 * hands of users are those that came in and are not in a cache. The sum over the registered threads
 * and the total of the ended ones is exact whenever nobody is in the middle of a call.
 *
 * Relies on: base/thread.c for the list of threads, base/error.h. */
#include "base/alloc.h"
#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#define HUGE_PAGE     ((size_t)2 << 20)
#define SPARE_CAP     ((size_t)256 << 20) /* bytes of spares kept at most */
#define SPARE_CLASSES 64                  /* four per octave from 8 KiB: ends above SPARE_CAP */
#define LARGEST       ((size_t)PTRDIFF_MAX - 2 * HUGE_PAGE)

/* How many small blocks of a class a thread keeps: 64 KiB worth, at least 32, at most 256. */
static uint16_t class_room(int c) { return c < 4 ? 256 : c < 8 ? 128 : c < 10 ? 64 : 32; }
static size_t class_size(int c) { return c < 8 ? (size_t)(c + 1) * 64 : (size_t)512 << (c - 7); }

/* ---- counts ---------------------------------------------------------------------------------- */
typedef struct counts {
    int64_t blocks, bytes, cached; /* cached: bytes; the first two include what is cached */
} counts;

static counts retired; /* of ended threads; guarded by mt_lock */

int mt_alloc_failing;
static int64_t fail_countdown; /* allocations until one fails, counted down by whoever allocates */
static int64_t fail_start;     /* where it began */
static int fail_persistent;

/* Counters have one writer, their thread, and are read by others at any time. */
#define COUNT(counter, by)                                                                         \
    __atomic_store_n(&(counter), __atomic_load_n(&(counter), __ATOMIC_RELAXED) + (by),             \
                     __ATOMIC_RELAXED)

/* One block of `bytes` enters (sign 1) or leaves (-1). */
static void count(int64_t sign, size_t bytes)
{
    mt_thread *t = &mt_self;
    if (MT_LIKELY(mt_thread_register())) {
        COUNT(t->blocks, sign);
        COUNT(t->bytes, sign * (int64_t)bytes);
        return;
    }
    mt_lock();
    retired.blocks += sign;
    retired.bytes += sign * (int64_t)bytes;
    mt_unlock();
}

/* What t has in use: what came in without what waits in its cache. */
static void add_counts(counts *sum, const mt_thread *t)
{
    sum->blocks += __atomic_load_n(&t->blocks, __ATOMIC_RELAXED);
    sum->bytes += __atomic_load_n(&t->bytes, __ATOMIC_RELAXED);
#if !MT_NO_CACHE
    for (int c = 0; c < MT_CACHE_CLASSES; c++) {
        int waiting = class_room(c) - __atomic_load_n(&t->room[c], __ATOMIC_RELAXED);
        int64_t bytes = waiting * (int64_t)class_size(c);
        sum->blocks -= waiting;
        sum->bytes -= bytes;
        sum->cached += bytes;
    }
#endif
}

static counts total_counts(void)
{
    mt_lock();
    counts sum = retired;
    for (mt_thread *t = mt_threads; t; t = t->next) add_counts(&sum, t);
    mt_unlock();
    return sum;
}

/* True if this allocation is the one that is to fail. */
static bool simulate_failure(void)
{
    int64_t left = __atomic_sub_fetch(&fail_countdown, 1, __ATOMIC_RELAXED);
    return left == 0 || (left < 0 && fail_persistent);
}

uint64_t mt_fail_alloc_after(uint64_t n, int persistent)
{
    int64_t asked =
        mt_alloc_failing ? fail_start - __atomic_load_n(&fail_countdown, __ATOMIC_RELAXED) : 0;
    fail_start = fail_countdown = n > INT64_MAX ? INT64_MAX : (int64_t)n;
    fail_persistent = persistent;
    mt_alloc_failing = n != 0;
    return (uint64_t)asked;
}

/* ---- memory of the system -------------------------------------------------------------------- */
#if defined(__linux__) && !MT_NO_CACHE
#define HAVE_MAP 1
#else
#define HAVE_MAP 0
#endif

#if HAVE_MAP
/* Maps size bytes (a multiple of 2 MiB) at a 2 MiB boundary: maps more and cuts the ends off. */
static void *map_huge(size_t size)
{
    size_t span = size + HUGE_PAGE;
    char *p = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    size_t before = -(uintptr_t)p & (HUGE_PAGE - 1);
    if (before) munmap(p, before);
    munmap(p + before + size, HUGE_PAGE - before);
    madvise(p + before, size, MADV_HUGEPAGE);
    return p + before;
}
#endif

/* size is what round_large or a small class made of it; *zero says whether the block is known to be
 * 0. */
static void *system_alloc(size_t size, bool *zero)
{
    *zero = false;
#if HAVE_MAP
    if (size >= HUGE_PAGE) {
        *zero = true;
        return map_huge(size);
    }
#endif
    return aligned_alloc(64, size);
}

static void system_free(void *block, size_t size)
{
#if HAVE_MAP
    if (size >= HUGE_PAGE) {
        munmap(block, size);
        return;
    }
#endif
    (void)size;
    free(block);
}

/* ---- spares ---------------------------------------------------------------------------------- */
/* A spare's record lies in the block itself. */
typedef struct spare {
    struct spare *next, *previous; /* of the same class, newest first */
    struct spare *newer, *older;   /* of all */
    size_t size;
    int class;
} spare;

/* Guarded by mt_lock. */
static spare *spares[SPARE_CLASSES], *newest, *oldest;
static size_t spare_bytes;

#if !MT_NO_CACHE
/* The size of the block that serves a large request, and its class (SPARE_CLASSES: none). */
static size_t round_large(size_t size, int *class)
{
    size += MT_PADDING;
    int octave =
        63 - __builtin_clzll((unsigned long long)size - 1); /* 2^octave < size <= 2^(octave+1) */
    size_t step = (size_t)1 << (octave - 2);
    size = (size + step - 1) & ~(step - 1);
    if (size >= HUGE_PAGE) size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    *class = 4 * (octave - 13) + (int)((size - 1) >> (octave - 2)) - 4;
    if (size > SPARE_CAP) *class = SPARE_CLASSES;
    return size;
}
#endif

static void remove_spare(spare *s)
{
    *(s->previous ? &s->previous->next : &spares[s->class]) = s->next;
    if (s->next) s->next->previous = s->previous;
    *(s->newer ? &s->newer->older : &newest) = s->older;
    *(s->older ? &s->older->newer : &oldest) = s->newer;
    spare_bytes -= s->size;
}

static void *take_spare(int class)
{
    mt_lock();
    spare *s = spares[class];
    if (s) remove_spare(s);
    mt_unlock();
    return s;
}

/* Gives the oldest back until at most `limit` bytes are kept; the calls to
 * the system run unlocked. */
static void shrink_spares(size_t limit)
{
    spare *doomed = NULL;
    mt_lock();
    while (oldest && spare_bytes > limit) {
        spare *s = oldest;
        remove_spare(s);
        s->next = doomed;
        doomed = s;
    }
    mt_unlock();
    while (doomed) {
        spare *next = doomed->next;
        system_free(doomed, doomed->size);
        doomed = next;
    }
}

static void keep_spare(void *block, size_t size, int class)
{
    spare *s = block;
    mt_lock();
    *s = (spare){.next = spares[class], .older = newest, .size = size, .class = class};
    if (s->next) s->next->previous = s;
    *(newest ? &newest->newer : &oldest) = s;
    newest = spares[class] = s;
    spare_bytes += size;
    bool over = spare_bytes > SPARE_CAP;
    mt_unlock();
    if (over) shrink_spares(SPARE_CAP);
}

/* ---- blocks ---------------------------------------------------------------------------------- */
/* The size of the block that serves a request; *class is that of the spares, or SPARE_CLASSES. */
static size_t round_size(size_t size, int *class)
{
#if MT_NO_CACHE
    *class = SPARE_CLASSES;
    size += MT_PADDING;
    return (size + 63) & ~(size_t)63;
#else
    if (size > MT_SMALL_MAX) return round_large(size, class);
    *class = SPARE_CLASSES;
    return class_size(mt_size_class(size)) + MT_PADDING;
#endif
}

static void *find_block(size_t size, bool *zero)
{
    int class;
    if (size > LARGEST) return NULL;
    size_t rounded = round_size(size, &class);
    *zero = false;
    void *block = class < SPARE_CLASSES ? take_spare(class) : NULL;
    if (!block) block = system_alloc(rounded, zero);
    if (!block) {
        mt_alloc_trim();
        block = system_alloc(rounded, zero);
    }
    return block;
}

/* What a block of this size counts for: a cached one is no longer known by what was asked for. */
static size_t counted(size_t size)
{
#if !MT_NO_CACHE
    if (size <= MT_SMALL_MAX) return class_size(mt_size_class(size));
#endif
    return size;
}

static void *allocate(size_t size, bool *zero)
{
    void *block = NULL;
    mt_thread_register(); /* before any lock is taken: it guards the locks across forks */
    if (!mt_alloc_failing || !simulate_failure()) block = find_block(size, zero);
    if (!block)
        return mt_fail(MT_MEMORY,
                       "DefaultCPUAllocator: can't allocate memory: you tried to allocate %zu "
                       "bytes. Error code 12 (Cannot allocate memory)",
                       size);
    count(1, counted(size));
    return block;
}

void *mt_malloc_slow(size_t size)
{
    bool zero;
    return allocate(size, &zero);
}

void *mt_calloc(size_t size)
{
    bool zero = false;
    void *block = size > MT_SMALL_MAX ? allocate(size, &zero) : mt_malloc(size);
    if (block && !zero) memset(block, 0, size);
    return block;
}

void mt_free_slow(void *block, size_t size)
{
    int class;
    if (!block) return;
#if !MT_NO_CACHE
    if (size <= MT_SMALL_MAX && mt_self.state == MT_THREAD_NEW && mt_thread_register()) {
        mt_free(block, size); /* now there is room */
        return;
    }
#endif
    count(-1, counted(size));
    size = round_size(size, &class);
    if (class < SPARE_CLASSES)
        keep_spare(block, size, class);
    else
        system_free(block, size);
}

void *mt_regrow(void *block, size_t old_size, size_t new_size)
{
    void *larger = mt_malloc(new_size);
    if (!larger) return NULL;
    if (block) memcpy(larger, block, old_size < new_size ? old_size : new_size);
    mt_free(block, old_size);
    return larger;
}

/* ---- caches as a whole ----------------------------------------------------------------------- */
void mt_alloc_open(mt_thread *t)
{
    (void)t;
#if !MT_NO_CACHE
    for (int c = 0; c < MT_CACHE_CLASSES; c++)
        __atomic_store_n(&t->room[c], class_room(c), __ATOMIC_RELAXED);
#endif
}

void mt_alloc_retire(mt_thread *t)
{
    add_counts(&retired, t);
    retired.cached = 0; /* freed next, or lost with the thread that a fork left behind */
    t->blocks = t->bytes = 0;
}

static void empty_cache(mt_thread *t, bool close)
{
    for (int c = 0; c < MT_CACHE_CLASSES; c++) {
        void *block = t->cache[c];
        t->cache[c] = NULL;
        if (t->state != MT_THREAD_NEW)
            __atomic_store_n(&t->room[c], close ? 0 : class_room(c), __ATOMIC_RELAXED);
        while (block) {
            void *next = *(void **)block;
            if (!close) count(-1, class_size(c));
            free(block);
            block = next;
        }
    }
}

void mt_alloc_empty(mt_thread *t) { empty_cache(t, true); }

void mt_alloc_trim(void)
{
#if !MT_NO_CACHE
    empty_cache(&mt_self, mt_self.state != MT_THREAD_REGISTERED);
#endif
    shrink_spares(0);
}

mt_alloc_stats mt_alloc_get_stats(void)
{
    counts sum = total_counts();
    mt_lock();
    int64_t kept = (int64_t)spare_bytes;
    mt_unlock();
    return (mt_alloc_stats){sum.blocks, sum.bytes, sum.cached + kept};
}
