"""Files: save, load, and what they do with damaged and hostile ones.

Breaks when wrong: minitorch/serialization.py, _archive.py, _unpickler.py.
"""

import importlib.util
import io
import os
import pickle
import stat
import subprocess
import sys
import zipfile
from collections import Counter, OrderedDict, namedtuple
from pathlib import Path

import pytest
from fuzz_files import FILES, STORED, changed, damaged_files, flips_found, outcome

import minitorch
from minitorch.serialization import LoadError

DTYPES = "uint8 int8 int16 int32 int64 float32 float64 bool".split()


@pytest.fixture(scope="module")
def pytorch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: its stored files are read only")


@pytest.fixture(scope="module")
def make(pytorch):
    """The program that made the stored files."""
    spec = importlib.util.spec_from_file_location("make_files", FILES / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def saved(o):
    file = io.BytesIO()
    minitorch.save(o, file)
    return file.getvalue()


def loaded(data, **options):
    return minitorch.load(io.BytesIO(data), **options)


def same(a, b, library=minitorch):
    """Equal in value, type and shape, all the way down; a is ours, b of either library."""
    if isinstance(a, minitorch.Tensor):
        assert isinstance(b, library.Tensor) and str(a.dtype) == str(b.dtype)
        assert type(a).__name__ == type(b).__name__ and a.requires_grad == b.requires_grad
        assert a.tolist() == b.tolist() and a.stride() == b.stride()
        assert a.storage_offset() == b.storage_offset() and vars(a) == vars(b)
    elif isinstance(a, dict):
        assert type(a) is type(b) and list(a) == list(b)
        for key in a:
            same(a[key], b[key], library)
    elif isinstance(a, (list, tuple)):
        assert type(a).__name__ == type(b).__name__ and len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y, library)
    elif type(a).__module__.startswith("minitorch"):
        assert str(a) == str(b)
    else:
        assert type(a) is type(b) and a == b


# ---- PyTorch's files --------------------------------------------------------------------------------------


