/* Pointwise operators: the records, C functions and rules that the rows become, and the two
 * forward functions that serve them all. Relies on tensor/iter.h and the kernel table; read
 * before: include/minitorch/unary.def. */
#include "ops/ops.h"
#include "ops/reduce.h"
#include "ops/rules.h"

#include "base/parallel.h"

#include <float.h>
#include <string.h>

enum {
    FLOAT,
    SAME,
    ROUND,
    TEST,
    NN,
    SAME_NN,
    ALL_NN,
    FLOAT_NN,
    PART,
    ARITH,
    CHOICE,
    PAIR,
    REAL,
    COMPARE,
    LOGIC,
    GRAD
};

/* ---- types ----------------------------------------------------------------------------------- */

/* What takes part in promotion: shaped tensors, 0-d tensors and Python numbers count in this order,
 * and a lower category only matters if its kind (bool < integer < float) is higher. */
static mt_dtype combine(mt_dtype higher, mt_dtype lower)
{
    if (higher == MT_NO_DTYPE) return lower;
    if (lower == MT_NO_DTYPE || mt_dtype_category(higher) >= mt_dtype_category(lower))
        return higher;
    return mt_promote(higher, lower);
}

mt_dtype mt_result_type(int n, mt_tensor *const *t)
{
    mt_dtype kind[3] = {MT_NO_DTYPE, MT_NO_DTYPE, MT_NO_DTYPE}; /* shaped, 0-d, number */
    for (int i = 0; i < n; i++) {
        if (!t[i]) continue;
        mt_dtype d = (mt_dtype)t[i]->dtype;
        int k = t[i]->ndim ? 0 : t[i]->flags & MT_WRAPPED_NUMBER ? 2 : 1;
        if (k == 2 && d != MT_BOOL && d != MT_INT64)
            d = mt_is_complex(d) ? mt_complex_dtype(mt_default_dtype()) : mt_default_dtype();
        kind[k] = kind[k] == MT_NO_DTYPE ? d : mt_promote(kind[k], d);
    }
    return combine(kind[0], combine(kind[1], kind[2]));
}

/* How Python calls the type of an argument. */
static const char *type_in_python(const mt_tensor *t)
{
    if (!(t->flags & MT_WRAPPED_NUMBER)) return "Tensor";
    static const char *const names[] = {"bool", "int", "float", "complex"};
    return names[mt_dtype_category((mt_dtype)t->dtype)];
}

int mt_need_tensor(const mt_call *c, bool first)
{
    const mt_tensor *x = c->in[0], *y = c->in[1];
    if (!(x->flags & MT_WRAPPED_NUMBER) || !(first || y->flags & MT_WRAPPED_NUMBER)) return 0;
    return mt_error(MT_TYPE,
                    "%s() received an invalid combination of arguments - got (%s, %s), but "
                    "expected one of:\n * (Tensor input, Tensor other, *, Tensor out = None)\n * "
                    "(Tensor input, Number other, *, Tensor out = None)",
                    c->op->name, type_in_python(x), type_in_python(y));
}

#define BOOL_MINUS                                                                                 \
    "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "    \
    "invert a mask, use the `~` or `logical_not()` operator instead."

