"""Layers and losses: values, gradients, printing, initial values and masks, all as PyTorch's."""

from collections import OrderedDict

import numpy as np
import pytest

import minitorch

LAYERS = {
    "Linear": lambda n: n.Linear(3, 4),
    "Linear without bias": lambda n: n.Linear(3, 4, bias=False),
    "ReLU": lambda n: n.ReLU(),
    "ReLU in place": lambda n: n.Sequential(n.Linear(3, 2), n.ReLU(inplace=True)),
    "Sigmoid": lambda n: n.Sigmoid(),
    "Tanh": lambda n: n.Tanh(),
    "LeakyReLU": lambda n: n.LeakyReLU(0.2),
    "LeakyReLU in place": lambda n: n.Sequential(n.Linear(3, 2), n.LeakyReLU(0.2, True)),
    "Threshold": lambda n: n.Threshold(0.1, 20.0),
    "Hardtanh": lambda n: n.Hardtanh(-0.5, 0.7),
    "ReLU6": lambda n: n.ReLU6(),
    "Hardsigmoid": lambda n: n.Hardsigmoid(),
    "Hardswish": lambda n: n.Hardswish(),
    "SiLU": lambda n: n.SiLU(),
    "Mish": lambda n: n.Mish(),
    "ELU": lambda n: n.ELU(0.7),
    "CELU": lambda n: n.CELU(0.7),
    "SELU": lambda n: n.SELU(),
    "GLU": lambda n: n.GLU(0),
    "GELU": lambda n: n.GELU(),
    "GELU tanh": lambda n: n.GELU(approximate="tanh"),
    "Hardshrink": lambda n: n.Hardshrink(),
    "Softshrink": lambda n: n.Softshrink(0.3),
    "Softsign": lambda n: n.Softsign(),
    "Tanhshrink": lambda n: n.Tanhshrink(),
    "LogSigmoid": lambda n: n.LogSigmoid(),
    "Softplus": lambda n: n.Softplus(2.0, 3.0),
    "PReLU": lambda n: n.PReLU(),
    "PReLU per channel": lambda n: n.PReLU(3),
    "Softmax": lambda n: n.Softmax(dim=1),
    "Softmin": lambda n: n.Softmin(dim=0),
    "LogSoftmax": lambda n: n.LogSoftmax(dim=-1),
    "Flatten": lambda n: n.Flatten(0),
    "Unflatten": lambda n: n.Unflatten(0, (2, -1)),
    "Identity": lambda n: n.Identity(3, a=1),
    "Dropout": lambda n: n.Dropout(0.4),
    "Dropout in place": lambda n: n.Sequential(n.Linear(3, 2), n.Dropout(0.4, inplace=True)),
    "BatchNorm1d": lambda n: n.BatchNorm1d(3),
    "BatchNorm1d plain": lambda n: n.BatchNorm1d(3, affine=False, track_running_stats=False),
    "BatchNorm1d mean of all": lambda n: n.BatchNorm1d(3, momentum=None, eps=0.1),
    "Sequential": lambda n: n.Sequential(
        n.Linear(3, 8), n.ReLU(), n.Dropout(0.2), n.Linear(8, 2), n.LogSoftmax(1)
    ),
    "named": lambda n: n.Sequential(OrderedDict(a=n.Linear(3, 2), b=n.Sigmoid())),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("training", [True, False])
def test_layer(same, name, training):
    def program(T):
        T.manual_seed(0)
        m = LAYERS[name](T.nn).train(training)
        x = (T.randn(4, 3) * 2).requires_grad_()
        y = m(x)
        (y * T.arange(y.numel()).reshape(y.shape)).sum().backward()
        grads = [p.grad for p in m.parameters()]
        return [repr(m), y, x.grad, grads, list(m.state_dict().values())]

    same(program, close=True)


def labels(T, *shape, high=3):
    return T.from_numpy(np.random.default_rng(0).integers(0, high, shape))


LOSSES = {
    "MSELoss": (lambda T, **k: T.nn.MSELoss(**k), lambda T: T.ones(4, 3)),
    "L1Loss": (lambda T, **k: T.nn.L1Loss(**k), lambda T: T.ones(4, 3)),
    "SmoothL1Loss": (lambda T, **k: T.nn.SmoothL1Loss(beta=0.5, **k), lambda T: T.ones(4, 3)),
    "HuberLoss": (lambda T, **k: T.nn.HuberLoss(delta=0.5, **k), lambda T: T.ones(4, 3)),
    "BCEWithLogitsLoss": (
        lambda T, **k: T.nn.BCEWithLogitsLoss(
            weight=T.full((3,), 2.0), pos_weight=T.tensor([1.0, 2.0, 3.0]), **k
        ),
        lambda T: labels(T, 4, 3, high=2).float(),
    ),
    "NLLLoss": (
        lambda T, **k: T.nn.NLLLoss(T.tensor([1.0, 2.0, 3.0]), ignore_index=1, **k),
        lambda T: labels(T, 4),
    ),
    "CrossEntropyLoss": (lambda T, **k: T.nn.CrossEntropyLoss(**k), lambda T: labels(T, 4)),
    "CrossEntropyLoss smoothed": (
        lambda T, **k: T.nn.CrossEntropyLoss(T.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1, **k),
        lambda T: labels(T, 4),
    ),
    "CrossEntropyLoss of probabilities": (
        lambda T, **k: T.nn.CrossEntropyLoss(**k),
        lambda T: T.full((4, 3), 0.3),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_loss(same, name, reduction):
    def program(T):
        make, target = LOSSES[name]
        T.manual_seed(0)
        x = T.randn(4, 3, requires_grad=True)
        loss = make(T, reduction=reduction)
        y = loss(x, target(T))
        (y * 2).sum().backward()
        return [repr(loss), y, x.grad, list(loss.state_dict())]

    same(program, close=True)


def test_bce(same):
    def program(T):
        x = T.tensor([0.0, 0.2, 0.9, 1.0], requires_grad=True)
        y = T.nn.BCELoss(weight=T.tensor([1.0, 2.0, 3.0, 4.0]))(x, T.tensor([0.0, 1.0, 1.0, 1.0]))
        y.backward()
        return [y, x.grad]

    same(program, close=True)


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_weighted_loss(same, loss, reduction):
    def program(T):
        x, y, w = T.tensor([1.0, 2.0]), T.tensor([0.5, -1.0]), T.tensor([2.0, 3.0])
        return getattr(T.nn.functional, loss)(x, y, weight=w, reduction=reduction)

    same(program, close=True)


def test_functional_inplace(same):
    def program(T):
        F, out = T.nn.functional, []
        for name in ("relu", "leaky_relu", "elu", "selu", "silu", "mish", "hardtanh", "relu6", "hardswish"):
            x = T.tensor([-1.0, 0.5, 7.0])
            y = getattr(F, name)(x, inplace=True)
            out += [y is x, x]
        return out

    same(program, close=True)


def test_bilinear(same):
    def program(T):
        T.manual_seed(0)
        m = T.nn.Bilinear(2, 3, 4)
        y = m(T.ones(5, 6, 2), T.full((5, 6, 3), 0.5))
        y.sum().backward()
        return [repr(m), y, m.weight.grad, m.bias.grad]

    same(program, close=True)


# ---- initial values: exactly PyTorch's draws -----------------------------------------------------

CONSTRUCTORS = {
    "Linear": lambda n: n.Linear(4, 3),
    "deep": lambda n: n.Sequential(n.Linear(100, 50), n.Linear(50, 7, bias=False), n.Bilinear(2, 3, 4)),
    "without inputs": lambda n: n.Linear(0, 3),
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("name", CONSTRUCTORS)
def test_constructors_draw_as_pytorch(same, name):
    def program(T):
        T.manual_seed(0)
        return list(CONSTRUCTORS[name](T.nn).state_dict().values())

    same(program)


def first(values, n=5):
    return np.asarray(values.detach().numpy(), dtype=np.float32).ravel()[:n].tolist()


def test_golden_values():
    minitorch.manual_seed(0)
    m = minitorch.nn.Linear(4, 3)
    want = [-0.00374341, 0.2682218, -0.41152257, -0.3679695, -0.19257718]
    assert first(m.weight) == np.float32(want).tolist()
    assert first(m.bias) == np.float32([-0.47767425, -0.33114105, -0.20611155]).tolist()
    minitorch.manual_seed(0)
    x = minitorch.nn.init.trunc_normal_(minitorch.empty(100), std=1)
    assert first(x) == np.float32([-1.1258398, -1.1523602, -0.25057858, -0.4338788, 0.84871036]).tolist()
    minitorch.manual_seed(0)
    x = minitorch.nn.init.trunc_normal_(minitorch.empty(10), 0.1, 1.3, 2, 3)
    assert first(x) == np.float32([2.4962566, 2.7010803, 2.0884774, 2.1320305, 2.3074229]).tolist()
    minitorch.manual_seed(0)
    kept = minitorch.nn.functional.dropout(minitorch.ones(20), 0.1) != 0
    assert kept.tolist() == [i not in (0, 3) for i in range(20)]


def test_golden_hash():
    import hashlib

    minitorch.manual_seed(0)
    weight = minitorch.nn.Linear(100, 50).weight.detach().numpy()
    assert hashlib.sha256(weight.tobytes()).hexdigest()[:16] == "8cc5370dd141ea20"


INITS = {
    "uniform_": lambda i, w: i.uniform_(w, -0.1, 0.3),
    "normal_": lambda i, w: i.normal_(w, 1, 2),
    "trunc_normal_": lambda i, w: i.trunc_normal_(w),
    "trunc_normal_ narrow": lambda i, w: i.trunc_normal_(w, 0.0, 0.02, -0.04, 0.04),
    "trunc_normal_ tail": lambda i, w: i.trunc_normal_(w, 0.1, 1.3, 2, 3),
    "trunc_normal_ far": lambda i, w: i.trunc_normal_(w, 0, 1, 3, 4),
    "constant_": lambda i, w: i.constant_(w, 3),
    "ones_": lambda i, w: i.ones_(w),
    "zeros_": lambda i, w: i.zeros_(w),
    "eye_": lambda i, w: i.eye_(w),
    "xavier_uniform_": lambda i, w: i.xavier_uniform_(w, 0.3),
    "xavier_normal_": lambda i, w: i.xavier_normal_(w),
    "kaiming_uniform_": lambda i, w: i.kaiming_uniform_(w, a=5**0.5),
    "kaiming_normal_": lambda i, w: i.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
    "sparse_": lambda i, w: i.sparse_(w, 0.3),
    "old name": lambda i, w: i.xavier_uniform(w),
}


@pytest.mark.parametrize("name", INITS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_init(same, name, dtype):
    def program(T):
        T.manual_seed(3)
        w = T.empty(30, 20, dtype=getattr(T, dtype))
        return [INITS[name](T.nn.init, w) is w, w]

    same(program)


def test_init_of_convolutions(same):
    same(lambda T: T.nn.init.dirac_(T.empty(4, 4, 3, 2), 2))
    same(lambda T: T.nn.init._calculate_fan_in_and_fan_out(T.empty(4, 3, 2, 5)))


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 2, 3)])
def test_orthogonal(same, shape):
    def program(T):
        T.manual_seed(3)
        return T.nn.init.orthogonal_(T.empty(*shape), gain=2)

    same(program, close=True)


GAINS = ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


@pytest.mark.parametrize("name", GAINS)
def test_gain(same, name):
    same(lambda T: [T.nn.init.calculate_gain(name), T.nn.init.calculate_gain("leaky_relu", 0.2)])


# ---- containers and utilities --------------------------------------------------------------------

CONTAINERS = {
    "list": lambda n, T: n.ModuleList([n.Linear(2, 2) for _ in range(3)] + [n.Sigmoid()]),
    "empty list": lambda n, T: n.ModuleList(),
    "list edits": lambda n, T: edit_list(n),
    "dict": lambda n, T: n.ModuleDict({"x": n.Tanh(), "y": n.ModuleDict([("z", n.Softplus())])}),
    "parameters": lambda n, T: n.ParameterList([T.ones(2), n.Parameter(T.zeros(3, 4)), 5]),
    "parameter dict": lambda n, T: n.ParameterDict({"b": T.ones(2), "a": T.zeros(1)}) | {"c": T.ones(3)},
    "sequential edits": lambda n, T: edit_sequential(n),
}


def edit_list(n):
    m = n.ModuleList([n.ReLU(), n.Tanh()])
    m.append(n.Sigmoid()).extend([n.ELU(), n.ReLU6()])
    m.insert(1, n.Softsign())
    m[2] = n.GELU()
    del m[0]
    assert repr(m.pop(-1)) == "ReLU6()" and len(m) == 4 and repr(m[-1]) == "ELU(alpha=1.0)"
    return n.Sequential(m[1:3], m + n.ModuleList([n.ReLU()]))


def edit_sequential(n):
    m = n.Sequential(n.ReLU(), n.Tanh())
    m += n.Sequential(n.Sigmoid())
    m *= 2
    m.insert(-1, n.ELU())
    m[0] = n.GELU()
    del m[1:3]
    m.append(n.ReLU6()).extend(n.Sequential(n.Softsign()))
    m.pop(0)
    return m


@pytest.mark.parametrize("name", CONTAINERS)
def test_container(same, name):
    def program(T):
        m = CONTAINERS[name](T.nn, T)
        return [repr(m), [n for n, _ in m.named_modules()], [n for n, _ in m.named_parameters()]]

    same(program)


def test_parameter_containers(same):
    def program(T):
        d = T.nn.ParameterDict({"a": T.ones(2), "b": T.zeros(1)})
        log = [
            list(d),
            "a" in d,
            len(d),
            d.get("z"),
            d.pop("a"),
            d.setdefault("c", T.ones(1)),
            list(reversed(d)),
        ]
        log += [d.popitem()[0], list(d.fromkeys(["x"]).keys()), list(d.copy().values())]
        d.clear()
        p = T.nn.ParameterList([T.ones(1)]) + [] if False else T.nn.ParameterList([T.ones(1), T.zeros(1)])
        p[0] = T.full((2,), 3.0)
        return log + [len(d), p[0], p[-1], len(p[1:]), [x.requires_grad for x in p]]

    same(program)


@pytest.mark.parametrize("norm", [1.0, 2.0, 3.5, 0.0, float("inf"), float("-inf")])
def test_clip_grad_norm(same, norm):
    def program(T):
        ps = [
            T.nn.Parameter(T.tensor([1.0, -2.0])),
            T.nn.Parameter(T.tensor([[3.0]])),
            T.nn.Parameter(T.ones(1)),
        ]
        (ps[0].pow(2).sum() + ps[1].pow(3).sum()).backward()
        total = T.nn.utils.clip_grad_norm_(ps, 1.5, norm)
        return [total, ps[0].grad, ps[1].grad, ps[2].grad]

    same(program, close=True)


def test_clip_and_vector(same):
    def program(T):
        T.manual_seed(0)
        m = T.nn.Linear(2, 3)
        (m(T.ones(1, 2)) * T.tensor([1.0, -2.0, 0.1])).sum().backward()
        T.nn.utils.clip_grad_value_(m.parameters(), 0.5)
        vector = T.nn.utils.parameters_to_vector(m.parameters())
        T.nn.utils.vector_to_parameters(vector * 0 + T.arange(9), m.parameters())
        return [m.weight.grad, m.bias.grad, vector, m.weight, m.bias]

    same(program, close=True)


def test_the_older_name_of_the_loss_for_images():
    with pytest.warns(FutureWarning, match="`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead"):
        old = minitorch.nn.NLLLoss2d(ignore_index=2, reduction="sum")
    x, target = minitorch.randn(2, 3, 4, 4), minitorch.arange(32).reshape(2, 4, 4) % 3
    new = minitorch.nn.NLLLoss(ignore_index=2, reduction="sum")
    assert (
        old(x, target) == new(x, target)
        and repr(old) == "NLLLoss2d()"
        and isinstance(old, minitorch.nn.NLLLoss)
    )


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_batches_first_are_turned_in_place(kind):
    net = getattr(minitorch.nn, kind)(2, 3, batch_first=True)
    y, _ = net(minitorch.randn(4, 5, 2))
    assert y.grad_fn.name() == "TransposeBackward1" and y.shape == (4, 5, 3)
    y.sum().backward()
    assert net.weight_ih_l0.grad is not None
