"""minitorch.compare: the same work done by PyTorch and by minitorch, its numbers and times side by side.

The work is a piece of source or a function. Source is run twice, each time in names of its own: where it says
``torch`` (or ``minitorch``), one run gets the one library and the other the other. In a notebook
``%load_ext minitorch`` gives the cell magic ``%%compare``. Read next: _compare_show.py (table and curves).
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import importlib
import inspect
import io
import itertools
import linecache
import random
import time
import types
from typing import Any

import numpy as np

import minitorch
from minitorch._compare_show import Comparison, Side

__all__ = ["compare", "load_ipython_extension"]

LIBRARIES = ("torch", "minitorch")
_counter = itertools.count(1)


def compare(
    work: Any, *args: Any, names: dict | None = None, seed: int = 0, repeat: int = 1, threads: int = 1
) -> Comparison:
    """Do the same work in PyTorch and in minitorch, and show results, differences, losses and times.

    work: source, in which ``torch``, ``nn``, ``F`` and ``np`` are there already; what it assigns, its last
    expression and the models it uses are compared. Or a function, called with the library and then the
    args; what it returns is compared, a dict by its keys.
    args: for a function. Tensors are given as copies, PyTorch's as PyTorch's.
    names: names that the source finds, converted in the same way.
    seed: given to manual_seed before each run. NumPy's and Python's random numbers begin both runs alike.
    repeat: run so many times and show the shortest time. Only then is there a word on who is faster: a first
    run measures much that does not come again.
    threads: with so many both libraries compute.

    Without PyTorch its column says so, and all else is there. Prints as a table, in a notebook with curves of
    all lists of numbers; ``rows``, ``seconds`` and ``agree()`` are for programs, ``plot()`` draws with
    matplotlib. Raises TypeError for other work, and what the work raises if minitorch alone raises it.

    >>> import minitorch
    >>> minitorch.compare("loss = (torch.tensor([1.0, 3.0]) ** 2).mean()").rows[0].minitorch
    '5'
    >>> minitorch.compare(lambda torch, x: x.sum(), minitorch.ones(3)).rows[0].minitorch
    '3'

    How tensors are handed over: https://dmlc.github.io/dlpack/latest/python_spec.html
    """
    if isinstance(work, str):
        if args:
            raise TypeError("compare(): args are for a function; source finds them in names")
        worlds = {library: _names(library, names or {}) for library in LIBRARIES}
        return _raise(_run_source(work, worlds, seed, repeat, threads))
    if not callable(work):
        raise TypeError(f"compare(): argument 'work' must be source or a function, not {type(work).__name__}")

    def call(library: str) -> dict:
        result = work(_module(library), *[_convert(value, library) for value in args])
        return result if isinstance(result, dict) else {"result": result}

    return _raise(_run(call, seed, repeat, threads))


def _raise(comparison: Comparison) -> Comparison:
    """The comparison, unless minitorch alone has failed."""
    ours, theirs = comparison.minitorch.error, comparison.torch.error
    if ours is not None and type(ours) is not type(theirs):
        raise ours
    return comparison


# ---- the two libraries ----------------------------------------------------------------------------------


def _module(library: str) -> types.ModuleType:
    """The library, its name put right where ``torch`` means minitorch in this process."""
    module = importlib.import_module(library)
    if library == "torch" and module is minitorch:
        raise ModuleNotFoundError("in this process the name torch means minitorch", name="torch")
    return module


def _convert(value: Any, library: str) -> Any:
    """A value for a run with this library: tensors and containers as copies, the library's own parts as the
    other's. LookupError for what belongs to one library and has no counterpart."""
    if isinstance(value, minitorch.Tensor):
        return _tensor(value, library)
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(_convert(item, library) for item in value)
    if type(value) is dict:
        return {key: _convert(item, library) for key, item in value.items()}
    if isinstance(value, types.ModuleType):
        return _same(value, library)
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        home = getattr(value, "__module__", None) or ""
        if home.split(".")[0] in LIBRARIES:
            return _counterpart(value, library)
        if home == "__main__":
            raise LookupError("was defined outside")
        return value
    if isinstance(value, str | bytes | int | float | complex | type(None) | np.generic):
        return value
    home = type(value).__module__.split(".")[0]
    if home in (*LIBRARIES, "__main__") and not isinstance(value, minitorch.dtype):
        raise LookupError("belongs to one library")
    if isinstance(value, minitorch.dtype):
        return getattr(_module(library), str(value).split(".")[-1])
    return copy.copy(value)


