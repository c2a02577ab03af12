# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% tags=["about"]
# The assignment: the only file to edit. make.py (read it next) makes everything else from this one.
#
#     # BEGIN SOLUTION, # END SOLUTION    left out for students; lines "# INSTEAD text" are what they get,
#                                         "..." where there is none
#     tags=["private-check"]              a question for the grader, with its points; never in a notebook
#     tags=["about"]                      this cell: left out everywhere
#     tags=["online"]                     a question of the Gradescope online assignment; never in a notebook
#     {{WORD:1}}                          in text: this year's word, as a picture; online: the word itself
#     {{TERM}} {{EMAIL}}                  this year's public mark; where the student's address stands
#     {{ANSWER:1}}                        the word, in the solution only
#
# Answers go by their names: a question's "collect" says what is evaluated after every cell.

# %% [markdown]
# # From tensors to trained nets
#
# This notebook teaches PyTorch from the ground up, in five steps, even if you dozed off at the end of the lecture:
#
# 1. tensors are like NumPy's arrays,
# 2. and derivatives are tracked for you,
# 3. so that you can build a neural net by hand,
# 4. or let `nn.Module` keep its parameters,
# 5. or just list its layers with `nn.Sequential`; and feed it from a data set.
#
# Everything later in the course is written in these terms. If you read every line of this, what follows will be a
# breeze; if you skip it, you will meet each of its surprises again at two in the morning.
#
# **How it works.** Replace every `...` by your answer, run the cells from top to bottom, and hand in this notebook.
# You may add cells, and move or delete them: the grader looks only at the *names* that the text asks for, so keep
# those, and use others for your own experiments. Answers are worth 80 points.
#
# **Five hidden words** are worth 4 points each. Two stand in the text, as a picture: no search will find them. Three
# are *earned*: right answers, together with your e-mail address, make a word that is only yours. Wrong answers make a
# word, too. It will be the wrong one. Type all five into the last cell.
#
# **What you need**: `minitorch`, which feels like PyTorch, and nothing else. It is called `torch` below, because every
# line of code that follows is PyTorch's own.

# %%
import numpy as np

import minitorch
import minitorch as torch
from minitorch import nn
from minitorch.wordhunt import Hunt

EMAIL = "{{EMAIL}}"  # the address of the account that you hand in with

hunt = Hunt("{{TERM}}", EMAIL)

# %% tags=["private-check"]
# What the checks need: the answers, worked out with NumPy alone.
W, B, X, Y = 0.77, -0.15, 1.37, 3.91
SLOPE = -2 * (Y - (W * X + B)) * X


def by_hand(steps=20, rate=0.1):
    """Step 3's training, with the chain rule written out."""
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float), np.array([[0], [1], [1], [0]], float)
    w1, b1 = np.array([[0.9, 0.7], [-0.8, 0.6], [0.5, -1.0]]), np.array([0.1, 0.02, -0.2])
    w2, b2 = np.array([[0.8, 1.1, 0.9]]), np.array([0.05])
    for _ in range(steps):
        before = x @ w1.T + b1
        hidden = np.maximum(before, 0)
        error = 2 * (hidden @ w2.T + b2 - y) / len(x)
        back = (error @ w2) * (before > 0)
        w2, b2 = w2 - rate * error.T @ hidden, b2 - rate * error.sum(0)
        w1, b1 = w1 - rate * back.T @ x, b1 - rate * back.sum(0)
    return float(((np.maximum(x @ w1.T + b1, 0) @ w2.T + b2 - y) ** 2).mean())


FINAL_LOSS = by_hand()
COUNT, SIZES = 105, [30] * 15
earned_word(2, SLOPE)
earned_word(3, FINAL_LOSS)
earned_word(5, SLOPE, FINAL_LOSS, COUNT, SIZES)

# %% [markdown]
# ## Step 1: tensors are like ndarrays
#
# A *tensor* is an array of numbers with a shape and a type. What you know from NumPy holds: indexing, slices,
# arithmetic element by element, broadcasting. A few names differ: what NumPy calls `axis`, PyTorch calls `dim`.

# %%
a = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
print(a.shape, a.dtype)
print(a[1, 2], a[:, 0])
print(a * 10 + torch.tensor([0.1, 0.2, 0.3]))  # one row is added to every row: broadcasting
print(a.sum(dim=0), a.sum(dim=1), a.sum())

# %% [markdown]
# One difference matters from the start: `np.array([1.0])` is float64, `torch.tensor([1.0])` is **float32**, half the
# memory and seven digits. Nets do not need more.
#
# **1a.** Make `grid`, a float32 tensor of shape (3, 4) with the numbers 0, 1, 2 ... 11 row by row.
# (`torch.arange`, `.reshape`, `.float()`)
#
# **1b.** `column_means`: the mean of each column of `grid`, a tensor of shape (4,).
#
# **1c.** `centred`: `grid` with every column's mean taken off, by broadcasting, without a loop.

