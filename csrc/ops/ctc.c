/* Connectionist temporal classification (Graves et al. 2006): minus the logarithm of the probability that a row of
 * classes, with repeats and blanks thrown out, is the target.
 *
 * States are the labels with blanks between and around them. From one step to the next a state is kept, or the next one
 * taken, or the one after if that is another label. alpha_t(s) is the probability of all beginnings that are in s at t,
 * beta_t(s) that of all ends from there; their product over the probability of all is that of being there. */
#include "ops/ops.h"

#include "base/alloc.h"
#include "base/parallel.h"

#include <inttypes.h>
#include <math.h>

typedef struct ctc_sample {
    const int64_t *target;
    int64_t labels, steps, blank, classes, stride; /* from one step to the next in memory */
} ctc_sample;

static int64_t label(const ctc_sample *p, int64_t s) { return s % 2 ? p->target[s / 2] : p->blank; }
/* May state s follow s - 2? */
static bool skips(const ctc_sample *p, int64_t s)
{
    return s > 1 && label(p, s) != label(p, s - 2);
}

#define T   float
#define S   f32
#define EXP expf
#define LOG logf
#include "ops/ctc_steps.h"

#define T   double
#define S   f64
#define EXP exp
#define LOG log
#include "ops/ctc_steps.h"

typedef struct ctc_job {
    const mt_arg *arg;
    const mt_tensor *x, *g, *target;
    mt_tensor *out, *room; /* room: rows of states for each sample */
    int64_t states, rows;
} ctc_job;

enum { STEPS, LABELS, BLANK, ZERO_INFINITY };

static ctc_sample sample_of(const ctc_job *j, int64_t b)
{
    const int64_t *targets = (const int64_t *)(const void *)j->target->data;
    int64_t at = 0;
    if (j->target->ndim == 2)
        at = b * j->target->size[1];
    else
        for (int64_t i = 0; i < b; i++) at += j->arg[LABELS].ints.v[i];
    return (ctc_sample){.target = targets + at,
                        .labels = j->arg[LABELS].ints.v[b],
                        .steps = j->arg[STEPS].ints.v[b],
                        .blank = j->arg[BLANK].i,
                        .classes = j->x->size[2],
                        .stride = j->x->size[1] * j->x->size[2]};
}

static void run_samples(int64_t begin, int64_t end, void *context)
{
    const ctc_job *j = context;
    const bool single = j->x->dtype == MT_FLOAT32, zero = j->arg[ZERO_INFINITY].b;
    void *const out = j->out->data, *const room = j->room->data;
    const void *const x = j->x->data, *const g = j->g ? j->g->data : NULL;
    for (int64_t b = begin; b < end; b++) {
        const ctc_sample p = sample_of(j, b);
        const int64_t at = b * p.classes, alpha = b * j->rows * j->states;
        const int64_t beta = alpha + (j->rows - 2) * j->states;
        if (single && g)
            backward_f32(&p, (float *)out + at, (const float *)x + at, (float *)room + alpha,
                         (float *)room + beta, ((const float *)g)[b], zero);
        else if (g)
            backward_f64(&p, (double *)out + at, (const double *)x + at, (double *)room + alpha,
                         (double *)room + beta, ((const double *)g)[b], zero);
        else if (single)
            ((float *)out)[b] = forward_f32(&p, (const float *)x + at, (float *)room + alpha, 2);
        else
            ((double *)out)[b] = forward_f64(&p, (const double *)x + at, (double *)room + alpha, 2);
    }
}

static int run(ctc_job *j, int64_t steps)
{
    const mt_tensor *x = j->x;
    int64_t most = 0;
    for (int64_t b = 0; b < x->size[1]; b++)
        if (j->arg[LABELS].ints.v[b] > most) most = j->arg[LABELS].ints.v[b];
    j->states = 2 * most + 1, j->rows = steps + 2;
    if (!(j->room = mt_empty((mt_dtype)x->dtype, 3, (int64_t[]){x->size[1], j->rows, j->states})))
        return -1;
    mt_parallel_for(x->size[1], 1 + MT_GRAIN_DEAR / 16 / (x->size[0] * j->states + 1), run_samples,
                    j);
    return 0;
}

