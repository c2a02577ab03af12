/* The kernels: pure loops over pointers and strides, built once per instruction set.
 *
 * Every file under kernels/ (but select.c) is compiled once for each MT_ISA
 * (baseline, avx2, avx512, neon) and fills its part of one table of function pointers;
 * kernels/select.c chooses a table at start. A kernel sees no tensor, allocates nothing
 * (gemm's packing buffers excepted) and cannot fail unless it says so. Strides are in BYTES
 * here. Read next: kernels/pointwise.c. */
#ifndef MT_KERNELS_H
#define MT_KERNELS_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stdint.h>

/* NumPy's inner loop: n elements, p[0] is the output, p[1..] the inputs, one byte
 * stride each. `param` holds the three numbers of a parameterised row
 * (negative_slope, ...); others do not read it. */
typedef void (*mt_loop)(int64_t n, char *const *p, const int64_t *stride, const double *param);

/* ---- rows: see include/minitorch/unary.def, binary.def and loss.def -------------------------- */
typedef enum mt_unary {
#define UNARY(kind, name, ...) MT_UNARY_##name,
#include "minitorch/unary.def"
    MT_NUM_UNARY
} mt_unary;

typedef enum mt_binary {
#define BINARY(kind, name, ...) MT_BINARY_##name,
#include "minitorch/binary.def"
    MT_NUM_BINARY
} mt_binary;

typedef enum mt_loss {
#define LOSS(kind, name, ...) MT_LOSS_##name,
#include "minitorch/loss.def"
    MT_NUM_LOSSES
} mt_loss;

typedef enum mt_blend {
#define SLOPE(name, ...) MT_BLEND_##name,
#define BLEND(name, ...) MT_BLEND_##name,
#include "kernels/blend_rows.def"
    MT_NUM_BLENDS
} mt_blend;

/* ---- reductions: of n elements, stride bytes apart, to one; result written to *out ----------- */
typedef enum mt_reduction {
    MT_REDUCE_sum,  /* floats: in the input's type (see mt_sums); integers and bool: into int64 */
    MT_REDUCE_prod, /* likewise */
    MT_REDUCE_max,  /* NaN wins */
    MT_REDUCE_min,
    MT_REDUCE_any, /* into bool */
    MT_REDUCE_all,
    MT_REDUCE_argmax, /* into int64: first index; NaN wins */
    MT_REDUCE_argmin,
    MT_REDUCE_norm, /* the square root of the sum of squares; floats only */
    MT_NUM_REDUCTIONS
} mt_reduction;

typedef void (*mt_reduce_loop)(int64_t n, char *out, const char *in, int64_t stride);
/* The same over the rows of a matrix whose columns lie next to each other: out[j] = reduce_i
 * in[i, j]. `row` is the byte stride between rows, columns are contiguous in `in` and in `out`. */
typedef void (*mt_reduce_columns)(int64_t rows, int64_t columns, char *out, const char *in,
                                  int64_t row);

/* Sums of floats in the order of kernels/sum_loops.h. */
#define MT_SUM_ROW    128 /* bytes of a row of neighbours */
#define MT_SUM_LEVELS 4
/* The groups of a sum of so many rows are 2^this rows. */
static inline int mt_sum_power(int64_t rows)
{
    int power = 0;
    while (rows > 1 && (rows - 1) >> power) power++;
    return power / MT_SUM_LEVELS > 4 ? power / MT_SUM_LEVELS : 4;
}
typedef struct mt_sums {
    /* sum (a row) = the sum of rows of neighbours, in groups of 2^power rows */
    void (*rows)(int64_t rows, int power, void *sum, const char *in);
    /* *out = the sum of n neighbours, sum being that of their whole rows; sum is overwritten */
    void (*close)(int64_t n, char *out, void *sum, const char *in);
    /* out[j] = (or, to add, +=) the sum of the n elements of column j, for all columns; byte strides.
     * Columns may be split at multiples of MT_SUM_ROW bytes' worth of them. */
    void (*tile)(int64_t n, int64_t columns, bool add, char *out, int64_t step, const char *in,
                 int64_t row, int64_t column);
} mt_sums;

