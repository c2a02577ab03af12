/* conv1d to conv_transpose3d: convolution with or without a batch, padding as numbers or as a word.
 * Each is the same function of the number of dimensions. Relies on ops/conv.c. */
#include "ops/conv.h"

#include <string.h>

/* x with a batch of one in front if it has none; *alone says so. */
static mt_tensor *batched(mt_tensor *x, int n, const char *name, bool *alone)
{
    char text[MT_SHAPE_TEXT];
    *alone = x->ndim == n + 1;
    if (*alone) return mt_unsqueeze(x, 0);
    if (x->ndim == n + 2) return x;
    return mt_fail(
        MT_RUNTIME,
        "Expected %dD (unbatched) or %dD (batched) input to %s, but got input of size: %s", n + 1,
        n + 2, name, mt_shape_text(x->ndim, x->size, text));
}

/* input, weight, bias; stride, padding, dilation, groups */
static int conv_numbers(mt_call *c, int n)
{
    bool alone;
    int64_t none = 0;
    mt_tensor *x = batched(c->in[0], n, c->op->name, &alone);
    mt_tensor *y = mt_convolution(x, c->in[1], c->in[2], &c->arg[0], &c->arg[1], &c->arg[2], false,
                                  1, &none, c->arg[3].i);
    return mt_result_is(c, 0, alone && y ? mt_squeeze_dim(y, 0) : y);
}

/* padding "same": as much as keeps the size; where that is odd, one more at the end. */
static mt_tensor *pad_same(mt_call *c, mt_tensor *x, int n, int64_t *left)
{
    int64_t more[2 * MT_SPATIAL_MAX] = {0};
    bool uneven = false;
    for (int i = 0; i < n; i++) {
        if (mt_each(&c->arg[0], i) != 1)
            return mt_fail(MT_RUNTIME, "padding='same' is not supported for strided convolutions");
        int64_t total = mt_each(&c->arg[2], i) * (c->in[1]->size[i + 2] - 1);
        left[i] = total / 2;
        more[2 * (n - 1 - i) + 1] = total % 2;
        uneven = uneven || total % 2;
    }
    return uneven ? mt_constant_pad_nd(x, 2 * n, more, mt_scalar_int(0)) : x;
}

static int conv_word(mt_call *c, int n, const char *name)
{
    bool alone;
    int64_t none[MT_SPATIAL_MAX] = {0}, padding[MT_SPATIAL_MAX] = {0};
    const char *word = c->arg[1].text;
    mt_tensor *x = batched(c->in[0], n, name, &alone);
    if (x && !strcmp(word, "same")) {
        if (c->in[1]->ndim != n + 2)
            return mt_error(MT_RUNTIME,
                            "Expected %d-dimensional weight, but got %d-dimensional weight", n + 2,
                            c->in[1]->ndim);
        x = pad_same(c, x, n, padding);
    } else if (strcmp(word, "valid") != 0) {
        return mt_error(MT_RUNTIME, "Invalid padding string: '%s'", word);
    }
    mt_arg list = mt_arg_ints(n, padding);
    mt_tensor *y = mt_convolution(x, c->in[1], c->in[2], &c->arg[0], &list, &c->arg[2], false, n,
                                  none, c->arg[3].i);
    return mt_result_is(c, 0, alone && y ? mt_squeeze_dim(y, 0) : y);
}

/* input, weight, bias; stride, padding, output_padding, groups, dilation */
static int conv_back(mt_call *c, int n)
{
    bool alone;
    mt_tensor *x = batched(c->in[0], n, c->op->name, &alone);
    mt_tensor *y = mt_convolution(x, c->in[1], c->in[2], &c->arg[0], &c->arg[1], &c->arg[4], true,
                                  (int)c->arg[2].ints.n, c->arg[2].ints.v, c->arg[3].i);
    return mt_result_is(c, 0, alone && y ? mt_squeeze_dim(y, 0) : y);
}

#define CONV_DOC(n, places, weight)                                                                \
    "Cross-correlation with a bank of filters, plus bias:\n"                                       \
    "y[o] = bias[o] + sum over c, k of weight[o, c, k] * x[c, stride * place + dilation * k - "    \
    "padding].\n\n"                                                                                \
    "Shapes: input (N, C, " places ") or (C, " places "), weight (O, C / groups, " weight          \
    "), bias (O); to (N, O, ...)\nwith floor((size + 2 padding - dilation (kernel - 1) - 1) / "    \
    "stride) + 1 places a dimension. padding may be\n\"valid\" (none) or \"same\" (the size "      \
    "stays).\n\nRaises RuntimeError if shapes or types do not fit.\n\n"

