/* mt_apply: results, targets (in place and out=), versions, what is recorded, and who may write
 * where. */
#include "graph/apply.h"

#include "graph/inplace.h"
#include "graph/node.h"
#include "minitorch.h"
#include "mtest.h"

static mt_tensor *counting(mt_dtype d, int ndim, const int64_t *size)
{
    mt_tensor *t = mt_empty(d, ndim, size);
    for (int64_t i = 0; t && i < t->numel; i++)
        mt_scalar_store(mt_scalar_int(i), d, t->data + i * mt_itemsize(t));
    return t;
}

static mt_tensor *vector(mt_dtype d, int64_t n) { return counting(d, 1, &n); }

static double at(const mt_tensor *t, int64_t i)
{
    return t ? mt_scalar_to_double(mt_item_at(t, i * (t->ndim ? t->stride[0] : 0))) : NAN;
}

static void expect_error(mt_code code, const char *start)
{
    CHECK_INT(mt_error_pending(), code);
    CHECK_THAT(strncmp(mt_error_message(), start, strlen(start)) == 0, "\"%s\", expected \"%s\"",
               mt_error_message(), start);
    mt_error_clear();
}

static mt_tensor *call_out(const mt_op *op, mt_tensor *a, mt_tensor *b, mt_tensor *target)
{
    mt_tensor *in[2] = {a, b}, *out[1] = {NULL}, *to[1] = {target};
    mt_call c = {.op = op,
                 .nin = b ? 2 : 1,
                 .nout = 1,
                 .in = in,
                 .out = out,
                 .target = to,
                 .flags = MT_CALL_OUT};
    return mt_apply(&c);
}

static mt_tensor *call_inplace(const mt_op *op, mt_tensor *a, mt_tensor *b)
{
    mt_tensor *in[2] = {a, b};
    return mt_call_inplace(op, b ? 2 : 1, in, 0, NULL);
}

/* ---- out= ------------------------------------------------------------------------------------ */

static void test_out(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *a = vector(MT_FLOAT32, 4), *out = vector(MT_FLOAT32, 4);
    uint32_t version = out->storage->version;
    CHECK(call_out(&mt_op_mul, a, a, out) == out);
    CHECK_NEAR(at(out, 3), 9, 0);
    CHECK_INT(out->storage->version, version + 1);
    /* Another type that can hold the result, and another shape. */
    mt_tensor *wide = vector(MT_FLOAT64, 4), *empty = vector(MT_FLOAT32, 0),
              *small = vector(MT_FLOAT32, 2);
    CHECK(call_out(&mt_op_add, a, a, wide) == wide && at(wide, 3) == 6 &&
          wide->dtype == MT_FLOAT64);
    CHECK(call_out(&mt_op_add, a, a, empty) == empty && empty->numel == 4 && at(empty, 2) == 4);
    CHECK(call_out(&mt_op_add, a, a, small) == small && small->numel == 4 && at(small, 2) == 4);
    CHECK(call_out(&mt_op_add, a, a, vector(MT_INT64, 4)) == NULL);
    expect_error(MT_RUNTIME, "result type Float can't be cast to the desired output type Long");
    /* Writing over an input. */
    CHECK(call_out(&mt_op_add, a, a, a) == a && at(a, 3) == 6);
    mt_tensor *mid = mt_slice(a, 0, 1, 3, 1), *low = mt_slice(a, 0, 0, 2, 1);
    CHECK(call_out(&mt_op_add, low, low, mid) == NULL);
    expect_error(MT_RUNTIME, "unsupported operation: some elements of the input tensor and the "
                             "written-to tensor refer to a single memory location.");
    mt_tensor *x = mt_parameter(vector(MT_FLOAT32, 4));
    CHECK(call_out(&mt_op_add, x, x, out) == NULL);
    expect_error(MT_RUNTIME, "add(): functions with out=... arguments don't support automatic "
                             "differentiation, but one of the arguments requires grad.");
    mt_self.no_grad = true;
    CHECK(call_out(&mt_op_add, x, x, out) == out && !mt_requires_grad(out));
    mt_self.no_grad = false;
    mt_release(x);
    mt_scope_close(scope);
}

