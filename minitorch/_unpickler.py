"""A reader of pickles that can only build data: what it does not know, it cannot be made to do.

It is a machine of its own, not pickle.Unpickler with a filter: some forty instructions that make numbers,
texts, lists, tuples, dicts and sets, and a table of names, each with a function that checks its arguments.
Nothing is imported and no foreign object is called, unless the user has named it before in
:func:`minitorch.serialization.add_safe_globals`. Whatever is wrong ends in one LoadError.

Source: the comments in Python's own pickletools, https://docs.python.org/3/library/pickletools.html
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import minitorch
from minitorch import _C
from minitorch._archive import LoadError
from minitorch._tensor import UntypedStorage
from minitorch.nn.parameter import Parameter

Tensor = _C.Tensor

_MAX_DIMS = 64
_MARK = object()

# PyTorch's names for the memory of each type; those that minitorch has no type for are known by name only.
_STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16",
    "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_DTYPES = ("float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128").split()


class StorageType:
    """Stands for ``torch.FloatStorage`` and its like while a file is read or written."""

    def __init__(self, name: str):
        self.name = name

    @property
    def dtype(self) -> Any:
        """The type of the elements. LoadError if minitorch has none of this name."""
        found = getattr(minitorch, _STORAGES[self.name], None)
        if found is None:
            raise LoadError(
                f"the file holds a torch.{self.name}; minitorch has no {_STORAGES[self.name]} tensors. "
                "Convert them before saving, for example with .float()."
            )
        return found


STORAGE_TYPES = {name: StorageType(name) for name in _STORAGES}


# ---- what names in a file mean ----------------------------------------------------------------------------


def _expect(condition: Any, why: str) -> None:
    if not condition:
        raise LoadError(why)


def _sound(condition: Any) -> None:
    if not condition:
        raise LoadError(_why("the pickle is damaged"))


def _is_count(n: Any) -> bool:
    return type(n) is int and 0 <= n < 1 << 62


def rebuild_tensor(storage, offset, size, stride, requires_grad=False, hooks=None, metadata=None):
    """A tensor that looks at a storage; the last element must lie inside."""
    _expect(isinstance(storage, UntypedStorage), "a tensor needs a storage")
    _expect(
        type(size) in (tuple, minitorch.Size) and type(stride) is tuple, "a tensor's size must be a tuple"
    )
    numbers = (offset, *size, *stride)
    _expect(all(_is_count(n) for n in numbers), "a tensor's size and strides must be non-negative")
    _expect(len(size) == len(stride) <= _MAX_DIMS, "a tensor has as many strides as dimensions, at most 64")
    _expect(type(requires_grad) is bool, "requires_grad must be a bool")
    flat = storage._tensor
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    _expect(0 in size or last < flat.numel(), "a tensor reaches beyond the end of its storage")
    if 0 in size:
        offset = min(offset, flat.numel())
    t = flat.as_strided(tuple(size), stride, offset).detach()
    return t.requires_grad_() if requires_grad else t


def rebuild_parameter(data, requires_grad, hooks, state=None):
    """A Parameter over a tensor's memory, with the attributes of a dict."""
    _expect(isinstance(data, Tensor) and type(requires_grad) is bool, "a parameter needs a tensor")
    return _attributes(Tensor._make_subclass(Parameter, data.detach(), requires_grad), state)


def rebuild_with_attributes(function, cls, arguments, state):
    """A tensor that carries attributes."""
    _expect(function in (rebuild_tensor, rebuild_parameter), "a tensor is made of its storage")
    _expect(isinstance(cls, type) and issubclass(cls, Tensor), "a tensor's class must be Tensor or Parameter")
    t = function(*arguments)
    return _attributes(t if cls is Tensor else Tensor._make_subclass(cls, t.detach(), t.requires_grad), state)