/* PyTorch's name for the kernel that is missing: add_cpu, with exceptions. */
static int no_kernel(const mt_call *c, mt_dtype d)
{
    static const char *const others[][2] = {{"round", "round_vml_cpu"},
                                            {"floor", "floor_vml_cpu"},
                                            {"ceil", "ceil_vml_cpu"},
                                            {"trunc", "trunc_vml_cpu"},
                                            {"floor_divide", "div_floor_cpu"},
                                            {"pow", "pow"},
                                            {"celu", "elu_cpu"},
                                            {"selu", "elu_cpu"},
                                            {"softshrink", "softshrink_check"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(c->op->name, others[i][0]))
            return mt_error(MT_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", others[i][1],
                            mt_dtype_camel(d));
    return mt_error(MT_NOT_IMPLEMENTED, "\"%s_cpu\" not implemented for '%s'", c->op->name,
                    mt_dtype_camel(d));
}

/* ---- running a loop over tensors ------------------------------------------------------------- */

typedef struct flat_job {
    mt_loop loop;
    char *p[4];
    int64_t stride[4];
    const double *param;
    int n;
} flat_job;

static void run_flat(int64_t begin, int64_t end, void *context)
{
    const flat_job *j = context;
    char *p[4];
    for (int k = 0; k < j->n; k++) p[k] = j->p[k] + begin * j->stride[k];
    j->loop(end - begin, p, j->stride, j->param);
}

/* The elements of a matrix-like out in rows of n, to each of which the one row of in[1] is added
 * (or what the loop does): a bias, or the mean of each column. */
#define ROW_BUFFER 1024 /* bytes */

/* Which inputs broadcast as one row, if the rest lies like out; 0 if that is not how it is. */
static int single_row(const mt_tensor *out, int n, mt_tensor *const *in, int64_t *length)
{
    int which = 0;
    for (int i = 0; i < n; i++) {
        const mt_tensor *t = in[i];
        if (t->numel == 1) continue;
        if (!mt_is_contiguous(t)) return 0;
        if (t->numel == out->numel) continue;
        if (which || t->ndim == 0 || t->numel != t->size[t->ndim - 1] ||
            t->numel != out->size[out->ndim - 1])
            return 0;
        which = i + 1;
        *length = t->numel;
    }
    return which;
}

/* A short row is repeated until it fills a buffer, so that the loop runs over many rows at once. */
static void run_rows(mt_loop loop, flat_job *j, int which, int64_t length, int64_t numel,
                     const double *param)
{
    char buffer[ROW_BUFFER];
    int64_t item = j->stride[which], bytes = length * item, rows = ROW_BUFFER / bytes;
    int64_t all = numel / length, step = length;
    if (rows > all) rows = all;
    if (rows > 1) {
        char *end = buffer;
        for (int64_t i = 0; i < rows; i++, end += bytes) memcpy(end, j->p[which], (size_t)bytes);
        j->p[which] = buffer;
        step = rows * length;
    }
    for (int64_t done = 0; done < numel; done += step) {
        if (step > numel - done) step = numel - done;
        loop(step, j->p, j->stride, param);
        for (int k = 0; k < j->n; k++)
            if (k != which) j->p[k] += step * j->stride[k];
    }
}

/* Everything but small contiguous work. */
static __attribute__((noinline)) void run_any(mt_loop loop, mt_tensor *out, int n,
                                              mt_tensor *const *in, flat_job *j, bool flat,
                                              int64_t grain)
{
    int64_t length = 0;
    if (flat) {
        mt_parallel_for(out->numel, grain, run_flat, j);
        return;
    }
    int which = mt_is_contiguous(out) && out->ndim > 1 && out->numel <= grain && out->numel
                    ? single_row(out, n, in, &length)
                    : 0;
    if (which) {
        j->stride[which] = mt_itemsize(in[which - 1]);
        run_rows(loop, j, which, length, out->numel, j->param);
        return;
    }
    mt_iter it;
    mt_iter_begin(&it, out->ndim, out->size);
    mt_iter_add(&it, out);
    for (int i = 0; i < n; i++) mt_iter_add(&it, in[i]);
    mt_iter_run(&it, loop, j->param, grain);
}

/* Out and every input contiguous in one shape, or a single element, need no iterator. */
void mt_run_loop(mt_loop loop, mt_tensor *out, int n, mt_tensor *const *in, const double *param,
                 int64_t grain)
{
    flat_job j;
    bool flat = mt_is_contiguous(out);
    j.p[0] = out->data;
    j.stride[0] = mt_itemsize(out);
    for (int i = 0; i < n; i++) {
        const mt_tensor *t = in[i];
        bool one = t->numel == 1;
        flat &= one || (mt_is_contiguous(t) && t->numel == out->numel);
        j.p[i + 1] = t->data;
        j.stride[i + 1] = one ? 0 : mt_itemsize(t);
    }
    if (MT_LIKELY(flat && out->numel <= grain)) {
        loop(out->numel, j.p, j.stride, param);
        return;
    }
    j.loop = loop;
    j.param = param;
    j.n = n + 1;
    run_any(loop, out, n, in, &j, flat, grain);
}

/* ---- without a call -------------------------------------------------------------------------- */

/* What most operators in rules get: floating type, contiguous, and no history to think of. */
static inline bool simple(const mt_tensor *t)
{
    return (t->flags & (MT_CONTIGUOUS | MT_REQUIRES_GRAD | MT_WRAPPED_NUMBER)) == MT_CONTIGUOUS &&
           mt_is_float((mt_dtype)t->dtype) && !t->base;
}

static inline bool alike(const mt_tensor *x, const mt_tensor *y)
{
    return x->dtype == y->dtype && mt_same_shape(x, y);
}

/* A loop of the table where out and the n inputs are contiguous and alike. */
static MT_INLINE void run_alike(mt_loop loop, mt_tensor *out, int n, mt_tensor *const *in,
                                int64_t grain)
{
    int64_t stride[3], item = mt_itemsize(out);
    char *p[3] = {out->data};
    if (MT_UNLIKELY(out->numel > grain)) {
        mt_run_loop(loop, out, n, in, NULL, grain);
        return;
    }
    stride[0] = item;
    for (int i = 0; i < n; i++) {
        p[i + 1] = in[i]->data;
        stride[i + 1] = item;
    }
    loop(out->numel, p, stride, NULL);
}

/* The same into a new tensor. */
static MT_INLINE mt_tensor *straight(mt_loop loop, int n, mt_tensor *const *in, int64_t grain)
{
    mt_tensor *out = mt_empty((mt_dtype)in[0]->dtype, in[0]->ndim, in[0]->size);
    if (MT_LIKELY(out != NULL)) run_alike(loop, out, n, in, grain);
    return out;
}

/* t in dtype d: t itself, or a cast copy with the same strides. */
static mt_tensor *cast(mt_tensor *t, mt_dtype d)
{
    if (MT_LIKELY(t->dtype == d)) return t;
    mt_tensor *c = mt_empty_like(t, d);
    return c && mt_copy_raw(c, t) == 0 ? c : NULL;
}

/* ---- one input ------------------------------------------------------------------------------- */

static const uint8_t unary_kind[] = {
#define UNARY(kind, ...) kind,
#include "minitorch/unary.def"
};

static inline int64_t grain_of(int kind)
{
    return kind == FLOAT || kind == NN || kind == FLOAT_NN || kind == PART ? MT_GRAIN_DEAR
                                                                           : MT_GRAIN_CHEAP;
}

/* What PyTorch says of bools where it does not say "not implemented". */
static int unary_check(const mt_call *c, const mt_tensor *x)
{
    if (MT_LIKELY(x->dtype != MT_BOOL)) return 0;
    switch (c->op->row) {
    case MT_UNARY_neg:
        return mt_error(
            MT_RUNTIME,
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead.");
    case MT_UNARY_relu:
        return mt_error(MT_RUNTIME, "Boolean inputs not supported for relu");
    case MT_UNARY_hardtanh:
    case MT_UNARY_relu6:
        return mt_error(MT_RUNTIME, "Bool inputs not supported for hardtanh");
    case MT_UNARY_softsign:
        return mt_error(MT_NOT_IMPLEMENTED, "\"abs_cpu\" not implemented for 'Bool'");
    case MT_UNARY_tanhshrink:
        return mt_error(MT_RUNTIME, BOOL_MINUS);
    default:
        return 0;
    }
}

/* The numbers of a UNARY_P row, as the element type has them. */
static int read_params(const mt_call *c, mt_dtype d, double *param)
{
    bool limits = c->op->row == MT_UNARY_hardtanh;
    for (int i = 0; i < c->narg && i < 3; i++) {
        double room = 0;
        param[i] = mt_scalar_to_double(c->arg[i].s);
        if (mt_is_float(d)) continue;
        if (limits && d == MT_UINT8 && param[i] < 0)
            return mt_error(MT_RUNTIME,
                            "cannot do hardtanh on an unsigned type with negative limits");
        if (mt_scalar_check_fill(c->arg[i].s, d) < 0) return -1;
        mt_scalar_store(c->arg[i].s, d, &room);
        param[i] = mt_scalar_to_double(mt_scalar_load(d, &room));
    }
    if (c->op->row == MT_UNARY_celu && param[0] == 0)
        return mt_error(MT_RUNTIME, "ZeroDivisionError: alpha cannot be 0 for CELU");
    if (c->op->row == MT_UNARY_softshrink && !(param[0] >= 0))
        return mt_error(MT_RUNTIME,
                        "lambda must be in range [0, %g] for input dtype %s, but found %g",
                        d == MT_FLOAT32 ? (double)FLT_MAX : DBL_MAX, mt_dtype_camel(d), param[0]);
    return 0;
}

static int unary_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int kind = unary_kind[c->op->row];
    mt_dtype compute = (mt_dtype)x->dtype;
    double param[3];
    if (MT_LIKELY(mt_is_float(compute) && mt_is_contiguous(x) && kind != TEST && !c->narg &&
                  !c->target)) {
        c->out[0] = straight(mt_k->unary[c->op->row][compute], 1, &x, grain_of(kind));
        return c->out[0] ? 0 : -1;
    }
    if ((kind == FLOAT || kind == FLOAT_NN) && !mt_is_float(compute)) compute = mt_default_dtype();
    if (MT_UNLIKELY(compute == MT_BOOL && c->op->row == MT_UNARY_square))
        compute = MT_INT64; /* as pow */
    mt_loop loop = mt_k->unary[c->op->row][compute];
    if (MT_UNLIKELY(unary_check(c, x) < 0)) return -1;
    if (MT_UNLIKELY(!loop)) {
        bool itself = (kind == ROUND && mt_is_integral(compute)) ||
                      (c->op->row == MT_UNARY_sign && compute == MT_BOOL);
        if (!itself) return no_kernel(c, compute);
        loop = mt_k->cast[compute][compute];
    }
    if (MT_UNLIKELY(c->narg) && read_params(c, compute, param) < 0) return -1;
    if (MT_UNLIKELY(!(x = cast(x, compute)))) return -1;
    mt_tensor *y = mt_result_like(c, 0, kind == TEST ? MT_BOOL : compute, x);
    if (!y) return -1;
    mt_run_loop(loop, y, 1, &x, param, grain_of(kind));
    return 0;
}

/* The C function of a row. */
static inline mt_tensor *unary(const mt_op *op, int kind, mt_tensor *x)
{
    if (kind != TEST && x && simple(x) && MT_LIKELY(!mt_self.error))
        return straight(mt_k->unary[op->row][x->dtype], 1, &x, grain_of(kind));
    return mt_call1(op, x);
}

/* ---- two inputs ------------------------------------------------------------------------------ */

static const uint8_t binary_kind[] = {
#define BINARY(kind, ...) kind,
#include "minitorch/binary.def"
};

static bool has_negative(mt_tensor *t)
{
    mt_tensor *flat_t = mt_contiguous_raw(t, MT_INT64);
    for (int64_t i = 0; flat_t && i < flat_t->numel; i++)
        if (((int64_t *)flat_t->data)[i] < 0) return true;
    return false;
}

static int has_zero(const mt_tensor *t)
{
    bool all = true, mask[MT_MAX_DIMS];
    mt_tensor result = {.dtype = MT_BOOL, .numel = 1, .flags = MT_CONTIGUOUS, .data = (char *)&all};
    memset(mask, true, sizeof mask);
    result.size = result.dims;
    return mt_reduce_raw(MT_REDUCE_all, t, mask, &result) < 0 ? -1 : !all;
}

/* What a kernel cannot refuse. */
static int binary_check(const mt_call *c, mt_dtype compute)
{
    int row = c->op->row;
    bool first = row == MT_BINARY_fmod || row == MT_BINARY_copysign;
    if ((first || row == MT_BINARY_xlogy) && mt_need_tensor(c, first) < 0) return -1;
    if (row == MT_BINARY_sub && compute == MT_BOOL)
        return mt_error(MT_RUNTIME, "Subtraction, the `-` operator, with two bool tensors is not "
                                    "supported. Use the `^` or `logical_xor()` operator instead.");
    if (row == MT_BINARY_sub && (c->in[0]->dtype == MT_BOOL || c->in[1]->dtype == MT_BOOL))
        return mt_error(MT_RUNTIME, BOOL_MINUS);
    if (!mt_is_integral(compute)) return 0;
    if (row == MT_BINARY_pow && c->in[1]->flags & MT_WRAPPED_NUMBER && has_negative(c->in[1]))
        return mt_error(MT_RUNTIME, "Integers to negative integer powers are not allowed.");
    if (row == MT_BINARY_floor_divide || row == MT_BINARY_remainder || row == MT_BINARY_fmod) {
        const int zero = has_zero(c->in[1]);
        return zero > 0 ? mt_error(MT_RUNTIME, "ZeroDivisionError") : zero;
    }
    return 0;
}

/* in[i] as the loop needs it: a number is converted into `room` behind a borrowed
 * shell, no memory is asked for. */
static mt_tensor *operand(mt_tensor *t, mt_dtype d, mt_tensor *shell, double *room)
{
    if (MT_LIKELY(t->dtype == d)) return t;
    if (t->numel != 1) return cast(t, d);
    mt_scalar_store(mt_item_at(t, 0), d, room);
    shell->dtype = (uint8_t)d;
    shell->numel = 1;
    shell->ndim = t->ndim;
    shell->size = t->size;
    shell->stride = t->stride;
    shell->flags = MT_CONTIGUOUS;
    shell->data = (char *)room;
    return shell;
}

/* Types or shapes differ, or are not floating. */
static __attribute__((noinline)) int binary_any(mt_call *c, int kind)
{
    mt_tensor *x = c->in[0], *y = c->in[1], *in[2], shell[2], *z;
    double room[2];
    mt_dtype compute = x->dtype == y->dtype && !((x->flags | y->flags) & MT_WRAPPED_NUMBER)
                           ? (mt_dtype)x->dtype
                           : mt_result_type(2, c->in);
    if ((kind == FLOAT || kind == PAIR) && !mt_is_float(compute)) compute = mt_default_dtype();
    if (kind == LOGIC) compute = MT_BOOL;
    mt_loop loop = mt_k->binary[c->op->row][compute];
    bool same = compute == MT_FLOAT32 && x->dtype == y->dtype && !(x->flags & MT_WRAPPED_NUMBER);
    if (MT_UNLIKELY(!same && binary_check(c, compute) < 0)) return -1;
    if (MT_UNLIKELY(!loop)) return no_kernel(c, compute);
    if (!(in[0] = operand(x, compute, &shell[0], &room[0])) ||
        !(in[1] = operand(y, compute, &shell[1], &room[1])))
        return -1;
    mt_dtype to = kind == COMPARE || kind == LOGIC ? MT_BOOL : compute;
    bool same_strides = mt_shape_equal(x->ndim, x->stride, y->ndim, y->stride);
    if (y->ndim == 0 || (mt_same_shape(x, y) && (mt_is_contiguous(x) || same_strides)))
        z = mt_result_like(c, 0, to, x);
    else
        z = mt_result_broadcast(c, to, 2, c->in);
    if (!z) return -1;
    mt_run_loop(loop, z, 2, in, NULL, MT_GRAIN_CHEAP);
    return 0;
}

static int binary_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y = c->in[1];
    int kind = binary_kind[c->op->row];
    mt_dtype d = (mt_dtype)x->dtype;
    uint32_t flags = x->flags | y->flags;
    if (!alike(x, y) || !mt_is_float(d) || !mt_is_contiguous(x) || kind == LOGIC ||
        flags & MT_WRAPPED_NUMBER)
        return binary_any(c, kind);
    mt_loop loop = mt_k->binary[c->op->row][d];
    if (MT_LIKELY(kind != COMPARE && !c->target && mt_is_contiguous(y))) {
        c->out[0] = straight(loop, 2, c->in, MT_GRAIN_CHEAP);
        return c->out[0] ? 0 : -1;
    }
    mt_tensor *z = mt_result_like(c, 0, kind == COMPARE ? MT_BOOL : d, x);
    if (!z) return -1;
    mt_run_loop(loop, z, 2, c->in, NULL, MT_GRAIN_CHEAP);
    return 0;
}

