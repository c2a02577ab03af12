/* The random operators: from where they draw, in which order they write, what they refuse, and
 * dropout's gradient. The streams themselves are tested in test_random.c. */
#include "minitorch.h"
#include "mtest.h"

static void seed(uint64_t s) { mt_generator_seed(mt_default_generator(), s); }

static bool same(const mt_tensor *t, int n, const float *want)
{
    return t && t->dtype == MT_FLOAT32 && t->numel == n &&
           memcmp(t->data, want, (size_t)n * sizeof *want) == 0;
}
#define SAME(t, ...)                                                                               \
    CHECK(same(t, (int)(sizeof((float[]){__VA_ARGS__}) / sizeof(float)), (float[]){__VA_ARGS__}))

/* The message begins with PyTorch's; advice may follow. */
static void refused(const mt_tensor *t, mt_code code, const char *text)
{
    CHECK(t == NULL);
    CHECK_INT(mt_error_pending(), code);
    CHECK_THAT(strncmp(mt_error_message(), text, strlen(text)) == 0, "%s", mt_error_message());
    mt_error_clear();
}

static void test_factories(void)
{
    const int64_t five[] = {5}, six[] = {2, 3}, negative[] = {2, -1};
    seed(0);
    SAME(mt_rand(1, five, MT_NO_DTYPE, NULL), 0.4962566f, 0.7682218f, 0.08847743f, 0.13203049f,
         0.30742282f);
    seed(0);
    SAME(mt_randn(1, five, MT_FLOAT32, NULL), 1.5409961f, -0.2934289f, -2.1787894f, 0.56843126f,
         -1.0845224f);
    mt_generator *g = mt_generator_new();
    mt_generator_seed(g, 0);
    mt_tensor *t = mt_randint_low(-5, (int64_t)1 << 28, 1, five, MT_NO_DTYPE, g);
    CHECK(t && t->dtype == MT_INT64 && ((int64_t *)t->data)[4] == 187606631);
    mt_generator_release(g);
    t = mt_rand(2, six, MT_FLOAT64, NULL);
    CHECK(t && t->dtype == MT_FLOAT64 && t->ndim == 2 && !mt_requires_grad(t));
    refused(mt_rand(2, negative, MT_FLOAT32, NULL), MT_RUNTIME,
            "Trying to create tensor with negative dimension -1: [2, -1]");
    refused(mt_rand(1, five, MT_INT64, NULL), MT_NOT_IMPLEMENTED,
            "\"check_uniform_bounds\" not implemented for 'Long'");
    refused(mt_randint(0, 1, five, MT_NO_DTYPE, NULL), MT_RUNTIME,
            "random_ expects 'from' to be less than 'to', but got from=0 >= to=0");
}

/* A transposed tensor gets the numbers of its base; a sliced one those of a dense tensor. */
static void test_memory_order(void)
{
    const int64_t size[] = {4, 6};
    mt_tensor *base = mt_zeros_raw(MT_FLOAT32, 2, size), *view = mt_transpose(base, 0, 1);
    seed(3);
    mt_tensor *want = mt_rand(2, size, MT_FLOAT32, NULL);
    seed(3);
    CHECK(mt_uniform_(view, 0, 1, NULL) == view);
    CHECK(want && memcmp(base->data, want->data, 24 * sizeof(float)) == 0);
    mt_tensor *half = mt_slice(mt_zeros_raw(MT_FLOAT32, 2, size), 1, 0, 6, 2);
    const int64_t half_size[] = {4, 3};
    seed(3);
    want = mt_rand(2, half_size, MT_FLOAT32, NULL);
    seed(3);
    mt_uniform_(half, 0, 1, NULL);
    mt_tensor *flat = mt_contiguous(half);
    CHECK(want && flat && memcmp(flat->data, want->data, 12 * sizeof(float)) == 0);
    /* Only row-major tensors take the block path of normal(). */
    seed(0);
    mt_normal_(view, 0, 1, NULL);
    CHECK(((float *)base->data)[0] == 1.5409961f);
    seed(0);
    mt_normal_(base, 0, 1, NULL);
    CHECK(((float *)base->data)[0] != 1.5409961f);
}

