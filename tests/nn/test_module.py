"""Module: registration, looking inside, state, copying, printing."""

import copy
import gc
import pickle
import weakref

import pytest

import minitorch
from minitorch import nn


class Perceptron(nn.Module):
    def __init__(self, features_in=2, features_out=3):
        super().__init__()
        self.linear = nn.Linear(features_in, features_out)
        self.activation = nn.Sigmoid()

    def forward(self, x):
        return self.activation(self.linear(x))


def make(T):
    """A module with parameters, buffers and children, some of them shared or None."""

    class Net(T.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = T.nn.Linear(2, 3)
            self.again = self.fc
            self.scale = T.nn.Parameter(T.ones(3))
            self.register_parameter("none", None)
            self.register_buffer("shift", T.zeros(3))
            self.register_buffer("hidden", T.zeros(1), persistent=False)
            self.register_buffer("nothing", None)
            self.nested = T.nn.Sequential(T.nn.ReLU(), T.nn.Sequential(T.nn.Linear(3, 1, bias=False)))

        def forward(self, x):
            return self.nested(self.fc(x) * self.scale + self.shift)

    T.manual_seed(0)
    return Net()


@pytest.mark.parametrize(
    "program",
    [
        lambda m: [n for n, _ in m.named_parameters()],
        lambda m: [n for n, _ in m.named_parameters(prefix="p", remove_duplicate=False)],
        lambda m: [n for n, _ in m.named_parameters(recurse=False)],
        lambda m: [n for n, _ in m.named_buffers()],
        lambda m: [n for n, _ in m.named_modules()],
        lambda m: [n for n, _ in m.named_modules(prefix="x", remove_duplicate=False)],
        lambda m: [n for n, _ in m.named_children()],
        lambda m: [len(list(x)) for x in (m.parameters(), m.buffers(), m.children(), m.modules())],
        lambda m: list(m.state_dict()),
        lambda m: dict(m.state_dict(prefix="a.")._metadata),
        lambda m: [p.requires_grad for p in m.state_dict(keep_vars=True).values()],
        lambda m: repr(m),
        lambda m: repr(m.load_state_dict(m.state_dict())),
        lambda m: repr(m.load_state_dict({"scale": m.scale.detach() * 2, "x": 1}, strict=False)),
        lambda m: [repr(m.get_submodule("nested.1.0")), m.get_parameter("fc.bias").shape[0]],
        lambda m: [n for n in dir(m) if not n.startswith("_")
                   and n not in ("bfloat16", "half", "ipu", "xpu", "mtia", "T_destination")],
        lambda m: [x.training for x in m.eval().modules()] + [x.training for x in m.train().modules()],
        lambda m: [p.requires_grad for p in m.requires_grad_(False).parameters()],
        lambda m: [str(p.dtype)[-7:] for p in m.double().state_dict().values()],
        lambda m: [m.fc.weight is m.again.weight, m.none, m.nothing, m.hidden],
    ],
)  # fmt: skip
def test_like_pytorch(same, program):
    same(lambda T: program(make(T)))


def test_assignment_moves_between_registries(same):
    def program(T):
        m, log = T.nn.Module(), []

        def note():
            log.append([sorted(m._parameters), sorted(m._buffers), sorted(m._modules), hasattr(m, "x")])

        m.x = 5
        note()
        m.x = T.nn.Parameter(T.ones(1))
        note()
        m.x = None
        note()
        del m.x
        note()
        m.x = T.nn.Buffer(T.ones(2), persistent=False)
        note()
        m.x = T.zeros(3)
        log.append(m.x)
        note()
        log.append(list(m.state_dict()))
        m.x = T.nn.ReLU()
        note()
        m.x = T.nn.Parameter(T.ones(1))
        note()
        m._parameters["y"] = T.nn.Parameter(T.zeros(1))
        log.append(m.y)
        m._parameters.pop("y")
        log.append(hasattr(m, "y"))
        m._parameters = {"z": T.nn.Parameter(T.zeros(2))}
        log.append([m.z, hasattr(m, "x")])
        m._modules.update(a=T.nn.ReLU())
        log.append(repr(m.a))
        return log

    same(program)


def test_attributes_are_ordinary():
    m = Perceptron()
    assert m.__dict__["linear"] is m.linear is m._modules["linear"]
    m._modules["linear"] = other = nn.Linear(2, 3)
    assert m.linear is other
    with pytest.raises(AttributeError, match="'Perceptron' object has no attribute 'foo'") as info:
        getattr(m, "foo")  # noqa: B009
    assert info.value.name == "foo" and info.value.obj is m


def test_object_setattr_hides_a_module():
    m, hidden = nn.Module(), nn.Linear(1, 1)
    object.__setattr__(m, "hidden", hidden)
    assert m.hidden is hidden and not list(m.parameters())


def test_super_getattr_of_a_wrapper():
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.module, name)

    w = Wrapper(nn.Linear(2, 3))
    assert w.in_features == 2 and w.weight.shape == (3, 2)


