/* roll, and the loop of flip: neighbours that are copied elsewhere, or the other way round. Relies on ops.h and
 * base/parallel.h. */
#include "ops/ops.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <string.h>

#define GRAIN ((int64_t)1 << 18) /* bytes that a thread should at least move */

/* ==== roll ==================================================================================== */

enum { PAGE = 4096, NEAR = 1024 };

typedef uint8_t bytes_16 __attribute__((vector_size(16), aligned(1), may_alias));

/* Note [Same place in a page]: a processor takes a load for one that depends on an earlier store if the last twelve bits
 * of their addresses agree, and lets it wait. A run that goes a little further in its page than it comes from meets its
 * own stores again and again, and takes ten times as long; it is therefore copied from its end. */
static void copy_run(char *to, const char *from, int64_t n)
{
    if (n >= 128 && ((uintptr_t)to - (uintptr_t)from) % PAGE < NEAR)
        for (; n >= 64; n -= 64) {
            const bytes_16 *in = (const bytes_16 *)(const void *)(from + n - 64);
            const bytes_16 a = in[3], b = in[2], c = in[1], d = in[0];
            bytes_16 *out = (bytes_16 *)(void *)(to + n - 64);
            out[3] = a;
            out[2] = b;
            out[1] = c;
            out[0] = d;
        }
    memcpy(to, from, (size_t)n);
}

/* Blocks of which the last `head` bytes come first. */
typedef struct turn {
    char *to;
    const char *from;
    int64_t block, head;
} turn;

static void turn_bytes(int64_t begin, int64_t end, void *context)
{
    const turn *t = context;
    while (begin < end) {
        const int64_t at = begin % t->block, start = begin - at;
        const bool front = at < t->head;
        int64_t n = (front ? t->head : t->block) - at;
        if (n > end - begin) n = end - begin;
        copy_run(t->to + begin, t->from + start + at - t->head + (front ? t->block : 0), n);
        begin += n;
    }
}

/* Of x (contiguous): what is pushed out at the end of dimension d comes back at the front. d < 0: of all elements. */
static void roll_into(mt_tensor *y, const mt_tensor *x, int d, int64_t shift)
{
    int64_t n = d < 0 ? x->numel : x->size[d], bytes = mt_itemsize(x);
    for (int k = d + 1; k < x->ndim && d >= 0; k++) bytes *= x->size[k];
    shift %= n;
    if (shift < 0) shift += n;
    turn t = {y->data, x->data, n * bytes, shift * bytes};
    mt_parallel_for(x->numel * mt_itemsize(x), GRAIN, turn_bytes, &t);
}

static int check_roll(const mt_tensor *x, const mt_arg *shifts, const mt_arg *dims)
{
    const int64_t n = shifts->ints.n, m = dims->ints.n;
    if (n == 0) return mt_error(MT_RUNTIME, "`shifts` required");
    if (m == 0 && n == 1) return 0;
    if (n != m)
        return mt_error(MT_RUNTIME,
                        "shifts and dimensions must align. shifts: %" PRId64 ", dims:%" PRId64, n,
                        m);
    if (x->ndim == 0)
        return mt_error(MT_INDEX, "Dimension specified as %" PRId64 " but tensor has no dimensions",
                        dims->ints.v[0]);
    for (int64_t i = 0; i < m; i++)
        if (mt_wrap_dim(dims->ints.v[i], x->ndim) < 0) return -1;
    return 0;
}

static int roll_forward(mt_call *c)
{
    mt_tensor *x = c->in[0], *y;
    const mt_arg *shifts = &c->arg[0], *dims = &c->arg[1];
    const int64_t last = shifts->ints.n - 1;
    if (check_roll(x, shifts, dims) < 0 || !(x = mt_contiguous_raw(x, (mt_dtype)x->dtype)))
        return -1;
    for (int64_t i = 0; i <= last; i++, x = y) {
        const int d = dims->ints.n ? mt_wrap_dim(dims->ints.v[i], x->ndim) : -1;
        y = i == last ? mt_result(c, 0, (mt_dtype)x->dtype, x->ndim, x->size)
                      : mt_empty((mt_dtype)x->dtype, x->ndim, x->size);
        if (!y) return -1;
        if (x->numel) roll_into(y, x, d, shifts->ints.v[i]);
    }
    return 0;
}

