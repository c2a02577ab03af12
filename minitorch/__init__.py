"""minitorch: a deep-learning library that feels like PyTorch, on a core in C."""

# ruff: noqa: F401

from importlib import import_module as _import_module
from math import e, inf, nan, pi

from minitorch import _C, _tensor
from minitorch._C import *  # noqa: F403
from minitorch._dlpack import from_dlpack
from minitorch._settings import *  # noqa: F403
from minitorch._tensor_str import get_printoptions, set_printoptions
from minitorch.functional import *  # noqa: F403

_submodules = frozenset(
    """
    __config__ _dynamo _logging accelerator amp autograd backends compiler cpu cuda distributed
    distributions export fft func functional hub jit linalg mps multiprocessing nn onnx optim profiler
    random return_types serialization signal special testing utils version xpu
    """.split()
)

newaxis = None

# Functions that stand in a submodule of their own.
_lazy = {
    "GradScaler": "amp", "autocast": "amp", "compare": "_compare", "compile": "compiler",
    "from_torch": "beside", "graph": "_graph", "istft": "_spectral", "load": "serialization",
    "load_ipython_extension": "_compare", "save": "serialization", "stft": "_spectral",
    "summary": "_summary", "teaching": "_teaching", "to_torch": "beside", "vmap": "func",
    "TypedStorage": "_tensor", "UntypedStorage": "_tensor",
}  # fmt: skip
_lazy |= dict.fromkeys(
    """
    alpha_dropout batch_norm bilinear binary_cross_entropy_with_logits celu channel_shuffle
    cosine_embedding_loss cosine_similarity ctc_loss dropout dropout_ feature_alpha_dropout feature_dropout
    hardshrink hinge_embedding_loss instance_norm kl_div margin_ranking_loss pairwise_distance pdist
    pixel_shuffle pixel_unshuffle poisson_nll_loss rrelu selu threshold triplet_margin_loss
    """.split(),
    "_twins",
)
_lazy |= dict.fromkeys(
    "bartlett_window blackman_window hamming_window hann_window kaiser_window".split(), "_windows"
)


def __getattr__(name):
    """Submodules are imported when they are first used, so that importing minitorch stays quick."""
    if name in _submodules:
        return _import_module("minitorch." + name)
    if name == "__version__":
        return _import_module("minitorch.version").__version__
    if name in _lazy:
        return getattr(_import_module("minitorch." + _lazy[name]), name)
    raise AttributeError(f"module 'minitorch' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), "__version__", *_submodules, *_lazy})
