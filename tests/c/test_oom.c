/* Out of memory, everywhere: every allocation of a training step is made to fail in turn, once
 * alone and once with all that follow. Each time the step must say MT_MEMORY, leave no block
 * behind, and the next step must give what it gives undisturbed, bit for bit. (SQLite tests itself
 * like this: sqlite.org/malloc.html.) */
#include "graph/hooks.h"
#include "graph/inplace.h"
#include "minitorch.h"
#include "mtest.h"

#define PARAMS 4
#define RESULT 64 /* numbers that a step leaves behind: parameters, loss, gradients */

typedef int (*step_fn)(mt_tensor *const *p, double *result);

static const int64_t shapes[PARAMS][2] = {{4, 2}, {4, 1}, {1, 4}, {1, 1}};
static mt_tensor *inputs, *labels, *classes;

/* Numbers that look random and are the same everywhere. */
static void fill(mt_tensor *t, int seed)
{
    for (int64_t i = 0; i < t->numel; i++)
        ((float *)(void *)t->data)[i] = (float)sin((double)(i + 1) * 12.9898 + seed * 78.233);
}

static mt_tensor *made(int n, const int64_t *size, int seed)
{
    mt_tensor *t = mt_empty(MT_FLOAT32, n, size);
    if (t) fill(t, seed);
    return t;
}

static int keep(double *result, int at, const mt_tensor *t)
{
    if (!t) return -1;
    for (int64_t i = 0; i < t->numel && at < RESULT; i++)
        result[at++] =
            mt_scalar_to_double(mt_scalar_load((mt_dtype)t->dtype, t->data + i * mt_itemsize(t)));
    return at;
}

/* Back through the loss, a step of SGD, and what came of it. */
static int finish(mt_tensor *const *p, mt_tensor *loss, double *result)
{
    mt_sgd_step sgd = {.lr = 0.5};
    int at = keep(result, 0, loss);
    if (at < 0 || mt_backward(1, &loss, NULL, false, false, 0, NULL) < 0) return -1;
    if (mt_sgd_step_group(PARAMS, p, NULL, &sgd) < 0) return -1;
    for (int i = 0; i < PARAMS; i++) at = keep(result, at, p[i]);
    return 0;
}

static mt_tensor *net(mt_tensor *const *p, mt_tensor *x)
{
    mt_tensor *hidden = mt_sigmoid(mt_add(mt_linear(x, p[0], NULL), mt_t(p[1])));
    return mt_sigmoid(mt_add(mt_linear(hidden, p[2], NULL), p[3]));
}

/* ---- the steps ------------------------------------------------------------------------------- */

static int step_mlp(mt_tensor *const *p, double *result)
{
    return finish(p, mt_mse_loss(net(p, inputs), labels, "mean"), result);
}

/* Writes to views of something that has a history. */
static int step_views(mt_tensor *const *p, double *result)
{
    mt_tensor *y = mt_mul(p[0], p[1]), *row = mt_select(y, 0, 1), *half = mt_slice(y, 0, 2, 4, 1);
    mt_tensor *by_row[] = {row, mt_select(p[0], 0, 0)}, *by_half[] = {half, mt_exp(half)},
              *whole[] = {y, p[1]};
    if (!mt_self.error) mt_call_inplace(&mt_op_mul, 2, by_row, 0, NULL);
    if (!mt_self.error) mt_call_inplace(&mt_op_copy, 2, by_half, 0, NULL);
    if (!mt_self.error) mt_call_inplace(&mt_op_add, 2, whole, 0, NULL);
    mt_tensor *more = mt_add(mt_mul(row, row), mt_mul(mt_sum(half), p[3]));
    return finish(p, mt_add(mt_sum(y), mt_add(mt_sum(more), mt_sum(p[2]))), result);
}

/* Lists of results and of inputs, softmax, cross entropy. */
static int step_lists(mt_tensor *const *p, double *result)
{
    mt_tensor *y = mt_add(mt_linear(inputs, p[0], NULL), mt_t(p[1])), *joined = NULL;
    mt_arg arg[2] = {mt_arg_int(3), mt_arg_int(0)};
    mt_call split = {.op = &mt_op_split, .nin = 1, .narg = 2, .in = &y, .arg = arg};
    if (y && mt_apply(&split) && split.nout == 3) {
        mt_tensor *parts[] = {split.out[2], split.out[0], mt_softmax(split.out[1], 1)};
        joined = mt_cat(3, parts, 0);
    }
    mt_call_free_list(&split);
    mt_tensor *pair[] = {mt_mul(joined, p[2]), mt_add(joined, p[3])}, *both = NULL,
              *at[] = {classes};
    if (pair[0] && pair[1]) both = mt_select(mt_stack(2, pair, 1), 1, 1);
    mt_tensor *picked = both ? mt_index(both, 1, at) : NULL;
    mt_tensor *loss = mt_nll_loss(mt_log_softmax(both, 1), classes, NULL, -100, "mean");
    return finish(p, mt_add(loss, mt_add(mt_mean(picked), mt_sum(mt_tanh(pair[0])))), result);
}