/* One step of an optimizer over flat memory (kernels/optim.c); see
 * optim/optim.h for the formulas. */
typedef struct mt_sgd_step {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize, first; /* first: the momentum buffer is to be set, not blended */
} mt_sgd_step;
typedef struct mt_adam_step {
    double lr, beta1, beta2, eps, weight_decay;
    double correction1, correction2;   /* 1 - beta^t; t is the number of this step, from 1 */
    bool amsgrad, maximize, decoupled; /* decoupled: AdamW */
} mt_adam_step;
typedef struct mt_rmsprop_step {
    double lr, alpha, eps, weight_decay, momentum;
    bool centered, maximize;
} mt_rmsprop_step;

/* A small layer y = x W^T + b in each direction: m rows of x (k numbers), y and g (n numbers), W
 * (n, k), all contiguous. No bias: NULL, and then gb is NULL too. */
#define MT_LAYER_MAX  8   /* inputs, outputs; not every pair has a kernel */
#define MT_LAYER_ROWS 512 /* rows beyond which blocks and threads do better */
typedef struct mt_layer {
    void (*forward)(int64_t m, const void *x, const void *w, const void *bias, void *y);
    void (*input)(int64_t m, const void *g, const void *w, void *gx); /* gx = g W */
    void (*weight)(int64_t m, const void *g, const void *x, void *gw,
                   void *gb); /* gw = g^T x, gb = sums of g */
} mt_layer;

#define MT_LOSS_MOST 16384 /* elements: more are the business of several processors */

/* Windows that slide over an image (channels, d, h, w): kernels/windows.c has the formulas. */
typedef struct mt_windows {
    int64_t channels;
    int64_t block; /* im2col: so many channels take turns at each place of the window; 1: none do */
    int64_t in[3], kernel[3], out[3], stride[3], pad[3], dilation[3];
} mt_windows;

/* Sums over shifted copies of an image: kernels/shifted.c. The weight lies in tiles of shifted_rows rows or half as
 * many and so on, in each the rows of a term together. */
#define MT_SHIFTED_SLACK 64
typedef struct mt_shifted {
    int64_t rows, terms;
    const int64_t *shift; /* of each term: where position 0 of it stands in the image */
    int64_t cuts, bias_cut;
    const int64_t *
        cut; /* terms before cut[i] are added up before they go to the result; bias after cut[bias_cut] */
    const float *weight;
} mt_shifted;

/* Products of images, those of g with `rows` channels, the others with their channels last:
 *     out[i, v] += sum over images, lines and places of g[i, place] image[line + place step + shift[v]], a vector each. */
typedef struct mt_products {
    int64_t rows, row; /* elements of a channel of g */
    int64_t vectors, lines, places, step;
    const int64_t *shift, *line;
    int64_t images, g_image, image; /* elements from one to the next, of g and of the others */
} mt_products;

/* An image in a frame, as step[0] step[1] step[2] images a channel of `size` places: place q of number r along a
 * dimension is q step + r + start in the image, or 0 outside of it. */
typedef struct mt_frame {
    int64_t channels, in[3], size[3], step[3], start[3];
} mt_frame;

/* `size` positions of it, so many elements apart, are every step-th from `first` of a result `out`. */
typedef struct mt_crop {
    int64_t size[3], apart[3], out[3], first[3], step[3];
} mt_crop;

/* A pool: the window of output o along dimension i covers the inputs
 * span[i][2 o], + step[i], ... below span[i][2 o + 1]. A mean divides by `divisor`, or where
 * that is 0 by the product of count[i][o]. */
typedef struct mt_pool {
    int64_t in[3], out[3], step[3], divisor;
    int64_t even[3]; /* outputs [even[0], even[1]) of a line have equal windows, even[2] apart */
    const int64_t *span[3], *count[3];
} mt_pool;

/* Rows of n that are normalised: kernels/norm.c has the formulas. */
typedef struct mt_norm {
    int64_t n, period, inner;
    double eps;
    bool centred;
} mt_norm;

