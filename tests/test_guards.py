"""What programs ask or prepare before they compute: devices, precision, compilers, processes, versions.

Breaks when wrong: the module of minitorch that the test names.
"""

import importlib.util
import io
import os
import sys
import warnings
from importlib import import_module

import pytest

import minitorch
from minitorch.testing import assert_close


@pytest.fixture(scope="module")
def pytorch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: texts are not compared")


# ---- devices ----------------------------------------------------------------------------------------------


def test_the_usual_first_lines_choose_the_cpu():
    assert minitorch.device("cuda" if minitorch.cuda.is_available() else "cpu").type == "cpu"
    mps = minitorch.backends.mps.is_available() or minitorch.mps.is_available()
    assert not mps and not minitorch.accelerator.is_available()
    assert minitorch.accelerator.current_accelerator() is None and minitorch.cuda.device_count() == 0
    minitorch.cuda.manual_seed(0)
    minitorch.cuda.manual_seed_all(0)
    minitorch.cuda.empty_cache()
    minitorch.cuda.reset_max_memory_allocated()
    with minitorch.device("cpu"):
        assert minitorch.ones(1).device.type == "cpu"


def test_what_needs_a_device_raises():
    for act in (
        lambda: minitorch.ones(1).cuda(),
        lambda: minitorch.ones(1, device="cuda"),
        lambda: minitorch.nn.Linear(1, 1).cuda(),
        minitorch.cuda.synchronize,
        minitorch.cuda.current_device,
    ):
        with pytest.raises(AssertionError, match="^Torch not compiled with CUDA enabled$"):
            act()
    for act in (minitorch.accelerator.synchronize, minitorch.mps.synchronize):
        with pytest.raises(RuntimeError):
            act()


def test_constructors_of_another_device(pytorch):
    assert not isinstance(minitorch.ones(1), minitorch.cuda.FloatTensor)
    assert isinstance(minitorch.ones(1), minitorch.FloatTensor)
    with pytest.raises(TypeError) as ours:
        minitorch.cuda.FloatTensor(2)
    with pytest.raises(TypeError) as theirs:
        pytorch.cuda.FloatTensor(2)
    assert str(ours.value) == str(theirs.value)


# ---- settings ---------------------------------------------------------------------------------------------


def test_default_tensor_type():
    try:
        minitorch.set_default_tensor_type(minitorch.DoubleTensor)
        assert minitorch.tensor(1.0).dtype is minitorch.float64
    finally:
        minitorch.set_default_tensor_type("torch.FloatTensor")
    assert minitorch.get_default_dtype() is minitorch.float32
    with pytest.raises(TypeError, match="^only floating-point types are supported as the default type$"):
        minitorch.set_default_tensor_type(minitorch.LongTensor)
    for cuda in ("torch.cuda.FloatTensor", minitorch.cuda.FloatTensor):
        with pytest.raises(TypeError, match="^type torch.cuda.FloatTensor not available"):
            minitorch.set_default_tensor_type(cuda)
    with pytest.raises(TypeError, match="^invalid type object"):
        minitorch.set_default_tensor_type("torch.NoTensor")


def test_switches():
    minitorch.use_deterministic_algorithms(True, warn_only=True)
    assert minitorch.are_deterministic_algorithms_enabled()
    assert minitorch.is_deterministic_algorithms_warn_only_enabled()
    minitorch.use_deterministic_algorithms(False)
    with pytest.warns(UserWarning, match="low is not one of"):
        minitorch.set_float32_matmul_precision("low")
    assert minitorch.typename(minitorch.ones(1)) == "torch.FloatTensor" and minitorch.is_tensor(1) is False
    assert minitorch.numel(minitorch.ones(2, 3)) == 6


def test_versions():
    version = minitorch.__version__
    assert isinstance(version, str) and version == minitorch.version.__version__
    assert version >= (1, 7) and version > "1.13.1+cpu" and version <= "2.13" and not version < "2.0.0a1"
    assert version < (3,) and version.split(".")[0].isdigit()
    assert minitorch.version.cuda is None
    assert version in minitorch.__config__.show()
    with pytest.raises(TypeError):
        version < None  # noqa: B015


# ---- mixed precision --------------------------------------------------------------------------------------