def _tensor(value: Any, library: str) -> Any:
    leaf = value.detach().clone()
    if library == "torch":
        leaf = minitorch.to_torch(leaf)
    if isinstance(value, minitorch.nn.Parameter):
        return _module(library).nn.Parameter(leaf, requires_grad=value.requires_grad)
    return leaf.requires_grad_(value.requires_grad)


def _same(module: types.ModuleType, library: str) -> types.ModuleType:
    """torch.nn for minitorch.nn and the other way; other modules as they are."""
    first, _, rest = module.__name__.partition(".")
    return _module(f"{library}.{rest}" if rest else library) if first in LIBRARIES else module


def _counterpart(value: Any, library: str) -> Any:
    """The class or function of this library that bears the same name."""
    name = value.__qualname__
    homes = [value.__module__.partition(".")[2], "", "nn", "nn.functional", "optim", "utils.data"]
    for home in homes:
        try:
            module = _module(f"{library}.{home}" if home else library)
        except ModuleNotFoundError:
            continue
        if hasattr(module, name):
            return getattr(module, name)
    raise LookupError("belongs to one library")


def _names(library: str, given: dict) -> dict:
    """The names a run begins with; empty if the library is not there."""
    try:
        torch = _module(library)
    except ImportError:
        return {}
    functional = _module(f"{library}.nn.functional")
    found = {"__name__": "__main__", "torch": torch, "nn": torch.nn, "F": functional, "np": np}
    for name, value in given.items():
        with contextlib.suppress(LookupError, ImportError):
            found[name] = _convert(value, library)
    return found


# ---- running --------------------------------------------------------------------------------------------


def _run(call: Any, seed: int, repeat: int, threads: int) -> Comparison:
    """call(library) for both, from the same state of all random numbers."""
    states = random.getstate(), np.random.get_state()
    sides = {library: Side(library) for library in LIBRARIES}
    for library, side in sides.items():
        try:
            module = _module(library)
        except ImportError as error:
            side.missing = str(error)
            continue
        before = module.get_num_threads()
        module.set_num_threads(threads)
        _warm_up(module)
        side.version = str(module.__version__).split("+")[0]
        try:
            for _ in range(max(1, repeat)):
                random.setstate(states[0])
                np.random.set_state(states[1])
                module.manual_seed(seed)
                _once(side, call)
        finally:
            module.set_num_threads(before)
    return Comparison(sides["torch"], sides["minitorch"], repeat)


@functools.cache
def _warm_up(module: types.ModuleType) -> None:
    """One step of training: what a library does on its first call is not part of the work."""
    layer = module.nn.Linear(2, 1)
    optim = module.optim.SGD(layer.parameters(), lr=0.1)
    layer(module.zeros(1, 2)).sum().backward()
    optim.step()


def _once(side: Side, call: Any) -> None:
    """One run: values, what it printed, its time, its error."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        start = time.perf_counter()
        try:
            side.values = call(side.library)
        except Exception as error:
            side.error = error
        seconds = time.perf_counter() - start
    side.printed = printed.getvalue()
    side.seconds = seconds if side.seconds is None else min(seconds, side.seconds)


class _Imports(ast.NodeTransformer):
    """Lets a program's imports of torch and of minitorch bring the one library."""

    def __init__(self, library: str):
        self.library = library

    def _ours(self, name: str) -> str:
        first, dot, rest = name.partition(".")
        return self.library + dot + rest if first in LIBRARIES else name

    def visit_Import(self, node: ast.Import) -> list:
        result: list = []
        for alias in node.names:
            new = self._ours(alias.name)
            result.append(ast.Import([ast.alias(new, alias.asname)]))
            if alias.name.split(".")[0] in LIBRARIES and not alias.asname:
                wanted = alias.name.split(".")[0]
                value = ast.Name(self.library, ast.Load())
                result.append(ast.Assign([ast.Name(wanted, ast.Store())], value))
        return [ast.copy_location(statement, node) for statement in result]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.level == 0 and node.module:
            node.module = self._ours(node.module)
        return node


