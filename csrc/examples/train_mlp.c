/* The lecture's net, 2-4-1 with sigmoids, trained on two half moons with SGD on
 * mini-batches: its whole loop in C.
 *
 *     cc -Icsrc -Icsrc/include train_mlp.c csrc/build/libminitorch.a -lm -lpthread -fopenmp */
#include "minitorch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define N     512
#define BATCH 8
#define HALF  (N / 2)

/* Two half circles, one turned and moved into the other, with some noise: class 0 and class 1. */
static int make_moons(mt_generator *gen, mt_tensor *x, mt_tensor *y)
{
    float *point = (float *)(void *)x->data, *label = (float *)(void *)y->data, noise[2 * N];
    mt_random_normal(gen, MT_FLOAT32, 2 * N, noise, 0, 0.1, true);
    for (int i = 0; i < N; i++) {
        bool second = i >= HALF;
        float t = 3.14159265f * (float)(i % HALF) / (HALF - 1);
        point[2 * i] = (second ? 1 - cosf(t) : cosf(t)) + noise[2 * i];
        point[2 * i + 1] = (second ? 0.5f - sinf(t) : sinf(t)) + noise[2 * i + 1];
        label[i] = second;
    }
    return 0;
}

/* A parameter drawn as nn.Linear draws it: uniform within 1 / sqrt(fan_in). */
static mt_tensor *parameter(mt_generator *gen, int ndim, const int64_t *size, int64_t fan_in)
{
    mt_tensor *t = mt_empty(MT_FLOAT32, ndim, size);
    double bound = 1 / sqrt((double)fan_in);
    if (t) mt_random_uniform(gen, MT_FLOAT32, t->numel, t->data, -bound, bound);
    return mt_parameter(t);
}

static mt_tensor *forward(mt_tensor *const *p, mt_tensor *x)
{
    return mt_sigmoid(mt_linear(mt_sigmoid(mt_linear(x, p[0], p[1])), p[2], p[3]));
}

/* One step on rows [first, first + BATCH) in the order of `rows`; the loss, or -1. */
static double step(mt_tensor *const *p, mt_tensor *x, mt_tensor *y, mt_tensor *rows, int64_t first)
{
    mt_sgd_step sgd = {.lr = 0.5};
    mt_scope scope = mt_scope_open();
    mt_tensor *batch = mt_slice(rows, 0, first, first + BATCH, 1);
    mt_tensor *loss =
        mt_mse_loss(forward(p, mt_index_select(x, 0, batch)), mt_index_select(y, 0, batch), "mean");
    double value = -1;
    mt_zero_grad_group(4, p);
    if (loss && mt_backward(1, &loss, NULL, false, false, 0, NULL) == 0 &&
        mt_sgd_step_group(4, p, NULL, &sgd) == 0)
        value = mt_scalar_to_double(mt_item_at(loss, 0));
    mt_scope_close(scope);
    return value;
}

static double accuracy(mt_tensor *const *p, mt_tensor *x, mt_tensor *y)
{
    mt_scope scope = mt_scope_open();
    mt_tensor *right =
        mt_sum(mt_eq(mt_gt(forward(p, x), mt_number(0.5)), mt_gt(y, mt_number(0.5))));
    double share = right ? mt_scalar_to_double(mt_item_at(right, 0)) / N : -1;
    mt_scope_close(scope);
    return share;
}

int main(void)
{
    const int64_t w1[] = {4, 2}, b1[] = {4}, w2[] = {1, 4}, b2[] = {1}, points[] = {N, 2},
                  labels[] = {N, 1}, order[] = {N};
    if (mt_init() < 0) return EXIT_FAILURE;
    mt_generator *gen = mt_default_generator();
    mt_generator_seed(gen, 0);
    mt_scope scope = mt_scope_open();
    mt_tensor *p[] = {parameter(gen, 2, w1, 2), parameter(gen, 1, b1, 2), parameter(gen, 2, w2, 4),
                      parameter(gen, 1, b2, 4)};
    mt_tensor *x = mt_empty(MT_FLOAT32, 2, points), *y = mt_empty(MT_FLOAT32, 2, labels),
              *rows = mt_empty(MT_INT64, 1, order);
    double share = 0;
    if (!p[0] || !p[1] || !p[2] || !p[3] || !x || !y || !rows || make_moons(gen, x, y) < 0) {
        puts(mt_error_message());
        return EXIT_FAILURE;
    }
    for (int epoch = 0; epoch < 200; epoch++) {
        double total = 0;
        mt_random_permutation(gen, MT_INT64, N, rows->data);
        for (int64_t first = 0; first < N; first += BATCH) {
            double loss = step(p, x, y, rows, first);
            if (loss < 0) {
                puts(mt_error_message());
                return EXIT_FAILURE;
            }
            total += loss;
        }
        share = accuracy(p, x, y);
        if (epoch % 50 == 49)
            printf("epoch %3d  loss %.4f  accuracy %.3f\n", epoch + 1, total / (N / BATCH), share);
    }
    for (int i = 0; i < 4; i++) mt_release(p[i]);
    mt_scope_close(scope);
    return share > 0.85 ? EXIT_SUCCESS : EXIT_FAILURE;
}