def test_autocast_changes_nothing():
    with minitorch.autocast(device_type="cpu", enabled=True):
        assert (minitorch.ones(1, 2) @ minitorch.ones(2, 1)).dtype is minitorch.float32

    @minitorch.amp.autocast("cpu")
    def f(x):
        return x + 1

    assert f(1) == 2
    with pytest.warns(UserWarning, match="CUDA is not available"), minitorch.cuda.amp.autocast():
        pass
    with pytest.raises(TypeError, match="device_type"):
        minitorch.autocast()


def steps(t, values, **options):
    """The scale and the weight after steps with these gradients."""
    w = t.ones(1, requires_grad=True)
    sgd, scaler = (
        t.optim.SGD([w], lr=0.5),
        t.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2, **options),
    )
    seen = []
    for value in values:
        sgd.zero_grad()
        scaler.scale((w * value).sum()).backward()
        scaler.unscale_(sgd)
        scaler.step(sgd)
        scaler.update()
        seen.append((scaler.get_scale(), w.item()))
    return seen, scaler.state_dict()


@pytest.mark.parametrize("options", [{}, {"enabled": False}, {"growth_factor": 3.0, "backoff_factor": 0.25}])
def test_scaler_does_what_pytorchs_does(options, pytorch):
    values = [1.0, 2.0, float("inf"), 1.0, 1.0, 0.5] if options != {"enabled": False} else [1.0, 2.0]
    assert steps(minitorch, values, **options) == steps(pytorch, values, **options)


def test_scaler_without_a_device_is_off():
    with pytest.warns(UserWarning, match="torch.cuda.amp.GradScaler is enabled, but CUDA is not available"):
        scaler = minitorch.cuda.amp.GradScaler()
    assert not scaler.is_enabled() and scaler.state_dict() == {} and scaler.get_scale() == 1.0
    x = minitorch.ones(1)
    assert scaler.scale(x) is x


def test_scaler_says_what_is_wrong():
    sgd = minitorch.optim.SGD([minitorch.ones(1, requires_grad=True)], lr=0.5)
    scaler = minitorch.GradScaler("cpu")
    scaler.unscale_(sgd)
    with pytest.raises(RuntimeError, match=r"^unscale_\(\) has already been called"):
        scaler.unscale_(sgd)
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        scaler.load_state_dict({})
    other = minitorch.GradScaler("cpu", init_scale=2.0)
    scaler.load_state_dict(other.state_dict())
    assert scaler.get_scale() == 2.0
    with pytest.raises(AssertionError, match="No inf checks"):
        other.update()


# ---- compilers, programs, processes -----------------------------------------------------------------------


def test_compile_and_script_are_identity():
    net = minitorch.nn.Linear(1, 1)
    assert minitorch.compile(net, mode="max-autotune") is net
    assert minitorch.compile(fullgraph=True)(abs) is abs and minitorch.compiler.disable()(abs) is abs
    assert minitorch.jit.script(net) is net and minitorch.jit.trace(net, (minitorch.ones(1),)) is net
    assert not minitorch.compiler.is_compiling() and minitorch.jit.ignore()(abs) is abs
    for act in (lambda: minitorch.jit.save(net, io.BytesIO()), lambda: minitorch.jit.load("x")):
        with pytest.raises(RuntimeError, match="TorchScript"):
            act()


def test_stances_and_marks_are_identity():
    compiler, dynamo = minitorch.compiler, minitorch._dynamo
    compiler.set_stance("force_eager", skip_guard_eval_unsafe=False)
    with compiler.set_stance("fail_on_recompile") as inside:
        assert inside is None
    assert compiler.set_stance("default")(abs) is abs
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        compiler.set_stance("default", foo=1)
    for same in (
        compiler.allow_in_graph,
        compiler.assume_constant_result,
        dynamo.disallow_in_graph,
        dynamo.run,
    ):
        assert same(abs) is abs
    assert dynamo.allow_in_graph([abs, len]) == [abs, len]
    with pytest.raises(AssertionError, match="allow_in_graph expects a callable"):
        compiler.allow_in_graph(3)
    assert not compiler.is_exporting() and not compiler.is_dynamo_compiling() and not compiler.list_backends()
    assert dynamo.graph_break() is dynamo.mark_dynamic(minitorch.ones(1), 0) is compiler.reset() is None


