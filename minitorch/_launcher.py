"""The launcher: ``python -m minitorch script.py [args]`` runs a program that says ``import torch``.

In that process ``torch`` and its submodules are minitorch and its submodules, the very same module objects,
and stay so when PyTorch is installed too: the two are never mixed. All else is as with ``python script.py``:
arguments, ``sys.path[0]``, ``__main__``, exit status, and tracebacks that begin in the program.

How it works: a finder at the front of ``sys.meta_path`` answers for ``torch`` and ``torch.*`` when they are
imported, and not before, so that starting costs nothing. A second one at its end is asked for what minitorch
does not have, and names it, with the place that asked.

Processes that ``multiprocessing`` starts by ``fork`` keep the mapping. Those started by ``spawn`` or
``forkserver`` are new interpreters, which import the program's main module without it: call
``multiprocessing.set_start_method("fork")``, or say ``import minitorch as torch`` in such a program.

Relies on the standard library only. Source of the semantics: https://docs.python.org/3/using/cmdline.html
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import pkgutil
import sys
import types
from opcode import opmap

USAGE = "usage: python -m minitorch script.py [args] | -m module [args] | -c code [args]"


def main(argv: list[str]) -> int:
    """Run the program that the command line names.

    Returns:
        int: 0 when it ran to its end, 2 after a wrong command line. What the program raises goes through.
    """
    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE, file=sys.stdout if argv else sys.stderr)
        return 0 if argv else 2
    option, value, rest = argv[0][:2], argv[0][2:], argv[1:]
    if option in ("-m", "-c"):
        if not value:
            if not rest:
                return _refuse(f"argument expected for the {option} option\n{USAGE}")
            value, rest = rest[0], rest[1:]
        prepare = _prepare_module if option == "-m" else _prepare_code
        return _run(prepare, value, rest)
    if option.startswith("-") and argv[0] != "-":
        return _refuse(f"unknown option {argv[0]}\n{USAGE}")
    return _run(_prepare_script, argv[0], rest)


def install() -> None:
    """Make ``import torch`` mean minitorch from now on, in this process.

    Raises:
        ImportError: when PyTorch itself has been imported already.
    """
    if any(isinstance(finder, _TorchFinder) for finder in sys.meta_path):
        return
    loaded = sys.modules.get("torch")
    if loaded is not None:
        raise ImportError(
            f"PyTorch is imported already ({getattr(loaded, '__file__', None)}): too late for minitorch"
        )
    sys.meta_path.insert(0, _TorchFinder())
    sys.meta_path.append(_LastFinder())


# --- torch is minitorch --------------------------------------------------------------------------------


class _TorchFinder(importlib.abc.MetaPathFinder):
    """Finds ``torch`` and ``torch.*`` as minitorch's modules of the same names."""

    def find_spec(self, name, path=None, target=None):
        if name != "torch" and not name.startswith("torch."):
            return None
        ours = _ours(name)
        spec = importlib.util.find_spec(ours)
        if spec is None:
            return _missing(name)
        is_package = spec.submodule_search_locations is not None
        return importlib.machinery.ModuleSpec(
            name, _SameModule(ours), origin=spec.origin, is_package=is_package
        )


class _LastFinder(importlib.abc.MetaPathFinder):
    """Asked when nothing else found a module: names what ``from torch import ...`` did not find."""

    def find_spec(self, name, path=None, target=None):
        return _missing("torch" + name[len("minitorch") :]) if name.startswith("minitorch.") else None


class _SameModule(importlib.abc.Loader):
    """Puts minitorch's own module object under the name that was imported.

    The import system takes from ``sys.modules`` what ``exec_module`` left there, and drops the empty module
    it had made. So minitorch's module keeps its own ``__name__`` and ``__spec__``.
    """

    def __init__(self, ours: str):
        self.ours = ours

    def exec_module(self, module):
        ours = importlib.import_module(self.ours)
        _explain_missing(ours)
        sys.modules[module.__name__] = ours


def _ours(name: str) -> str:
    return "minitorch" + name[len("torch") :]


def _missing(name: str):
    """Raise the error for a module that minitorch lacks; None if ``importlib.util.find_spec`` merely asks."""
    frame = _asking_frame()
    if frame is not None and frame.f_globals.get("__name__") == "importlib.util":
        return None
    raise ModuleNotFoundError(f"minitorch has no {name} (imported at {_place(frame)})", name=name)


def _explain_missing(module: types.ModuleType) -> None:
    """Let the module name itself as torch's when it is asked for what it lacks."""
    known = module.__dict__.get("__getattr__")
    if getattr(known, "for_launcher", False):
        return
    full_name = "torch" + module.__name__[len("minitorch") :]

    def __getattr__(name):
        if known is not None:
            try:
                return known(name)
            except AttributeError:
                pass
        frame = sys._getframe(1)
        text = f"minitorch has no {full_name}.{name}"
        if frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]:
            raise ImportError(f"{text} (imported at {_place(frame)})", name=full_name)
        raise AttributeError(text, name=name, obj=module)

    __getattr__.for_launcher = True
    module.__getattr__ = __getattr__


