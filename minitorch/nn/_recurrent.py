"""Recurrent networks as functions: layers and directions, made of one operator that runs one direction of one
layer over a whole sequence (csrc/ops/recurrent.c).

https://docs.pytorch.org/docs/2.13/nn.html#recurrent-layers
"""

import minitorch
from minitorch import _C

RNN_TANH, RNN_RELU, LSTM, GRU = range(4)
CELL = 4  # added to these: the result's grad_fn is named like a cell's


def layers(mode, input, hidden, weights, dropout=0.0, training=False, directions=1, batch_sizes=None):
    """All layers and directions of a recurrent network.

    Args:
        hidden: the tuple of states, one or (for LSTM) two, each (layers * directions, batch, ...).
        weights: for each layer and direction (w_ih, w_hh, b_ih or None, b_hh or None, w_hr or None).
        batch_sizes: the list that says how many rows of a packed input belong to each step, or None.

    Shapes: input (steps, batch, features), or (rows, features) of a packed one.

    Returns the output and the tuple of last states.
    """
    finals = [[] for _ in hidden]
    for first in range(0, len(weights), directions):
        outputs = []
        for k in range(first, first + directions):
            w_ih, w_hh, b_ih, b_hh, w_hr = weights[k]
            h0, c0 = hidden[0][k], hidden[1][k] if mode == LSTM else None
            y, *states = _C._nn._recurrent(
                input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, mode, k > first, batch_sizes
            )
            outputs.append(y)
            for final, state in zip(finals, states, strict=False):
                final.append(state)
        input = outputs[0] if directions == 1 else minitorch.cat(outputs, -1)
        if dropout > 0 and training and first + directions < len(weights):
            input = _C._nn.dropout(input, dropout, True)
    return input, tuple(minitorch.stack(final) for final in finals)


def _whole(mode, args):
    """What lstm, gru, rnn_tanh and rnn_relu of PyTorch share, with either of their signatures."""
    packed = not isinstance(args[3], bool)
    if packed:
        input, batch_sizes, hidden, flat, has_biases, num_layers, dropout, training, bidirectional = args
        batch_sizes, batch_first = batch_sizes.tolist(), False
    else:
        input, hidden, flat, has_biases, num_layers, dropout, training, bidirectional, batch_first = args
        batch_sizes = None
    hidden = tuple(hidden) if mode == LSTM else (hidden,)
    directions = 2 if bidirectional else 1
    size = len(flat) // (num_layers * directions)
    weights = []
    for i in range(0, len(flat), size):
        w_ih, w_hh, *more = flat[i : i + size]
        biases = more[:2] if has_biases else [None, None]
        w_hr = more[-1] if len(more) > 2 * has_biases else None
        weights.append((w_ih, w_hh, *biases, w_hr))
    if batch_first:
        input = input.transpose(0, 1)
    y, states = layers(mode, input, hidden, weights, dropout, training, directions, batch_sizes)
    return (y.transpose_(0, 1) if batch_first else y, *states)


def lstm(*args):
    """lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first), or with a
    packed input lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional).

    Returns (output, h_n, c_n). See nn.LSTM.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTM.html
    """
    return _whole(LSTM, args)


def gru(*args):
    """As lstm, with one state. See nn.GRU.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GRU.html
    """
    return _whole(GRU, args)


def rnn_tanh(*args):
    """As gru. See nn.RNN.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNN.html
    """
    return _whole(RNN_TANH, args)


def rnn_relu(*args):
    """As gru. See nn.RNN.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNN.html
    """
    return _whole(RNN_RELU, args)


# ---- cells ---------------------------------------------------------------------------------------


def _check_cell(input, states, w_ih, w_hh):
    if input.size(1) != w_ih.size(1):
        raise RuntimeError(f"input has inconsistent input_size: got {input.size(1)} expected {w_ih.size(1)}")
    for k, state in enumerate(states):
        if input.size(0) != state.size(0):
            raise RuntimeError(
                f"Input batch size {input.size(0)} doesn't match hidden{k} batch size {state.size(0)}"
            )
        if state.size(1) != w_hh.size(1):
            raise RuntimeError(
                f"hidden{k} has inconsistent hidden_size: got {state.size(1)}, expected {w_hh.size(1)}"
            )


def _cell(mode, input, states, w_ih, w_hh, b_ih, b_hh):
    _check_cell(input, states, w_ih, w_hh)
    c0 = states[1] if mode == LSTM else None
    return _C._nn._recurrent(
        input.unsqueeze(0), states[0], c0, w_ih, w_hh, b_ih, b_hh, None, mode + CELL, False, None
    )


def lstm_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of an LSTM: (h', c'). See nn.LSTMCell.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTMCell.html
    """
    return tuple(_cell(LSTM, input, hx, w_ih, w_hh, b_ih, b_hh)[1:])


def gru_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of a GRU. See nn.GRUCell.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GRUCell.html
    """
    return _cell(GRU, input, (hx,), w_ih, w_hh, b_ih, b_hh)[1]


def rnn_tanh_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of an RNN: tanh(w_ih x + b_ih + w_hh h + b_hh).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNCell.html
    """
    return _cell(RNN_TANH, input, (hx,), w_ih, w_hh, b_ih, b_hh)[1]


def rnn_relu_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """As rnn_tanh_cell, with relu.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNCell.html
    """
    return _cell(RNN_RELU, input, (hx,), w_ih, w_hh, b_ih, b_hh)[1]
