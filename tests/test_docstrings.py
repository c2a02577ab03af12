"""Every public name says what it does, and the examples run.

A function or class in Python must have a doctest and the address of what it follows; an operator from C a
sentence or a formula. What breaks here when Python is wrong: the docstring that the test names.
"""

import doctest
import inspect
import sys
from importlib import import_module

import pytest

import minitorch

MODULES = """
    minitorch.functional minitorch.autograd minitorch.nn minitorch.nn.functional minitorch.nn.init
    minitorch.nn.utils minitorch.optim minitorch.optim.lr_scheduler minitorch.utils.data minitorch.utils.hooks
    minitorch.serialization minitorch.utils.dlpack minitorch.beside
    minitorch._graph minitorch._summary minitorch._teaching
    minitorch.amp minitorch.cuda.amp minitorch.compiler minitorch.jit minitorch.version minitorch.__config__
    minitorch.distributed minitorch.utils.checkpoint minitorch._settings minitorch.nn.parallel
    minitorch.testing
""".split()
OPERATOR = type(minitorch.sigmoid)


def public():
    """The public functions and classes of ours, by name; each once, under its first name."""
    found = {}
    for module in map(import_module, MODULES):
        for name in getattr(module, "__all__", vars(module)):
            value = getattr(module, name)
            ours = callable(value) and str(getattr(value, "__module__", "")).startswith("minitorch")
            if ours and not name.startswith("_") and value not in found.values():
                found[f"{module.__name__}.{name}"] = value
    return found


PYTHON = {name: value for name, value in public().items() if not isinstance(value, OPERATOR)}
OPERATORS = {
    f"{space.__name__}.{name}": value
    for space in (minitorch, minitorch.nn.functional, minitorch.Tensor)
    for name, value in vars(space).items()
    if isinstance(value, OPERATOR)
}


def examples(name, value):
    """The doctest of a docstring, in the namespace of the module it stands in; None without examples."""
    names = {**vars(sys.modules.get(value.__module__, minitorch)), "minitorch": minitorch}
    test = doctest.DocTestParser().get_doctest(inspect.cleandoc(value.__doc__ or ""), names, name, None, 0)
    return test if test.examples else None


def failures(test):
    """What a doctest's run says about examples that fail; empty if none does."""
    said = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    return "".join(said)


@pytest.mark.parametrize("name", PYTHON)
def test_python_has_examples_that_run(name):
    test = examples(name, PYTHON[name])
    assert test, "no example"
    assert not failures(test)


@pytest.mark.parametrize("name", PYTHON)
def test_python_names_its_source(name):
    assert "https://" in PYTHON[name].__doc__


def test_operators_say_what_they_do():
    silent = [name for name, value in OPERATORS.items() if len((value.__doc__ or "").split("\n\n")) < 2]
    assert not silent


def test_examples_of_operators_run():
    tests = [examples(name, value) for name, value in OPERATORS.items()]
    assert "".join(failures(test) for test in tests if test) == ""
