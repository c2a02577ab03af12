"""The lecture's public code book: its cells, run one after the other on minitorch.

Source: https://github.com/muhark/nn-tutorial, part1/supplemental_notebook.ipynb, demystifying_utils.py
(Copyright (c) 2022 muhark, MIT licence). The tests go through its cells in their order; the code that matters
to a tensor library is kept as the cells have it, names included, slips too (``w.grad.zero_`` is named there,
never called, so gradients add up). Its pictures are drawn with plotly; here the same values go where plotly
takes them: NumPy arrays, lists of floats, f-strings. Cells that train for a thousand epochs get fewer.

Numbers are PyTorch 2.13's.
"""

from functools import cache

import numpy as np
import pytest
from pytorch_twin import passes_on_pytorch

import minitorch as torch
from minitorch import nn
from minitorch.lecture.data import half_moons, line_data, ols
from minitorch.utils.data import DataLoader, Dataset

# --- part 1: linear regression, sort of manually -----------------------------------------------------------


def test_the_data_and_its_ols_line():
    rng = np.random.default_rng(seed=0)
    N_ = 100
    coef_ = 3.4
    intercept_ = 1.0
    std_ = 1.3

    X_ = rng.uniform(low=-5, high=5, size=N_).reshape(-1, 1)
    y_ = coef_ * X_ + intercept_ + rng.normal(loc=0, scale=std_, size=N_).reshape(-1, 1)

    data = line_data()
    assert np.array_equal(X_, data.x) and np.array_equal(y_, data.y)
    wOLS, bOLS = ols(X_[:, 0], y_[:, 0])
    assert np.polyfit(X_[:, 0], y_[:, 0], 1) == pytest.approx([wOLS, bOLS], rel=1e-9)


def cells_10_and_12():
    data = line_data()
    # Let's convert our data to PyTorch tensors (float dtype)
    X_, y_ = torch.tensor(data.x).float(), torch.tensor(data.y).float()
    w = torch.empty(1, 1, requires_grad=True)
    b = torch.empty(1, 1, requires_grad=True)
    torch.manual_seed(0)
    with torch.no_grad():
        nn.init.normal_(w, mean=0, std=0.5)
        nn.init.normal_(b, mean=0, std=0.5)
    return X_, y_, w, b


def test_the_random_guess_prints():
    X_, y_, w, b = cells_10_and_12()
    assert f"{w} {b}" == "tensor([[0.7705]], requires_grad=True) tensor([[-0.1467]], requires_grad=True)"


def test_the_lines_ends_go_into_a_plot():
    """``X_.min() * w + b`` and a list of zero-dimensional tensors are what plotly is given."""
    X_, y_, w, b = cells_10_and_12()
    x = [X_.min(), X_.max()]
    y = [(X_.min() * w + b).detach().squeeze(), (X_.max() * w + b).detach().squeeze()]
    assert np.asarray(x, dtype=float) == pytest.approx([-4.9726154804, 4.9720941781], rel=1e-5)
    assert [float(v) for v in y] == pytest.approx([-3.97810, 3.68427], rel=1e-4)
    assert np.asarray(y[0]).shape == ()
    assert np.asarray(X_[:, 0]).shape == (100,) and np.asarray(X_).dtype == np.float32
    assert f"Random Guess: {w.item():.3g}x+{b.item():.3g}" == "Random Guess: 0.77x+-0.147"


def test_matplotlib_takes_tensors():
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed").Figure()
    X_, y_, w, b = cells_10_and_12()
    axes = figure.subplots()
    axes.scatter(X_, y_)
    ends = [X_.min(), X_.max()]
    (drawn,) = axes.plot(ends, [(x * w + b).detach().squeeze() for x in ends])
    assert np.asarray(drawn.get_ydata(), float) == pytest.approx([-3.97810, 3.68427], rel=1e-4)
    figure.draw_without_rendering()


def test_first_point_prediction_and_loss():
    X_, y_, w, b = cells_10_and_12()
    x0 = X_[0]
    y0 = y_[0]
    assert f"{x0}\n{y0}" == "tensor([1.3696])\ntensor([3.9131])"
    yhat_ = x0 * w + b
    error = y0 - yhat_
    loss = (y0 - yhat_).pow(2)
    assert f"{yhat_} {error}" == (
        "tensor([[0.9086]], grad_fn=<AddBackward0>) tensor([[3.0045]], grad_fn=<SubBackward0>)"
    )
    assert repr(loss) == "tensor([[9.0273]], grad_fn=<PowBackward0>)"