/* Do lengths, targets and x fit? */
static int check_lengths(const mt_call *c)
{
    const mt_tensor *x = c->in[0], *target = c->in[1];
    const mt_arg *steps = &c->arg[STEPS], *labels = &c->arg[LABELS];
    int64_t all = 0;
    if (x->ndim != 3) return mt_error(MT_RUNTIME, "ctc_loss: log_probs must have 3 dimensions");
    if (!mt_is_float((mt_dtype)x->dtype))
        return mt_error(MT_NOT_IMPLEMENTED, "\"ctc_loss_cpu\" not implemented for '%s'",
                        mt_dtype_camel((mt_dtype)x->dtype));
    if (target->ndim < 1 || target->ndim > 2 || steps->ints.n != x->size[1] ||
        labels->ints.n != x->size[1])
        return mt_error(MT_RUNTIME, "ctc_loss: lengths and targets must be those of the batch");
    if (target->ndim == 2 && target->size[0] != x->size[1])
        return mt_error(MT_RUNTIME,
                        "Expected tensor to have size %" PRId64
                        " at dimension 0, but got size %" PRId64 " for argument #2 'targets' "
                        "(while checking arguments for ctc_loss_allocate_outputs)",
                        x->size[1], target->size[0]);
    for (int64_t b = 0; b < x->size[1]; b++) {
        const int64_t n = labels->ints.v[b];
        if (steps->ints.v[b] < 0 || steps->ints.v[b] > x->size[0])
            return mt_error(MT_RUNTIME,
                            "Expected input_lengths to have value at most %" PRId64
                            ", but got value %" PRId64,
                            x->size[0], steps->ints.v[b]);
        if (n < 0)
            return mt_error(MT_RUNTIME,
                            "Expected target_lengths to have value at least 0, but got value "
                            "%" PRId64,
                            n);
        const int64_t left = target->ndim == 2 ? target->size[1] : target->numel - all;
        if (n > left)
            return mt_error(MT_RUNTIME,
                            "Expected tensor to have size at least %" PRId64
                            " at dimension %d, but got size %" PRId64 " for argument #2 'targets' "
                            "(while checking arguments for ctc_loss_allocate_outputs)",
                            target->ndim == 2 ? n : all + n, target->ndim - 1,
                            target->size[target->ndim - 1]);
        all += n;
    }
    return 0;
}

static int check_classes(const ctc_job *j)
{
    for (int64_t b = 0; b < j->x->size[1]; b++) {
        const ctc_sample p = sample_of(j, b);
        for (int64_t i = 0; i < p.labels; i++)
            if (p.target[i] < 0 || p.target[i] >= p.classes)
                return mt_error(MT_INDEX, "index out of range in self");
        if (p.blank < 0 || p.blank >= p.classes)
            return mt_error(MT_RUNTIME, "blank must be in label range");
    }
    return 0;
}

static int ctc_loss_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    const mt_dtype d = (mt_dtype)x->dtype;
    if (check_lengths(c) < 0) return -1;
    ctc_job j = {.arg = c->arg};
    if (!(j.x = mt_contiguous_raw(x, d)) || !(j.target = mt_contiguous_raw(c->in[1], MT_INT64)) ||
        check_classes(&j) < 0 || !(j.out = mt_result(c, 0, d, 1, &x->size[1])))
        return -1;
    return run(&j, 0);
}

static void ctc_loss_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0];
    const mt_dtype d = (mt_dtype)x->dtype;
    ctc_job j = {.arg = c->arg};
    gin[0] = NULL;
    if (!(j.x = mt_contiguous_raw(x, d)) || !(j.g = mt_contiguous_raw(gout[0], d)) ||
        !(j.target = mt_contiguous_raw(c->in[1], MT_INT64)) ||
        !(j.out = mt_zeros_raw(d, 3, x->size)) || run(&j, x->size[0]) < 0)
        return;
    gin[0] = j.out;
}

/* ---- the same of operators ------------------------------------------------------------------- */

/* For the states of a sample: which may follow which, and whose class is which. */
static void fill_tables(const ctc_sample *p, mt_tensor *follow, mt_tensor *emit)
{
    const int64_t n = follow->size[0];
    for (int64_t s = 0; s < n; s++) {
        mt_scalar one = mt_scalar_float(1);
        for (int64_t r = s < 2 || skips(p, s) ? s - 2 : s - 1; r <= s; r++)
            if (r >= 0 && (r > s - 2 || skips(p, s)))
                mt_scalar_store(one, (mt_dtype)follow->dtype,
                                follow->data + (r * n + s) * mt_itemsize(follow));
        mt_scalar_store(one, (mt_dtype)emit->dtype,
                        emit->data + (s * p->classes + label(p, s)) * mt_itemsize(emit));
    }
}

