/* Chains: for every operator with a rule over plain memory (op->raw), what arrives in the leaves
 * is bit for bit what the engine's own way gives, which a hook forces. And what chains must not
 * pass over: kept values that were written to, released graphs, gradients that are already there. */
#include "autograd/engine.h"
#include "graph/hooks.h"
#include "graph/inplace.h"
#include "minitorch.h"
#include "mtest.h"

#define MAX_IN 3

extern const mt_op mt_op_bce,
    mt_op_bce_logits; /* parts of composites, under no name of their own */

typedef struct sample {
    const mt_op *op;
    int nin;
    int ndim[MAX_IN];
    int64_t size[MAX_IN][4];
    unsigned leaves; /* which inputs want a gradient, by bit */
    int narg;
    mt_arg arg[2];
} sample;

#define TEXT(t)             {.given = true, .text = t}
#define NUMBER(x)           {.given = true, .d = x}
#define SCALAR(x)           {.given = true, .s = {MT_SCALAR_FLOAT, {.d = x}, 0}}
#define CURVE(name, n, ...) {.op = &mt_op_##name, 1, {2}, {{5, n}}, 1, __VA_ARGS__}

static const sample samples[] = {
    {.op = &mt_op_relu, 1, {2}, {{5, 3}}, 1},
    {.op = &mt_op_tanh, 1, {1}, {{700}}, 1},
    {.op = &mt_op_sigmoid, 1, {4}, {{2, 3, 1, 5}}, 1},
    {.op = &mt_op_sigmoid, 1, {0}, {{0}}, 1},
    {.op = &mt_op_relu, 1, {2}, {{400, 300}}, 1},
    {.op = &mt_op_linear, 3, {2, 2, 1}, {{8, 2}, {4, 2}, {4}}, 7},
    {.op = &mt_op_linear, 3, {2, 2, 1}, {{8, 4}, {1, 4}, {1}}, 6},
    {.op = &mt_op_linear, 3, {2, 2, 1}, {{8, 4}, {1, 4}, {1}}, 1},
    {.op = &mt_op_linear, 3, {2, 2, 1}, {{33, 70}, {11, 70}, {11}}, 7},
    {.op = &mt_op_linear, 2, {2, 2}, {{5, 3}, {2, 3}}, 3},
    {.op = &mt_op_linear, 3, {3, 2, 1}, {{2, 5, 3}, {2, 3}, {2}}, 7},
    {.op = &mt_op_linear, 2, {2, 1}, {{5, 3}, {3}}, 3},
    {.op = &mt_op_mse_loss, 2, {2, 2}, {{8, 1}, {8, 1}}, 1, 1, {TEXT("mean")}},
    {.op = &mt_op_mse_loss, 2, {2, 2}, {{8, 1}, {8, 1}}, 3, 1, {TEXT("mean")}},
    {.op = &mt_op_mse_loss, 2, {2, 2}, {{8, 3}, {8, 1}}, 1, 1, {TEXT("sum")}},
    {.op = &mt_op_mse_loss, 2, {2, 2}, {{200, 300}, {200, 300}}, 1, 1, {TEXT("sum")}},
    {.op = &mt_op_mse_loss, 2, {1, 1}, {{7}, {7}}, 1, 1, {TEXT("none")}},
    {.op = &mt_op_smooth_l1_loss, 2, {1, 1}, {{9}, {9}}, 1, 2, {NUMBER(0.5), TEXT("mean")}},
    {.op = &mt_op_huber_loss, 2, {1, 1}, {{9}, {9}}, 1, 2, {NUMBER(0.5), TEXT("sum")}},
    {.op = &mt_op_bce, 2, {2, 2}, {{4, 2}, {4, 2}}, 1, 1, {TEXT("mean")}},
    {.op = &mt_op_bce_logits, 2, {2, 2}, {{4, 2}, {4, 2}}, 1, 1, {TEXT("mean")}},
    CURVE(log_sigmoid, 3, 0),
    CURVE(silu, 7, 0),
    CURVE(silu, 9001, 0),
    CURVE(mish, 3, 0),
    CURVE(gelu_erf, 16, 0),
    CURVE(gelu_tanh, 3, 0),
    CURVE(selu, 3, 0),
    CURVE(hardsigmoid, 3, 0),
    CURVE(hardswish, 3, 0),
    CURVE(relu6, 3, 0),
    CURVE(leaky_relu, 3, 1, {SCALAR(0.1)}),
    CURVE(softplus, 3, 2, {SCALAR(2), SCALAR(1)}),
    CURVE(elu, 3, 1, {SCALAR(0.7)}),
    CURVE(celu, 3, 1, {SCALAR(0.7)}),
    CURVE(hardtanh, 3, 2, {SCALAR(0.3), SCALAR(0.8)}),
    CURVE(threshold, 3, 2, {SCALAR(0.4), SCALAR(0)}),
    CURVE(hardshrink, 3, 1, {SCALAR(0.5)}),
    CURVE(softshrink, 3, 1, {SCALAR(0.5)}),
};

