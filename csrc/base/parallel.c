/* mt_parallel_run: chunks claimed by a team of OpenMP threads, the caller among them.
 *
 * Note [Busy machine]
 * An OpenMP region ends with a barrier: the caller waits for every thread of the team, also for one
 * that never got a core because another process has it. Worse, a thread that is woken may take the
 * caller's own core, and then waits at the barrier, busily, for the caller that it displaced.
 * Either may take several scheduler slices: 24 ms were seen for a job of 0.2 ms. OpenMP offers no
 * way round it. So what a region loses is measured, as time at the barrier and as time off the
 * processor, and a region that lost more than its threads can have won is followed by serial ones
 * for ten times as long: on a busy machine about a tenth of the time is wasted, on a quiet one
 * nothing changes. The processor clock is dear (400 ns), so it is read once in a millisecond, and
 * after regions that took longer than that.
 *
 * Note [Fork]
 * libgomp's threads do not survive a fork, and its next region in the child waits for them for
 * ever. Its pool is kept per thread and can be dissolved by omp_pause_resource_all, which we do in
 * the thread that is about to fork; the pool comes back with the next region, in parent and child.
 * If that is refused (the fork happens inside a region) the child stays serial. The dissolved
 * threads empty their caches when they end, for which they need mt_lock. The handler that takes
 * mt_lock before a fork must therefore run after ours, that is, be installed before it.
 *
 * With MT_PTHREADS each region starts threads of its own: slow, and only for the thread sanitizer,
 * which does not see how libgomp's threads wait for each other.
 *
 * Relies on: base/thread.h (in_parallel). Only this file knows OpenMP; without it all runs
 * serially. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/parallel.h"
#include "base/thread.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(MT_PTHREADS) || defined(_OPENMP)
#define HAVE_THREADS 1
#include <pthread.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif
#endif

int mt_num_threads_ = 1;

int mt_get_num_threads(void) { return mt_num_threads_; }
bool mt_in_parallel(void) { return mt_self.in_parallel; }

#ifdef HAVE_THREADS

#define DEFAULT_THREADS_MAX 8
#define CHUNKS_PER_THREAD   8
#define TOLERATED_WAIT      50000   /* ns, at the barrier */
#define LONG_REGION         1000000 /* ns: shorter ones were not off the processor */
#define BACK_OFF            10
#define BACK_OFF_MAX        500000000 /* ns */

/* A share of the items, claimed first by the thread whose it is, alone on its cache line. */
typedef struct share {
    _Alignas(64) int64_t next; /* first item nobody has claimed */
    int64_t end;
} share;

enum { SHARES_MOST = 32 };

typedef struct job {
    share shares[SHARES_MOST];
    int n_shares, helpers; /* helpers: how many have a number, where the team gives none */
    int64_t n, chunk;      /* chunk: items claimed at a time, a multiple of the grain */
    mt_range_fn fn;
    void *context;
    int64_t own_chunks, own_end; /* of the caller: how many it ran, and when it found no more */
} job;

static int64_t serial_until; /* see Note [Busy machine]; on the clock of now() */