static void test_dropout(void)
{
    const int64_t size[] = {1000};
    seed(1);
    mt_tensor *x = mt_parameter(mt_rand(1, size, MT_FLOAT32, NULL));
    mt_tensor *y = mt_dropout(x, 0.25, true, false), *sum = mt_sum(y);
    if (!CHECK(sum && mt_backward(1, &sum, NULL, false, false, 0, NULL) == 0)) return;
    const float *v = (const float *)x->data, *r = (const float *)y->data,
                *g = (const float *)x->grad->data;
    int dropped = 0;
    for (int i = 0; i < 1000; i++) {
        CHECK(g[i] == 0 || g[i] == 1 / 0.75f);
        CHECK(r[i] == v[i] * g[i]);
        dropped += g[i] == 0;
    }
    CHECK(dropped > 200 && dropped < 300);
    CHECK(mt_dropout(x, 0, true, false) == x && mt_dropout(x, 0.5, false, false) == x);
    refused(mt_dropout(x, 1.5, true, false), MT_VALUE,
            "dropout probability has to be between 0 and 1, but got 1.5");
    refused(mt_dropout(x, 0.5, true, true), MT_RUNTIME,
            "a leaf Variable that requires grad is being used in an in-place operation.");
    mt_release(x);
}

/* Values that are drawn do not depend on those they replace. */
static void test_zero_gradients(void)
{
    const int64_t size[] = {3};
    mt_tensor *x = mt_parameter(mt_rand(1, size, MT_FLOAT32, NULL));
    mt_tensor *y = mt_normal_(mt_mul(x, mt_number(2)), 0, 1, NULL), *sum = mt_sum(y);
    CHECK(sum && mt_requires_grad(y) && mt_backward(1, &sum, NULL, false, false, 0, NULL) == 0);
    SAME(x->grad, 0, 0, 0);
    refused(mt_uniform_(x, 0, 1, NULL), MT_RUNTIME,
            "a leaf Variable that requires grad is being used in an in-place operation.");
    mt_release(x);
}

static void test_multinomial(void)
{
    float weights[] = {.1f, .9f, .4f, .7f, 3, .6f};
    const int64_t size[] = {6};
    mt_tensor *w = mt_zeros_raw(MT_FLOAT32, 1, size);
    memcpy(w->data, weights, sizeof weights);
    seed(0);
    mt_tensor *t = mt_multinomial(w, 5, false, NULL);
    CHECK(t && memcmp(t->data, (int64_t[]){4, 1, 2, 5, 3}, 40) == 0);
    seed(0);
    t = mt_multinomial(w, 10, true, NULL);
    CHECK(t && memcmp(t->data, (int64_t[]){5, 4, 4, 5, 4, 4, 2, 3, 4, 3}, 80) == 0);
    t = mt_multinomial(mt_zeros_raw(MT_FLOAT32, 1, size), 1, false, NULL);
    refused(t, MT_RUNTIME, "invalid multinomial distribution (sum of probabilities <= 0)");
    refused(mt_multinomial(w, 7, false, NULL), MT_RUNTIME,
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
}

static void one_of_each(void)
{
    const int64_t size[] = {3, 7};
    mt_tensor *a = mt_rand(2, size, MT_FLOAT32, NULL), *b = mt_transpose(a, 0, 1);
    mt_tensor *c = mt_slice(mt_rand_like(b, NULL), 0, 0, 7, 2);
    mt_normal_(c, 0, 1, NULL);
    mt_bernoulli_tensor(c, mt_number(0.5), NULL);
    mt_normal(a, mt_rand_like(a, NULL), NULL);
    mt_multinomial(b, 2, false, NULL);
    mt_multinomial(b, 5, true, NULL);
    mt_dropout(c, 0.5, true, false);
    mt_bernoulli(a, NULL);
    mt_randperm(20, NULL);
}

/* Wherever memory runs out, the call fails cleanly. */
static void test_out_of_memory(void)
{
    mt_alloc_stats before = mt_alloc_get_stats();
    for (uint64_t n = 1; n < 100; n++) {
        mt_scope scope = mt_scope_open();
        mt_fail_alloc_after(n, false);
        one_of_each();
        mt_fail_alloc_after(0, false);
        bool failed = mt_error_pending();
        mt_error_clear();
        mt_scope_close(scope);
        CHECK_INT(mt_alloc_get_stats().live_bytes, before.live_bytes);
        if (!failed) return;
    }
    CHECK(false);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    void (*const tests[])(void) = {test_factories,   test_memory_order,   test_dropout,
                                   test_multinomial, test_zero_gradients, test_out_of_memory};
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        mt_scope scope = mt_scope_open();
        tests[i]();
        mt_scope_close(scope);
    }
    return mtest_done();
}
