"""What the "Workshop Planning" notes and the module "Deep Learning 2" ask for, in code.

The notes hold formulas, of which the "Graveyard" has one sign wrong. The module lists what its demonstration
and notebook go through: tensors beside arrays, derivatives at tensors, a net from those alone, modules,
Sequential, datasets; the graph of L = MSE(y - (W2 @ RELU(W1 @ x + b) + b)); momentum, Adam, weight decay.
"""

import numpy as np
import pytest
from pytorch_twin import passes_on_pytorch

import minitorch as torch
import minitorch.nn.functional as F
from minitorch import nn
from minitorch.utils.data import DataLoader, Dataset


def test_the_graveyards_derivatives():
    """L = (y - (w2 (w1 X + b1) + b2))^2 with h1 = w1 X + b1."""
    X, y = torch.tensor(0.8), torch.tensor(-0.4)
    w1, b1, w2, b2 = (torch.tensor(v, requires_grad=True) for v in (0.9, -0.2, 1.7, 0.3))
    h1 = w1 * X + b1
    h1.retain_grad()
    L = (y - (w2 * h1 + b2)).pow(2)
    L.backward()
    outer = -2 * (y - (w2 * h1 + b2)).item()
    assert h1.grad.item() == pytest.approx(outer * w2.item(), rel=1e-6)
    assert w2.grad.item() == pytest.approx(outer * h1.item(), rel=1e-6)
    assert w1.grad.item() == pytest.approx(h1.grad.item() * X.item(), rel=1e-6)
    assert [b2.grad.item(), b1.grad.item()] == pytest.approx([outer, h1.grad.item()], rel=1e-6)


def test_tensors_are_like_ndarrays():
    a = np.arange(6.0).reshape(2, 3)
    t = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    for of_array, of_tensor in (
        (a.sum(axis=0), t.sum(dim=0)),
        (a @ a.T, t @ t.T),
        (a[:, 1:], t[:, 1:]),
        (a * a[0], t * t[0]),
        (np.where(a > 2, a, 0), torch.where(t > 2, t, 0.0)),
        (a.mean(axis=1, keepdims=True), t.mean(dim=1, keepdim=True)),
        (np.concatenate([a, a]), torch.cat([t, t])),
        (a.reshape(3, -1), t.reshape(3, -1)),
    ):
        assert tuple(of_tensor.shape) == of_array.shape
        assert np.array_equal(of_array, of_tensor.numpy())
    shared = torch.from_numpy(a)
    a[0, 0] = 9
    assert shared[0, 0].item() == 9


def test_tensors_keep_track_of_what_they_depend_on():
    """e = (a + b) (b + 1), the graph of the pre-lecture reading: de/da = 2, de/db = 5 at a = 2, b = 1."""
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    c, d = a + b, b + 1
    e = c * d
    e.backward()
    assert [e.item(), a.grad.item(), b.grad.item()] == [6.0, 2.0, 5.0]
    assert e.grad_fn is not None and a.is_leaf and not e.is_leaf


def test_gradients_add_up_until_they_are_cleared():
    w = torch.tensor(3.0, requires_grad=True)
    (w * w).backward()
    (w * w).backward()
    assert w.grad.item() == 12.0
    w.grad = None
    (w * w).backward()
    assert w.grad.item() == 6.0


def parameters_of_one_hidden_layer():
    torch.manual_seed(0)
    shapes = ((5, 3), (5, 1), (2, 5), (2, 1))
    return [torch.randn(*shape).requires_grad_() for shape in shapes]


def test_the_graph_of_a_net_with_one_hidden_layer():
    """Every gradient of MSE(y - (W2 @ RELU(W1 @ x + b1) + b2)), by hand and by backpropagation."""
    W1, b1, W2, b2 = parameters_of_one_hidden_layer()
    x, y = torch.randn(3, 4), torch.randn(2, 4)
    z = W1 @ x + b1
    out = W2 @ F.relu(z) + b2
    L = F.mse_loss(out, y)
    L.backward()
    d_out = 2 * (out - y).detach() / 8
    d_z = W2.detach().t() @ d_out * (z.detach() > 0).float()
    for parameter, expected in (
        (W2, d_out @ F.relu(z).detach().t()),
        (b2, d_out.sum(1, keepdim=True)),
        (W1, d_z @ x.t()),
        (b1, d_z.sum(1, keepdim=True)),
    ):
        assert np.allclose(parameter.grad.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)
    assert L.item() == pytest.approx(5.97504902, rel=1e-5)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


class Xor(Dataset):
    def __init__(self, n=64):
        generator = torch.Generator().manual_seed(0)
        self.x = torch.rand(n, 2, generator=generator) * 2 - 1
        self.y = (self.x[:, 0] * self.x[:, 1] > 0).float().unsqueeze(1)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def train(model, optimizer, epochs=30):
    losses = []
    data = DataLoader(Xor(), batch_size=16, shuffle=True)
    for _ in range(epochs):
        for x, y in data:
            loss = F.binary_cross_entropy_with_logits(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_module_by_hand_and_the_same_as_sequential():
    torch.manual_seed(0)
    net = Net()
    torch.manual_seed(0)
    sequential = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = Xor().x
    assert np.array_equal(net(x).detach().numpy(), sequential(x).detach().numpy())
    assert [name for name, _ in net.named_parameters()] == [
        "hidden.weight",
        "hidden.bias",
        "out.weight",
        "out.bias",
    ]
    losses = train(net, torch.optim.SGD(net.parameters(), lr=0.5))
    assert [losses[0], losses[-1]] == pytest.approx([0.701464415, 0.361204237], rel=1e-5)


def test_optimization_other_than_sgd():
    """Momentum, RMSprop, Adam, and weight decay: the loss of the last batch after 30 epochs."""
    last = []
    for make in (
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: torch.optim.RMSprop(p, lr=0.01),
        lambda p: torch.optim.Adam(p, lr=0.02),
        lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, lr=0.5, weight_decay=0.01),
    ):
        torch.manual_seed(0)
        net = Net()
        last.append(train(net, make(net.parameters()))[-1])
    assert last == pytest.approx([0.179338008, 0.374798, 0.356838763, 0.437174082, 0.599252701], rel=1e-4)


def test_what_one_cannot_backpropagate_through():
    x = torch.tensor([0.3, 1.7], requires_grad=True)
    assert not (x > 1).requires_grad and not x.argmax().requires_grad and not x.detach().requires_grad
    with torch.no_grad():
        assert not (x * 2).requires_grad
    with pytest.raises(RuntimeError, match="does not require grad"):
        x.detach().sum().backward()
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (x * 2).backward()


def test_pytorch_agrees():
    passes_on_pytorch(__file__)