/* The C function of a row. */
static inline mt_tensor *binary(const mt_op *op, int kind, mt_tensor *x, mt_tensor *y)
{
    mt_tensor *in[2] = {x, y};
    if (kind != COMPARE && kind != LOGIC && x && y && simple(x) && simple(y) && alike(x, y) &&
        MT_LIKELY(!mt_self.error))
        return straight(mt_k->binary[op->row][x->dtype], 2, in, MT_GRAIN_CHEAP);
    return mt_call2(op, x, y);
}

/* The common shape of n inputs. Strides follow the first input that has that shape. */
mt_tensor *mt_result_broadcast(mt_call *c, mt_dtype d, int n, mt_tensor *const *in)
{
    int64_t size[MT_MAX_DIMS], contiguous[MT_MAX_DIMS];
    int ndim = in[0]->ndim;
    memcpy(size, in[0]->size, (size_t)ndim * sizeof *size);
    for (int i = 1; i < n; i++)
        if (in[i] && (ndim = mt_shape_broadcast(ndim, size, in[i]->ndim, in[i]->size, size)) < 0)
            return NULL;
    for (int i = 0; i < n; i++)
        if (in[i] && mt_shape_equal(in[i]->ndim, in[i]->size, ndim, size))
            return mt_result_like(c, 0, d, in[i]);
    int64_t numel = mt_shape_numel(ndim, size, mt_dtype_size(d));
    if (numel < 0) return NULL;
    mt_shape_contiguous_strides(ndim, size, contiguous);
    mt_tensor like = {.ndim = (uint8_t)ndim,
                      .size = size,
                      .stride = contiguous,
                      .numel = numel,
                      .flags = MT_CONTIGUOUS};
    return mt_result_like(c, 0, d, &like);
}