def test_everything_a_file_of_data_may_hold():
    found = minitorch.load(FILES / "contents.pt")
    assert found["base"].tolist() == [[0.0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert found["view"].tolist() == [[4.0, 8], [5, 9], [6, 10], [7, 11]] and found["view"].stride() == (1, 4)
    found["base"][1, 0] = -1
    assert found["view"][0, 0].item() == -1
    plain = [1, 2.5, None, True, "é", (1, 2, 3, 4), -5, 70000, 2**40, b"ab\xff", {1, 2}, 1 + 2j]
    assert found["plain"] == plain and found[3] == {(1, "x"): bytearray(b"x\xff")}
    assert found["empty"].shape == (0, 3) and found["dtype"] is minitorch.float32
    assert type(found["size"]) is minitorch.Size and found["size"] == (3, 4)
    assert found["device"] == minitorch.device("cpu") and found["layout"] is minitorch.strided
    assert [t.dtype for t in found["types"]] == [getattr(minitorch, d) for d in DTYPES]
    assert all(t.tolist() == [0, 1, 1] for t in found["types"])
    assert type(found["ordered"]) is OrderedDict and found["ordered"] == {"a": 1}
    assert all(type(p) is minitorch.nn.Parameter for p in found["parameters"])
    assert [p.requires_grad for p in found["parameters"]] == [True, False, True]
    assert found["parameters"][2].note == [1]
    assert found["leaf"].requires_grad and found["leaf"].is_leaf


def test_a_model_and_its_optimizer_go_on():
    found = minitorch.load(FILES / "training.pt", weights_only=True)
    net = minitorch.nn.Sequential(minitorch.nn.Linear(2, 3), minitorch.nn.Tanh(), minitorch.nn.Linear(3, 1))
    adam = minitorch.optim.Adam(net.parameters())
    assert str(net.load_state_dict(found["model"])) == "<All keys matched successfully>"
    adam.load_state_dict(found["optimizer"])
    assert adam.state[net[0].weight]["step"].item() == 1
    net(minitorch.ones(4, 2)).sum().backward()
    adam.step()
    assert found["model"]._metadata[""] == {"version": 1}


def test_types_that_are_missing_are_named():
    if hasattr(minitorch, "bfloat16"):
        assert minitorch.load(FILES / "bfloat16.pt")[0].float().tolist() == [1, 1]
    else:
        with pytest.raises(LoadError, match="BFloat16Storage; minitorch has no bfloat16"):
            minitorch.load(FILES / "bfloat16.pt")


def test_the_old_format_is_named():
    with pytest.raises(LoadError, match=r"before version 1\.6"):
        minitorch.load(FILES / "legacy.pt")


# ---- both libraries ---------------------------------------------------------------------------------------


def test_pytorch_reads_ours(make, pytorch, tmp_path):
    for build in (make.contents, make.training):
        minitorch.save(build(minitorch), tmp_path / "ours.pt")
        same(build(minitorch), pytorch.load(tmp_path / "ours.pt", weights_only=True), pytorch)


def test_we_read_pytorchs(make, pytorch):
    for build in (make.contents, make.training):
        file = io.BytesIO()
        pytorch.save(build(pytorch), file)
        same(loaded(file.getvalue()), build(pytorch), pytorch)


def test_stored_files_are_what_pytorch_writes_today(make):
    same(minitorch.load(FILES / "contents.pt"), make.contents(minitorch))


def test_pytorch_keeps_what_is_shared(pytorch):
    x = minitorch.zeros(4)
    a, b = pytorch.load(io.BytesIO(saved([x, x[1:]])))
    b[0] = 5
    assert a.tolist() == [0, 5, 0, 0]


def test_a_run_goes_on_in_the_other_library(pytorch):
    def net(t):
        t.manual_seed(1)
        return t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 1))

    def train(t, model, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss = (model(t.ones(2, 3)) ** 2).mean()
            loss.backward()
            optimizer.step()
        return [x for p in model.parameters() for x in p.reshape(-1).tolist()]

    model = net(minitorch)
    adam = minitorch.optim.Adam(model.parameters(), lr=0.01)
    train(minitorch, model, adam, 3)
    found = pytorch.load(io.BytesIO(saved([model.state_dict(), adam.state_dict()])), weights_only=True)
    other = net(pytorch)
    other_adam = pytorch.optim.Adam(other.parameters(), lr=0.5)
    other.load_state_dict(found[0])
    other_adam.load_state_dict(found[1])
    assert train(minitorch, model, adam, 5) == pytest.approx(train(pytorch, other, other_adam, 5), abs=1e-6)


# ---- ours -------------------------------------------------------------------------------------------------


def test_round_trip_keeps_strides_offsets_and_sharing():
    x = minitorch.arange(12.0).reshape(3, 4)
    a, b, c = loaded(saved([x, x.t()[1:], x]))
    assert b.stride() == (1, 4) and b.storage_offset() == 1 and a is c
    a[0, 1] = 9
    assert b[0, 0].item() == 9 and x[0, 1].item() == 1


def test_numbers_without_elements_and_expanded():
    x = minitorch.tensor(3.0).expand(2, 2)
    a, b = loaded(saved([x, minitorch.zeros(2, 0)]))
    assert a.stride() == (0, 0) and a.tolist() == [[3, 3], [3, 3]] and b.shape == (2, 0)


def test_memory_of_an_array():
    np = pytest.importorskip("numpy")
    assert loaded(saved(minitorch.from_numpy(np.arange(3)))).tolist() == [0, 1, 2]


def test_subclasses_of_tensor_need_trust():
    x = minitorch.ones(2).as_subclass(Sub)
    with pytest.raises(LoadError, match="Unsupported global"):
        loaded(saved(x))
    assert type(loaded(saved(x), weights_only=False)) is Sub


class Sub(minitorch.Tensor):
    pass


def test_whole_modules_need_trust():
    net = minitorch.nn.Sequential(minitorch.nn.Linear(2, 3), minitorch.nn.ReLU())
    data = saved(net)
    with pytest.raises(LoadError, match="was not an allowed global by default"):
        loaded(data)
    again = loaded(data, weights_only=False)
    x = minitorch.ones(1, 2)
    assert repr(again) == repr(net) and again(x).tolist() == net(x).tolist()
    assert isinstance(again[0].weight, minitorch.nn.Parameter)


Point = namedtuple("Point", "x y")


class Settings:
    def __init__(self, rate):
        self.rate = rate


def test_classes_the_user_trusts():
    data = saved(Settings(0.5))
    with pytest.raises(LoadError):
        loaded(data)
    with minitorch.serialization.safe_globals([Settings]):
        assert loaded(data).rate == 0.5
    with pytest.raises(LoadError):
        loaded(data)
    minitorch.serialization.add_safe_globals([Point])
    try:
        assert loaded(saved(Point(1, 2))) == Point(1, 2)
    finally:
        minitorch.serialization.clear_safe_globals()


def test_one_memory_two_types():
    x = minitorch.ones(2)
    with pytest.raises(
        RuntimeError, match="^Cannot save multiple tensors or storages that view the same data"
    ):
        saved([x, x.view(minitorch.int32)])


def test_the_same_object_gives_the_same_bytes():
    assert saved({"a": minitorch.ones(3)}) == saved({"a": minitorch.ones(3)})


def test_records_are_aligned_and_stored():
    data = saved({"a": minitorch.ones(3), "b": minitorch.ones(1000)})
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        assert z.testzip() is None
        assert z.namelist()[0] == "archive/data.pkl" and "archive/data/1" in z.namelist()
        for info in z.infolist():
            name, extra = data[info.header_offset + 26], data[info.header_offset + 28]
            assert (info.header_offset + 30 + name + extra) % 64 == 0 and info.compress_type == 0


# ---- paths and places -------------------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pt"
    minitorch.save([1], path)
    for bad in (lambda: 0, [minitorch.ones(2), open(__file__)]):  # noqa: SIM115
        with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
            minitorch.save(bad, path)
    assert minitorch.load(path) == [1] and os.listdir(tmp_path) == ["a.pt"]


def test_mode_and_links_stay(tmp_path):
    path, link = tmp_path / "a.pt", tmp_path / "b.pt"
    minitorch.save(1, str(path))
    path.chmod(0o640)
    link.symlink_to(path)
    minitorch.save(2, link)
    assert link.is_symlink() and minitorch.load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_where_there_is_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="^Parent directory .* does not exist"):
        minitorch.save(1, tmp_path / "no" / "a.pt")
    with pytest.raises(FileNotFoundError):
        minitorch.load(tmp_path / "no.pt")
    with pytest.raises(IsADirectoryError):
        minitorch.load(tmp_path)
    with pytest.raises(IsADirectoryError):
        minitorch.save(1, tmp_path)
    with pytest.raises(AttributeError, match="^'int' object has no attribute 'seek'"):
        minitorch.load(3)
    with pytest.raises(AttributeError, match="^expected 'f' to be string, path, or a file-like object"):
        minitorch.save(1, 3)
    minitorch.save(1, os.devnull)