# %%
# BEGIN SOLUTION
grid = torch.arange(12).reshape(3, 4).float()
column_means = grid.mean(dim=0)
centred = grid - column_means
# INSTEAD grid = ...
# INSTEAD column_means = ...
# INSTEAD centred = ...
# END SOLUTION

hunt.form("grid", grid, shape=(3, 4))
hunt.form("column_means", column_means, shape=(4,))
hunt.form("centred", centred, shape=(3, 4))


# %% tags=["private-check"]
@question("1a", "grid", 3, {"grid": "grid", "type": "str(grid.dtype)"})
def _(got, given):
    if not close(got["grid"], np.arange(12).reshape(3, 4)):
        return 0, "3 rows of 4 numbers, 0 to 11, are asked for"
    return (
        (1, "")
        if "float32" in str(got["type"])
        else (1 / 3, "the numbers are right, the type is not float32")
    )


@question("1b", "column means", 3, {"means": "column_means"})
def _(got, given):
    rows = ([1.5, 5.5, 9.5], 0, "these are the means of the rows: dim=0 runs down the columns")
    return judge(got["means"], [4, 5, 6, 7], "the mean of each column, 4 numbers", rows)


@question("1c", "centred columns", 3, {"centred": "centred"})
def _(got, given):
    return judge(got["centred"], np.repeat([[-4], [0], [4]], 4, axis=1), "each column's mean must be 0 now")


# %% [markdown]
# **1d.** Write `standardise(x)`: for any tensor `x` of shape (n, k) it returns a tensor of the same shape whose
# columns have mean 0 and standard deviation 1. Divide by n when you compute the deviation, not by n - 1; in
# `x.std(...)` that is `unbiased=False`.


# %%
def standardise(x):
    # BEGIN SOLUTION
    return (x - x.mean(dim=0)) / x.std(dim=0, unbiased=False)
    # END SOLUTION


hunt.form("standardise(...)", standardise(torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 1.0]])), shape=(3, 2))


# %% tags=["private-check"]
@question(
    "1d", "standardise(x)", 5, {"out": "standardise(x)"}, given=lambda rng: {"x": rng.normal(3, 2, (7, 3))}
)
def _(got, given):
    x = np.array(given["x"])
    return judge(
        got["out"],
        (x - x.mean(0)) / x.std(0),
        "every column must have mean 0 and standard deviation 1",
        ((x - x.mean(0)) / x.std(0, ddof=1), 3 / 5, "divided by n - 1: the text asks for unbiased=False"),
        (
            (x - x.mean()) / x.std(),
            1 / 5,
            "this is over all numbers; each column by itself is asked for (dim=0)",
        ),
    )


# %% [markdown]
# Tensors and arrays can share memory. `torch.from_numpy(array)` and `tensor.numpy()` copy nothing: change one, and the
# other changes with it. `torch.tensor(array)` and `tensor.clone()` copy. Forgetting which is which is the bug that
# people tell each other about for years, or in one word: {{WORD:1}} (That was the first of the five; write it down.)
#
# **1e.** Make two float64 tensors from `numbers`: `alias`, which shares its memory, and `copy`, which does not. The
# line below them then changes `numbers`.

# %%
numbers = np.array([1.0, 2.0, 3.0])
# BEGIN SOLUTION
alias = torch.from_numpy(numbers)
copy = torch.tensor(numbers)
# INSTEAD alias = ...
# INSTEAD copy = ...
# END SOLUTION
numbers[0] = 100.0
print("alias:", alias, "  copy:", copy)


# %% tags=["private-check"]
@question("1e", "shared memory", 4, {"alias": "alias", "copy": "copy"})
def _(got, given):
    shares, apart = close(got["alias"], [100, 2, 3]), close(got["copy"], [1, 2, 3])
    hint = "" if shares and apart else "alias must see the change of numbers[0], copy must not"
    return (shares + apart) / 2, hint


@question("W1", "word 1, in the text of step 1", 4, {"words": "words"}, word=True)
def _(got, given):
    return is_word(got["words"], 1, text_word(1))


# %% [markdown] tags=["online"]
# ## Word 1
# Which word stands in the text of step 1, about shared memory?
#
# [____]({{WORD:1}})