/* ---- names of nodes -------------------------------------------------------------------------- */

/* PyTorch's name where it is not the row's; NULL: it is. */
static const char *unary_grad_name(const mt_call *c)
{
    switch (c->op->row) {
    case MT_UNARY_log1p:
        return "Log1PBackward0";
    case MT_UNARY_deg2rad:
        return "Deg2RadBackward0";
    case MT_UNARY_rad2deg:
        return "Rad2DegBackward0";
    case MT_UNARY_square:
        return "PowBackward0";
    case MT_UNARY_selu:
        return "EluBackward0";
    case MT_UNARY_relu6:
        return "HardtanhBackward0";
    case MT_UNARY_softsign:
        return "DivBackward0";
    case MT_UNARY_tanhshrink:
        return "SubBackward0";
    default:
        return NULL;
    }
}

static const char *binary_grad_name(const mt_call *c)
{
    bool left = mt_like_number(&c->in_dims[0]), right = mt_like_number(&c->in_dims[1]);
    switch (c->op->row) {
    case MT_BINARY_floor_divide:
        return "NotImplemented";
    case MT_BINARY_sub:
        return left && !right ? "RsubBackward1" : NULL;
    case MT_BINARY_remainder:
        return right ? NULL : "RemainderBackward1";
    case MT_BINARY_pow:
        if (c->in[0] && c->in[0]->flags & MT_WRAPPED_NUMBER) return "PowBackward2";
        if (c->in[1] && c->in[1]->flags & MT_WRAPPED_NUMBER) return "PowBackward0";
        return "PowBackward1";
    default:
        return NULL;
    }
}

