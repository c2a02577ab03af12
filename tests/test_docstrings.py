"""Every public name says what it does, and the examples run.

A function or class in Python must have a doctest and the address of what it follows; an operator from C a
sentence or a formula, shapes, types, errors and an example (minitorch/_op_docs.py). What breaks here when
Python is wrong: the docstring that the test names.
"""

import doctest
import inspect
import sys
import warnings
from importlib import import_module

import pytest

import minitorch
from minitorch import _op_docs

MODULES = """
    minitorch.functional minitorch.autograd minitorch.nn minitorch.nn.functional minitorch.nn.init
    minitorch.nn.utils minitorch.optim minitorch.optim.lr_scheduler minitorch.optim.swa_utils
    minitorch.utils.data minitorch.utils.hooks
    minitorch.serialization minitorch.utils.dlpack minitorch.beside
    minitorch._graph minitorch._summary minitorch._teaching
    minitorch.amp minitorch.cuda.amp minitorch.compiler minitorch.jit minitorch.version minitorch.__config__
    minitorch.distributed minitorch.utils.checkpoint minitorch._settings minitorch.nn.parallel
    minitorch.testing minitorch.distributions minitorch.wordhunt
""".split()
OPERATOR = (type(minitorch.sigmoid), type(minitorch.Tensor.sigmoid))


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
SPACES = (minitorch, minitorch.nn.functional, minitorch.linalg, minitorch.special, minitorch.Tensor)
OPERATORS = {
    f"{space.__name__}.{name}": value
    for space in SPACES
    for name, value in vars(space).items()
    if isinstance(value, OPERATOR) and not name.startswith("_")
}


def examples(name, value):
    """The doctest of a docstring, in the namespace of the module it stands in; None without examples."""
    names = {} if isinstance(value, OPERATOR) else vars(sys.modules.get(value.__module__, minitorch))
    names = {**names, "minitorch": minitorch}
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
    words = ("Shapes: ", "Types: ", "Raises ", "\n>>> ")
    docs = {name: value.__doc__ for name, value in OPERATORS.items()}
    silent = {name: [word for word in words if word not in doc] for name, doc in docs.items()}
    assert not {name: missing for name, missing in silent.items() if missing}
    assert not [name for name, doc in docs.items() if len(doc.split("\n\n")) < 2]


def test_examples_of_operators_run():
    tests = {value.__doc__: examples(name, value) for name, value in OPERATORS.items()}
    assert "".join(failures(test) for test in tests.values()) == ""


BUILT_IN = {
    name: value
    for space in (minitorch._C, minitorch.Tensor)
    for name, value in vars(space).items()
    if not name.startswith("_") and (inspect.isroutine(value) or inspect.isfunction(value))
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_functions_and_methods_written_by_hand_have_examples(name):
    test = doctest.DocTestParser().get_doctest(
        inspect.cleandoc(BUILT_IN[name].__doc__), {"minitorch": minitorch}, name, None, 0
    )
    assert test.examples and not failures(test)


def test_every_example_belongs_to_an_operator():
    shown = "".join(value.__doc__ for value in OPERATORS.values())
    _op_docs._entry("exp")
    assert not [name for name, (_, example) in _op_docs._entries.items() if example and example not in shown]
    assert {family for family, _ in _op_docs._entries.values()} == set(_op_docs.FAMILIES)


def test_examples_show_what_pytorch_shows():
    """The same lines with torch in the place of minitorch."""
    torch = pytest.importorskip("torch")
    _op_docs._entry("exp")
    for name, (_, example) in _op_docs._entries.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test = doctest.DocTestParser().get_doctest(example, {"minitorch": torch}, name, None, 0)
            assert failures(test) == ""
