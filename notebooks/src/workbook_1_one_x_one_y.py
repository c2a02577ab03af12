# %% [markdown]
# # Workbook 1: one x, one y
#
# This workbook goes with [the lecture](lecture.ipynb): the same ideas in the same order, at your own pace,
# with exercises. It has five parts:
#
# 1. **One x, one y** (here): fit a straight line by hand.
# 2. [Two x, a binary y](workbook_2_two_x_binary_y.ipynb): from the line to deep networks.
# 3. [Backpropagation](workbook_3_backpropagation.ipynb): computational graphs, and softmax layer by layer.
# 4. [Training well](workbook_4_training_well.ipynb): momentum, RMSProp, Adam, batch norm, weight decay, dropout.
# 5. [Next time](workbook_5_next_time.ipynb): recurrent nets, a small Transformer, pretraining and fine-tuning.
#
# Run each cell with **Shift + Enter**, and look at what it says before you read on. All code is PyTorch's:
# `torch` is minitorch here, and if you have PyTorch, change the first line to `import torch` (and the two below
# it likewise): you will see the same numbers. Cells that draw a graph need minitorch.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minitorch as torch
from minitorch import nn

# %% [markdown]
# ## The data
#
# We observe $x$ and $y$, and want the average linear relationship between them: $y = wx + b$. Statistics calls
# the two numbers $\beta_1$ and $\beta_0$; here they are the **weight** and the **bias**. We made the data
# ourselves, so we know the truth: $w = 3.4$, $b = 1$, plus noise.

# %%
rng = np.random.default_rng(0)
x = rng.uniform(-5, 5, 100)
y = 3.4 * x + 1.0 + rng.normal(0, 1.3, 100)

w_ols, b_ols = np.polyfit(x, y, 1)
print(f"least squares: y = {w_ols:.2f} x + {b_ols:.2f}")

# %%
plt.scatter(x, y, s=15, color="grey")
plt.plot([-5, 5], [-5 * w_ols + b_ols, 5 * w_ols + b_ols], color="black", label="least squares")
plt.xlabel("x")
plt.ylabel("y")
plt.legend()
plt.show()

# %% [markdown]
# Least squares finds the line at one stroke, from a formula. There is no such formula for a neural network.
# So let us find the line in a way that still works there:
#
# 0. Begin with a random guess.
# 1. Predict.
# 2. Measure the error.
# 3. Use it to adjust the guess. Then again from 1.
#
# ## Tensors
#
# A tensor is an array of numbers, like NumPy's `ndarray`. Arithmetic, `@`, slices and broadcasting work alike.
# What it can do besides: remember what it was computed from. That is for later.

# %%
X_, y_ = torch.tensor(x).float().reshape(-1, 1), torch.tensor(y).float().reshape(-1, 1)
print(X_.shape, X_.dtype)
print(X_[:3])

# %% [markdown]
# `.float()` made 32-bit numbers of them: 7 decimal digits, half the memory, and what everybody uses.
#
# ## A random guess

# %%
w = torch.empty(1, 1, requires_grad=True)
b = torch.empty(1, 1, requires_grad=True)
torch.manual_seed(0)
nn.init.normal_(w, std=0.5)
nn.init.normal_(b, std=0.5)
print(w, b)

# %% [markdown]
# `manual_seed(0)` makes the random numbers the same for everybody: the lecture's $w = 0.77$ and $b = -0.15$.
#
# ## One point: predict, and measure the error

# %%
x0, y0 = X_[0], y_[0]
print(x0, y0)

# %%
yhat = x0 * w + b
print(f"prediction {yhat.item():.4f}, error {(y0 - yhat).item():.4f}")

# %% [markdown]
# The **loss** says in one number how wrong we are, as a function of $w$ and $b$. Ours is the squared error,
# $L(w, b) = (y - \hat{y})^2$. Why squared? Because we are going to look for the smallest value: the smallest
# *error* would be minus infinity, the smallest *squared* error is zero.

# %%
loss = (y0 - yhat).pow(2)
print(f"loss {loss.item():.4f}")

