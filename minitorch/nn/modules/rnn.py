"""Recurrent layers and cells. https://docs.pytorch.org/docs/2.13/nn.html#recurrent-layers"""

import math
import numbers
import warnings

import minitorch
from minitorch.nn import _recurrent, init
from minitorch.nn.modules.module import Module
from minitorch.nn.parameter import Parameter
from minitorch.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_MODES = {"RNN_TANH": (0, 1), "RNN_RELU": (1, 1), "LSTM": (2, 4), "GRU": (3, 3)}  # number, gates


def _needs_type(name, value, kind):
    if not isinstance(value, kind):
        raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")


class RNNBase(Module):
    """What RNN, LSTM and GRU share: weights for every layer and direction, and running through them.

    Raises:
        ValueError: for sizes that are not positive, or an unknown mode.
        TypeError: for sizes that are no integers, or flags that are no bools.

    >>> import minitorch
    >>> [name for name, _ in minitorch.nn.RNNBase("GRU", 2, 3).named_parameters()]
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNBase.html
    """

    def __init__(
        self,
        mode,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        proj_size=0,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_sizes(dropout)
        self._all_weights = []
        out_size = proj_size or hidden_size
        gate_size = _MODES[mode][1] * hidden_size
        for layer in range(num_layers):
            in_size = out_size * (2 if bidirectional else 1) if layer else input_size
            for suffix in ("", "_reverse") if bidirectional else ("",):
                shapes = {"weight_ih": (gate_size, in_size), "weight_hh": (gate_size, out_size)}
                if bias:
                    shapes |= {"bias_ih": gate_size, "bias_hh": gate_size}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = [f"{kind}_l{layer}{suffix}" for kind in shapes]
                for name, shape in zip(names, shapes.values(), strict=True):
                    setattr(self, name, Parameter(minitorch.empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(names)
        self.reset_parameters()

    def _check_sizes(self, dropout):
        if not isinstance(dropout, numbers.Number) or not 0 <= dropout <= 1 or isinstance(dropout, bool):
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element "
                "being zeroed"
            )
        if dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={self.num_layers}",
                stacklevel=3,
            )
        for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int), ("hidden_size", int)):
            value = getattr(self, name)
            _needs_type(name, value, kind)
            if kind is int and value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in _MODES:
            raise ValueError("Unrecognized RNN mode: " + self.mode)

    def reset_parameters(self):
        """Draws all weights and biases anew, uniformly from (-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    @property
    def all_weights(self):
        """The parameters of every layer and direction, as a list of lists."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self):
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self):
        return [getattr(self, name) for name in self._flat_weights_names]

    def flatten_parameters(self):
        """Does nothing: the weights lie as the CPU wants them."""

    def extra_repr(self):
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0}
        usual["bidirectional"] = False
        more = (f", {name}={getattr(self, name)}" for name in usual if getattr(self, name) != usual[name])
        return f"{self.input_size}, {self.hidden_size}" + "".join(more)

    # ---- what may be given -----------------------------------------------------------------------

    def check_input(self, input, batch_sizes):
        """Raises what PyTorch raises for an input of a wrong type or shape."""
        dtype = getattr(self, self._all_weights[0][0]).dtype
        if input.dtype != dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). Convert input: "
                f"input.to({dtype}), or convert model: model.to({input.dtype})"
            )
        dim = 3 if batch_sizes is None else 2
        if input.dim() != dim:
            raise RuntimeError(f"input must have {dim} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{input.size(-1)}"
            )

    def _state_sizes(self, batch):
        rows = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [(rows, batch, self.proj_size or self.hidden_size)]
        return [*sizes, (rows, batch, self.hidden_size)] if self.mode == "LSTM" else sizes

    def _check_states(self, states, batch):
        for k, (state, size) in enumerate(zip(states, self._state_sizes(batch), strict=True)):
            if state.size() != size:
                what = f"hidden[{k}]" if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {what} size {size}, got {list(state.size())}")

    def _check_state_dims(self, states, batched):
        dims, want = [state.dim() for state in states], 3 if batched else 2
        if all(dim == want for dim in dims):
            return
        kind = f"{'batched' if batched else 'unbatched'} {want}-D"
        if self.mode == "LSTM":
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {want}-D but got ({dims[0]}-D, {dims[1]}-D) "
                "tensors"
            )
        raise RuntimeError(f"For {kind} input, hx should also be {want}-D but got {dims[0]}-D tensor")

    # ---- running ---------------------------------------------------------------------------------

    def _weights(self):
        """(w_ih, w_hh, b_ih, b_hh, w_hr) of every layer and direction, None where there is none."""
        for names in self._all_weights:
            own = [getattr(self, name) for name in names]
            biases = own[2:4] if self.bias else [None, None]
            yield (*own[:2], *biases, own[-1] if self.proj_size else None)

    def _run(self, input, states, batch, batch_sizes=None):
        """Checks and runs; input is step by step."""
        if states is None:
            zeros = [minitorch.zeros(size, dtype=input.dtype) for size in self._state_sizes(batch)]
            states = tuple(zeros)
        else:
            self._check_states(states, batch)
        weights = list(self._weights())
        directions = 2 if self.bidirectional else 1
        mode = _MODES[self.mode][0]
        return _recurrent.layers(
            mode, input, states, weights, self.dropout, self.training, directions, batch_sizes
        )

    def _run_packed(self, packed, states):
        self.check_input(packed.data, packed.batch_sizes)
        sizes, order = packed.batch_sizes.tolist(), packed.sorted_indices
        if states is not None and order is not None:
            states = tuple(state.index_select(1, order) for state in states)
        y, states = self._run(packed.data, states, sizes[0], sizes)
        if packed.unsorted_indices is not None:
            states = tuple(state.index_select(1, packed.unsorted_indices) for state in states)
        return PackedSequence(y, *packed[1:]), states

    def _run_padded(self, input, states):
        name = self.mode[:3] if self.mode.startswith("RNN") else self.mode
        if input.dim() not in (2, 3):
            what = "D tensor instead" if name == "RNN" else "D instead"
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.dim()}{what}")
        batched, batch_dim = input.dim() == 3, 0 if self.batch_first else 1
        if not batched:
            input = input.unsqueeze(batch_dim)
        if states is not None:
            self._check_state_dims(states, batched)
            states = states if batched else tuple(state.unsqueeze(1) for state in states)
        self.check_input(input, None)
        batch = input.size(batch_dim)
        y, states = self._run(input.transpose(0, 1) if self.batch_first else input, states, batch)
        y = y.transpose_(0, 1) if self.batch_first else y
        if not batched:
            y, states = y.squeeze(batch_dim), tuple(state.squeeze(1) for state in states)
        return y, states

    def forward(self, input, hx=None):
        lstm = self.mode == "LSTM"
        states = hx if hx is None or lstm else (hx,)
        run = self._run_packed if isinstance(input, PackedSequence) else self._run_padded
        output, states = run(input, states)
        return output, states if lstm else states[0]


