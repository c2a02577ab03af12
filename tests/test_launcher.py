"""The launcher: ``python -m minitorch script.py`` runs a program that says ``import torch``, on minitorch."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

import minitorch

ROOT = str(Path(minitorch.__file__).resolve().parent.parent)

IMPORTS = """
import sys
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torch.optim.lr_scheduler import StepLR
"""


class Place:
    """A folder with programs in it, and how to launch them there."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.env = dict(os.environ, PYTHONPATH=ROOT, PYTHONDONTWRITEBYTECODE="1")

    def write(self, name: str, source: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source).lstrip())
        return path

    def command(self, *arguments, python=()):
        return [sys.executable, *python, "-m", "minitorch", *map(str, arguments)]

    def launch(self, *arguments, python=(), **options):
        options.setdefault("cwd", self.folder)
        return subprocess.run(
            self.command(*arguments, python=python),
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )

    def run(self, source: str, *arguments):
        """Output of a script, which must succeed."""
        self.write("script.py", source)
        result = self.launch("script.py", *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def fail(self, source: str) -> str:
        """What a script that must fail writes to standard error."""
        self.write("script.py", source)
        result = self.launch("script.py")
        assert result.returncode == 1, result.stdout + result.stderr
        return result.stderr


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


# --- torch is minitorch -----------------------------------------------------------------------------------


def test_the_usual_imports_give_minitorchs_modules(place):
    out = place.run(
        IMPORTS
        + """
import minitorch
import minitorch.nn.functional, minitorch.optim.lr_scheduler
assert torch is minitorch and sys.modules["torch"] is minitorch
assert nn is minitorch.nn and F is minitorch.nn.functional
assert DataLoader is minitorch.utils.data.DataLoader
assert StepLR is minitorch.optim.lr_scheduler.StepLR
assert torch.__name__ == "minitorch" and torch.__spec__.name == "minitorch"
assert F.__spec__.name == "minitorch.nn.functional"
import torch.nn, torch.utils.data
assert sys.modules["torch.nn"] is sys.modules["minitorch.nn"]
print("same")
"""
    )
    assert out == "same\n"


def test_distributions_can_be_imported_by_their_modules(place):
    """All the modules that are made without a file; PyTorch's files have the same names."""
    out = place.run("""
        import importlib, importlib.util, sys
        from torch.distributions.categorical import Categorical
        from torch.distributions.normal import Normal as N
        import torch.distributions.kl as kl
        import torch.distributions

        assert Categorical is torch.distributions.Categorical and N is torch.distributions.Normal
        assert kl.kl_divergence is torch.distributions.kl_divergence
        made = [m for m in sys.modules if m.startswith("minitorch.distributions.")]
        for name in made:
            name = name.replace("minitorch", "torch")
            module = importlib.import_module(name)
            assert module is sys.modules[name], name
            assert module.__spec__.name == module.__name__ == name.replace("torch", "minitorch", 1), name
            assert importlib.util.find_spec(name) is module.__spec__, name
        print(len(made) > 20, "minitorch.distributions.multivariate_normal" in made)
        """)
    assert out == "True True\n"


def test_a_program_trains(place):
    out = place.run(
        """
        import torch
        from torch import nn
        from torch.utils.data import DataLoader, TensorDataset

        torch.manual_seed(0)
        x = torch.rand(16, 2)
        data = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=4, shuffle=True)
        model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
        optim = torch.optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(20):
            for inputs, labels in data:
                optim.zero_grad()
                loss = nn.MSELoss()(model(inputs), labels)
                loss.backward()
                optim.step()
        print(loss.item() < 0.1)
        """
    )
    assert out == "True\n"


def test_an_installed_pytorch_is_never_mixed_in(place):
    place.write("elsewhere/torch/__init__.py", "raise RuntimeError('the other torch')")
    place.write("elsewhere/torch/fft.py", "raise RuntimeError('the other torch')")
    place.write("elsewhere/torch/nn/__init__.py", "raise RuntimeError('the other torch')")
    place.env["PYTHONPATH"] = os.pathsep.join([str(place.folder / "elsewhere"), ROOT])
    out = place.run(
        """
        import torch, torch.nn
        try:
            import torch.no_such_module
        except ImportError as error:
            print(error)
        import minitorch
        print(torch is minitorch)
        """
    )
    assert out.splitlines()[0].startswith("minitorch has no torch.no_such_module")
    assert out.splitlines()[1] == "True"


def test_a_pytorch_imported_before_is_refused(place):
    place.write("elsewhere/torch.py", "")
    place.env["PYTHONPATH"] = os.pathsep.join([str(place.folder / "elsewhere"), ROOT])
    code = "import torch; from minitorch import _launcher; _launcher.install()"
    result = subprocess.run([sys.executable, "-c", code], env=place.env, capture_output=True, text=True)
    assert result.returncode == 1
    assert "ImportError: PyTorch is imported already" in result.stderr


def test_installing_twice_changes_nothing(place):
    out = place.run(
        """
        import sys
        from minitorch import _launcher
        before = len(sys.meta_path)
        _launcher.install()
        import torch
        _launcher.install()
        print(len(sys.meta_path) == before)
        """
    )
    assert out == "True\n"


def test_torch_is_not_imported_before_the_program_asks(place):
    assert place.run("import sys; print([m for m in sys.modules if m.startswith('torch')])") == "[]\n"


@pytest.mark.parametrize(
    "statement, missing",
    [
        ("import torch.no_such_part", "torch.no_such_part"),
        ("import torch.no_such_part.inner", "torch.no_such_part"),
        ("import torch.nn.no_such_part as part", "torch.nn.no_such_part"),
        ("import importlib; importlib.import_module('torch.no_such_part')", "torch.no_such_part"),
        ("__import__('torch.no_such_part')", "torch.no_such_part"),
        ("from torch import no_such_part", "torch.no_such_part"),
        ("from torch.no_such_part import something", "torch.no_such_part"),
        ("from torch.nn import NoSuchLayer", "torch.nn.NoSuchLayer"),
        ("from torch.nn.functional import no_such_function", "torch.nn.functional.no_such_function"),
        ("import torch._C._no_such_thing", "torch._C"),
    ],
)
def test_what_is_missing_is_named_with_its_place(place, statement, missing):
    lines = place.fail(f"import torch\n\n{statement}\n").splitlines()
    last = lines[-1]
    kind, _, text = last.partition(": ")
    assert kind in ("ImportError", "ModuleNotFoundError")
    if missing == "torch._C":
        assert "torch._C" in text or "minitorch._C" in text
    else:
        script = os.path.realpath(place.folder / "script.py")
        assert text == f"minitorch has no {missing} (imported at {script}:3)"
    assert lines[0] == "Traceback (most recent call last):"
    assert "_launcher.py" not in "\n".join(lines)


def test_a_missing_attribute_is_named(place):
    error = place.fail("import torch\ntorch.no_such_function(1)\n")
    assert error.splitlines()[-1].startswith("AttributeError: minitorch has no torch.no_such_function")
    assert "_launcher.py" not in error


def test_a_program_may_ask_what_there_is(place):
    out = place.run(
        """
        import importlib.util
        import torch
        print(hasattr(torch, "no_such_name"), getattr(torch, "no_such_name", 3))
        print(importlib.util.find_spec("torch") is not None, importlib.util.find_spec("torch.nn") is not None)
        print(importlib.util.find_spec("torch.no_such_part"))
        try:
            from torch import no_such_name
        except ImportError:
            print("handled")
        try:
            import minitorch.no_such_part
        except ModuleNotFoundError:
            print("handled")
        """
    )
    assert out == "False 3\nTrue True\nNone\nhandled\nhandled\n"


# --- as with python script.py ------------------------------------------------------------------------------


def test_arguments_name_path_and_file(place):
    place.write("neighbour.py", "value = 7")
    script = place.write(
        "script.py",
        """
        import os, sys
        import neighbour
        print(sys.argv)
        print(__name__, neighbour.value, __spec__, __package__)
        print(os.path.samefile(sys.path[0], os.path.dirname(__file__)), os.path.isabs(__file__))
        print(sys.modules["__main__"].__dict__ is globals())
        """,
    )
    elsewhere = place.folder / "elsewhere"
    elsewhere.mkdir()
    result = place.launch(script, "a", "--b", "-c", cwd=elsewhere)
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        str([str(script), "a", "--b", "-c"]),
        "__main__ 7 None None",
        "True True",
        "True",
    ]


