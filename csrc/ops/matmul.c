/* Matrix products. One forward, gemm, serves all; gradients are matrix products again.
 * Relies on kernels/gemm.c. */
#include "ops/gemm.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <string.h>

static int same_types(const mt_tensor *a, const mt_tensor *b)
{
    if (a->dtype == b->dtype) return 0;
    return mt_error(MT_RUNTIME, "expected m1 and m2 to have the same dtype, but got: %s != %s",
                    mt_dtype_c((mt_dtype)a->dtype), mt_dtype_c((mt_dtype)b->dtype));
}

static int gemm(mt_dtype d, int64_t m, int64_t n, int64_t k, const char *a, int64_t a_row,
                int64_t a_col, const char *b, int64_t b_row, int64_t b_col, char *c, int64_t ldc,
                bool accumulate)
{
    const mt_product p = {m, n, k, a, a_row, a_col, b, b_row, b_col, c, ldc, accumulate};
    if (mt_is_float(d) && MT_UNLIKELY(mt_adds_up_slim(&p))) {
        mt_slim_product(d, &p);
        return 0;
    }
    if (d == MT_FLOAT32)
        return mt_k->gemm_f32(m, n, k, (const float *)(const void *)a, a_row, a_col,
                              (const float *)(const void *)b, b_row, b_col, (float *)(void *)c, ldc,
                              accumulate);
    if (d == MT_FLOAT64)
        return mt_k->gemm_f64(m, n, k, (const double *)(const void *)a, a_row, a_col,
                              (const double *)(const void *)b, b_row, b_col, (double *)(void *)c,
                              ldc, accumulate);
    if (d == MT_BOOL)
        return mt_error(MT_NOT_IMPLEMENTED, "\"addmm_impl_cpu_\" not implemented for 'Bool'");
    return mt_integer_product(d, &p);
}

#define LONG_WORK ((double)(INT64_C(1) << 33)) /* products between two looks for Ctrl-C */
#define ROWS_UNIT 192                          /* pieces are multiples of that */

int mt_gemm(mt_dtype d, int64_t m, int64_t n, int64_t k, const char *a, int64_t a_row,
            int64_t a_col, const char *b, int64_t b_row, int64_t b_col, char *c, int64_t ldc,
            bool accumulate)
{
    double of_a_row = (double)n * (double)k;
    if (MT_LIKELY((double)m * of_a_row <= LONG_WORK))
        return gemm(d, m, n, k, a, a_row, a_col, b, b_row, b_col, c, ldc, accumulate);
    int64_t rows = (int64_t)(LONG_WORK / of_a_row) / ROWS_UNIT * ROWS_UNIT, item = mt_dtype_size(d);
    if (rows < ROWS_UNIT) rows = ROWS_UNIT;
    int status = 0;
    for (int64_t i = 0; i < m && status == 0; i += rows) {
        status = gemm(d, m - i < rows ? m - i : rows, n, k, a + i * a_row * item, a_row, a_col, b,
                      b_row, b_col, c + i * ldc * item, ldc, accumulate);
        if (status == 0) status = mt_check_interrupted();
    }
    return status;
}

/* ==== mm ====================================================================================== */

static int mm_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *b = c->in[1];
    if (a->ndim != 2) return mt_error(MT_RUNTIME, "self must be a matrix");
    if (b->ndim != 2) return mt_error(MT_RUNTIME, "mat2 must be a matrix");
    if (a->size[1] != b->size[0])
        return mt_error(MT_RUNTIME,
                        "mat1 and mat2 shapes cannot be multiplied (%" PRId64 "x%" PRId64
                        " and %" PRId64 "x%" PRId64 ")",
                        a->size[0], a->size[1], b->size[0], b->size[1]);
    if (same_types(a, b) < 0) return -1;
    int64_t size[2] = {a->size[0], b->size[1]};
    mt_tensor *y = mt_result(c, 0, (mt_dtype)a->dtype, 2, size);
    if (!y) return -1;
    return mt_gemm((mt_dtype)a->dtype, size[0], size[1], a->size[1], a->data, a->stride[0],
                   a->stride[1], b->data, b->stride[0], b->stride[1], y->data, size[1], false);
}