/* ---- rules that need no memory --------------------------------------------------------------- */

/* Rows whose rule is one kernel of the gradient and what is kept. */
static const uint8_t slope_row[] = {[MT_UNARY_relu] = MT_BINARY_relu_backward,
                                    [MT_UNARY_tanh] = MT_BINARY_tanh_backward,
                                    [MT_UNARY_sigmoid] = MT_BINARY_sigmoid_backward};
#define HAS_SLOPE_ROW(row)                                                                         \
    ((row) == MT_UNARY_relu || (row) == MT_UNARY_tanh || (row) == MT_UNARY_sigmoid)

/* May the result be written over g? Nobody else can see it then. */
static inline bool is_ours(const mt_tensor *g)
{
    return g->refs == 1 && g->storage->refs == 1 && !g->storage->release && !g->host;
}

/* Such a rule: the gradient that has arrived becomes the one that goes on, in place. */
static void slope_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *in[2] = {gout[0], c->out[0]}, *g = gout[0];
    if (MT_UNLIKELY(!simple(g) || !mt_is_contiguous(in[1]) || !alike(g, in[1]))) {
        c->op->backward(c, gout, gin);
        return;
    }
    mt_tensor *gx = is_ours(g) ? g : mt_empty_like(g, (mt_dtype)g->dtype);
    if (gx) run_alike(mt_k->binary[slope_row[c->op->row]][g->dtype], gx, 2, in, MT_GRAIN_CHEAP);
    gin[0] = gx;
}