def test_a_linked_script_finds_its_neighbours(place):
    place.write("real/neighbour.py", "value = 7")
    place.write("real/script.py", "import neighbour; print(neighbour.value)")
    (place.folder / "link.py").symlink_to(place.folder / "real" / "script.py")
    assert place.launch("link.py").stdout == "7\n"


def test_the_same_as_python_itself(place):
    """A program that does not use torch behaves the same with the launcher and without."""
    place.write(
        "script.py",
        """
        # -*- coding: latin-1 -*-
        import atexit, pickle, sys, threading

        class Point:
            def __init__(self, x): self.x = x

        def last():
            print("at exit", Point.__module__)

        atexit.register(last)
        print(pickle.loads(pickle.dumps(Point(3))).x, sorted(k for k in globals() if k.startswith("__")))
        thread = threading.Thread(target=lambda: print(Point(5).x, file=sys.stderr))
        thread.start()
        thread.join()
        raise SystemExit(3)
        """,
    )
    ours = place.launch("script.py")
    plain = subprocess.run(
        [sys.executable, "script.py"], cwd=place.folder, env=place.env, capture_output=True, text=True
    )
    assert (ours.returncode, ours.stdout, ours.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert ours.returncode == 3


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    return 1 / 0\n\nf()\n",
        "x = (1,\nif x:\n",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('second')\n",
        "import json\njson.loads('{')\n",
        "import no_such_module_at_all\n",
        "from json import no_such_name\n",
    ],
)
def test_tracebacks_begin_in_the_program(place, source):
    place.write("script.py", source)
    ours = place.launch("script.py")
    plain = subprocess.run(
        [sys.executable, "script.py"], cwd=place.folder, env=place.env, capture_output=True, text=True
    )
    assert ours.returncode == plain.returncode == 1
    assert ours.stderr == plain.stderr


