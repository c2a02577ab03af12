"""The code blocks of the lecture "Demystifying Deep Learning", and the numbers on its slides.

Every block stands in a test of its own, as on the slide; what the slides leave out (the data, the definitions
of SimpleLinearNN and Perceptron) is supplied. The numbers are PyTorch 2.13's.
"""

import numpy as np
import pytest
from pytorch_twin import passes_on_pytorch

import minitorch as torch
from minitorch import nn
from minitorch.lecture.data import half_moons, line_data
from minitorch.utils.data import DataLoader, TensorDataset


class SimpleLinearNN(nn.Module):
    def __init__(self, features_in=1, features_out=1):
        super().__init__()
        self.weights = nn.Parameter(torch.empty(features_in, features_out))
        self.bias = nn.Parameter(torch.empty(1, features_out))
        nn.init.normal_(self.weights)
        nn.init.normal_(self.bias)

    def forward(self, inputs):
        return torch.matmul(inputs, self.weights) + self.bias


class Perceptron(SimpleLinearNN):
    def __init__(self, features_in=1, features_out=1, activation=nn.Sigmoid):
        super().__init__(features_in, features_out)
        self.activation = activation()

    def forward(self, inputs):
        return self.activation(super().forward(inputs))


def first_point():
    data = line_data()
    X_, y_ = torch.tensor(data.x).float(), torch.tensor(data.y).float()
    w = torch.empty(1, 1, requires_grad=True)
    b = torch.empty(1, 1, requires_grad=True)
    torch.manual_seed(0)
    nn.init.normal_(w, std=0.5)
    nn.init.normal_(b, std=0.5)
    return X_, y_, w, b


def moons():
    X, y = half_moons()
    return TensorDataset(torch.tensor(X).float(), torch.tensor(y).float().reshape(-1, 1))


def test_a_random_guess():
    X_, y_, w, b = first_point()
    assert [w.item(), b.item()] == pytest.approx([0.7704980373382568, -0.14671444892883301], abs=0)
    assert f"{w.item():.2f} {b.item():.2f}" == "0.77 -0.15"
    assert f"{X_[0].item():.4f} {y_[0].item():.4f}" == "1.3696 3.9131"


def test_generate_prediction_and_compute_loss():
    X_, y_, w, b = first_point()
    x, y = X_[0], y_[0]
    yhat = w * x + b
    assert f"{yhat.item():.2f}" == "0.91"
    assert f"{(y - yhat).item():.2f}" == "3.00"
    assert (y - yhat).pow(2).item() == pytest.approx(9.027255058288574, rel=1e-6)


def test_calculating_numerically():
    X_, y_, w, b = first_point()
    x0, y0, w, b = (t.detach().double() for t in (X_[0], y_[0], w, b))
    # the slide
    h = 0.0001  # h as some arbitrarily small value
    fx = (y0 - (x0 * w + b)).pow(2)  # f(x)   (squared loss)
    fxh = (y0 - (x0 * (w + h) + b)).pow(2)  # f(x+h)
    dfx = (fxh - fx) / h  # (f(x+h)-f(x))/h
    # when x, y = 1.37, 3.91
    assert tuple(dfx.shape) == (1, 1) and dfx.dtype is torch.float64
    assert dfx.item() == pytest.approx(-8.2299472, rel=1e-6)
    assert f"{dfx.item():.2f}" == "-8.23"


def test_the_slides_rounded_numbers_show_where_float32_slips():
    def gradient(dtype, h):
        x0, y0, w, b = (torch.tensor([value], dtype=dtype) for value in (1.37, 3.91, 0.77, -0.15))
        return (((y0 - (x0 * (w + h) + b)).pow(2) - (y0 - (x0 * w + b)).pow(2)) / h).item()

    exact = -2 * 1.37 * (3.91 - (0.77 * 1.37 - 0.15))
    assert gradient(torch.float64, 0.0001) == pytest.approx(exact, abs=3e-4)
    single = gradient(torch.float32, 0.0001)
    # the loss is near 9, where float32 numbers lie 2^-20 apart
    assert single == pytest.approx(round(single * 0.0001 * 2**20) / 2**20 / 0.0001, rel=1e-6)
    assert single == pytest.approx(-8.2493, abs=1e-3)


def test_autograd_gives_the_gradient_exactly():
    X_, y_, w, b = first_point()
    loss = (y_[0] - (X_[0] * w + b)).pow(2)
    loss.backward()
    assert w.grad.item() == pytest.approx(-8.230134963989258, rel=1e-6)
    assert b.grad.item() == pytest.approx(-6.009078025817871, rel=1e-6)


def test_gradient_descent_for_one_epoch():
    X_, y_, w, b = first_point()
    lr = 1e-3
    for x0, y0 in zip(X_, y_, strict=True):
        loss = (y0 - (x0 * w + b)).pow(2)
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad  # w' = w - lr dL/dw
            b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    assert [w.item(), b.item()] == pytest.approx([3.0867714881896973, 0.10203320533037186], rel=1e-5)