def test_nothing_is_downloaded(monkeypatch):
    for act in (
        minitorch.hub.load,
        minitorch.utils.model_zoo.load_url,
        minitorch.hub.load_state_dict_from_url,
    ):
        with pytest.raises(RuntimeError, match="^minitorch downloads nothing"):
            act("x", "y")
    monkeypatch.setenv("TORCH_HOME", "/somewhere")
    assert minitorch.hub.get_dir() == os.path.join("/somewhere", "hub")


def test_one_process(pytorch):
    dist = minitorch.distributed
    assert not dist.is_available() and not dist.is_initialized() and dist.ReduceOp.SUM.name == "SUM"
    for name in ("get_rank", "get_world_size", "barrier"):
        with pytest.raises(ValueError) as ours:
            getattr(dist, name)()
        with pytest.raises(ValueError) as theirs:
            getattr(pytorch.distributed, name)()
        assert str(ours.value) == str(theirs.value)
    with pytest.raises(RuntimeError, match="^minitorch runs in one process"):
        dist.init_process_group("gloo")
    with pytest.raises(AttributeError):
        dist.no_such_name  # noqa: B018


def test_data_parallel():
    net = minitorch.nn.Linear(2, 3)
    parallel = minitorch.nn.DataParallel(net)
    x = minitorch.ones(4, 2)
    assert parallel(x).tolist() == net(x).tolist() and parallel.module is net
    assert minitorch.nn.parallel.data_parallel(net, x).tolist() == net(x).tolist()
    with pytest.raises(ValueError, match="^Default process group"):
        minitorch.nn.parallel.DistributedDataParallel(net)


def test_checkpoint():
    x = minitorch.tensor([1.0, 2.0], requires_grad=True)
    net = minitorch.nn.Sequential(minitorch.nn.Tanh(), minitorch.nn.Sigmoid())
    checkpoint = minitorch.utils.checkpoint
    checkpoint.checkpoint(net, x, use_reentrant=False, preserve_rng_state=True).sum().backward()
    first, x.grad = x.grad, None
    checkpoint.checkpoint_sequential(net, 2, x, use_reentrant=False).sum().backward()
    assert x.grad.tolist() == first.tolist()


def fails(index):
    if index == 1:
        raise KeyError("of process 1")


def writes(index, folder):
    with open(os.path.join(folder, str(index)), "w") as file:
        file.write(str(index))


def dies(index):
    os._exit(3)


def test_spawn(tmp_path):
    spawn = minitorch.multiprocessing.spawn
    spawn(writes, (str(tmp_path),), nprocs=2, start_method="fork")
    assert sorted(os.listdir(tmp_path)) == ["0", "1"]
    with pytest.raises(minitorch.multiprocessing.ProcessRaisedException, match="KeyError: 'of process 1'"):
        spawn(fails, nprocs=2, start_method="fork")
    with pytest.raises(minitorch.multiprocessing.ProcessExitedException, match="exit code 3"):
        spawn(dies, start_method="fork")
    assert minitorch.multiprocessing.Process.__name__ == "Process"


@pytest.mark.parametrize("name", "hub mps jit amp cuda.amp utils.model_zoo distributed".split())
def test_all_names_are_there(name):
    module = import_module("minitorch." + name)
    assert all(hasattr(module, listed) for listed in module.__all__)


# ---- assert_close -----------------------------------------------------------------------------------------

CASES = {
    "close": lambda t: (t.ones(2), t.ones(2) + 1e-7),
    "values": lambda t: (t.ones(2, 3), t.tensor([[1.0, 2, 1], [0, 1, 1]])),
    "dtype": lambda t: (t.ones(2), t.ones(2, dtype=t.float64)),
    "shape": lambda t: (t.ones(2), t.ones(3)),
    "numbers": lambda t: (1.0, 2.0),
    "integers": lambda t: (t.tensor(1), t.tensor(2)),
    "vectors of integers": lambda t: (t.tensor([1, 2]), t.tensor([2, 2])),
    "a list": lambda t: ([t.ones(2)], [t.tensor([1.0, 2.0])]),
    "a dict": lambda t: ({"a": t.ones(2)}, {"a": t.tensor([1.0, 2.0])}),
    "a list in a dict": lambda t: ({"a": [t.ones(1), t.ones(1)]}, {"a": [t.ones(1), t.zeros(1)]}),
    "nan": lambda t: (t.tensor([float("nan")]), t.tensor([float("nan")])),
    "infinity": lambda t: (t.tensor([float("inf"), 1.0]), t.tensor([float("inf"), 1.0])),
    "lengths": lambda t: ([1, 2], [1]),
    "double": lambda t: (t.ones(1, dtype=t.float64), t.ones(1, dtype=t.float64) + 1e-6),
}