# %% [markdown]
# ## Which way is down?
#
# What happens to the loss when $w$ grows a little? That is what the derivative says:
#
# $$\frac{\partial L}{\partial w} = \lim_{h \to 0} \frac{L(w + h) - L(w)}{h}$$
#
# The slide takes a small $h$ and does it. So do we, with its rounded numbers $x = 1.37$, $y = 3.91$, $w = 0.77$
# and $b = -0.15$, and twice: with 64-bit numbers and with the usual 32-bit ones.

# %%
h = 0.0001  # h as some arbitrarily small value
for dtype in (torch.float64, torch.float32):
    xs, ys, ws, bs = (torch.tensor(number, dtype=dtype) for number in (1.37, 3.91, 0.77, -0.15))
    fx = (ys - (xs * ws + bs)).pow(2)  # f(x)   (squared loss)
    fxh = (ys - (xs * (ws + h) + bs)).pow(2)  # f(x+h)
    dfx = (fxh - fx) / h  # (f(x+h)-f(x))/h
    print(f"{str(dtype):14} {dfx.item():.4f}")

# %% [markdown]
# By hand, with the chain rule: $L = (y - wx - b)^2$, so $\frac{\partial L}{\partial w} = -2(y - wx - b)\,x$.

# %%
print(f"exact {-2 * (3.91 - 0.77 * 1.37 + 0.15) * 1.37:.4f}")

# %% [markdown]
# So the loss falls by about 8.23 for each unit that $w$ grows: we should *increase* $w$. (The slide's $-8.23$ is
# for the numbers before rounding.)
#
# Why is the 32-bit number off in its third digit? 32-bit numbers near 9 lie $2^{-20} \approx 10^{-6}$ apart.
# `fxh - fx` is about 0.0008, known to such a step and no better, and dividing by $h$ blows the step up to about
# 0.01. A slope from a difference of two nearly equal numbers is a dangerous thing.
#
# **Exercise.** Try `h = 1e-2`, `1e-3`, `1e-5`, `1e-6` in both precisions. *What to see:* in 64 bits smaller is
# better for a good while; in 32 bits there is a best $h$ near `1e-3`, and with `1e-6` only the first digit is right.
#
# ## The library does it
#
# `w` and `b` were made with `requires_grad=True`. So `loss` remembers how it came to be, and `backward()` goes
# through that history from its end to its beginning, by the chain rule. No $h$, no luck.

# %%
loss = (y0 - (x0 * w + b)).pow(2)
loss.backward()
print(f"dL/dw = {w.grad.item():.4f}, dL/db = {b.grad.item():.4f}")

# %% [markdown]
# The history is a graph, and you can look at it. In green what flows forward, in red the gradient flowing back:

# %% tags=["minitorch"]
loss = (y0 - (x0 * w + b)).pow(2)
torch.graph(loss, w=w, b=b, x=x0, y=y0)

# %% [markdown]
# And here is the loss for many values of $w$, with the tangent that `-8.23` describes:

# %%
ws = np.linspace(-1, 5, 100)
c, px, py = b.item(), x0.item(), y0.item()
plt.plot(ws, (py - px * ws - c) ** 2, label="loss")
near = np.array([0.2, 1.4])
plt.plot(near, loss.item() + w.grad.item() * (near - w.item()), label="tangent at our guess")
plt.plot([w.item()], [loss.item()], "o", color="black")
plt.xlabel("w")
plt.ylabel("loss of the first point")
plt.legend()
plt.show()

# %% [markdown]
# **Question.** Only one point: is there *one* best pair $(w, b)$? *What to see:* no. A line through the point
# exists for every $w$, if $b$ follows. It takes two points to fix a line, and more to average out noise.
#
# ## Gradient descent
#
# $$w' = w - \eta\,\frac{\partial L}{\partial w}$$
#
# The **learning rate** $\eta$ is small. Not because small is precise: because the derivative is only true
# nearby, and because the other 99 points want to be heard as well.

# %%
lr = 1e-3
with torch.no_grad():
    w -= lr * w.grad
    b -= lr * b.grad
w.grad.zero_()
b.grad.zero_()
print(f"w = {w.item():.4f}, b = {b.item():.4f}, loss now {(y0 - (x0 * w + b)).pow(2).item():.4f}")

