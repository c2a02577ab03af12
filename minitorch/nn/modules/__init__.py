"""The modules of nn, one file a kind, with the names of torch.nn.modules."""

from minitorch.nn.modules import (
    activation,
    attention,
    batchnorm,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    instancenorm,
    lazy,
    linear,
    loss,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    rnn,
    sparse,
    transformer,
    upsampling,
)
from minitorch.nn.modules.activation import *  # noqa: F403
from minitorch.nn.modules.attention import *  # noqa: F403
from minitorch.nn.modules.batchnorm import *  # noqa: F403
from minitorch.nn.modules.container import *  # noqa: F403
from minitorch.nn.modules.conv import *  # noqa: F403
from minitorch.nn.modules.distance import *  # noqa: F403
from minitorch.nn.modules.dropout import *  # noqa: F403
from minitorch.nn.modules.flatten import *  # noqa: F403
from minitorch.nn.modules.fold import *  # noqa: F403
from minitorch.nn.modules.instancenorm import *  # noqa: F403
from minitorch.nn.modules.lazy import *  # noqa: F403
from minitorch.nn.modules.linear import *  # noqa: F403
from minitorch.nn.modules.loss import *  # noqa: F403
from minitorch.nn.modules.module import Module
from minitorch.nn.modules.normalization import *  # noqa: F403
from minitorch.nn.modules.padding import *  # noqa: F403
from minitorch.nn.modules.pixelshuffle import *  # noqa: F403
from minitorch.nn.modules.pooling import *  # noqa: F403
from minitorch.nn.modules.rnn import *  # noqa: F403
from minitorch.nn.modules.sparse import *  # noqa: F403
from minitorch.nn.modules.transformer import *  # noqa: F403
from minitorch.nn.modules.upsampling import *  # noqa: F403

__all__ = [
    "Module",
    *activation.__all__,
    *attention.__all__,
    *batchnorm.__all__,
    *container.__all__,
    *conv.__all__,
    *distance.__all__,
    *dropout.__all__,
    *flatten.__all__,
    *fold.__all__,
    *instancenorm.__all__,
    *lazy.__all__,
    *linear.__all__,
    *loss.__all__,
    *normalization.__all__,
    *padding.__all__,
    *pixelshuffle.__all__,
    *pooling.__all__,
    *rnn.__all__,
    *sparse.__all__,
    *transformer.__all__,
    *upsampling.__all__,
]
