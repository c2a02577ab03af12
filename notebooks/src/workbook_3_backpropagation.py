# %% [markdown]
# # Workbook 3: backpropagation
#
# `loss.backward()` has filled `.grad` so far, and we believed it. Now we look inside. Two things first:
#
# - **Backpropagation is only a way to compute partial derivatives**, all of them in one go. How the weights are
#   changed afterwards stays as it was: $w' = w - \eta\,\partial L/\partial w$, all weights at once.
# - You will never have to program it. To have understood it once helps whenever a gradient is not what you
#   expected.
#
# Before it: [two x, a binary y](workbook_2_two_x_binary_y.ipynb). A good companion:
# [Calculus on Computational Graphs](https://colah.github.io/posts/2015-08-Backprop/).

# %%
import matplotlib.pyplot as plt
import numpy as np

import minitorch as torch
import minitorch.nn.functional as F
from minitorch import nn

# %% [markdown]
# ## A graph of numbers
#
# Take $e = (a + b)\,(b + 1)$ at $a = 2$, $b = 1$, and give every step a name: $c = a + b$, $d = b + 1$, $e = c\,d$.

# %%
a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
c = a + b
d = b + 1
e = c * d
print(e)

# %% tags=["minitorch"]
torch.graph(e, a=a, b=b, c=c, d=d, e=e)

# %% [markdown]
# Every arrow is one operation, and for one operation the derivative is school work:
#
# $$\frac{\partial e}{\partial c} = d = 2, \quad \frac{\partial e}{\partial d} = c = 3, \quad
#   \frac{\partial c}{\partial a} = \frac{\partial c}{\partial b} = \frac{\partial d}{\partial b} = 1$$
#
# **The chain rule**: along a path, multiply; where several paths arrive, add.
#
# - From $e$ to $a$ there is one path, over $c$: $2 \cdot 1 = 2$.
# - From $e$ to $b$ there are two: over $c$, $2 \cdot 1$, and over $d$, $3 \cdot 1$. Together $5$.

# %%
e.backward()
print(f"de/da = {a.grad.item()}, de/db = {b.grad.item()}")

# %% [markdown]
# `explain()` writes the whole calculation down, with its numbers:

# %% tags=["minitorch"]
a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
c, d = a + b, b + 1
print(torch.graph(c * d, a=a, b=b, c=c, d=d).explain())

# %% [markdown]
# **Exercise.** Write $f = (a\,b + c)^2$ at $a = 2$, $b = -3$, $c = 10$ with a name for each step, work out the three
# derivatives on paper, and then let `backward()` check. *What to see:* $-24$, $16$ and $8$.
#
# ## Why backwards?
#
# With many paths, adding them up one by one is hopeless: three steps with three arrows each have $3^3 = 27$ paths,
# fifty such steps more than there are atoms in you. But one need not go path by path. Let every node know how
# much $e$ depends on *it*, and hand that back to its inputs: each arrow is used **once**. That is backpropagation.
#
# And it gives the derivatives for *all* inputs in one go. By the definition, $(L(w+h) - L(w))/h$, a thousand
# weights take a thousand and one forward passes. Count them:

# %%
torch.manual_seed(0)
W = torch.randn(50, 20, dtype=torch.float64, requires_grad=True)
v = torch.randn(20, dtype=torch.float64)
passes = 0


def L_of(W):
    global passes
    passes += 1
    return torch.tanh(W @ v).pow(2).sum()


L_of(W).backward()
print(f"backpropagation: {passes} forward pass and one back, {W.grad.numel()} derivatives")

passes, h, slow = 0, 1e-6, torch.zeros_like(W)
with torch.no_grad():
    start = L_of(W)
    for i in range(50):
        for j in range(20):
            moved = W.clone()
            moved[i, j] += h
            slow[i, j] = (L_of(moved) - start) / h
print(f"by definition: {passes} forward passes; the same numbers: {torch.allclose(W.grad, slow, atol=1e-4)}")