# %% [markdown]
# ## Step 2: derivatives are tracked for you
#
# A tensor made with `requires_grad=True` is one that you want derivatives with respect to. Whatever is computed from
# it remembers how. `loss.backward()` then walks back through that record, and leaves in `.grad` of each such tensor
# the derivative of `loss` with respect to it, **at its present value**.
#
# This is the lecture's first model, ŷ = w·x + b, with its first guess w = 0.77, b = -0.15, and one observation,
# x = 1.37 and y = 3.91.

# %%
w = torch.tensor(0.77, requires_grad=True)
b = torch.tensor(-0.15, requires_grad=True)
x = torch.tensor(1.37)
y = torch.tensor(3.91)

# %% [markdown]
# **2a.** Compute `first_loss`, the squared error (y − (w·x + b))², as a tensor.

# %%
# BEGIN SOLUTION
first_loss = (y - (w * x + b)) ** 2
# INSTEAD first_loss = ...
# END SOLUTION

if hunt.has_form("first_loss", first_loss, shape=()):
    display(minitorch.graph(first_loss, w=w, b=b, x=x, y=y))


# %% tags=["private-check"]
@question("2a", "loss", 3, {"loss": "first_loss", "tracked": "first_loss.requires_grad"})
def _(got, given):
    if not close(got["loss"], (SLOPE / 2 / X) ** 2):
        return 0, "the square of y - (w x + b), about 9.03, with no dimension"
    return (
        (1, "")
        if got["tracked"] is True
        else (2 / 3, "the number is right, but it does not know how it was computed")
    )


# %% [markdown]
# The picture is the *computational graph* of your expression: in green the values on their way forward, in red the
# derivative of the loss with respect to each of them, on its way back. (If you see none, `first_loss` is not there yet.)

# %% [markdown]
# **2b.** Call `first_loss.backward()` and put the derivative with respect to `w`, a Python number, into `slope`.
# (`.item()` turns a tensor with one element into a number.)

# %%
# BEGIN SOLUTION
first_loss.backward()
slope = w.grad.item()
# INSTEAD slope = ...
# END SOLUTION

hunt.form("slope", slope, shape=())
word_2 = hunt.word(2, slope)


# %% tags=["private-check"]
@question("2b", "slope of the loss", 4, {"slope": "slope"})
def _(got, given):
    return judge(
        got["slope"],
        SLOPE,
        "w.grad.item() after first_loss.backward()",
        (-SLOPE, 0, "the sign is wrong: the loss falls as w grows"),
        (SLOPE / X, 0, "this is the derivative with respect to b"),
        (SLOPE / 2, 0, "half of it: the derivative of a square is twice the inside"),
        (2 * SLOPE, 0, "twice too big: backward() was called twice, and gradients add up"),
    )


@question("W2", "word 2, earned by the slope", 4, {"words": "words"}, word=True)
def _(got, given):
    return is_word(got["words"], 2, earned_word(2, SLOPE))


# %% [markdown] tags=["online"]
# ## Word 2
# In place of the word: what is `slope`, to two decimals?
#
# [____](=-8.23+-0.01)

# %% [markdown]
# **2c.** Now without `backward()`. Write `slope_by_hand(w, b, x, y)`, which returns the derivative of
# (y − (w·x + b))² with respect to w, by the chain rule. Mind the minus: the inside, y − (w·x + b), falls when w grows.
# It must do for any four numbers.


# %%
def slope_by_hand(w, b, x, y):
    # BEGIN SOLUTION
    return -2 * (y - (w * x + b)) * x
    # END SOLUTION


print("by hand:", slope_by_hand(0.77, -0.15, 1.37, 3.91), "  by backward():", slope)


# %% tags=["private-check"]
@question(
    "2c",
    "slope by hand",
    6,
    {"out": "[float(slope_by_hand(*row)) for row in rows.tolist()]"},
    given=lambda rng: {"rows": rng.normal(0, 2, (5, 4))},
)
def _(got, given):
    w, b, x, y = np.array(given["rows"]).T
    right = -2 * (y - (w * x + b)) * x
    return judge(
        got["out"],
        right,
        "-2 (y - (w x + b)) x",
        (-right, 1 / 2, "the minus of the inside is missing"),
        (right / 2, 1 / 2, "the derivative of a square is twice the inside"),
        (right / x, 1 / 3, "the last factor of the chain, x, is missing"),
    )


# %% [markdown]
# **Gradients add up.** `backward()` does not put the derivative into `.grad`, it *adds* it to what is there. That is
# useful, once you know of it, and until then the most frequent mistake of all.
#
# **2d.** Compute the same loss from `w` and `b` once more, call `backward()` on it, without touching `.grad` before:
# `twice` is `w.grad` now, as a number. Then reset the gradient with `w.grad.zero_()` (and `b`'s), compute the loss and
# call `backward()` a third time: `fresh` is `w.grad` then.