/* C = A B, so dA = dC B^T and dB = A^T dC. */
static void mm_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *a = c->in[0], *b = c->in[1];
    if (gin[0]) gin[0] = mt_mm(g, mt_t(b));
    if (gin[1]) gin[1] = mt_mm(mt_t(a), g);
}

/* The same without recording, and without tensors for the transposes. */
static void mm_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *a = c->in[0], *b = c->in[1], *out;
    const mt_dims *dims = c->in_dims;
    mt_dtype d = (mt_dtype)g->dtype;
    int64_t m = g->size[0], n = g->size[1], k = dims[0].size[1], row = g->stride[0],
            col = g->stride[1];
    if (gin[0] && (!(out = gin[0] = mt_empty(d, 2, dims[0].size)) ||
                   mt_gemm(d, m, k, n, g->data, row, col, b->data, b->stride[1], b->stride[0],
                           out->data, k, false) < 0))
        return;
    if (gin[1] && (out = gin[1] = mt_empty(d, 2, dims[1].size)))
        mt_gemm(d, k, n, m, a->data, a->stride[1], a->stride[0], g->data, row, col, out->data, n,
                false);
}

MT_OP(mm, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(0)},
      .backward = mm_backward, .fused = mm_fused, .rule = "gA = g @ B.t(); gB = A.t() @ g",
      .schema = "mm(Tensor self, Tensor mat2) -> Tensor",
      .doc = "The product of two matrices, (n, k) and (k, m) to (n, m). No broadcasting.");

mt_tensor *mt_mm(mt_tensor *self, mt_tensor *mat2) { return mt_call2(&mt_op_mm, self, mat2); }

/* ==== bmm ===================================================================================== */

/* Does PyTorch multiply matrices of this size itself, where there is a stack of them? */
static inline bool is_plain_product(int64_t m, int64_t n, int64_t k)
{
    enum { TERMS = 400 };
    return m > 0 && n > 0 && k > 0 && m < TERMS && n < TERMS && k < TERMS && m * n * k < TERMS;
}

#define STACK_WORK 65536 /* products that are worth a thread */
#define MATRIX_WORK                                                                                \
    400000 /* that a matrix shares out among threads: SERIAL_FLOPS of kernels/gemm.c */
#define LARGE_WORK (INT64_C(1) << 28) /* of a matrix that is long enough alone */

typedef struct stack {
    mt_dtype d;
    mt_product p;    /* the first */
    int64_t a, b, c; /* bytes to the next */
    int failed;
} stack;

/* A worker's failure to allocate is the caller's to report. */
static void multiply_some(int64_t begin, int64_t end, void *context)
{
    stack *q = context;
    mt_product p = q->p;
    const bool plain = mt_is_float(q->d) && is_plain_product(p.m, p.n, p.k);
    for (int64_t i = begin; i < end; i++) {
        p.a = q->p.a + i * q->a;
        p.b = q->p.b + i * q->b;
        p.c = q->p.c + i * q->c;
        if (plain) {
            mt_plain_product(q->d, &p);
        } else if (mt_gemm(q->d, p.m, p.n, p.k, p.a, p.a_row, p.a_col, p.b, p.b_row, p.b_col, p.c,
                           p.ldc, false) < 0) {
            if (mt_in_parallel()) mt_error_clear();
            __atomic_store_n(&q->failed, 1, __ATOMIC_RELAXED);
            return;
        }
    }
}

