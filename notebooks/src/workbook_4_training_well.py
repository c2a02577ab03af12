# %% [markdown]
# # Workbook 4: training well
#
# Gradient descent works. These are the tricks that make it work *well*: steps that learn from the steps before
# (momentum, RMSProp, Adam), inputs that stay in a good range (normalising, batch norm), and nets that do not learn
# their data by heart (more about that: weight decay, dropout, early stopping). Each is a few lines. We write
# them by hand, and set the library's beside them.
#
# Before it: [backpropagation](workbook_3_backpropagation.ipynb).

# %%
import matplotlib.pyplot as plt
import numpy as np

import minitorch as torch
import minitorch.nn.functional as F
from figures import show
from minitorch import nn
from minitorch.utils.data import DataLoader, TensorDataset

# %% [markdown]
# ## A valley
#
# A loss with two weights, steep along one and flat along the other: $f(w) = \frac12 (w_1^2 + 25\,w_2^2)$. Most real
# losses are like that in thousands of directions at once. Plain gradient descent has one learning rate for both:
# what is right for the steep direction is far too small for the flat one.


# %%
def f(w):
    return 0.5 * (w[0] ** 2 + 25 * w[1] ** 2)


START = [-4.0, 1.0]


def follow(make_optimizer, steps=40):
    """Where an optimizer goes from the start: a list of points."""
    w = torch.tensor(START, requires_grad=True)
    optim = make_optimizer([w])
    path = [w.tolist()]
    for step in range(steps):
        optim.zero_grad()
        f(w).backward()
        optim.step()
        path.append(w.tolist())
    return np.array(path)


def by_hand(update, steps=40):
    """The same with a rule of our own: update(w, gradient, state) changes w."""
    w, state = torch.tensor(START), {"v": torch.zeros(2), "m": torch.zeros(2), "t": 0}
    path = [w.tolist()]
    for step in range(steps):
        gradient = torch.stack([w[0], 25 * w[1]])
        w = update(w, gradient, state)
        path.append(w.tolist())
    return np.array(path)


def beside(name, hand, library):
    """Both paths' ends, and whether they are the same all the way."""
    same = np.allclose(hand, library, atol=1e-4)
    print(f"{name}: ends at ({hand[-1][0]:.4f}, {hand[-1][1]:.4f}); the library's path is the same: {same}")


# %% [markdown]
# **SGD.** $w' = w - \eta\, g$.


# %%
def sgd(w, g, state):
    return w - 0.03 * g


beside("SGD", by_hand(sgd), follow(lambda p: torch.optim.SGD(p, lr=0.03)))

# %% [markdown]
# **Momentum.** A ball that rolls: the velocity keeps a share of itself and takes in the new gradient. Where
# gradients agree it gathers speed; where they change sign at every step they cancel.
# $v' = 0.9\,v + g$, $w' = w - \eta\,v'$.


# %%
def momentum(w, g, state):
    state["v"] = 0.9 * state["v"] + g
    return w - 0.03 * state["v"]


beside("momentum", by_hand(momentum), follow(lambda p: torch.optim.SGD(p, lr=0.03, momentum=0.9)))

# %% [markdown]
# **RMSProp.** A step size for each weight: divide the gradient by its usual size, the root of a running mean of its
# squares. Steep and flat directions then move alike.
# $s' = 0.99\,s + 0.01\,g^2$, $w' = w - \eta\,g / (\sqrt{s'} + \epsilon)$.


# %%
def rmsprop(w, g, state):
    state["v"] = 0.99 * state["v"] + 0.01 * g**2
    return w - 0.03 * g / (state["v"].sqrt() + 1e-8)


beside("RMSProp", by_hand(rmsprop), follow(lambda p: torch.optim.RMSprop(p, lr=0.03)))

# %% [markdown]
# **Adam.** Both: momentum for the direction, RMSProp for the size. The two running means begin at 0 and are too
# small at first; dividing by $1 - \beta^t$ puts that right.
#
# $$m' = 0.9\,m + 0.1\,g, \quad s' = 0.999\,s + 0.001\,g^2, \quad
#   w' = w - \eta\,\frac{m' / (1 - 0.9^t)}{\sqrt{s' / (1 - 0.999^t)} + \epsilon}$$


