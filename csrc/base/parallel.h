/* parallel_for: the only parallelism of the core. OpenMP, or serial where the build has none.
 *
 * Work is cut into chunks that threads claim one by one, so that a machine busy with other things does
 * not stall behind a static split. The size test stands in mt_parallel_for itself, in a translation unit
 * path that never enters the OpenMP runtime for small work. */
#ifndef MT_BASE_PARALLEL_H
#define MT_BASE_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

typedef void (*mt_range_fn)(int64_t begin, int64_t end, void *context);

void mt_parallel_run(int64_t n, int64_t grain, mt_range_fn fn, void *context);

extern int mt_num_threads_; /* what mt_set_num_threads said; 1 in a build without OpenMP */

/* Calls fn over [0, n) in pieces of at least `grain` items (the last may be shorter); a piece starts at a
 * multiple of grain, so results that depend on the cut do not depend on the number of threads. */
static inline void mt_parallel_for(int64_t n, int64_t grain, mt_range_fn fn, void *context)
{
    if (n <= 0) return;
    if (n <= grain || mt_num_threads_ == 1)
        fn(0, n, context);
    else
        mt_parallel_run(n, grain, fn, context);
}

int mt_get_num_threads(void);
void mt_set_num_threads(int n); /* n >= 1 */
bool mt_in_parallel(void);      /* inside a chunk: nested calls run serially */
void mt_parallel_init(void);    /* once, at start: reads MINITORCH_NUM_THREADS, OMP_NUM_THREADS; fork handlers */

#endif