class RNN(RNNBase):
    """Layers of h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu, over a sequence (Elman 1990).

    Args:
        input_size: features of the input.
        hidden_size: features of the state.
        num_layers: layers, each of which reads the states of the one before.
        nonlinearity: "tanh" or "relu".
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (batch, steps, features), not (steps, batch, features).
        dropout: in training, the probability of dropout between layers.
        bidirectional: a second set of layers reads the sequence from its end.

    Shapes: input (steps, batch, input_size), without the batch for one sequence, or a PackedSequence; hx
    (layers * directions, batch, hidden_size), zeros if missing; output (steps, batch, directions *
    hidden_size) and last states like hx.

    Raises:
        ValueError: for an unknown nonlinearity or sizes that are not positive.
        RuntimeError: if the input or hx does not fit.

    >>> import minitorch
    >>> y, h = minitorch.nn.RNN(10, 20, 2)(minitorch.ones(5, 3, 10))
    >>> y.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNN.html
    """

    def __init__(self, *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) over a sequence: i, f, o = sigmoid and
    g = tanh of W_ih x + b_ih + W_hh h + b_hh; c' = f c + i g; h' = o tanh(c'), or W_hr o tanh(c').

    Args:
        input_size: features of the input.
        hidden_size: features of the cell state.
        num_layers: layers, each of which reads the states of the one before.
        bias: whether there are b_ih and b_hh.
        batch_first: input and output are (batch, steps, features), not (steps, batch, features).
        dropout: in training, the probability of dropout between layers.
        bidirectional: a second set of layers reads the sequence from its end.
        proj_size: features of h and of the output, unless 0.

    Shapes: input (steps, batch, input_size), without the batch for one sequence, or a PackedSequence; hx a
    pair (h_0, c_0) of (layers * directions, batch, hidden_size), zeros if missing; output (steps, batch,
    directions * hidden_size) and the pair of last states.

    Raises:
        ValueError: for sizes that are not positive.
        RuntimeError: if the input or hx does not fit.

    >>> import minitorch
    >>> y, (h, c) = minitorch.nn.LSTM(10, 20, batch_first=True)(minitorch.ones(3, 5, 10))
    >>> y.shape, c.shape
    (torch.Size([3, 5, 20]), torch.Size([1, 3, 20]))

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTM.html
    """

    def __init__(self, *args, **kwargs):
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units (Cho et al. 2014) over a sequence: r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh);
    n = tanh(W_in x + b_in + r (W_hn h + b_hn)); h' = (1 - z) n + z h.

    Args and shapes are those of RNN, without nonlinearity.

    Raises:
        ValueError: for sizes that are not positive.
        RuntimeError: if the input or hx does not fit.

    >>> import minitorch
    >>> y, h = minitorch.nn.GRU(10, 20, bidirectional=True)(minitorch.ones(5, 3, 10))
    >>> y.shape, h.shape
    (torch.Size([5, 3, 40]), torch.Size([2, 3, 20]))

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GRU.html
    """

    def __init__(self, *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


# ---- cells -------------------------------------------------------------------------------------------


class RNNCellBase(Module):
    """What the cells share: weights, and inputs with or without a batch.

    >>> import minitorch
    >>> minitorch.nn.RNNCellBase(2, 3, bias=True, num_chunks=4).weight_ih.shape
    torch.Size([12, 2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNCell.html
    """

    def __init__(self, input_size, hidden_size, bias, num_chunks, device=None, dtype=None):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(minitorch.empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(minitorch.empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            value = Parameter(minitorch.empty(rows, device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self):
        """Draws all weights and biases anew, uniformly from (-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text

    def _run(self, cell, input, states, names):
        """The next states: cell(input, states, weights), with a batch made up where there is none."""
        kind = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{kind}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for name, state in zip(names, states or (), strict=False):
            if state.dim() not in (1, 2):
                raise ValueError(f"{kind}: Expected {name} to be 1D or 2D, got {state.dim()}D instead")
        batched = input.dim() == 2
        if not batched:
            input = input.unsqueeze(0)
        if states is None:
            states = [minitorch.zeros(input.size(0), self.hidden_size, dtype=input.dtype)] * len(names)
        elif not batched:
            states = [state.unsqueeze(0) for state in states]
        states = cell(input, states, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return states if batched else tuple(state.squeeze(0) for state in states)


class RNNCell(RNNCellBase):
    """One step h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu.

    Shapes: input (batch, input_size) and hx (batch, hidden_size), zeros if missing, to the shape of hx; the
    batch may be missing.

    Raises:
        RuntimeError: if shapes do not fit, or the nonlinearity is neither "tanh" nor "relu".

    >>> import minitorch
    >>> minitorch.nn.RNNCell(10, 20)(minitorch.ones(3, 10)).shape
    torch.Size([3, 20])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNCell.html
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=1, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        cells = {"tanh": _recurrent.rnn_tanh_cell, "relu": _recurrent.rnn_relu_cell}

        def step(input, states, *weights):
            if self.nonlinearity not in cells:
                raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
            return (cells[self.nonlinearity](input, states[0], *weights),)

        return self._run(step, input, None if hx is None else (hx,), ("hidden",))[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM: input and (h, c) to (h', c').

    Shapes: input (batch, input_size) and a pair of (batch, hidden_size), zeros if missing; the batch may be
    missing.

    Raises:
        RuntimeError: if shapes do not fit.

    >>> import minitorch
    >>> h, c = minitorch.nn.LSTMCell(10, 20)(minitorch.ones(3, 10))
    >>> h.shape
    torch.Size([3, 20])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTMCell.html
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=4, device=device, dtype=dtype)

    def forward(self, input, hx=None):
        return self._run(_recurrent.lstm_cell, input, hx, ("hx[0]", "hx[1]"))


class GRUCell(RNNCellBase):
    """One step of a GRU.

    Shapes: input (batch, input_size) and hx (batch, hidden_size), zeros if missing, to the shape of hx; the
    batch may be missing.

    Raises:
        RuntimeError: if shapes do not fit.

    >>> import minitorch
    >>> minitorch.nn.GRUCell(10, 20)(minitorch.ones(3, 10)).shape
    torch.Size([3, 20])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GRUCell.html
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, num_chunks=3, device=device, dtype=dtype)

    def forward(self, input, hx=None):
        def step(input, states, *weights):
            return (_recurrent.gru_cell(input, states[0], *weights),)

        return self._run(step, input, None if hx is None else (hx,), ("hidden",))[0]
