"""Files: ``save`` and ``load`` in PyTorch's format, so that weights move to PyTorch and back.

A file is a ZIP archive (_archive.py): a pickle, ``data.pkl``, in which tensors are said by offset, size and
strides, and one record ``data/0``, ``data/1``, ... for the bytes of each storage, which tensors may share.
``load`` runs the pickle on a machine that can only build data (_unpickler.py).

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import io
import os
import pickle
import stat
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from importlib import import_module
from types import FunctionType
from typing import Any, BinaryIO

import numpy as np

import minitorch
from minitorch import _C, _unpickler
from minitorch._archive import LoadError, Reader, Writer
from minitorch._tensor import UntypedStorage
from minitorch.nn.parameter import Parameter

__all__ = [
    "LoadError", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save",
]  # fmt: skip

Tensor = _C.Tensor

_PICKLE_LIMIT = 64 << 20

# ---- writing ----------------------------------------------------------------------------------------------

_SAID_AS = {
    _unpickler.rebuild_tensor: ("torch._utils", "_rebuild_tensor_v2"),
    _unpickler.rebuild_parameter: ("torch._utils", "_rebuild_parameter"),
    _unpickler.rebuild_with_attributes: ("torch._tensor", "_rebuild_from_type_v2"),
    _unpickler.rebuild_layout: ("torch.serialization", "_get_layout"),
    Tensor: ("torch", "Tensor"),
    Parameter: ("torch.nn.parameter", "Parameter"),
    minitorch.Size: ("torch", "Size"),
    minitorch.device: ("torch", "device"),
}
_STORAGE_OF = {name: kind for kind, name in _unpickler._STORAGES.items()}


class _Storage:
    """Stands for a tensor's memory in the pickle."""

    def __init__(self, tensor: Tensor):
        self.tensor = tensor


def _with_state() -> None:
    """Stands for the name of a Parameter with attributes."""


class _Pickler(pickle._Pickler):  # the one in Python, since names are to be written that nobody can import
    """Writes an object as PyTorch does, and collects the storages that it meets."""

    def __init__(self, file: BinaryIO):
        super().__init__(file, protocol=2)
        self.storages: list[Tensor] = []
        self._keys: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> Any:
        """A storage is written as its type, number, place and size."""
        if not isinstance(obj, _Storage):
            return None
        t = obj.tensor
        address, nbytes, _ = t._storage_info()
        key = self._keys.get(address) if nbytes else None
        if key is None:
            key = self._keys[address] = len(self.storages)
            self.storages.append(t)  # kept until the end, so that no other gets its address
        elif self.storages[key].dtype != t.dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different types"
            )
        kind = _unpickler.STORAGE_TYPES[_STORAGE_OF[_name(t.dtype)]]
        return "storage", kind, str(key), "cpu", nbytes // t.element_size()

    def reducer_override(self, obj: Any) -> Any:
        """How tensors and their types are said."""
        if isinstance(obj, Tensor):
            return _reduced(obj)
        if isinstance(obj, minitorch.Size):
            return minitorch.Size, (tuple(obj),)
        if isinstance(obj, _C.layout):
            return _unpickler.rebuild_layout, (repr(obj),)
        return NotImplemented

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """A class or function as its name; ours get PyTorch's."""
        said = _said_as(obj)
        if said is None:
            super().save_global(obj, name)
        else:
            self.write(pickle.GLOBAL + f"{said[0]}\n{said[1]}\n".encode())
            self.memoize(obj)

    dispatch = {
        **pickle._Pickler.dispatch,
        **dict.fromkeys((FunctionType, _C.dtype, _C.memory_format, _unpickler.StorageType), save_global),
    }


def _said_as(obj: Any) -> tuple[str, str] | None:
    """Module and name by which PyTorch knows an object of ours."""
    if isinstance(obj, _unpickler.StorageType):
        return "torch", obj.name
    if isinstance(obj, (_C.dtype, _C.memory_format)):
        return "torch", _name(obj)
    if obj is _with_state:
        return "torch._utils", "_rebuild_parameter_with_state"
    try:
        return _SAID_AS.get(obj)
    except TypeError:
        return None


