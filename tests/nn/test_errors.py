"""Error texts of Module and the layers: the same as PyTorch's."""

import pytest


def setattr_(T, module, name, value):
    setattr(module, name, value)


def plain_module(T):
    m = T.nn.Module()
    m.foo = 1
    return m


def with_buffer(T):
    m = T.nn.Module()
    m.register_buffer("b", T.ones(2))
    return m


def with_child(T):
    m = T.nn.Sequential(T.nn.ReLU())
    m.a = T.nn.ReLU()
    return m


CASES = {
    "missing keys": lambda T: T.nn.Linear(2, 3).load_state_dict({}),
    "sizes, unexpected": lambda T: T.nn.Linear(2, 3).load_state_dict(
        {"weight": T.ones(3, 2), "bias": T.ones(4), "x": 5, "y.z": 1}
    ),
    "not a tensor": lambda T: T.nn.Sequential(T.nn.Linear(2, 3)).load_state_dict(
        {"0.weight": 3, "0.bias": T.ones(4), "x": 5, "y.z": 1}
    ),
    "not a dict": lambda T: T.nn.Linear(2, 3).load_state_dict([1]),
    "tensor as parameter": lambda T: setattr_(T, T.nn.Linear(2, 3), "weight", T.ones(2)),
    "str as parameter": lambda T: setattr_(T, T.nn.Linear(2, 3), "bias", "x"),
    "int as module": lambda T: setattr_(T, with_child(T), "a", 3),
    "int as buffer": lambda T: setattr_(T, with_buffer(T), "b", 3),
    "call": lambda T: T.nn.Module()(3),
    "argument": lambda T: T.nn.Module(3),
    "keyword": lambda T: T.nn.Module(x=3),
    "train": lambda T: T.nn.Linear(2, 3).train(3),
    "to int": lambda T: T.nn.Linear(2, 3).to(T.int64),
    "get_submodule": lambda T: T.nn.Linear(2, 3).get_submodule("x"),
    "get_submodule of parameter": lambda T: T.nn.Linear(2, 3).get_submodule("weight"),
    "get_parameter": lambda T: T.nn.Linear(2, 3).get_parameter("x"),
    "get_parameter of int": lambda T: T.nn.Linear(2, 3).get_parameter("in_features"),
    "get_buffer": lambda T: T.nn.Linear(2, 3).get_buffer("weight"),
    "set_submodule nowhere": lambda T: T.nn.Linear(2, 3).set_submodule("", T.nn.ReLU()),
    "set_submodule int": lambda T: T.nn.Linear(2, 3).set_submodule("a", 3),
    "set_submodule on parameter": lambda T: T.nn.Linear(2, 3).set_submodule("weight", T.nn.ReLU()),
    "set_submodule strict": lambda T: T.nn.Linear(2, 3).set_submodule("q", T.nn.ReLU(), strict=True),
    "sequential index": lambda T: T.nn.Sequential(T.nn.ReLU())[3],
    "sequential of int": lambda T: T.nn.Sequential(3),
    "sequential of class": lambda T: T.nn.Sequential(T.nn.ReLU),
    "sequential sum": lambda T: T.nn.Sequential() + 3,
    "sequential product": lambda T: T.nn.Sequential() * 0,
    "sequential insert": lambda T: T.nn.Sequential().insert(3, T.nn.ReLU()),
    "list of int": lambda T: T.nn.ModuleList(3),
    "list call": lambda T: T.nn.ModuleList([T.nn.ReLU()])(3),
    "parameters of int": lambda T: T.nn.ParameterList(3),
    "parameters of tensor": lambda T: T.nn.ParameterList(T.ones(2)),
    "parameters call": lambda T: T.nn.ParameterList()(3),
    "parameter dict key": lambda T: T.nn.ParameterDict({3: T.ones(2)}),
    "parameter dict popitem": lambda T: T.nn.ParameterDict().popitem(),
    "module dict of int": lambda T: T.nn.ModuleDict(3),
    "module dict name": lambda T: T.nn.ModuleDict({"keys": T.nn.ReLU()}),
    "module dict pair": lambda T: T.nn.ModuleDict([1]),
    "module dict triple": lambda T: T.nn.ModuleDict([(1, 2, 3)]),
    "dropout": lambda T: T.nn.Dropout(2),
    "dropout function": lambda T: T.nn.functional.dropout(T.ones(2), -0.5),
    "hardtanh": lambda T: T.nn.Hardtanh(1, 0),
    "hardtanh warns": lambda T: repr(T.nn.Hardtanh(min_value=-2, max_value=3)),
    "huber": lambda T: T.nn.HuberLoss(delta="x"),
    "bilinear": lambda T: T.nn.Bilinear(0, 1, 2),
    "unflatten int": lambda T: T.nn.Unflatten(1, 3),
    "unflatten str": lambda T: T.nn.Unflatten(1, ("a",)),
    "no argument": lambda T: T.nn.Linear(2, 3)(),
    "two arguments": lambda T: T.nn.Linear(2, 3)(1, 2),
    "wrong keyword": lambda T: T.nn.Linear(2, 3)(x=2),
    "twice": lambda T: T.nn.Linear(2, 3)(1, input=2),
    "one of two": lambda T: T.nn.MSELoss()(1),
    "attribute": lambda T: T.nn.Linear(2, 3).foo,
    "reduction": lambda T: T.nn.MSELoss(reduction="x")(T.ones(2), T.ones(2)),
    "legacy": lambda T: T.nn.MSELoss(size_average=False)(T.ones(2), T.zeros(2)),
    "legacy function": lambda T: T.nn.functional.l1_loss(T.ones(2), T.zeros(2), reduce=False),
    "mse shapes": lambda T: T.nn.MSELoss()(T.ones(2), T.zeros(2, 1)),
    "bce shapes": lambda T: T.nn.BCELoss()(T.ones(2), T.ones(1)),
    "bce logits shapes": lambda T: T.nn.BCEWithLogitsLoss()(T.ones(2), T.ones(1)),
    "softmax without dim": lambda T: T.nn.Softmax()(T.zeros(2, 2)),
    "softmax2d": lambda T: T.nn.Softmax2d()(T.ones(2)),
    "gain": lambda T: T.nn.init.calculate_gain("x"),
    "gain of bool": lambda T: T.nn.init.calculate_gain("leaky_relu", True),
    "fan": lambda T: T.nn.init.kaiming_uniform_(T.ones(3)),
    "fan mode": lambda T: T.nn.init.kaiming_uniform_(T.ones(3, 3), mode="x"),
    "nothing to draw": lambda T: T.nn.init.kaiming_normal_(T.ones(3, 0)),
    "eye": lambda T: T.nn.init.eye_(T.ones(3)),
    "dirac": lambda T: T.nn.init.dirac_(T.ones(3)),
    "dirac groups": lambda T: T.nn.init.dirac_(T.ones(3, 3, 3), 2),
    "sparse": lambda T: T.nn.init.sparse_(T.ones(3), 0.1),
    "orthogonal": lambda T: T.nn.init.orthogonal_(T.ones(3)),
    "old name": lambda T: T.nn.init.constant(T.ones(2), 3.0),
    "parameter of list": lambda T: T.nn.Parameter([1.0]),
    "parameter of ints": lambda T: T.nn.Parameter(T.tensor([1])),
    "batch norm 1 value": lambda T: T.nn.BatchNorm1d(2)(T.ones(1, 2)),
    "batch norm dimensions": lambda T: T.nn.BatchNorm1d(2)(T.ones(2)),
    "empty generator": lambda T: T.nn.utils.clip_grad_norm_((p for p in ()), 1.0),
    "infinite norm": lambda T: infinite(T),
    "shapes": lambda T: T.nn.Linear(2, 3)(T.ones(4, 5)),
}


