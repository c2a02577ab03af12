/* Sizes of convolutions, pools and their like: one to three dimensions
 * behind a batch and channels. */
#ifndef MT_OPS_CONV_H
#define MT_OPS_CONV_H

#include "kernels/kernels.h"
#include "ops/ops.h"

#define MT_SPATIAL_MAX 3

/* Element i of a list that may hold one number for all. */
static inline int64_t mt_each(const mt_arg *a, int i) { return a->ints.v[a->ints.n == 1 ? 0 : i]; }

/* The last n of three sizes from `from`; those before them are `missing`. */
static inline void mt_last_of_three(int n, const int64_t *from, int64_t missing, int64_t *to)
{
    for (int i = 0; i < 3; i++) to[i] = i < 3 - n ? missing : from[i - (3 - n)];
}

/* t in the given type that kernels know: float32, float64, or int64 for all integers. */
static inline mt_dtype mt_window_dtype(mt_dtype d) { return mt_is_float(d) ? d : MT_INT64; }

/* ops/shifted.c: float32; result = conv(image) or, back, its transpose, + bias. 1: done; 0: better another way. */
int mt_convolve_shifted(bool back, const mt_windows *w, int64_t batch, int64_t groups, int64_t rows,
                        mt_tensor *image, mt_tensor *weight, mt_tensor *bias, mt_tensor *result);
/* The same for the gradient of the weight: shares of each group, one for each part of the batch. */
int mt_convolve_weight_shifted(const mt_windows *w, int64_t batch, int64_t groups, int64_t parts,
                               int64_t rows, mt_tensor *image, mt_tensor *g, char *shares);
/* The same for maps of one place, whose window covers the image: the transpose, and the gradient of the weight. */
int mt_convolve_point(const mt_windows *w, int64_t batch, int64_t groups, int64_t rows,
                      mt_tensor *map, mt_tensor *weight, mt_tensor *bias, mt_tensor *image);
int mt_convolve_weight_point(const mt_windows *w, int64_t batch, int64_t groups, int64_t rows,
                             mt_tensor *image, mt_tensor *g, mt_tensor *weight);

#endif
