# %% [markdown]
# # Demystifying Deep Learning
#
# *An introduction to neural networks for social scientists.* The lecture by Musashi Jacobs-Harukawa (DDSS
# Princeton, 23 March 2023), in its order, with its code and its figures. Every cell runs, every figure can be
# played with: run a cell with **Shift + Enter**.
#
# The code is the slides', which are written for PyTorch. Here `torch` is **minitorch**, a library small
# enough to read; with PyTorch installed, `import torch` instead gives the same numbers. To work through the
# matter by yourself, with more words and with exercises, open
# [the workbook](workbook_1_one_x_one_y.ipynb).

# %%
import minitorch as torch
from figures import playground, show
from minitorch import nn
from minitorch.lecture.data import line_data, moons_split
from minitorch.utils.data import DataLoader, TensorDataset

# %% [markdown]
# ## The lecture on one slide
#
# 1. **Neural networks** are basically nested regression models with discontinuities.
# 2. **Backpropagation** is a technique that allows us to calculate the loss gradient of every parameter in a
#    network.
# 3. **Loss gradients** link model parameters to the overall accuracy of the model.
# 4. **Gradient descent** is an algorithm for updating parameters using loss gradients to improve accuracy.
# 5. By "stacking" neurons and introducing discontinuities, we can learn complex patterns in data.
#
# It is not the aim to make the subject simpler than it is, but to translate what you know already: regression.

# %% [markdown]
# # Simple case: one X, one Y
#
# *We learn how to "manually" fit linear regressions.*
#
# We observe two processes, $y$ and $x$, and want to describe the *average linear* relationship between them.
#
# - Model: $y = \beta_1 x + \beta_0$
# - Parameters: $\beta_1$ and $\beta_0$. Find optimal values for these.
# - In their language: $\beta_1$ is $w$ (weight), $\beta_0$ is $b$ (bias).
#
# ## Data (and OLS solution)

# %%
data = line_data()
X, y = torch.tensor(data.x).float(), torch.tensor(data.y).float()
print(f"{len(X)} points; least squares: y = {data.w_ols:.2f} x + {data.b_ols:.2f}")

# %%
show("data-and-ols")

# %% [markdown]
# ## A general procedure for fitting models
#
# 0. Begin with a random guess of the correct model.
# 1. Generate prediction using model and data.
# 2. Measure error.
# 3. Use this information to adjust the model.
#
# ## A random guess

# %%
w = torch.empty(1, 1, requires_grad=True)
b = torch.empty(1, 1, requires_grad=True)
torch.manual_seed(0)
nn.init.normal_(w, std=0.5)
nn.init.normal_(b, std=0.5)
print(f"w = {w.item():.2f}, b = {b.item():.2f}")

# %%
show("random-guess")

# %% [markdown]
# ## Starting with a single data point
#
# We can do this procedure with one, a few, or all data points. The difference is not trivial, but the
# procedure is the same. We begin with a single point, for simplicity.

# %%
x0, y0 = X[0], y[0]
print(f"(x, y) = ({x0.item():.2f}, {y0.item():.2f})")

# %% [markdown]
# ## Generate prediction
#
# $\hat{y} = wx + b$, the **forward pass**: $0.91_{\hat{y}} \approx (0.77)_w \times (1.37)_x + (-0.15)_b$

# %%
yhat = w * x0 + b
yhat

# %% [markdown]
# ## Computing loss
#
# True $y$ is $3.91$, so the error is $y - \hat{y} = 3.00$. The *loss function* $L(w, b)$ expresses what is wrong
# as a function of $w$ and $b$; *squared error* is $L(w, b) = (y - \hat{y})^2$.
#
# We need to square, or to take the absolute value: we are going to *minimise*. The smallest error is minus
# infinity; the smallest squared error is zero, and that is what we want.

# %%
error = y0 - yhat
loss = error.pow(2)
print(f"error {error.item():.2f}, loss {loss.item():.2f}")

