/* What the files of linear algebra share. */
#ifndef MT_OPS_LINALG_H
#define MT_OPS_LINALG_H

#include "ops/ops.h"

/* Is a a floating tensor (..., m, n), square if asked for? Else -1 with PyTorch's words, which start with `name`. */
int mt_check_matrix(const char *name, const mt_tensor *a, bool square);
/* Expands both to common batch dimensions. -1 if there are none. */
int mt_same_batch(mt_tensor **a, mt_tensor **b);
/* -1 with the words for a zero pivot (counted from 1) of solve or inv. */
int mt_singular(const mt_call *c, int64_t batch, int64_t zero);
/* Differentiable. NULL if a matrix is singular. */
mt_tensor *mt_inverse(mt_tensor *a);
/* Differentiable; -1 on failure. */
int mt_svd(mt_tensor *a, bool full, mt_tensor **u, mt_tensor **s, mt_tensor **vt);

/* Differentiable, but faster where nobody asks for it; of real matrices. */
mt_tensor *mt_singular_values(mt_tensor *a);

/* The p-norms along dims (any p), differentiable, with slope 0 at 0. */
mt_tensor *mt_norm_along(mt_tensor *x, double p, int n, const int64_t *dims, bool keepdim);

#endif
