/* The derivative of a recurrent layer in operators that have derivatives themselves: the layer is
 * run again from its inputs, step by step, and walked back by hand. Used where a graph of the
 * gradient is wanted; a test compares it with recurrent.c, which is the same in loops. */
#include "base/alloc.h"
#include "ops/recurrent.h"

#include <string.h>

/* A step of the run: states before it (n rows), activations, and of an LSTM tanh(c'), o tanh(c'). */
typedef struct step {
    int64_t n, first;
    mt_tensor *h, *c, *a[4], *bent, *full;
    mt_tensor *da, *ds; /* gradients of what input and state contribute to the gates */
} step;

typedef struct run {
    mt_recurrence r;
    step *steps;
    mt_tensor *w_hh, *w_hr, *b_hh;
    mt_tensor *g_hh, *g_hr; /* gradients of the weights of the state so far */
} run;

static mt_tensor *rows(mt_tensor *t, int64_t from, int64_t n)
{
    return t && (from || n != t->size[0]) ? mt_narrow(t, 0, from, n) : t;
}
static mt_tensor *gate(mt_tensor *t, int64_t k, int64_t hidden)
{
    return mt_narrow(t, 1, k * hidden, hidden);
}
/* The first rows of a state replaced. */
static mt_tensor *put_rows(mt_tensor *state, mt_tensor *first, int64_t n)
{
    if (!state || !first || n == state->size[0]) return first;
    mt_tensor *pair[2] = {first, rows(state, n, state->size[0] - n)};
    return pair[1] ? mt_cat(2, pair, 0) : NULL;
}
static mt_tensor *one_minus(mt_tensor *x) { return mt_sub(mt_number(1), x); }
/* The slopes of sigmoid and tanh, from their values, times g. */
static mt_tensor *through_sigmoid(mt_tensor *g, mt_tensor *y)
{
    return mt_mul(g, mt_mul(y, one_minus(y)));
}
static mt_tensor *through_tanh(mt_tensor *g, mt_tensor *y)
{
    return mt_mul(g, one_minus(mt_square(y)));
}
static mt_tensor *beside(int n, mt_tensor **parts)
{
    for (int i = 0; i < n; i++)
        if (!parts[i]) return NULL;
    return mt_cat(n, parts, 1);
}
static mt_tensor *plus(mt_tensor *sum, mt_tensor *t) { return sum ? mt_add(sum, t) : t; }

/* ---- forward --------------------------------------------------------------------------------- */

/* Each returns h'; that of the LSTM changes *c. */
static mt_tensor *lstm(const run *u, step *s, mt_tensor *in, mt_tensor **c)
{
    mt_tensor *z = mt_add(in, mt_linear(s->h, u->w_hh, u->b_hh));
    for (int k = 0; z && k < 4; k++) {
        mt_tensor *part = gate(z, k, u->r.hidden);
        s->a[k] = k == 2 ? mt_tanh(part) : mt_sigmoid(part);
    }
    *c = mt_add(mt_mul(s->a[1], s->c), mt_mul(s->a[0], s->a[2]));
    s->bent = mt_tanh(*c);
    s->full = mt_mul(s->a[3], s->bent);
    return u->w_hr ? mt_linear(s->full, u->w_hr, NULL) : s->full;
}

static mt_tensor *gru(const run *u, step *s, mt_tensor *in)
{
    int64_t hidden = u->r.hidden;
    mt_tensor *state = mt_linear(s->h, u->w_hh, u->b_hh);
    if (!in || !state) return NULL;
    for (int k = 0; k < 2; k++)
        s->a[k] = mt_sigmoid(mt_add(gate(in, k, hidden), gate(state, k, hidden)));
    s->a[3] = gate(state, 2, hidden);
    s->a[2] = mt_tanh(mt_add(gate(in, 2, hidden), mt_mul(s->a[0], s->a[3])));
    return mt_add(s->a[2], mt_mul(s->a[1], mt_sub(s->h, s->a[2])));
}

