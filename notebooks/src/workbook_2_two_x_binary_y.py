# %% [markdown]
# # Workbook 2: two x, a binary y
#
# *Where linear regression won't cut it.* We meet data that no straight line can divide, find out why stacking
# lines does not help, add the one ingredient that does, and so arrive at deep networks. Before it:
# [one x, one y](workbook_1_one_x_one_y.ipynb).

# %%
import matplotlib.pyplot as plt
import numpy as np

import minitorch as torch
from figures import show
from minitorch import nn
from minitorch.utils.data import DataLoader, TensorDataset

# %% [markdown]
# ## A challenging shape
#
# Two half circles, one inside the other's arm: the *half moons*. (`sklearn.datasets.make_moons` makes the same.)
# A tenth of the points is kept for testing: the nets never see them while they learn.

# %%
angle = np.linspace(0, np.pi, 250)
outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
inner = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
points = np.concatenate([outer, inner]).astype(np.float32)
classes = np.repeat(np.float32([0, 1]), 250)
order = np.random.RandomState(0).permutation(500)
X, y = torch.tensor(points[order]), torch.tensor(classes[order]).reshape(-1, 1)
X_test, y_test, X_train, y_train = X[:50], y[:50], X[50:], y[50:]
print(X_train.shape, y_train.shape, X_test.shape)


# %%
def show_classes(model=None, title=""):
    """The points, and what the model says everywhere: red for 0, blue for 1, white for undecided."""
    if model is not None:
        grid = np.stack(np.meshgrid(np.linspace(-1.5, 2.5, 80), np.linspace(-1, 1.5, 60)), axis=-1)
        with torch.no_grad():
            surface = model(torch.tensor(grid.reshape(-1, 2)).float()).reshape(60, 80).numpy()
        plt.imshow(surface, origin="lower", extent=AREA, cmap="RdBu", vmin=-0.5, vmax=1.5)
    for label, colour in ((0, "#b2182b"), (1, "#2166ac")):
        these = X.numpy()[y.numpy()[:, 0] == label]
        plt.scatter(these[:, 0], these[:, 1], s=14, color=colour, edgecolors="white", linewidths=0.4)
    plt.title(title)
    plt.show()


AREA = (-1.5, 2.5, -1, 1.5)
show_classes()

# %% [markdown]
# ## A linear neuron
#
# Two inputs: $Y = w_1 X_1 + w_2 X_2 + b$. We write it as a **module**: a blueprint with parameters and a
# `forward`. Whatever you assign as `nn.Parameter` is found by `model.parameters()`.


# %%
class SimpleLinearNN(nn.Module):
    def __init__(self, features_in=1, features_out=1):
        super().__init__()
        self.weights = nn.Parameter(torch.empty(features_in, features_out))
        self.bias = nn.Parameter(torch.empty(1, features_out))
        nn.init.normal_(self.weights)
        nn.init.normal_(self.bias)

    def forward(self, inputs):
        return torch.matmul(inputs, self.weights) + self.bias


torch.manual_seed(0)
model = SimpleLinearNN(features_in=2, features_out=1)
print(model.weights)
print(model(X_train[:3]))

# %% [markdown]
# The loader gives mini-batches of 8, in a new order every epoch. The loop is the one of part 1.

# %%
data = DataLoader(TensorDataset(X_train, y_train), batch_size=8, shuffle=True)


def train(model, epochs, loss_fn, optim):
    """The training loop; the loss on the points kept for testing, after each epoch."""
    history = []
    for epoch in range(epochs):
        for inputs, labels in data:  # X, y
            optim.zero_grad()  # Reset gradients
            preds = model.forward(inputs)  # Forward pass
            loss = loss_fn(preds, labels)  # Loss calc
            loss.backward()  # Calculate gradients
            optim.step()  # Update parameters
        with torch.no_grad():
            history.append(loss_fn(model(X_test), y_test).item())
    return history


