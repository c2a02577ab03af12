"""The code blocks of the "MIT Intro Notes", which are TensorFlow, in their PyTorch form.

Each test quotes the call it stands for. Slips of the notes (``__init()``, ``compute_ loss``) are mended.
"""

import numpy as np
import pytest
from pytorch_twin import passes_on_pytorch

import minitorch as torch
from minitorch import nn


class MyDenseLayer(nn.Module):  # tf.keras.layers.Layer
    def __init__(self, input_dim, output_dim):
        super(MyDenseLayer, self).__init__()  # noqa: UP008

        # Initialize weights and bias
        self.W = nn.Parameter(torch.randn(input_dim, output_dim))  # self.add_weight([input_dim, output_dim])
        self.b = nn.Parameter(torch.randn(1, output_dim))  # self.add_weight([1, output_dim])

    def forward(self, inputs):  # call
        # Forward propagate the inputs
        # Take the dot product of inputs and weight and add bias
        z = torch.matmul(inputs, self.W) + self.b

        # Feed through a non-linear activation
        output = torch.sigmoid(z)  # tf.math.sigmoid(z)

        return output


def test_the_perceptron():
    """y = g(w0 + X . W) with w0 = 1 and W = [3, -2]: a line in the plane."""
    W, w0 = torch.tensor([3.0, -2.0]), 1.0
    X = torch.tensor([[-1.0, 2.0], [0.0, 0.5], [1.0, 1.0]])
    z = w0 + X @ W
    assert z.tolist() == [-6.0, 0.0, 2.0]
    assert torch.sigmoid(z).tolist() == pytest.approx([0.0024726232, 0.5, 0.8807970780], rel=1e-6)


def test_my_dense_layer():
    torch.manual_seed(0)
    layer = MyDenseLayer(2, 3)
    output = layer(torch.tensor([[4.0, 5.0], [0.0, 0.0]]))
    assert output.flatten().tolist() == pytest.approx(
        [0.999918103, 0.00314653874, 7.33962437e-08, 0.599491537, 0.698049366, 0.327556461], rel=1e-5
    )
    assert [name for name, _ in layer.named_parameters()] == ["W", "b"]


def test_a_dense_layer_of_two_units():
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)  # tf.keras.layers.Dense(units=2)
    weights = [-0.00432251766, 0.309715837, -0.475185335, -0.424894601, -0.222368971, 0.154820725]
    assert layer.weight.flatten().tolist() == np.array(weights, np.float32).tolist()
    assert tuple(layer(torch.zeros(5, 3)).shape) == (5, 2)


def test_two_dense_layers():
    torch.manual_seed(0)
    n = 4
    model = nn.Sequential(  # tf.keras.Sequential([Dense(n), Dense(2)])
        nn.Linear(3, n),
        nn.Linear(n, 2),
    )
    assert model(torch.ones(1, 3)).flatten().tolist() == pytest.approx([-0.514108539, -0.500063062], rel=1e-5)


def test_a_deep_neural_network():
    torch.manual_seed(0)
    sizes = [3, 8, 8, 6, 2]
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    assert len(model) == 7
    assert model(torch.ones(1, 3)).flatten().tolist() == pytest.approx([0.190358639, -0.312783301], rel=1e-5)


def test_the_loss():
    """Will I pass this class: 4 lectures, 5 hours; predicted 0.1, actual 1."""
    y, predicted = torch.tensor([1.0, 0.0, 1.0]), torch.tensor([0.1, 0.2, 0.7])
    # tf.reduce_mean(tf.square(tf.subtract(y, predicted)))
    loss = torch.mean(torch.square(torch.sub(y, predicted)))
    assert loss.item() == pytest.approx((0.81 + 0.04 + 0.09) / 3, rel=1e-6)
    # tf.keras.losses.MSE(y, predicted)
    loss = nn.MSELoss()(predicted, y)
    assert loss.item() == pytest.approx(0.31333333, rel=1e-6)


def test_gradient_descent():
    torch.manual_seed(0)
    weights = torch.randn(1, requires_grad=True)  # tf.Variable([tf.random.normal()])
    assert weights.item() == pytest.approx(1.5409960746765137, abs=0)
    lr = 0.1

    def compute_loss(weights):
        return ((weights - 3) ** 2).sum()

    for _ in range(50):  # while True: loop forever
        loss = compute_loss(weights)  # with tf.GradientTape() as g:
        (gradient,) = torch.autograd.grad(loss, weights)  # g.gradient(loss, weights)

        # lr is learning rate, the size of the step
        weights = weights - lr * gradient
    # w - 3 shrinks by 1 - 2 lr in every step
    assert weights.item() == pytest.approx(3 - (3 - 1.5409960746765137) * 0.8**50, rel=1e-6)
    assert weights.requires_grad and not weights.is_leaf


def test_backpropagation():
    """dJ/dw1 = dJ/dyhat dyhat/dz1 dz1/dw1, and dJ/dw2 = dJ/dyhat dyhat/dw2."""
    x, w1, w2 = (torch.tensor(v, requires_grad=True) for v in (0.5, 1.2, -0.7))
    z1 = torch.tanh(w1 * x)
    yhat = w2 * z1
    J = (1.0 - yhat) ** 2
    J.backward()
    dyhat = -2 * (1 - yhat.item())
    assert w2.grad.item() == pytest.approx(dyhat * z1.item(), rel=1e-6)
    assert w1.grad.item() == pytest.approx(dyhat * -0.7 * (1 - z1.item() ** 2) * 0.5, rel=1e-5)


def test_putting_it_all_together():
    torch.manual_seed(0)
    x = torch.rand(64, 2)
    y = (x[:, 0] * x[:, 1]).reshape(-1, 1)
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))  # tf.keras.Sequential([...])

    # Pick your favorite optimizer
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # tf.keras.optimizers.SGD()
    losses = []
    for _ in range(100):  # while True: loop forever
        # Forward pass through the network
        prediction = model(x)

        # Compute the loss
        loss = nn.functional.mse_loss(prediction, y)

        # Update the weights using the gradient
        optimizer.zero_grad()
        loss.backward()  # tape.gradient(loss, model.trainable_variables)
        optimizer.step()  # optimizer.apply_gradients(zip(grads, model.trainable_variables))
        losses.append(loss.item())
    assert [losses[0], losses[10], losses[-1]] == pytest.approx(
        [0.200619251, 0.0689669549, 0.0164024308], rel=1e-5
    )


def test_mini_batches_of_32():
    torch.manual_seed(0)
    x = torch.arange(100.0).reshape(100, 1)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=32, shuffle=True)
    sizes, means = [], []
    for (batch,) in data:
        sizes.append(len(batch))
        means.append(batch.mean().item())
    assert sizes == [32, 32, 32, 4]
    assert means == pytest.approx([58.375, 44.8125, 47.46875, 32.25], rel=1e-6)


def test_dropout_between_layers():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 1))
    x = torch.ones(1, 2)
    outputs = [model(x).item() for _ in range(4)]  # each time another set of units
    assert outputs == pytest.approx(
        [-0.10621711611747742, -0.10621711611747742, 0.3195600211620331, -0.11042375862598419], rel=1e-5
    )
    model.eval()
    assert model(x).item() == model(x).item()


def test_pytorch_agrees():
    passes_on_pytorch(__file__)
