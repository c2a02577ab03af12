/* Steps over groups of tensors in any memory order, what they refuse, and batches of rows. */
#include "graph/inplace.h"
#include "minitorch.h"
#include "mtest.h"
#include "optim/lanes.h"
#include "optim/optim.h"
#include "tensor/rows.h"

static mt_tensor *filled(int ndim, const int64_t *size, double first)
{
    mt_tensor *t = mt_empty(MT_FLOAT32, ndim, size);
    for (int64_t i = 0; i < t->numel; i++) ((float *)t->data)[i] = (float)(first + (double)i);
    return t;
}

static mt_tensor *vector(int64_t n, double first) { return filled(1, &n, first); }

static double at(const mt_tensor *t, int64_t i, int64_t j)
{
    return mt_scalar_to_double(
        mt_item_at(t, i * t->stride[0] + (t->ndim > 1 ? j * t->stride[1] : 0)));
}

static void set_grad(mt_tensor *p, mt_tensor *g) { p->grad = mt_retain(g); }

static void test_sgd(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *a = vector(3, 1), *b = vector(2, 10), *params[] = {a, b};
    set_grad(a, vector(3, 2));
    uint32_t version = a->storage->version;
    mt_sgd_step s = {.lr = 0.5};
    CHECK_INT(mt_sgd_step_group(2, params, NULL, &s), 0);
    CHECK_NEAR(at(a, 0, 0), 0, 0);
    CHECK_NEAR(at(a, 2, 0), 1, 0);
    CHECK_NEAR(at(b, 0, 0), 10, 0);
    CHECK_INT(a->storage->version, version + 1);
    mt_tensor *momentum[2] = {NULL, NULL};
    s = (mt_sgd_step){.lr = 0.5, .momentum = 0.5};
    CHECK_INT(mt_sgd_step_group(2, params, momentum, &s), 0);
    CHECK(momentum[0] && !momentum[1]);
    CHECK_NEAR(at(momentum[0], 1, 0), 3, 0);
    CHECK_INT(mt_sgd_step_group(2, params, momentum, &s), 0);
    CHECK_NEAR(at(momentum[0], 1, 0), 4.5, 0);
    CHECK_NEAR(at(a, 1, 0), 0.5 - 1.5 - 2.25, 0);
    mt_zero_grad_group(2, params);
    CHECK(!a->grad && !b->grad);
    mt_scope_close(scope);
}

/* The same step on a matrix and on its transpose, with gradients and state in either order. */
static void test_memory_orders(void)
{
    const int64_t size[] = {2, 3}, turned[] = {3, 2};
    for (int order = 0; order < 8; order++) {
        mt_scope scope = mt_scope_open();
        mt_tensor *t[4];
        for (int k = 0; k < 3; k++) {
            if (order >> k & 1) {
                mt_tensor *flat = filled(2, turned, 0);
                const int64_t stride[] = {1, 2};
                t[k] = mt_alias_as(flat, 2, size, stride, 0);
                for (int64_t i = 0; i < 6; i++)
                    ((float *)flat->data)[i % 3 * 2 + i / 3] = (float)(i + k);
            } else {
                t[k] = filled(2, size, k);
            }
        }
        set_grad(t[0], t[1]);
        mt_sgd_step s = {.lr = 1, .momentum = 1};
        CHECK_INT(mt_sgd_step_group(1, t, t + 2, &s), 0);
        for (int64_t i = 0; i < 2; i++)
            for (int64_t j = 0; j < 3; j++) {
                double x = (double)(i * 3 + j);
                CHECK_NEAR(at(t[2], i, j), 2 * x + 3, 0);
                CHECK_NEAR(at(t[0], i, j), x - (2 * x + 3), 0);
            }
        mt_zero_grad_group(1, t);
        mt_scope_close(scope);
    }
}

