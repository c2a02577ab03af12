/* Shapes: checked products, broadcasting, dims, and views against the definition of a view. */
#include "minitorch.h"
#include "mtest.h"
#include "tensor/shape.h"

static unsigned state = 1;
static int below(int n) /* a small generator, the same everywhere */
{
    state = state * 1664525u + 1013904223u;
    return (int)((state >> 16) % (unsigned)n);
}

static void expect_error(mt_code code, const char *text)
{
    CHECK_INT(mt_error_pending(), code);
    CHECK_STRING(mt_error_message(), text);
    mt_error_clear();
}

static void test_numel(void)
{
    CHECK_INT(mt_shape_numel(0, NULL, 8), 1);
    CHECK_INT(mt_shape_numel(3, (int64_t[]){2, 3, 4}, 8), 24);
    CHECK_INT(mt_shape_numel(3, (int64_t[]){2, 0, 4}, 8), 0);
    CHECK_INT(mt_shape_numel(2, (int64_t[]){INT64_C(1) << 32, INT64_C(1) << 32}, 4), -1);
    expect_error(MT_RUNTIME,
                 "Storage size calculation overflowed with sizes=[4294967296, 4294967296]");
    CHECK_INT(mt_shape_numel(1, (int64_t[]){INT64_C(1) << 61}, 8), -1); /* the bytes do not fit */
    CHECK_INT(mt_error_pending(), MT_RUNTIME);
    mt_error_clear();
    CHECK_INT(mt_shape_numel(2, (int64_t[]){2, -3}, 4), -1);
    CHECK(mt_error_pending());
    mt_error_clear();
    /* An empty tensor has no bytes, but its other sizes must not overflow strides either. */
    int64_t n = mt_shape_numel(3, (int64_t[]){0, INT64_C(1) << 62, INT64_C(1) << 62}, 8);
    CHECK(n == 0 || n == -1);
    mt_error_clear();
}

static void test_broadcast(void)
{
    int64_t out[MT_MAX_DIMS];
    CHECK_INT(mt_shape_broadcast(2, (int64_t[]){3, 1}, 1, (int64_t[]){4}, out), 2);
    CHECK(out[0] == 3 && out[1] == 4);
    CHECK_INT(mt_shape_broadcast(0, NULL, 2, (int64_t[]){0, 5}, out), 2);
    CHECK(out[0] == 0 && out[1] == 5);
    CHECK_INT(mt_shape_broadcast(1, (int64_t[]){1}, 1, (int64_t[]){0}, out), 1);
    CHECK_INT(out[0], 0);
    CHECK_INT(mt_shape_broadcast(2, (int64_t[]){2, 3}, 1, (int64_t[]){4}, out), -1);
    expect_error(MT_RUNTIME, "The size of tensor a (3) must match the size of tensor b (4) at "
                             "non-singleton dimension 1");
    for (int round = 0; round < 20000; round++) {
        int na = below(4), nb = below(4), n = na > nb ? na : nb;
        int64_t a[4], b[4];
        for (int i = 0; i < na; i++) a[i] = below(3);
        for (int i = 0; i < nb; i++) b[i] = below(3);
        bool fits = true;
        int got = mt_shape_broadcast(na, a, nb, b, out);
        for (int i = 1; i <= n && fits; i++) {
            int64_t x = i <= na ? a[na - i] : 1, y = i <= nb ? b[nb - i] : 1;
            fits = x == y || x == 1 || y == 1;
            if (fits && got >= 0) CHECK_INT(out[n - i], x == 1 ? y : x);
        }
        mt_error_clear();
        if (!CHECK_INT(got, fits ? n : -1)) break;
        if (fits) CHECK(mt_shape_expandable(na, a, n, out) && mt_shape_expandable(nb, b, n, out));
    }
}

