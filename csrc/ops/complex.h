/* What the files about complex numbers share. */
#ifndef MT_OPS_COMPLEX_H
#define MT_OPS_COMPLEX_H

#include "graph/op.h"

/* Runs a call with complex inputs or arguments by the operator's twin: mt_run_complex. */
mt_tensor *mt_apply_complex(mt_call *c);

/* Says, in PyTorch's words, that an operator is not there for complex numbers: NULL. */
mt_tensor *mt_no_complex(const mt_call *c);

/* The real operator of a call that its twin runs. */
const mt_op *mt_real_op(const mt_call *c);

/* The functions of HOLOMORPHIC and OWN rows, and some of BY rows (ops/complex_matrices.c). */
int mt_complex_solve(mt_call *c);
int mt_complex_det(mt_call *c);
int mt_complex_cholesky(mt_call *c);
int mt_complex_eigh(mt_call *c);
int mt_complex_slogdet(mt_call *c);
int mt_complex_logdet(mt_call *c);

/* The functions of BY rows: operators made of others (ops/complex_parts.c). */
int mt_complex_prod_all(mt_call *c);
int mt_complex_prod_dim(mt_call *c);
int mt_complex_running_product(mt_call *c);
int mt_complex_of_truth(mt_call *c);
int mt_complex_all_equal(mt_call *c);
int mt_complex_is_real(mt_call *c);
int mt_complex_of_size(mt_call *c);
int mt_complex_logsumexp(mt_call *c);
int mt_complex_float_power(mt_call *c);
int mt_complex_each_part(mt_call *c);
int mt_complex_of_distance(mt_call *c);
int mt_complex_dropped(mt_call *c);
int mt_complex_softsign(mt_call *c);
int mt_complex_with_mean(mt_call *c);
int mt_complex_var_of_parts(mt_call *c);
int mt_complex_std_of_parts(mt_call *c);
int mt_complex_div_plain(mt_call *c);
int mt_complex_random_parts(mt_call *c);
int mt_complex_random_into(mt_call *c);

#endif
