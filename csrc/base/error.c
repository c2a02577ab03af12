/* The pending failure of each thread. The text has any length: PyTorch's longest (a state_dict that
 * does not fit its module) run over kilobytes. It lies in plain malloc memory, outside
 * base/alloc.c, so that a simulated shortage of memory can still be described. Relies on:
 * base/thread.h. */
#include "base/error.h"
#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY 2048

/* Returns whether message holds at least `size` bytes. */
static bool reserve(mt_thread *t, size_t size)
{
    if (size <= t->message_capacity) return true;
    mt_thread_register(); /* so that the text is freed with the thread */
    if (size < FIRST_CAPACITY) size = FIRST_CAPACITY;
    char *message = realloc(t->message, size);
    if (!message) return false;
    t->message = message;
    t->message_capacity = size;
    return true;
}

static void fail(mt_code code, const char *format, va_list args)
{
    mt_thread *t = &mt_self;
    if (t->error) return;
    t->error = (int)code;
    t->text = code == MT_MEMORY ? "DefaultCPUAllocator: can't allocate memory" : format;
    if (!reserve(t, 1)) return;
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(t->message, t->message_capacity, format, args);
    if (length >= 0 && (size_t)length >= t->message_capacity) {
        /* Without memory for all of it, the beginning stays. */
        if (reserve(t, (size_t)length + 1))
            vsnprintf(t->message, t->message_capacity, format, again);
    }
    va_end(again);
    if (length >= 0) t->text = t->message;
}

void *mt_fail(mt_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(code, format, args);
    va_end(args);
    return NULL;
}

int mt_error(mt_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(code, format, args);
    va_end(args);
    return -1;
}

int (*mt_interrupted)(void);

int mt_check_interrupted(void)
{
    if (!mt_interrupted || mt_self.in_parallel || !mt_interrupted()) return 0;
    return mt_error(MT_HOST, "interrupted");
}

int (*mt_warn_host)(const char *text);

int mt_warn(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return mt_warn_host ? mt_warn_host(text) : 0;
}

void *mt_fail_memory(void)
{
    mt_thread *t = &mt_self;
    if (!t->error) {
        t->error = MT_MEMORY;
        t->text = "DefaultCPUAllocator: can't allocate memory";
    }
    return NULL;
}

const char *mt_error_message(void) { return mt_self.error && mt_self.text ? mt_self.text : ""; }

void mt_error_clear(void)
{
    mt_self.error = MT_OK;
    mt_self.text = NULL;
}
