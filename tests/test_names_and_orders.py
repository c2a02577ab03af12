"""Arguments under the names and in the orders that programs use, and minitorch under torch's name."""

import importlib
import importlib.util
import subprocess
import sys
import warnings

import numpy
import pytest

import minitorch as mt

a, b, c = mt.arange(4.0).reshape(2, 2), mt.ones(2, 2) * 2, mt.eye(2) * 3

NAMED = {
    "manual_seed": lambda: mt.manual_seed(seed=3).initial_seed() == 3,
    "set_rng_state": lambda: mt.set_rng_state(new_state=mt.get_rng_state()) is None,
    "set_default_device": lambda: mt.set_default_device(device="cpu") is None,
    "is_floating_point": lambda: mt.is_floating_point(input=a),
    "is_complex": lambda: mt.is_complex(input=a) is False,
    "is_nonzero": lambda: mt.is_nonzero(input=mt.ones(1)),
    "is_signed": lambda: mt.is_signed(input=a),
    "is_tensor": lambda: mt.is_tensor(obj=a),
    "numel": lambda: mt.numel(input=a) == 4,
    "is_same_size": lambda: a.is_same_size(other=b),
    "is_set_to": lambda: a.is_set_to(tensor=a),
    "as_subclass": lambda: a.as_subclass(cls=mt.Tensor).shape == (2, 2),
    "result_type": lambda: mt.result_type(tensor=a, other=1) is mt.float32,
    "is_pinned": lambda: a.is_pinned(device="cpu") is False,
    "swapaxes": lambda: mt.swapaxes(a, axis0=0, axis1=1).equal(a.T),
    "split_size": lambda: len(a.split(split_size=1)) == 2,
    "resize_": lambda: a.clone().resize_(size=(4,)).shape == (4,),
    "resize_as_": lambda: a.clone().resize_as_(the_template=mt.ones(4)).shape == (4,),
}


@pytest.mark.parametrize("name", NAMED)
def test_one_argument_by_name(name):
    assert NAMED[name]()


def test_hooks_by_name():
    seen = []
    x = mt.ones(2, requires_grad=True)
    x.register_hook(hook=lambda g: seen.append("gradient"))
    x.register_post_accumulate_grad_hook(hook=lambda t: seen.append("added"))
    x.sum().backward()
    assert seen == ["gradient", "added"]


def test_wrong_names_and_numbers_of_arguments():
    with pytest.raises(TypeError, match=r"manual_seed\(\) got an unexpected keyword argument 'sed'"):
        mt.manual_seed(sed=1)
    with pytest.raises(TypeError, match=r"manual_seed\(\) missing 1 required positional argument: 'seed'"):
        mt.manual_seed()
    with pytest.raises(TypeError, match=r"numel\(\) takes 1 positional argument but 2 were given"):
        mt.numel(a, b)
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        mt.numel(a, input=b)


OLD = {
    "add": lambda: (mt.add(a, 2, b), mt.add(a, b, alpha=2)),
    "add method": lambda: (a.add(2, b), a.add(b, alpha=2)),
    "add_": lambda: (a.clone().add_(-0.5, b), a - 0.5 * b),
    "sub": lambda: (mt.sub(a, 2, b), a - 2 * b),
    "addcmul": lambda: (mt.addcmul(a, 2, b, c), a + 2 * b * c),
    "addcmul_": lambda: (a.clone().addcmul_(2, b, c), a + 2 * b * c),
    "addcdiv_": lambda: (a.clone().addcdiv_(-1, b, c), a - b / c),
    "addmm": lambda: (mt.addmm(2, a, 3, b, c), 2 * a + 3 * b @ c),
    "addmm beta": lambda: (a.addmm(2, b, c), 2 * a + b @ c),
    "addmm method": lambda: (a.addmm(2, 3, b, c), 2 * a + 3 * b @ c),
    "addmv": lambda: (b[0].addmv(2, 3, a, c[1]), 2 * b[0] + 3 * a @ c[1]),
    "out": lambda: (mt.add(a, 2, b, out=mt.empty(2, 2)), a + 2 * b),
}