/* A batch (batch, channels, inner): kernels/channel_loops.h has the formulas. */
typedef struct mt_channels {
    int64_t batch, channels, inner;
} mt_channels;

#define MT_GEMM_ADD     1 /* to what C holds */
#define MT_GEMM_ONE_SUM 2 /* k up to MT_GEMM_MOST is not cut */
#define MT_GEMM_SLICE                                                                              \
    4 /* some rows of a wide product: added up as if all were there, on this thread */
#define MT_GEMM_MOST 400

typedef struct mt_kernels {
    const char *name; /* "baseline", "avx2", "avx512", "neon" */

    /* pointwise.c; index: the type computed in. NULL: no such kernel
     * ("not implemented for 'Long'"). */
    mt_loop unary[MT_NUM_UNARY][MT_NUM_DTYPES];
    mt_loop binary[MT_NUM_BINARY][MT_NUM_DTYPES];
    mt_loop erfinv;               /* float32; p: out, in */
    mt_loop where[MT_NUM_DTYPES]; /* p: out, condition (bool), x, y */
    mt_loop fma[MT_NUM_DTYPES];   /* p: out, x, y, z; x y + z rounded once; float32 and float64 */

    /* blend.c; n contiguous elements of type d (float32, float64); p: out and three inputs, where fewer
     * are read any of them again; param: three numbers. Out may be an input. */
    void (*blend)(mt_blend which, mt_dtype d, int64_t n, char *const *p, const double *param);

    /* copy.c */
    mt_loop cast[MT_NUM_DTYPES][MT_NUM_DTYPES]; /* [from][to]; p: out, in */
    mt_loop fill[MT_NUM_DTYPES]; /* p: out, pointer to one element (its stride is 0) */
    /* out (contiguous, c rows of r) = transpose of in (r rows of c contiguous
     * elements, row stride in bytes) */
    void (*transpose)(int64_t r, int64_t c, char *out, const char *in, int64_t row,
                      int64_t itemsize);

    /* reduce.c */
    mt_reduce_loop reduce[MT_NUM_REDUCTIONS][MT_NUM_DTYPES];
    mt_reduce_columns reduce_columns[MT_NUM_REDUCTIONS]
                                    [MT_NUM_DTYPES]; /* NULL where there is none */
    mt_sums sums[MT_NUM_DTYPES];                     /* float32, float64 */

    /* softmax.c; rows of n contiguous elements of type d (float32, float64) */
    void (*softmax)(mt_dtype d, int64_t rows, int64_t n, void *out, const void *in, bool log);
    void (*softmax_backward)(mt_dtype d, int64_t rows, int64_t n, void *gx, const void *g,
                             const void *y, bool log);

    /* Columns [from, to) of contiguous matrices (n, inner), 0 < n; from is a multiple of 16. With g x is what came out,
     * and out becomes gx. */
    void (*softmax_columns)(mt_dtype d, int64_t n, int64_t inner, int64_t from, int64_t to,
                            void *out, const void *g, const void *x, bool log);

    /* loss.c; n contiguous elements of type d (float32, float64); number:
     * P0 of a row of loss.def */
    void (*loss_each)(mt_loss which, mt_dtype d, int64_t n, void *out, const void *x, const void *y,
                      double number);
    /* out = the slope in x, times factor */
    void (*loss_slope)(mt_loss which, mt_dtype d, int64_t n, void *out, const void *x,
                       const void *y, double number, double factor);
    /* *out = the sum of all, at most MT_LOSS_MOST */
    void (*loss_sum)(mt_loss which, mt_dtype d, int64_t n, void *out, const void *x, const void *y,
                     double number);

    /* gemm.c: C (m, n, row stride ldc) = A (m, k) B (k, n) [+ C].
     * Strides in ELEMENTS, any combination for A and B, 0 included; how: MT_GEMM_*. Runs in parallel
     * when large. -1: out of memory. */
    int (*gemm_f32)(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_col,
                    const float *b, int64_t b_row, int64_t b_col, float *c, int64_t ldc, int how);
    int (*gemm_f64)(int64_t m, int64_t n, int64_t k, const double *a, int64_t a_row, int64_t a_col,
                    const double *b, int64_t b_row, int64_t b_col, double *c, int64_t ldc, int how);

    /* gemm.c: c (n) += a (k) b (k, n), rows of b `row` elements apart, and d += a2 b; modulo 2^64 */
    void (*add_products_i64)(int64_t n, int64_t k, uint64_t *c, uint64_t *d, const uint64_t *a,
                             const uint64_t *a2, const uint64_t *b, int64_t row);

    /* layer.c: [outputs - 1][inputs - 1][0 for float32, 1 for float64] */
    mt_layer layer[MT_LAYER_MAX][MT_LAYER_MAX][2];

    /* windows.c; of type float32, float64 or int64. columns (channels x kernel, lines x out[2])
     * hold the windows of the output lines [from, to) of out[0] * out[1]; col2im adds to the
     * image. The others take one plane. */
    void (*im2col)(mt_dtype d, const mt_windows *w, int64_t from, int64_t to, void *columns,
                   const void *image);
    void (*col2im)(mt_dtype d, const mt_windows *w, int64_t from, int64_t to, void *image,
                   const void *columns);
    void (*max_windows)(mt_dtype d, const mt_pool *p, void *out, int64_t *index, const void *in);
    void (*mean_windows)(mt_dtype d, const mt_pool *p, void *out, const void *in);
    void (*mean_windows_back)(mt_dtype d, const mt_pool *p, void *in, const void *out);

    /* shifted.c: out (rows, n) = sums + bias (of each row; or NULL). Reads and writes up to MT_SHIFTED_SLACK elements
     * beyond n. 0 shifted_rows: there are no such kernels. */
    int64_t shifted_rows;
    void (*shifted_sums)(const mt_shifted *s, int64_t n, const float *image, const float *bias,
                         float *out, int64_t row);
    /* The same with the channels of the result last: position p begins at position[p] of the image, its sums in row p
     * of out; the weight of a term has whole vectors, as has a row of out. */
    void (*shifted_channels)(const mt_shifted *s, int64_t n, const int64_t *position,
                             const float *image, const float *bias, float *out);
    void (*shifted_products)(const mt_products *s, const float *g, const float *image, float *out);
    void (*frame_channels)(const mt_frame *f, float *framed, const float *image); /* step is 1 */
    int64_t shifted_lanes;                                                        /* of a vector */
    void (*frame_image)(const mt_frame *f, float *framed, const float *image);
    void (*crop_image)(const mt_crop *c, int64_t rows, float *image, const float *from,
                       int64_t row);

    /* norm.c: rows [from, to) of contiguous tensors; w, b, gx, gw and gb may be
     * NULL. gw and gb are added to. */
    void (*norm_rows)(mt_dtype d, const mt_norm *p, int64_t from, int64_t to, void *out,
                      const void *x, const void *w, const void *b);
    void (*norm_rows_back)(mt_dtype d, const mt_norm *p, int64_t from, int64_t to, void *gx,
                           void *gw, void *gb, const void *g, const void *x, const void *w);
    /* norm.c, batch norm: of channels from..to mean and sum of squared deviations; y = x alpha + beta
     * and the way back for images from..to */
    void (*channel_moments)(mt_dtype d, const mt_channels *p, int64_t from, int64_t to,
                            const void *x, void *mean, void *squares);
    void (*channel_lines)(mt_dtype d, const mt_channels *p, int64_t from, int64_t to, void *y,
                          const void *x, const void *alpha, const void *beta);
    void (*channel_slopes)(mt_dtype d, const mt_channels *p, int64_t from, int64_t to,
                           const void *g, const void *x, const void *mean, const void *scale,
                           void *gw, void *gb, void *gm, void *k);
    void (*channel_back)(mt_dtype d, const mt_channels *p, int64_t from, int64_t to, void *gx,
                         const void *g, const void *x, const void *mean, const void *scale,
                         const void *w, const void *gm, const void *k);

    /* distance.c: of the row a to `rows` rows of b, m numbers apart. Back: w neighbouring columns of all, added to ga
     * and gb. */
    void (*distances)(mt_dtype d, int64_t rows, int64_t m, void *out, const void *a, const void *b);
    void (*distances_back)(mt_dtype d, int64_t rows, int64_t m, int64_t w, void *ga, void *gb,
                           const void *a, const void *b, const void *g, const void *far);

    /* random.c: exact streams, see base/random.h */
    void (*mt19937_refill)(uint32_t *state); /* 624 words, in place */
    void (*mt19937_temper)(int64_t n, uint32_t *out, const uint32_t *state);
    void (*uniform_f32)(int64_t n, float *out, const uint32_t *words, float a, float b);
    void (*uniform_f64)(int64_t n, double *out, const uint32_t *words, double a,
                        double b); /* 2n words */
    /* one where 53 bits of two words are below the threshold, else 0; 2n words */
    void (*bernoulli_f32)(int64_t n, float *out, const uint32_t *words, uint64_t threshold,
                          float one);
    void (*normal_block_f32)(int64_t n, float *data, float mean, float std); /* n % 16 == 0 */

    /* optim.c; param and state updated in place, all of type d, contiguous */
    void (*sgd)(mt_dtype d, int64_t n, void *param, const void *grad, void *momentum,
                const mt_sgd_step *s);
    void (*adam)(mt_dtype d, int64_t n, void *param, const void *grad, void *exp_avg,
                 void *exp_avg_sq, void *max_exp_avg_sq, const mt_adam_step *s);
    void (*rmsprop)(mt_dtype d, int64_t n, void *param, const void *grad, void *square_avg,
                    void *momentum, void *grad_avg, const mt_rmsprop_step *s);
} mt_kernels;

