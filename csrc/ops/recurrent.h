/* What the files of recurrent layers share: one direction of one layer over a whole sequence.
 *
 * A sequence is N rows: those of step t are the first n(t) of the batch, one after the other, and
 * stand behind those of step t - 1; n(t) never grows with t (a packed sequence), and is the whole
 * batch unless batch_sizes say otherwise. Read next: ops/recurrent.c. */
#ifndef MT_OPS_RECURRENT_H
#define MT_OPS_RECURRENT_H

#include "ops/ops.h"

enum { MT_RNN_TANH, MT_RNN_RELU, MT_RNN_LSTM, MT_RNN_GRU };
#define MT_RNN_CELL 4 /* added to these: the node has the name that a cell's result has */

/* Inputs, results and arguments of the operator. */
enum { REC_X, REC_H0, REC_C0, REC_W_IH, REC_W_HH, REC_B_IH, REC_B_HH, REC_W_HR, REC_NIN };
enum { REC_Y, REC_HN, REC_CN, REC_SAVED, REC_NOUT };
enum { REC_MODE, REC_REVERSE, REC_BATCH_SIZES, REC_NARG };

typedef struct mt_recurrence {
    mt_dtype d;
    int mode;
    bool reverse;
    int64_t steps, batch, rows;         /* rows: N */
    int64_t inputs, hidden, out, gates; /* out: of y, which a projection makes smaller than hidden;
                                            gates: rows of the weights, a multiple of hidden */
    int64_t kept;                       /* elements of a row of activations */
    const int64_t *batch_sizes;         /* NULL: batch for every step */
} mt_recurrence;

/* Sizes from the call of the operator, whose inputs have these shapes. -1: they do not fit. */
int mt_recurrence_of(mt_recurrence *r, const mt_dims *in, const mt_arg *arg);

static inline int64_t mt_step_rows(const mt_recurrence *r, int64_t t)
{
    return r->batch_sizes ? r->batch_sizes[t] : r->batch;
}

/* The same rule made of operators: the layer is run again, and walked back. */
void mt_recurrent_rule(const mt_call *c, mt_tensor **gout, mt_tensor **gin);

#endif