/* The same over plain memory. */
static int slope_raw(const mt_call *c, const void *g, void **gin)
{
    const mt_tensor *y = c->out[0];
    mt_dtype d = (mt_dtype)y->dtype;
    if (!mt_is_float(d) || !mt_is_contiguous(y)) return 0;
    int64_t item = mt_itemsize(y);
    flat_job j = {.loop = mt_k->binary[slope_row[c->op->row]][d],
                  .p = {gin[0], (char *)(uintptr_t)g, y->data},
                  .stride = {item, item, item},
                  .n = 3};
    if (MT_LIKELY(y->numel <= MT_GRAIN_CHEAP))
        j.loop(y->numel, j.p, j.stride, NULL);
    else
        mt_parallel_for(y->numel, MT_GRAIN_CHEAP, run_flat, &j);
    return 1;
}

/* Rows whose rule in one pass is one of kernels/blend_rows.def. */
#define HAS_BLEND(row)                                                                             \
    ((row) == MT_UNARY_log_sigmoid ||                                                              \
     ((row) >= MT_UNARY_silu && (row) != MT_UNARY_softsign && (row) != MT_UNARY_tanhshrink))

/* Which, and its numbers: for the elu family alpha, scale, and what x is multiplied by. */
static mt_blend blend_of(const mt_call *c, double *p)
{
    for (int i = 0; i < 3; i++) p[i] = i < c->narg ? mt_scalar_to_double(c->arg[i].s) : 1;
    switch (c->op->row) {
#define SAME_NAME(name)                                                                            \
    case MT_UNARY_##name:                                                                          \
        return MT_BLEND_##name;
        SAME_NAME(log_sigmoid)
        SAME_NAME(silu)
        SAME_NAME(mish)
        SAME_NAME(gelu_erf)
        SAME_NAME(gelu_tanh)
        SAME_NAME(hardsigmoid)
        SAME_NAME(hardswish)
        SAME_NAME(leaky_relu)
        SAME_NAME(softplus)
        SAME_NAME(threshold)
        SAME_NAME(hardtanh)
        SAME_NAME(elu)
    case MT_UNARY_celu:
        p[2] = 1 / (double)(float)p[0]; /* as PyTorch, in float64 too */
        return MT_BLEND_elu;
    case MT_UNARY_selu:
        p[0] = 1.6732632423543772848170429916717;
        p[1] = 1.0507009873554804934193349852946;
        return MT_BLEND_elu;
    case MT_UNARY_relu6:
        p[0] = 0, p[1] = 6;
        return MT_BLEND_hardtanh;
    case MT_UNARY_hardshrink:
    case MT_UNARY_softshrink:
        return MT_BLEND_shrink;
    default:
        return MT_NUM_BLENDS;
    }
}