# %% [markdown]
# `torch.no_grad()`: this arithmetic is not part of the model, so nothing is to be remembered. `zero_()`: gradients
# *add up* in `.grad` until somebody clears them.
#
# **Exercise.** Call `backward()` on the same kind of loss twice without clearing. *What to see:* the gradient
# doubles. Forgetting to clear is the commonest mistake in all of deep learning code.
#
# ## One epoch
#
# Once through all points, a step at each: that is an **epoch**.

# %%
losses = []
for x0, y0 in zip(X_[1:], y_[1:], strict=True):  # the first point has had its turn
    loss = (y0 - (x0 * w + b)).pow(2)
    losses.append(loss.item())
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
    w.grad.zero_()
    b.grad.zero_()
print(f"w = {w.item():.4f}, b = {b.item():.4f}")

# %% [markdown]
# $w$ is nearly there, $b$ has hardly moved. Of course: a point far from 0 pulls at $w$ with the factor $x$, up
# to 5, and at $b$ with the factor 1.
#
# ## Stochastic, batch, mini-batch
#
# One point at a time is *stochastic* gradient descent. The other extreme is to take the whole data at once; the
# loss is then the mean, $\frac{1}{N}\sum_i (y_i - \hat{y}_i)^2$. In between: mini-batches.


# %%
def fit(batch_size, epochs, lr):
    """Gradient descent on mini-batches; the mean loss of all points after each epoch."""
    w, b = torch.tensor([[0.77]], requires_grad=True), torch.tensor([[-0.15]], requires_grad=True)
    history = []
    for epoch in range(epochs):
        for i in range(0, len(X_), batch_size):
            loss = (y_[i : i + batch_size] - (X_[i : i + batch_size] * w + b)).pow(2).mean()
            loss.backward()
            with torch.no_grad():
                w -= lr * w.grad
                b -= lr * b.grad
            w.grad.zero_()
            b.grad.zero_()
        with torch.no_grad():
            history.append((y_ - (X_ * w + b)).pow(2).mean().item())
    return w.item(), b.item(), history


for batch_size in (1, 10, 100):
    w_fit, b_fit, history = fit(batch_size, epochs=20, lr=0.005)
    plt.plot(range(1, 21), history, label=f"batches of {batch_size}")
    print(f"batches of {batch_size:3}: w = {w_fit:.3f}, b = {b_fit:.3f}, loss {history[-1]:.3f}")
plt.yscale("log")
plt.xlabel("epoch")
plt.ylabel("mean loss")
plt.legend()
plt.show()

# %% [markdown]
# Per epoch, small batches learn faster: they take more steps. Per *step*, large batches point in a better
# direction. In practice one takes what the machine can do at once, 32 or more.
#
# **Exercise.** Let `lr` be 0.2 with one batch of 100, then 0.05 with batches of 1. *What to see:* the first runs away:
# too large a step lands higher on the other side of the valley than it began, and the next one higher still. The second
# never settles: every point pulls the line over to itself.
#
# ## The same in four lines of library
#
# `nn.Linear` holds $w$ and $b$, `MSELoss` is the mean squared loss, `SGD` takes the step, and `zero_grad` clears.
# It is the loop that you have just written, and you will not have to write another one: this trains everything
# up to the Transformer in part 5.

# %%
torch.manual_seed(0)
model = nn.Linear(1, 1)
loss_fn = nn.MSELoss()
optim = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(200):
    optim.zero_grad()
    loss = loss_fn(model(X_), y_)
    loss.backward()
    optim.step()
print(f"w = {model.weight.item():.4f}, b = {model.bias.item():.4f}; least squares {w_ols:.4f}, {b_ols:.4f}")

# %% [markdown]
# ## What did we just learn?
#
# Not a slower and less precise method for linear regression. We can use **the partial derivative of a loss
# function** (which way is down?) to **adjust the parameters of a model** (gradient descent) so as **to fit it to
# our data**; and nothing in that asks for the model to be a line.
#
# On to [two x, a binary y](workbook_2_two_x_binary_y.ipynb).