static int bmm_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *b = c->in[1];
    char ta[MT_SHAPE_TEXT];
    if (a->ndim != 3) return mt_error(MT_RUNTIME, "batch1 must be a 3D tensor");
    if (b->ndim != 3) return mt_error(MT_RUNTIME, "batch2 must be a 3D tensor");
    if (a->size[0] != b->size[0] || a->size[2] != b->size[1])
        return mt_error(MT_RUNTIME,
                        "Expected size for first two dimensions of batch2 tensor to be: [%" PRId64
                        ", %" PRId64 "] but got: %s.",
                        a->size[0], a->size[2], mt_shape_text(2, b->size, ta));
    if (a->dtype != b->dtype)
        return mt_error(MT_RUNTIME, "expected scalar type %s but found %s",
                        mt_dtype_camel((mt_dtype)a->dtype), mt_dtype_camel((mt_dtype)b->dtype));
    int64_t size[3] = {a->size[0], a->size[1], b->size[2]}, item = mt_itemsize(a);
    mt_tensor *y = mt_result(c, 0, (mt_dtype)a->dtype, 3, size);
    if (!y) return -1;
    stack q = {.d = (mt_dtype)a->dtype,
               .a = a->stride[0] * item,
               .b = b->stride[0] * item,
               .c = size[1] * size[2] * item,
               .p = {size[1], size[2], a->size[2], a->data, a->stride[1], a->stride[2], b->data,
                     b->stride[1], b->stride[2], y->data, size[2], false}};
    const double work = (double)size[1] * (double)size[2] * (double)a->size[2];
    const int64_t many = 4 * (int64_t)mt_get_num_threads();
    if (work <= MATRIX_WORK ||
        (size[0] >= many && work <= (double)LARGE_WORK)) /* each thread takes some */
        mt_parallel_for(size[0], (int64_t)(STACK_WORK / (work + 1)) + 1, multiply_some, &q);
    else /* large ones, one after the other, each on all processors */
        multiply_some(0, size[0], &q);
    if (q.failed && mt_error_pending() == MT_OK) mt_fail_memory();
    return q.failed ? -1 : 0;
}

static void bmm_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *a = c->in[0], *b = c->in[1];
    if (gin[0]) gin[0] = mt_bmm(g, mt_transpose(b, 1, 2));
    if (gin[1]) gin[1] = mt_bmm(mt_transpose(a, 1, 2), g);
}

MT_OP(bmm, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(0)},
      .backward = bmm_backward, .rule = "gA = g @ B.mT; gB = A.mT @ g",
      .schema = "bmm(Tensor self, Tensor mat2) -> Tensor",
      .doc = "The products of two stacks of matrices, (b, n, k) and (b, k, m) to (b, n, m). No "
             "broadcasting.");

mt_tensor *mt_bmm(mt_tensor *self, mt_tensor *mat2) { return mt_call2(&mt_op_bmm, self, mat2); }

/* ==== mv, dot ================================================================================= */

static int mv_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *v = c->in[1];
    if (a->ndim == 0)
        return mt_error(MT_INDEX, "Dimension specified as 0 but tensor has no dimensions");
    if (a->ndim != 2 || v->ndim != 1)
        return mt_error(MT_RUNTIME, "vector + matrix @ vector expected, got %d, %d, %d", 1, a->ndim,
                        v->ndim);
    if (a->size[1] != v->size[0])
        return mt_error(MT_RUNTIME,
                        "size mismatch, got input (%" PRId64 "), mat (%" PRId64 "x%" PRId64
                        "), vec (%" PRId64 ")",
                        a->size[0], a->size[0], a->size[1], v->size[0]);
    if (a->dtype != v->dtype)
        return mt_error(MT_RUNTIME,
                        "addmv input tensors must have the same dtype, but got %s, %s, and %s",
                        mt_dtype_camel((mt_dtype)v->dtype), mt_dtype_camel((mt_dtype)a->dtype),
                        mt_dtype_camel((mt_dtype)v->dtype));
    if (a->dtype == MT_BOOL)
        return mt_error(MT_NOT_IMPLEMENTED, "\"addmv_impl_cpu\" not implemented for 'Bool'");
    mt_tensor *y = mt_result(c, 0, (mt_dtype)a->dtype, 1, a->size);
    if (!y) return -1;
    /* As a row: so a matrix of one row is still told from the vector. */
    return mt_gemm((mt_dtype)a->dtype, 1, a->size[0], a->size[1], v->data, 1, v->stride[0], a->data,
                   a->stride[1], a->stride[0], y->data, a->size[0], false);
}

