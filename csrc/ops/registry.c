/* Every operator, in order: rows first, then ops.def. The binding takes overloads
 * of one name in this order. */
#include "ops/ops.h"

const mt_op *const mt_ops[] = {
#define UNARY(kind, name, ...) &mt_op_##name,
#include "minitorch/unary.def"
#define BINARY(kind, name, ...) &mt_op_##name,
#include "minitorch/binary.def"
#define OP(name, ...) &mt_op_##name,
#define RECORD(name)  &mt_op_##name,
#include "minitorch/ops.def"
};

const int mt_num_ops = sizeof mt_ops / sizeof *mt_ops;