def infinite(T):
    p = T.nn.Parameter(T.ones(2))
    (p * float("inf")).sum().backward()
    T.nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)


@pytest.mark.parametrize("name", CASES)
def test_same_error(same, name):
    same(CASES[name])


NAMES = ["a.b", "", 3, "foo"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["register_parameter", "register_buffer", "add_module", "register_module"])
def test_registration(same, method, name):
    same(lambda T: getattr(plain_module(T), method)(name, None))
    same(lambda T: getattr(plain_module(T), method)("x", 5))


def test_parameter_must_be_leaf(same):
    same(lambda T: plain_module(T).register_parameter("x", T.ones(2)))
    same(lambda T: plain_module(T).register_parameter("x", T.nn.Parameter(T.ones(2)) * 2))


@pytest.mark.parametrize("what", ["module", "parameter", "buffer", "register_parameter", "tensor"])
def test_before_init(same, what):
    def program(T):
        class Net(T.nn.Module):
            def __init__(self):
                if what == "module":
                    self.x = T.nn.ReLU()
                elif what == "parameter":
                    self.x = T.nn.Parameter(T.ones(1))
                elif what == "buffer":
                    self.register_buffer("x", T.ones(1))
                elif what == "register_parameter":
                    self.register_parameter("x", None)
                else:
                    self.x = T.ones(1)

        Net()

    same(program)