static void roll_backward(const mt_call *c, mt_tensor **gout, mt_tensor **gin)
{
    const int64_t n = c->arg[0].ints.n;
    int64_t back[MT_MAX_DIMS];
    mt_tensor *g = gout[0];
    if (!gin[0]) return;
    for (int64_t done = 0; g && done < n;) {
        const int64_t part = n - done < MT_MAX_DIMS ? n - done : MT_MAX_DIMS;
        for (int64_t i = 0; i < part; i++)
            back[i] = (int64_t)(0 - (uint64_t)c->arg[0].ints.v[done + i]);
        mt_arg arg[2] = {mt_arg_ints(part, back), c->arg[1]};
        if (c->arg[1].ints.n) arg[1] = mt_arg_ints(part, c->arg[1].ints.v + done);
        g = mt_call1a(&mt_op_roll, g, 2, arg);
        done += part;
    }
    gin[0] = g;
}

MT_OP(roll, .kind = MT_FUNCTION | MT_METHOD, .backward = roll_backward,
      .rule = "roll(g, -shifts, dims)",
      .schema = "roll(Tensor self, int[1] shifts, int[1] dims=[]) -> Tensor",
      .doc = "The elements moved by shifts along dims, those pushed out coming back at the other "
             "end; without dims through all elements in order.");

/* ==== the loop of flip ======================================================================== */

typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint64_t two __attribute__((vector_size(16), aligned(8), may_alias));
typedef uint64_t eight __attribute__((aligned(1), may_alias));
#if defined(__clang__)
#define TURN_4(x) __builtin_shufflevector(x, x, 3, 2, 1, 0)
#define TURN_8(x) __builtin_shufflevector(x, x, 1, 0)
#else
#define TURN_4(x) __builtin_shuffle(x, (four){3, 2, 1, 0})
#define TURN_8(x) __builtin_shuffle(x, (two){1, 0})
#endif
#define TURN_1(x) __builtin_bswap64(x)

/* Four blocks of elements at a time, from the end of the input to its begin; the rest, and other strides, by the copy
 * loop. */
#define FLIP(size, type, block)                                                                    \
    static void flip_##size(int64_t n, char *const *p, const int64_t *stride, const double *param) \
    {                                                                                              \
        char *out = p[0];                                                                          \
        const char *in = p[1];                                                                     \
        const int64_t four_blocks = 4 * (block) * (size);                                          \
        if (stride[0] == (size) && stride[1] == -(size))                                           \
            for (; n >= 4 * (block); n -= 4 * (block), out += four_blocks, in -= four_blocks) {    \
                const type *from = (const type *)(const void *)(in + (size) - four_blocks);        \
                const type a = from[3], b = from[2], c = from[1], d = from[0];                     \
                type *to = (type *)(void *)out;                                                    \
                to[0] = TURN_##size(a);                                                            \
                to[1] = TURN_##size(b);                                                            \
                to[2] = TURN_##size(c);                                                            \
                to[3] = TURN_##size(d);                                                            \
            }                                                                                      \
        const mt_dtype dtype = (size) == 1 ? MT_UINT8 : (size) == 4 ? MT_FLOAT32 : MT_FLOAT64;     \
        mt_k->cast[dtype][dtype](n, (char *[]){out, (char *)in}, stride, param);                   \
    }
FLIP(1, eight, 8)
FLIP(4, four, 4)
FLIP(8, two, 2)

mt_loop mt_flip_loop(mt_dtype d)
{
    const int64_t size = mt_dtype_size(d);
    return size == 1 ? flip_1 : size == 4 ? flip_4 : size == 8 ? flip_8 : mt_k->cast[d][d];
}
