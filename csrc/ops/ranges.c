/* Numbers at equal distances: arange, range, linspace, logspace. Their digits are PyTorch's. Relies on base/parallel.h
 * and the kernels for sums rounded once. */
#include "ops/ops.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define FACTORY .kind = MT_NODIFF | MT_FUNCTION | MT_FACTORY | MT_OUT

/* The type of a range made from numbers: int64 unless one of them is a float. */
static mt_dtype range_type(const mt_call *c, int numbers)
{
    for (int i = 0; i < numbers; i++)
        if (c->arg[i].given && c->arg[i].s.kind == MT_SCALAR_FLOAT) return mt_default_dtype();
    return MT_INT64;
}

/* A range on its way to memory: start + i step, for linspace from both ends. */
typedef struct range {
    mt_dtype dtype;
    char *to;
    int64_t n, first, by; /* of integers */
    double start, end, step;
} range;

typedef void (*piece_fn)(const range *r, int64_t at, int64_t n);

typedef struct job {
    const range *r;
    piece_fn piece;
} job;

/* Pieces are numbers that a function has at hand at a time; SHARE of them are worth a thread. */
enum { PIECE = 256, SHARE = 64 };

static void run_pieces(int64_t begin, int64_t end, void *context)
{
    const job *j = context;
    for (; begin < end; begin++) {
        const int64_t at = begin * PIECE, left = j->r->n - at;
        j->piece(j->r, at, left < PIECE ? left : PIECE);
    }
}

static void run(const range *r, piece_fn piece)
{
    job j = {r, piece};
    mt_parallel_for((r->n + PIECE - 1) / PIECE, SHARE, run_pieces, &j);
}

/* PIECE integers from `first` on. */
static void count_up(int64_t *y, int64_t first, int64_t by)
{
    const uint64_t from = (uint64_t)first, step = (uint64_t)by;
    for (uint64_t i = 0; i < PIECE; i++) y[i] = (int64_t)(from + i * step);
}

/* To memory at element `at`, in its type. */
static void put(const range *r, int64_t at, int64_t n, mt_dtype from, const void *numbers)
{
    const int64_t size = mt_dtype_size(r->dtype);
    mt_k->cast[from][r->dtype](n, (char *[]){r->to + at * size, (char *)numbers},
                               (int64_t[]){size, mt_dtype_size(from)}, NULL);
}

static void integers(const range *r, int64_t at, int64_t n)
{
    int64_t y[PIECE];
    count_up(y, (int64_t)((uint64_t)r->first + (uint64_t)at * (uint64_t)r->by), r->by);
    put(r, at, n, MT_INT64, y);
}

/* start + i step as PyTorch rounds it: two vectors of 32 bytes at a time, of each of which the first element
 * is rounded to its type before the steps to the others are added; what is left over one by one. (In float32
 * the sum in double is rounded to the same number without fma, but once in a million.) */

/* out[i] = step x[i] + z[i], rounded once. */
static void fma_f64(int64_t n, double *out, double step, const double *x, const double *z)
{
    const int64_t size = sizeof *out;
    mt_k->fma[MT_FLOAT64](n, (char *[]){(char *)out, (char *)&step, (char *)x, (char *)z},
                          (int64_t[]){size, 0, size, size}, NULL);
}

/* out[k] = start + (at + k apart) step. */
static void every(int64_t n, double *out, const range *r, int64_t at, int64_t apart)
{
    double x[PIECE], z[PIECE];
    for (int64_t k = 0; k < n; k++) {
        x[k] = (double)(at + k * apart);
        z[k] = r->start;
    }
    fma_f64(n, out, r->step, x, z);
}

static void floats_f32(const range *r, int64_t at, int64_t n)
{
    enum { LANES = 8 };
    const int64_t end = r->n - r->n % (2 * LANES), whole = end - at < n ? end - at : n;
    double base[PIECE], step[LANES];
    float *y = (float *)(void *)r->to + at;
    every(whole / LANES, base, r, at, LANES);
    for (int lane = 0; lane < LANES; lane++) step[lane] = r->step * lane;
    for (int64_t i = 0; i < whole; i += LANES) {
        const double first = (float)base[i / LANES];
        for (int lane = 0; lane < LANES; lane++) y[i + lane] = (float)(first + step[lane]);
    }
    every(n - whole, base, r, at + whole, 1);
    for (int64_t i = whole; i < n; i++) y[i] = (float)base[i - whole];
}

static void floats_f64(const range *r, int64_t at, int64_t n)
{
    enum { LANES = 4 };
    const int64_t end = r->n - r->n % (2 * LANES), whole = end - at < n ? end - at : n;
    double base[PIECE], first[PIECE], lane[PIECE], *y = (double *)(void *)r->to + at;
    every(whole / LANES, base, r, at, LANES);
    for (int64_t i = 0; i < whole; i++) {
        first[i] = base[i / LANES];
        lane[i] = (double)(i % LANES);
    }
    fma_f64(whole, y, r->step, lane, first);
    every(n - whole, y + whole, r, at + whole, 1);
}

