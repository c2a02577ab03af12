/* Scopes: who owns a result, and that nothing is freed too early or too late. */
#include "tensor/scope.h"

#include "minitorch.h"
#include "mtest.h"

static void test_close_frees(void)
{
    int64_t tensors = mt_live_tensors, storages = mt_live_storages;
    mt_scope scope = mt_scope_open();
    for (int i = 0; i < 1000; i++) mt_number(i); /* the stack grows */
    CHECK_INT(mt_live_tensors, tensors + 1000);
    mt_scope_close(scope);
    CHECK_INT(mt_live_tensors, tensors);
    CHECK_INT(mt_live_storages, storages);
}

static void test_retain(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *t = mt_retain(mt_number(1));
    mt_scope_close(scope);
    CHECK_INT(t->refs, 1);
    mt_release(t);
    mt_release(NULL);
}

static void test_return(void)
{
    mt_scope outer = mt_scope_open();
    mt_scope inner = mt_scope_open();
    mt_tensor *t = mt_number(2);
    mt_number(3);
    t = mt_scope_return(inner, t);
    CHECK_INT(mt_self.scope_top, outer + 1);
    CHECK_INT(t->refs, 1);
    inner = mt_scope_open();
    CHECK(mt_scope_return(inner, NULL) == NULL);
    inner = mt_scope_open();
    CHECK(mt_scope_return(inner, t) == t); /* handed through as it is */
    CHECK_INT(mt_self.scope_top, outer + 1);
    CHECK_INT(t->refs, 1);
    mt_scope_close(outer);
    CHECK_INT(mt_self.scope_depth, 0);
}

static void test_take(void)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *a = mt_number(1), *b = mt_take(mt_number(2)), *kept = mt_take(a);
    CHECK_INT(b->refs, 1); /* the scope gave it up */
    CHECK_INT(mt_self.scope_top, scope);
    CHECK(kept == a && a->refs == 1);
    mt_number(3);
    CHECK(mt_take(a) == a && a->refs == 2); /* not on top: one more reference */
    mt_scope_close(scope);
    mt_release(a);
    mt_release(a);
    mt_release(b);
}

static void test_no_memory(void)
{
    int64_t tensors = mt_live_tensors;
    mt_scope scope = mt_scope_open();
    while (mt_self.scope_top < mt_self.scope_capacity) mt_number(0);
    mt_tensor *t = mt_take(mt_number(1)); /* may have grown the stack: fill it again */
    while (mt_self.scope_top < mt_self.scope_capacity) mt_number(0);
    mt_fail_alloc_after(1, 0);
    CHECK(mt_own(t) == NULL); /* t is released */
    mt_fail_alloc_after(0, 0);
    CHECK_INT(mt_error_pending(), MT_MEMORY);
    mt_error_clear();
    mt_scope_close(scope);
    CHECK_INT(mt_live_tensors, tensors);
}

static int released;
static void count_release(void *owner)
{
    (void)owner;
    released++;
}

/* Views share the storage; foreign memory is given back when the last one goes. */
static void test_foreign(void)
{
    static double memory[6];
    const int64_t size[] = {2, 3};
    mt_scope scope = mt_scope_open();
    mt_storage *s = mt_storage_wrap(memory, sizeof memory, false, count_release, NULL);
    mt_tensor *t = mt_from_storage(s, MT_FLOAT64, 2, size, NULL, 0), *v = mt_retain(mt_alias(t));
    mt_storage_release(s);
    CHECK(mt_from_storage(s, MT_FLOAT64, 2, size, NULL, 1) == NULL); /* one element beyond */
    CHECK(mt_error_pending());
    mt_error_clear();
    mt_scope_close(scope);
    CHECK_INT(released, 0);
    mt_release(v);
    CHECK_INT(released, 1);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    RUN(test_close_frees);
    RUN(test_retain);
    RUN(test_return);
    RUN(test_take);
    RUN(test_no_memory);
    RUN(test_foreign);
    return mtest_done();
}