/* Over their sum, which is taken for a constant: the sum of what comes of it is set anew. */
static mt_tensor *scaled(mt_tensor *t) { return mt_div(t, mt_detach(mt_sum(t))); }

/* n states, 1 for the first two or the last two. */
static mt_tensor *two_of(mt_dtype d, int64_t n, bool first)
{
    mt_tensor *t = mt_zeros_raw(d, 1, &n);
    for (int64_t s = 0; t && s < n; s++)
        if (first ? s < 2 : s >= n - 2)
            mt_scalar_store(mt_scalar_float(1), d, t->data + s * mt_itemsize(t));
    return t;
}

/* The probabilities of being in a state at every step (steps, classes), of those of the classes there. */
static mt_tensor *occupied(const ctc_sample *p, mt_tensor *probability, mt_tensor **row)
{
    const mt_dtype d = (mt_dtype)probability->dtype;
    const int64_t n = 2 * p->labels + 1, last = -1;
    mt_tensor *follow = mt_zeros_raw(d, 2, (int64_t[]){n, n}),
              *emit = mt_zeros_raw(d, 2, (int64_t[]){n, p->classes}), *ends = two_of(d, n, false),
              *a = two_of(d, n, true);
    if (!follow || !emit || !ends || !a) return NULL;
    fill_tables(p, follow, emit);
    mt_tensor *e = mt_matmul(probability, mt_t(emit));
    for (int64_t t = 0; t < p->steps; t++) {
        a = scaled(mt_mul(t ? mt_matmul(a, follow) : a, mt_select(e, 0, t)));
        row[t] = a;
    }
    for (int64_t t = p->steps - 1; t >= 0; t--) {
        row[t] = mt_mul(row[t], ends);
        ends = scaled(mt_matmul(follow, mt_mul(ends, mt_select(e, 0, t))));
    }
    mt_tensor *both = mt_stack((int)p->steps, row, 0);
    return mt_matmul(mt_div(both, mt_sum_dim(both, 1, &last, true)), emit);
}

static mt_tensor *slope_of(const ctc_sample *p, mt_tensor *x, mt_tensor *g, bool zero)
{
    const int64_t rest = x->size[0] - p->steps;
    const size_t bytes = (size_t)p->steps * sizeof(mt_tensor *);
    mt_tensor *none = mt_zeros((mt_dtype)x->dtype, 2, (int64_t[]){rest, p->classes});
    if (zero || p->steps == 0) return mt_zeros_like(x);
    mt_tensor *probability = mt_exp(mt_narrow(x, 0, 0, p->steps)), **row = mt_malloc(bytes);
    mt_tensor *there = row && probability ? occupied(p, probability, row) : NULL;
    if (row) mt_free(row, bytes);
    mt_tensor *parts[2] = {there ? mt_mul(mt_sub(probability, there), g) : NULL, none};
    return parts[0] && none ? mt_cat(2, parts, 0) : NULL;
}

/* gx = (e^x - the probability of being there) g. */
static void ctc_loss_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0];
    ctc_job j = {.arg = c->arg, .x = x, .target = mt_contiguous_raw(c->in[1], MT_INT64)};
    const int64_t batch = x->size[1];
    const size_t bytes = (size_t)batch * sizeof(mt_tensor *);
    mt_tensor **slope = j.target && batch ? mt_malloc(bytes) : NULL;
    gin[0] = NULL;
    if (!slope) return;
    bool whole = true;
    for (int64_t b = 0; b < batch && whole; b++) {
        const ctc_sample p = sample_of(&j, b);
        const bool zero = c->arg[ZERO_INFINITY].b && isinf(mt_item_at(c->out[0], b).v.d);
        slope[b] = slope_of(&p, mt_select(x, 1, b), mt_select(gout[0], 0, b), zero);
        whole = slope[b];
    }
    if (whole) gin[0] = mt_stack((int)batch, slope, 1);
    mt_free(slope, bytes);
}

MT_OP(ctc_loss, .kind = MT_NN, .keeps = {MT_KEEP_IN(0) | MT_KEEP_IN(1) | MT_KEEP_OUT(0)},
      .backward = ctc_loss_backward, .fused = ctc_loss_fused,
      .rule = "(exp(x) - the probability of the class in all ways to emit the target) g",
      .schema = "ctc_loss(Tensor log_probs, Tensor targets, int[] input_lengths, int[] "
                "target_lengths, int blank=0, bool zero_infinity=False) -> Tensor",
      .doc = "Connectionist temporal classification: minus the log-probability of all ways to emit "
             "a target sequence, for each sample.");