# %%
# BEGIN SOLUTION
((y - (w * x + b)) ** 2).backward()
twice = w.grad.item()
w.grad.zero_()
b.grad.zero_()
((y - (w * x + b)) ** 2).backward()
fresh = w.grad.item()
# INSTEAD twice = ...
# INSTEAD fresh = ...
# END SOLUTION

print("twice:", twice, "  fresh:", fresh)


# %% tags=["private-check"]
@question("2d", "gradients add up", 4, {"twice": "twice", "fresh": "fresh"})
def _(got, given):
    twice, fresh = close(got["twice"], 2 * SLOPE), close(got["fresh"], SLOPE)
    hint = "" if twice and fresh else "twice is the sum of two gradients; fresh, after zero_(), is one"
    return (twice + fresh) / 2, hint


# %% [markdown]
# **2e.** A derivative can be checked without any calculus: move a little, and see how much the function moves. Write
# `numeric_slope(f, w, h)`, which returns (f(w + h) − f(w − h)) / 2h for a function `f` of one number.
#
# The cell shows what happens in float32, with its seven digits: a smaller step is better only until what is left of the
# difference is rounding. On the lecture's slide, one step of 0.0001 to one side gave -8.249 in place of -8.234.


# %%
def numeric_slope(f, w, h):
    # BEGIN SOLUTION
    return (f(w + h) - f(w - h)) / (2 * h)
    # END SOLUTION


def loss_at(w, dtype):
    return (torch.tensor(3.91, dtype=dtype) - (w * torch.tensor(1.37, dtype=dtype) - 0.15)) ** 2


if hunt.has_form("numeric_slope(...)", numeric_slope(lambda w: w * w, 1.0, 0.1), shape=()):
    for dtype in (torch.float32, torch.float64):
        at = torch.tensor(0.77, dtype=dtype)
        for h in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5):
            print(dtype, h, float(numeric_slope(lambda w: loss_at(w, dtype), at, h)))


# %% tags=["private-check"]
@question(
    "2e",
    "numeric slope",
    3,
    {"out": "[float(numeric_slope(lambda t: t ** 3 - 2 * t, float(at), 1e-3)) for at in points]"},
    given=lambda rng: {"points": rng.uniform(1, 2, 6)},
)
def _(got, given):
    at = np.array(given["points"])
    right = 3 * at**2 - 2
    one_side = (right + 3e-3 * at, 2 / 3, "a step to one side only; the text asks for both")
    return judge(got["out"], right, "the difference of both sides, divided by 2 h", one_side)


# %% [markdown]
# ## Step 3: a net by hand
#
# A layer of a net multiplies by a matrix and adds a vector. By custom a batch of inputs has one **row** for each
# example, and a weight matrix one **row** for each output: a layer from 2 to 3 has `W` of shape (3, 2) and `b` of shape
# (3,), and computes x Wᵀ + b. The sum over inputs, the broadcasting of `b` over the batch: step 1 in one line.
#
# **3a.** Write `linear(x, W, b)` for `x` of shape (n, inputs), without a loop.
#
# **3b.** Write `relu(x)`: every negative number becomes 0, others stay. (`torch.clamp`, `torch.where` and
# `torch.maximum` all do.)


# %%
def linear(x, W, b):
    # BEGIN SOLUTION
    return x @ W.T + b
    # END SOLUTION


def relu(x):
    # BEGIN SOLUTION
    return torch.clamp(x, min=0)
    # END SOLUTION


hunt.form("linear(...)", linear(torch.ones(5, 2), torch.ones(3, 2), torch.zeros(3)), shape=(5, 3))
hunt.form("relu(...)", relu(torch.ones(4)), shape=(4,))


# %% tags=["private-check"]
@question(
    "3a",
    "linear(x, W, b)",
    3,
    {"out": "linear(x, W, b)"},
    given=lambda rng: {
        "x": rng.normal(0, 1, (6, 3)),
        "W": rng.normal(0, 1, (4, 3)),
        "b": rng.normal(0, 1, 4),
    },
)
def _(got, given):
    x, w, b = (np.array(given[name]) for name in "xWb")
    return judge(
        got["out"], x @ w.T + b, "x @ W.T + b, of shape (n, outputs)", (x @ w.T, 1 / 3, "b is not added")
    )


def both_signs(rng):
    x = rng.uniform(0.1, 2, (3, 4))
    return {"x": np.concatenate([x, -x])}


@question("3b", "relu(x)", 2, {"out": "relu(x)"}, given=both_signs)
def _(got, given):
    x = np.array(given["x"])
    absolute = (np.abs(x), 0, "this is the absolute value: negative numbers become 0")
    return judge(got["out"], np.maximum(x, 0), "negative numbers become 0, others stay", absolute)