def _asking_frame() -> types.FrameType | None:
    """The frame whose import led here: the first one that is neither the import system's nor ours."""
    frame = sys._getframe(1)
    while frame is not None:
        file, module = frame.f_code.co_filename, frame.f_globals.get("__name__")
        if file != __file__ and not file.startswith("<frozen importlib._") and module != "importlib":
            return frame
        frame = frame.f_back
    return None


def _place(frame: types.FrameType | None) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "an unknown place"


# --- the program is __main__ ---------------------------------------------------------------------------


def _run(prepare, what: str, arguments: list[str]) -> int:
    """Prepare the program named ``what`` and run it as ``__main__``; returns the exit status."""
    install()
    try:
        code, main_globals = prepare(what, arguments)
        program = types.ModuleType("__main__")
        program.__dict__.update(main_globals, __builtins__=builtins)
        if sys.version_info < (3, 14):
            program.__dict__["__annotations__"] = {}
        sys.modules["__main__"] = program
        exec(code, program.__dict__)
    except _Refused as refusal:
        return _refuse(*refusal.args)
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook = _from_the_program(sys.excepthook)
        raise
    return 0


class _Refused(Exception):
    """The program cannot be found: message and exit status."""


def _refuse(text: str, status: int = 2) -> int:
    print(f"python -m minitorch: {text}", file=sys.stderr)
    return status


def _set_path(first: str) -> None:
    """The program's place in ``sys.path``, instead of the one Python chose for ``-m minitorch``."""
    if not sys.flags.safe_path:
        sys.path[0] = first


def _prepare_code(source: str, arguments: list[str]):
    sys.argv[:] = ["-c", *arguments]
    _set_path("")
    return compile(source, "<string>", "exec"), {"__spec__": None}


def _prepare_script(path: str, arguments: list[str]):
    """A source file, standard input (``-``), or a folder or zip file that has a ``__main__.py``."""
    sys.argv[:] = [path, *arguments]
    if path == "-":
        _set_path("")
        return compile(sys.stdin.read(), "<stdin>", "exec"), {"__spec__": None}
    full = os.path.abspath(path)
    importer = pkgutil.get_importer(full)
    if importer is not None:
        _set_path(full)
        return _code_of(importer.find_spec("__main__"), f"can't find '__main__' module in {full!r}")
    try:
        with io.open_code(full) as file:
            code = pkgutil.read_code(file)
        if code is None:
            with io.open_code(full) as file:
                code = compile(file.read(), full, "exec")
    except OSError as error:
        raise _Refused(f"can't open file {full!r}: [Errno {error.errno}] {error.strerror}", 2) from None
    _set_path(os.path.dirname(os.path.realpath(full)))
    loader = importlib.machinery.SourceFileLoader("__main__", full)
    return code, {"__spec__": None, "__file__": full, "__loader__": loader, "__cached__": None}


def _prepare_module(name: str, arguments: list[str]):
    """A module, or a package's ``__main__``, as with ``python -m``."""
    sys.argv[:] = ["-m", *arguments]
    name = _ours(name) if name.split(".")[0] == "torch" else name
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            package, name = name, f"{name}.__main__"
            spec = importlib.util.find_spec(name)
            why = f"No module named {name}; {package!r} is a package and cannot be directly executed"
        else:
            why = f"No module named {name}"
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        spec, why = None, f"No module named {name}"
    code, main_globals = _code_of(spec, why)
    sys.argv[0] = spec.origin
    return code, main_globals


def _code_of(spec, why: str):
    """Code and module globals of what an import system's spec describes; refused for the reason ``why``."""
    code = None if spec is None or spec.loader is None else spec.loader.get_code(spec.name)
    if code is None:
        raise _Refused(why, 1)
    main_globals = {
        "__spec__": spec,
        "__file__": spec.origin,
        "__loader__": spec.loader,
        "__package__": spec.parent,
    }
    return code, {**main_globals, "__cached__": spec.cached}


def _from_the_program(hook):
    """The exception hook, given a traceback that leaves out the launcher's frames and Python's around it."""
    own = (__file__, os.path.join(os.path.dirname(__file__), "__main__.py"))

    def show(kind, error, traceback):
        entries = []
        while traceback is not None:
            entries.append(traceback)
            traceback = traceback.tb_next
        files = [entry.tb_frame.f_code.co_filename for entry in entries]
        start = 0
        while start < len(files) and (files[start] in own or files[start].startswith("<frozen runpy")):
            start += 1
        kept = [entry for entry, file in zip(entries[start:], files[start:], strict=True) if file not in own]
        for entry, after in zip(kept, [*kept[1:], None], strict=False):
            entry.tb_next = after
        error.__traceback__ = kept[0] if kept else None
        hook(kind, error, error.__traceback__)

    return show
