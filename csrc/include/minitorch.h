/* minitorch: tensors that know their gradients, as a C library.
 *
 * This is the one header a program includes; it leads through the parts in
 * the order to read them in.
 *
 *     #include "minitorch.h"
 *
 *     mt_init();
 *     mt_scope scope = mt_scope_open();                 every tensor made from here on ...
 *     mt_tensor *x = mt_number(3);
 *     mt_tensor *w = mt_parameter(mt_number(2));
 *     mt_tensor *loss = mt_mul(mt_sub(mt_mul(w, x), mt_number(5)), mt_number(2));
 *     if (!loss || mt_backward(1, &loss, NULL, false, false, 0, NULL) < 0)
 *         puts(mt_error_message());
 *     mt_print(w->grad);
 *     mt_scope_close(scope);                            ... is released here, unless retained
 *
 * Failure: functions that return a tensor return NULL, those that return int -1; a NULL
 * argument gives a NULL result, so a chain of calls is checked once, at its end.
 * mt_error_message() tells what happened first. */
#ifndef MINITORCH_H
#define MINITORCH_H

#include "base/error.h"      /* failures: code and text */
#include "base/random.h"     /* generators: PyTorch's streams */
#include "base/parallel.h"   /* threads */
#include "tensor/tensor.h"   /* storage, shapes, tensors */
#include "tensor/scope.h"    /* who owns a result */
#include "tensor/sample.h"   /* random numbers into memory */
#include "graph/apply.h"     /* operators, and how a call is remembered */
#include "ops/ops.h"         /* every operator as a function: mt_add, mt_mm, mt_linear ... */
#include "autograd/engine.h" /* mt_backward, mt_grad */
#include "optim/optim.h"     /* optimizer steps */

/* Starts the library: chooses the kernels for this processor, reads MINITORCH_CPU and
 * MINITORCH_NUM_THREADS. Safe to call again. -1: no memory. */
int mt_init(void);

/* Makes t a leaf that collects gradients, and gives the caller a reference of its own
 * (mt_release it at the end). */
mt_tensor *mt_parameter(mt_tensor *t);

#endif