static void test_adam_and_rmsprop(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *p = vector(2, 1), *step = mt_zeros_raw(MT_FLOAT32, 0, NULL);
    mt_tensor *m = mt_optim_state(p), *v = mt_optim_state(p);
    set_grad(p, vector(2, -1));
    mt_adam_step s = {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    CHECK_INT(mt_adam_step_group(1, &p, &m, &v, NULL, &step, &s), 0);
    CHECK_NEAR(at(p, 0, 0), 1.1, 1e-6);
    CHECK_NEAR(at(p, 1, 0), 2, 0);
    CHECK_NEAR(*(float *)step->data, 1, 0);
    mt_rmsprop_step r = {.lr = 0.1, .alpha = 0.75, .eps = 0};
    v = mt_optim_state(p);
    CHECK_INT(mt_rmsprop_step_group(1, &p, &v, NULL, NULL, &step, &r), 0);
    CHECK_NEAR(at(p, 0, 0), 1.3, 1e-6);
    CHECK_NEAR(*(float *)step->data, 2, 0);
    mt_zero_grad_group(1, &p);
    mt_scope_close(scope);
}

static void test_refusals(void)
{
    mt_scope scope = mt_scope_open();
    mt_sgd_step s = {.lr = 0.5, .momentum = 0.5};
    int64_t n = 3;
    mt_tensor *whole = mt_zeros_raw(MT_INT64, 1, &n);
    set_grad(whole, whole);
    CHECK_INT(mt_sgd_step_group(1, &whole, NULL, &s), -1);
    CHECK_STRING(mt_error_message(),
                 "For integral input tensors, argument alpha must not be a floating point number.");
    mt_error_clear();
    mt_zero_grad_group(1, &whole);
    mt_tensor *p = vector(3, 0), *buffer = vector(2, 0);
    set_grad(p, vector(3, 0));
    CHECK_INT(mt_sgd_step_group(1, &p, &buffer, &s), -1);
    mt_error_clear();
    mt_tensor *no_count = vector(2, 0), *v = mt_optim_state(p);
    mt_rmsprop_step r = {.lr = 0.1};
    CHECK_INT(mt_rmsprop_step_group(1, &p, &v, NULL, NULL, &no_count, &r), -1);
    mt_error_clear();
    mt_zero_grad_group(1, &p);
    mt_scope_close(scope);
}

static void test_rows(void)
{
    mt_scope scope = mt_scope_open();
    const int64_t size[] = {5, 3}, row[] = {4, 0, 0};
    mt_tensor *t = filled(2, size, 0), *some = mt_take_rows(t, 3, row, 0);
    CHECK_NEAR(at(some, 0, 2), 14, 0);
    CHECK_NEAR(at(some, 2, 1), 1, 0);
    CHECK_NEAR(at(mt_take_rows(t, 2, NULL, 3), 1, 0), 12, 0);
    CHECK_INT(mt_take_rows(t, 0, NULL, 5)->numel, 0);
    const int64_t turned[] = {3, 5}, stride[] = {1, 3};
    mt_tensor *view = mt_alias_as(t, 2, turned, stride, 0), *rows[] = {view, view};
    CHECK_NEAR(at(mt_take_rows(view, 2, row + 1, 0), 1, 4), 12, 0);
    mt_tensor *stack = mt_stack_raw(2, rows);
    CHECK_INT(stack->ndim, 3);
    CHECK_INT(stack->numel, 30);
    CHECK_NEAR(((float *)stack->data)[15 + 5], 1, 0);
    for (int64_t width = 1; width < 10; width++) {
        const int64_t shape[] = {4, width}, pick[] = {3, 1};
        mt_tensor *w = filled(2, shape, 0);
        CHECK_NEAR(at(mt_take_rows(w, 2, pick, 0), 1, width - 1), (double)(2 * width - 1), 0);
    }
    mt_scope_close(scope);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    RUN(test_sgd);
    RUN(test_memory_orders);
    RUN(test_adam_and_rmsprop);
    RUN(test_refusals);
    RUN(test_rows);
    return mtest_done();
}
