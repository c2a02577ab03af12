"""The lecture's building blocks, its training loop, and how a trained net is measured.

Relies on ``minitorch.nn`` and ``minitorch.optim``. Read ``line`` and ``moons`` next: the lecture itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import minitorch as torch
from minitorch import nn

from .data import Moons


class SimpleLinearNN(nn.Module):
    """A linear neuron, or several side by side: inputs @ weights + bias, weights and bias drawn from N(0, 1).

    Shapes: inputs (n, features_in), result (n, features_out). The code book calls it ``LinearNeuron``.
    """

    def __init__(self, features_in: int = 1, features_out: int = 1):
        super().__init__()
        self.weights = nn.Parameter(torch.empty(features_in, features_out))
        self.bias = nn.Parameter(torch.empty(1, features_out))
        nn.init.normal_(self.weights)
        nn.init.normal_(self.bias)

    def forward(self, inputs):
        return torch.matmul(inputs, self.weights) + self.bias


class Perceptron(SimpleLinearNN):
    """An artificial neuron: the linear neuron with an activation function after it."""

    def __init__(self, features_in: int = 1, features_out: int = 1, activation: type[nn.Module] = nn.Sigmoid):
        super().__init__(features_in, features_out)
        self.activation = activation()

    def forward(self, inputs):
        return self.activation(super().forward(inputs))


def network(sizes: Sequence[int], activation: type[nn.Module] | None = nn.Sigmoid) -> nn.Sequential:
    """Layers of these sizes: perceptrons, the last with a sigmoid, or linear neurons if activation is None.

    >>> len(network([2, 4, 4, 4, 1], nn.ReLU))
    4
    """
    pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
    if activation is None:
        return nn.Sequential(*[SimpleLinearNN(n_in, n_out) for n_in, n_out in pairs])
    hidden = [Perceptron(n_in, n_out, activation) for n_in, n_out in pairs[:-1]]
    return nn.Sequential(*hidden, Perceptron(*pairs[-1], nn.Sigmoid))


@dataclass
class Run:
    """One trained net, with what its row of the table says and its evaluation loss after each epoch."""

    name: str
    model: nn.Module
    loss_name: str
    epochs: int = 0
    steps: int = 0
    seconds: float = 0.0
    train_loss: float = 0.0
    test_loss: float = 0.0
    train_accuracy: float = 0.0
    test_accuracy: float = 0.0
    history: list[float] = field(default_factory=list)


def train(
    run: Run,
    moons: Moons,
    loss_fn: nn.Module,
    lr: float,
    epochs: Iterable[int],
    evaluate: Callable[[nn.Module], float] | None = None,
    stop_at: float | None = None,
) -> Run:
    """The lecture's loop: mini-batches of 8, gradient descent with a fixed learning rate.

    With ``evaluate`` its value is recorded after every epoch, and training ends once it is at most
    ``stop_at``. The time taken is added to ``run.seconds``: a further call goes on with the same net.
    """
    model = run.model
    data = moons.loader()
    optim = torch.optim.SGD(model.parameters(), lr=lr)
    start = time.perf_counter()
    for _epoch in epochs:
        for inputs, labels in data:  # X, y
            optim.zero_grad()  # reset gradients
            preds = model.forward(inputs)  # forward pass
            loss = loss_fn(preds, labels)  # loss calculation
            loss.backward()  # calculate gradients
            optim.step()  # update parameters
        run.epochs += 1
        run.steps += len(data)
        if evaluate is not None:
            run.history.append(evaluate(model))
            if stop_at is not None and run.history[-1] <= stop_at:
                break
    run.seconds += time.perf_counter() - start
    return measure(run, moons, loss_fn)


def measure(run: Run, moons: Moons, loss_fn: nn.Module) -> Run:
    """Fill in the run's losses and accuracies on both parts of the data."""
    with torch.no_grad():
        train_preds, test_preds = run.model(moons.train_x), run.model(moons.test_x)
        run.train_loss = loss_fn(train_preds, moons.train_y).item()
        run.test_loss = loss_fn(test_preds, moons.test_y).item()
    run.train_accuracy = accuracy(train_preds, moons.train_y)
    run.test_accuracy = accuracy(test_preds, moons.test_y)
    return run


def accuracy(preds: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of predictions on the right side of one half.

    >>> accuracy(torch.tensor([0.2, 0.7, 0.4, 0.9]), torch.tensor([0.0, 1.0, 1.0, 1.0]))
    0.75
    """
    return ((preds > 0.5) == (labels > 0.5)).float().mean().item()