enum { LEAF, AFTER_RAW, AFTER_OTHER, TWICE, SUMMED, WAYS };       /* what the first input is */
enum { PLAIN = 0, SLICED = 1, DOUBLES = 2, HELD = 4, KINDS = 8 }; /* HELD: retain_graph */

static int seed;

/* Numbers between 0 and 1, which suit every sample; sliced: every second one of twice as many. */
static mt_tensor *made(mt_dtype d, int ndim, const int64_t *size, bool sliced)
{
    int64_t wide[4] = {0};
    for (int k = 0; k < ndim; k++) wide[k] = size[k] * (sliced && k == ndim - 1 ? 2 : 1);
    mt_tensor *t = mt_empty(d, ndim, wide);
    for (int64_t i = 0; t && i < t->numel; i++)
        mt_scalar_store(mt_scalar_float(0.5 + 0.49 * sin((double)(i + 1) * 12.9898 + ++seed)), d,
                        t->data + i * mt_itemsize(t));
    return t && sliced && ndim ? mt_slice(t, ndim - 1, 0, wide[ndim - 1], 2) : t;
}

static mt_tensor *same(void *context, mt_tensor *g)
{
    ++*(int *)context;
    return g;
}

/* Back through a sample, into the leaves' grad. hooked: the engine's own way. */
static int run(const sample *s, int way, int kind, bool hooked, mt_tensor **leaf)
{
    mt_dtype d = kind & DOUBLES ? MT_FLOAT64 : MT_FLOAT32;
    mt_tensor *in[MAX_IN] = {NULL}, *other;
    mt_arg arg[2] = {s->arg[0], s->arg[1]};
    int calls = 0;
    seed = 0;
    for (int i = 0; i < s->nin; i++) {
        in[i] = made(d, s->ndim[i], s->size[i], kind & SLICED);
        if (!in[i]) return -1;
        leaf[i] = s->leaves >> i & 1 ? mt_parameter(in[i]) : NULL;
    }
    if (!leaf[0] && way != LEAF) return 0;
    other = way == AFTER_RAW     ? mt_sigmoid(in[0])
            : way == AFTER_OTHER ? mt_exp(mt_neg(in[0]))
                                 : NULL;
    if (other) in[0] = other;
    if (other && hooked && !mt_hook_add(other, false, same, NULL, &calls)) return -1;
    mt_tensor *y = mt_calln(s->op, s->op == &mt_op_linear ? 3 : s->nin, in, s->narg, arg);
    if (way == TWICE && y) y = mt_mul(y, mt_sigmoid(y));
    mt_tensor *watched = y;
    if (way == SUMMED && y) y = mt_sum(y); /* its gradient is one element, expanded */
    if (!y || (hooked && !mt_hook_add(watched, false, same, NULL, &calls))) return -1;
    if (y->ndim == 0) {
        if (mt_backward(1, &y, NULL, kind & HELD, false, 0, NULL) < 0) return -1;
        if (kind & HELD && mt_backward(1, &y, NULL, false, false, 0, NULL) < 0) return -1;
    }
    mt_tensor *gy = made(d, y->ndim, y->size, false);
    if (y->ndim && mt_backward(1, &y, &gy, kind & HELD, false, 0, NULL) < 0) return -1;
    if (y->ndim && kind & HELD && mt_backward(1, &y, &gy, false, false, 0, NULL) < 0) return -1;
    CHECK(!hooked || calls > 0);
    return 0;
}

