/* parallel_for: the only parallelism of the core. OpenMP, or serial where the build has none.
 *
 * Work is cut into chunks that threads claim one by one, so that a machine busy with other things
 * does not stall behind a static split. The size test stands in mt_parallel_for itself, so small
 * work never enters the OpenMP runtime. Read next: base/parallel.c, Note [Busy machine]. */
#ifndef MT_BASE_PARALLEL_H
#define MT_BASE_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

typedef void (*mt_range_fn)(int64_t begin, int64_t end, void *context);

void mt_parallel_run(int64_t n, int64_t grain, mt_range_fn fn, void *context);

extern int mt_num_threads_; /* what mt_set_num_threads said, 1 before mt_parallel_init */

/* Calls fn over [0, n) in pieces of at least `grain` items (the last may be shorter); a piece
 * starts at a multiple of grain and may hold several grains, or all of [0, n). A result that
 * depends on the cut (a sum) is therefore to be cut by fn itself at multiples of grain; then it
 * does not depend on the threads. Choose a grain worth 10 us or more. fn runs on several threads:
 * an error it sets there (mt_fail) stays in that thread, so fn reports through the context. */
static inline void mt_parallel_for(int64_t n, int64_t grain, mt_range_fn fn, void *context)
{
    if (n <= 0) return;
    if (n <= grain || mt_num_threads_ == 1)
        fn(0, n, context);
    else
        mt_parallel_run(n, grain, fn, context);
}

int mt_get_num_threads(void);
void mt_set_num_threads(int n); /* n >= 1; ignored in a build without OpenMP */
bool mt_in_parallel(void);      /* inside a chunk: nested calls run serially */
/* Once, at start: reads MINITORCH_NUM_THREADS, else OMP_NUM_THREADS, else takes the physical cores,
 * at most 8; installs the fork handlers. */
void mt_parallel_init(void);

#endif
