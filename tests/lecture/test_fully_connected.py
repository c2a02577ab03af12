"""The code and the equations of the slides "Fully Connected Networks".

The outline's training loop is run as it stands: ``Variable``, ``iter(loader)``, a model that returns three
values, ``model.forward`` and ``model.zero_grad``. Its ``loss.data[0]`` has been an error since PyTorch 0.5,
which names ``.item()``.
"""

import numpy as np
import pytest
from pytorch_twin import passes_on_pytorch

import minitorch as torch
import minitorch.nn.functional as F
from minitorch import nn
from minitorch.autograd import Variable

xgrid = np.linspace(0, 1, 200)
ygrid = np.sin(8 * xgrid) + 0.1 * np.random.default_rng(0).standard_normal(200)


class MLP(nn.Module):
    """Hidden layers of one size; returns output, last hidden layer, and that before its activation."""

    def __init__(self, hidden, activation, layers=1):
        super().__init__()
        self.first = nn.Linear(1, hidden)
        self.more = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(layers - 1)])
        self.last = nn.Linear(hidden, 1)
        self.activation = activation

    def forward(self, x):
        z = self.first(x)
        for layer in self.more:
            z = layer(self.activation(z))
        h = self.activation(z)
        return self.last(h), h, z


def make_loader():
    # Basic code outline, first part
    dataset = torch.utils.data.TensorDataset(
        torch.from_numpy(xgrid.reshape(-1, 1)), torch.from_numpy(ygrid.reshape(-1, 1))
    )
    return torch.utils.data.DataLoader(dataset, batch_size=64, shuffle=True)


def run_model(loader, model, epochs, as_on_the_slide=False):
    # Basic code outline, second part
    criterion = nn.MSELoss()
    lr, epochs, batch_size = 1e-1, epochs, 64  # noqa: F841
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    accum = []
    for k in range(epochs):  # noqa: B007
        localaccum = []
        for localx, localy in iter(loader):
            localx = Variable(localx.float())
            localy = Variable(localy.float())
            output, _, _ = model.forward(localx)
            loss = criterion(output, localy)
            model.zero_grad()
            loss.backward()
            optimizer.step()
            localaccum.append(loss.data[0] if as_on_the_slide else loss.data.item())
        accum.append((np.mean(localaccum), np.std(localaccum)))
    return accum


def fit(hidden, activation, layers, epochs=20):
    torch.manual_seed(0)
    accum = run_model(make_loader(), MLP(hidden, activation, layers), epochs)
    return [accum[0][0], accum[0][1], accum[-1][0], accum[-1][1]]


def test_basic_code_outline_relu_80_in_one_layer():
    assert fit(80, F.relu, 1) == pytest.approx([0.96170041, 0.702141508, 0.175855616, 0.035960091], rel=1e-5)


def test_basic_code_outline_tanh_40_in_two_layers():
    assert fit(40, torch.tanh, 2) == pytest.approx(
        [0.503074422, 0.0313825607, 0.453739412, 0.0631991529], rel=1e-5
    )


def test_loss_data_0_raises_the_error_that_names_item():
    torch.manual_seed(0)
    with pytest.raises(IndexError) as caught:
        run_model(make_loader(), MLP(2, F.relu), 1, as_on_the_slide=True)
    assert str(caught.value) == (
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
        "convert a 0-dim tensor to a number"
    )


def test_variable_is_a_tensor():
    x = torch.tensor([1.0, 2.0])
    assert isinstance(Variable(x), torch.Tensor) and isinstance(x, Variable)
    v = Variable(x, requires_grad=True)
    (v * v).sum().backward()
    assert v.grad.tolist() == [2.0, 4.0] and not x.requires_grad


def test_one_or_two_hidden_neurons():
    """More units approximate better: the loss that stays after as many epochs."""
    losses = [fit(hidden, torch.tanh, layers, 40)[2] for hidden, layers in ((1, 1), (2, 1), (20, 1), (20, 2))]
    assert losses == pytest.approx([0.521717221, 0.522991158, 0.510818072, 0.486390941], rel=1e-5)
    assert losses[2] < losses[0]


