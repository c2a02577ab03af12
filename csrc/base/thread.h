/* What every call needs to know about its thread, in one small thread-local record.
 *
 * Kept small (about 200 bytes) so that the loader can place it in static TLS, where an access is one
 * instruction; see Note [Initial-exec TLS] in thread.c. */
#ifndef MT_BASE_THREAD_H
#define MT_BASE_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_tensor;

#define MT_CACHE_CLASSES 12 /* see alloc.c: 64, 128, ... 512 in steps of 64, then 1, 2, 4, 8 KiB */

typedef struct mt_thread {
    int error;              /* mt_code of the pending failure, 0 if none */
    bool no_grad;           /* recording is switched off */
    bool inference;         /* inside inference_mode */
    bool cache_registered;  /* the thread's exit handler that empties the cache is installed */
    int scope_depth;        /* open scopes; an operator without one is a programming error */
    int scope_top;          /* tensors owned by scopes */
    int scope_capacity;
    struct mt_tensor **scope;
    void *cache[MT_CACHE_CLASSES]; /* free blocks by size class, linked through their first word */
    uint16_t cached[MT_CACHE_CLASSES];
} mt_thread;

#if defined(__GNUC__) && defined(__linux__) && !defined(MT_NO_STATIC_TLS)
#define MT_TLS _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define MT_TLS _Thread_local
#endif

extern MT_TLS mt_thread mt_self;

#if defined(__GNUC__)
#define MT_LIKELY(x) __builtin_expect(!!(x), 1)
#define MT_UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define MT_LIKELY(x) (x)
#define MT_UNLIKELY(x) (x)
#endif

#endif
