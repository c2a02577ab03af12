"""Prints minitorch/_C.pyi, the types of the C module, from the records that made it.

    python -m minitorch._stubgen            writes the file
    python -m minitorch._stubgen --check    says whether it is current (exit status 1 if not)

Operators carry their typed signatures (``minitorch.sin.stubs``, from the schemas in csrc/ops). Everything
else that is written in C says its signature in the first line of its docstring.
"""

import ast
import inspect
import sys
import types
from pathlib import Path
from typing import Any

from minitorch import _C

HEADER = """# Printed by `python -m minitorch._stubgen` from the schemas of the operators: do not edit.
import builtins
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, overload

_bool = builtins.bool
_int = builtins.int
_float = builtins.float
Number = _int | _float | _bool
_dtype = dtype
_device = device
_layout = layout
_memory_format = memory_format
"""

OPERATORS = (_C.Operator, type(_C.Tensor.sin))

# Names that hide a builtin inside a class body or the module: annotations say these instead.
HIDDEN = {name: "_" + name for name in ("bool", "int", "float", "dtype", "device", "layout", "memory_format")}


def _indent(lines, depth):
    return ["    " * depth + line for line in lines]


def _operator(name, op, decorator=""):
    """One def per overload."""
    stubs = [_annotations(stub) for stub in op.stubs]
    lines = []
    for stub in dict.fromkeys(stubs):
        lines += ["@overload"] if len(set(stubs)) > 1 else []
        lines += [decorator] if decorator else []
        lines.append(f"def {name}{stub}: ...")
    return lines


def _annotations(stub):
    """The stub with builtins under names that no tensor method or dtype hides."""
    tree = ast.parse(f"def f{stub}: ...").body[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation:
            node.annotation = _Rename().visit(node.annotation)
    return ast.unparse(tree).removeprefix("def f").removesuffix(":\n    ...").removesuffix(": ...")


class _Rename(ast.NodeTransformer):
    def visit_Name(self, node):
        return ast.Name(HIDDEN.get(node.id, node.id), node.ctx)


def _signature(function, method):
    """(self, name, ...) of something written by hand in C; anything goes where it does not say.

    What Python's versions make up differs, so only what a docstring says counts.
    """
    try:
        private = isinstance(function, types.MethodDescriptorType) and function.__name__[0] == "_"
        if private or not function.__doc__:
            raise ValueError
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return "(self, *args: Any, **kwargs: Any) -> Any" if method else "(*args: Any, **kwargs: Any) -> Any"
    shown = []
    if method and (not parameters or parameters[0].name not in ("self", "cls")):
        shown.append(inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY))
    for p in parameters:
        default = p.default if p.default is inspect.Parameter.empty or _is_plain(p.default) else ...
        annotation = p.annotation if p.name in ("self", "cls") else Any
        shown.append(p.replace(default=default, annotation=annotation))
    text = str(inspect.Signature(shown)).replace("typing.Any", "Any").replace("Ellipsis", "...")
    return f"{text} -> Any"


def _is_plain(value):
    return value is None or isinstance(value, bool | int | float | str | tuple)


def _member(name, value):
    if isinstance(value, OPERATORS):
        return _operator(name, value)
    if isinstance(value, staticmethod | classmethod):
        kind = type(value).__name__
        return [f"@{kind}", f"def {name}{_signature(value.__func__, kind == 'classmethod')}: ..."]
    if inspect.isgetsetdescriptor(value) or inspect.ismemberdescriptor(value) or isinstance(value, property):
        getter, setter = f"def {name}(self) -> Any: ...", f"def {name}(self, value: Any) -> None: ..."
        return ["@property", getter, f"@{name}.setter", setter]
    if callable(value):
        return [f"def {name}{_signature(value, True)}: ..."]
    return [f"{name}: ClassVar[Any]"]


def _class(name, cls):
    base = "" if cls.__base__ in (object, None) else f"({cls.__base__.__name__})"
    lines = [f"class {name}{base}:"]
    skipped = {"__doc__", "__module__", "__dict__", "__weakref__", "__hash__", "__new__", "__getattribute__"}
    skipped |= {"__init_subclass__", "__ipow__", "__del__"}
    for member, value in sorted(vars(cls).items()):
        if member not in skipped:
            lines += _indent(_member(member, value), 1)
    lines += _indent(["def __init__(self, *args: Any, **kwargs: Any) -> None: ..."], 1)
    return lines


def _result_types():
    """Named tuples: class _return_types: class max(NamedTuple)."""
    lines = ["class _return_types:"]
    for name, cls in sorted(vars(_C._return_types).items()):
        if isinstance(cls, type):
            fields = [f"    {field}: Tensor" for field in cls.__match_args__]
            lines += _indent([f"class {name}(NamedTuple):", *fields], 1)
    return lines


def _place(name, module):
    """A module inside the module, as a class of static methods."""
    lines = [f"class {name}:"]
    for member, value in sorted(vars(module).items()):
        if isinstance(value, OPERATORS):
            lines += _indent(_operator(member, value, "@staticmethod"), 1)
    return lines if len(lines) > 1 else [*lines, "    pass"]


def _value(name, value):
    if isinstance(value, OPERATORS):
        return _operator(name, value)
    if isinstance(value, type):
        return ["", *_class(name, value)]
    if inspect.ismodule(value):
        return ["", *(_result_types() if name == "_return_types" else _place(name, value))]
    if callable(value):
        return [f"def {name}{_signature(value, False)}: ..."]
    return [f"{name}: {type(value).__name__}"]


def generate():
    """The text of _C.pyi."""
    names = sorted(n for n in vars(_C) if not (n.startswith("__") and n.endswith("__")))
    lines = []
    own = {name: value for name, value in vars(_C).items() if name in names}
    for name in sorted(names, key=lambda n: (not isinstance(own[n], type), n)):
        lines += _value(name, own[name])
    return HEADER + "\n".join(lines) + "\n"


def main(arguments):
    path = Path(__file__).with_name("_C.pyi")
    text = generate()
    if "--check" in arguments:
        current = path.exists() and path.read_text() == text
        print("_C.pyi is current" if current else "_C.pyi is stale: run python -m minitorch._stubgen")
        return 0 if current else 1
    path.write_text(text)
    print(f"{path}: {len(text.splitlines())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