static void compare(const sample *s, int way, int kind)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *a[MAX_IN] = {NULL}, *b[MAX_IN] = {NULL};
    CHECK_THAT(run(s, way, kind, false, a) == 0 && run(s, way, kind, true, b) == 0, "%s: %s",
               s->op->name, mt_error_pending() ? mt_error_message() : "failed");
    for (int i = 0; i < s->nin; i++) {
        if (!a[i] || !b[i]) continue;
        mt_tensor *x = a[i]->grad, *y = b[i]->grad;
        bool there = (x && y) || (!x && !y);
        if (CHECK_THAT(there, "%s: a gradient is missing", s->op->name) && x)
            CHECK_THAT(x->dtype == y->dtype && mt_same_shape(x, y) && mt_is_contiguous(x) &&
                           mt_is_contiguous(y) &&
                           !memcmp(x->data, y->data, (size_t)(x->numel * mt_itemsize(x))),
                       "%s, input %d, way %d, kind %d", s->op->name, i, way, kind);
    }
    for (int i = 0; i < s->nin; i++) {
        mt_release(a[i]);
        mt_release(b[i]);
    }
    mt_scope_close(scope);
}

static void test_both_ways(void)
{
    int64_t tensors = mt_live_tensors, storages = mt_live_storages;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (int way = 0; way < WAYS; way++)
            for (int kind = 0; kind < KINDS; kind++) compare(&samples[i], way, kind);
    CHECK_INT(mt_error_pending(), MT_OK);
    CHECK_INT(mt_live_tensors, tensors);
    CHECK_INT(mt_live_storages, storages);
}

static void test_every_raw_rule_has_a_sample(void)
{
    int rules = 0;
    for (int k = 0; k < mt_num_ops; k++) {
        bool found = !mt_ops[k]->raw;
        rules += !found;
        for (size_t i = 0; i < sizeof samples / sizeof *samples && !found; i++)
            found = samples[i].op == mt_ops[k];
        CHECK_THAT(found, "%s has a raw rule, but no sample", mt_ops[k]->name);
    }
    CHECK(rules >= 7);
}

/* ---- what must not be passed over ------------------------------------------------------------ */

static mt_tensor *leaf_of(int64_t rows, int64_t columns)
{
    return mt_parameter(made(MT_FLOAT32, 2, (int64_t[]){rows, columns}, false));
}

static void expect_runtime_error(const char *start)
{
    CHECK_INT(mt_error_pending(), MT_RUNTIME);
    CHECK_THAT(!strncmp(mt_error_message(), start, strlen(start)), "\"%s\"", mt_error_message());
    mt_error_clear();
}

/* A value that a node in the middle keeps was written to; the leaf behind it gets nothing. */
static void test_written_to(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf_of(3, 2), *h = mt_sigmoid(x), *y = mt_mse_loss(mt_tanh(h), h, "sum");
    mt_tensor *z = mt_mse_loss(mt_relu(mt_tanh(h)), made(MT_FLOAT32, 2, x->size, false), "sum");
    mt_self.no_grad = true;
    mt_call_inplace(&mt_op_add, 2, (mt_tensor *[]){h, h}, 0, NULL);
    mt_self.no_grad = false;
    CHECK_INT(mt_backward(1, &z, NULL, false, false, 0, NULL), -1);
    expect_runtime_error("one of the variables needed for gradient computation has been modified");
    CHECK_INT(mt_backward(1, &y, NULL, false, false, 0, NULL), -1);
    expect_runtime_error("one of the variables needed for gradient computation has been modified");
    CHECK(!x->grad);
    mt_release(x);
    mt_scope_close(scope);
}

/* A second walk stops where the first has been, be that the root or in the middle. */
static void test_released(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf_of(3, 2), *h = mt_sigmoid(x), *target = made(MT_FLOAT32, 2, x->size, false);
    mt_tensor *y = mt_mse_loss(mt_tanh(h), target, "mean");
    mt_tensor *z = mt_mse_loss(mt_relu(h), target, "mean");
    CHECK_INT(mt_backward(1, &y, NULL, false, false, 0, NULL), 0);
    CHECK_INT(mt_backward(1, &y, NULL, false, false, 0, NULL), -1);
    expect_runtime_error("Trying to backward through the graph a second time");
    CHECK_INT(mt_backward(1, &z, NULL, false, false, 0, NULL), -1);
    expect_runtime_error("Trying to backward through the graph a second time");
    mt_release(x);
    mt_scope_close(scope);
}

/* Into a gradient that is there already, which stays the same tensor; and into a leaf that lies
 * across, whose gradient lies as it does. */