# %% [markdown]
# ## How can we use this information?
#
# *Aim*: find values of $w$ and $b$ that make the loss as small as possible. We can use partial derivatives!
#
# - $\frac{\partial L(w, b)}{\partial w}$ describes how $L$ changes as we adjust $w$.
# - $\frac{\partial L(w, b)}{\partial b}$ describes how $L$ changes as we adjust $b$.
#
# ## Calculating numerically
#
# Deep learning libraries automate this step, but it is easy to do by hand, from the definition:
#
# $$\frac{\partial f(x)}{\partial x} \;=\; \lim_{h \to 0} \frac{f(x+h)-f(x)}{h}$$
#
# The numbers go to float64 first. Why is a story of its own: see below.

# %%
x0, y0, w, b = x0.double(), y0.double(), w.double(), b.double()
h = 0.0001                            # h as some arbitrarily small value
fx =  (y0 - (x0 *  w    + b)).pow(2)  # f(x)   (squared loss)
fxh = (y0 - (x0 * (w+h) + b)).pow(2)  # f(x+h)
dfx = (fxh-fx)/h                      # (f(x+h)-f(x))/h
print(f"{dfx.item():.2f}")

# %% [markdown]
# $-8.23$ tells us: when $x = 1.37$, if we increase $w$, our loss will *decrease* at a rate of $8.23$. So we
# should increase $w$.
#
# **Where the slide slips.** Typed in with the rounded numbers and in float32, PyTorch's default, the same
# four lines give another value:

# %%
for dtype in (torch.float64, torch.float32):
    xs, ys, ws, bs = (torch.tensor(number, dtype=dtype) for number in (1.37, 3.91, 0.77, -0.15))
    fx =  (ys - (xs *  ws    + bs)).pow(2)
    fxh = (ys - (xs * (ws+h) + bs)).pow(2)
    print(f"{dtype}: {((fxh-fx)/h).item():.3f}")

# %% [markdown]
# The exact value is $-2(y - \hat{y})x = -8.234$. Near 9, float32 knows a loss only in steps of $2^{-20}$, and a
# step divided by $h$ is $0.0095$: the second decimal is luck. Backpropagation subtracts no two nearly equal
# numbers, and has no such trouble.
#
# ## Visualizing the gradient
#
# Look first at how the loss changes as we vary $w$, then at how that is reflected in the gradient.

# %%
show("gradient")

# %% [markdown]
# ## Gradient descent
#
# Why not change $w$ so as to make the loss of each observation zero? Because the next observation wants another
# $w$. So we take a small step:
#
# $$w' = w - \eta \frac{\partial L(w, b)}{\partial w}$$
#
# - $w$ is the current value of the parameter, $w'$ the new one.
# - $\frac{\partial L}{\partial w}$ is the partial derivative of the loss function with respect to it.
# - $\eta$ is the *learning rate*: usually some small value ($0.05$ or smaller). It is a hyperparameter, and its
#   best value is an empirical question. The meme value is
#   [3e-4](https://twitter.com/karpathy/status/801621764144971776?lang=en).
#
# Here is one step, with the derivatives that the library finds.

# %%
w = w.detach().float().requires_grad_()
b = b.detach().float().requires_grad_()
x0, y0 = X[0], y[0]
lr = 1e-3

loss = (y0 - (x0 * w + b)).pow(2)
loss.backward()
print(f"dL/dw = {w.grad.item():.2f}, dL/db = {b.grad.item():.2f}")
with torch.no_grad():
    w -= lr * w.grad
    b -= lr * b.grad
print(f"w = {w.item():.4f}, b = {b.item():.4f}")

# %% [markdown]
# ## Our new model

# %%
show("new-model")

# %% [markdown]
# ## Repeat for full dataset (one epoch)

# %%
for x0, y0 in zip(X[1:], y[1:], strict=True):  # the first point has had its turn
    w.grad.zero_()
    b.grad.zero_()
    loss = (y0 - (x0 * w + b)).pow(2)
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
print(f"w = {w.item():.2f}, b = {b.item():.2f}")

# %%
show("one-epoch")