static void mv_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *a = c->in[0], *v = c->in[1];
    if (gin[0]) gin[0] = mt_mul(mt_unsqueeze(g, 1), mt_unsqueeze(v, 0));
    if (gin[1]) gin[1] = mt_mv(mt_t(a), g);
}

MT_OP(mv, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(0)},
      .backward = mv_backward, .rule = "gA = outer(g, v); gv = A.t() @ g",
      .schema = "mv(Tensor self, Tensor vec) -> Tensor",
      .doc = "The product of a matrix (n, m) and a vector (m) to (n).");

mt_tensor *mt_mv(mt_tensor *self, mt_tensor *vec) { return mt_call2(&mt_op_mv, self, vec); }

static int dot_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *b = c->in[1];
    if (a->ndim != 1 || b->ndim != 1)
        return mt_error(MT_RUNTIME, "1D tensors expected, but got %dD and %dD tensors", a->ndim,
                        b->ndim);
    if (a->dtype != b->dtype)
        return mt_error(MT_RUNTIME,
                        "dot : expected both vectors to have same dtype, but found %s and %s",
                        mt_dtype_camel((mt_dtype)a->dtype), mt_dtype_camel((mt_dtype)b->dtype));
    if (a->numel != b->numel)
        return mt_error(MT_RUNTIME,
                        "inconsistent tensor size, expected tensor [%" PRId64 "] and src [%" PRId64
                        "] to have the same number of elements, but got %" PRId64 " and %" PRId64
                        " elements respectively",
                        a->numel, b->numel, a->numel, b->numel);
    mt_tensor *y = mt_result(c, 0, (mt_dtype)a->dtype, 0, NULL);
    if (!y) return -1;
    if (mt_is_float((mt_dtype)a->dtype) && a->flags & b->flags & MT_CONTIGUOUS &&
        mt_is_slim_product(1, 1, a->numel)) {
        mt_dot_product((mt_dtype)a->dtype, a->numel, a->data, b->data, y->data);
        return 0;
    }
    return mt_gemm((mt_dtype)a->dtype, 1, 1, a->numel, a->data, 1, a->stride[0], b->data,
                   b->stride[0], 1, y->data, 1, false);
}

static void dot_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_mul(gout[0], c->in[1]);
    if (gin[1]) gin[1] = mt_mul(gout[0], c->in[0]);
}

MT_OP(dot, .kind = MT_FUNCTION | MT_METHOD | MT_OUT, .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(0)},
      .backward = dot_backward, .rule = "gx = g y; gy = g x",
      .schema = "dot(Tensor self, Tensor tensor) -> Tensor",
      .doc = "The sum of the products of the elements of two vectors of one length.");

mt_tensor *mt_dot(mt_tensor *self, mt_tensor *tensor) { return mt_call2(&mt_op_dot, self, tensor); }

/* ==== matmul ================================================================================== */

/* x with its batch dimensions expanded to `batch` and folded into one: (product, rows, columns). */
static mt_tensor *fold_batch(mt_tensor *x, int nbatch, const int64_t *batch)
{
    int64_t size[MT_MAX_DIMS + 2], folded[3] = {1, x->size[x->ndim - 2], x->size[x->ndim - 1]};
    memcpy(size, batch, (size_t)nbatch * sizeof *size);
    size[nbatch] = folded[1];
    size[nbatch + 1] = folded[2];
    for (int d = 0; d < nbatch; d++) folded[0] *= batch[d];
    return mt_reshape(mt_expand(x, nbatch + 2, size), 3, folded);
}

/* Products with batch dimensions end in a view. */
static const char *matmul_grad_name(const mt_call *c)
{
    int a = c->in[0]->ndim, b = c->in[1]->ndim;
    if (a == 1 && b == 2) return "SqueezeBackward4";
    return a > 2 || b > 2 ? "UnsafeViewBackward0" : NULL;
}

