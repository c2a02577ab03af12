"""The lecture's data, rebuilt from its recipe with NumPy alone.

Relies on NumPy's random streams, which NumPy keeps: ``RandomState`` is frozen, and ``default_rng(0)`` has
given these numbers since NumPy 1.17. Read ``models`` next.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import minitorch as torch
from minitorch.utils.data import DataLoader, TensorDataset


class Line(NamedTuple):
    """One x, one y: ``x`` and ``y`` of shape (100, 1), float64, and the least-squares line through them."""

    x: np.ndarray
    y: np.ndarray
    w_ols: float
    b_ols: float


class Moons(NamedTuple):
    """Two x, a binary y, split in training and test: inputs (n, 2) and labels (n, 1), float32 tensors."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor

    def loader(self, batch_size: int = 8) -> DataLoader:
        """The training part in shuffled mini-batches, the lecture's ``data``."""
        return DataLoader(TensorDataset(self.train_x, self.train_y), batch_size=batch_size, shuffle=True)


def line_data(n: int = 100) -> Line:
    """The line y = 3.4 x + 1 with normal noise of standard deviation 1.3, x uniform in (-5, 5).

    Returns:
        Line: ``x`` and ``y``, float64 of shape (n, 1), and the ordinary least squares line.

    >>> x, y, w, b = line_data()
    >>> print(f"({x[0, 0]:.4f}, {y[0, 0]:.4f}), OLS {w:.2f} x + {b:.2f}")
    (1.3696, 3.9131), OLS 3.38 x + 0.91
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-5, 5, n)
    y = 3.4 * x + 1.0 + rng.normal(0, 1.3, n)
    w, b = ols(x, y)
    return Line(x.reshape(-1, 1), y.reshape(-1, 1), w, b)


def ols(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of ordinary least squares: w = cov(x, y) / var(x), b = mean(y) - w mean(x).

    >>> ols(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
    (2.0, 1.0)
    """
    dx, dy = x - x.mean(), y - y.mean()
    w = float((dx * dy).sum() / (dx * dx).sum())
    return w, float(y.mean() - w * x.mean())


def half_moons(n: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaved half circles: the very points of scikit-learn's ``make_moons(n, random_state=seed)``.

    Its default is no noise: each class lies on its arc, only the order of the points is random.

    Returns:
        tuple: points, float64 (n, 2), and classes 0 and 1, int64 (n,).
    """
    outer, inner = np.linspace(0, np.pi, n // 2), np.linspace(0, np.pi, n - n // 2)
    x1 = np.append(np.cos(outer), 1 - np.cos(inner))
    x2 = np.append(np.sin(outer), 1 - np.sin(inner) - 0.5)
    labels = np.append(np.zeros(len(outer), np.int64), np.ones(len(inner), np.int64))
    order = np.arange(n)
    np.random.RandomState(seed).shuffle(order)
    return np.stack([x1, x2], axis=1)[order], labels[order]


def moons_split(test_share: float = 0.1, seed: int = 0) -> Moons:
    """The half moons as tensors, a tenth kept for testing: 450 points to train on, 50 to test.

    The same points fall in the same part as with scikit-learn's ``train_test_split(X, y, test_size=0.1,
    random_state=0)``.

    >>> moons = moons_split()
    >>> tuple(moons.train_x.shape), tuple(moons.test_y.shape)
    ((450, 2), (50, 1))
    """
    x, y = half_moons()
    order = np.random.RandomState(seed).permutation(len(x))
    n_test = round(test_share * len(x))
    test, train = order[:n_test], order[n_test:]
    tensors = [
        torch.from_numpy(part.astype(np.float32))
        for part in (x[train], y[train, None], x[test], y[test, None])
    ]
    return Moons(*tensors)
