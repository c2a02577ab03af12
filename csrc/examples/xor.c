/* XOR with a 2-4-1 net, gradient descent by hand: the smallest program that learns. */
#include "minitorch.h"

#include <stdio.h>
#include <string.h>

static mt_tensor *from_array(int rows, int columns, const float *values)
{
    int64_t size[2] = {rows, columns};
    mt_tensor *t = mt_empty(MT_FLOAT32, 2, size);
    if (t) memcpy(t->data, values, (size_t)t->numel * sizeof *values);
    return t;
}

/* p -= lr * gradient */
static int descend(mt_tensor *p, float lr)
{
    float *value = (float *)(void *)p->data, *slope = (float *)(void *)p->grad->data;
    for (int64_t i = 0; i < p->numel; i++) value[i] -= lr * slope[i];
    mt_drop_grad(p);
    return 0;
}

int main(void)
{
    const float inputs[] = {0, 0, 0, 1, 1, 0, 1, 1}, targets[] = {0, 1, 1, 0};
    float loss_value = 1;
    if (mt_init() < 0) return 1;
    mt_scope outer = mt_scope_open();
    mt_generator *gen = mt_default_generator();
    mt_generator_seed(gen, 0);
    mt_tensor *x = from_array(4, 2, inputs), *y = from_array(4, 1, targets);
    int64_t sizes[4][2] = {{4, 2}, {4, 1}, {1, 4}, {1, 1}};
    mt_tensor *p[4];
    for (int i = 0; i < 4; i++) {
        mt_tensor *t = mt_empty(MT_FLOAT32, 2, sizes[i]);
        if (!t) return 1;
        mt_random_normal(gen, MT_FLOAT32, t->numel, t->data, 0, 1, true);
        p[i] = mt_parameter(t);
    }
    for (int step = 0; step < 2000; step++) {
        mt_scope scope = mt_scope_open();
        mt_tensor *hidden = mt_tanh(mt_add(mt_mm(x, mt_t(p[0])), mt_t(p[1])));
        mt_tensor *out = mt_sigmoid(mt_add(mt_mm(hidden, mt_t(p[2])), p[3]));
        mt_tensor *loss = mt_mean(mt_square(mt_sub(out, y)));
        if (!loss || mt_backward(1, &loss, NULL, false, false, 0, NULL) < 0) {
            puts(mt_error_message());
            return 1;
        }
        loss_value = *(float *)(void *)loss->data;
        if (step % 500 == 0) printf("step %4d  loss %.4f\n", step, loss_value);
        for (int i = 0; i < 4; i++) descend(p[i], 1.0f);
        mt_scope_close(scope);
    }
    printf("step 2000  loss %.4f\n", loss_value);
    for (int i = 0; i < 4; i++) mt_release(p[i]);
    mt_scope_close(outer);
    return loss_value < 0.05f ? 0 : 1;
}