def accuracy(model):
    """The share of test points on the right side of one half."""
    with torch.no_grad():
        return ((model(X_test) > 0.5) == (y_test > 0.5)).float().mean().item()


history = train(model, 50, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=5e-3))
print(f"test loss {history[0]:.3f} after one epoch, {history[-1]:.3f} after 50; {accuracy(model):.0%} right")
show_classes(model, "one linear neuron")

# %% [markdown]
# A slope, and a straight border where it passes one half. It does what it can: a straight line is not the right
# shape.
#
# ## What if we start layering?
#
# Four neurons side by side, and one that reads them: 2-4-1, seventeen parameters.

# %%
torch.manual_seed(0)
layer1 = SimpleLinearNN(features_in=2, features_out=4)
layer2 = SimpleLinearNN(features_in=4, features_out=1)
model = torch.nn.Sequential(layer1, layer2)
optim = torch.optim.SGD(model.parameters(), lr=5e-3)
history = train(model, 50, nn.MSELoss(), optim)
print(f"test loss {history[-1]:.3f}, {accuracy(model):.0%} right")
show_classes(model, "2-4-1 without activation functions")

# %% [markdown]
# Still a slope. Multiply it out:
#
# $$(X W_1 + b_1) W_2 + b_2 = X\,(W_1 W_2) + (b_1 W_2 + b_2)$$
#
# A stack of linear layers *is* a linear layer.

# %%
W = layer1.weights @ layer2.weights
c = layer1.bias @ layer2.weights + layer2.bias
print(W.shape, torch.allclose(X_test @ W + c, model(X_test), atol=1e-5))

# %% [markdown]
# **Exercise.** Stack five of them. *What to see:* the same slope, and training that is harder for nothing.
#
# ## The missing ingredient
#
# You know it from logistic regression: put the sum through $\sigma(z) = \frac{1}{1 + e^{-z}}$.

# %%
z = torch.linspace(-6, 6, 100)
plt.plot(z.numpy(), torch.sigmoid(z).numpy())
plt.xlabel("z")
plt.ylabel("sigmoid(z)")
plt.show()
print(torch.sigmoid(torch.tensor([-5.0, 0.0, 5.0])))

# %% [markdown]
# A weighted sum, and a bent function of it: the **artificial neuron**, $y = \phi(\sum_i w_i x_i + b)$. The loss
# changes too. The output is now a probability $p$, and what fits a probability is the *cross entropy*:
# $-\log p$ where the class is 1 and $-\log(1 - p)$ where it is 0. It is the negative log-likelihood of logistic
# regression.


# %%
class Perceptron(SimpleLinearNN):
    def __init__(self, features_in=1, features_out=1, activation=nn.Sigmoid):
        super().__init__(features_in, features_out)
        self.activation = activation()

    def forward(self, inputs):
        return self.activation(super().forward(inputs))


torch.manual_seed(0)
neuron = Perceptron(2, 1, nn.Sigmoid)
history = train(neuron, 50, nn.BCELoss(), torch.optim.SGD(neuron.parameters(), lr=0.3))
print(f"test loss {history[-1]:.3f}, {accuracy(neuron):.0%} right")
show_classes(neuron, "one neuron: logistic regression")

# %% [markdown]
# Between 0 and 1 now, but the border is still straight: $\sigma(z) = \frac12$ where $z = 0$, and $z = 0$ is a line.
#
# One can read the line off the weights. The perceptron of another well-known lecture has the bias $w_0 = 1$ and
# $W = (3, -2)$: its border is $1 + 3x_1 - 2x_2 = 0$. On which side of it does $(-1, 2)$ lie, and how sure is the neuron?

# %%
W, w0 = torch.tensor([3.0, -2.0]), 1.0
x = torch.tensor([-1.0, 2.0])
z = w0 + x @ W
print(f"z = {z.item()}, so the output is {torch.sigmoid(z).item():.4f}")

