/* The engine: depth, two threads on one graph, hooks, what retain_graph and create_graph leave, and
 * errors. */
#include "autograd/engine.h"
#include "graph/hooks.h"
#include "graph/inplace.h"
#include "graph/node.h"
#include "minitorch.h"
#include "mtest.h"

#include <limits.h>
#include <pthread.h>

#define DEEP        1000000
#define SMALL_STACK (64 * 1024)

static double item(const mt_tensor *t) { return t ? mt_scalar_to_double(mt_item_at(t, 0)) : NAN; }

static mt_tensor *leaf(double value)
{
    mt_tensor *t = mt_zeros_raw(MT_FLOAT64, 0, NULL);
    if (t) mt_fill_raw(t, mt_scalar_float(value));
    return mt_parameter(t); /* the caller's, and the scope's */
}

static int backward(mt_tensor *y, bool retain, bool create)
{
    return y ? mt_backward(1, &y, NULL, retain, create, 0, NULL) : -1;
}

static void expect_error(mt_code code, const char *start)
{
    CHECK_INT(mt_error_pending(), code);
    CHECK_THAT(strncmp(mt_error_message(), start, strlen(start)) == 0, "\"%s\", expected \"%s\"",
               mt_error_message(), start);
    mt_error_clear();
}

/* ---- depth ----------------------------------------------------------------------------------- */

/* y = x + x / 2 / 2 ... has a million nodes in one line; freed at the end without recursion. */
static mt_tensor *chain(mt_tensor *x, int n, const mt_op *op)
{
    mt_tensor *y = x;
    for (int i = 0; i < n && y; i++) {
        mt_scope scope = mt_scope_open();
        mt_tensor *z = op == &mt_op_mul ? mt_mul(y, mt_number(1)) : mt_call1(op, y);
        y = mt_scope_return(scope, z);
        if (i % 1000 == 999 && y) { /* or the outer scope would hold a million tensors */
            mt_tensor *kept = mt_retain(y);
            mt_self.scope_top -= 1000;
            for (int k = 0; k < 1000; k++) mt_release(mt_self.scope[mt_self.scope_top + k]);
            y = mt_own(kept);
        }
    }
    return y;
}

static void *deep_body(void *context)
{
    double *result = context;
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf(3), *y = chain(x, DEEP, &mt_op_mul);
    result[0] = item(y);
    if (backward(y, true, false) == 0) result[1] = item(x->grad);
    int64_t bytes;
    if (y) result[2] = (double)mt_graph_size(y, &bytes);
    mt_release(x);
    mt_scope_close(scope); /* frees the graph, whole */

    scope = mt_scope_open();
    x = leaf(5);
    y = chain(x, DEEP / 10, &mt_op_neg);
    mt_tensor *g = NULL;
    if (y && mt_grad(1, &y, NULL, 1, &x, &g, false, false, false) == 0) result[3] = item(g);
    mt_release(x);
    mt_scope_close(scope);
    return NULL;
}

static void test_deep(void)
{
    double result[4] = {0};
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    /* some machines want more than 64 KiB: aarch64 128 */
    size_t stack = SMALL_STACK < PTHREAD_STACK_MIN ? (size_t)PTHREAD_STACK_MIN : SMALL_STACK;
    CHECK_INT(pthread_attr_setstacksize(&attr, stack), 0);
    int64_t tensors = mt_live_tensors, storages = mt_live_storages;
    if (!CHECK_INT(pthread_create(&thread, &attr, deep_body, result), 0)) return;
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    CHECK_NEAR(result[0], 3, 0);
    CHECK_NEAR(result[1], 1, 0);
    CHECK_INT(result[2], DEEP);
    CHECK_NEAR(result[3], 1, 0);
    CHECK_INT(mt_live_tensors, tensors);
    CHECK_INT(mt_live_storages, storages);
}

/* A long chain of views, each of which could keep the one before alive. */
static void test_deep_views(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf(1), *y = chain(mt_mul(x, x), 100000, &mt_op_t);
    CHECK_INT(backward(y, false, false), 0);
    CHECK_NEAR(item(x->grad), 2, 0);
    mt_release(x);
    mt_scope_close(scope);
}

/* ---- what a walk does ------------------------------------------------------------------------ */

/* b = a + a, c = b + b: a node is to run once, when all its gradients are there. */
static void test_reuse(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *a = leaf(1), *c = a;
    for (int i = 0; i < 30; i++) c = mt_add(c, c); /* 2^30 paths */
    CHECK_INT(backward(c, false, false), 0);
    CHECK_NEAR(item(a->grad), 1073741824.0, 0);
    mt_release(a);
    mt_scope_close(scope);
}