/* The polynomials of by_table.h: by power, then by interval; the last ones are padding. */
extern const double mt_tanh_rows[7][32];

extern const mt_kernels *mt_k; /* the chosen table: never NULL after mt_kernels_init() */

/* Chooses by MINITORCH_CPU (baseline, avx2, avx512, neon), else by the processor; a name that is
 * unknown or not supported here falls back to the best. Called once, by mt_init(). */
void mt_kernels_init(void);
/* The table of that name if it is built in and this processor can run it, else NULL (for tests). */
const mt_kernels *mt_kernels_named(const char *name);

/* A vector of the numbered elements of a and then b; ints: the type of the numbers. */
#if defined(__clang__)
#define MT_SHUFFLE(ints, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MT_SHUFFLE(ints, a, b, ...) __builtin_shuffle(a, b, (ints){__VA_ARGS__})
#endif

/* Each kernels/X.c exports one function per ISA, called by kernels/table.c of that ISA:
 *     void MT_ISA_NAME(mt_fill_pointwise)(mt_kernels *k);   -> mt_fill_pointwise_avx2 */
#define MT_CAT_(a, b)       a##_##b
#define MT_CAT(a, b)        MT_CAT_(a, b)
#define MT_ISA_NAME(symbol) MT_CAT(symbol, MT_ISA) /* MT_ISA comes with -D: baseline, avx2, ... */
/* Note [What AVX-512 leaves to AVX2]
 * Loops over bools and integers below 64 bits wait for memory, whatever the instructions: the table of AVX-512
 * begins as a copy of AVX2's and keeps those, or the library would be a tenth larger. Windows of integers go
 * there, and pools whose lines are shorter than a vector. */
#if defined(MT_ISA_avx512)
#define MT_ISA_BELOW avx2
#endif
void MT_ISA_NAME(mt_fill_pointwise)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_blend)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_copy)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_reduce)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_softmax)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_loss)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_gemm)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_layer)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_random)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_optim)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_windows)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_shifted)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_norm)(mt_kernels *k);
void MT_ISA_NAME(mt_fill_distance)(mt_kernels *k);

/* kernels/table.c: the table of one instruction set, filled at the first call.
 * Does not ask the processor. */
const mt_kernels *mt_kernels_table_baseline(void);
const mt_kernels *mt_kernels_table_avx2(void);
const mt_kernels *mt_kernels_table_avx512(void);
const mt_kernels *mt_kernels_table_neon(void);

#endif