# %% [markdown]
# ## Stochastic, batch, mini-batch
#
# - Stochastic: one observation at a time
# - Batch: whole dataset at once
# - Mini-batch: smaller-than-dataset batches
#
# For batch and mini-batch, we need a different loss function, the *mean squared loss*
# $\frac{1}{N}\sum_i(y_i - \hat{y}_i)^2$.
#
# ## What did we just learn?
#
# - ~~A slower and less precise method for linear regression.~~
# - We can use the partial derivative of a loss function (*the direction of decreasing loss*) ...
# - ... to adjust the parameters of a model (*gradient descent updates*) ...
# - ... to fit it to our data.

# %% [markdown]
# # Two X, binary Y
#
# *Where linear regression won't cut it.*
#
# ## Challenging shape

# %%
show("half-moons")

# %% [markdown]
# ## Two inputs
#
# Two inputs, joined to one output, are the same as $Y = \beta_2 X_2 + \beta_1 X_1 + \beta_0$. As a module:

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


train_X, train_y, test_X, test_y = (torch.tensor(part.numpy()) for part in moons_split())
dataset = TensorDataset(train_X, train_y)
print(f"{len(train_X)} points to train on, {len(test_X)} kept for the test")

# %% [markdown]
# ## Random initialization

# %%
show("random-initialisation")

# %% [markdown]
# ## Model after training

# %%
show("after-training")

# %% [markdown]
# ## Doing better
#
# For this data, we want a model that can
#
# - fit a more complicated response surface (than a straight line),
# - do classification instead of regression.
#
# **What if we started layering our models?** $h_1 = w_1 X + b_1$ and $Y = w_2 h_1 + b_2$,
# ergo $Y = w_2(w_1 X + b_1) + b_2$.
#
# **And stacking it?** $h_i = w_{1i} X + b_{1i}$ and $Y = \sum_i w_{2i} h_i + b_2$,
# ergo $Y = \sum_i w_{2i}(w_{1i} X + b_{1i}) + b_2$.
#
# **But how do we fit something like this?** Define the loss, $L(w_1, b_1, w_2, b_2)$. How do we calculate
# $\frac{\partial L}{\partial w_1}$, $\frac{\partial L}{\partial w_2}$, and so on?

# %% [markdown]
# ## Chains of equations
#
# - $L = (y - \hat{y})^2$, so $\frac{\partial L}{\partial \hat{y}} = -2(y - \hat{y})$
# - $\hat{y} = w_2 h_1 + b_2$, so $\frac{\partial \hat{y}}{\partial w_2} = h_1$ and
#   $\frac{\partial \hat{y}}{\partial h_1} = w_2$
# - $h_1 = w_1 x + b_1$, so $\frac{\partial h_1}{\partial w_1} = x$
#
# ## Chain rule
#
# $$\frac{\partial L}{\partial w_2} = \frac{\partial L}{\partial \hat{y}} \frac{\partial \hat{y}}{\partial w_2}
#   = -2(y - \hat{y})\, h_1$$
#
# $$\frac{\partial L}{\partial w_1} = \frac{\partial L}{\partial \hat{y}} \frac{\partial \hat{y}}{\partial h_1}
#   \frac{\partial h_1}{\partial w_1} = -2(y - \hat{y})\, w_2\, x$$
#
# **Where the slide slips.** It has the two labels the other way round (the first formula is called the
# gradient for $w_1$), and the minus sign of the inner derivative is missing. The numbers are the judge:

# %%
x_, y_, w1, b1, w2, b2 = (torch.tensor(v, requires_grad=True) for v in (1.5, 2.0, 0.3, 0.1, -0.7, 0.2))
h1 = w1 * x_ + b1
y_hat = w2 * h1 + b2
L = (y_ - y_hat).pow(2)
L.backward()
print(f"w2: {(-2 * (y_ - y_hat) * h1).item():.3f} by the chain rule, {w2.grad.item():.3f} by the library")
print(f"w1: {(-2 * (y_ - y_hat) * w2 * x_).item():.3f} by the chain rule, {w1.grad.item():.3f} by the library")

# %% [markdown]
# The same as a picture: values flow forward (green), gradients flow back (red).