# %%
def adam(w, g, state):
    state["t"] += 1
    state["m"] = 0.9 * state["m"] + 0.1 * g
    state["v"] = 0.999 * state["v"] + 0.001 * g**2
    m = state["m"] / (1 - 0.9 ** state["t"])
    v = state["v"] / (1 - 0.999 ** state["t"])
    return w - 0.2 * m / (v.sqrt() + 1e-8)


beside("Adam", by_hand(adam), follow(lambda p: torch.optim.Adam(p, lr=0.2)))

# %%
u, v = np.meshgrid(np.linspace(-4.5, 2, 80), np.linspace(-1.4, 1.4, 60))
plt.figure(figsize=(9, 4))
plt.contour(u, v, 0.5 * (u**2 + 25 * v**2), levels=15, colors="lightgrey")
for name, update in (("SGD", sgd), ("momentum", momentum), ("RMSProp", rmsprop), ("Adam", adam)):
    path = by_hand(update)
    plt.plot(path[:, 0], path[:, 1], ".-", label=name)
plt.legend()
plt.xlabel("w1")
plt.ylabel("w2")
plt.show()

# %% [markdown]
# SGD drops into the valley and then creeps. Momentum overshoots and swings, and is far ahead. RMSProp's first step is
# ten times the learning rate long (its mean has only seen a hundredth of a square); then it goes down both slopes
# alike. Adam does the same from the first step on, with momentum.
#
# The same to play with: choose a landscape, click where to start, change the learning rate.

# %%
show("loss-landscape")

# %% [markdown]
# **Exercise.** What is the largest learning rate with which SGD does not run away here? *What to see:* $2/25 = 0.08$:
# along $w_2$ each step multiplies by $1 - 25\,\eta$, and below $-1$ it grows. The steepest direction decides.
#
# ## Mini-batches
#
# The gradient of a few samples is an estimate of the gradient of all. How good?

# %%
torch.manual_seed(0)
X = torch.randn(1000, 5)
y = X @ torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0]) + 0.5 * torch.randn(1000)
w = torch.zeros(5, requires_grad=True)


def gradient_of(rows):
    loss = F.mse_loss(X[rows] @ w, y[rows])
    return torch.autograd.grad(loss, w)[0]


full = gradient_of(torch.arange(1000))
for size in (1, 8, 32, 128):
    errors = [(gradient_of(torch.randperm(1000)[:size]) - full).norm().item() for _ in range(100)]
    print(f"batches of {size:3}: off by {np.mean(errors) / full.norm().item():.0%} on average")

# %% [markdown]
# Four times the batch, half the error: it falls as $1/\sqrt{n}$. Beyond a few dozen more samples buy little, and
# cost in proportion; 32 is a good habit. What is left of noise is not bad either: it shakes weights out of narrow
# holes.
#
# ## Inputs in a good range
#
# One feature in metres, one in millimetres: the valley again, made by ourselves. Standardise the data: subtract the
# mean, divide by the standard deviation.


# %%
def fit(inputs, lr, steps=50):
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optim = torch.optim.SGD(model.parameters(), lr=lr)
    for step in range(steps):
        optim.zero_grad()
        loss = F.mse_loss(model(inputs), targets)
        loss.backward()
        optim.step()
    return loss.item()


torch.manual_seed(0)
metres, millimetres = torch.rand(200) + 1, 1000 * torch.rand(200)
targets = (metres - millimetres / 1000).reshape(-1, 1)
raw = torch.stack([metres, millimetres], dim=1)
standard = (raw - raw.mean(dim=0)) / raw.std(dim=0)
print(f"raw, with the largest learning rate that works: {fit(raw, lr=2e-6):.4f}")
print(f"standardised: {fit(standard, lr=0.1):.4f}")

# %% [markdown]
# ## Batch norm
#
# What is good for the inputs of the net is good for the inputs of each layer; but those move while the net learns.
# **Batch norm** standardises them anew in every batch, and then gives the net back the freedom to scale and
# shift: $\hat{z} = (z - \mathrm{mean}) / \sqrt{\mathrm{var} + \epsilon}$, and $\gamma\hat{z} + \beta$.