/* A product written over one of its factors. */
static void test_out_overlap(void)
{
    const int64_t size[] = {2, 2};
    mt_scope scope = mt_scope_open();
    mt_tensor *a = counting(MT_FLOAT32, 2, size), *expected = mt_mm(a, a);
    CHECK(call_out(&mt_op_mm, a, a, a) == a);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(((float *)(void *)a->data)[i], ((float *)(void *)expected->data)[i], 0);
    mt_tensor *b = counting(MT_FLOAT32, 2, size), *turned = mt_t(b);
    CHECK(call_out(&mt_op_exp, b, NULL, turned) == turned || mt_error_pending() == MT_RUNTIME);
    mt_error_clear();
    mt_scope_close(scope);
}

/* ---- in place -------------------------------------------------------------------------------- */

static void test_inplace(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *a = vector(MT_FLOAT32, 3), *ints = vector(MT_INT32, 3);
    CHECK(call_inplace(&mt_op_add, a, a) == a && at(a, 2) == 4);
    CHECK_INT(a->storage->version, 1);
    CHECK(a->storage->writer == &mt_op_add);
    CHECK(call_inplace(&mt_op_mul, ints, mt_number_of(mt_scalar_int(3))) == ints &&
          at(ints, 2) == 6);
    CHECK(call_inplace(&mt_op_add, ints, mt_number(1.5)) == NULL);
    expect_error(MT_RUNTIME, "result type Float can't be cast to the desired output type Int");
    CHECK_INT(ints->storage->version, 1); /* what failed has not written */
    const int64_t two_rows[] = {2, 3};
    CHECK(call_inplace(&mt_op_add, a, counting(MT_FLOAT32, 2, two_rows)) == NULL);
    expect_error(MT_RUNTIME, "output with shape [3] doesn't match the broadcast shape [2, 3]");
    mt_tensor *wide = mt_expand(vector(MT_FLOAT32, 1), 1, (const int64_t[]){3});
    CHECK(call_inplace(&mt_op_add, wide, a) == NULL);
    expect_error(MT_RUNTIME, "unsupported operation: more than one element of the written-to "
                             "tensor refers to a single memory location.");
    mt_scope_close(scope);
}