# %% [markdown]
# Two layers, one after the other, with these weights. Nothing here is random, so everybody gets the same numbers.

# %%
W1 = torch.tensor([[0.9, 0.7], [-0.8, 0.6], [0.5, -1.0]], requires_grad=True)
b1 = torch.tensor([0.1, 0.02, -0.2], requires_grad=True)
W2 = torch.tensor([[0.8, 1.1, 0.9]], requires_grad=True)
b2 = torch.tensor([0.05], requires_grad=True)

inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
targets = torch.tensor([[0.0], [1.0], [1.0], [0.0]])  # exclusive or: no straight line separates it

# %% [markdown]
# **3c.** *Without* an activation between them, two layers are not better than one: `linear(linear(x, W1, b1), W2, b2)`
# equals `linear(x, W_one, b_one)` for every `x`. Work out `W_one`, of shape (1, 2), and `b_one`, of shape (1,), from
# the four tensors above.

# %%
# BEGIN SOLUTION
W_one = W2 @ W1
b_one = b2 + W2 @ b1
# INSTEAD W_one = ...
# INSTEAD b_one = ...
# END SOLUTION

hunt.form("W_one", W_one, shape=(1, 2))
hunt.form("b_one", b_one, shape=(1,))


# %% tags=["private-check"]
@question("3c", "two linear layers are one", 5, {"W": "W_one", "b": "b_one"})
def _(got, given):
    w, b = close(got["W"], [[0.29, 0.32]]), close(got["b"], [-0.028])
    hint = (
        ""
        if w and b
        else "put the first layer's formula into the second's and multiply out: W2 W1, and W2 b1 + b2"
    )
    return 0.6 * w + 0.4 * b, hint


# %% [markdown]
# With `relu` between the layers the net can bend, and this is all of training: compute the loss, go back, take a small
# step against the gradient, and forget the gradient.
#
# **3d.** Train `W1`, `b1`, `W2`, `b2` for 20 steps, each on all four examples:
#
# - the prediction is `linear(relu(linear(inputs, W1, b1)), W2, b2)`,
# - the loss is the mean of the squared differences from `targets`,
# - after `backward()`, every parameter `p` takes the step `p -= 0.1 * p.grad`. Do this inside `with torch.no_grad():`,
#   because the step itself is not to be differentiated, and in place (`-=`), because `p = p - ...` would make a new tensor,
# - then `p.grad.zero_()`, for the reason that you know from 2d.
#
# `final_loss` is the loss, a number, **after** the 20th step.
# (Run the cell with the weights again before you try a second time: training continues where it stopped.)

# %%
# BEGIN SOLUTION
parameters = [W1, b1, W2, b2]


def by_hand_loss():
    return ((linear(relu(linear(inputs, W1, b1)), W2, b2) - targets) ** 2).mean()


for step in range(20):
    by_hand_loss().backward()
    with torch.no_grad():
        for p in parameters:
            p -= 0.1 * p.grad
            p.grad.zero_()
final_loss = by_hand_loss().item()
# INSTEAD final_loss = ...
# END SOLUTION

hunt.form("final_loss", final_loss, shape=())
word_3 = hunt.word(3, final_loss)


# %% tags=["private-check"]
@question("3d", "training by hand", 6, {"loss": "final_loss"})
def _(got, given):
    near = [(by_hand(steps), 2 / 3, f"this is the loss after {steps} steps, not 20") for steps in (19, 21)]
    hint = "20 steps from the given weights; are gradients zeroed every time?"
    return judge(got["loss"], FINAL_LOSS, hint, *near, tolerance=2e-6)


@question("W3", "word 3, earned by training", 4, {"words": "words"}, word=True)
def _(got, given):
    return is_word(got["words"], 3, earned_word(3, FINAL_LOSS))


# %% [markdown] tags=["online"]
# ## Word 3
# In place of the word: what is `final_loss`, to four decimals?
#
# [____](={{FINAL_LOSS}}+-0.0001)

# %% [markdown]
# ## Step 4: `nn.Module`
#
# Four tensors can be kept track of by hand, a hundred cannot. A class that inherits from `nn.Module` finds its
# parameters by itself: every `nn.Linear` (and every other module) that you assign to `self` in `__init__` is one of its
# parts, and `forward` says what is computed. Calling the object, `net(x)`, calls `forward`. The first line of
# `__init__` must be `super().__init__()`: it lays out where the parts are kept, and without it you will be told, in
# the words of an old sailor: {{WORD:4}} (That was number four.)
#
# **4a, 4b.** Complete `Net(hidden)`: a layer `self.first` from 2 inputs to `hidden`, relu, and a layer `self.second`
# from `hidden` to 1 output. Nothing after the second layer.