def test_a_partial_derivative_by_hand():
    X_, y_, w, b = cells_10_and_12()
    x0, y0 = X_[0], y_[0]
    h = 0.0001  # h as some arbitrarily small value
    fx = (y0 - (x0 * w + b)).pow(2)  # f(x)   (squared loss)
    fxh = (y0 - (x0 * (w + h) + b)).pow(2)  # f(x+h)
    dfx = (fxh - fx) / h  # (f(x+h)-f(x))/h
    # float32: right to a step of 2^-20 in the loss
    assert dfx.item() == pytest.approx(-8.23, abs=2 * 2**-20 / h)
    assert repr(dfx).endswith("grad_fn=<DivBackward0>)")

    # Pytorch does it for us as well
    if w.grad is not None:
        w.grad -= w.grad
    loss = (y0 - (x0 * w + b)).pow(2)
    loss.backward()
    assert repr(w.grad) == "tensor([[-8.2301]])"


def test_loss_and_gradient_for_a_hundred_values_of_w():
    X_, y_, w, b = cells_10_and_12()
    x0, y0 = X_[0], y_[0]
    wvals = []
    for wval in np.linspace(-1, 5, 100):
        wval = torch.tensor([wval], requires_grad=True).float()
        wval.retain_grad()
        loss = (y0 - (x0 * wval + b)).pow(2)
        loss.backward()
        wvals.append([wval.item(), loss.item(), wval.grad.item()])
    wvals = np.array(wvals)
    x, y, c = x0.item(), y0.item(), b.item()
    assert wvals[:, 1] == pytest.approx((y - x * wvals[:, 0] - c) ** 2, rel=1e-4, abs=1e-5)
    assert wvals[:, 2] == pytest.approx(-2 * x * (y - x * wvals[:, 0] - c), rel=1e-4, abs=1e-4)
    assert f"when x={x0.item():.2f} and y={y0.item():.2f}" == "when x=1.37 and y=3.91"


def test_descent_on_one_point_on_all_and_in_batches():
    """Cells 28 to 42, in one go: gradients are never cleared there, since ``zero_`` is not called."""
    X_, y_, w, b = cells_10_and_12()
    x0, y0 = X_[0], y_[0]
    (y0 - (x0 * w + b)).pow(2).backward()
    lr = 1e-3
    loss = (y0 - (x0 * w + b)).pow(2)  # Old loss
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
    new = (y0 - (x0 * w + b)).pow(2).item()
    assert [loss.item(), new] == pytest.approx([9.02725506, 8.82076168], rel=1e-5)

    losses = []
    for i in range(1, 100):  # Skipping the observation we already have
        w.grad.zero_, b.grad.zero_  # noqa: B018  (as in the cell)
        x0 = X_[i]
        y0 = y_[i]
        pred = x0 * w + b
        loss = (y0 - pred).pow(2)
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
    assert [w.item(), b.item(), sum(losses)] == pytest.approx([4.18545389, 0.663547158, 5608.96925], rel=1e-4)

    for _ in range(30):  # 30 epochs batch gd
        pred = X_ * w + b
        loss = (y_ - pred).pow(2).mean()
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
    assert [w.item(), b.item(), losses[-1]] == pytest.approx([-1.36817908, 0.573322654, 185.672379], rel=1e-4)


# --- part 2: two inputs ------------------------------------------------------------------------------------


@cache
def split():
    """Cells 44, 45, 53: the half moons, a tenth for testing. The book's split is random, this one fixed."""
    X, y = half_moons()
    order = np.random.RandomState(0).permutation(len(X))
    X_test, y_test, X_train, y_train = X[order[:50]], y[order[:50]], X[order[50:]], y[order[50:]]
    X_train, y_train = (
        torch.tensor(X_train, dtype=torch.float32),
        torch.tensor(y_train, dtype=torch.float32).reshape(-1, 1),
    )
    return X_train, y_train, X_test, y_test


class LinearNeuron(nn.Module):
    def __init__(self, features_in: int = 1, features_out: int = 1, bias: bool = True):
        super(LinearNeuron, self).__init__()  # noqa: UP008  (as in the cell)
        self.weights = nn.Parameter(torch.empty(features_in, features_out))
        nn.init.normal_(self.weights)
        self.bias = nn.Parameter(torch.empty(1, features_out)) if bias else 0
        if bias:
            nn.init.normal_(self.bias)

    def forward(self, inputs):
        preds = torch.matmul(inputs, self.weights) + self.bias
        return preds