static void test_dims(void)
{
    bool mask[MT_MAX_DIMS];
    CHECK_INT(mt_wrap_dim(-1, 3), 2);
    CHECK_INT(mt_wrap_dim(0, 0), 0);
    CHECK_INT(mt_wrap_dim(-1, 0), 0);
    CHECK_INT(mt_wrap_dim(2, 2), -1);
    expect_error(MT_INDEX,
                 "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
    CHECK_INT(mt_wrap_dim(INT64_MIN, 2), -1);
    mt_error_clear();
    CHECK_INT(mt_wrap_dims(2, (int64_t[]){0, -1}, 3, mask), 0);
    CHECK(mask[0] && !mask[1] && mask[2]);
    CHECK_INT(mt_wrap_dims(2, (int64_t[]){1, -2}, 3, mask), -1);
    CHECK_INT(mt_error_pending(), MT_RUNTIME);
    mt_error_clear();
}

static void test_infer(void)
{
    int64_t size[] = {2, -1};
    CHECK_INT(mt_shape_infer(6, 2, size), 0);
    CHECK_INT(size[1], 3);
    CHECK(mt_shape_infer(6, 1, (int64_t[]){4}) < 0);
    expect_error(MT_RUNTIME, "shape '[4]' is invalid for input of size 6");
    CHECK(mt_shape_infer(6, 2, (int64_t[]){-1, -1}) < 0);
    expect_error(MT_RUNTIME, "only one dimension can be inferred");
    CHECK(mt_shape_infer(6, 1, (int64_t[]){-2}) < 0);
    mt_error_clear();
    CHECK(mt_shape_infer(0, 2, (int64_t[]){-1, 0}) < 0);
    mt_error_clear();
    CHECK(mt_shape_infer(6, 2, (int64_t[]){INT64_C(1) << 62, 4}) < 0);
    mt_error_clear();
}

static int64_t address(int n, const int64_t *size, const int64_t *stride, int64_t linear)
{
    int64_t at = 0;
    for (int d = n - 1; d >= 0; d--) {
        at += linear % size[d] * stride[d];
        linear /= size[d];
    }
    return at;
}

/* A view shows element i of the one at the address of element i of the other. What is refused must
 * be impossible: found by trying the strides that the addresses force. */
static void test_view_strides(void)
{
    int shown = 0;
    for (int round = 0; round < 20000; round++) {
        int64_t size[3], stride[3], flat[3], out[3], numel = 1;
        int n = 1 + below(3), m = 1 + below(3);
        for (int d = 0; d < n; d++) numel *= size[d] = 1 + below(4);
        mt_shape_contiguous_strides(n, size, stride);
        for (int d = 0; d < n; d++) {
            int k = below(n);
            int64_t s = size[d], t = stride[d];
            size[d] = size[k], stride[d] = stride[k], size[k] = s, stride[k] = t;
            if (below(6) == 0) stride[d] *= 2;
            if (below(8) == 0) stride[d] = 0;
        }
        int64_t rest = numel;
        for (int d = 0; d < m; d++) {
            flat[d] = d == m - 1 ? rest : 1 + below((int)rest);
            while (rest % flat[d]) flat[d]--;
            rest /= flat[d];
        }
        bool possible = true;
        int64_t forced[3], step = numel;
        for (int d = 0; d < m; d++) {
            step /= flat[d];
            forced[d] = flat[d] > 1 ? address(n, size, stride, step) : 0;
        }
        for (int64_t i = 0; i < numel; i++)
            possible &= address(m, flat, forced, i) == address(n, size, stride, i);
        bool got = mt_shape_view_strides(n, size, stride, m, flat, out);
        shown += got;
        if (!CHECK_INT(got, possible)) break;
        for (int64_t i = 0; got && i < numel; i++)
            if (!CHECK_INT(address(m, flat, out, i), address(n, size, stride, i))) return;
    }
    CHECK(shown > 5000);
}

static void test_text(void)
{
    char text[MT_SHAPE_TEXT];
    int64_t many[MT_MAX_DIMS];
    CHECK_STRING(mt_shape_text(0, NULL, text), "[]");
    CHECK_STRING(mt_shape_text(2, (int64_t[]){2, 3}, text), "[2, 3]");
    for (int d = 0; d < MT_MAX_DIMS; d++) many[d] = INT64_MAX;
    CHECK(strlen(mt_shape_text(MT_MAX_DIMS, many, text)) < MT_SHAPE_TEXT);
}

int main(void)
{
    if (mt_init() < 0) return 1;
    RUN(test_numel);
    RUN(test_broadcast);
    RUN(test_dims);
    RUN(test_infer);
    RUN(test_view_strides);
    RUN(test_text);
    return mtest_done();
}