# %%
class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        # BEGIN SOLUTION
        self.first = nn.Linear(2, hidden)
        self.second = nn.Linear(hidden, 1)
        # END SOLUTION

    def forward(self, x):
        # BEGIN SOLUTION
        return self.second(torch.relu(self.first(x)))
        # END SOLUTION


net = Net(3)
print(net)
for name, parameter in net.named_parameters():
    print(name, tuple(parameter.shape))
hunt.form("net(...)", net(torch.zeros(5, 2)), shape=(5, 1))


# %% tags=["private-check"]
@question(
    "4a",
    "the parameters of Net",
    4,
    {"shapes": "[[n, list(p.shape)] for n, p in Net(hidden).named_parameters()]"},
    given=lambda rng: {"hidden": int(rng.integers(4, 9))},
)
def _(got, given):
    h = given["hidden"]
    right = [["first.weight", [h, 2]], ["first.bias", [h]], ["second.weight", [1, h]], ["second.bias", [1]]]
    shapes = got["shapes"] if isinstance(got["shapes"], list) else []
    if sorted(map(str, shapes)) == sorted(map(str, right)):
        return 1, ""
    if sorted(str(s[1]) for s in shapes if isinstance(s, list)) == sorted(str(s[1]) for s in right):
        return 1 / 2, "the shapes are right; the layers must be called first and second"
    return 0, "first: from 2 to hidden, second: from hidden to 1; does hidden count?"


LOAD = """
net = Net(3)
with torch.no_grad():
    for name, value in (("first.weight", W1), ("first.bias", b1), ("second.weight", W2), ("second.bias", b2)):
        dict(net.named_parameters())[name].copy_(value)
out = net(x)
"""


def forward(given):
    """What lies before the relu, and what comes out."""
    w1, b1, w2, b2, x = (np.array(given[name]) for name in ("W1", "b1", "W2", "b2", "x"))
    before = x @ w1.T + b1
    return before, np.maximum(before, 0) @ w2.T + b2


def weights(rng):
    """Drawn until the relu matters in every neuron, and a relu after the second layer would as well."""
    while True:
        shapes = {"W1": (3, 2), "b1": 3, "W2": (1, 3), "b2": 1, "x": (9, 2)}
        given = {name: rng.normal(0, 1, shape) for name, shape in shapes.items()}
        before, out = forward(given)
        if before.min(0).max() < -0.2 and before.max(0).min() > 0.2 and out.min() < -0.2 and out.max() > 0.2:
            return given


@question("4b", "what Net computes", 5, {"out": LOAD}, given=weights)
def _(got, given):
    before, right = forward(given)
    linear = before @ np.array(given["W2"]).T + np.array(given["b2"])
    return judge(
        got["out"],
        right,
        "second(relu(first(x)))",
        (linear, 2 / 5, "the relu between the layers is missing"),
        (np.maximum(right, 0), 2 / 5, "there must be nothing after the second layer"),
    )


@question("W4", "word 4, in the text of step 4", 4, {"words": "words"}, word=True)
def _(got, given):
    return is_word(got["words"], 4, text_word(4))


# %% [markdown] tags=["online"]
# ## Word 4
# Which word stands in the text of step 4, about `super().__init__()`?
#
# [____]({{WORD:4}})

# %% [markdown]
# Parameters by name make a dictionary, the `state_dict`. That is what is saved to a file, and what carries weights from
# one net to another of the same shape. Here are the weights that you trained in step 3, in a `Net`:

# %%
state = {"first.weight": W1, "first.bias": b1, "second.weight": W2, "second.bias": b2}
if len(net.state_dict()) == 4:
    net.load_state_dict({name: tensor.detach() for name, tensor in state.items()})
    print(net(inputs).detach().flatten(), "  asked for:", targets.flatten())

# %% [markdown]
# ## Step 5: `nn.Sequential`, and an optimiser
#
# Where data flows straight through, even the class is too much: `nn.Sequential(layer, layer, ...)` is a module that
# calls its parts in order. An activation is a part as well. This time it is `nn.Tanh()`, which is smooth where relu has
# a kink; with `nn.ReLU()`, about one random start in four would get stuck below.
#
# **5a.** Make `model` from 2 inputs over two hidden layers of 8 to 1 output, with a `nn.Tanh()` after each hidden layer
# and nothing after the last: 2-8-8-1, five parts. `parameter_count` is the number of numbers in all its parameters.
# (`p.numel()` is how many a tensor has.) Count them on paper as well.