# %% [markdown]
# **Exercise.** That lecture asks: *will I pass this class?* You have attended 4 lectures and spent 5 hours on the
# project, and a net says 10 %; then you pass. What is its cross entropy, $-\log 0.1$, and what would it have been had
# the net said 90 %? *What to see:* 2.30 and 0.11. Why was the net wrong? Nobody had trained it.
#
# ## Deep: 2-4-1, and 2-8-8-1
#
# The very stack from before, with the ingredient.

# %%
torch.manual_seed(0)
deep = nn.Sequential(Perceptron(2, 4), Perceptron(4, 1))
deep_history = train(deep, 120, nn.BCELoss(), torch.optim.SGD(deep.parameters(), lr=0.3))
print(f"2-4-1: test loss {deep_history[-1]:.3f}, {accuracy(deep):.0%} right")
show_classes(deep, "2-4-1")

# %%
torch.manual_seed(0)
deeper = nn.Sequential(Perceptron(2, 8), Perceptron(8, 8), Perceptron(8, 1))
deeper_history = train(deeper, 60, nn.BCELoss(), torch.optim.SGD(deeper.parameters(), lr=0.3))
print(f"2-8-8-1: test loss {deeper_history[-1]:.3f}, {accuracy(deeper):.0%} right")
show_classes(deeper, "2-8-8-1")

# %% [markdown]
# Each of the four hidden neurons still draws a straight border. The last one *adds them up*, and sums of bent
# borders can follow any curve. Look at the four:

# %%
with torch.no_grad():
    hidden = deep[0](X_test[:5])
print(hidden.shape)
figure, axes = plt.subplots(1, 4, figsize=(12, 2.4))
grid = np.stack(np.meshgrid(np.linspace(-1.5, 2.5, 80), np.linspace(-1, 1.5, 60)), axis=-1)
with torch.no_grad():
    surfaces = deep[0](torch.tensor(grid.reshape(-1, 2)).float()).reshape(60, 80, 4).numpy()
for i, ax in enumerate(axes):
    ax.imshow(surfaces[..., i], origin="lower", extent=AREA, cmap="RdBu", vmin=0, vmax=1)
    ax.set_title(f"hidden neuron {i + 1}")
plt.show()

# %% [markdown]
# ## When to stop?
#
# A plausible strategy: keep some data out, and stop when the loss *there* passes a threshold, or stops falling.

# %%
plt.plot(deep_history, label="2-4-1")
plt.plot(deeper_history, label="2-8-8-1")
plt.xlabel("epoch")
plt.ylabel("test loss")
plt.legend()
plt.show()
for name, losses in (("2-4-1", deep_history), ("2-8-8-1", deeper_history)):
    print(f"{name}: below 0.1 after {next(i for i, loss in enumerate(losses, 1) if loss < 0.1)} epochs")

# %% [markdown]
# More complex networks generally converge faster. It sounds the wrong way round: more parameters, more to learn?
# But with many neurons some lie well from the start, and there are more ways down.
#
# **On the lecture's threshold.** The slide stops at an evaluation loss of 0.52, with a net whose last layer is a
# sigmoid and a loss that takes the sigmoid once more (`binary_cross_entropy_with_logits`). A perfect net
# answers 0 and 1, of which that loss makes 0.5 and 0.73, and so it cannot get below
# $\frac12(\log 2 + \log(1 + e^{-1})) = 0.503$. Read 0.52 as "nearly perfect". With the plain cross entropy even the
# straight line would pass.

# %%
perfect = y_test  # as if the net said 0 and 1 exactly
print(f"{nn.functional.binary_cross_entropy_with_logits(perfect, torch.round(perfect)).item():.3f}")
with torch.no_grad():
    print(f"{nn.functional.binary_cross_entropy_with_logits(deep(X_test), y_test).item():.3f}")

# %% [markdown]
# ## Other activation functions