def test_chain_rule():
    """The slide's chain of equations, with its labels put right: dL/dyhat = -2 (y - yhat)."""
    x, y, w1, b1, w2, b2 = (torch.tensor(v, requires_grad=True) for v in (1.5, 2.0, 0.3, 0.1, -0.7, 0.2))
    h1 = w1 * x + b1
    yhat = w2 * h1 + b2
    (y - yhat).pow(2).backward()
    error = -2 * (y - yhat).item()
    assert w2.grad.item() == pytest.approx(error * h1.item(), rel=1e-6)
    assert w1.grad.item() == pytest.approx(error * w2.item() * x.item(), rel=1e-6)


def test_code_vs_theory_mini_batches_and_training():
    """Three slides that make one program: model, loss and sampler, 50 epochs."""
    dataset = moons()
    torch.manual_seed(0)
    # Define Model
    layer1 = SimpleLinearNN(features_in=2, features_out=4)
    layer2 = SimpleLinearNN(features_in=4, features_out=1)
    model = torch.nn.Sequential(layer1, layer2)
    # Define Batch Sampler, Loss Function and Optimization
    data = DataLoader(dataset, batch_size=8, shuffle=True)
    loss_fn = torch.nn.MSELoss()
    optim = torch.optim.SGD(model.parameters(), lr=5e-4)
    assert len(data) == 63

    for epoch in range(50):
        for inputs, labels in data:  # X, y
            optim.zero_grad()  # Reset gradients
            preds = model.forward(inputs)  # Forward pass
            loss = loss_fn(preds, labels)  # Loss calc
            loss.backward()  # Calculate gradients
            optim.step()  # Update parameters
        if epoch == 0:
            first = loss_fn(model(dataset.tensors[0]), dataset.tensors[1]).item()
    last = loss_fn(model(dataset.tensors[0]), dataset.tensors[1]).item()
    assert [first, last] == pytest.approx([0.22479012608528137, 0.08241169154644012], rel=1e-5)


def test_stacking_linear_models_reduces_to_a_linear_model():
    torch.manual_seed(0)
    layer1, layer2 = SimpleLinearNN(2, 4), SimpleLinearNN(4, 1)
    model = torch.nn.Sequential(layer1, layer2)
    X = moons().tensors[0]
    w = layer1.weights @ layer2.weights
    b = layer1.bias @ layer2.weights + layer2.bias
    assert np.allclose((X @ w + b).detach().numpy(), model(X).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_sigmoid_transformation():
    z = torch.linspace(-6, 6, 121)
    y = torch.sigmoid(z)
    assert 0 < y.min() and y.max() < 1 and y[60].item() == pytest.approx(0.5, abs=1e-7)
    assert np.allclose(y.numpy(), 1 / (1 + np.exp(-z.numpy())), atol=1e-6)


def test_artificial_neuron():
    """y = phi(sum of w_i x_i)."""
    torch.manual_seed(0)
    neuron = Perceptron(2, 1, nn.Sigmoid)
    x = torch.tensor([[1.0, -2.0]])
    z = (x * neuron.weights.t()).sum() + neuron.bias
    assert neuron(x).item() == pytest.approx(torch.sigmoid(z).item(), rel=1e-6)
    assert neuron(x).item() == pytest.approx(0.4872688353061676, rel=1e-6)


def test_stopping_at_an_evaluation_loss():
    """Training ends once the loss on points kept aside passes a threshold."""
    X, y = moons().tensors
    torch.manual_seed(0)
    model = nn.Sequential(Perceptron(2, 8, nn.Tanh), Perceptron(8, 1, nn.Sigmoid))
    data = DataLoader(TensorDataset(X[50:], y[50:]), batch_size=8, shuffle=True)
    optim = torch.optim.Adam(model.parameters(), lr=1e-2)
    evaluate = nn.functional.binary_cross_entropy_with_logits
    for epoch in range(1, 101):  # noqa: B007
        for inputs, labels in data:
            optim.zero_grad()
            nn.BCELoss()(model(inputs), labels).backward()
            optim.step()
        with torch.no_grad():
            eval_loss = evaluate(model(X[:50]), y[:50])
        if eval_loss <= 0.52:
            break
    assert epoch == 16


def test_relu_example():
    torch.manual_seed(0)
    model = nn.Sequential(
        Perceptron(2, 4, nn.ReLU),
        Perceptron(4, 4, nn.ReLU),
        Perceptron(4, 4, nn.ReLU),
        Perceptron(4, 1, nn.Sigmoid),
    )
    X, y = moons().tensors
    preds = model(X)
    assert tuple(preds.shape) == (500, 1) and 0 <= preds.min() and preds.max() <= 1
    loss = nn.BCELoss()(preds, y)
    loss.backward()
    assert loss.item() == pytest.approx(3.556596279144287, rel=1e-5)
    squares = [p.grad.pow(2).sum().item() for p in model.parameters()]
    assert squares == pytest.approx(
        [5.26215744, 2.67537522, 4.19127417, 2.25914478, 1.79223967, 0.20547403, 15.8014879, 0.17380857],
        rel=1e-4,
    )


def test_pytorch_agrees():
    passes_on_pytorch(__file__)
