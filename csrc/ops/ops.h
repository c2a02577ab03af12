/* What operator files share: the C functions of all operators (from the rows), and small helpers. */
#ifndef MT_OPS_OPS_H
#define MT_OPS_OPS_H

#include "graph/apply.h"
#include "graph/inplace.h"
#include "graph/node.h"
#include "kernels/kernels.h"
#include "tensor/iter.h"

/* Every row is also a C function: mt_tensor *mt_exp(mt_tensor *x), mt_tensor *mt_add(mt_tensor *x, mt_tensor *y). */
#define UNARY(kind, name, ...)                                                                     \
    mt_tensor *mt_##name(mt_tensor *x);                                                            \
    extern const mt_op mt_op_##name;
#include "minitorch/unary.def"
#define BINARY(kind, name, ...)                                                                    \
    mt_tensor *mt_##name(mt_tensor *x, mt_tensor *y);                                              \
    extern const mt_op mt_op_##name;
#include "minitorch/binary.def"
/* OP(name, C parameters): prototype and record of everything else. */
#define OP(name, ...)                                                                              \
    mt_tensor *mt_##name(__VA_ARGS__);                                                             \
    extern const mt_op mt_op_##name;
#include "minitorch/ops.def"

/* All operators in order: rows, then ops.def. */
extern const mt_op *const mt_ops[];
extern const int mt_num_ops;

#endif