def _attributes(o: Any, state: Any) -> Any:
    """Gives an object attributes that its class has not; those of the class cannot be replaced."""
    if type(state) is tuple and len(state) == 2 and state[1] in (None, {}):
        state = state[0]
    if state:
        _expect(type(state) is dict, "attributes must be a dict")
        for name, value in state.items():
            known = type(name) is not str or hasattr(type(o), name)
            _expect(not known, "attributes must have names of their own")
            o.__dict__[name] = value
    return o


def _ordered_dict(pairs=()):
    return OrderedDict((_key(k), v) for k, v in pairs)


def _counter(counts=()):
    _expect(type(counts) in (dict, tuple), "a Counter counts the keys of a dict")
    return Counter(dict(counts))


def _size(numbers=()):
    _expect(type(numbers) in (tuple, list) and all(_is_count(n) for n in numbers), "a Size holds ints")
    return minitorch.Size(numbers)


def _device(kind, index=None):
    _expect(type(kind) is str and (index is None or _is_count(index)), "a device has a name and a number")
    return minitorch.device(kind) if index is None else minitorch.device(kind, index)


def _set(items=()):
    _expect(type(items) is list, "a set is made of a list")
    return {_key(k) for k in items}


def _bytes(text, encoding):
    _expect(type(text) is str and encoding in ("latin1", "latin-1"), "bytes are written as latin-1")
    return text.encode("latin-1")


def _bytearray(text="", encoding="latin-1"):
    return bytearray(text if type(text) is bytes else _bytes(text, encoding))


def _complex(real, imag):
    _expect(type(real) is float and type(imag) is float, "a complex number has two floats")
    return complex(real, imag)


def rebuild_layout(name):
    """How the elements lie in memory: in rows and columns, with strides."""
    _expect(name == "torch.strided", "the file holds a tensor whose layout minitorch does not have")
    return minitorch.strided


def _names() -> dict[str, Any]:
    """What each name that a file may hold stands for."""
    table: dict[str, Any] = {
        "torch._utils._rebuild_tensor": rebuild_tensor,
        "torch._utils._rebuild_tensor_v2": rebuild_tensor,
        "torch._utils._rebuild_parameter": rebuild_parameter,
        "torch._utils._rebuild_parameter_with_state": rebuild_parameter,
        "torch._tensor._rebuild_from_type_v2": rebuild_with_attributes,
        "torch.serialization._get_layout": rebuild_layout,
        "torch.nn.parameter.Parameter": Parameter,
        "torch.Tensor": Tensor,
        "torch.Size": minitorch.Size,
        "torch.device": minitorch.device,
        "collections.OrderedDict": OrderedDict,
        "collections.Counter": Counter,
        "_codecs.encode": _bytes,
    }
    for builtins in ("builtins", "__builtin__"):
        table |= {f"{builtins}.{kind.__name__}": kind for kind in (set, bytearray, complex)}
    table |= {f"torch.{name}": kind for name, kind in STORAGE_TYPES.items()}
    table |= {f"torch.{name}": getattr(minitorch, name) for name in _DTYPES if hasattr(minitorch, name)}
    formats = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")
    return table | {f"torch.{name}": getattr(minitorch, name) for name in formats}


NAMES = _names()

# What may be called, and what is called instead.
_CALLS: dict[Any, Callable] = {
    OrderedDict: _ordered_dict, Counter: _counter, minitorch.Size: _size, minitorch.device: _device,
    set: _set, bytearray: _bytearray, complex: _complex,
}  # fmt: skip
_CALLS |= {
    f: f for f in (rebuild_tensor, rebuild_parameter, rebuild_with_attributes, _bytes, rebuild_layout)
}  # fmt: skip

_PLAIN_KEYS = (str, int, float, bool, type(None), bytes, complex, _C.dtype, _C.device)