static int64_t read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now(void) { return read_clock(CLOCK_MONOTONIC); }
static int64_t processor_time(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

/* Note [Shares]: thread k begins with share k of the items, at every call, so that what it touched last time lies in
 * its own cache; processors that share none would else send half of the data to and fro. Then it helps the others. */
static void deal(job *j, int threads)
{
    int64_t chunks = j->n / j->chunk + (j->n % j->chunk != 0);
    j->n_shares = threads < SHARES_MOST ? threads : SHARES_MOST;
    for (int k = 0; k < j->n_shares; k++) {
        j->shares[k].next = chunks * k / j->n_shares * j->chunk;
        if (k > 0) j->shares[k - 1].end = j->shares[k].next;
    }
    j->shares[j->n_shares - 1].end = j->n;
}

/* Claims and runs chunks until there are none; returns how many. */
static int64_t work(job *j, int number)
{
    int64_t done = 0;
    mt_self.in_parallel = true;
    for (int k = 0; k < j->n_shares; k++) {
        share *s = &j->shares[(number + k) % j->n_shares];
        for (;; done++) {
            int64_t begin = __atomic_fetch_add(&s->next, j->chunk, __ATOMIC_RELAXED);
            if (begin >= s->end) break;
            int64_t end = s->end - begin < j->chunk ? s->end : begin + j->chunk;
            j->fn(begin, end, j->context);
        }
    }
    mt_self.in_parallel = false;
    return done;
}

static void work_as_caller(job *j)
{
    j->own_chunks = work(j, 0);
    j->own_end = now();
}

#ifdef MT_PTHREADS
static void *work_as_helper(void *context)
{
    job *j = context;
    work(j, 1 + __atomic_fetch_add(&j->helpers, 1, __ATOMIC_RELAXED));
    return NULL;
}

static void run_team(job *j, int threads)
{
    enum { MOST = 64 };
    pthread_t helpers[MOST];
    int started = 0;
    while (started < threads - 1 && started < MOST &&
           pthread_create(&helpers[started], NULL, work_as_helper, j) == 0)
        started++;
    work_as_caller(j);
    while (started > 0) pthread_join(helpers[--started], NULL);
}

static void handle_forks(void) {}
#else
#include <omp.h>

/* Always the same team: libgomp ends threads that a smaller one does not need. */
static void run_team(job *j, int threads)
{
#pragma omp parallel num_threads(threads)
    {
        if (omp_get_thread_num() == 0)
            work_as_caller(j);
        else
            work(j, omp_get_thread_num());
    }
}

static bool pause_refused;

static void before_fork(void) { pause_refused = omp_pause_resource_all(omp_pause_soft) != 0; }

static void child_of_fork(void)
{
    if (pause_refused) mt_num_threads_ = 1;
}

static void handle_forks(void) { pthread_atfork(before_fork, NULL, child_of_fork); }
#endif

/* The caller got out of a region at `out`. That it waits for the last chunk of somebody else is
 * part of the game; more than three chunks are not. */
static void judge(const job *j, int64_t start, int64_t out, int threads)
{
    int64_t chunk_time = j->own_chunks > 0 ? (j->own_end - start) / j->own_chunks : 0;
    int64_t lost = out - j->own_end - 3 * chunk_time;
    if (lost <= TOLERATED_WAIT) lost = 0;
    if (out - start > LONG_REGION) {
        int64_t off = (out - mt_self.clock) - (processor_time() - mt_self.processor_clock);
        if (off > LONG_REGION && off > lost) lost = off;
    }
    /* Alone, the caller would have needed threads * ideal. */
    int64_t ideal = out - start - lost;
    if (lost <= ideal * (threads - 1)) return;
    int64_t pause = lost < BACK_OFF_MAX / BACK_OFF ? lost * BACK_OFF : BACK_OFF_MAX;
    __atomic_store_n(&serial_until, out + pause, __ATOMIC_RELAXED);
}

void mt_parallel_run(int64_t n, int64_t grain, mt_range_fn fn, void *context)
{
    int threads = mt_num_threads_;
    int64_t start = now();
    if (mt_self.in_parallel || start < __atomic_load_n(&serial_until, __ATOMIC_RELAXED)) {
        fn(0, n, context);
        return;
    }
    if (start - mt_self.clock > LONG_REGION) {
        mt_self.clock = start;
        mt_self.processor_clock = processor_time();
    }
    if (grain < 1) grain = 1;
    int64_t grains = n / grain + (n % grain != 0);
    int64_t per_chunk = grains / ((int64_t)threads * CHUNKS_PER_THREAD);
    job j; /* the shares that are not dealt stay as they are */
    j.n = n, j.chunk = grain * (per_chunk > 1 ? per_chunk : 1), j.helpers = 0;
    j.fn = fn, j.context = context;
    deal(&j, threads);
    run_team(&j, threads);
    judge(&j, start, now(), threads);
}

void mt_set_num_threads(int n)
{
    if (n >= 1) mt_num_threads_ = n;
}

/* ---- start ----------------------------------------------------------------------------------- */
static int from_environment(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text) return 0;
    long n = strtol(text, &end, 10); /* OMP_NUM_THREADS may be a list; the first number counts */
    return end != text && n >= 1 && n <= 1024 ? (int)n : 0;
}

#if defined(__linux__)
/* The first processor that shares a core with this one; the processor itself if unknown. */
static int first_sibling(int cpu)
{
    char path[96];
    int first = cpu;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *f = fopen(path, "r");
    if (!f) return cpu;
    if (fscanf(f, "%d", &first) != 1) first = cpu;
    fclose(f);
    return first;
}

/* Physical cores among the processors this process may use, as far as they matter. */
static int physical_cores(void)
{
    cpu_set_t allowed;
    int cores = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
    for (int cpu = 0; cpu < CPU_SETSIZE && cores < DEFAULT_THREADS_MAX; cpu++) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        int first = first_sibling(cpu);
        cores += first == cpu || first < 0 || !CPU_ISSET(first, &allowed);
    }
    return cores;
}
#else
static int physical_cores(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
#endif

static int default_threads(void)
{
    int n = from_environment("MINITORCH_NUM_THREADS");
    if (!n) n = from_environment("OMP_NUM_THREADS");
    if (n) return n;
    n = physical_cores();
    return n < 1 ? 1 : n < DEFAULT_THREADS_MAX ? n : DEFAULT_THREADS_MAX;
}

static void init(void)
{
    mt_num_threads_ = default_threads();
    mt_thread_register(); /* first: see Note [Fork] */
    handle_forks();
}

void mt_parallel_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init);
}

#else

void mt_parallel_run(int64_t n, int64_t grain, mt_range_fn fn, void *context)
{
    (void)grain;
    fn(0, n, context);
}
void mt_set_num_threads(int n) { (void)n; }
void mt_parallel_init(void) {}

#endif
