/* A tensor with its own elements once more around it: reflection and replication of up to three
 * dimensions in one pass, and the way back, each other's rules. ops/pad.c has checked the sizes. Rows of the last
 * dimension are an edge, a run of neighbours, and another edge. Relies on base/parallel.h. */
#include "ops/border.h"

#include "base/alloc.h"
#include "base/parallel.h"

#include <string.h>

enum { MODE, PAD, NARG };
enum { UNIT = 16384 /* elements that a thread takes at least */ };
#define LONGEST ((int64_t)1 << 56) /* three such lines of numbers still have a size */

/* Planes of three dimensions, those that are missing being of size 1. */
typedef struct frame {
    int64_t planes, in[3], out[3];
    int64_t *source[3];  /* of each place of a line, the element that it shows */
    int64_t first, last; /* places [first, last) of a row show neighbours */
    char *inner, *outer;
    size_t bytes;
    mt_dtype dtype;
} frame;

/* The element of a line of n that place i, before or behind it, shows. */
static int64_t source_of(mt_border_mode m, int64_t i, int64_t n)
{
    if (m == MT_REPLICATE) return i < 0 ? 0 : i >= n ? n - 1 : i;
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

/* arg: mode, pad. -1 on failure. */
static int frame_begin(frame *f, const mt_arg *arg, int ndim, const int64_t *size, int64_t *out)
{
    const mt_arg *pad = &arg[PAD];
    const int padded = (int)(pad->ints.n / 2);
    int64_t b[3] = {0}, a[3] = {0}, *next;
    f->planes = 1;
    for (int d = 0; d < ndim - padded; d++) f->planes *= out[d] = size[d];
    for (int k = 0; k < 3; k++) f->in[k] = f->out[k] = 1;
    for (int k = 0; k < padded; k++) {
        const int line = 2 - k, d = ndim - 1 - k;
        b[line] = pad->ints.v[2 * k];
        a[line] = pad->ints.v[2 * k + 1];
        f->in[line] = size[d];
        if (b[line] > LONGEST || a[line] > LONGEST)
            return mt_error(MT_RUNTIME, "pad: sizes overflow");
        f->out[line] = out[d] = size[d] + b[line] + a[line];
    }
    f->bytes = (size_t)(f->out[0] + f->out[1] + f->out[2]) * sizeof *next;
    if (!(next = mt_malloc(f->bytes))) return -1;
    for (int k = 0; k < 3; next += f->out[k++]) {
        f->source[k] = next;
        for (int64_t o = 0; o < f->out[k]; o++)
            next[o] = source_of((mt_border_mode)arg[MODE].i, o - b[k], f->in[k]);
    }
    f->first = b[2] < 0 ? 0 : b[2] < f->out[2] ? b[2] : f->out[2];
    f->last = f->out[2] - (a[2] > 0 ? a[2] : 0);
    if (f->last < f->first) f->last = f->first;
    return 0;
}

static void frame_end(frame *f) { mt_free(f->source[0], f->bytes); }

/* ==== rows ==================================================================================== */

typedef uint8_t __attribute__((may_alias)) word_1;
typedef uint16_t __attribute__((may_alias)) word_2;
typedef uint32_t __attribute__((may_alias)) word_4;
typedef uint64_t __attribute__((may_alias)) word_8;

/* EACH: for place o of the outer row and element i of the inner one; RUN: for all neighbours. */
#define ROW(name, type, EACH, RUN)                                                                 \
    static void name(const frame *f, char *inner, char *outer)                                     \
    {                                                                                              \
        const int64_t *source = f->source[2], first = f->first, last = f->last, end = f->out[2];   \
        type *in = (type *)(void *)inner, *out = (type *)(void *)outer;                            \
        for (int64_t o = 0; o < first; o++) EACH(in[source[o]], out[o]);                           \
        if (first < last) RUN(f, last - first, in + source[first], out + first);                   \
        for (int64_t o = last; o < end; o++) EACH(in[source[o]], out[o]);                          \
    }
#define SHOW(in, out)           out = in
#define ADD_TO(in, out)         in += out
#define SHOW_RUN(f, n, in, out) memcpy(out, in, (size_t)(n) * sizeof *in)
#define ADD_RUN(f, n, in, out)  add_run((f)->dtype, n, (char *)(in), (char *)(out))

static void add_run(mt_dtype d, int64_t n, char *in, char *out)
{
    const int64_t size = mt_dtype_size(d);
    mt_k->binary[MT_BINARY_add][d](n, (char *[]){in, in, out}, (int64_t[]){size, size, size}, NULL);
}
ROW(show_1, word_1, SHOW, SHOW_RUN)
ROW(show_2, word_2, SHOW, SHOW_RUN)
ROW(show_4, word_4, SHOW, SHOW_RUN)
ROW(show_8, word_8, SHOW, SHOW_RUN)
ROW(add_f32, float, ADD_TO, ADD_RUN)
ROW(add_f64, double, ADD_TO, ADD_RUN)

typedef void (*row_fn)(const frame *f, char *inner, char *outer);

/* The rows of one slice of the first of three dimensions. */
static void run_slice(const frame *f, row_fn row, int64_t plane, int64_t o)
{
    const int64_t item = mt_dtype_size(f->dtype), in_row = f->in[2] * item,
                  out_row = f->out[2] * item;
    char *in = f->inner + (plane * f->in[0] + f->source[0][o]) * f->in[1] * in_row,
         *out = f->outer + (plane * f->out[0] + o) * f->out[1] * out_row;
    for (int64_t k = 0; k < f->out[1]; k++)
        row(f, in + f->source[1][k] * in_row, out + k * out_row);
}

static void show_slices(int64_t begin, int64_t end, void *context)
{
    static const row_fn show[9] = {[1] = show_1, [2] = show_2, [4] = show_4, [8] = show_8};
    const frame *f = context;
    const row_fn row = show[mt_dtype_size(f->dtype)];
    for (; begin < end; begin++) run_slice(f, row, begin / f->out[0], begin % f->out[0]);
}

/* What is shown more than once is added up in the order of the outer elements. */
static void add_planes(int64_t begin, int64_t end, void *context)
{
    const frame *f = context;
    const row_fn row = f->dtype == MT_FLOAT32 ? add_f32 : add_f64;
    for (; begin < end; begin++)
        for (int64_t o = 0; o < f->out[0]; o++) run_slice(f, row, begin, o);
}

/* ==== operators =============================================================================== */

static int border_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    frame f = {.dtype = (mt_dtype)x->dtype};
    int64_t size[MT_MAX_DIMS];
    if (!(x = mt_contiguous_raw(x, f.dtype)) || frame_begin(&f, c->arg, x->ndim, x->size, size) < 0)
        return -1;
    if ((y = mt_result(c, 0, f.dtype, x->ndim, size)) && y->numel) {
        f.inner = x->data;
        f.outer = y->data;
        mt_parallel_for(f.planes * f.out[0], UNIT / (f.out[1] * f.out[2]) + 1, show_slices, &f);
    }
    frame_end(&f);
    return y ? 0 : -1;
}

