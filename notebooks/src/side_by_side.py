# %% [markdown]
# # Side by side: the same cell in PyTorch and in minitorch
#
# minitorch wants to be PyTorch, only small. Does it keep its word? Put `%%compare` at the top of a cell, and the cell
# is run twice: once where `torch` is PyTorch, once where it is minitorch. Below it stands what came out: the values,
# the largest difference, curves, errors and times.
#
# If PyTorch is not installed, its column says how to get it, and all else is there. The cells need no imports: `torch`,
# `nn`, `F` and `np` are there. (Imports do no harm: in each of the two runs they bring the right library.)

# %%
# %load_ext minitorch

# %% [markdown]
# ## Numbers
#
# `torch.manual_seed` is called before each run (with 0; `%%compare --seed 7` for another one), and both libraries
# have the same random numbers, bit for bit:

# %% compare=""
x = torch.randn(1000)
order = torch.randperm(10)
weights = nn.Linear(3, 2).weight
x.mean()

# %% [markdown]
# *identical* means every bit. Otherwise both have added the same numbers in another order, and rounded otherwise: a
# float32 has seven digits, so for numbers near 1 a difference of `6e-08` is one rounding, and for numbers near 100 it
# is `8e-06`.

# %% compare=""
a = torch.rand(200, 300)
b = torch.rand(300, 100)
product = a @ b
softmax = torch.softmax(product, dim=1)
total = softmax.sum()

# %% [markdown]
# ## Gradients

# %% compare=""
w = torch.tensor(0.77, requires_grad=True)
b = torch.tensor(-0.15, requires_grad=True)
loss = (3.91 - (1.37 * w + b)).pow(2)
loss.backward()
dw, db = w.grad, b.grad

# %% [markdown]
# ## A training
#
# Lists of numbers become curves: PyTorch's wide and pale, minitorch's thin over it. If you see one curve only,
# they lie on each other. What one `%%compare` cell defines, the next one knows, each library its own.

# %% compare=""
from torch.utils.data import DataLoader, TensorDataset

inputs = torch.rand(200, 2) * 2 - 1
labels = (inputs[:, :1] * inputs[:, 1:] > 0).float()
data = DataLoader(TensorDataset(inputs, labels), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
optim = torch.optim.Adam(model.parameters(), lr=0.02)
losses = []
for epoch in range(40):
    for x, y in data:
        optim.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optim.step()
    losses.append(loss.item())

# %% compare=""
with torch.no_grad():
    right = ((model(inputs) > 0) == (labels > 0)).float().mean()
print(f"{right.item():.0%} right")

# %% [markdown]
# ## Mistakes
#
# Errors are part of a library, too. Both raise the same one:

# %% compare=""
torch.ones(3, 2) @ torch.ones(3, 2)

# %% [markdown]
# ## Times
#
# One run is a poor measurement: a first call does much that does not come again. `--repeat 5` shows the shortest of
# five, and who is faster. Both compute with one thread, unless you say `--threads 2`. What you see depends on what you
# measure: small nets spend their time *between* the operations, and there minitorch is quick; large matrix products
# spend it in the processor's arithmetic, where there is little to gain.

# %% compare="--repeat 5"
model = nn.Sequential(nn.Linear(2, 8), nn.Sigmoid(), nn.Linear(8, 1))
optim = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.rand(8, 2), torch.rand(8, 1)
for step in range(300):
    optim.zero_grad()
    F.mse_loss(model(x), y).backward()
    optim.step()

# %% compare="--repeat 5"
a = torch.rand(512, 512)
b = a @ a

# %% [markdown]
# ## What is in your notebook already
#
# Numbers, arrays and tensors of the notebook can be used in a `%%compare` cell: each library gets copies of its own.
# Functions and classes built on one library cannot be carried over; define them in a `%%compare` cell.

# %%
import minitorch as torch

points = torch.linspace(-2, 2, 5)

# %% compare=""
bent = F.gelu(points)
bent

# %% [markdown]
# ## From a program
#
# `minitorch.compare` is the same as a function: of source, or of a function that is given the library.

# %%
import minitorch


def lesson(torch):
    torch.manual_seed(1)
    layer = torch.nn.LSTM(4, 8)
    out, _ = layer(torch.randn(10, 2, 4))
    out.sum().backward()
    return {"out": out, "gradient": layer.weight_hh_l0.grad}


result = minitorch.compare(lesson)
result

# %%
print("agree to 5 digits:", result.agree(1e-5))
print(result)

# %% [markdown]
# `result.plot()` draws the curves with matplotlib, for a paper or a slide; `result.rows` and `result.seconds` are for
# programs.
#
# **Exercise.** Take any cell of the workbook, put `%%compare` at its top, and see whether there is one that differs by
# more than a rounding. (Training that runs for long can: a rounding at the beginning grows. If you find another, it is
# a mistake of minitorch's, and we should like to know.)
