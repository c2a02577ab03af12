"""The lecture's nets, trained for a few epochs with the library given, minitorch or PyTorch.

What a run gives is compared with what PyTorch 2.13 gave, stored in ``pytorch_losses.json`` by

    python tests/lecture/lecture_nets.py        (needs PyTorch; writes the file again)
"""

import hashlib
import importlib
import json
from pathlib import Path

import numpy as np

STORED = Path(__file__).with_name("pytorch_losses.json")
EPOCHS = 5
SEEDS = (0, 1, 2)
SIZES = {
    "linear 2-1": (2, 1),
    "linear 2-4-1": (2, 4, 1),
    "2-4-1": (2, 4, 1),
    "2-8-8-1": (2, 8, 8, 1),
    "ReLU 2-4-4-4-1": (2, 4, 4, 4, 1),
}
# the code book's neurons, weights drawn from N(0, 1), and the same nets from nn.Linear
FORMS = ("neurons", "nn.Linear")
OPTIMIZERS = ("SGD", "Adam")


def runs():
    """The name of every run, with what makes it: net, form, optimizer, seed."""
    for net in SIZES:
        for form in FORMS:
            for optimizer in OPTIMIZERS:
                for seed in SEEDS:
                    yield f"{net}, {form}, {optimizer}, seed {seed}", (net, form, optimizer, seed)


def data():
    """The half moons as float32: 450 points (450, 2) to train on and their labels (450, 1)."""
    t = np.linspace(0, np.pi, 250)
    x = np.stack([np.append(np.cos(t), 1 - np.cos(t)), np.append(np.sin(t), 0.5 - np.sin(t))], axis=1)
    order = np.random.RandomState(0).permutation(500)[50:]
    return x[order].astype(np.float32), (order >= 250).astype(np.float32)[:, None]


def layer(torch, form, n_in, n_out):
    nn = torch.nn
    if form == "nn.Linear":
        return nn.Linear(n_in, n_out)

    class Neurons(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = nn.Parameter(torch.empty(n_in, n_out))
            self.bias = nn.Parameter(torch.empty(1, n_out))
            nn.init.normal_(self.weights)
            nn.init.normal_(self.bias)

        def forward(self, inputs):
            return torch.matmul(inputs, self.weights) + self.bias

    return Neurons()


def build(torch, net, form):
    nn = torch.nn
    sizes = SIZES[net]
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers.append(layer(torch, form, n_in, n_out))
        if not net.startswith("linear"):
            hidden = nn.ReLU if net.startswith("ReLU") else nn.Sigmoid
            layers.append(nn.Sigmoid() if n_out == 1 else hidden())
    return nn.Sequential(*layers)


def digest(arrays) -> str:
    """A hash of the bytes of arrays: equal means equal bit for bit."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()[:16]


def train(torch, net, form, optimizer, seed):
    """Initial weights and shuffles as hashes, and the loss on all training points after each epoch."""
    loading = importlib.import_module(torch.__name__ + ".utils.data")
    x, y = data()
    place = {point.tobytes(): i for i, point in enumerate(x)}
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    torch.manual_seed(seed)
    model = build(torch, net, form)
    weights = digest(p.detach().numpy() for p in model.parameters())
    loader = loading.DataLoader(loading.TensorDataset(x, y), batch_size=8, shuffle=True)
    linear = net.startswith("linear")
    loss_fn = torch.nn.MSELoss() if linear else torch.nn.BCELoss()
    rate = {"SGD": 5e-4 if linear else 0.03, "Adam": 1e-2}[optimizer]
    optim = getattr(torch.optim, optimizer)(model.parameters(), lr=rate)
    seen, losses = [], []
    for _epoch in range(EPOCHS):
        for inputs, labels in loader:
            seen += [place[point.tobytes()] for point in inputs.numpy()]
            optim.zero_grad()
            preds = model.forward(inputs)
            loss = loss_fn(preds, labels)
            loss.backward()
            optim.step()
        with torch.no_grad():
            losses.append(loss_fn(model(x), y).item())
    return {"weights": weights, "shuffles": digest([np.array(seen, np.int64)]), "losses": losses}


def stored():
    return json.loads(STORED.read_text())


def store():
    """Write PyTorch's results, one line a run; its losses to nine significant digits."""
    import torch

    torch.set_num_threads(1)
    lines = []
    for name, run in runs():
        result = train(torch, *run)
        result["losses"] = [float(f"{loss:.9g}") for loss in result["losses"]]
        lines.append(f"  {json.dumps(name)}: {json.dumps(result)}")
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    store()