# %%
torch.manual_seed(0)
z = 3 * torch.randn(16, 4) + 7
mean, var = z.mean(dim=0), z.var(dim=0, unbiased=False)
by_formula = (z - mean) / torch.sqrt(var + 1e-5)

norm = nn.BatchNorm1d(4)
out = norm(z)
print("the library's is the same:", torch.allclose(by_formula, out, atol=1e-5))
print(f"mean {out.mean().item():.4f}, standard deviation {out.std(unbiased=False).item():.4f}")
print("gamma", norm.weight.tolist(), "beta", norm.bias.tolist())

# %% [markdown]
# In use there may be no batch: one sample has no variance. So while it trains, the layer keeps running means, each
# time a tenth of the new and nine tenths of the old, and after `eval()` it uses those.

# %%
print("running mean after one batch", (0.1 * mean)[:2], norm.running_mean[:2])
norm.eval()
print("one sample, in eval mode:", norm(z[:1]).shape)

# %% [markdown]
# Does it help? Eight layers of sigmoids, on the half moons. Without batch norm the signal dies on its way:

# %%
angle = np.linspace(0, np.pi, 250)
moons = np.concatenate(
    [
        np.stack([np.cos(angle), np.sin(angle)], axis=1),
        np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1),
    ]
)
rng = np.random.default_rng(0)
noisy = torch.tensor(moons + rng.normal(0, 0.1, moons.shape)).float()
labels = torch.tensor([0.0] * 250 + [1.0] * 250).reshape(-1, 1)


def deep_net(normalise):
    layers = [nn.Linear(2, 16)]
    for _ in range(6):
        layers += [nn.BatchNorm1d(16)] if normalise else []
        layers += [nn.Sigmoid(), nn.Linear(16, 16)]
    return nn.Sequential(*layers, nn.Sigmoid(), nn.Linear(16, 1))


curves = {}
for normalise in (False, True):
    torch.manual_seed(0)
    net = deep_net(normalise)
    optim = torch.optim.SGD(net.parameters(), lr=0.5)
    curve = []
    for epoch in range(20):
        for inputs, targets in DataLoader(TensorDataset(noisy, labels), batch_size=50, shuffle=True):
            optim.zero_grad()
            loss = F.binary_cross_entropy_with_logits(net(inputs), targets)
            loss.backward()
            optim.step()
        with torch.no_grad():
            curve.append(F.binary_cross_entropy_with_logits(net(noisy), labels).item())
    curves["with batch norm" if normalise else "without"] = curve
for name, curve in curves.items():
    print(f"{name}: {curve[0]:.1f} after one epoch, {curve[-1]:.1f} after 20")
    plt.plot(curve, label=name)
plt.xlabel("epoch")
plt.ylabel("loss")
plt.legend()
plt.show()

# %% [markdown]
# 0.7 is $\log 2$: the net without it has learned to say "half and half".
#
# ## Learning by heart
#
# Twelve noisy points of a curve, and a net with hundreds of weights. It can go through every point, noise and all.
# That is **overfitting**: the loss on the training points goes to nothing, and on other points it grows.

# %%
torch.manual_seed(3)
x_train, x_test = torch.linspace(-1, 1, 12).reshape(-1, 1), torch.linspace(-1, 1, 60).reshape(-1, 1)
y_train = torch.sin(3 * x_train) + 0.3 * torch.randn(12, 1)
y_test = torch.sin(3 * x_test)


def regression(weight_decay=0.0, dropout=0.0, steps=1000):
    """Train a 1-64-64-1 net; the losses on training and test points every 10 steps, and the net."""
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Linear(1, 64), nn.Tanh(), nn.Dropout(dropout), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)
    )
    optim = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=weight_decay)
    history = []
    for step in range(steps):
        optim.zero_grad()
        loss = F.mse_loss(net(x_train), y_train)
        loss.backward()
        optim.step()
        if step % 10 == 9:
            net.eval()
            with torch.no_grad():
                history.append(
                    [F.mse_loss(net(x_train), y_train).item(), F.mse_loss(net(x_test), y_test).item()]
                )
            net.train()
    return np.array(history), net.eval()