def _name(obj: Any) -> str:
    """``float32`` for ``torch.float32``."""
    return repr(obj).rpartition(".")[2]


def _reduced(t: Tensor) -> tuple[Any, ...]:
    """A tensor as PyTorch pickles it."""
    state = dict(t.__dict__)
    if isinstance(t, Parameter):
        arguments = (t.data, t.requires_grad, OrderedDict())
        if not state:
            return _unpickler.rebuild_parameter, arguments
        return _with_state, (*arguments, state)
    where = (_Storage(t.detach()), t.storage_offset(), tuple(t.size()), t.stride())
    arguments = (*where, t.requires_grad, OrderedDict())
    if type(t) is Tensor and not state:
        return _unpickler.rebuild_tensor, arguments
    return _unpickler.rebuild_with_attributes, (_unpickler.rebuild_tensor, type(t), arguments, state)


def _bytes_of(t: Tensor) -> memoryview:
    """The whole memory that a tensor looks at."""
    flat = t._storage_tensor()
    if not flat.numel():
        return memoryview(b"")
    return memoryview(flat.view(minitorch.uint8).numpy())


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Writes an object to a file that both libraries read: tensors, parameters, and containers of them.

    Args:
        obj: what is to be saved; best a ``state_dict()`` or a dict of such. Tensors may have any shape, and
            those that share memory share it after loading. Whole modules are pickled too.
        f: a path, or an object with ``write``. A path gets its new content in one step: who fails halfway,
            by an error or a crash, leaves the old file as it was.
        pickle_module, pickle_protocol: accepted; the file is always written in protocol 2, which both
            libraries read.

    Raises:
        RuntimeError: if the folder does not exist, or tensors of different types share memory.
        pickle.PicklingError, AttributeError, TypeError: for what pickle cannot write, such as a lambda.

    >>> import io, minitorch
    >>> file = io.BytesIO()
    >>> minitorch.save({"w": minitorch.tensor([1.0, 2.0])}, file)
    >>> start = file.seek(0)
    >>> minitorch.load(file)
    {'w': tensor([1., 2.])}

    Behaviour: https://docs.pytorch.org/docs/2.13/generated/torch.save.html
    """
    if not isinstance(f, (str, os.PathLike)):
        if not hasattr(f, "write"):
            raise AttributeError(
                "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
            )
        _write(obj, f, "archive")
        return
    path = os.path.realpath(os.fspath(f))
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(os.fspath(f))} does not exist.")
    stem = os.path.splitext(name)[0] or "archive"
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a directory
        with open(path, "wb") as file:
            _write(obj, file, stem)
        return
    _replace(path, lambda file: _write(obj, file, stem))


def _replace(path: str, write: Callable[[BinaryIO], None]) -> None:
    """Lets write fill a new file beside path, which takes its place when all is well."""
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name[:64]}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):
            os.chmod(beside, stat.S_IMODE(os.stat(path).st_mode))
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _write(obj: Any, file: Any, folder: str) -> None:
    """The records of an object, in PyTorch's order."""
    text = io.BytesIO()
    pickler = _Pickler(text)
    pickler.dump(obj)
    archive = Writer(file, folder)
    archive.add("data.pkl", text.getvalue())
    archive.add(".format_version", b"1")
    archive.add(".storage_alignment", b"64")
    archive.add("byteorder", sys.byteorder.encode())
    for key, t in enumerate(pickler.storages):
        archive.add(f"data/{key}", _bytes_of(t))
    archive.add("version", b"3\n")
    archive.close()


# ---- reading ----------------------------------------------------------------------------------------------