# %%
torch.manual_seed(0)
# BEGIN SOLUTION
model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
parameter_count = sum(p.numel() for p in model.parameters())
# INSTEAD model = ...
# INSTEAD parameter_count = ...
# END SOLUTION

print(model)
hunt.form("parameter_count", parameter_count, shape=())


# %% tags=["private-check"]
@question(
    "5a",
    "a sequential model",
    4,
    {
        "parts": "[type(part).__name__ for part in model]",
        "shapes": "[list(p.shape) for p in model.parameters()]",
        "count": "parameter_count",
    },
)
def _(got, given):
    parts = got["parts"] == ["Linear", "Tanh", "Linear", "Tanh", "Linear"]
    shapes = got["shapes"] == [[8, 2], [8], [8, 8], [8], [1, 8], [1]]
    count = close(got["count"], COUNT)
    hints = [
        "Linear, Tanh, Linear, Tanh, Linear" * (not parts),
        "sizes 2-8-8-1" * (not shapes),
        "parameter_count is weights and biases together" * (not count),
    ]
    return (parts + shapes + 2 * count) / 4, "; ".join(hint for hint in hints if hint)


# %% [markdown]
# The half moons of the lecture: two inputs, and a label that says which of two moons a point lies on. The model gives
# one number; above 0 means moon 1. `nn.BCEWithLogitsLoss()` is the loss for that: it puts the sigmoid and the logarithm
# together, so that neither overflows.
#
# An *optimiser* does the steps of 3d for you. `torch.optim.Adam(model.parameters(), lr=0.01)` keeps the parameters and
# a running mean of their gradients; `optimiser.zero_grad()`, `loss.backward()`, `optimiser.step()`: every training loop
# that you will ever write has these three lines.
#
# **5b.** Train `model` on `moon_x`, `moon_y` until it has at least 97 % of points right. 300 steps of Adam with
# `lr=0.02`, each on all points, will do. The grader asks your model about *other* points of the same moons.

# %%
from minitorch.lecture.data import moons_split

moons = moons_split()
moon_x, moon_y = moons.train_x, moons.train_y
print(moon_x.shape, moon_y.shape, moon_y[:5].flatten())

# %%
# BEGIN SOLUTION
loss_fn = nn.BCEWithLogitsLoss()
optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
for step in range(300):
    optimiser.zero_grad()
    loss = loss_fn(model(moon_x), moon_y)
    loss.backward()
    optimiser.step()
# END SOLUTION

if model is not ...:
    right = ((model(moons.test_x) > 0) == (moons.test_y > 0.5)).float().mean().item()
    print(f"{right:.0%} of the test points are right")


# %% tags=["private-check"]
def moon_points(rng):
    t = rng.uniform(0.05, np.pi - 0.05, 200)
    outer, inner = np.stack([np.cos(t), np.sin(t)], 1), np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1)
    return {"points": np.concatenate([outer[:100], inner[100:]])}


@question("5b", "a trained model", 7, {"out": "model(points).flatten()"}, given=moon_points)
def _(got, given):
    if np.shape(got["out"]) != (200,):
        return 0, "the model must give one number for each point"
    right = float(((np.array(got["out"]) > 0) == (np.arange(200) >= 100)).mean())
    if right >= 0.97:
        return 1, ""
    share = 3 / 5 if right >= 0.9 else 1 / 5 if right >= 0.8 else 0
    return share, f"{right:.0%} of new points are right, 97 % are asked for: train longer?"


# %% [markdown]
# A picture says more than a percentage. The cell asks the model about every point of a square. Where it says moon 0
# there is a dot, where it says moon 1 a plus; `0` and `1` are the points themselves.

# %%
if model is not ...:
    across, down = torch.linspace(-1.5, 2.5, 64), torch.linspace(1.5, -1.0, 22)
    square = torch.stack([across.repeat(22), down.repeat_interleave(64)], dim=1)
    answers = (model(square) > 0).reshape(22, 64)
    picture = [["+" if answer else "·" for answer in row] for row in answers.tolist()]
    for (point_x, point_y), label in zip(moon_x.tolist(), moon_y.flatten().tolist(), strict=True):
        picture[round((1.5 - point_y) / 2.5 * 21)][round((point_x + 1.5) / 4 * 63)] = str(round(label))
    print("\n".join("".join(row) for row in picture))