static mt_tensor *plain(const run *u, step *s, mt_tensor *in)
{
    mt_tensor *z = mt_add(in, mt_linear(s->h, u->w_hh, u->b_hh));
    return s->a[0] = u->r.mode == MT_RNN_TANH ? mt_tanh(z) : mt_relu(z);
}

/* The i-th step of the run in time. */
static step *step_at(const run *u, int64_t i)
{
    return &u->steps[u->r.reverse ? u->r.steps - 1 - i : i];
}

static int run_again(run *u, const mt_call *call, mt_tensor *x)
{
    mt_tensor *h = call->in[REC_H0], *c = call->in[REC_C0], *next = c;
    mt_tensor *in = mt_linear(x, call->in[REC_W_IH], call->in[REC_B_IH]);
    for (int64_t i = 0; i < u->r.steps; i++) {
        step *s = step_at(u, i);
        mt_tensor *mine = rows(in, s->first, s->n), *result;
        s->h = rows(h, 0, s->n), s->c = rows(c, 0, s->n);
        if (u->r.mode == MT_RNN_LSTM)
            result = lstm(u, s, mine, &next);
        else
            result = u->r.mode == MT_RNN_GRU ? gru(u, s, mine) : plain(u, s, mine);
        h = put_rows(h, result, s->n), c = put_rows(c, next, s->n);
        if (!h) return -1;
    }
    return 0;
}

/* ---- back ------------------------------------------------------------------------------------ */

/* From dh, the gradient of h', sets s->da and s->ds; each returns what reaches h past the weights,
 * or NULL for nothing. That of the LSTM changes *dc from the gradient of c' to that of c. */
static void lstm_back(run *u, step *s, mt_tensor *dh, mt_tensor **dc)
{
    mt_tensor *i = s->a[0], *f = s->a[1], *g = s->a[2], *o = s->a[3], *parts[4];
    if (u->w_hr) {
        u->g_hr = plus(u->g_hr, mt_mm(mt_t(dh), s->full));
        dh = mt_mm(dh, u->w_hr);
    }
    mt_tensor *d = mt_add(*dc, through_tanh(mt_mul(dh, o), s->bent));
    parts[0] = through_sigmoid(mt_mul(d, g), i);
    parts[1] = through_sigmoid(mt_mul(d, s->c), f);
    parts[2] = through_tanh(mt_mul(d, i), g);
    parts[3] = through_sigmoid(mt_mul(dh, s->bent), o);
    s->da = s->ds = beside(4, parts);
    *dc = mt_mul(d, f);
}

static mt_tensor *gru_back(step *s, mt_tensor *dh)
{
    mt_tensor *slope = through_tanh(mt_mul(dh, one_minus(s->a[1])), s->a[2]), *parts[3];
    parts[0] = through_sigmoid(mt_mul(slope, s->a[3]), s->a[0]);
    parts[1] = through_sigmoid(mt_mul(dh, mt_sub(s->h, s->a[2])), s->a[1]);
    parts[2] = slope;
    s->da = beside(3, parts);
    parts[2] = mt_mul(slope, s->a[0]);
    s->ds = beside(3, parts);
    return mt_mul(dh, s->a[1]);
}

static void plain_back(const run *u, step *s, mt_tensor *dh)
{
    bool tanh = u->r.mode == MT_RNN_TANH;
    s->da = s->ds = tanh ? through_tanh(dh, s->a[0]) : mt_mul(dh, mt_gt(s->a[0], mt_number(0)));
}