# %% [markdown]
# The pass back costs about as much as two forward passes, however many weights there are. Without that, nobody
# could train a network of millions.
#
# ## The lecture's chain, and its slips
#
# $h_1 = w_1 x + b_1$, then $\hat{y} = w_2 h_1 + b_2$, then $L = (y - \hat{y})^2$. The slide "Chain Rule" has two
# formulas, and three things to mend:
#
# 1. What it calls the gradient for $w_1$, $\frac{\partial L}{\partial\hat{y}}\frac{\partial\hat{y}}{\partial w_2}$, is
#    the one for $w_2$, and the other way round.
# 2. Both left sides say $\partial w_1$.
# 3. $\frac{\partial L}{\partial\hat{y}}$ is $-2(y - \hat{y})$: the minus comes from the derivative of $-\hat{y}$.
#
# So: $\frac{\partial L}{\partial w_2} = -2(y-\hat{y})\,h_1$ and $\frac{\partial L}{\partial w_1} =
# -2(y-\hat{y})\,w_2\,x$. (The planning notes have one more: in $(y - w_2(w_1 X + b_1) + b_2)^2$ the last plus must be a
# minus.) Never trust a formula without a number:

# %%
x, y, w1, b1, w2, b2 = (torch.tensor(n, requires_grad=True) for n in (1.5, 2.0, 0.3, 0.1, -0.7, 0.2))
h1 = w1 * x + b1
yhat = w2 * h1 + b2
L = (y - yhat).pow(2)
L.backward()
error = -2 * (y - yhat).item()
print(f"w2: {error * h1.item():.4f} by hand, {w2.grad.item():.4f} by backpropagation")
print(f"w1: {error * w2.item() * x.item():.4f} by hand, {w1.grad.item():.4f} by backpropagation")

# %% [markdown]
# ## A network with one hidden layer
#
# $L = \mathrm{MSE}(y - (W_2\,\mathrm{relu}(W_1 x + b) + b))$. Tensors now, not numbers; the graph is as simple.
# Look at it, do not work through it: that is what we have a computer for. Note that $b$ is used twice, so its
# gradient is a sum of two.

# %%
torch.manual_seed(0)
W1, W2, b = (torch.randn(size, requires_grad=True) for size in ((4, 3), (4, 4), 4))
x, y = torch.randn(3), torch.randn(4)
L = F.mse_loss(y - (W2 @ torch.relu(W1 @ x + b) + b), torch.zeros(4))
print(f"L = {L.item():.4f}")

# %% tags=["minitorch"]
torch.graph(L, W1=W1, W2=W2, b=b, x=x, y=y, L=L)

# %% tags=["minitorch"]
print(torch.graph(L, W1=W1, W2=W2, b=b, x=x, y=y, L=L).explain())

# %%
L.backward()
for name, tensor in (("W1", W1), ("W2", W2), ("b", b)):
    print(f"dL/d{name}: {tuple(tensor.grad.shape)}, norm {tensor.grad.norm().item():.4f}")

# %% [markdown]
# A gradient always has its tensor's shape: one derivative for each number in it.
#
# ## The smallest net by hand
#
# One input, two hidden neurons, one output, and one sample, $(x, y) = (0.1, 5)$: seven parameters. The forward
# pass:

# %%
x, y = 0.1, 5.0
w_1, b_1, w_2, b_2, w_o1, w_o2, b_o = (
    torch.tensor(n, requires_grad=True) for n in (0.5, 0.1, -0.4, 0.2, 0.7, -0.3, 0.1)
)
z1 = torch.sigmoid(w_1 * x + b_1)
z2 = torch.sigmoid(w_2 * x + b_2)
out = w_o1 * z1 + w_o2 * z2 + b_o
cost = (out - y).pow(2)
print(f"hidden {z1.item():.4f} and {z2.item():.4f}, output {out.item():.4f}, cost {cost.item():.4f}")

# %% [markdown]
# And back. For $w_1$ gather all that lies on the way: $2(out - y) \cdot w_{o1} \cdot z_1(1 - z_1) \cdot x$.

# %%
cost.backward()
by_hand = 2 * (out - y) * w_o1 * z1 * (1 - z1) * x
print(f"d cost / d w_1 = {by_hand.item():.5f} by hand, {w_1.grad.item():.5f} by backpropagation")

# %% [markdown]
# ## What one can go back through
#
# Every operation on the way must have a derivative that says something. Sums, products, `exp`, `relu`, sorting,
# picking out elements: yes. Answers of *yes or no* and *which one*: no; the result moves in jumps, and between the
# jumps the derivative is 0.

# %%
t = torch.tensor([0.3, 1.7, -0.4], requires_grad=True)
print("relu      ", torch.relu(t).requires_grad)
print("t[1:]     ", t[1:].requires_grad)
print("sort      ", t.sort().values.requires_grad)
print("t > 0     ", (t > 0).requires_grad)
print("argmax    ", t.argmax().requires_grad)
print("detach    ", t.detach().requires_grad)
print("round     ", torch.autograd.grad(torch.round(t).sum(), t))