/* As slope_fused and slope_raw, with x instead of y. */
static void blend_fused(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    mt_tensor *x = c->in[0], *g = gout[0];
    double param[3];
    const mt_blend which = blend_of(c, param);
    if (which == MT_NUM_BLENDS || !simple(g) || !mt_is_contiguous(x) || !alike(g, x)) {
        c->op->backward(c, gout, gin);
        return;
    }
    mt_tensor *gx = is_ours(g) ? g : mt_empty_like(g, (mt_dtype)g->dtype);
    char *const p[4] = {gx ? gx->data : NULL, g->data, x->data, x->data};
    if (gx) mt_run_blend(which, (mt_dtype)g->dtype, g->numel, p, param);
    gin[0] = gx;
}

static int blend_raw(const mt_call *c, const void *g, void **gin)
{
    mt_tensor *x = c->in[0];
    double param[3];
    const mt_blend which = blend_of(c, param);
    if (which == MT_NUM_BLENDS || !mt_is_float((mt_dtype)x->dtype) || !mt_is_contiguous(x))
        return 0;
    char *const p[4] = {gin[0], (char *)(uintptr_t)g, x->data, x->data};
    mt_run_blend(which, (mt_dtype)x->dtype, x->numel, p, param);
    return 1;
}

/* ---- what a row becomes ---------------------------------------------------------------------- */

#define NONE          0u
#define IN            MT_KEEP_IN(0)
#define OUT           MT_KEEP_OUT(0)
#define X             MT_KEEP_IN(0)
#define Y             MT_KEEP_IN(1)
#define Z             MT_KEEP_OUT(0)
#define A(i)          mt_number_of(c->arg[i].s) /* parameter i of a UNARY_P row, in its rule */
#define N(i)          mt_scalar_to_double(c->arg[i].s)
#define PUBLIC        (MT_FUNCTION | MT_METHOD | MT_INPLACE | MT_OUT)
#define KIND_FLOAT    PUBLIC
#define KIND_SAME     PUBLIC
#define KIND_NN       (MT_NN | MT_INPLACE)
#define KIND_SAME_NN  (PUBLIC | MT_NN)
#define KIND_ALL_NN   KIND_NN
#define KIND_FLOAT_NN KIND_NN
#define KIND_PART     0u
#define KIND_ROUND    PUBLIC
#define KIND_TEST     (MT_FUNCTION | MT_METHOD | MT_OUT | MT_NODIFF)
#define KIND_ARITH    PUBLIC
#define KIND_CHOICE   (MT_FUNCTION | MT_METHOD | MT_OUT)
#define KIND_PAIR     PUBLIC
#define KIND_REAL     PUBLIC
#define KIND_COMPARE  (PUBLIC | MT_NODIFF)
#define KIND_LOGIC    (PUBLIC | MT_NODIFF)
#define KIND_GRAD     0u