# %% [markdown]
# ## Data sets
#
# A *data set* is any object that has a length and gives example number `i`: a class that inherits from
# `torch.utils.data.Dataset`, with `__len__` and `__getitem__`. It does not matter where the examples come from: a list,
# a folder of pictures, a formula. A `DataLoader` makes batches of it, shuffled if you like, and a training loop goes
# through the loader instead of taking all at once.
#
# **6a.** Complete `Points`: `len(points)` is the number of rows of `x`, and `points[i]` is the pair `(x[i], y[i])`.
#
# **6b.** Make `loader`, a `DataLoader` over `Points(moon_x, moon_y)` with batches of 30, shuffled. `batch_sizes` is the
# list of the number of examples in each batch of one run through it, in order. (The number of examples that are left
# over would be the last. Are any?)

# %%
from minitorch.utils.data import DataLoader, Dataset


class Points(Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        # BEGIN SOLUTION
        return len(self.x)
        # INSTEAD return 0  # ...
        # END SOLUTION

    def __getitem__(self, i):
        # BEGIN SOLUTION
        return self.x[i], self.y[i]
        # END SOLUTION


# BEGIN SOLUTION
loader = DataLoader(Points(moon_x, moon_y), batch_size=30, shuffle=True)
batch_sizes = [len(batch_x) for batch_x, batch_y in loader]
# INSTEAD loader = ...
# INSTEAD batch_sizes = ...
# END SOLUTION

hunt.form("batch_sizes", batch_sizes)

# %% tags=["private-check"]
POINTS = """
data = Points(x, y)
out = [len(data), [[part.tolist() for part in data[i]] for i in (0, 3, len(x) - 1)]]
"""


@question(
    "6a",
    "a data set",
    3,
    {"out": POINTS},
    given=lambda rng: {"x": rng.normal(0, 1, (11, 2)), "y": rng.normal(0, 1, (11, 1))},
)
def _(got, given):
    x, y = np.array(given["x"]), np.array(given["y"])
    length, pairs = got["out"]
    right = all(
        close(pair[0], x[i]) and close(pair[1], y[i]) for pair, i in zip(pairs, (0, 3, 10), strict=True)
    )
    return (
        length == 11
    ) / 3 + 2 / 3 * right, "" if right and length == 11 else "the length of x; the pair (x[i], y[i])"


@question("6b", "batches", 3, {"sizes": "batch_sizes"})
def _(got, given):
    return close(got["sizes"], SIZES), "450 points in batches of 30"


@question("W5", "word 5, earned by all steps", 4, {"words": "words"}, word=True)
def _(got, given):
    return is_word(got["words"], 5, earned_word(5, SLOPE, FINAL_LOSS, COUNT, SIZES))


# %% [markdown] tags=["online"]
# ## Word 5
# In place of the word: how many batches are there, and how many examples does the last one have? (two questions)
#
# [____](=15+-0)
#
# ## The last batch
#
# [____](=30+-0)

# %% [markdown] tags=["online"]
# ## Adam
# What does Adam keep for each parameter, besides its value?
#
# [ ] its value one epoch ago
# [x] a running mean of its gradients
# [x] a running mean of the squares of its gradients
# [ ] the largest gradient of the batch
#
# [[Momentum is the first, RMSProp the second, and Adam takes both.]]
#
# ## Momentum
# Along a narrow valley, plain gradient descent swings from side to side. Why does momentum help?
#
# (X) steps to and fro cancel in the running mean, steps along the valley add up
# ( ) it makes every step smaller
# ( ) it computes the second derivative
#
# ## Batch norm
# A batch norm layer in training mode subtracts the mean of its input, and divides by its standard deviation. Mean of what?
#
# (X) of each feature, over the examples of the batch
# ( ) of each example, over its features
# ( ) of the layer's weights
#
# [[That is also why model.eval() matters: then it uses the running mean of training, because a batch may be one example.]]
#
# ## Weight decay
# What does weight decay add to the gradient of the loss with respect to a weight w?
#
# (X) a small multiple of w
# ( ) a small multiple of the sign of the gradient
# ( ) noise
#
# ## zero_grad
# What happens if a training loop never calls zero_grad()?
#
# (X) each step uses the sum of the gradients of all steps so far
# ( ) an error is raised at the second backward()
# ( ) nothing: step() resets the gradients

# %% [markdown]
# The fifth word is made of four answers: the slope, the final loss, the number of parameters, and the sizes of the
# batches. It proves that you have been everywhere.

# %%
word_5 = hunt.word(5, slope, final_loss, parameter_count, batch_sizes)

# %% [markdown]
# ## The words
#
# Type the five words here, run everything once more from the top (*Kernel, Restart and Run All*), save, and hand in this
# one file. Capital letters and spaces do not matter.

# %%
words = {
    1: "{{ANSWER:1}}",
    2: "{{ANSWER:2}}",
    3: "{{ANSWER:3}}",
    4: "{{ANSWER:4}}",
    5: "{{ANSWER:5}}",
}