class SimpleDataset(Dataset):
    def __init__(self, X: torch.tensor, y: torch.tensor):
        self.features = X
        self.labels = y

    def __len__(self):
        return len(self.features)

    def __getitem__(self, idx: int):
        return self.features[idx, :], self.labels[idx, :]


class Perceptron(nn.Module):
    def __init__(
        self,
        features_in: int = 1,
        features_out: int = 1,
        activation: nn.modules.activation = nn.Sigmoid,
        bias: bool = True,
    ):
        super(Perceptron, self).__init__()  # noqa: UP008
        self.weights = nn.Parameter(torch.empty(features_in, features_out))
        nn.init.normal_(self.weights)
        self.bias = nn.Parameter(torch.empty(1, features_out)) if bias else 0
        if bias:
            nn.init.normal_(self.bias)
        self.activation = activation()

    def forward(self, inputs):
        preds = torch.matmul(inputs, self.weights) + self.bias
        output = self.activation(preds)
        return output


class PredictionGrid:
    """What the book's ModelVisualization asks of a model: its predictions on a grid, as a NumPy array."""

    def __init__(self, model, X_test, h=1.0):
        xs = [np.arange(X_test[:, i].min(), X_test[:, i].max() + h, h) for i in (0, 1)]
        grid_x1, grid_x2 = np.meshgrid(*xs)
        points = np.stack([grid_x1.reshape(-1), grid_x2.reshape(-1)], axis=1)
        inputs = torch.tensor(points).float()
        preds = model(inputs).detach().numpy()
        self.preds = preds.reshape(grid_x1.shape)


def loader():
    X_train, y_train, _, _ = split()
    return DataLoader(SimpleDataset(X_train, y_train), batch_size=8, shuffle=True)


def train_n_epochs(model, dataloader, epochs, optim, loss_fn, lr=1e-3, verbose=True):
    optim = optim(model.parameters(), lr=lr)
    loss_fn = loss_fn()
    for _epoch in range(epochs):
        for inputs, labels in dataloader:
            optim.zero_grad()
            preds = model(inputs)
            loss = loss_fn(preds, labels)
            loss.backward()
            optim.step()
    return model


def eval_model(model, X_test, y_test, loss_fn):
    with torch.no_grad():
        loss = loss_fn(model(torch.tensor(X_test).float()), torch.tensor(y_test).float().reshape(-1, 1))
    return loss


logits_loss = nn.functional.binary_cross_entropy_with_logits


def test_one_step_of_a_linear_neuron():
    X_train, y_train, X_test, _ = split()
    inputs = X_train[:8, :]
    labels = y_train[:8, :]
    torch.manual_seed(0)
    slnn = LinearNeuron(features_in=2, bias=True)
    assert PredictionGrid(slnn, X_test, h=0.1).preds.shape == (16, 31)
    optim = torch.optim.SGD(slnn.parameters(), lr=5e-4)
    optim.zero_grad()
    preds = slnn(inputs)
    loss_fn = nn.MSELoss()
    loss = loss_fn(preds, labels)
    loss.backward()
    assert f"Weights: {slnn.weights}" == (
        "Weights: Parameter containing:\ntensor([[ 1.5410],\n        [-0.2934]], requires_grad=True)"
    )
    assert f"{slnn.bias}" == "Parameter containing:\ntensor([[-2.1788]], requires_grad=True)"
    optim.step()
    values = [loss.item(), *slnn.weights.flatten().tolist(), slnn.bias.item()]
    assert values == pytest.approx([2.83090401, 1.54183793, -0.293640047, -2.1774416], rel=1e-6)


def test_the_data_set_and_its_loader():
    X_train, y_train, _, _ = split()
    dataset = SimpleDataset(X_train, y_train)
    assert len(dataset) == 450 and [tuple(t.shape) for t in dataset[0]] == [(2,), (1,)]
    torch.manual_seed(0)
    batches = list(loader())
    assert len(batches) == 57
    assert [tuple(t.shape) for t in batches[0]] == [(8, 2), (8, 1)] and len(batches[-1][0]) == 2
    assert np.array_equal(batches[0][0].numpy(), X_train.numpy()[[426, 144, 31, 206, 125, 216, 393, 399]])


