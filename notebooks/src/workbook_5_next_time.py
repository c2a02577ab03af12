# %% [markdown]
# # Workbook 5: next time
#
# The lecture ends with what would come next: architectures for sequences (recurrent nets, Transformers), models
# that generate text, and pretraining. Here they are, small enough to train while you wait, and with nothing in
# them that you have not met: linear layers, activation functions, softmax, cross entropy, Adam.
#
# Before it: [training well](workbook_4_training_well.ipynb).

# %%
import copy
import math

import matplotlib.pyplot as plt
import numpy as np

import minitorch as torch
import minitorch.nn.functional as F
from minitorch import nn

# %% [markdown]
# ## A text
#
# We need some text to learn from. This one has been put together from small tables, so it has a grammar, and a
# little sense: by day it is the animals of the day that do what they do.

# %%
rng = np.random.default_rng(0)
DAY = ["the hen", "the bee", "the lark", "the goat"]
NIGHT = ["the owl", "the bat", "the moth", "the hedgehog"]
DOES = ["sings", "eats", "rests", "calls"]
WHERE = ["in the sun", "at noon"], ["in the dark", "at midnight"]


def sentence(night):
    """One sentence about the day (0) or the night (1)."""
    who = (DAY, NIGHT)[night][rng.integers(4)]
    return f"{who} {DOES[rng.integers(4)]} {WHERE[night][rng.integers(2)]}.\n"


text = "\n" + "".join(sentence(rng.integers(2)) for _ in range(400))
print(text[:140])

# %% [markdown]
# A net wants numbers: one for each character.

# %%
alphabet = sorted(set(text))
number = {character: i for i, character in enumerate(alphabet)}
codes = torch.tensor([number[character] for character in text])
print(len(text), "characters,", len(alphabet), "different ones")
print(codes[:10])

# %% [markdown]
# The task is **self-supervision**: from the characters so far, predict the next one. Nobody has to label anything;
# the text is its own answer.

# %%
LENGTH = 32  # the longest sentence, and the line's end before it
begins = [i for i in range(len(text) - LENGTH) if text[i] == "\n"]


def batch(size=32):
    """Pieces of the text, from the end of a line on, and the same one character later."""
    starts = [begins[k] for k in torch.randint(len(begins), (size,)).tolist()]
    inputs = torch.stack([codes[i : i + LENGTH] for i in starts])
    targets = torch.stack([codes[i + 1 : i + LENGTH + 1] for i in starts])
    return inputs, targets


torch.manual_seed(0)
inputs, targets = batch(1)
print(repr("".join(alphabet[i] for i in inputs[0].tolist())))
print(repr("".join(alphabet[i] for i in targets[0].tolist())))

# %% [markdown]
# ## A recurrent net
#
# Read one character after the other, and keep a **state** $h$, a vector that remembers what has been read:
#
# $$h_t = \tanh(W_x x_t + b_x + W_h h_{t-1} + b_h)$$
#
# The same weights at every step. By hand, beside the library's:

# %%
torch.manual_seed(0)
rnn = nn.RNN(input_size=3, hidden_size=4, batch_first=True)
x = torch.randn(1, 5, 3)  # one sequence of five vectors
h = torch.zeros(4)
states = []
for t in range(5):
    h = torch.tanh(rnn.weight_ih_l0 @ x[0, t] + rnn.bias_ih_l0 + rnn.weight_hh_l0 @ h + rnn.bias_hh_l0)
    states.append(h)
out, last = rnn(x)
print(torch.allclose(torch.stack(states), out[0], atol=1e-6), torch.allclose(h, last[0, 0], atol=1e-6))

# %% [markdown]
# `backward()` goes back through all the steps (*backpropagation through time*): the graph is just a long one.

# %% tags=["minitorch"]
w, u, h0 = (torch.tensor(n, requires_grad=True) for n in (0.5, 0.8, 0.0))
h1 = torch.tanh(w * 1.0 + u * h0)
h2 = torch.tanh(w * -0.5 + u * h1)
h3 = torch.tanh(w * 2.0 + u * h2)
torch.graph(h3, w=w, u=u, h0=h0, h1=h1, h2=h2, h3=h3)

# %% [markdown]
# To predict characters: look up a vector for each (an *embedding*: a table of parameters), run the RNN over them,
# and let a linear layer say from the state which character comes next.