static int arange_between(mt_call *c, mt_scalar start, mt_scalar end, mt_scalar step, mt_dtype d)
{
    if (d ==
        MT_INT64) { /* PyTorch cuts the fractions off first; for other integers after counting */
        start = mt_scalar_int(mt_scalar_to_int(start));
        end = mt_scalar_int(mt_scalar_to_int(end));
        step = mt_scalar_int(mt_scalar_to_int(step));
    }
    double a = mt_scalar_to_double(start), b = mt_scalar_to_double(end),
           s = mt_scalar_to_double(step), n;
    if (!(s > 0 || s < 0)) return mt_error(MT_RUNTIME, "step must be nonzero");
    if (d == MT_BOOL)
        return mt_error(MT_NOT_IMPLEMENTED, "\"arange_cpu\" not implemented for 'Bool'");
    if (!isfinite(a) || !isfinite(b))
        return mt_error(MT_RUNTIME, "unsupported range: %g -> %g", a, b);
    if ((s > 0 && a > b) || (s < 0 && a < b))
        return mt_error(MT_RUNTIME, "upper bound and lower bound inconsistent with step sign");
    bool whole = mt_is_integral(d) && start.kind != MT_SCALAR_FLOAT &&
                 end.kind != MT_SCALAR_FLOAT && step.kind != MT_SCALAR_FLOAT;
    int64_t a_int = mt_scalar_to_int(start), s_int = mt_scalar_to_int(step);
    if (whole) {
        uint64_t gap = s_int > 0 ? (uint64_t)mt_scalar_to_int(end) - (uint64_t)a_int
                                 : (uint64_t)a_int - (uint64_t)mt_scalar_to_int(end);
        uint64_t width = s_int > 0 ? (uint64_t)s_int : -(uint64_t)s_int;
        n = (double)(gap / width + (gap % width != 0));
    } else {
        n = ceil((b - a) / s);
    }
    if (n > 9e15) return mt_error(MT_RUNTIME, "invalid size, possible overflow?");
    int64_t count = (int64_t)n;
    mt_tensor *y = mt_result(c, 0, d, 1, &count);
    if (!y) return -1;
    const range r = {
        .dtype = d, .to = y->data, .n = count, .first = a_int, .by = s_int, .start = a, .step = s};
    run(&r, d == MT_FLOAT32 ? floats_f32 : d == MT_FLOAT64 ? floats_f64 : integers);
    return 0;
}

static int arange_forward(mt_call *c)
{
    return arange_between(c, mt_scalar_int(0), c->arg[0].s, mt_scalar_int(1),
                          mt_wanted_dtype(c, &c->arg[1], range_type(c, 1)));
}
MT_OP(arange, FACTORY, .schema = "arange(Scalar end, *, ScalarType? dtype=None) -> Tensor",
      .doc = "The numbers from start (0) to end, which is left out, in steps of step (1). int64 "
             "unless a float is given.");
static int arange_start_forward(mt_call *c)
{
    mt_scalar step = c->arg[2].s;
    return arange_between(c, c->arg[0].s, c->arg[1].s, step,
                          mt_wanted_dtype(c, &c->arg[3], range_type(c, 3)));
}
MT_OP(arange_start, FACTORY,
      .schema = "arange.start(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None) "
                "-> Tensor",
      .doc = "");

/* The older range, which includes its end. */
static int range_forward(mt_call *c)
{
    double a = mt_scalar_to_double(c->arg[0].s), b = mt_scalar_to_double(c->arg[1].s),
           step = mt_scalar_to_double(c->arg[2].s);
    if (mt_warn("torch.range is deprecated and will be removed in a future release because its "
                "behavior is inconsistent with Python's range builtin. Instead, use torch.arange, "
                "which produces values in [start, end).") < 0)
        return -1;
    if (step == 0) return mt_error(MT_RUNTIME, "step must be nonzero");
    if (!isfinite(a) || !isfinite(b))
        return mt_error(MT_RUNTIME, "unsupported range: %g -> %g", a, b);
    if ((b - a) * step < 0)
        return mt_error(MT_RUNTIME, "upper bound and lower bound inconsistent with step sign");
    double n = floor((b - a) / step) + 1;
    if (!(n < 9e15)) return mt_error(MT_RUNTIME, "invalid size, possible overflow?");
    int64_t count = (int64_t)n;
    mt_tensor *y = mt_result(c, 0, mt_wanted_dtype(c, &c->arg[3], mt_default_dtype()), 1, &count);
    for (int64_t i = 0; y && i < count; i++)
        mt_scalar_store(mt_scalar_float(a + (double)i * step), (mt_dtype)y->dtype,
                        y->data + i * mt_itemsize(y));
    return y ? 0 : -1;
}
MT_OP(
    range, FACTORY | MT_RANDOM,
    .schema = "range(Scalar start, Scalar end, Scalar step=1, *, ScalarType? dtype=None) -> Tensor",
    .doc = "The numbers from start to end, which is included, in steps of step. Older than "
           "arange, with a warning.");