static int matmul_forward(mt_call *c)
{
    mt_tensor *a = c->in[0], *b = c->in[1], *y;
    if (a->ndim == 0 || b->ndim == 0)
        return mt_error(MT_RUNTIME,
                        "both arguments to matmul need to be at least 1D, but they are %dD and %dD",
                        a->ndim, b->ndim);
    if (a->ndim == 1 && b->ndim == 1) return mt_result_is(c, 0, mt_dot(a, b));
    if (a->ndim == 2 && b->ndim == 2) return mt_result_is(c, 0, mt_mm(a, b));
    if (a->ndim == 2 && b->ndim == 1) return mt_result_is(c, 0, mt_mv(a, b));
    bool row = a->ndim == 1, column = b->ndim == 1;
    if (row) a = mt_unsqueeze(a, 0);
    if (column) b = mt_unsqueeze(b, 1);
    if (!a || !b) return -1;
    int64_t k = a->size[a->ndim - 1], size[MT_MAX_DIMS], batch[MT_MAX_DIMS];
    int nbatch = mt_shape_broadcast(a->ndim - 2, a->size, b->ndim - 2, b->size, batch);
    if (nbatch < 0) return -1;
    memcpy(size, batch, (size_t)nbatch * sizeof *size);
    size[nbatch] = a->size[a->ndim - 2];
    size[nbatch + 1] = b->size[b->ndim - 1];
    if (b->ndim == 2 && a->ndim > 2) { /* one matrix for all: a single large product */
        int64_t rows[2] = {k ? a->numel / k : 1, k};
        for (int d = 0; !k && d < a->ndim - 1; d++) rows[0] *= a->size[d];
        y = mt_reshape(mt_mm(mt_reshape(a, 2, rows), b), nbatch + 2, size);
    } else if (nbatch == 0) {
        y = mt_mm(a, b);
    } else {
        y = mt_reshape(mt_bmm(fold_batch(a, nbatch, batch), fold_batch(b, nbatch, batch)),
                       nbatch + 2, size);
    }
    if (row) y = y ? mt_squeeze_dim(y, -2) : NULL;
    if (column) y = y ? mt_squeeze_dim(y, -1) : NULL;
    return mt_result_is(c, 0, y);
}

MT_OP(matmul, .kind = MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT,
      .grad_name_of = matmul_grad_name, .schema = "matmul(Tensor self, Tensor other) -> Tensor",
      .doc = "The matrix product of the last two dimensions; those before broadcast. A vector "
             "counts as a row on the left, as a column on the right.");

mt_tensor *mt_matmul(mt_tensor *self, mt_tensor *other)
{
    return mt_call2(&mt_op_matmul, self, other);
}

/* ==== linear ================================================================================== */

/* Is the bias laid out over the rows of x, before their products are added to it? Else it is added to the
 * whole result. bias: its shape, x: the number of dimensions of x. */
static bool is_row_bias(int x, int ndim, const int64_t *size)
{
    int long_dims = 0;
    for (int i = 0; i < ndim; i++) long_dims += size[i] != 1;
    return x == 2 || ndim == 1 || long_dims == 1;
}