static int walk_back(run *u, mt_tensor *gy, mt_tensor **dh, mt_tensor **dc)
{
    for (int64_t k = u->r.steps - 1; k >= 0; k--) {
        step *s = step_at(u, k);
        mt_tensor *d = rows(*dh, 0, s->n), *cell = rows(*dc, 0, s->n), *past = NULL;
        if (gy) d = mt_add(d, rows(gy, s->first, s->n));
        if (u->r.mode == MT_RNN_LSTM)
            lstm_back(u, s, d, &cell);
        else if (u->r.mode == MT_RNN_GRU)
            past = gru_back(s, d);
        else
            plain_back(u, s, d);
        if (!s->ds) return -1;
        u->g_hh = plus(u->g_hh, mt_mm(mt_t(s->ds), s->h));
        d = plus(past, mt_mm(s->ds, u->w_hh));
        *dh = put_rows(*dh, d, s->n), *dc = put_rows(*dc, cell, s->n);
        if (!*dh) return -1;
    }
    return 0;
}

/* The gradients of all steps as one matrix of rows. */
static mt_tensor *all_rows(const run *u, bool of_state)
{
    mt_tensor **list = mt_malloc((size_t)u->r.steps * sizeof *list), *joined = NULL;
    if (!list) return NULL;
    for (int64_t t = 0; t < u->r.steps; t++) list[t] = of_state ? u->steps[t].ds : u->steps[t].da;
    joined = mt_cat((int)u->r.steps, list, 0);
    mt_free(list, (size_t)u->r.steps * sizeof *list);
    return joined;
}

static mt_tensor *state_gradient(const run *u, mt_tensor *g, int64_t width)
{
    int64_t size[2] = {u->r.batch, width};
    return g ? g : mt_zeros(u->r.d, 2, size);
}

static void gradients(run *u, const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    int64_t flat[2] = {u->r.rows, u->r.inputs}, out[2] = {u->r.rows, u->r.out}, first = 0;
    mt_tensor *x = mt_reshape(c->in[REC_X], 2, flat), *gy = gout[REC_Y];
    mt_tensor *dh = state_gradient(u, gout[REC_HN], u->r.out), *da, *ds;
    mt_tensor *dc = u->r.mode == MT_RNN_LSTM ? state_gradient(u, gout[REC_CN], u->r.hidden) : NULL;
    bool wanted[REC_NIN];
    for (int i = 0; i < REC_NIN; i++) wanted[i] = gin[i], gin[i] = NULL;
    if (gy) gy = mt_reshape(gy, 2, out);
    if (!x || !dh || u->r.steps == 0 || run_again(u, c, x) < 0 || walk_back(u, gy, &dh, &dc) < 0)
        return;
    if (!(da = all_rows(u, false)) || !(ds = all_rows(u, true))) return;
    if (wanted[REC_H0]) gin[REC_H0] = dh;
    if (wanted[REC_C0]) gin[REC_C0] = dc;
    if (wanted[REC_X])
        gin[REC_X] =
            mt_reshape(mt_mm(da, c->in[REC_W_IH]), c->in_dims[REC_X].ndim, c->in_dims[REC_X].size);
    if (wanted[REC_W_IH]) gin[REC_W_IH] = mt_mm(mt_t(da), x);
    if (wanted[REC_W_HH]) gin[REC_W_HH] = u->g_hh;
    if (wanted[REC_W_HR]) gin[REC_W_HR] = u->g_hr;
    if (wanted[REC_B_IH]) gin[REC_B_IH] = mt_sum_dim(da, 1, &first, false);
    if (wanted[REC_B_HH]) gin[REC_B_HH] = mt_sum_dim(ds, 1, &first, false);
}

void mt_recurrent_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    run u = {.w_hh = c->in[REC_W_HH], .w_hr = c->in[REC_W_HR], .b_hh = c->in[REC_B_HH]};
    if (mt_recurrence_of(&u.r, c->in_dims, c->arg) < 0) return;
    size_t bytes = (size_t)(u.r.steps + 1) * sizeof *u.steps;
    if (!(u.steps = mt_calloc(bytes))) return;
    for (int64_t t = 0, first = 0; t < u.r.steps; t++) {
        u.steps[t].first = first;
        first += u.steps[t].n = mt_step_rows(&u.r, t);
    }
    gradients(&u, c, gout, gin);
    mt_free(u.steps, bytes);
}
