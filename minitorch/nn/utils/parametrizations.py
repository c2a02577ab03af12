"""Parametrizations that are ready to use: weight norm, spectral norm, orthogonal matrices.

https://docs.pytorch.org/docs/2.13/nn.html#parametrizations
"""

import minitorch
from minitorch import Tensor
from minitorch.nn import functional as F
from minitorch.nn.modules import conv
from minitorch.nn.modules.module import Module
from minitorch.nn.utils import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _length(v, dim):
    """The norm of v over all dimensions but dim, which are kept with size 1; over all of them for -1."""
    if dim == -1:
        return (v * v).sum().sqrt()
    return (v * v).sum([d for d in range(v.dim()) if d != dim], True).sqrt()


def _weight_dim(module):
    transposed = (conv.ConvTranspose1d, conv.ConvTranspose2d, conv.ConvTranspose3d)
    return 1 if isinstance(module, transposed) else 0


def _weight_of(module, name):
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


class _WeightNorm(Module):
    def __init__(self, dim=0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g, weight_v):
        return weight_v * (weight_g / _length(weight_v, self.dim))

    def right_inverse(self, weight):
        return _length(weight, self.dim), weight


def weight_norm(module, name="weight", dim=0):
    """weight = g v / |v| (Salimans and Kingma 2016), the norm over all dimensions but dim; returns module.

    >>> from minitorch import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape, layer.parametrizations.weight.original1.shape
    (torch.Size([40, 1]), torch.Size([40, 20]))

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.weight_norm.html
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict, prefix, *_):
        """From the names that nn.utils.weight_norm gives."""
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    def __init__(self, weight, n_power_iterations=1, dim=0, eps=1e-12):
        super().__init__()
        ndim = weight.dim()
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._as_matrix(weight)
            for name, size in zip(("_u", "_v"), matrix.shape, strict=True):
                start = matrix.new_empty(size).normal_(0, 1)
                self.register_buffer(name, F.normalize(start, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _as_matrix(self, weight):
        if self.dim != 0:
            weight = weight.permute(self.dim, *(d for d in range(weight.dim()) if d != self.dim))
        return weight.flatten(1)

    def _iterate(self, matrix, times):
        """Power iteration: u and v approach the singular vectors of the largest singular value."""
        with minitorch.no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(minitorch.mv(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(F.normalize(minitorch.mv(matrix.mT, self._u), dim=0, eps=self.eps))

    def forward(self, weight):
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._as_matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / minitorch.dot(u, minitorch.mv(matrix, v))

    def right_inverse(self, value):
        return value


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """weight = original / its largest singular value (Miyato et al. 2018), found by power iteration in
    training; returns the module.

    >>> import minitorch
    >>> from minitorch import nn
    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(20, 40))
    >>> bool(abs(minitorch.linalg.svdvals(layer.weight)[0] - 1) < 0.1)
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.spectral_norm.html
    """
    weight = _weight_of(module, name)
    norm = _SpectralNorm(weight, n_power_iterations, _weight_dim(module) if dim is None else dim, eps)
    return parametrize.register_parametrization(module, name, norm)


# ---- orthogonal ----------------------------------------------------------------------------------


def _is_orthogonal(q):
    gap = (q.mT @ q - minitorch.eye(q.size(-1), dtype=q.dtype)).abs().max()
    return bool(gap <= 10.0 * q.size(-2) * minitorch.finfo(q.dtype).eps)


def _make_orthogonal(a):
    q, r = minitorch.linalg.qr(a)
    return q * r.diagonal(0, -2, -1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    """Q = base F(X): F the exponential or the Cayley transform (I - A / 2)^-1 (I + A / 2) of the
    skew-symmetric part A of X, or a product of Householder reflections with vectors below the diagonal of X.
    """

    def __init__(self, weight, orthogonal_map, use_trivialization=True):
        super().__init__()
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x):
        transposed = x.size(-2) < x.size(-1)
        if transposed:
            x = x.mT
        q = _reflections(x) if self.orthogonal_map == "householder" else self._from_skew(x)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if transposed else q

    def _from_skew(self, x):
        n, k = x.size(-2), x.size(-1)
        x = x.tril()
        if n != k:
            x = minitorch.cat([x, x.new_zeros(*x.shape[:-1], n - k)], -1)
        a = x - x.mT
        if self.orthogonal_map == "matrix_exp":
            return _exp(a)[..., :k]
        one = minitorch.eye(n, dtype=x.dtype)
        return minitorch.linalg.solve(one - a / 2, one + a / 2)[..., :k]

    def right_inverse(self, q):
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{q.shape}."
            )
        if not hasattr(self, "base"):
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        with minitorch.no_grad():
            start = minitorch.zeros_like(q)
            start.diagonal(0, -2, -1).fill_(-1.0)
            q = q.mT if q.size(-2) < q.size(-1) else q
            n, k = q.size(-2), q.size(-1)
            if n != k:
                q = minitorch.cat([q, minitorch.randn(*q.shape[:-1], n - k, dtype=q.dtype)], -1)
            self.base = q.clone() if _is_orthogonal(q) else _make_orthogonal(q)
        return start


def _reflections(x):
    """The first columns of H_1 H_2 ..., H_i = I - 2 v v^T / v^T v with v below the diagonal of column i of x
    and 1 on it; the signs of columns are those of the diagonal of x.
    """
    n, k = x.size(-2), x.size(-1)
    one = minitorch.eye(n, k, dtype=x.dtype)
    below, q = x.tril(-1), one
    for i in reversed(range(k)):
        v = (below[..., i] + one[:, i]).unsqueeze(-1)
        q = q - (2 / (v * v).sum(-2, True)) * v * (v.mT @ q)
    return q * x.detach().diagonal(0, -2, -1).sign().unsqueeze(-2)


def _exp(a):
    """exp(a) by scaling and squaring: exp(a) = exp(a / 2^s)^(2^s), the inner one as a series."""
    size = float(a.detach().abs().sum(-1).max()) if a.numel() else 0.0
    squarings = 0
    while size > 0.5:
        size, squarings = size / 2, squarings + 1
    a = a / 2**squarings
    total = term = minitorch.eye(a.size(-1), dtype=a.dtype)
    for k in range(1, 16):
        term = term @ a / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return total


def orthogonal(module, name="weight", orthogonal_map=None, *, use_trivialization=True):
    """A weight with orthogonal columns, or rows if there are fewer of them; returns the module.

    Args:
        orthogonal_map: "matrix_exp", "cayley" or "householder"; unless given the first for square weights,
            else the last.
        use_trivialization: the weight starts from the orthogonal matrix that its present value gives.

    Raises:
        ValueError: if there is no such weight, it is a vector, or the map is unknown.

    >>> import minitorch
    >>> from minitorch import nn
    >>> q = nn.utils.parametrizations.orthogonal(nn.Linear(20, 40)).weight
    >>> bool((q.mT @ q - minitorch.eye(20)).abs().max() < 1e-4)
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.orthogonal.html
    """
    weight = _weight_of(module, name)
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.size(-2) == weight.size(-1) else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    map = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return parametrize.register_parametrization(module, name, map, unsafe=True)