static void border_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const mt_dims *d = &c->in_dims[0];
    mt_arg arg[NARG + 1] = {c->arg[MODE], c->arg[PAD], mt_arg_ints(d->ndim, d->size)};
    if (gin[0]) gin[0] = mt_call1a(&mt_op_border_backward, gout[0], NARG + 1, arg);
}

static const char *border_grad_name(const mt_call *c)
{
    static const char *const names[2][3] = {
        {"ReflectionPad1DBackward0", "ReflectionPad2DBackward0", "ReflectionPad3DBackward0"},
        {"ReplicationPad1DBackward0", "ReplicationPad2DBackward0", "ReplicationPad3DBackward0"}};
    return names[c->arg[MODE].i][c->arg[PAD].ints.n / 2 - 1];
}

MT_OP(border, .backward = border_rule, .grad_name_of = border_grad_name,
      .rule = "each element of g, added to the one it shows",
      .schema = "border(Tensor self, int mode, int[] pad) -> Tensor",
      .doc = "pad() of the modes that show the tensor's own elements.");

mt_tensor *mt_border(mt_tensor *self, mt_border_mode mode, int n, const int64_t *pad)
{
    mt_arg arg[NARG] = {mt_arg_int(mode), mt_arg_ints(n, pad)};
    return mt_call1a(&mt_op_border, self, NARG, arg);
}

static int border_backward_forward(mt_call *c)
{
    mt_tensor *g = c->in[0], *y;
    const mt_arg *sizes = &c->arg[NARG];
    frame f = {.dtype = (mt_dtype)g->dtype};
    int64_t size[MT_MAX_DIMS];
    if (!(g = mt_contiguous_raw(g, f.dtype)) ||
        !(c->out[0] = y = mt_zeros_raw(f.dtype, (int)sizes->ints.n, sizes->ints.v)) ||
        frame_begin(&f, c->arg, y->ndim, y->size, size) < 0)
        return -1;
    f.inner = y->data;
    f.outer = g->data;
    if (g->numel)
        mt_parallel_for(f.planes, UNIT / (f.out[0] * f.out[1] * f.out[2]) + 1, add_planes, &f);
    frame_end(&f);
    return 0;
}

static void border_backward_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    if (gin[0]) gin[0] = mt_call1a(&mt_op_border, gout[0], NARG, c->arg);
}

MT_OP(border_backward, .backward = border_backward_rule, .rule = "border(g)",
      .schema = "border_backward(Tensor g, int mode, int[] pad, int[] sizes) -> Tensor",
      .doc = "The gradient of border.");