# %%
z = torch.linspace(-4, 4, 200)
for name, f in (
    ("sigmoid", torch.sigmoid),
    ("tanh", torch.tanh),
    ("ReLU", torch.relu),
    ("GELU", nn.functional.gelu),
):
    plt.plot(z.numpy(), f(z).numpy(), label=name)
plt.ylim(-1.2, 3)
plt.legend()
plt.show()

# %% [markdown]
# Far from 0 the sigmoid is flat: its derivative is nearly 0, and a net in which many neurons are there does not
# learn (they are *saturated*). ReLU, $\max(0, z)$, does not saturate on the right. In hidden layers it or tanh is
# the usual choice.

# %%
torch.manual_seed(0)
relu = nn.Sequential(
    Perceptron(2, 4, nn.ReLU),
    Perceptron(4, 4, nn.ReLU),
    Perceptron(4, 4, nn.ReLU),
    Perceptron(4, 1, nn.Sigmoid),
)
history = train(relu, 60, nn.BCELoss(), torch.optim.SGD(relu.parameters(), lr=0.03))
print(f"test loss {history[-1]:.3f}, {accuracy(relu):.0%} right")
show_classes(relu, "2-4-4-4-1 with ReLU")

# %% [markdown]
# Edges, where the sigmoid's net had curves: the net is made of straight pieces.
#
# **Exercises.**
#
# 1. Give the ReLU net the learning rate 1. *What to see:* it answers one half everywhere, and stays there: the neurons
#    of a layer have landed where ReLU is 0, and where the output is flat the gradient is 0, too. They are *dead*.
# 2. Give 2-4-1 other seeds. *What to see:* some runs get stuck with a straight border for long. Where one begins
#    matters, and more neurons make it matter less.
# 3. Build 2-4-1 of the library's own parts, `nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid()`, and give
#    it the learning rate 1. *What to see:* the same kind of net, but no seed gets stuck. `nn.Linear` begins with
#    smaller weights, which keeps neurons out of the flat parts.
# 4. `torch.summary(deeper, (1, 2))` lists layers, shapes and parameters. Count them by hand first.
#
# ## Any function at all: universal approximation
#
# One hidden layer can approximate any continuous function on an interval, given enough neurons. Here is a curve,
# with 1, 2, 4 and 8 neurons.

# %%
xs = torch.linspace(-1, 1, 100).reshape(-1, 1)
ys = torch.sin(3 * xs) + 0.3 * torch.cos(9 * xs)
figure, axes = plt.subplots(1, 4, figsize=(13, 2.6))
for neurons, ax in zip((1, 2, 4, 8), axes, strict=True):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(1, neurons), nn.Tanh(), nn.Linear(neurons, 1))
    optim = torch.optim.Adam(net.parameters(), lr=0.05)
    for step in range(600):
        optim.zero_grad()
        loss = nn.functional.mse_loss(net(xs), ys)
        loss.backward()
        optim.step()
    ax.plot(xs.numpy(), ys.numpy(), color="grey")
    ax.plot(xs.numpy(), net(xs).detach().numpy())
    ax.set_title(f"hidden neurons {neurons}, loss {loss.item():.3f}")
    print(f"hidden neurons {neurons}, loss {loss.item():.3f}")
plt.show()

# %% [markdown]
# The same to play with, up to 80 neurons:

# %%
show("universal-approximation")

# %% [markdown]
# (You may meet older code for this, with `Variable(x)` and `loss.data[0]`. Both are history: tensors do what `Variable`
# did, and a loss has no element 0; say `loss.item()`.)
#
# Enough neurons *can* follow any curve. That gradient descent finds the weights is another matter, and that the
# curve between the data points is the one you had in mind a third one: the net learns the function that it
# thinks the data has.
#
# What width and depth do to the half moons:

# %%
show("half-moons-nets")

# %% [markdown]
# How `backward()` goes through all these layers is the matter of [part 3](workbook_3_backpropagation.ipynb).