# %% [markdown]
# `round` is the treacherous one: it has a derivative, and that is 0 everywhere. That is why a classifier is trained
# on the *cross entropy* and not on the share of right answers.

# %% [markdown]
# ## Logistic regression, once more
#
# One feature, two classes. The probability of class 1 is $p = \sigma(wx + b)$, and the loss the negative
# log-likelihood, $NLL = -\sum_i y_i \log p_i + (1 - y_i)\log(1 - p_i)$.

# %%
rng = np.random.default_rng(1)
x_np = np.concatenate([rng.normal(-1, 1, 40), rng.normal(1.5, 1, 40)])
x, y = torch.tensor(x_np).float(), torch.tensor([0.0] * 40 + [1.0] * 40)
w, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
for step in range(200):
    p = torch.sigmoid(w * x + b)
    nll = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).sum()
    dw, db = torch.autograd.grad(nll, [w, b])
    with torch.no_grad():
        w -= 0.02 * dw
        b -= 0.02 * db
print(f"w = {w.item():.3f}, b = {b.item():.3f}, NLL {nll.item():.3f}")

# %%
line = torch.linspace(-4, 5, 100)
plt.scatter(x.numpy(), y.numpy(), s=12, color="grey")
plt.plot(line.numpy(), torch.sigmoid(w * line + b).detach().numpy())
plt.xlabel("x")
plt.ylabel("probability of class 1")
plt.show()

# %% [markdown]
# ## Softmax: one output for each class
#
# The same model with two outputs, $p_1 = p$ and $p_2 = 1 - p$, and weights for each:
#
# $$p_{1} = \frac{e^{w_1 \cdot x}}{e^{w_1 \cdot x} + e^{w_2 \cdot x}}, \qquad
#   p_{2} = \frac{e^{w_2 \cdot x}}{e^{w_1 \cdot x} + e^{w_2 \cdot x}}$$
#
# It looks like too much, and it is: add the same vector $\psi$ to $w_1$ and $w_2$, and nothing changes. But it works
# for three classes or a thousand.

# %%
x1 = torch.tensor([1.0, 0.5])  # one sample, two features
w = torch.tensor([[0.2, -0.4], [0.7, 0.1]])  # a row for each class
psi = torch.tensor([3.0, -5.0])
print(torch.softmax(w @ x1, dim=0))
print(torch.softmax((w + psi) @ x1, dim=0))

# %% [markdown]
# ## Layer by layer
#
# Write the whole as layers, each a function of the one before:
#
# $$z^1 = x, \quad z^2 = (w_1 \cdot z^1,\; w_2 \cdot z^1), \quad z^3 = \mathrm{LogSoftmax}(z^2), \quad
#   z^4 = NLL(z^3) = -\sum_i \left(1_1(y_i)\, z^3_1(i) + 1_2(y_i)\, z^3_2(i)\right)$$
#
# $1_k(y)$ is 1 if the class is $k$, else 0. (The slide has $z^3_1$ in both terms: the second must be $z^3_2$. And
# where it writes the gradients with $y_i - p_{1i}$ and $y_i - p_{2i}$, its $y_i$ means the indicator of that class.)

# %%
torch.manual_seed(0)
z1 = torch.randn(6, 3)  # six samples, three features
target = torch.tensor([0, 1, 1, 0, 1, 0])
W = torch.randn(2, 3, requires_grad=True)

z2 = z1 @ W.t()
z3 = torch.log_softmax(z2, dim=1)
z4 = F.nll_loss(z3, target, reduction="sum")
for z in (z2, z3, z4):
    z.retain_grad()
z4.backward()
print(f"NLL {z4.item():.4f}")

# %% [markdown]
# **Backpropagation in three rules.** With $\delta^l = \partial C / \partial z^l$:
#
# 1. Forward: $z^{l+1} = f^l(z^l)$.
# 2. Backward: $\delta^l_u = \sum_v \delta^{l+1}_v\, \frac{\partial z^{l+1}_v}{\partial z^l_u}$. Always a vector times a
#    Jacobian; the matrices themselves are never multiplied.
# 3. Parameters: $\frac{\partial C}{\partial\theta^l} = \sum_u \delta^{l+1}_u\, \frac{\partial z^{l+1}_u}{\partial\theta^l}$.
#
# Rule 2 for our layers, from the last to the first. Beside each: what autograd found.

# %%
indicator = F.one_hot(target, 2).float()
p = torch.softmax(z2, dim=1).detach()