def test_map_location(pytorch):
    data = saved(minitorch.ones(1))
    for place in ("cpu", minitorch.device("cpu"), {"cuda:0": "cpu"}, lambda storage, place: storage):
        assert loaded(data, map_location=place).tolist() == [1]
    with pytest.raises(RuntimeError, match="^Attempting to deserialize object on a CUDA device but"):
        loaded(data, map_location="cuda")
    elsewhere = changed(data, "data.pkl", lambda d: d.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    assert loaded(elsewhere, map_location="cpu").tolist() == [1]
    with pytest.raises(RuntimeError, match="^Attempting to deserialize object on a CUDA device but"):
        loaded(elsewhere)


# ---- damaged files ----------------------------------------------------------------------------------------


def with_pickle(text):
    return changed(saved(minitorch.ones(3)), "data.pkl", lambda _: text)


def test_the_error_is_both():
    assert issubclass(LoadError, pickle.UnpicklingError) and issubclass(LoadError, RuntimeError)


@pytest.mark.parametrize("data", [b"", b"garbage" * 100, b"PK", b"<!doctype html>", pickle.dumps([1])])
def test_no_model_file(data):
    with pytest.raises(LoadError):
        loaded(data)
    with pytest.raises(LoadError):
        loaded(data, weights_only=False)


def test_every_cut_is_noticed():
    data = saved({"w": minitorch.ones(10)})
    for length in range(len(data)):
        with pytest.raises(LoadError):
            loaded(data[:length])


def test_every_flipped_bit_of_the_numbers_is_noticed():
    data = bytearray(saved({"w": minitorch.arange(30.0)}))
    start = data.index(bytes(minitorch.arange(30.0).numpy()))
    for bit in range(30 * 4 * 8):
        data[start + bit // 8] ^= 1 << bit % 8
        with pytest.raises(LoadError, match="checksum"):
            loaded(bytes(data))
        data[start + bit // 8] ^= 1 << bit % 8


def test_sizes_are_compared():
    data = saved(minitorch.ones(1000))
    with pytest.raises(
        LoadError, match=r"^record size \(8 bytes\) does not match expected size \(4000 bytes\)"
    ):
        loaded(changed(data, "data/0", lambda d: d[:8]))
    with pytest.raises(LoadError, match="beyond the end of its storage"):
        loaded(changed(data, "data.pkl", lambda d: d.replace(b"M\xe8\x03\x85", b"M\xe9\x03\x85")))


def test_a_bool_is_0_or_1():
    odd = changed(saved(minitorch.tensor([False, True, True])), "data/0", lambda d: b"\0\1\x80")
    assert loaded(odd).view(minitorch.uint8).tolist() == [0, 1, 1]


def test_the_other_byte_order():
    big = changed(saved(minitorch.ones(2)), "byteorder", lambda d: b"big")
    assert loaded(changed(big, "data/0", lambda d: b"\x3f\x80\0\0" * 2)).tolist() == [1, 1]


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


HOSTILE = {
    "a call": pickle.dumps(Evil(), 2),
    "a later protocol": pickle.dumps([1], 4),
    "a name of builtins": b"\x80\x02cbuiltins\neval\nX\x01\0\0\0001\x85R.",
    "an attribute of a class": b"\x80\x02cbuiltins\nset.__init__\n.",
    "items replaced": b"\x80\x02ccollections\nOrderedDict\n)R}X\x05\0\0\0itemsNsb.",
    "class replaced": b"\x80\x02ccollections\nOrderedDict\n)R}X\x09\0\0\0__class__Nsb.",
    "a negative size": b"\x80\x02ctorch\nSize\nJ\xff\xff\xff\xff\x85\x85R.",
    "a list as a key": b"\x80\x02}]Ns.",
    "nothing": b"\x80\x02.",
    "a mark": b"\x80\x02(.",
    "an empty stack": b"\x80\x02R.",
    "a memo that is not there": b"\x80\x02h\x07.",
    "no end": b"\x80\x02]",
    "no storage": b"\x80\x02X\x01\0\0\0aQ.",
    "a tensor of nothing": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(]K\0)))tR.",
    "a call of a class that may not be": b"\x80\x02ctorch\nTensor\n)R.",
    "a new object": b"\x80\x02ctorch\nTensor\n)\x81.",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_is_executed(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LoadError):
        loaded(with_pickle(HOSTILE[what]))
    assert os.listdir(tmp_path) == []


def test_keys_whose_hash_would_take_for_ever():
    deep = b"\x80\x02}(K\x01\x85" + b"q\0h\0\x86" * 100 + b"Nu."
    with pytest.raises(LoadError, match="keys"):
        loaded(with_pickle(deep))


def test_archives_that_are_built_wrongly():
    data = saved(minitorch.ones(3))
    for how in ("deflated", "twice", "folders", "nothing"):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for i, info in enumerate(old.infolist()):
                name = f"{i}/x" if how == "folders" else info.filename
                kind = zipfile.ZIP_DEFLATED if how == "deflated" else zipfile.ZIP_STORED
                if how != "nothing":
                    new.writestr(name, old.read(info), kind)
            if how == "twice":
                with pytest.warns(UserWarning, match="Duplicate"):
                    new.writestr("archive/data/0", b"x")
        with pytest.raises(LoadError):
            loaded(out.getvalue())


@pytest.mark.parametrize("stored", STORED)
def test_damaged_files_give_one_error(stored):
    """tests/fuzz_files.py runs as many as one likes."""
    seen = Counter(outcome(data) for data in damaged_files(1500, 0, stored))
    assert set(seen) == {"refused", "object"} and seen["refused"] > 500


def test_flips_are_found():
    assert flips_found(5) == (160, 160)


# ---- other formats ----------------------------------------------------------------------------------------


def test_safetensors_through_its_package(tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    (tmp_path / "program.py").write_text(
        "import torch\n"
        "from safetensors.torch import load_file, load_model, save_file, save_model\n"
        "model = torch.nn.Linear(3, 2)\n"
        "more = {'h': torch.ones(3, dtype=torch.bfloat16), 'i': torch.arange(4), **model.state_dict()}\n"
        "save_file(more, 'a.safetensors', metadata={'a': 'b'})\n"
        "found = load_file('a.safetensors')\n"
        "assert all(torch.equal(found[k], more[k]) and found[k].dtype is more[k].dtype for k in more)\n"
        "save_model(model, 'b.safetensors')\n"
        "print(load_model(torch.nn.Linear(3, 2), 'b.safetensors'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "minitorch", "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(minitorch.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "(set(), [])\n", done.stderr


def test_memory_of_a_file(tmp_path):
    (tmp_path / "f").write_bytes(bytes(range(10)))
    storage = minitorch.UntypedStorage.from_file(str(tmp_path / "f"), nbytes=8)
    assert storage.nbytes() == 8 and storage[3] == 3 and storage[2:4].tolist() == [2, 3]
    assert storage.untyped()[0:4].view(minitorch.int32).item() == 0x03020100
    storage[0:1].fill_(9)
    assert (tmp_path / "f").read_bytes()[0] == 0  # a private copy
    shared = minitorch.UntypedStorage.from_file(str(tmp_path / "f"), shared=True, nbytes=8)
    shared[0:1].fill_(9)
    del shared, storage
    assert (tmp_path / "f").read_bytes()[0] == 9