static void test_retain_graph(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf(3), *y = mt_mul(x, x);
    CHECK_INT(backward(y, true, false), 0);
    CHECK_INT(backward(y, false, false), 0);
    CHECK_NEAR(item(x->grad), 12, 0);
    CHECK_INT(backward(y, false, false), -1);
    expect_error(MT_RUNTIME, "Trying to backward through the graph a second time (or directly "
                             "access saved tensors after they have already been freed).");
    mt_release(x);
    mt_scope_close(scope);
}

/* d/dx x^4 three times over: 4 x^3, 12 x^2, 24 x. */
static void test_create_graph(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf(2), *y = mt_square(mt_square(x)), *g[3] = {NULL, NULL, NULL};
    for (int i = 0; i < 3; i++) {
        mt_tensor *of = i ? g[i - 1] : y;
        if (!CHECK_INT(mt_grad(1, &of, NULL, 1, &x, &g[i], true, true, false), 0)) break;
    }
    CHECK_NEAR(item(g[0]), 32, 0);
    CHECK_NEAR(item(g[1]), 48, 0);
    CHECK_NEAR(item(g[2]), 48, 0);
    CHECK(!x->grad);
    mt_release(x);
    mt_scope_close(scope);
}

static void test_unused(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf(2), *z = leaf(1), *y = mt_exp(x), *in[] = {x, z}, *g[2];
    CHECK_INT(mt_grad(1, &y, NULL, 2, in, g, true, false, true), 0);
    CHECK_NEAR(item(g[0]), exp(2), 1e-14);
    CHECK(g[1] == NULL);
    CHECK_INT(mt_grad(1, &y, NULL, 2, in, g, true, false, false), -1);
    expect_error(
        MT_RUNTIME,
        "The differentiated Tensor at index 1 appears to not have been used in the graph.");
    mt_release(x);
    mt_release(z);
    mt_scope_close(scope);
}

/* backward(inputs=[a]) leaves b alone. */
static void test_inputs(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *a = leaf(2), *b = leaf(5), *y = mt_mul(a, b);
    CHECK_INT(mt_backward(1, &y, NULL, true, false, 1, &a), 0);
    CHECK_NEAR(item(a->grad), 5, 0);
    CHECK(!b->grad);
    CHECK_INT(mt_backward(1, &y, NULL, false, false, 1, &a), 0);
    CHECK_NEAR(item(a->grad), 10, 0);
    mt_release(a);
    mt_release(b);
    mt_scope_close(scope);
}

/* A gradient that is handed in stays the caller's, and as it was. */
static void test_given_gradient(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf(0), *y = mt_sigmoid(x), *gy = mt_empty(MT_FLOAT64, 0, NULL);
    mt_fill_raw(gy, mt_scalar_float(8));
    CHECK_INT(mt_backward(1, &y, &gy, false, false, 0, NULL), 0);
    CHECK_INT(gy->refs, 1);
    CHECK(item(gy) == 8);
    CHECK(item(x->grad) == 2);
    mt_release(x);
    mt_scope_close(scope);
}

static void test_errors(void)
{
    const int64_t two = 2;
    mt_scope scope = mt_scope_open();
    mt_tensor *x = mt_parameter(mt_zeros_raw(MT_FLOAT32, 1, &two)), *y = mt_exp(x),
              *plain = mt_number(1), *g = plain;
    CHECK_INT(backward(y, false, false), -1);
    expect_error(MT_RUNTIME, "grad can be implicitly created only for scalar outputs");
    CHECK_INT(backward(plain, false, false), -1);
    expect_error(MT_RUNTIME,
                 "element 0 of tensors does not require grad and does not have a grad_fn");
    CHECK_INT(mt_backward(1, &y, &g, false, false, 0, NULL), -1);
    expect_error(MT_RUNTIME, "Mismatch in shape: grad_output[0] has a shape of torch.Size([]) and "
                             "output[0] has a shape of torch.Size([2]).");
    CHECK_INT(mt_backward(1, &y, &x, false, false, 0, NULL), 0);
    mt_tensor *in[] = {mt_exp(x), mt_number(1)};
    mt_tensor *z = mt_exp(in[0]), *done = mt_call_inplace(&mt_op_add, 2, in, 0, NULL);
    CHECK(done == in[0]);
    z = mt_sum(z);
    mt_tensor *kept = mt_sum(mt_mul(in[0], in[0]));
    mt_call_inplace(&mt_op_add, 2, in, 0, NULL);
    CHECK_INT(backward(kept, false, false), -1);
    expect_error(MT_RUNTIME, "one of the variables needed for gradient computation has been "
                             "modified by an inplace operation: [torch.FloatTensor [2]], which is "
                             "output 0 of Add, is at version 2; expected version 1 instead.");
    CHECK_INT(backward(z, false, false),
              -1); /* exp's rule reads what went into in[0]: fine; the exp of x does not */
    mt_error_clear();
    mt_release(x);
    mt_scope_close(scope);
}