/* Functions of nn.functional that are operators in PyTorch too, with out=. */
#define BUILTIN(row)                                                                               \
    (row == MT_UNARY_softplus || row == MT_UNARY_softshrink || row == MT_UNARY_hardshrink ||       \
     row == MT_UNARY_log_sigmoid)

#define UNARY_RECORD(row_kind, id, params, f, kept, gx, text)                                      \
    static void id##_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)                 \
    {                                                                                              \
        mt_tensor *g = gout[0], *x = c->in[0], *y = c->out[0];                                     \
        (void)g, (void)x, (void)y;                                                                 \
        if (gin[0]) gin[0] = gx;                                                                   \
    }                                                                                              \
    const mt_op mt_op_##id = {.name = #id,                                                         \
                              .row = MT_UNARY_##id,                                                \
                              .kind = KIND_##row_kind | (BUILTIN(MT_UNARY_##id) ? MT_OUT : 0),     \
                              .schema = #id "(Tensor self" params ") -> Tensor",                   \
                              .grad_name_of = unary_grad_name,                                     \
                              .doc = text,                                                         \
                              .formula = #f,                                                       \
                              .rule = #gx,                                                         \
                              .keeps = {kept},                                                     \
                              .forward = unary_forward,                                            \
                              .fused = HAS_SLOPE_ROW(MT_UNARY_##id) ? slope_fused                  \
                                       : HAS_BLEND(MT_UNARY_##id)   ? blend_fused                  \
                                                                    : NULL,                        \
                              .raw = HAS_SLOPE_ROW(MT_UNARY_##id) ? slope_raw                      \
                                     : HAS_BLEND(MT_UNARY_##id)   ? blend_raw                      \
                                                                  : NULL,                          \
                              .backward = id##_backward};

#define UNARY(row_kind, id, f, kept, gx, text)                                                     \
    UNARY_RECORD(row_kind, id, "", f, kept, gx, text)                                              \
    mt_tensor *mt_##id(mt_tensor *x) { return unary(&mt_op_##id, row_kind, x); }
#define UNARY_P(row_kind, id, params, f, kept, gx, text)                                           \
    UNARY_RECORD(row_kind, id, ", " params, f, kept, gx, text)
#include "minitorch/unary.def"

#define SCHEMA_ARITH(id)   id "(Number self, Number other) -> Tensor"
#define SCHEMA_FLOAT(id)   SCHEMA_ARITH(id)
#define SCHEMA_COMPARE(id) id "(Tensor self, Number other) -> Tensor"
#define SCHEMA_LOGIC(id)   id "(Tensor self, Tensor other) -> Tensor"
#define SCHEMA_PAIR(id)    SCHEMA_LOGIC(id)
#define SCHEMA_REAL(id)    SCHEMA_LOGIC(id)
#define SCHEMA_GRAD(id)    SCHEMA_LOGIC(id)
#define SCHEMA_CHOICE(id)  SCHEMA_LOGIC(id)
#define BINARY(row_kind, id, f, keeps_x, gx, keeps_y, gy, text)                                    \
    static void id##_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)                 \
    {                                                                                              \
        mt_tensor *g = gout[0], *x = c->in[0], *y = c->in[1], *z = c->out[0];                      \
        (void)g, (void)x, (void)y, (void)z;                                                        \
        if (gin[0]) gin[0] = gx;                                                                   \
        if (gin[1]) gin[1] = gy;                                                                   \
    }                                                                                              \
    const mt_op mt_op_##id = {                                                                     \
        .name = #id,                                                                               \
        .row = MT_BINARY_##id,                                                                     \
        .kind = KIND_##row_kind,                                                                   \
        .schema = MT_BINARY_##id == MT_BINARY_pow ? #id "(Tensor self, Number exponent) -> Tensor" \
                  : MT_BINARY_##id == MT_BINARY_remainder ? SCHEMA_COMPARE(#id)                    \
                                                          : SCHEMA_##row_kind(#id),                \
        .grad_name_of = binary_grad_name,                                                          \
        .doc = text,                                                                               \
        .formula = #f,                                                                             \
        .rule = "gx = " #gx "; gy = " #gy,                                                         \
        .keeps = {keeps_x, keeps_y},                                                               \
        .forward = binary_forward,                                                                 \
        .backward = id##_backward};                                                                \
    mt_tensor *mt_##id(mt_tensor *x, mt_tensor *y) { return binary(&mt_op_##id, row_kind, x, y); }
#include "minitorch/binary.def"
