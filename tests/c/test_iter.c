/* The strided iterator on random shapes, strides and operands, against three nested loops. */
#include "minitorch.h"
#include "mtest.h"
#include "tensor/iter.h"

static unsigned state = 7;
static int below(int n)
{
    state = state * 1664525u + 1013904223u;
    return (int)((state >> 16) % (unsigned)n);
}

/* out = 3 a + b, element by element, and one more for every visit. */
static void loop(int64_t n, char *const *p, const int64_t *stride, const double *param)
{
    for (int64_t i = 0; i < n; i++) {
        double *out = (double *)(void *)(p[0] + i * stride[0]);
        double a = *(double *)(void *)(p[1] + i * stride[1]),
               b = *(double *)(void *)(p[2] + i * stride[2]);
        *out += param[0] * a + b;
    }
}

/* A tensor that broadcasts to (n, size): dims left out or of size 1, permuted memory, gaps. */
static mt_tensor *operand(int n, const int64_t *size, bool full)
{
    int ndim = full ? n : below(n + 1), order[4];
    int64_t shape[4] = {0}, stride[4] = {0}, room = 1;
    for (int d = 0; d < ndim; d++) {
        shape[d] = full || below(3) ? size[n - ndim + d] : 1;
        order[d] = d;
    }
    for (int d = 0; d < ndim; d++) {
        int k = below(ndim), t = order[d];
        order[d] = order[k], order[k] = t;
    }
    for (int d = 0; d < ndim; d++) {
        stride[order[d]] = room;
        room *= (shape[order[d]] ? shape[order[d]] : 1) * (1 + below(2));
    }
    mt_tensor *memory = mt_zeros_raw(MT_FLOAT64, 1, &room);
    for (int64_t i = 0; memory && i < room; i++)
        ((double *)(void *)memory->data)[i] = (double)below(1000);
    return memory ? mt_from_storage(memory->storage, MT_FLOAT64, ndim, shape, stride, 0) : NULL;
}

static double *element(const mt_tensor *t, int n, const int64_t *index)
{
    int64_t at = 0;
    for (int d = 0; d < t->ndim; d++) {
        int64_t i = index[n - t->ndim + d];
        at += (t->size[d] == 1 ? 0 : i) * t->stride[d];
    }
    return (double *)(void *)t->data + at;
}

static bool next(int n, const int64_t *size, int64_t *index)
{
    for (int d = n - 1; d >= 0; d--) {
        if (++index[d] < size[d]) return true;
        index[d] = 0;
    }
    return false;
}

static void one_problem(int n, const int64_t *size, int64_t grain)
{
    const double param[3] = {3, 0, 0};
    mt_scope scope = mt_scope_open();
    mt_tensor *out = operand(n, size, true), *a = operand(n, size, false),
              *b = operand(n, size, false);
    int64_t index[4] = {0}, numel = 1;
    for (int d = 0; d < n; d++) numel *= size[d];
    mt_fill_raw(out, mt_scalar_float(0.5));
    mt_iter it;
    mt_iter_begin(&it, n, size);
    mt_iter_add(&it, out);
    mt_iter_add(&it, a);
    mt_iter_add(&it, b);
    mt_iter_run(&it, loop, param, grain);
    bool right = true;
    if (numel) do {
            right &=
                *element(out, n, index) == 0.5 + 3 * *element(a, n, index) + *element(b, n, index);
        } while (next(n, size, index));
    CHECK(right);
    mt_scope_close(scope);
}

static void test_random(void)
{
    for (int round = 0; round < 5000; round++) {
        int64_t size[4];
        int n = below(5);
        for (int d = 0; d < n; d++) size[d] = below(20) ? 1 + below(5) : 0;
        one_problem(n, size, 1 + below(40));
    }
}

/* Cut among threads in the middle of rows. */
static void test_large(void)
{
    mt_set_num_threads(2);
    for (int64_t grain = 1000; grain < 200000; grain *= 7)
        one_problem(3, (const int64_t[]){37, 41, 43}, grain);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    RUN(test_random);
    RUN(test_large);
    return mtest_done();
}