def _key(k: Any) -> Any:
    """A key of a dict or set: something whose hash takes no time, and calls nothing."""
    plain = type(k) in _PLAIN_KEYS
    if not plain and type(k) in (tuple, minitorch.Size):
        plain = all(type(item) in _PLAIN_KEYS for item in k)
    _expect(plain, "the keys of a dict must be numbers, texts or tuples of them")
    return k


# ---- the machine ------------------------------------------------------------------------------------------


class Unpickler:
    """Runs one pickle.

    persistent: makes a storage from what stands in its place.
    allowed: names that the user trusts, with the objects they mean.
    """

    def __init__(self, data: bytes, persistent: Callable[[Any], Any], allowed: dict[str, Any]):
        self._data = data
        self._at = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._persistent = persistent
        self._allowed = allowed
        self._trusted = list(allowed.values())

    def load(self) -> Any:
        """The object that the pickle describes. LoadError for everything that is wrong with it."""
        try:
            return self._run()
        except (LoadError, MemoryError):
            raise
        except Exception as error:
            raise LoadError(_why(f"the pickle is damaged ({type(error).__name__})")) from None

    def _run(self) -> Any:
        instructions, data = _INSTRUCTIONS, self._data
        while True:
            code = data[self._at]
            self._at += 1
            if code == _STOP:
                _sound(len(self._stack) == 1 and self._stack[0] is not _MARK)
                return self._stack[0]
            if code not in instructions:
                raise LoadError(_why(f"Unsupported operand {code}"))
            instructions[code](self)

    # ---- reading the arguments of instructions

    def _take(self, n: int) -> bytes:
        start = self._at
        self._at += n
        _sound(self._at <= len(self._data))
        return self._data[start : self._at]

    def _int(self, n: int, signed: bool = False) -> int:
        return int.from_bytes(self._take(n), "little", signed=signed)

    def _line(self) -> str:
        end = self._data.index(b"\n", self._at)
        return self._take(end + 1 - self._at)[:-1].decode()

    def _pop(self) -> Any:
        top = self._stack.pop()
        _sound(top is not _MARK)
        return top

    def _pop_mark(self) -> list[Any]:
        stack = self._stack
        i = len(stack) - 1
        while stack[i] is not _MARK:
            i -= 1
            _sound(i >= 0)
        items = stack[i + 1 :]
        del stack[i:]
        return items

    def _top(self, *kinds: type) -> Any:
        top = self._stack[-1]
        _sound(type(top) in kinds or self._is_trusted_object(top))
        return top

    def _is_trusted_object(self, o: Any) -> bool:
        return any(type(o) is kind for kind in self._trusted)

    # ---- instructions

    def proto(self) -> None:
        """The version of the language: 2 is what PyTorch writes; the later ones add nothing needed here."""
        version = self._int(1)
        if version != 2:
            raise LoadError(_why(f"the pickle is of protocol {version}; only 2 is read"))

    def put(self, key: int) -> None:
        """Remembers the topmost object."""
        _sound(self._stack[-1] is not _MARK)
        self._memo[key] = self._stack[-1]

    def text(self) -> None:
        """A text with its length before it."""
        self._stack.append(self._take(self._int(4)).decode("utf-8", "surrogatepass"))

    def tuple(self, n: int) -> None:
        """A tuple of the n topmost objects."""
        items = [self._pop() for _ in range(n)]
        self._stack.append(tuple(reversed(items)))

    def append(self, items: list[Any]) -> None:
        """Adds to the list below."""
        self._top(list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Adds keys and values to the dict below."""
        target = self._top(dict, OrderedDict, Counter)
        _sound(len(items) % 2 == 0)
        for k, v in zip(items[::2], items[1::2], strict=True):
            target[_key(k)] = v

    def look_up(self) -> None:
        """A name: of the table, or one that the user has allowed."""
        name = f"{self._line()}.{self._line()}"
        if name in self._allowed:
            self._stack.append(self._allowed[name])
        elif name in NAMES:
            self._stack.append(NAMES[name])
        else:
            raise LoadError(_why(_unsupported(name)))

    def reduce(self) -> None:
        """A call of what a name stands for."""
        arguments, function = self._pop(), self._pop()
        _sound(type(arguments) is tuple)
        self._stack.append(self._call(function, arguments))

    def _call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        if any(function is trusted for trusted in self._trusted):
            return function(*arguments)
        _expect(callable(function) and function in _CALLS, _why("it calls what it may not"))
        return _CALLS[function](*arguments)

    def new_object(self) -> None:
        """An object without a call of its __init__: of classes that the user has allowed."""
        arguments, cls = self._pop(), self._pop()
        _expect(any(cls is trusted for trusted in self._trusted), _why("it makes objects that it may not"))
        self._stack.append(cls.__new__(cls, *arguments))

    def build(self) -> None:
        """Gives the topmost object its attributes."""
        state, target = self._pop(), self._stack[-1]
        if self._is_trusted_object(target):
            if hasattr(target, "__setstate__"):
                target.__setstate__(state)
            else:
                target.__dict__.update(state)
            return
        _expect(type(target) in (OrderedDict, Tensor, Parameter), _why("it changes what it may not"))
        _attributes(target, state)

    def persistent(self) -> None:
        """A storage."""
        self._stack.append(self._persistent(self._pop()))


def _unsupported(name: str) -> str:
    short = name.rpartition(".")[2]
    return (
        f"Unsupported global: GLOBAL {name} was not an allowed global by default. Please use "
        f"`torch.serialization.add_safe_globals([{short}])` or the "
        f"`torch.serialization.safe_globals([{short}])` context manager to allowlist this global "
        "if you trust this class/function."
    )


def _why(text: str) -> str:
    return (
        "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` runs whatever "
        "code the file asks for: do it only if you got the file from a trusted source.\n"
        f"WeightsUnpickler error: {text}"
    )


def _instructions() -> dict[int, Callable[[Unpickler], Any]]:
    """What each byte does, in the order of pickletools' table."""
    u = Unpickler

    def push(make: Callable[[Unpickler], Any]) -> Callable[[Unpickler], Any]:
        return lambda self: self._stack.append(make(self))

    return {
        code[0]: what
        for code, what in {
            b"\x80": u.proto,
            b"N": push(lambda self: None),
            b"\x88": push(lambda self: True),
            b"\x89": push(lambda self: False),
            b"K": push(lambda self: self._int(1)),
            b"M": push(lambda self: self._int(2)),
            b"J": push(lambda self: self._int(4, signed=True)),
            b"\x8a": push(lambda self: self._int(self._int(1), signed=True)),
            b"G": push(lambda self: struct.unpack(">d", self._take(8))[0]),
            b"X": u.text,
            b"(": push(lambda self: _MARK),
            b")": push(lambda self: ()),
            b"]": push(lambda self: []),
            b"}": push(lambda self: {}),
            b"t": push(lambda self: tuple(self._pop_mark())),
            b"\x85": lambda self: self.tuple(1),
            b"\x86": lambda self: self.tuple(2),
            b"\x87": lambda self: self.tuple(3),
            b"a": lambda self: self.append([self._pop()]),
            b"e": lambda self: self.append(self._pop_mark()),
            b"s": lambda self: self.set_items([self._pop(), self._pop()][::-1]),
            b"u": lambda self: self.set_items(self._pop_mark()),
            b"q": lambda self: self.put(self._int(1)),
            b"r": lambda self: self.put(self._int(4)),
            b"h": push(lambda self: self._memo[self._int(1)]),
            b"j": push(lambda self: self._memo[self._int(4)]),
            b"c": u.look_up,
            b"R": u.reduce,
            b"\x81": u.new_object,
            b"b": u.build,
            b"Q": u.persistent,
        }.items()
    }


_INSTRUCTIONS = _instructions()
_STOP = b"."[0]