static void test_inplace_rules(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = mt_parameter(vector(MT_FLOAT32, 3)), *one = mt_number(1);
    CHECK(call_inplace(&mt_op_add, x, one) == NULL);
    expect_error(MT_RUNTIME,
                 "a leaf Variable that requires grad is being used in an in-place operation.");
    CHECK(call_inplace(&mt_op_add, mt_slice(x, 0, 0, 2, 1), one) == NULL);
    expect_error(
        MT_RUNTIME,
        "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    mt_self.no_grad = true;
    CHECK(call_inplace(&mt_op_add, x, one) == x && at(x, 0) == 1 && !x->node);
    mt_tensor *y = vector(MT_FLOAT32, 3), *view = mt_slice(y, 0, 0, 2, 1);
    mt_self.no_grad = false;
    CHECK(call_inplace(&mt_op_mul, view, mt_slice(x, 0, 0, 2, 1)) == NULL);
    expect_error(
        MT_RUNTIME,
        "A view was created in no_grad mode and is being modified inplace with grad mode enabled.");
    /* Recorded: y gets the history of what was written to it. */
    CHECK(call_inplace(&mt_op_mul, y, x) == y && y->node && mt_requires_grad(y));
    mt_release(x);
    mt_scope_close(scope);
}

/* base = 2 x; view = base[1]; view *= base[0]: the base's history changes with the view's. */
static void test_view_history(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = mt_parameter(vector(MT_FLOAT32, 3)), *base = mt_mul(x, mt_number(2));
    mt_tensor *view = mt_select(base, 0, 1), *other = mt_select(base, 0, 1), *loss;
    /* The factor lies in the memory that is written: its version has moved on when the rule wants
     * it. */
    CHECK(call_inplace(&mt_op_mul, view, mt_select(base, 0, 2)) == view);
    loss = mt_sum(base);
    CHECK(mt_backward(1, &loss, NULL, false, false, 0, NULL) < 0);
    expect_error(MT_RUNTIME, "one of the variables needed for gradient computation has been "
                             "modified by an inplace operation: [torch.FloatTensor []]");
    mt_release(x->grad);
    x->grad = NULL;
    base = mt_mul(x, mt_number(2));
    view = mt_select(base, 0, 1);
    other = mt_select(base, 0, 1);
    CHECK(call_inplace(&mt_op_mul, view, mt_number(5)) == view);
    CHECK_NEAR(at(other, 0), 10, 0);
    loss = mt_add(mt_sum(base), other);
    CHECK(loss && mt_backward(1, &loss, NULL, false, false, 0, NULL) == 0);
    CHECK_NEAR(at(x->grad, 0), 2, 0);
    CHECK_NEAR(at(x->grad, 1), 20, 0);
    CHECK_NEAR(at(x->grad, 2), 2, 0);
    mt_release(x);
    mt_scope_close(scope);
}

static void give_back(void *owner) { ++*(int *)owner; }

static void test_readonly(void)
{
    float memory[3] = {1, 2, 3};
    int given_back = 0;
    const int64_t n = 3;
    mt_scope scope = mt_scope_open();
    mt_storage *s = mt_storage_wrap(memory, sizeof memory, true, give_back, &given_back);
    mt_tensor *t = mt_from_storage(s, MT_FLOAT32, 1, &n, NULL, 0);
    mt_storage_release(s);
    CHECK_NEAR(at(mt_add(t, t), 2), 6, 0);
    CHECK(call_inplace(&mt_op_add, t, t) == NULL);
    expect_error(MT_RUNTIME, "cannot write to a tensor whose memory is read-only");
    CHECK(call_out(&mt_op_exp, vector(MT_FLOAT32, 3), NULL, t) == NULL);
    expect_error(MT_RUNTIME, "cannot write to a tensor whose memory is read-only");
    CHECK_NEAR(memory[0], 1, 0);
    CHECK_INT(given_back, 0);
    mt_scope_close(scope);
    CHECK_INT(given_back, 1);
}

/* ---- what is recorded ------------------------------------------------------------------------ */

static void test_recording(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *x = mt_parameter(vector(MT_FLOAT32, 3)), *plain = vector(MT_FLOAT32, 3);
    CHECK(!mt_add(plain, plain)->node);
    mt_tensor *y = mt_mul(x, plain);
    CHECK(y->node && mt_requires_grad(y) && !mt_is_leaf(y));
    /* Only x wants a gradient, which reads the other factor: that alone is kept. */
    CHECK(y->node->call.in[0] == NULL && y->node->call.in[1] != NULL);
    CHECK(mt_mul(x, x)->node->next[1].leaf == x);
    CHECK(!mt_gt(x, plain)->node && !mt_detach(x)->node);
    mt_self.no_grad = true;
    mt_tensor *z = mt_mul(x, x);
    CHECK(!z->node && z->flags & MT_FROM_NO_GRAD);
    mt_self.no_grad = false;
    char name[64];
    CHECK_STRING(mt_node_name(y->node, name), "MulBackward0");
    mt_release(x);
    mt_scope_close(scope);
}

/* A NULL argument gives NULL; the first failure is the one that is told. */
static void test_failures_pass_through(void)
{
    const int64_t three[] = {3}, four[] = {4};
    mt_scope scope = mt_scope_open();
    mt_tensor *bad = mt_add(counting(MT_FLOAT32, 1, three), counting(MT_FLOAT32, 1, four));
    CHECK(!bad && !mt_exp(mt_mul(bad, bad)) && !mt_mm(bad, bad));
    expect_error(MT_RUNTIME, "The size of tensor a (3) must match the size of tensor b (4) at "
                             "non-singleton dimension 0");
    mt_fail(MT_VALUE, "first");
    CHECK(mt_exp(counting(MT_FLOAT32, 1, three)) == NULL);
    expect_error(MT_VALUE, "first");
    mt_scope_close(scope);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    RUN(test_out);
    RUN(test_out_overlap);
    RUN(test_inplace);
    RUN(test_inplace_rules);
    RUN(test_view_history);
    RUN(test_readonly);
    RUN(test_recording);
    RUN(test_failures_pass_through);
    return mtest_done();
}