/* What is wrong with the arguments of a layer, if anything is. */
static __attribute__((noinline)) int check_linear(const mt_tensor *x, const mt_tensor *w,
                                                  const mt_tensor *bias)
{
    if (x->ndim == 0 || w->ndim == 0)
        return mt_error(MT_RUNTIME,
                        "both arguments to linear need to be at least 1D, but they are %dD and %dD",
                        x->ndim, w->ndim);
    if (bias && !is_row_bias(x->ndim, bias->ndim, bias->size))
        bias = NULL; /* another sum's affair */
    if (w->ndim > 2)
        return mt_error(MT_RUNTIME, "t() expects a tensor with <= 2 dimensions, but self is %dD",
                        w->ndim);
    if (bias && (bias->dtype != w->dtype || x->dtype != w->dtype))
        return mt_error(MT_RUNTIME, "%s and mat2 must have the same dtype, but got %s and %s",
                        bias->dtype != w->dtype ? "self" : "mat1",
                        mt_dtype_camel((mt_dtype)(bias->dtype != w->dtype ? bias : x)->dtype),
                        mt_dtype_camel((mt_dtype)w->dtype));
    if (w->ndim != 2 && bias)
        return mt_error(MT_RUNTIME, "mat2 must be a matrix, got %d-D tensor", w->ndim);
    const int64_t k = x->size[x->ndim - 1], rows = k ? x->numel / k : 0;
    if (w->ndim == 1 && k != w->size[0])
        return mt_error(MT_RUNTIME,
                        "size mismatch, got input (%" PRId64 "), mat (%" PRId64 "x%" PRId64
                        "), vec (%" PRId64 ")",
                        rows, rows, k, w->size[0]);
    if (w->ndim == 2 && k != w->size[1])
        return mt_error(MT_RUNTIME,
                        "mat1 and mat2 shapes cannot be multiplied (%" PRId64 "x%" PRId64
                        " and %" PRId64 "x%" PRId64 ")",
                        rows, k, w->size[1], w->size[0]);
    if (!bias && same_types(x, w) < 0) return -1;
    return 0;
}

static int fill_rows(mt_tensor *y, mt_tensor *bias, int64_t rows, int64_t n)
{
    int64_t item = mt_itemsize(y), row = n * item, size[2] = {rows, n};
    if (bias->ndim != 1 || bias->size[0] != n) {
        mt_tensor *all = mt_expand(bias, 2, size), *to = all ? mt_reshape(y, 2, size) : NULL;
        return to ? mt_copy_raw(to, all) : -1;
    }
    if (rows == 0 || n == 0) return 0;
    if (bias->stride[0] != 1) {
        for (int64_t j = 0; j < n; j++)
            memcpy(y->data + j * item, bias->data + j * bias->stride[0] * item, (size_t)item);
    } else {
        memcpy(y->data, bias->data, (size_t)row);
    }
    for (int64_t i = 1; i < rows; i++) memcpy(y->data + i * row, y->data, (size_t)row);
    return 0;
}

/* The kernels for a layer as small as this one, or NULL. */
static inline const mt_layer *small_layer(mt_dtype d, int64_t m, int64_t n, int64_t k)
{
    if ((uint64_t)(n - 1) >= MT_LAYER_MAX || (uint64_t)(k - 1) >= MT_LAYER_MAX ||
        m > MT_LAYER_ROWS || !mt_is_float(d))
        return NULL;
    const mt_layer *l = &mt_k->layer[n - 1][k - 1][d == MT_FLOAT64];
    return l->forward ? l : NULL;
}

/* A batch of rows, a matrix, and one number of the bias for each row of
 * that: nothing to complain of. */
static inline bool usual_layer(const mt_tensor *x, const mt_tensor *w, const mt_tensor *bias)
{
    return x->ndim == 2 && w->ndim == 2 && x->size[1] == w->size[1] && x->dtype == w->dtype &&
           (!bias || (bias->ndim == 1 && bias->size[0] == w->size[0] && bias->dtype == w->dtype));
}

static inline bool unaligned(const void *p) { return (uintptr_t)p % 16 != 0; }

/* The kernels for x in `rows` rows, if they can read it, its weights and bias where they lie. */
static inline const mt_layer *layer_for(const mt_tensor *x, const mt_tensor *w,
                                        const mt_tensor *bias, int64_t rows, int64_t n, int64_t k)
{
    bool plain = x->flags & w->flags & (bias ? bias->flags : w->flags) & MT_CONTIGUOUS;
    if (k >= 4 && (unaligned(x->data) || (rows == 1 && n > 1))) return NULL;
    return plain && (!bias || (bias->ndim == 1 && bias->size[0] == n))
               ? small_layer((mt_dtype)x->dtype, rows, n, k)
               : NULL;
}

