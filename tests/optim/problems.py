"""What the optimizers are tried on: configurations, and a small problem with gradients made outside autograd.

Run as a program, with PyTorch, it writes trajectories.json anew: python tests/optim/problems.py
"""

import json
from pathlib import Path

import numpy as np

STORED = Path(__file__).with_name("trajectories.json")
TRAJECTORIES = json.loads(STORED.read_text()) if STORED.exists() else {}
STEPS = 50

_rng = np.random.default_rng(11)
W0, B0 = _rng.standard_normal((3, 2)), _rng.standard_normal(2)
Q = _rng.standard_normal((3, 3))
Q = Q @ Q.T + np.eye(3)

CONFIGS = [
    ("SGD", {"lr": 5e-4}),
    ("SGD", {"lr": 0.01, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.001, "momentum": 0.5, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-6}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.01, "weight_decay": 0.1, "alpha": 0.9}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.5, "centered": True, "eps": 1e-6}),
    ("RMSprop", {"lr": 0.01, "centered": True, "maximize": True}),
]

# Those that are written in Python.
PLAIN = [
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adadelta", {"lr": 0.5, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.05, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.05, "momentum_decay": 0.01}),
    ("NAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {"lr": 0.05, "etas": (0.4, 1.3), "step_sizes": (1e-4, 1.0)}),
    ("ASGD", {"lr": 0.05, "lambd": 0.01, "t0": 10}),
]


def name_of(config):
    return f"{config[0]}({', '.join(f'{k}={v}' for k, v in config[1].items())})"


def parameters(torch, dtype):
    def make(a):
        return torch.from_numpy(a.astype(dtype)).requires_grad_(True)

    return make(W0), make(B0)


def set_gradients(torch, w, b, t):
    """Gradients for step t, of the numbers the parameters have now."""
    for p, gradient in (
        (w, lambda x: Q.astype(x.dtype) @ x - (0.3 * np.cos(t + x)).astype(x.dtype)),
        (b, lambda x: x - np.array([1.0, -2.0], x.dtype) + x.dtype.type(0.1 * t)),
    ):
        p.grad = torch.from_numpy(gradient(p.detach().numpy()))


def train(torch, optimizer, w, b, steps, begin=0):
    for t in range(begin, begin + steps):
        set_gradients(torch, w, b, t)
        optimizer.step()


def final(torch, config, dtype):
    """All parameters after STEPS steps, as a flat list."""
    w, b = parameters(torch, dtype)
    train(torch, getattr(torch.optim, config[0])([w, b], **config[1]), w, b, STEPS)
    return np.concatenate([w.detach().numpy().ravel(), b.detach().numpy()]).astype(float).tolist()


if __name__ == "__main__":
    import torch

    values = {name_of(c): {d: final(torch, c, d) for d in ("float32", "float64")} for c in CONFIGS + PLAIN}
    STORED.write_text(json.dumps(values, indent=1) + "\n")
