/* What every call needs to know about its thread, in one small thread-local record.
 *
 * Kept small (about 250 bytes) so that the loader can place it in static TLS, where an access is
 * one instruction; see Note [Initial-exec TLS] in thread.c. It must stay the ONLY thread-local
 * variable of the library: what is large is allocated and pointed to. */
#ifndef MT_BASE_THREAD_H
#define MT_BASE_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MT_LIKELY(x)   __builtin_expect(!!(x), 1)
#define MT_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MT_INLINE inline __attribute__((always_inline)) /* what every call does, however often */
#else
#define MT_INLINE      inline
#define MT_LIKELY(x)   (x)
#define MT_UNLIKELY(x) (x)
#endif

struct mt_tensor;

/* See alloc.h: 64, 128, ... 512 in steps of 64, then 1, 2, 4, 8 KiB. */
#define MT_CACHE_CLASSES 12

typedef enum mt_thread_state {
    MT_THREAD_NEW,        /* has not reserved anything yet */
    MT_THREAD_REGISTERED, /* in the list of threads, the exit handler is installed */
    MT_THREAD_GONE,       /* the exit handler has run; what still comes goes past the caches */
} mt_thread_state;

typedef struct mt_thread {
    union {
        struct {
            int error; /* mt_code of the pending failure, 0 if none */
            int watch; /* graph/watch.h: operators are being watched */
        };
        uint64_t unusual; /* not 0: one of both, to be looked at before a call */
    };
    bool no_grad;     /* recording is switched off */
    bool inference;   /* inside inference_mode */
    bool in_parallel; /* inside a chunk of mt_parallel_for */
    uint8_t state;    /* mt_thread_state */
    int scope_depth;  /* open scopes; an operator without one is a programming error */
    int scope_top;    /* tensors owned by scopes */
    int scope_capacity;
    struct mt_tensor **scope; /* from mt_malloc; freed when the thread ends */
    uint64_t sequence;        /* of the next graph node made here */
    /* alloc.c: free blocks by size class, linked through their first word, and how many more may be
     * kept. */
    void *cache[MT_CACHE_CLASSES];
    uint16_t room[MT_CACHE_CLASSES];
    /* Blocks and bytes that came from beyond the cache minus those that went there; see
     * Note [What is live] in alloc.c. */
    int64_t blocks, bytes;
    int64_t clock, processor_clock; /* parallel.c: two clocks, read together, ns */
    /* error.c */
    char *message;
    size_t message_capacity;
    const char *text; /* of the pending failure: message, or a constant without memory for it */
    struct mt_thread *next, **link; /* the list of registered threads */
} mt_thread;

#if defined(__GNUC__) && defined(__linux__) && !defined(MT_NO_STATIC_TLS)
#define MT_TLS _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define MT_TLS _Thread_local
#endif

extern MT_TLS mt_thread mt_self;

/* Puts the calling thread into the list and arranges that its record is emptied when it ends. False
 * if that is impossible (the thread is ending already). Allocation does this by itself. */
bool mt_thread_register(void);

/* For alloc.c: the list of registered threads, and the one lock of base/, which guards it and the
 * shared memory cache, held for some instructions at a time and safe across forks. */
extern mt_thread *mt_threads;
void mt_lock(void);
void mt_unlock(void);

/* Note [Counting references]
 * Counts are plain integers while one thread at a time is in the core (the host's lock sees to
 * that), because a locked add costs as much as the rest of a small operator. Before the host lets a
 * second thread in at the same time (it gives up its lock around big work while other threads
 * exist), it calls mt_set_shared(), once and for all; from then on counts are atomic. A C program
 * with several threads calls it at its start. */
extern bool mt_shared;
void mt_set_shared(void);

static MT_INLINE void mt_count_up(int32_t *count)
{
    if (__builtin_expect(mt_shared, 0))
        __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    else
        ++*count;
}

/* True when this was the last one. */
static MT_INLINE bool mt_count_down(int32_t *count)
{
    if (__builtin_expect(mt_shared, 0)) return __atomic_fetch_sub(count, 1, __ATOMIC_ACQ_REL) == 1;
    return --*count == 0;
}

#endif