static void test_into_what_is_there(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf_of(3, 2), *target = made(MT_FLOAT32, 2, x->size, false), *y, *first;
    y = mt_mse_loss(mt_sigmoid(x), target, "sum");
    CHECK_INT(mt_backward(1, &y, NULL, true, false, 0, NULL), 0);
    first = x->grad;
    float before = *(float *)(void *)first->data;
    CHECK_INT(mt_backward(1, &y, NULL, false, false, 0, NULL), 0);
    CHECK(x->grad == first);
    CHECK_NEAR(*(float *)(void *)first->data, 2 * before, 0);
    mt_release(x);

    mt_tensor *w = mt_parameter(mt_alias(mt_t(made(MT_FLOAT32, 2, (int64_t[]){2, 3}, false))));
    y = mt_linear(made(MT_FLOAT32, 2, (int64_t[]){4, 2}, false), w, NULL);
    y = mt_mse_loss(y, made(MT_FLOAT32, 2, (int64_t[]){4, 3}, false), "sum");
    CHECK_INT(mt_backward(1, &y, NULL, false, false, 0, NULL), 0);
    CHECK(w->grad && w->grad->stride[0] == 1 && w->grad->stride[1] == 3);
    mt_release(w);
    mt_scope_close(scope);
}

/* A gradient that is given back is the next one's place, unless somebody else knows of it. */
static void test_given_back(void)
{
    int64_t live = mt_live_tensors;
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf_of(3, 2), *target = made(MT_FLOAT32, 2, x->size, false), *y, *first, *held;
    y = mt_mse_loss(mt_sigmoid(x), target, "sum");
    CHECK_INT(mt_backward(1, &y, NULL, true, false, 0, NULL), 0);
    first = x->grad;
    float value = *(float *)(void *)first->data;
    mt_bump_version(first, NULL);
    *(float *)(void *)first->data = 7;
    mt_drop_grad(x);
    CHECK(!x->grad && x->spare == first);
    mt_drop_grad(x); /* there is none */
    CHECK(!x->grad && x->spare == first);
    CHECK_INT(mt_backward(1, &y, NULL, true, false, 0, NULL), 0);
    CHECK(x->grad == first && !x->spare);
    CHECK_INT(first->storage->version, 0);
    CHECK_NEAR(*(float *)(void *)first->data, value, 0);

    held = mt_retain(x->grad);
    mt_drop_grad(x);
    CHECK(!x->grad && !x->spare);
    CHECK_INT(mt_backward(1, &y, NULL, true, false, 0, NULL), 0);
    CHECK(x->grad != held);
    mt_release(held);

    held = mt_take(mt_alias(x->grad)); /* another look at its memory */
    mt_drop_grad(x);
    CHECK(!x->grad && !x->spare);
    mt_release(held);

    CHECK_INT(mt_backward(1, &y, NULL, false, false, 0, NULL), 0);
    mt_drop_grad(x);
    CHECK(x->spare != NULL);
    CHECK_INT(mt_tensor_set_shape(x, 2, (int64_t[]){2, 3}, NULL, 0), 0);
    y = mt_mse_loss(mt_sigmoid(x), made(MT_FLOAT32, 2, x->size, false), "sum");
    CHECK_INT(mt_backward(1, &y, NULL, false, false, 0, NULL), 0);
    CHECK(x->grad->size[0] == 2 && x->grad->size[1] == 3 && !x->spare);
    CHECK_INT(mt_tensor_set_shape(x->grad, 2, x->size, (int64_t[]){3, 1}, 0), 0);
    mt_drop_grad(x); /* no longer as it was made */
    CHECK(!x->grad && !x->spare);

    y = mt_mse_loss(mt_sigmoid(x), made(MT_FLOAT32, 2, x->size, false), "sum");
    CHECK_INT(mt_backward(1, &y, NULL, true, false, 0, NULL), 0);
    mt_drop_grad(x);
    CHECK(x->spare != NULL);
    mt_tensor *z = mt_sum(x); /* the engine's own way does not write there */
    CHECK_INT(mt_backward(1, &z, NULL, false, false, 0, NULL), 0);
    CHECK(x->grad && !x->spare);
    mt_release(x);
    mt_scope_close(scope);
    CHECK_INT(mt_live_tensors, live);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    RUN(test_both_ways);
    RUN(test_every_raw_rule_has_a_sample);
    RUN(test_written_to);
    RUN(test_released);
    RUN(test_into_what_is_there);
    RUN(test_given_back);
    return mtest_done();
}