/* y = x W^T + b, the rows of x being all its dimensions but the last. A vector as W counts as its one
 * row, and y loses the dimension. */
static int linear_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *w = c->in[1], *bias = c->in[2], *y;
    int64_t size[MT_MAX_DIMS], rows = 1;
    const mt_layer *l;
    if (MT_LIKELY(usual_layer(x, w, bias))) {
        size[0] = rows = x->size[0];
        size[1] = w->size[0];
        if (MT_LIKELY((l = layer_for(x, w, bias, rows, size[1], x->size[1])) != NULL)) {
            if (!(y = mt_result(c, 0, (mt_dtype)x->dtype, 2, size))) return -1;
            goto small;
        }
        rows = 1;
    } else if (check_linear(x, w, bias) < 0) {
        return -1;
    }
    if (x->ndim != 2 && !mt_is_contiguous(x) && !(x = mt_contiguous_raw(x, (mt_dtype)x->dtype)))
        return -1;
    mt_dtype d = (mt_dtype)x->dtype;
    bool vector = w->ndim == 1;
    int64_t k = w->size[w->ndim - 1], n = vector ? 1 : w->size[0];
    for (int i = 0; i < x->ndim - 1; i++) rows *= size[i] = x->size[i];
    size[x->ndim - 1] = n;
    if (!(y = mt_result(c, 0, d, x->ndim - vector, size))) return -1;
    if ((l = layer_for(x, w, bias, rows, n, k))) goto small;
    const bool first = bias && is_row_bias(x->ndim, bias->ndim, bias->size);
    if (first && fill_rows(y, bias, rows, n) < 0) return -1;
    int64_t x_row = x->ndim == 2 ? x->stride[0] : k, x_col = x->ndim == 2 ? x->stride[1] : 1;
    if (mt_gemm(d, rows, n, k, x->data, x_row, x_col, w->data, w->stride[w->ndim - 1], w->stride[0],
                y->data, n, first) < 0)
        return -1;
    mt_tensor *sum[2] = {y, bias};
    return first || !bias || mt_call_inplace(&mt_op_add, 2, sum, 0, NULL) ? 0 : -1;
small:
    l->forward(rows, x->data, w->data, bias ? bias->data : NULL, y->data);
    return 0;
}

static mt_tensor *as_rows(mt_tensor *t)
{
    if (!t || t->ndim == 2) return t;
    int64_t last = t->size[t->ndim - 1], size[2] = {1, last};
    for (int d = 0; d < t->ndim - 1; d++) size[0] *= t->size[d];
    return mt_reshape(t, 2, size);
}

/* dx = g W, dW = g^T x, db = sum of the rows of g. */
static void linear_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *g = gout[0], *x = c->in[0], *w = c->in[1], *rows = NULL, *product;
    if (c->in_dims[1].ndim == 1) {
        g = mt_unsqueeze(g, -1);
        w = w ? mt_unsqueeze(w, 0) : NULL;
    }
    rows = as_rows(g);
    if (gin[0]) {
        product = mt_mm(rows, w);
        gin[0] = product ? mt_reshape(product, c->in_dims[0].ndim, c->in_dims[0].size) : NULL;
    }
    if (gin[1]) {
        product = mt_mm(mt_t(rows), as_rows(x));
        gin[1] = product && c->in_dims[1].ndim == 1 ? mt_squeeze_dim(product, 0) : product;
    }
    const mt_dims *bias = &c->in_dims[2];
    if (gin[2])
        gin[2] = mt_sum_to_size(is_row_bias(c->in_dims[0].ndim, bias->ndim, bias->size) ? rows : g,
                                bias->ndim, bias->size);
}

/* Floating matrices, and a bias that is one number for each output. */
static inline bool plain_layer(const mt_dims *dims, bool bias)
{
    return dims[0].ndim == 2 && dims[1].ndim == 2 && dims[1].size[0] > 0 &&
           mt_is_float(dims[1].dtype) &&
           (!bias || (dims[2].ndim == 1 && dims[2].size[0] == dims[1].size[0]));
}