# %%
class Recurrent(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.embedding = nn.Embedding(len(alphabet), width)
        self.rnn = nn.RNN(width, width, batch_first=True)
        self.out = nn.Linear(width, len(alphabet))

    def forward(self, codes):
        states, _ = self.rnn(self.embedding(codes))
        return self.out(states)


def train(model, steps, lr):
    """Predict the next character; the loss at every step."""
    optim = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for step in range(steps):
        inputs, targets = batch()
        optim.zero_grad()
        loss = F.cross_entropy(model(inputs).reshape(-1, len(alphabet)), targets.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        losses.append(loss.item())
    return losses


torch.manual_seed(0)
recurrent = Recurrent()
rnn_losses = train(recurrent, 200, 0.01)
print(f"loss {rnn_losses[0]:.1f} at first, {np.mean(rnn_losses[-10:]):.1f} in the end")
print(f"knowing nothing is worth log({len(alphabet)}) = {math.log(len(alphabet)):.2f}")

# %% [markdown]
# `clip_grad_norm_` shortens gradients that are too long. Going back through thirty steps multiplies thirty
# derivatives, and such a product easily explodes (or vanishes; LSTM and GRU, `nn.LSTM` and `nn.GRU`, are built so
# that it does not).
#
# **Generating text** is predicting the next character, again and again, each time appending what came out. We draw
# from the predicted probabilities: always taking the most probable one soon goes in circles.


# %%
def generate(model, start="\n", temperature=0.7):
    """One line that begins so."""
    written = [number[character] for character in start]
    with torch.no_grad():
        while len(written) < LENGTH:
            logits = model(torch.tensor([written]))[0, -1]
            p = torch.softmax(logits / temperature, dim=0)
            written.append(torch.multinomial(p, 1).item())
            if alphabet[written[-1]] == "\n":
                break
    return "".join(alphabet[i] for i in written).strip()


# %% tags=["varies"]
torch.manual_seed(0)
for _ in range(5):
    print(generate(recurrent))
print(generate(recurrent, "\nthe owl"))

# %% [markdown]
# Words and sentences, and nobody has told it about either. But look for birds of the night in the sun: about every other
# line has the wrong time of day, which is mere chance. For that it would have to remember the animal until the end of
# the line, fifteen characters on, and so small an RNN does not learn it.
#
# **Exercise.** Generate with `temperature=0.1`, and with `1.5`. *What to see:* the same few lines again and again; then
# new words, most of which do not exist.
#
# ## Attention
#
# A state has to carry everything. **Attention** looks back instead: every position makes a *query* (what am I
# looking for?), every position a *key* (what have I got?) and a *value* (here it is). Softmax of query times key says
# how much of each value to take:
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\left(\frac{QK^\top}{\sqrt{d}}\right) V$$
#
# And nobody may look into the future: those weights become 0 (their logits $-\infty$).

# %%
torch.manual_seed(0)
Q, K, V = torch.randn(6, 8), torch.randn(6, 8), torch.randn(6, 8)  # six positions
scores = Q @ K.t() / math.sqrt(8)
future = torch.triu(torch.ones(6, 6), diagonal=1) > 0
weights = torch.softmax(scores.masked_fill(future, -math.inf), dim=1)
by_hand = weights @ V
library = F.scaled_dot_product_attention(Q[None], K[None], V[None], is_causal=True)[0]
print(torch.allclose(by_hand, library, atol=1e-6))
print(weights[:3])

# %% [markdown]
# Row 1 has only itself to look at, row 2 two positions, and so on; each row adds up to 1.
#
# ## A small Transformer
#
# Attention mixes *positions*, a small two-layer net works on each position by *itself*; around both a shortcut
# (`x + ...`) and a normalisation, so that gradients get through. Stack such blocks, and you have GPT, but for its size.


# %%
class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        n, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(n, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(mixed.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self, width=48, heads=4, blocks=2):
        super().__init__()
        self.embedding = nn.Embedding(len(alphabet), width)
        self.position = nn.Embedding(LENGTH, width)  # attention alone knows no order
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, len(alphabet))

    def features(self, codes):
        x = self.embedding(codes) + self.position(torch.arange(codes.shape[1]))
        return self.norm(self.blocks(x))

    def forward(self, codes):
        return self.out(self.features(codes))


torch.manual_seed(0)
transformer = Transformer()
print(sum(p.numel() for p in transformer.parameters()), "parameters")
losses = train(transformer, 200, 0.005)
print(f"loss {losses[0]:.1f} at first, {np.mean(losses[-10:]):.1f} in the end")

# %%
plt.plot(rnn_losses, label="RNN")
plt.plot(losses, label="Transformer")
plt.xlabel("step")
plt.ylabel("loss: log(how many characters it hesitates between)")
plt.legend()
plt.show()

# %% tags=["varies"]
torch.manual_seed(0)
for _ in range(5):
    print(generate(transformer))
print(generate(transformer, "\nthe owl"))

# %% [markdown]
# Now the animal and its time of day go together: from the last word one can look back at the animal.
#
# Why does the loss not go to 0? Because the text *is* undecided: which animal, which verb, which place. Those choices
# are worth about $\log 8 + \log 4 + \log 2$ in a sentence of some 25 characters, 0.17 a character. Near that there is
# nothing left to learn.
#
# What does it look at? Here is the attention of the first block's heads, on one line:

# %%
line = "\nthe owl sings in the dark."
with torch.no_grad():
    one = torch.tensor([[number[character] for character in line]])
    x = transformer.embedding(one) + transformer.position(torch.arange(len(line)))
    first = transformer.blocks[0]
    qkv = first.qkv(first.norm1(x)).reshape(1, len(line), 3, 4, 12).permute(2, 0, 3, 1, 4)
    scores = (qkv[0] @ qkv[1].transpose(-1, -2) / math.sqrt(12))[0]
    future = torch.triu(torch.ones(len(line), len(line)), diagonal=1) > 0
    attention = torch.softmax(scores.masked_fill(future, -math.inf), dim=-1)
print(tuple(attention.shape), torch.allclose(attention.sum(dim=-1), torch.ones(4, len(line))))
figure, axes = plt.subplots(1, 4, figsize=(14, 3.8))
for head, ax in enumerate(axes):
    ax.imshow(attention[head].numpy(), cmap="Blues")
    ax.set_xticks(range(len(line)), "↵" + line[1:])
    ax.set_yticks(range(len(line)), "↵" + line[1:])
    ax.set_title(f"head {head + 1}")
plt.show()

# %% [markdown]
# A dark cell in row *t*, column *s*: to predict what follows character *t*, the head takes much from *s*.
#
# ## Pretraining and fine-tuning
#
# Now a task with labels: does a sentence speak of the day or of the night? But its last word, which would give it
# away, is missing, and there are labels for **eight** sentences only, about one animal of the day and one of the
# night. Labels are dear; text is cheap.
#
# Two candidates. The one starts from scratch. The other starts from the Transformer that has already read the text
# (**pretraining**), and only learns the rest (**fine-tuning**). The test is about the six other animals, which no label
# has ever mentioned.


# %%
def dataset(days, nights):
    """Sentences about these animals without the last word, filled up to one length; how long each is; 0 or 1."""
    lines = [f"\n{who} {does} in the " for who in days + nights for does in DOES]
    filled = [[number[character] for character in line.ljust(LENGTH, "\n")] for line in lines]
    night = [0] * (4 * len(days)) + [1] * (4 * len(nights))
    return torch.tensor(filled), torch.tensor([len(line) for line in lines]), torch.tensor(night)


seen_x, seen_length, seen_y = dataset(DAY[:1], NIGHT[:1])
new_x, new_length, new_y = dataset(DAY[1:], NIGHT[1:])
print(repr("".join(alphabet[i] for i in seen_x[0].tolist())))
print(len(seen_x), "labelled sentences,", len(new_x), "to test")


class Classifier(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body, self.head = body, nn.Linear(48, 2)

    def forward(self, codes, length):
        last = torch.arange(len(codes)), length - 1  # what it makes of the last character
        return self.head(self.body.features(codes)[last])


def fine_tune(body, steps, lr):
    """Train a classifier with this body on the eight sentences; its share of right answers on the others."""
    torch.manual_seed(1)
    model = Classifier(body)
    optim = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    for step in range(steps):
        optim.zero_grad()
        loss = F.cross_entropy(model(seen_x, seen_length), seen_y)
        loss.backward()
        optim.step()
    with torch.no_grad():
        return (model(new_x, new_length).argmax(dim=1) == new_y).float().mean().item()


# %% tags=["varies"]
torch.manual_seed(2)
print(f"from scratch:                     {fine_tune(Transformer(), 30, 0.0003):.0%} right")
print(f"pretrained, all weights trained:  {fine_tune(copy.deepcopy(transformer), 30, 0.0003):.0%} right")

# %%
frozen = copy.deepcopy(transformer).requires_grad_(False)
print(f"pretrained, only the head trained: {fine_tune(frozen, 100, 0.01):.0%} right")

# %% [markdown]
# From scratch the net can only guess: it has never heard of a bee. The pretrained one has, and what it made of bees,
# so as to predict how their sentences end, is what it made of hens. With so few labels it is best to leave all that
# alone, and train the last layer only: the 98 numbers of `head`. With more labels one trains everything, with a small
# learning rate, lest it *forget* what it had read.
#
# That is how the large models come about, too: reading first (self-supervision, on all the text there is), then a
# little teaching.
#
# **Exercises.**
#
# 1. Fine-tune after 0, 50, 100, 200 steps of pretraining. *What to see:* the share of right answers rises with how well
#    the Transformer predicts.
# 2. Leave out `position`. *What to see:* the loss stays a little higher. Attention sees a bag of characters; only the
#    mask tells it something of their order.
# 3. Leave out `is_causal=True`. *What to see:* the loss goes to nothing, and the generated text is rubbish. It has
#    learned to copy the next character, which in use is not there.
# 4. Replace `nn.RNN` by `nn.LSTM`, and train it for 500 steps. *What to see:* fewer owls in the sun. It remembers for
#    longer; but the Transformer took 200 steps to make no such mistake at all.
# 5. Put your own text in. Some ten thousand characters will do.
#
# That was the workbook. [Side by side](side_by_side.ipynb) runs all of it in PyTorch as well.