@pytest.mark.parametrize("name", OLD)
def test_numbers_before_tensors(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got, wanted = OLD[name]()
    assert got.tolist() == wanted.tolist()


def test_the_old_order_is_told_once():
    code = (
        "import warnings, minitorch as mt\n"
        "with warnings.catch_warnings(record=True) as w:\n"
        "    warnings.simplefilter('always')\n"
        "    mt.ones(2).add_(2, mt.ones(2)); mt.ones(2).add_(2, mt.ones(2))\n"
        "print(len(w), str(w[0].message).splitlines()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "1 This overload of add_ is deprecated:\n", done.stderr


def test_what_is_no_old_order_stays_an_error():
    for call in (lambda: mt.add(a, b, 2), lambda: a.add(2, 3), lambda: mt.addcmul(a, b, c, 2)):
        with pytest.raises(TypeError):
            call()


def test_running_sums_and_products_of_float32_are_kept_in_double():
    x = numpy.random.default_rng(0).random(30000).astype("float32")
    exact = numpy.cumsum(x.astype("float64")).astype("float32")
    assert numpy.array_equal(mt.from_numpy(x).cumsum(0).numpy(), exact)
    two = mt.from_numpy(x).reshape(100, 300)
    assert numpy.array_equal(
        two.cumsum(0).numpy(), numpy.cumsum(two.numpy().astype("float64"), 0).astype("float32")
    )
    y = x[:200] + 0.5
    exact = numpy.cumprod(y.astype("float64")).astype("float32")
    assert numpy.array_equal(mt.from_numpy(y).cumprod(0).numpy(), exact)


# ---- by the name of torch -------------------------------------------------------------------------------


ALIAS = """
import importlib, importlib.abc, importlib.machinery, sys
class Loader(importlib.abc.Loader):
    def __init__(self, module): self.module = module
    def create_module(self, spec): return self.module
    def exec_module(self, module): pass
class Alias(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if not name.startswith('torch.'): return None
        module = sys.modules[name] = importlib.import_module('mini' + name)
        return importlib.machinery.ModuleSpec(name, Loader(module))
print(importlib.import_module('minitorch').__version__)
sys.modules['torch'] = sys.modules['minitorch']
sys.meta_path.insert(0, Alias())
import torch
from torch import nn
from torch.nn.parameter import Parameter
from torch.nn.modules.module import Module
from torch.optim.lr_scheduler import StepLR
same = nn.Parameter is Parameter, nn.Module is Module, torch.optim.lr_scheduler.StepLR is StepLR
print(torch.__version__, *same)
"""


def test_a_module_under_two_names_is_loaded_once():
    done = subprocess.run([sys.executable, "-c", ALIAS], capture_output=True, text=True, timeout=120)
    assert done.stdout == "0.1.0\n2.13.0+minitorch True True True\n", done.stderr


def test_modules_can_still_be_reloaded_and_found():
    import minitorch.nn.init as init

    spec = importlib.util.find_spec("minitorch.nn.init")
    assert importlib.util.module_from_spec(spec) is init
    assert "def xavier_uniform_" in spec.loader.get_source("minitorch.nn.init")
    old = init.calculate_gain
    assert importlib.reload(init) is init and init.calculate_gain is not old


def test_under_torchs_name_the_version_is_pytorchs():
    code = (
        "import torch\nv = torch.__version__\n"
        "print(v, torch.version.__version__)\n"
        "print(v >= (2, 0), v > '1.9', v < '2.14', [int(n) for n in v.split('.')[:2]])"
    )
    done = subprocess.run(
        [sys.executable, "-m", "minitorch", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "2.13.0+minitorch 2.13.0+minitorch\nTrue True True [2, 13]\n", done.stderr