/* A penalty on the gradient: the backward pass is itself recorded. */
static int step_twice(mt_tensor *const *p, double *result)
{
    mt_tensor *loss = mt_mse_loss(net(p, inputs), labels, "mean"), *g[PARAMS], *penalty = loss;
    if (!loss ||
        mt_grad(1, &loss, NULL, PARAMS, (mt_tensor **)(uintptr_t)p, g, true, true, false) < 0)
        return -1;
    for (int i = 0; i < PARAMS; i++) penalty = mt_add(penalty, mt_sum(mt_square(g[i])));
    return finish(p, penalty, result);
}

static mt_tensor *double_it(void *context, mt_tensor *g)
{
    ++*(int *)context;
    return mt_mul(g, mt_number(2));
}

/* Hooks, retained gradients, and more nodes waiting at once than the
 * engine has room for at first. */
static int step_wide(mt_tensor *const *p, double *result)
{
    int calls = 0;
    mt_tensor *y = mt_tanh(mt_mul(p[0], p[1])), *loss = mt_add(mt_sum(p[2]), mt_sum(p[3]));
    if (!y || !mt_hook_add(y, false, double_it, NULL, &calls) || mt_retain_grad(y) < 0) return -1;
    for (int i = 0; i < 40; i++)
        loss = mt_add(loss, mt_sum(mt_mul(mt_sin(y), mt_cos(mt_number(i)))));
    int status = finish(p, loss, result);
    if (status == 0) CHECK(calls == 1 && y->grad);
    return status;
}

/* ---- the ladder ------------------------------------------------------------------------------ */

static int run(step_fn step, mt_tensor *const *p, double *result)
{
    for (int i = 0; i < PARAMS; i++) {
        fill(p[i], i);
        mt_release(p[i]->grad);
        p[i]->grad = NULL;
    }
    mt_scope scope = mt_scope_open();
    int status = step(p, result);
    mt_scope_close(scope);
    for (int i = 0; i < PARAMS; i++) {
        mt_release(p[i]->grad);
        p[i]->grad = NULL;
    }
    return status;
}

static void climb(step_fn step, mt_tensor *const *p, int persistent)
{
    double expected[RESULT] = {0}, result[RESULT] = {0};
    CHECK_INT(run(step, p, expected), 0);
    mt_fail_alloc_after(MT_COUNT_ONLY, 0);
    CHECK_INT(run(step, p, result), 0);
    int64_t count = (int64_t)mt_fail_alloc_after(0, 0), blocks = mt_alloc_get_stats().live_blocks;
    int64_t tensors = mt_live_tensors, storages = mt_live_storages, refused = 0;
    CHECK(count > 20 && memcmp(expected, result, sizeof result) == 0);
    for (int64_t n = 1; n <= count; n++) {
        mt_fail_alloc_after((uint64_t)n, persistent);
        int status = run(step, p, result);
        mt_fail_alloc_after(0, 0);
        refused += status < 0;
        if (!CHECK_THAT(status == 0 || mt_error_pending() == MT_MEMORY,
                        "allocation %d of %d: code %d, %s", (int)n, (int)count, mt_error_pending(),
                        mt_error_message()))
            break;
        CHECK_THAT(status < 0 || !mt_error_pending(),
                   "allocation %d: success, and an error is pending", (int)n);
        mt_error_clear();
        if (!CHECK_THAT(mt_alloc_get_stats().live_blocks == blocks && mt_live_tensors == tensors &&
                            mt_live_storages == storages && mt_self.scope_depth == 1 &&
                            !mt_self.no_grad,
                        "allocation %d of %d: %d blocks, %d tensors, %d storages left behind",
                        (int)n, (int)count, (int)(mt_alloc_get_stats().live_blocks - blocks),
                        (int)(mt_live_tensors - tensors), (int)(mt_live_storages - storages)))
            break;
        memset(result, 0, sizeof result);
        if (!CHECK_INT(run(step, p, result), 0) ||
            !CHECK_THAT(memcmp(expected, result, sizeof result) == 0,
                        "the step after failure %d differs", (int)n))
            break;
    }
    CHECK_THAT(refused > count / 2, "only %d of %d failures were noticed", (int)refused,
               (int)count);
}

static void test_steps(void)
{
    static const step_fn steps[] = {step_mlp, step_views, step_lists, step_twice, step_wide};
    const int64_t points[] = {8, 2}, targets[] = {8, 1}, n = 8;
    mt_scope scope = mt_scope_open();
    mt_tensor *p[PARAMS];
    inputs = made(2, points, 10);
    labels = made(2, targets, 11);
    classes = mt_empty(MT_INT64, 1, &n);
    for (int i = 0; i < n; i++) ((int64_t *)(void *)classes->data)[i] = i % 4;
    for (int i = 0; i < PARAMS; i++) p[i] = mt_parameter(made(2, shapes[i], i));
    for (int k = 0; k < 10; k++) climb(steps[k / 2], p, k % 2);
    for (int i = 0; i < PARAMS; i++) mt_release(p[i]);
    mt_scope_close(scope);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    RUN(test_steps);
    return mtest_done();
}