def test_property_wins_over_parameter():
    class Net(nn.Module):
        @property
        def weight(self):
            return "mine"

    m = Net()
    m._parameters["weight"] = nn.Parameter(minitorch.ones(1))
    assert m.weight == "mine"


def test_parameters_keep_their_identity():
    m = nn.Linear(2, 3)
    weight = m.weight
    m.weight.grad = minitorch.ones(3, 2)
    m.double()
    assert m.weight is weight and weight.dtype == weight.grad.dtype == minitorch.float64
    m.to(minitorch.float32)
    assert weight.grad.dtype == minitorch.float32
    assert m.to("cpu") is m and m.cpu() is m and m.type(minitorch.float64) is m


@pytest.mark.parametrize("name", ["DoubleTensor", "HalfTensor", "BFloat16Tensor", "float64"])
def test_type_takes_types_of_tensors_by_name_too(name):
    narrow = {"HalfTensor": minitorch.float16, "BFloat16Tensor": minitorch.bfloat16}
    wanted = narrow.get(name, minitorch.float64)
    for given in (getattr(minitorch, name), f"torch.{name}"):
        if given == "torch.float64":
            continue  # a dtype has no such name
        m = nn.BatchNorm1d(2)
        assert m.type(given) is m
        assert {t.dtype for t in m.state_dict().values()} == {wanted}, "the count of batches too"


@pytest.mark.parametrize("given", ["foo", 3])
def test_type_refuses(same, given):
    same(lambda lib: lib.nn.Linear(2, 3).type(given))


def test_skip_init_draws_nothing():
    minitorch.manual_seed(3)
    first = minitorch.rand(2)
    minitorch.manual_seed(3)
    layer = nn.utils.skip_init(nn.Linear, 5, out_features=2)
    assert layer.weight.shape == (2, 5) and layer.weight.requires_grad
    assert minitorch.equal(minitorch.rand(2), first)
    with pytest.raises(RuntimeError, match="Expected a Module; got <class 'int'>"):
        nn.utils.skip_init(int)
    with pytest.raises(RuntimeError, match="must support a 'device' arg"):
        nn.utils.skip_init(nn.ReLU)


def test_zero_grad():
    m = nn.Linear(2, 3)
    for set_to_none in (False, True):
        m(minitorch.ones(1, 2)).sum().backward()
        m.zero_grad(set_to_none)
        assert m.weight.grad is None if set_to_none else not m.weight.grad.numpy().any()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(duplicate):
    m = nn.Sequential(Perceptron(), nn.BatchNorm1d(3), nn.Dropout(0.5)).eval()
    x = minitorch.ones(4, 2)
    other = duplicate(m)
    assert repr(other) == repr(m) and not other.training and not other[1].training
    assert other(x).tolist() == m(x).tolist()
    assert other[0].linear is other[0]._modules["linear"]
    assert other[0].linear.weight is not m[0].linear.weight
    with minitorch.no_grad():
        other[0].linear.weight.fill_(0)
    assert other(x).tolist() != m(x).tolist()
    other[0].linear.weight = nn.Parameter(minitorch.ones(3, 2))
    assert [n for n, _ in other.named_parameters()] == [n for n, _ in m.named_parameters()]


def test_setstate_by_hand():
    class Net(Perceptron):
        def __setstate__(self, state):
            self.__dict__.update(state)

    Net.__qualname__ = "Net"
    m = Net()
    m.register_forward_hook(keep_output)
    other = copy.deepcopy(m)
    assert other(minitorch.ones(1, 2)) == "hooked"
    other.linear = nn.Linear(2, 1)
    assert other.linear.out_features == 1 and m.linear.out_features == 3