@pytest.mark.parametrize("case", CASES)
def test_assert_close_says_what_pytorch_says(case, pytorch):
    said = []
    for t in (minitorch, pytorch):
        try:
            t.testing.assert_close(*CASES[case](t))
            said.append(None)
        except AssertionError as error:
            said.append(str(error))
    assert (said[0] is None) == (said[1] is None)
    if said[0] is not None:
        # PyTorch gives differences in the dtype that it compares in: a digit may differ.
        ours, theirs = (text.split("difference")[0] for text in said)
        assert ours == theirs


def test_assert_close_options():
    one, two = minitorch.ones(2), minitorch.ones(2) * 1.1
    assert_close(one, two, rtol=0.2, atol=0)
    assert_close(minitorch.tensor(float("nan")), minitorch.tensor(float("nan")), equal_nan=True)
    assert_close(one, one.double(), check_dtype=False)
    with pytest.raises(AssertionError, match="^hey$"):
        assert_close(one, two, msg="hey")
    with pytest.raises(AssertionError, match="hey: Tensor-likes"):
        assert_close(one, two, msg=lambda text: "hey: " + text)
    with pytest.raises(TypeError, match="^No comparison pair"):
        assert_close(one, 1.0)
    with pytest.raises(ValueError, match="must be either specified or unspecified"):
        assert_close(one, one, rtol=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_close(minitorch.zeros(0), minitorch.zeros(0))


def test_make_tensor():
    x = minitorch.testing.make_tensor((3, 4), dtype=minitorch.float64, low=1, high=2, noncontiguous=True)
    assert x.shape == (3, 4) and not x.is_contiguous() and 1 <= x.min() <= x.max() < 2
    assert minitorch.testing.make_tensor(5, dtype=minitorch.bool).dtype is minitorch.bool


def test_shared_tensors_are_not_sent_by_spawn_as_copies():
    tensor = minitorch.ones(2).share_memory_()
    running = minitorch.multiprocessing.get_context("spawn").Process(target=print, args=(tensor,))
    with pytest.raises(RuntimeError, match="by fork only"):
        running.start()
    receiver, sender = minitorch.multiprocessing.Pipe(duplex=False)
    sender.send(tensor)  # a copy, as of any tensor
    assert receiver.recv().tolist() == [1, 1]


def test_devices_that_are_not_there(pytorch):
    for names in (
        "cuda.Stream cuda.Event cuda.default_stream cuda.get_arch_list cuda.memory_stats cuda.memory_cached",
        "mps.empty_cache mps.seed mps.synchronize mps.current_allocated_memory xpu.is_available",
        "xpu.device_count xpu.synchronize cpu.is_available cpu.current_device is_vulkan_available",
    ):
        for name in names.split():
            said = []
            for library in (minitorch, pytorch):
                function = library
                for part in name.split("."):
                    function = getattr(function, part)
                try:
                    said.append(function())
                except Exception as error:
                    said.append((type(error), str(error)))
            assert said[0] == said[1], name
    with minitorch.cuda.device(None), minitorch.cuda.stream(None):
        pass
    with pytest.raises(AssertionError), minitorch.cuda.device(0):
        pass
    assert minitorch.get_device_module() is minitorch.cpu


def test_nothing_is_a_compiled_module():
    net = minitorch.jit.script(minitorch.nn.Linear(1, 1))
    assert not isinstance(net, minitorch.jit.ScriptModule)


def test_switches_of_cudnn_can_be_set_for_a_block():
    with minitorch.backends.cudnn.flags(enabled=False, allow_tf32=False):
        assert minitorch.ones(2).sum() == 2


def test_modules_of_classes_can_be_made_from_their_specs():
    assert minitorch.distributions.Normal
    names = [name for name in sys.modules if name.startswith("minitorch.distributions.")]
    assert "minitorch.distributions.multivariate_normal" in names
    for name in names:
        module = sys.modules[name]
        assert importlib.util.module_from_spec(module.__spec__) is module