#define CONV(n, places, weight, example)                                                           \
    static int conv##n##d_forward(mt_call *c) { return conv_numbers(c, n); }                       \
    MT_OP(conv##n##d, .kind = MT_COMPOSITE | MT_FUNCTION | MT_NN,                                  \
          .schema = "conv" #n "d(Tensor input, Tensor weight, Tensor? bias=None, int[" #n          \
                    "] stride=1, int[" #n "] padding=0, int[" #n                                   \
                    "] dilation=1, int groups=1) -> Tensor",                                       \
          .doc = CONV_DOC(n, places, weight) example);                                             \
    static int conv##n##d_padding_forward(mt_call *c) { return conv_word(c, n, "conv" #n "d"); }   \
    MT_OP(conv##n##d_padding, .kind = MT_COMPOSITE | MT_FUNCTION | MT_NN,                          \
          .schema = "conv" #n "d.padding(Tensor input, Tensor weight, Tensor? bias=None, int[" #n  \
                    "] stride=1, str padding=\"valid\", int[" #n                                   \
                    "] dilation=1, int groups=1) -> Tensor",                                       \
          .doc = CONV_DOC(n, places, weight) example);

CONV(1, "L", "k",
     ">>> minitorch.conv1d(minitorch.ones(1, 1, 4), minitorch.ones(1, 1, 3))\ntensor([[[3., 3.]]])")
CONV(2, "H, W", "kh, kw",
     ">>> minitorch.conv2d(minitorch.ones(1, 1, 2, 2), minitorch.ones(1, 1, 2, "
     "2))\ntensor([[[[4.]]]])")
CONV(3, "D, H, W", "kd, kh, kw",
     ">>> minitorch.conv3d(minitorch.ones(1, 1, 2, 2, 2), minitorch.ones(4, 1, 2, 2, 2)).shape\n"
     "torch.Size([1, 4, 1, 1, 1])")

#define CONV_TRANSPOSE(n, Name, places, weight, example)                                           \
    static int conv_transpose##n##d_forward(mt_call *c) { return conv_back(c, n); }                \
    MT_OP(conv_transpose##n##d, .kind = MT_COMPOSITE | MT_FUNCTION | MT_NN,                        \
          .schema = Name "(Tensor input, Tensor weight, Tensor? bias=None, int[" #n                \
                         "] stride=1, int[" #n "] padding=0, int[" #n                              \
                         "] output_padding=0, int groups=1, int[" #n "] dilation=1) -> Tensor",    \
          .doc =                                                                                   \
              "The transpose of convolution as a linear map, plus bias: every input places its "   \
              "filter in the output, `stride` apart.\n\n"                                          \
              "Shapes: input (N, C, " places ") or (C, " places                                    \
              "), weight (C, O / groups, " weight                                                  \
              "), bias (O); to (N, O, ...) with (size - 1) stride\n- 2 padding + "                 \
              "dilation (kernel - 1) + output_padding + 1 places a dimension.\n\n"                 \
              "Raises RuntimeError if shapes or types do not fit.\n\n" example);

CONV_TRANSPOSE(1, "conv_transpose1d", "L", "k",
               ">>> minitorch.conv_transpose1d(minitorch.ones(1, 1, 2), minitorch.ones(1, 1, "
               "2))\ntensor([[[1., 2., 1.]]])")
CONV_TRANSPOSE(2, "conv_transpose2d.input", "H, W", "kh, kw",
               ">>> minitorch.conv_transpose2d(minitorch.ones(1, 1, 1, 1), minitorch.ones(1, 1, 1, "
               "2))\ntensor([[[[1., 1.]]]])")
CONV_TRANSPOSE(3, "conv_transpose3d.input", "D, H, W", "kd, kh, kw",
               ">>> minitorch.conv_transpose3d(minitorch.ones(1, 2, 1, 1, 1), minitorch.ones(2, 4, "
               "2, 2, 2)).shape\ntorch.Size([1, 4, 2, 2, 2])")