def keep_output(module, args, output):
    return "hooked"


def test_shared_parameter_stays_shared():
    m = nn.Module()
    m.a = m.b = nn.Parameter(minitorch.ones(1))
    other = copy.deepcopy(m)
    assert other.a is other.b


def test_freed_without_the_collector():
    gc.disable()
    try:
        m = nn.Sequential(Perceptron(), Perceptron(3, 1))
        m(minitorch.ones(1, 2))
        gone = weakref.ref(m[0].linear)
        del m
        assert gone() is None
    finally:
        gc.enable()


def test_extra_state(same):
    def program(T):
        class Net(T.nn.Module):
            value = 3

            def get_extra_state(self):
                return {"value": self.value}

            def set_extra_state(self, state):
                self.value = state["value"]

        m, other = T.nn.Sequential(Net()), T.nn.Sequential(Net())
        m[0].value = 7
        state = m.state_dict()
        log = [list(state), repr(other.load_state_dict(state)), other[0].value]
        try:
            other.load_state_dict({})
        except RuntimeError as error:
            log.append(str(error))
        return log

    same(program)


def test_state_dict_hooks(same):
    def program(T):
        m, other, log = T.nn.Linear(1, 1), T.nn.Linear(1, 1), []
        m.register_state_dict_pre_hook(lambda module, prefix, keep: log.append(["pre", prefix, keep]))
        m.register_state_dict_post_hook(
            lambda module, state, prefix, meta: state.pop(prefix + "bias") and None
        )
        other.register_load_state_dict_pre_hook(lambda module, state, prefix, *rest: log.append(list(state)))
        other.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
        log.append(repr(other.load_state_dict(m.state_dict(prefix=""))))
        return log

    same(program)


def test_assign():
    m, weight = nn.Linear(1, 1, bias=False), minitorch.zeros(1, 1, dtype=minitorch.float64)
    m.load_state_dict({"weight": weight}, assign=True)
    assert (
        m.weight.dtype == minitorch.float64 and isinstance(m.weight, nn.Parameter) and m.weight.requires_grad
    )


def test_call_super_init():
    class Mixin:
        def __init__(self, extra):
            self.extra = extra

    class Net(nn.Module, Mixin):
        call_super_init = True

    assert Net(extra=5).extra == 5


def test_parameter():
    t = minitorch.tensor([1.0, 2.0])
    p = nn.Parameter(t)
    assert repr(p) == "Parameter containing:\ntensor([1., 2.], requires_grad=True)"
    assert isinstance(p, minitorch.Tensor) and p.is_leaf and p.data_ptr() == t.data_ptr()
    other = pickle.loads(pickle.dumps(p))
    assert type(other) is nn.Parameter and other.requires_grad and other.tolist() == [1.0, 2.0]
    assert type(copy.deepcopy(p)) is nn.Parameter
    assert type(p * 2) is minitorch.Tensor
    assert nn.Parameter().shape == (0,)
    assert not nn.Parameter(t, requires_grad=False).requires_grad
    with minitorch.no_grad():
        assert nn.Parameter(t).requires_grad


def test_buffer():
    b = nn.Buffer(minitorch.ones(2))
    assert type(b) is minitorch.Tensor and isinstance(b, nn.Buffer) and b.persistent
    assert not isinstance(minitorch.ones(2), nn.Buffer)


def test_replaced_weights_are_used():
    m, x = nn.Linear(2, 1), minitorch.ones(1, 2)
    m(x)
    m.weight = nn.Parameter(minitorch.ones(1, 2))
    m.bias = None
    assert m(x).tolist() == [[2.0]]
    m._parameters["weight"] = nn.Parameter(minitorch.full((1, 2), 3.0))
    assert m(x).tolist() == [[6.0]]
    m._parameters.update(bias=nn.Parameter(minitorch.ones(1)))
    assert m(x).tolist() == [[7.0]]
    weight = m._parameters.pop("weight")
    with pytest.raises(AttributeError, match="no attribute 'weight'"):
        m(x)
    m.weight = weight * 2  # a plain attribute, as weight normalisation sets it
    assert m(x).tolist() == [[13.0]]
    del m.weight
    m._parameters = {"weight": weight, "bias": None}
    assert m(x).tolist() == [[6.0]]