# %% tags=["minitorch"]
torch.graph((y_ - (w2 * (w1 * x_ + b1) + b2)).pow(2), x=x_, y=y_, w1=w1, b1=b1, w2=w2, b2=b2)

# %% [markdown]
# ## Backpropagation
#
# - Using the chain rule, we can efficiently compute loss gradients of parameters throughout the network!
# - This is implemented neatly in deep learning libraries.
#
# ## Code vs theory

# %%
# Define Model
torch.manual_seed(0)
layer1  = SimpleLinearNN(features_in=2, features_out=4)
layer2  = SimpleLinearNN(features_in=4, features_out=1)
model   = torch.nn.Sequential(layer1, layer2)

# %% [markdown]
# ## Mini-batch gradient descent with MSE loss

# %%
# Define Batch Sampler, Loss Function and Optimization
data    = DataLoader(dataset, batch_size=8, shuffle=True)
loss_fn = torch.nn.MSELoss()
optim   = torch.optim.SGD(model.parameters(), lr=5e-4)

# %% [markdown]
# ## Training a model for 50 epochs

# %%
for epoch in range(50):
    for inputs, labels in data: # X, y
        optim.zero_grad() # Reset gradients
        preds = model.forward(inputs) # Forward pass
        loss = loss_fn(preds, labels) # Loss calc
        loss.backward()   # Calculate gradients
        optim.step()      # Update parameters


def accuracy(model):
    with torch.no_grad():
        return ((model(test_X) > 0.5) == (test_y > 0.5)).float().mean().item()


print(f"loss {loss_fn(model(test_X), test_y).item():.3f}, {accuracy(model):.0%} of the test points right")

# %% [markdown]
# ## But: does it do better?

# %%
show("stacked-linear")

# %% [markdown]
# Turns out: stacking (layering) linear models reduces to a linear model! Multiply it out and see:

# %%
weights = layer1.weights @ layer2.weights
bias = layer1.bias @ layer2.weights + layer2.bias
gap = (model(test_X) - (test_X @ weights + bias)).abs().max().item()
print(f"the largest difference to one linear layer is below 1e-5: {gap < 1e-5}")

# %% [markdown]
# ## The missing ingredient
#
# The final missing ingredient is *non-linear activation functions*. You already know an example: logistic
# regression! It has two components:
#
# 1. Linear model: $z = \beta_1 x + \beta_0$
# 2. Sigmoid transformation: $y = \frac{1}{1 + e^{-z}}$
#
# ## Sigmoid transformation

# %%
show("sigmoid")

# %% [markdown]
# - $\sigma(x)$ is bounded between 0 and 1.
# - When $x = 0$, $\sigma(x) = 0.5$.
#
# ## Artificial neuron
#
# - Logistic regression is an example of an artificial neuron, the basic building block of neural networks.
# - Generally: an activation function $\phi(\cdot)$ is applied to the weighted sum of inputs:
#   $y = \phi(\sum_i w_i x_i)$

# %%
class Perceptron(SimpleLinearNN):
    def __init__(self, features_in=1, features_out=1, activation=nn.Sigmoid):
        super().__init__(features_in, features_out)
        self.activation = activation()

    def forward(self, inputs):
        return self.activation(super().forward(inputs))


def train(model, epochs, lr):
    loss_fn = nn.BCELoss()
    optim = torch.optim.SGD(model.parameters(), lr=lr)
    for epoch in range(epochs):
        for inputs, labels in data:
            optim.zero_grad()
            loss = loss_fn(model(inputs), labels)
            loss.backward()
            optim.step()
    return model


torch.manual_seed(0)
neuron = train(Perceptron(2, 1), 50, 0.03)
print(f"{accuracy(neuron):.0%} of the test points right")

# %% [markdown]
# ## Neuron with sigmoid activation

# %%
show("sigmoid-neuron")

# %% [markdown]
# - Flat decision boundary
# - Predictions bounded between 0 and 1
#
# ## Deep neural network: 2-4-1
#
# (The learning rate is ten times what it was: so we need not wait for a thousand epochs.)