_MISTAKEN = {
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19": "it is in the format that PyTorch wrote before "
    "version 1.6; load it there and save it again",
    b"version https://git-lfs": "it is a pointer that git-lfs left in place of the file: run `git lfs pull`",
    b"<": "it looks like a web page: the download has failed",
}


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Reads what :func:`save` or PyTorch's has written.

    Nothing in the file is executed, every record is compared with its checksum, and what is not sound makes
    one LoadError before anything is returned.

    Args:
        f: a path, or a binary file that can seek, at its beginning.
        map_location: where storages of other devices go: "cpu", a minitorch.device, a dict or a function.
            All of them mean the CPU.
        weights_only: False also loads whole modules and other objects, by Python's pickle: that runs
            whatever the file asks for. Do it only with files you trust.
        pickle_module, mmap, pickle_load_args: accepted; they change nothing.

    Raises:
        LoadError (a pickle.UnpicklingError and a RuntimeError): for a damaged or hostile file, for one that
            holds more than tensors and containers, for types that minitorch does not have, and for tensors
            of another device without map_location.

    >>> import io, minitorch
    >>> file = io.BytesIO()
    >>> minitorch.save(minitorch.nn.Linear(1, 2).state_dict(), file)
    >>> start = file.seek(0)
    >>> list(minitorch.load(file, weights_only=True))
    ['weight', 'bias']

    Behaviour: https://docs.pytorch.org/docs/2.13/generated/torch.load.html
    """
    _check_location(map_location)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(file, map_location, weights_only is False)
    for method in ("seek", "tell", "read"):
        if not hasattr(f, method):
            raise AttributeError(
                f"{type(f).__name__!r} object has no attribute {method!r}. You can only torch.load from a "
                "file that is seekable. Please pre-load the data into a buffer like io.BytesIO and try to "
                "load from it instead."
            )
    return _read(io.BytesIO(f.read()), map_location, weights_only is False)


def _check_location(place: Any) -> None:
    """LoadError if map_location names a device that is not there."""
    names = list(place.values()) if isinstance(place, dict) else [place]
    for name in names:
        if isinstance(name, (str, minitorch.device)) and minitorch.device(name).type != "cpu":
            _refuse_device(minitorch.device(name).type)


def _refuse_device(kind: str) -> None:
    raise LoadError(
        f"Attempting to deserialize object on a {kind.upper()} device but torch.{kind}.is_available() is "
        "False. If you are running on a CPU-only machine, please use torch.load with "
        "map_location=torch.device('cpu') to map your storages to the CPU."
    )


def _read(file: BinaryIO, place: Any, trusted: bool) -> Any:
    start = file.read(32)
    for beginning, why in _MISTAKEN.items():
        if start.startswith(beginning):
            raise LoadError(f"This is not a file that can be loaded: {why}.")
    if not start:
        raise LoadError("Ran out of input: the file is empty, or it was not rewound with seek(0).")
    if start[:2] != b"PK":
        raise LoadError(
            "Weights only load failed. This is not a file that minitorch.save or torch.save has written: it "
            "is no ZIP archive."
        )
    archive = Reader(file)
    if "constants.pkl" in archive:
        raise LoadError(
            "This is a TorchScript archive, which holds a program; save the state_dict() instead."
        )
    if archive.size("data.pkl") > _PICKLE_LIMIT:
        raise LoadError("The pickle in the file has more than 64 MiB; it cannot be only names and sizes.")
    text = archive.read("data.pkl")
    storages = _Storages(archive, place)
    if not trusted:
        return _unpickler.Unpickler(text, storages.make, dict(_safe)).load()
    reader = _TrustingUnpickler(io.BytesIO(text))
    reader.persistent_load = storages.make
    return reader.load()


class _Storages:
    """Makes the storages of a file, each once."""

    def __init__(self, archive: Reader, place: Any):
        self._archive = archive
        self._place = place
        self._made: dict[str, tuple[Any, UntypedStorage]] = {}
        order = archive.read("byteorder") if "byteorder" in archive else b"little"
        if order not in (b"little", b"big"):
            raise LoadError("the file says neither big nor little byte order")
        self._swap = order.decode() != sys.byteorder

    def make(self, said: Any) -> UntypedStorage:
        """From ('storage', type, key, place, number of elements)."""
        if type(said) is not tuple or len(said) != 5 or said[0] != "storage":
            raise LoadError("the file names something that is no storage")
        _, kind, key, place, numel = said
        sound = isinstance(kind, _unpickler.StorageType) and type(key) is str and type(place) is str
        if not sound or not _unpickler._is_count(numel):
            raise LoadError("the file describes a storage wrongly")
        if self._place is None and place != "cpu":
            _refuse_device(place.partition(":")[0])
        if key not in self._made:
            self._made[key] = kind, UntypedStorage(self._filled(kind.dtype, key, numel))
        if self._made[key][0] is not kind:
            raise LoadError("the file gives one storage two types")
        return self._made[key][1]

    def _filled(self, dtype: Any, key: str, numel: int) -> Tensor:
        name = f"data/{key}"
        size, expected = self._archive.size(name), numel * dtype.itemsize
        if size != expected:
            raise LoadError(f"record size ({size} bytes) does not match expected size ({expected} bytes)")
        flat = minitorch.empty(numel, dtype=dtype)
        if numel == 0:
            return flat
        raw = flat.view(minitorch.uint8).numpy()
        self._archive.read_into(name, memoryview(raw))
        if self._swap:
            raw[:] = raw.reshape(-1, dtype.itemsize)[:, ::-1].reshape(-1)
        if dtype == minitorch.bool:  # a byte that is neither 0 nor 1 is no bool to C
            np.minimum(raw, 1, out=raw)
        return flat


# ---- trust ------------------------------------------------------------------------------------------------


class _TrustingUnpickler(pickle.Unpickler):
    """Python's own, which imports and calls what the file names; PyTorch's names mean ours."""

    def find_class(self, module: str, name: str) -> Any:
        """The object of a name."""
        full = f"{module}.{name}"
        if full in _unpickler.NAMES and module != "_codecs":
            return _unpickler.NAMES[full]
        if module == "torch" or module.startswith("torch."):
            return getattr(import_module("minitorch" + module[5:]), name)
        return super().find_class(module, name)


_safe: dict[str, Any] = {}


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Lets :func:`load` make objects of these classes, and call these functions, when a file names them.

    Args:
        safe_globals: classes or functions, or pairs of one and the full name that the file has for it.

    >>> import minitorch
    >>> minitorch.serialization.add_safe_globals([set])

    Behaviour: https://docs.pytorch.org/docs/stable/notes/serialization.html#torch.serialization.add_safe_globals
    """
    for item in safe_globals:
        o, name = item if isinstance(item, tuple) else (item, f"{item.__module__}.{item.__qualname__}")
        _safe[name] = o


def get_safe_globals() -> list[Any]:
    """What :func:`add_safe_globals` has added.

    >>> import minitorch
    >>> isinstance(minitorch.serialization.get_safe_globals(), list)
    True

    Behaviour: https://docs.pytorch.org/docs/stable/notes/serialization.html#torch.serialization.get_safe_globals
    """
    return list(_safe.values())


def clear_safe_globals() -> None:
    """Forgets what :func:`add_safe_globals` has added.

    >>> import minitorch
    >>> minitorch.serialization.clear_safe_globals()
    >>> minitorch.serialization.get_safe_globals()
    []

    Behaviour: https://docs.pytorch.org/docs/stable/notes/serialization.html#torch.serialization.clear_safe_globals
    """
    _safe.clear()


@contextmanager
def safe_globals(safe_globals: Iterable[Any]):
    """:func:`add_safe_globals` for the length of a with block.

    >>> import minitorch
    >>> with minitorch.serialization.safe_globals([set]):
    ...     set in minitorch.serialization.get_safe_globals()
    True

    Behaviour: https://docs.pytorch.org/docs/stable/notes/serialization.html#torch.serialization.safe_globals
    """
    before = dict(_safe)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _safe.clear()
        _safe.update(before)