/* start and end are 0-d tensors, or numbers. */
static int check_ends(const mt_call *c, const char *name)
{
    int a = c->in[0]->ndim, b = c->in[1]->ndim;
    char text[2][40] = {"", ""};
    if (a == 0 && b == 0) return 0;
    if (a) snprintf(text[0], sizeof text[0], "start with %d dimension(s)", a);
    if (b) snprintf(text[1], sizeof text[1], "%send with %d dimension(s)", a ? " and " : "", b);
    return mt_error(MT_RUNTIME,
                    "%s only supports 0-dimensional start and end tensors, but got %s%s.", name,
                    text[0], text[1]);
}

/* An integral range runs between integers. */
static double end_at(const mt_call *c, int i, mt_dtype d)
{
    mt_scalar end = mt_item_at(c->in[i], 0);
    return mt_is_float(d) ? mt_scalar_to_double(end) : (double)mt_scalar_to_int(end);
}

/* From both ends towards the middle, as PyTorch does it, so that the last
 * value is exactly `end`. */
static void between_f32(const range *r, int64_t at, int64_t n)
{
    const int64_t half = r->n == 1 ? 1 : r->n / 2, size = sizeof(float);
    const float start = (float)r->start, end = (float)r->end, step = (float)r->step;
    float x[PIECE], z[PIECE];
    for (int64_t i = 0; i < n; i++) {
        const bool first = at + i < half;
        x[i] = first ? (float)(at + i) : -(float)(r->n - 1 - at - i);
        z[i] = first ? start : end;
    }
    mt_k->fma[MT_FLOAT32](n, (char *[]){r->to + at * size, (char *)&step, (char *)x, (char *)z},
                          (int64_t[]){size, 0, size, size}, NULL);
}

static void between_f64(const range *r, int64_t at, int64_t n)
{
    const int64_t half = r->n == 1 ? 1 : r->n / 2;
    double x[PIECE], y[PIECE], z[PIECE];
    for (int64_t i = 0; i < n; i++) {
        const bool first = at + i < half;
        x[i] = first ? (double)(at + i) : -(double)(r->n - 1 - at - i);
        z[i] = first ? r->start : r->end;
    }
    fma_f64(n, y, r->step, x, z);
    put(r, at, n, MT_FLOAT64, y);
}

static int linspace_forward(mt_call *c)
{
    if (check_ends(c, "linspace") < 0) return -1;
    int64_t n = c->arg[0].i;
    mt_dtype d = mt_wanted_dtype(c, &c->arg[1], mt_default_dtype());
    if (n < 0) return mt_error(MT_RUNTIME, "number of steps must be non-negative");
    double a = end_at(c, 0, d), b = end_at(c, 1, d);
    mt_tensor *y = mt_result(c, 0, d, 1, &n);
    if (!y) return -1;
    range r = {.dtype = d, .to = y->data, .n = n, .start = a, .end = b};
    if (n > 1)
        r.step =
            d == MT_FLOAT32 ? ((float)b - (float)a) / (float)(n - 1) : (b - a) / (double)(n - 1);
    run(&r, d == MT_FLOAT32 ? between_f32 : between_f64);
    return 0;
}
MT_OP(
    linspace, FACTORY,
    .schema = "linspace(Number start, Number end, int steps, *, ScalarType? dtype=None) -> Tensor",
    .doc = "`steps` numbers at equal distances from start to end, both included.");

static int logspace_forward(mt_call *c)
{
    if (check_ends(c, "logspace") < 0) return -1;
    int64_t n = c->arg[0].i;
    mt_dtype d = mt_wanted_dtype(c, &c->arg[2], mt_default_dtype());
    if (n < 0) return mt_error(MT_RUNTIME, "number of steps must be non-negative");
    double a = end_at(c, 0, d), b = end_at(c, 1, d), step = n > 1 ? (b - a) / (double)(n - 1) : 0;
    mt_tensor *y = mt_result(c, 0, d, 1, &n);
    for (int64_t i = 0; y && i < n; i++) {
        double v = i < n / 2 || n == 1 ? a + (double)i * step : b - (double)(n - 1 - i) * step;
        mt_scalar_store(mt_scalar_float(pow(c->arg[1].d, v)), d, y->data + i * mt_itemsize(y));
    }
    return y ? 0 : -1;
}
MT_OP(logspace, FACTORY,
      .schema = "logspace(Number start, Number end, int steps, float base=10.0, *, ScalarType? "
                "dtype=None) -> Tensor",
      .doc = "base ** x for the x of linspace(start, end, steps).");