delta4 = torch.tensor(1.0)
delta3 = -indicator * delta4  # from NLL
delta2 = delta3 - p * delta3.sum(dim=1, keepdim=True)  # from LogSoftmax: this is p - indicator
dW = delta2.t() @ z1  # rule 3

for name, hand, auto in (
    ("delta4", delta4, z4.grad),
    ("delta3", delta3, z3.grad),
    ("delta2", delta2, z2.grad),
):
    print(f"{name}: the same as autograd's: {torch.allclose(hand, auto, atol=1e-6)}")
print(f"dW: {torch.allclose(dW, W.grad, atol=1e-6)}")
print(W.grad)

# %% [markdown]
# Look at $\delta^2 = p - 1(y)$. All of softmax and logarithm has come down to *prediction minus truth*, and so the
# slide's gradients: $\frac{\partial NLL}{\partial w_k} = -\sum_i x_i\,(1_k(y_i) - p_{ki})$.

# %%
print(torch.allclose(-(indicator - p).t() @ z1, W.grad, atol=1e-6))
print(z2.grad[0], (p - indicator)[0])

# %% [markdown]
# ## The layer cake
#
# The three rules are all there is. A layer knows its `forward`, and its `backward` from what arrives to what it
# hands on; a network is a list. Here it is, in NumPy, with no autograd anywhere:


# %%
class Affine:
    def __init__(self, n_in, n_out, rng):
        self.W, self.b = rng.normal(0, 0.5, (n_in, n_out)), np.zeros(n_out)

    def forward(self, z):
        self.z = z
        return z @ self.W + self.b

    def backward(self, delta):
        self.dW, self.db = self.z.T @ delta, delta.sum(axis=0)  # rule 3
        return delta @ self.W.T  # rule 2


class Tanh:
    def forward(self, z):
        self.out = np.tanh(z)
        return self.out

    def backward(self, delta):
        return delta * (1 - self.out**2)


class SoftmaxNLL:
    def forward(self, z, target):
        self.p = np.exp(z - z.max(axis=1, keepdims=True))
        self.p /= self.p.sum(axis=1, keepdims=True)
        self.indicator = np.eye(z.shape[1])[target]
        return -np.log(self.p[np.arange(len(z)), target]).mean()

    def backward(self):
        return (self.p - self.indicator) / len(self.p)


rng = np.random.default_rng(0)
inputs = rng.normal(size=(100, 2))
classes = (inputs[:, 0] * inputs[:, 1] > 0).astype(int)  # XOR: no line divides these
layers, loss = [Affine(2, 8, rng), Tanh(), Affine(8, 2, rng)], SoftmaxNLL()
first = [(layer.W.copy(), layer.b.copy()) for layer in layers[::2]]

for step in range(500):
    z = inputs
    for layer in layers:
        z = layer.forward(z)
    cost = loss.forward(z, classes)
    delta = loss.backward()
    for layer in reversed(layers):
        delta = layer.backward(delta)
    for layer in layers[::2]:
        layer.W -= 0.5 * layer.dW
        layer.b -= 0.5 * layer.db
print(f"cost {cost:.4f}, {(z.argmax(axis=1) == classes).mean():.0%} right")

# %% [markdown]
# And with the library, from the same start:

# %%
net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)).double()
with torch.no_grad():
    for linear, (W, b) in zip((net[0], net[2]), first, strict=True):
        linear.weight.copy_(torch.tensor(W.T.copy()))
        linear.bias.copy_(torch.tensor(b))
optim = torch.optim.SGD(net.parameters(), lr=0.5)
for step in range(500):
    optim.zero_grad()
    cost = F.cross_entropy(net(torch.tensor(inputs)), torch.tensor(classes))
    cost.backward()
    optim.step()
print(f"cost {cost.item():.4f}")

# %% [markdown]
# The same to the last digit shown. `F.cross_entropy` is log-softmax and NLL in one.
#
# **Exercises.**
#
# 1. Add a class `ReLU` to the cake and use it. *What to see:* `backward` is one comparison and one product.
# 2. In `Affine.backward` forget the transpose of `W`. *What to see:* an error of shapes, if you are lucky; with
#    square matrices none, and a net that learns badly. That is why one checks gradients with numbers.
# 3. `torch.autograd.gradcheck(lambda W: torch.tanh(W @ v).sum(), W64)` compares backpropagation with the definition;
#    `W64` must have `dtype=torch.float64`. After this notebook's first section you know why.
#
# On to [training well](workbook_4_training_well.ipynb).