def test_softmax_formulation():
    """Two probabilities that sum to one; adding the same vector to both weights changes nothing."""
    x = torch.tensor([0.5, -1.0, 2.0])
    w = torch.tensor([[0.1, 0.2, 0.3], [-0.3, 0.4, 0.1]])
    psi = torch.tensor([1.0, -2.0, 0.5])
    p = F.softmax(w @ x, dim=0)
    assert p.sum().item() == pytest.approx(1, abs=1e-6)
    assert p[0].item() == pytest.approx(1 / (1 + np.exp(-(w[0] - w[1]).dot(x).item())), rel=1e-6)
    assert F.softmax((w + psi) @ x, dim=0).tolist() == pytest.approx(p.tolist(), rel=1e-5)


def test_nll_and_gradients_for_softmax():
    """dNLL/dw_k = -sum_i x_i (1_k(y_i) - p_ki), and NLL of the log-softmax is the cross entropy."""
    torch.manual_seed(0)
    x, y = torch.randn(10, 3), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 1, 1])
    w = torch.randn(2, 3, requires_grad=True)
    lsm = nn.LogSoftmax(dim=1)(x @ w.t())
    nll = nn.NLLLoss(reduction="sum")(lsm, y)
    nll.backward()
    p = lsm.detach().exp()
    for k in (0, 1):
        expected = -(x * ((y == k).float() - p[:, k]).unsqueeze(1)).sum(0)
        assert w.grad[k].tolist() == pytest.approx(expected.tolist(), rel=1e-5, abs=1e-6)
    assert nll.item() == pytest.approx(F.cross_entropy(x @ w.t(), y, reduction="sum").item(), rel=1e-6)
    assert nll.item() == pytest.approx(7.75024557, rel=1e-5)


def test_equations_layer_by_layer_and_their_deltas():
    """delta^l = delta^(l+1) times the Jacobian of layer l, from the cost layer down."""
    torch.manual_seed(1)
    z1 = torch.randn(3)
    w = torch.randn(2, 3, requires_grad=True)
    z2 = w @ z1
    z3 = F.log_softmax(z2, dim=0)
    z4 = -z3[1]
    z2.retain_grad()
    z3.retain_grad()
    z4.backward()
    delta3 = np.array([0.0, -1.0])
    assert z3.grad.tolist() == delta3.tolist()
    p = z3.detach().exp().numpy()
    jacobian = np.eye(2) - np.ones((2, 1)) * p  # dz3_v / dz2_u = 1(u = v) - p_u
    delta2 = delta3 @ jacobian
    assert z2.grad.tolist() == pytest.approx(delta2.tolist(), rel=1e-5)
    assert np.allclose(w.grad.numpy(), np.outer(delta2, z1.numpy()), rtol=1e-5)


def test_simple_mlp_forward_and_backward_pass():
    """One sample (x = 0.1, y = 5) through two neurons, and every gradient by hand."""
    x, y = torch.tensor(0.1), torch.tensor(5.0)
    names = ("b1", "w1", "b2", "w2", "wo1", "wo2", "bo")
    p = {
        n: torch.tensor(v, requires_grad=True)
        for n, v in zip(names, (0.1, 0.5, -0.2, 0.8, 1.5, -0.5, 0.3), strict=True)
    }
    a1, a2 = torch.sigmoid(p["w1"] * x + p["b1"]), torch.sigmoid(p["w2"] * x + p["b2"])
    out = p["wo1"] * a1 + p["wo2"] * a2 + p["bo"]
    cost = (out - y) ** 2
    cost.backward()
    d = 2 * (out - y).item()
    s1, s2 = a1.item(), a2.item()
    d1, d2 = d * 1.5 * s1 * (1 - s1), d * -0.5 * s2 * (1 - s2)
    expected = {"b1": d1, "w1": d1 * 0.1, "b2": d2, "w2": d2 * 0.1, "wo1": d * s1, "wo2": d * s2, "bo": d}
    assert {n: t.grad.item() for n, t in p.items()} == pytest.approx(expected, rel=1e-5)


def test_dropout_severs_connections_only_while_training():
    torch.manual_seed(0)
    layer = nn.Dropout(0.1)
    x = torch.ones(20)
    assert layer(x).tolist() == pytest.approx([0.0 if i in (0, 3) else 1 / 0.9 for i in range(20)], rel=1e-6)
    layer.eval()
    assert layer(x).tolist() == x.tolist()


def test_pytorch_agrees():
    passes_on_pytorch(__file__)