/* Does a small layer add up its biases as mt_sum would? Not where that goes by groups of rows. */
static inline bool layer_sums_bias(mt_dtype d, int64_t m, int64_t n)
{
    if (n == 1) return m <= 4 || (m == 8 && d == MT_FLOAT32);
    return m <= (n == 4 && d == MT_FLOAT32 ? 16 : 64);
}

/* The same without recording: products straight into their places. */
static int linear_raw(const mt_call *c, const void *g, void **gin)
{
    const mt_tensor *x = c->in[0], *w = c->in[1];
    const mt_dims *dims = c->in_dims;
    if (!plain_layer(dims, gin[2] != NULL)) return 0;
    mt_dtype d = dims[1].dtype;
    int64_t m = dims[0].size[0], n = dims[1].size[0], k = dims[1].size[1];
    const mt_layer *l = small_layer(d, m, n, k);
    if (gin[0] && l && mt_is_contiguous(w) && !(k == 1 && n >= 4 && unaligned(g)))
        l->input(m, g, w->data, gin[0]);
    else if (gin[0] && mt_gemm(d, m, k, n, g, n, 1, w->data, w->stride[0], w->stride[1], gin[0], k,
                               false) < 0)
        return -1;
    const bool few = layer_sums_bias(d, m, n);
    if (gin[1] && l && mt_is_contiguous(x)) {
        l->weight(m, g, x->data, gin[1], few ? gin[2] : NULL);
        if (few) return 1;
    } else if (gin[1] && mt_gemm(d, n, k, m, g, 1, n, x->data, x->stride[0], x->stride[1], gin[1],
                                 k, false) < 0) {
        return -1;
    }
    if (gin[2]) mt_k->reduce_columns[MT_REDUCE_sum][d](m, n, gin[2], g, n * mt_dtype_size(d));
    return 1;
}

static void linear_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *dims = c->in_dims;
    void *place[3] = {NULL};
    if (!plain_layer(dims, gin[2] != NULL) || !mt_is_contiguous(gout[0])) {
        linear_backward(c, gout, gin);
        return;
    }
    for (int i = 0; i < 3; i++) {
        if (!gin[i]) continue;
        if (!(gin[i] = mt_empty(dims[1].dtype, dims[i].ndim, dims[i].size))) return;
        place[i] = gin[i]->data;
    }
    linear_raw(c, gout[0]->data, place);
}

static const char *linear_grad_name(const mt_call *c)
{
    const mt_dims *bias = &c->in_dims[2];
    if (bias->dtype != MT_NO_DTYPE && !is_row_bias(c->in_dims[0].ndim, bias->ndim, bias->size))
        return "AddBackward0";
    if (c->in_dims[0].ndim == 1 && c->in_dims[2].dtype == MT_NO_DTYPE) return "SqueezeBackward4";
    if (c->in_dims[0].ndim != 2)
        return c->in_dims[2].dtype == MT_NO_DTYPE ? "UnsafeViewBackward0" : "ViewBackward0";
    return c->in_dims[2].dtype == MT_NO_DTYPE ? "MmBackward0" : "AddmmBackward0";
}

MT_OP(
    linear, .kind = MT_NN | MT_OUT, .keeps = {MT_KEEP_IN(1), MT_KEEP_IN(0), 0},
    .backward = linear_backward, .fused = linear_fused, .raw = linear_raw,
    .grad_name_of = linear_grad_name, .edges = "201",
    .rule = "gx = g @ W; gW = g.t() @ x; gb = g.sum(0)",
    .schema = "linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
    .doc =
        "input @ weight.t() + bias: (..., in) to (..., out) with weight (out, in) and bias (out).");

mt_tensor *mt_linear(mt_tensor *input, mt_tensor *weight, mt_tensor *bias)
{
    mt_tensor *in[3] = {input, weight, bias};
    return input && weight ? mt_calln(&mt_op_linear, 3, in, 0, NULL) : NULL;
}