def test_the_programs_own_exception_hook_is_called(place):
    error = place.fail(
        """
        import sys
        def hook(kind, error, traceback):
            file = traceback.tb_frame.f_code.co_filename
            print("hook", kind.__name__, file.endswith("script.py"), file=sys.stderr)
        sys.excepthook = hook
        1 / 0
        """
    )
    assert error == "hook ZeroDivisionError True\n"


@pytest.mark.parametrize("argument, status", [("", 0), ("0", 0), ("5", 5), ("None", 0), ("'text'", 1)])
def test_exit_statuses(place, argument, status):
    place.write("script.py", f"import sys\nsys.exit({argument})\n")
    result = place.launch("script.py")
    assert result.returncode == status
    assert result.stderr == ("text\n" if argument == "'text'" else "")


@pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")
def test_ctrl_c_ends_the_program_as_it_does_python(place):
    place.write("script.py", "import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        place.command("script.py"),
        cwd=place.folder,
        env=place.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert error.splitlines()[-1] == "KeyboardInterrupt"
    assert "_launcher.py" not in error


def test_module(place):
    place.write("package/__init__.py", "")
    place.write(
        "package/program.py",
        """
        import sys, torch
        from . import helper
        print(__name__, __package__, __spec__.name, sys.argv[1:], sys.argv[0] == __file__, helper.value)
        print(torch.__name__)
        """,
    )
    place.write("package/helper.py", "value = 7")
    for arguments in (("-m", "package.program", "a", "-b"), ("-mpackage.program", "a", "-b")):
        result = place.launch(*arguments)
        assert result.stderr == ""
        assert result.stdout == "__main__ package package.program ['a', '-b'] True 7\nminitorch\n"


def test_package_folder_and_zip_file(place):
    source = "import sys, torch, beside; print(__name__, torch.__name__, beside.value, sys.argv[1:])"
    place.write("package/__init__.py", "")
    place.write("package/__main__.py", "import torch; print(__name__, __package__, torch.__name__)")
    assert place.launch("-m", "package").stdout == "__main__ package minitorch\n"
    place.write("folder/__main__.py", source)
    place.write("folder/beside.py", "value = 7")
    with zipfile.ZipFile(place.folder / "program.zip", "w") as archive:
        archive.write(place.folder / "folder" / "__main__.py", "__main__.py")
        archive.write(place.folder / "folder" / "beside.py", "beside.py")
    for name in ("folder", "program.zip"):
        result = place.launch(name, "x")
        assert result.stdout == "__main__ minitorch 7 ['x']\n", result.stderr


def test_code_and_standard_input(place):
    result = place.launch(
        "-c", "import sys, torch; print(__name__, torch.__name__, sys.argv, sys.path[0] == '')", "x"
    )
    assert result.stdout == "__main__ minitorch ['-c', 'x'] True\n"
    result = place.launch("-", "x", input="import sys, torch; print(__name__, torch.__name__, sys.argv)")
    assert result.stdout == "__main__ minitorch ['-', 'x']\n"
    result = place.launch("-c", "1 / 0")
    assert result.returncode == 1
    assert result.stderr.splitlines()[:2] == [
        "Traceback (most recent call last):",
        '  File "<string>", line 1, in <module>',
    ]


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        ((), 2, "usage: python -m minitorch script.py"),
        (("-m",), 2, "argument expected for the -m option"),
        (("-x", "script.py"), 2, "unknown option -x"),
        (("no_such_script.py",), 2, "can't open file"),
        (("-m", "no_such_module"), 1, "No module named no_such_module"),
        (("-m", "torch.no_such_part"), 1, "No module named minitorch.no_such_part"),
        (
            ("-m", "json"),
            1,
            "No module named json.__main__; 'json' is a package and cannot be directly executed",
        ),
        (("empty",), 1, "can't find '__main__' module in"),
    ],
)
def test_what_cannot_be_run(place, arguments, status, words):
    (place.folder / "empty").mkdir()
    result = place.launch(*arguments)
    assert result.returncode == status
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_help(place):
    result = place.launch("--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: python -m minitorch script.py")


def test_safe_path_is_respected(place):
    place.write("neighbour.py", "")
    place.write("script.py", "import neighbour")
    result = place.launch("script.py", python=["-P"])
    assert "No module named 'neighbour'" in result.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_processes_keep_the_mapping(place):
    out = place.run(
        """
        import multiprocessing

        def work(queue):
            import torch
            queue.put(torch.__name__)

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get(timeout=30))
            process.join()
        """
    )
    assert out == "minitorch\n"
