/* Running results along lines. Each waits for the one before it, so several lines are walked side by side: four that
 * lie apart, or a row of neighbours where the lines run across. Relies on ops/lines.h; read next: ops/cumulative.c. */
#if defined(__GNUC__) && !defined(__clang__) /* vectors of neighbours, as -O3 has it */
#pragma GCC optimize("vect-cost-model=dynamic")
#endif

#include "ops/scan.h"

#include "base/parallel.h"
#include "ops/lines.h"

#include <math.h>

enum {
    FEW =
        4, /* lines apart: additions take about four cycles each, and do not wait for each other */
    WIDE = 256,         /* neighbours */
    GRAIN = 32768,      /* elements that are worth a thread, */
    GRAIN_LOGSUM = 1024 /* of exponentials and logarithms */
};

/* m lines of n elements; numbers in elements. */
typedef struct walk {
    int64_t n, apart, step;
} walk;
typedef void (*walk_fn)(const walk *w, int64_t m, const void *from, void *to, int64_t *places);

static double add_logs(double a, double b)
{
    double high = a > b ? a : b, low = a > b ? b : a;
    if (a != a || b != b) return NAN;
    return isinf(high) ? high : high + log1p(exp(low - high));
}

/* A is the type of the running result: double for float32, as in PyTorch. */
#define SCAN(name, T, A, initial, next)                                                            \
    static MT_INLINE void name##_apart(const walk *w, const int lines, const T *x, T *y)           \
    {                                                                                              \
        A run[FEW];                                                                                \
        for (int k = 0; k < lines; k++) run[k] = initial;                                          \
        for (int64_t i = 0; i < w->n; i++, x += w->step, y += w->step) {                           \
            _Pragma("GCC unroll 4") for (int k = 0; k < lines; k++)                                \
            {                                                                                      \
                const A a = run[k], b = (A)x[k * w->apart];                                        \
                y[k * w->apart] = (T)(run[k] = next);                                              \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static MT_INLINE void name##_beside(const walk *w, int64_t m, const T *x, T *y)                \
    {                                                                                              \
        A run[WIDE];                                                                               \
        for (int64_t k = 0; k < m; k++) run[k] = initial;                                          \
        for (int64_t i = 0; i < w->n; i++, x += w->step, y += w->step) {                           \
            _Pragma("GCC ivdep") for (int64_t k = 0; k < m; k++)                                   \
            {                                                                                      \
                const A a = run[k], b = (A)x[k];                                                   \
                y[k] = (T)(run[k] = next);                                                         \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void name(const walk *w, int64_t m, const void *from, void *to, int64_t *places)        \
    {                                                                                              \
        const T *x = from;                                                                         \
        T *y = to;                                                                                 \
        (void)places;                                                                              \
        if (w->apart == 1 && m > FEW) {                                                            \
            name##_beside(w, m, x, y);                                                             \
            return;                                                                                \
        }                                                                                          \
        for (; m >= FEW; m -= FEW, x += FEW * w->apart, y += FEW * w->apart)                       \
            name##_apart(w, FEW, x, y);                                                            \
        for (; m > 0; m--, x += w->apart, y += w->apart) name##_apart(w, 1, x, y);                 \
    }
SCAN(sum_f32, float, double, 0, a + b)
SCAN(sum_f64, double, double, 0, a + b)
SCAN(sum_i64, uint64_t, uint64_t, 0, a + b)
SCAN(prod_f32, float, double, 1, a *b)
SCAN(prod_f64, double, double, 1, a *b)
SCAN(prod_i64, uint64_t, uint64_t, 1, a *b)
#undef SCAN

/* Exponentials and logarithms take their time: no lines side by side. */
#define SCAN_LOGS(name, T)                                                                         \
    static void name(const walk *w, int64_t m, const void *from, void *to, int64_t *places)        \
    {                                                                                              \
        (void)places;                                                                              \
        for (int64_t k = 0; k < m; k++) {                                                          \
            const T *x = (const T *)from + k * w->apart;                                           \
            T *y = (T *)to + k * w->apart;                                                         \
            double run = -INFINITY;                                                                \
            for (int64_t i = 0; i < w->n; i++, x += w->step, y += w->step)                         \
                *y = (T)(run = add_logs(run, (double)*x));                                         \
        }                                                                                          \
    }
SCAN_LOGS(logsum_f32, float)
SCAN_LOGS(logsum_f64, double)

/* A branch, as it is seldom taken, so that nothing waits for the comparison. */
#define EXTREMUM(name, T, better)                                                                  \
    static void name(const walk *w, int64_t m, const void *from, void *to, int64_t *places)        \
    {                                                                                              \
        for (int64_t k = 0; k < m; k++) {                                                          \
            const T *x = (const T *)from + k * w->apart;                                           \
            T *y = (T *)to + k * w->apart, best = *x;                                              \
            int64_t at = 0, *place = places + k * w->apart;                                        \
            for (int64_t i = 0; i < w->n; i++, x += w->step, y += w->step, place += w->step) {     \
                const T now = *x;                                                                  \
                if (now better best || now != now) best = now, at = i;                             \
                *y = best;                                                                         \
                *place = at;                                                                       \
            }                                                                                      \
        }                                                                                          \
    }
#define EXTREMA(S, T) EXTREMUM(max_##S, T, >=) EXTREMUM(min_##S, T, <=)
EXTREMA(f32, float)
EXTREMA(f64, double)
EXTREMA(i64, int64_t)
EXTREMA(i32, int32_t)
EXTREMA(i16, int16_t)
EXTREMA(i8, int8_t)
EXTREMA(u8, uint8_t)

/* float32: pieces of a line where nothing takes over are filled, and neighbours go without a branch. */
typedef float floats __attribute__((vector_size(16), aligned(4), may_alias));
typedef int64_t places2 __attribute__((vector_size(16), aligned(8), may_alias));
typedef int64_t truths __attribute__((vector_size(16)));

#define EXTREMUM_F32(name, better)                                                                 \
    static void name##_line(const walk *w, const float *x, float *y, int64_t *places)              \
    {                                                                                              \
        float best = *x;                                                                           \
        int64_t at = 0, i = 0;                                                                     \
        while (i < w->n) {                                                                         \
            const floats *now = (const floats *)(x + i), all = {best, best, best, best};           \
            const int64_t piece = w->n - i < 8 ? w->n - i : 8;                                     \
            if (piece == 8) {                                                                      \
                const truths over = (truths)((now[0] better all) | (now[0] != now[0]) |            \
                                             (now[1] better all) | (now[1] != now[1]));            \
                if (!(over[0] | over[1])) {                                                        \
                    ((floats *)(y + i))[0] = ((floats *)(y + i))[1] = all;                         \
                    for (int k = 0; k < 4; k++) ((places2 *)(places + i))[k] = (places2){at, at};  \
                    i += 8;                                                                        \
                    continue;                                                                      \
                }                                                                                  \
            }                                                                                      \
            for (const int64_t end = i + piece; i < end; i++) {                                    \
                if (x[i] better best || x[i] != x[i]) best = x[i], at = i;                         \
                y[i] = best;                                                                       \
                places[i] = at;                                                                    \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void name##_fast(const walk *w, int64_t m, const void *from, void *to, int64_t *places) \
    {                                                                                              \
        float best[WIDE], *y = to;                                                                 \
        int32_t at[WIDE];                                                                          \
        const float *x = from;                                                                     \
        if (w->step == 1) {                                                                        \
            name##_line(w, x, y, places);                                                          \
            return;                                                                                \
        }                                                                                          \
        for (int64_t k = 0; k < m; k++) best[k] = x[k], at[k] = 0;                                 \
        for (int64_t i = 0; i < w->n; i++, x += w->step, y += w->step, places += w->step) {        \
            _Pragma("GCC ivdep") for (int64_t k = 0; k < m; k++)                                   \
            {                                                                                      \
                const float now = x[k], old = best[k];                                             \
                const bool over = (now better old) | (now != now);                                 \
                y[k] = best[k] = over ? now : old;                                                 \
                at[k] = over ? (int32_t)i : at[k];                                                 \
            }                                                                                      \
            for (int64_t k = 0; k < m; k++) places[k] = at[k];                                     \
        }                                                                                          \
    }
EXTREMUM_F32(max_f32, >=)
EXTREMUM_F32(min_f32, <=)

static walk_fn extremum_of(mt_dtype d, bool largest)
{
    static const walk_fn fn[MT_NUM_DTYPES][2] = {
        [MT_FLOAT32] = {min_f32, max_f32}, [MT_FLOAT64] = {min_f64, max_f64},
        [MT_INT64] = {min_i64, max_i64},   [MT_INT32] = {min_i32, max_i32},
        [MT_INT16] = {min_i16, max_i16},   [MT_INT8] = {min_i8, max_i8},
        [MT_UINT8] = {min_u8, max_u8},     [MT_BOOL] = {min_u8, max_u8}};
    return fn[d][largest];
}

typedef struct job {
    walk_fn run;
    walk w;
    int64_t lines, inner, item;
    int64_t width, groups; /* so many lines go together; groups of them stand beside each other */
    const char *x;
    char *y;
    int64_t *places;
} job;

static void run_groups(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    const walk *w = &j->w;
    const int64_t all = j->inner == 1 ? j->lines : j->inner;
    for (int64_t g = begin; g < end; g++) {
        const int64_t first = g % j->groups * j->width;
        const int64_t m = all - first < j->width ? all - first : j->width;
        int64_t at = g / j->groups * w->n * j->inner + first * w->apart;
        if (w->step < 0) at -= (w->n - 1) * w->step;
        j->run(w, m, j->x + at * j->item, j->y + at * j->item, j->places ? j->places + at : NULL);
    }
}

/* x and y are contiguous, of the same type. */
static void run(job *j, mt_tensor *y, const mt_tensor *x, int dim, bool backwards, int64_t grain)
{
    const mt_lines l = mt_lines_of(x->ndim, x->size, dim);
    if (x->numel == 0) return;
    j->w = (walk){l.n, l.inner == 1 ? l.n : 1, backwards ? -l.inner : l.inner};
    j->lines = l.outer * l.inner;
    j->inner = l.inner;
    j->item = mt_itemsize(x);
    j->width = l.inner > 1 ? WIDE : j->places ? 1 : FEW;
    j->groups = ((l.inner > 1 ? l.inner : l.outer) + j->width - 1) / j->width;
    j->x = x->data;
    j->y = y->data;
    const int64_t count = l.inner == 1 ? j->groups : l.outer * j->groups;
    mt_parallel_for(count, grain / (x->numel / count + 1) + 1, run_groups, j);
}

int mt_scan_raw(mt_scan how, mt_tensor *y, mt_tensor *x, int dim, bool backwards)
{
    static const walk_fn fn[3][3] = {{sum_f32, sum_f64, sum_i64},
                                     {prod_f32, prod_f64, prod_i64},
                                     {logsum_f32, logsum_f64, NULL}};
    const int type = y->dtype == MT_FLOAT32 ? 0 : y->dtype == MT_FLOAT64 ? 1 : 2;
    job j = {.run = fn[how][type]};
    if (x->dtype != y->dtype || !mt_is_contiguous(x)) {
        if (mt_copy_raw(y, x) < 0) return -1;
        x = y;
    }
    run(&j, y, x, dim, backwards, how == MT_SCAN_LOGSUM ? GRAIN_LOGSUM : GRAIN);
    return 0;
}

void mt_scan_extremum(bool largest, mt_tensor *y, mt_tensor *places, const mt_tensor *x, int dim)
{
    const bool fast = x->dtype == MT_FLOAT32 && x->numel <= INT32_MAX;
    job j = {.run = fast ? largest ? max_f32_fast : min_f32_fast
                         : extremum_of((mt_dtype)x->dtype, largest),
             .places = (int64_t *)(void *)places->data};
    run(&j, y, x, dim, false, GRAIN);
}