history, net = regression()
best = history[:, 1].argmin()
print(f"in the end: training loss {history[-1, 0]:.2f}, test loss {history[-1, 1]:.2f}")
print(f"best test loss: {history[best, 1]:.3f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6))
left.plot(x_test.numpy(), y_test.numpy(), color="grey", label="truth")
left.plot(x_train.numpy(), y_train.numpy(), "o", label="training points")
left.plot(x_test.numpy(), net(x_test).detach().numpy(), label="the net")
left.legend()
right.plot(10 * np.arange(1, len(history) + 1), history, label=["training", "test"])
right.axvline(10 * (best + 1), color="grey", linestyle=":")
right.set_yscale("log")
right.set_xlabel("step")
right.set_ylabel("loss")
right.legend()
plt.show()

# %% [markdown]
# **Early stopping**: keep the weights from the dotted line, where the loss on data *not* trained on was least. It
# costs nothing, and works for every kind of model.

# %%
show("early-stopping")

# %% [markdown]
# ## Weight decay
#
# Large weights make wild curves. So pull every weight towards 0 a little, at every step. With plain SGD that is the
# same as adding $\frac{\lambda}{2}\lVert w\rVert^2$ to the loss, whose gradient is $\lambda w$:

# %%
w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
loss = (w - 1).pow(2).sum() + 0.1 / 2 * w.pow(2).sum()
loss.backward()
with torch.no_grad():
    penalised = w - 0.05 * w.grad

v = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
optim = torch.optim.SGD([v], lr=0.05, weight_decay=0.1)
(v - 1).pow(2).sum().backward()
optim.step()
print(penalised, v.detach())

# %% [markdown]
# With Adam it is not the same: the penalty's gradient would be divided like any other, and weights that move
# much would be pulled little. `AdamW` pulls directly, $w' = w - \eta\lambda w - \ldots$, and is what one uses.
#
# ## Dropout
#
# In training, set a random share $p$ of a layer's outputs to 0 and scale the others by $1/(1-p)$; in use, do
# nothing. No neuron can rely on one certain other. The scaling keeps the mean as it was.

# %%
torch.manual_seed(0)
dropout = nn.Dropout(0.25)
ones = torch.ones(10000)
out = dropout(ones)
print(f"{(out == 0).float().mean().item():.3f} are 0, the largest is {out.max().item():.4f}")
print(f"the mean is {out.mean().item():.3f}")
dropout.eval()
print("in eval mode all is as it was:", torch.equal(dropout(ones), ones))

# %%
keep = (torch.rand(10000) > 0.25).float()
by_hand_out = ones * keep / 0.75
print(f"by hand: the mean is {by_hand_out.mean().item():.3f}")

# %%
show("dropout")

# %% [markdown]
# All together on the twelve points:

# %%
for name, options in (
    ("nothing", {}),
    ("weight decay", {"weight_decay": 3.0}),
    ("dropout", {"dropout": 0.5}),
):
    history, net = regression(**options)
    print(f"{name:12}  training {history[-1, 0]:.3f}  test {history[-1, 1]:.3f}")
    plt.plot(x_test.numpy(), net(x_test).detach().numpy(), label=name)
plt.plot(x_train.numpy(), y_train.numpy(), "o", color="black")
plt.plot(x_test.numpy(), y_test.numpy(), color="grey", label="truth")
plt.legend()
plt.show()

# %% [markdown]
# **Exercises.**
#
# 1. Give the twelve-point net a hundred points (`linspace(-1, 1, 100)`, noise likewise). *What to see:* it hardly
#    overfits any more. The best cure of all is more data.
# 2. Leave out `net.train()` after the evaluation. *What to see:* dropout and batch norm are switched off for the
#    rest of the training, without a word. A common mistake.
# 3. Take batch norm's batches down to 2. *What to see:* mean and variance of two samples are mostly noise.
#
# On to [next time](workbook_5_next_time.ipynb): sequences.
