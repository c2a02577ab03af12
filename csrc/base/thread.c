/* The thread's record, the list of all records, and what happens to them when threads end and
 * processes fork. Relies on: base/alloc.c to empty the caches. Read next: base/alloc.c.
 *
 * Note [Initial-exec TLS]
 * A thread-local variable of a shared library is normally reached by a call to __tls_get_addr (some
 * 5 ns), since the loader may place it anywhere. The initial-exec model promises that it lies at a
 * constant distance from the thread pointer: one instruction. The price: the library's whole TLS
 * block must fit into the small reserve (about 1.5 KB) that the C library keeps for libraries that
 * are loaded late, or the import fails. So there is one record of some 300 bytes, and everything
 * bigger (error texts, the scope's list) is allocated. Build with -DMT_NO_STATIC_TLS where no such
 * reserve exists. */
#include "base/thread.h"
#include "base/alloc.h"
#include "base/error.h"

#include <pthread.h>
#include <stdlib.h>

MT_TLS mt_thread mt_self;
mt_thread *mt_threads;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

void mt_lock(void) { pthread_mutex_lock(&mutex); }
void mt_unlock(void) { pthread_mutex_unlock(&mutex); }

static void unlink_thread(mt_thread *t)
{
    *t->link = t->next;
    if (t->next) t->next->link = t->link;
    t->next = NULL;
    t->link = NULL;
}

/* Runs in the thread that ends, possibly before the exit handlers of
 * others that still free memory. */
static void thread_exit(void *record)
{
    mt_thread *t = record;
    if (t->scope_top == 0) {
        mt_free(t->scope, (size_t)t->scope_capacity * sizeof *t->scope);
        t->scope = NULL;
        t->scope_capacity = 0;
    }
    mt_lock();
    mt_alloc_retire(t);
    unlink_thread(t);
    t->state = MT_THREAD_GONE;
    mt_unlock();
    mt_alloc_empty(t);
    mt_error_clear();
    free(t->message);
    t->message = NULL;
    t->message_capacity = 0;
}

/* The child of a fork has one thread. The records of the others lie in memory that their stacks'
 * owner may reuse, so they leave the list; their cached blocks are lost, as they may be half
 * linked. */
static void child_of_fork(void)
{
    mt_thread *t = mt_threads, *next;
    for (; t; t = next) {
        next = t->next;
        if (t == &mt_self) continue;
        mt_alloc_retire(t);
        unlink_thread(t);
    }
    mt_unlock();
}

static void make_key(void)
{
    have_key = pthread_key_create(&key, thread_exit) == 0;
    pthread_atfork(mt_lock, mt_unlock, child_of_fork);
}

bool mt_thread_register(void)
{
    mt_thread *t = &mt_self;
    if (t->state != MT_THREAD_NEW) return t->state == MT_THREAD_REGISTERED;
    pthread_once(&once, make_key);
    if (!have_key || pthread_setspecific(key, t) != 0) {
        t->state = MT_THREAD_GONE;
        return false;
    }
    mt_lock();
    t->next = mt_threads;
    t->link = &mt_threads;
    if (t->next) t->next->link = &t->next;
    mt_threads = t;
    t->state = MT_THREAD_REGISTERED;
    mt_unlock();
    mt_alloc_open(t);
    return true;
}

bool mt_shared;

void mt_set_shared(void) { mt_shared = true; }