def test_fifty_epochs_of_a_linear_neuron_and_of_a_stack():
    X_train, y_train, X_test, y_test = split()
    torch.manual_seed(0)
    slnn = LinearNeuron(2)
    train_n_epochs(slnn, loader(), 50, torch.optim.SGD, nn.MSELoss)
    widenn = LinearNeuron(features_in=2, features_out=4)
    widenn2 = LinearNeuron(features_in=4, features_out=1)
    inputs = X_train[:8]
    hidden_layer = widenn(inputs)
    preds = widenn2(hidden_layer)
    assert f"{inputs.shape} {hidden_layer.shape} {preds.shape}" == (
        "torch.Size([8, 2]) torch.Size([8, 4]) torch.Size([8, 1])"
    )
    sdnn = nn.Sequential(widenn, widenn2)
    assert sdnn(inputs).tolist() == preds.tolist()
    before = eval_model(sdnn, X_test, y_test, nn.functional.mse_loss)
    train_n_epochs(sdnn, loader(), 50, torch.optim.SGD, nn.MSELoss)
    after = eval_model(sdnn, X_test, y_test, nn.functional.mse_loss)
    alone = eval_model(slnn, X_test, y_test, nn.functional.mse_loss)
    assert [alone.item(), before.item(), after.item()] == pytest.approx(
        [0.198521897, 2.52394176, 0.0882626921], rel=1e-4
    )
    # the prediction surface is still flat: second differences vanish
    grid = PredictionGrid(sdnn, X_test, h=0.025).preds
    assert abs(np.diff(grid, n=2, axis=0)).max() < 1e-5 and abs(np.diff(grid, n=2, axis=1)).max() < 1e-5


def test_the_sigmoid_goes_into_a_line_plot():
    x, y = torch.linspace(-5, 5, 100), torch.sigmoid(torch.linspace(-5, 5, 100))
    frame = np.stack([np.asarray(x), np.asarray(y)])
    assert frame[1] == pytest.approx(1 / (1 + np.exp(-frame[0])), rel=1e-5)
    assert list(y)[0].item() == pytest.approx(0.0066928509, rel=1e-5) and len(list(x)) == 100


def test_logistic_classifiers():
    """Cells 84 to 90: one neuron, 2-2-1, 2-4-1, 2-8-8-1; evaluated before and after, fifty epochs each."""
    _, _, X_test, y_test = split()
    torch.manual_seed(0)
    models = [
        Perceptron(2, 1, nn.Sigmoid),
        nn.Sequential(Perceptron(2, 2, nn.Sigmoid), Perceptron(2, 1, nn.Sigmoid)),
        nn.Sequential(Perceptron(2, 4, nn.Sigmoid), Perceptron(4, 1, nn.Sigmoid)),
        nn.Sequential(
            Perceptron(2, 8, nn.Sigmoid), Perceptron(8, 8, nn.Sigmoid), Perceptron(8, 1, nn.Sigmoid)
        ),
    ]
    losses = []
    for model in models:
        losses.append(eval_model(model, X_test, y_test, logits_loss).item())
        train_n_epochs(model, loader(), 50, torch.optim.SGD, nn.BCELoss, lr=0.03)
        losses.append(eval_model(model, X_test, y_test, logits_loss).item())
        assert 0 <= PredictionGrid(model, X_test, h=0.1).preds.min()
    assert losses == pytest.approx(
        [
            0.640874088,
            0.579269171,
            0.715807319,
            0.58579129,
            0.723935604,
            0.589111686,
            0.743490279,
            0.583374321,
        ],
        rel=1e-4,
    )


def test_training_to_completion():
    """``while loss > 0.52`` compares a tensor with a number; the ReLU net gets there in a few epochs."""
    _, _, X_test, y_test = split()
    torch.manual_seed(0)
    model = nn.Sequential(
        Perceptron(2, 4, nn.ReLU),
        Perceptron(4, 4, nn.ReLU),
        Perceptron(4, 4, nn.ReLU),
        Perceptron(4, 1, nn.Sigmoid),
    )
    total_epochs = 0
    loss = eval_model(model, X_test, y_test, logits_loss)
    shown = []
    while loss > 0.52 and total_epochs < 100:
        shown.append(str(loss))
        train_n_epochs(model, loader(), 10, torch.optim.SGD, nn.BCELoss, lr=0.03, verbose=False)
        loss = eval_model(model, X_test, y_test, logits_loss)
        total_epochs += 10
    assert total_epochs == 20 and loss <= 0.52
    assert shown == ["tensor(0.7262)", "tensor(0.5345)"]


def test_pytorch_agrees():
    passes_on_pytorch(__file__)