# %%
torch.manual_seed(0)
deep = train(nn.Sequential(Perceptron(2, 4), Perceptron(4, 1)), 200, 0.3)
print(f"{accuracy(deep):.0%} of the test points right")

# %%
show("net-2-4-1")

# %% [markdown]
# ## Wider and deeper neural network: 2-8-8-1

# %%
torch.manual_seed(0)
deeper = train(nn.Sequential(Perceptron(2, 8), Perceptron(8, 8), Perceptron(8, 1)), 100, 0.3)
print(f"{accuracy(deeper):.0%} of the test points right")

# %%
show("net-2-8-8-1")

# %% [markdown]
# # Deep learning basics
#
# *Now we're doing deep learning!*
#
# ## When to stop training?
#
# Difficult question. A plausible strategy is:
#
# - Leave some training data out for *evaluation*.
# - Stop training when loss on that data passes some threshold.
#
# ## 2-4-1 network with eval loss <= 0.52
#
# The lecture's loss takes the sigmoid of outputs that went through one already
# (`binary_cross_entropy_with_logits` after a last `Sigmoid`), so 0.503 is the least that it can be, and 0.52
# means that nearly all is right. Of the plain cross entropy a straight line gets below 0.52 in a few epochs.

# %%
def eval_loss(model):
    with torch.no_grad():
        return nn.functional.binary_cross_entropy_with_logits(model(test_X), test_y).item()


torch.manual_seed(0)
stopped = nn.Sequential(Perceptron(2, 4), Perceptron(4, 1))
epochs = 0
while eval_loss(stopped) > 0.52 and epochs < 500:
    train(stopped, 10, 0.3)
    epochs += 10
print(f"evaluation loss {eval_loss(stopped):.3f} after {epochs} epochs")

# %%
show("stopped")

# %% [markdown]
# ## More complex networks generally converge faster

# %%
show("convergence")

# %% [markdown]
# ## Other activation functions

# %%
show("activations")

# %% [markdown]
# Note that technically, for backpropagation to work, the partial derivative must be defined. ReLU has none at
# 0; libraries take 0 there, and nobody minds.
#
# ## ReLU example

# %%
torch.manual_seed(0)
model = nn.Sequential(Perceptron(2, 4, nn.ReLU),
                      Perceptron(4, 4, nn.ReLU),
                      Perceptron(4, 4, nn.ReLU),
                      Perceptron(4, 1, nn.Sigmoid))
train(model, 100, 0.03)
print(f"{accuracy(model):.0%} of the test points right")

# %%
show("relu-net")

# %% [markdown]
# ## Build your own
#
# Choose data, layers, activation and optimizer, and press *Train*: the C core learns in this notebook's kernel.

# %% tags=["minitorch"]
server = playground()

# %% [markdown]
# # Recap
#
# ## Comprehension check
#
# 1. **Neural networks** are basically nested regression models with discontinuities. *Where are they nested in
#    the last model, and where are the discontinuities?*
# 2. **Backpropagation** is a technique that allows us to calculate the loss gradient of every parameter in a
#    network. *Which line above does that?*
# 3. **Loss gradients** link model parameters to the overall accuracy of the model. *What did $-8.23$ tell us?*
# 4. **Gradient descent** is an algorithm for updating parameters using loss gradients to improve accuracy.
#    *Which line above does that?*
# 5. By "stacking" neurons and introducing discontinuities, we can learn complex patterns in data. *What did
#    stacking alone bring?*
#
# ## Next time
#
# - Scaling up further: modular architectures and mechanisms.
# - "Pretraining" models: self-supervision and transfer learning.
# - Generative models: autoregressive language generation.
# - Architectures for sequences: recurrent neural networks (RNNs), Transformers.
#
# [The last part of the workbook](workbook_5_next_time.ipynb) does all of these, small.
#
# ## Excellent resources
#
# - [playground.tensorflow.org](http://playground.tensorflow.org)
# - [Backpropagation Calculus, Three Blue One Brown](https://www.youtube.com/watch?v=tIeHLnjs5U8)
# - [Neural Networks from Scratch, Andrej Karpathy](https://www.youtube.com/watch?v=VMj-3S1tku0)