def _run_source(source: str, worlds: dict, seed: int, repeat: int, threads: int) -> Comparison:
    """Run the source in both worlds, {name: value} for each library, which keep what it assigns."""
    source = inspect.cleandoc(source) if source[:1].isspace() else source
    file = f"<compare {next(_counter)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    tree = ast.parse(source, file)
    assigned, loaded = _names_of(tree)

    def call(library: str) -> dict:
        world = worlds[library]
        program = _Imports(library).visit(copy.deepcopy(tree))
        last = program.body.pop() if program.body and isinstance(program.body[-1], ast.Expr) else None
        exec(compile(ast.fix_missing_locations(program), file, "exec"), world)
        result = None
        if last is not None:
            result = eval(compile(ast.Expression(last.value), file, "eval"), world)
        values = {name: world[name] for name in assigned if name in world}
        models = {name: world[name] for name in loaded if _is_model(world.get(name))}
        values = {**models, **values}
        if result is not None and not any(result is value for value in values.values()):
            values["the last line"] = result
        return values

    return _run(call, seed, repeat, threads)


def _is_model(value: Any) -> bool:
    return hasattr(value, "named_parameters") and not isinstance(value, type)


def _names_of(tree: ast.Module) -> tuple[list, list]:
    """What a program assigns at its top, loop variables aside, and what it reads."""
    assigned: dict = {}
    loaded: dict = {}
    waiting: list = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.comprehension | ast.For):
            node.target.loop = True  # type: ignore[attr-defined]
        children = list(ast.iter_child_nodes(node))
        if getattr(node, "loop", False):
            for child in children:
                child.loop = True  # type: ignore[attr-defined]
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                loaded[node.id] = None
            elif not getattr(node, "loop", False) and not node.id.startswith("_"):
                assigned[node.id] = None
        waiting += reversed(children)
    return list(assigned), list(loaded)


# ---- the cell magic -------------------------------------------------------------------------------------

USAGE = "usage: %%compare [--repeat N] [--seed N] [--threads N]"


class _Magic:
    """%%compare: what earlier cells of that kind have defined stays, for each library. An error that is
    minitorch's alone is raised; where there is no PyTorch to say, it is shown."""

    def __init__(self, shell: Any):
        self.shell = shell
        self.kept: dict = {library: {} for library in LIBRARIES}

    def __call__(self, line: str, cell: str) -> Comparison:
        options = self._options(line)
        worlds = {library: self._world(library) for library in LIBRARIES}
        before = {library: dict(world) for library, world in worlds.items()}
        comparison = _run_source(cell, worlds, **options)
        for library, world in worlds.items():
            new = {n: v for n, v in world.items() if n not in before[library] or before[library][n] is not v}
            new.pop("__builtins__", None)
            self.kept[library].update(new)
            if library == "minitorch":
                self.shell.user_ns.update(new)
        error = comparison.minitorch.error
        if isinstance(error, NameError):
            error.add_note("What %%compare uses must be defined in a %%compare cell, once for each library.")
        return comparison if comparison.torch.missing else _raise(comparison)

    def _world(self, library: str) -> dict:
        """The notebook's names, converted; over them what %%compare cells defined, unless changed since."""
        kept, hidden = self.kept[library], {"In", "Out", "exit", "quit", "open", "get_ipython"}
        mine = {
            name: value
            for name, value in self.shell.user_ns.items()
            if not name.startswith("_")
            and name not in hidden
            and self.kept["minitorch"].get(name) is not value
        }
        world = _names(library, mine)
        world.update({name: value for name, value in kept.items() if name not in mine} if world else {})
        return world

    @staticmethod
    def _options(line: str) -> dict:
        words, options = line.split(), {"seed": 0, "repeat": 1, "threads": 1}
        for option, value in itertools.zip_longest(words[::2], words[1::2], fillvalue=""):
            if option[:2] != "--" or option[2:] not in options or not value.isdecimal():
                raise ValueError(USAGE)
            options[option[2:]] = int(value)
        return options


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext minitorch`` calls: registers the cell magic ``%%compare``.

    shell: IPython's. Further cells are run as ever.

    >>> import minitorch
    >>> minitorch.load_ipython_extension(get_ipython())  # doctest: +SKIP

    How: https://ipython.readthedocs.io/en/stable/config/extensions/index.html
    """
    shell.register_magic_function(_Magic(shell), "cell", "compare")
