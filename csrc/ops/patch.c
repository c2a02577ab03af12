/* A tensor with a part of it replaced, as a new tensor: slice_scatter, select_scatter, diagonal_scatter,
 * as_strided_scatter; and narrow_copy. The part is what a view would show (ops/slice.c, ops/triangular.c): its strides
 * say where src goes. Relies on ops.h. */
#include "ops/ops.h"

#include <inttypes.h>

#define EVERYWHERE (MT_COMPOSITE | MT_FUNCTION | MT_METHOD | MT_OUT)

/* Where `part`, a view of x, would lie in a copy of x that has x's strides. */
static mt_tensor *replaced(mt_tensor *x, const mt_tensor *part, mt_tensor *src)
{
    return part ? mt_as_strided_scatter(x, src, part->stride, part->offset - x->offset, false)
                : NULL;
}

/* A copy keeps the strides of dense tensors only. */
static mt_tensor *dense(mt_tensor *x) { return mt_is_dense(x) ? x : mt_contiguous(x); }

static int check_same(const mt_tensor *part, const mt_tensor *src, const char *what)
{
    char want[MT_SHAPE_TEXT], have[MT_SHAPE_TEXT];
    if (!part) return -1;
    if (mt_same_shape(part, src)) return 0;
    return mt_error(MT_RUNTIME,
                    "expected src to have a size equal to the slice of self. src size = %s, %s "
                    "size = %s",
                    mt_shape_text(src->ndim, src->size, have), what,
                    mt_shape_text(part->ndim, part->size, want));
}

static int slice_scatter_forward(mt_call *c)
{
    mt_tensor *x = dense(c->in[0]);
    int64_t start = c->arg[1].given ? c->arg[1].i : 0,
            end = c->arg[2].given ? c->arg[2].i : INT64_MAX;
    mt_tensor *part = x ? mt_slice(mt_detach(x), c->arg[0].i, start, end, c->arg[3].i) : NULL;
    if (check_same(part, c->in[1], "slice") < 0) return -1;
    return mt_result_is(c, 0, replaced(x, part, c->in[1]));
}
MT_OP(slice_scatter, .kind = EVERYWHERE, .grad_name = "SliceScatterBackward0",
      .schema = "slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, "
                "int step=1) -> Tensor",
      .doc = "A copy of self with src in the place of self[start:end:step] along dim.");

static int select_scatter_forward(mt_call *c)
{
    mt_tensor *x = dense(c->in[0]);
    mt_tensor *part = x ? mt_select(mt_detach(x), c->arg[0].i, c->arg[1].i) : NULL;
    if (check_same(part, c->in[1], "slice") < 0) return -1;
    return mt_result_is(c, 0, replaced(x, part, c->in[1]));
}
MT_OP(select_scatter, .kind = EVERYWHERE, .grad_name = "SelectScatterBackward0",
      .schema = "select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor",
      .doc = "A copy of self with src in the place of one slice of dim.");

static int diagonal_scatter_forward(mt_call *c)
{
    mt_tensor *x = dense(c->in[0]);
    mt_tensor *part = x ? mt_diagonal(mt_detach(x), c->arg[0].i, c->arg[1].i, c->arg[2].i) : NULL;
    if (check_same(part, c->in[1], "slice") < 0) return -1;
    return mt_result_is(c, 0, replaced(x, part, c->in[1]));
}
MT_OP(diagonal_scatter, .kind = EVERYWHERE, .grad_name = "DiagonalScatterBackward0",
      .schema =
          "diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> "
          "Tensor",
      .doc = "A copy of self with src in the place of a diagonal of dimensions dim1 and dim2.");

static int strided_scatter_forward(mt_call *c)
{
    mt_tensor *x = dense(c->in[0]), *src = c->in[1];
    const mt_arg *size = &c->arg[0], *stride = &c->arg[1];
    if (!x) return -1;
    if (size->ints.n != stride->ints.n)
        return mt_error(MT_RUNTIME, "mismatch in length of strides and shape");
    int64_t offset = c->arg[2].given ? c->arg[2].i : x->offset;
    mt_tensor *part =
        mt_as_strided(mt_detach(x), (int)size->ints.n, size->ints.v, stride->ints.v, offset);
    if (check_same(part, src, "slice") < 0) return -1;
    return mt_result_is(c, 0, replaced(x, part, src));
}
MT_OP(strided_scatter, .kind = EVERYWHERE, .grad_name = "AsStridedScatterBackward0",
      .schema = "as_strided_scatter(Tensor self, Tensor src, int[] size, int[] stride, int? "
                "storage_offset=None) -> Tensor",
      .doc = "A copy of self with src in the place of what as_strided would show.");

static int narrow_copy_forward(mt_call *c)
{
    mt_tensor *x = c->in[0];
    int64_t start = c->arg[1].i, length = c->arg[2].i;
    if (x->ndim == 0) return mt_error(MT_RUNTIME, "narrow() cannot be applied to a 0-dim tensor.");
    if (c->arg[0].i >= x->ndim)
        return mt_error(MT_RUNTIME,
                        "Dimension out of range (expected to be in range of [%d, %d], but got "
                        "%" PRId64 ")",
                        -x->ndim, x->ndim - 1, c->arg[0].i);
    if (length < 0) return mt_error(MT_RUNTIME, "narrow(): length must be non-negative.");
    return mt_result_is(c, 0, mt_clone(mt_narrow(x, c->arg[0].i, start, length)));
}
MT_OP(narrow_copy, .kind = EVERYWHERE,
      .schema = "narrow_copy(Tensor self, int dim, int start, int length) -> Tensor",
      .doc = "A copy of length elements of dimension dim from start on.");