/* ---- hooks ----------------------------------------------------------------------------------- */

static mt_tensor *times_ten(void *context, mt_tensor *g)
{
    ++*(int *)context;
    return mt_mul(g, mt_number(10));
}

static mt_tensor *see(void *context, mt_tensor *g)
{
    *(double *)context = item(g);
    return g;
}

static mt_tensor *refuse(void *context, mt_tensor *g)
{
    (void)context;
    (void)g;
    return mt_fail(MT_VALUE, "no");
}

static void count_release(void *context) { ++*(int *)context; }

static void test_hooks(void)
{
    mt_scope scope = mt_scope_open();
    int calls = 0, released = 0;
    double seen = 0, after = 0;
    mt_tensor *x = leaf(2), *y = mt_mul(x, mt_number(3)), *z = mt_square(y);
    uint64_t first = mt_hook_add(y, false, times_ten, NULL, &calls);
    CHECK(first && mt_hook_add(y, false, see, NULL, &seen) &&
          mt_hook_add(x, true, see, NULL, &after));
    CHECK_INT(mt_retain_grad(y), 0);
    CHECK_INT(backward(z, true, false), 0);
    CHECK_INT(calls, 1);
    CHECK_NEAR(seen, 120,
               0); /* hooks run in the order they were added, each on what the last returned */
    CHECK_NEAR(item(y->grad), 120, 0);
    CHECK_NEAR(item(x->grad), 360, 0);
    CHECK_NEAR(after, 2, 0); /* a post hook is given the leaf */
    mt_hook_remove(&y->node->hooks, first);
    CHECK_INT(backward(z, true, false), 0);
    CHECK_INT(calls, 1);
    CHECK_NEAR(item(x->grad), 396, 0);
    uint64_t last = mt_hook_add(y, false, refuse, count_release, &released);
    CHECK_INT(backward(z, true, false), -1);
    expect_error(MT_VALUE, "no");
    CHECK_NEAR(item(x->grad), 396, 0);
    mt_hook_remove(&y->node->hooks, last);
    CHECK_INT(released, 1);
    CHECK_INT(backward(z, false, false), 0);
    mt_release(x);
    mt_scope_close(scope);
}

/* The retained gradient follows a tensor that is written to, and is gone when the tensor is. */
static void test_retain_grad_in_place(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf(2), *loss = NULL;
    mt_scope inner = mt_scope_open();
    mt_tensor *y = mt_mul(x, mt_number(3)), *in[] = {y, mt_number(5)};
    CHECK_INT(mt_retain_grad(y), 0);
    mt_call_inplace(&mt_op_mul, 2, in, 0, NULL);
    loss = mt_square(y);
    CHECK_INT(backward(loss, true, false), 0);
    CHECK_NEAR(item(y->grad), 60, 0);
    loss = mt_scope_return(inner, loss); /* y dies */
    CHECK_INT(backward(loss, false, false), 0);
    CHECK_NEAR(item(x->grad), 1800, 0);
    mt_release(x);
    mt_scope_close(scope);
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef struct walker {
    mt_tensor *y, *x;
    int status;
    double gradient;
} walker;

static void *walk(void *context)
{
    walker *w = context;
    mt_scope scope = mt_scope_open();
    for (int i = 0; i < 200 && w->status == 0; i++) {
        mt_scope inner = mt_scope_open();
        mt_tensor *g = NULL;
        w->status = mt_grad(1, &w->y, NULL, 1, &w->x, &g, true, i % 2, false);
        w->gradient = item(g);
        mt_scope_close(inner);
    }
    mt_scope_close(scope);
    return NULL;
}

/* What waits for a node lives in the walk, not in the node, so a graph may
 * be walked twice at once. */
static void test_two_threads(void)
{
    mt_set_shared();
    mt_scope scope = mt_scope_open();
    mt_tensor *x = leaf(0.5), *y = x;
    for (int i = 0; i < 50; i++) y = mt_mul(mt_sin(y), mt_add(y, x));
    walker w[3] = {{y, x, 0, 0}, {y, x, 0, 0}, {y, x, 0, 0}};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) CHECK_INT(pthread_create(&thread[i], NULL, walk, &w[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    walk(&w[2]);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(w[i].status, 0);
        CHECK_NEAR(w[i].gradient, w[2].gradient, 0);
    }
    mt_release(x);
    mt_scope_close(scope);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    RUN(test_deep);
    RUN(test_deep_views);
    RUN(test_reuse);
    RUN(test_retain_graph);
    RUN(test_create_graph);
    RUN(test_unused);
    RUN(test_inputs);
    RUN(test_given_gradient);
    RUN(test_errors);
    RUN(test_hooks);
    RUN(test_retain_grad_in_place);
    RUN(test_two_threads);
    return mtest_done();
}
