/* Errors: a code and a text in thread-local storage, the first failure wins.
 *
 * A function that returns a pointer fails with NULL, one that returns int with -1; both have called
 * mt_fail() somewhere below. Nothing here prints, exits or jumps. Read next: base/thread.h. */
#ifndef MT_BASE_ERROR_H
#define MT_BASE_ERROR_H

#include "base/thread.h"

#include <assert.h>

typedef enum mt_code {
    MT_OK = 0,
    MT_RUNTIME,         /* RuntimeError */
    MT_VALUE,           /* ValueError */
    MT_TYPE,            /* TypeError */
    MT_INDEX,           /* IndexError */
    MT_NOT_IMPLEMENTED, /* NotImplementedError */
    MT_MEMORY,          /* OutOfMemoryError: RuntimeError and MemoryError at once */
    MT_OVERFLOW,        /* OverflowError */
    MT_LINALG_ERROR,    /* linalg.LinAlgError, a RuntimeError: a matrix is singular or the like */
    MT_HOST,            /* the host language holds an exception of its own */
} mt_code;

/* Remembers a failure, unless one is pending already, and returns NULL. printf formats. */
void *mt_fail(mt_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for functions that return int: always -1. */
int mt_error(mt_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something the user should know, but no failure. A host that has warnings sets mt_warn_host; its
 * lock must be held (MT_RANDOM operators keep it). -1: the host made an error of it. */
int mt_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern int (*mt_warn_host)(const char *text);
/* Out of memory: needs no memory itself. Always NULL. */
void *mt_fail_memory(void);

/* Set by the binding for Ctrl-C: non-zero stops with MT_HOST pending. */
extern int (*mt_interrupted)(void);
/* Asks it, between two pieces of long work; not inside a parallel loop, whose other threads the
 * host does not know. -1: stop. */
int mt_check_interrupted(void);

static inline mt_code mt_error_pending(void) { return (mt_code)mt_self.error; }
const char *mt_error_message(void);
void mt_error_clear(void);

/* mt_fail is for what a user can do, MT_ASSERT for what only we can do. */
#ifdef MT_DEBUG
#define MT_ASSERT(x) assert(x)
#else
#define MT_ASSERT(x) ((void)0)
#endif

#endif
