"""The rules of the source that a compiler does not check: layers, sizes, what may stand where. See
csrc/README.md."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CSRC = ROOT / "csrc"
LAYERS = "base kernels tensor graph ops autograd optim python".split()
# The public header stands beside the layers; who starts the library or uses it from outside may include it.
PUBLIC = ("minitorch.h",)
MAY_USE_PUBLIC = ("autograd/init.c", "examples/", "python/")

SOURCES = sorted(p for p in CSRC.rglob("*.[ch]") if "build" not in p.relative_to(CSRC).parts)
HEADERS = [p for p in SOURCES if p.suffix == ".h"]
PYTHON = sorted(p for place in ("minitorch", "tests") for p in (ROOT / place).rglob("*.py"))


def name(path):
    return path.relative_to(CSRC).as_posix()


def includes(path):
    return re.findall(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', path.read_text(), re.M)


def layer_of(path):
    return name(path).split("/")[0]


def test_there_is_source():
    assert len(SOURCES) > 80 and len(PYTHON) > 40


def test_layers_only_include_below_themselves():
    wrong = []
    for path in SOURCES:
        layer = layer_of(path)
        if layer not in LAYERS:
            continue
        for included in includes(path):
            other = included.split("/")[0]
            allowed = LAYERS[: LAYERS.index(layer) + 1]
            if layer == "kernels":
                allowed = ["base", "kernels"]
            if "/" in included and other in LAYERS and other not in allowed:
                wrong.append(f"{name(path)} includes {included}")
            if included in PUBLIC and not name(path).startswith(MAY_USE_PUBLIC):
                wrong.append(f"{name(path)} includes {included}")
    assert not wrong


def users_of(pattern):
    """Files whose code (comments and strings aside) matches."""
    found = []
    for path in SOURCES:
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.S)
        if re.search(pattern, code):
            found.append(name(path))
    return found


def test_python_h_only_in_the_binding():
    assert all(user.startswith("python/") for user in users_of(r"#\s*include\s+[<\"](Python\.h|numpy/)"))


def test_numpys_c_api_in_one_file():
    assert len(users_of(r"#\s*include\s+[<\"]numpy/")) <= 1


def test_openmp_in_one_file():
    users = users_of(r"#\s*pragma\s+omp|_Pragma\(\"omp (?!simd)|#\s*include\s+<omp\.h>")
    assert set(users) <= {"base/parallel.c"}


def test_intrinsics_only_in_kernels():
    assert all(user.startswith("kernels/") for user in users_of(r"\b(imm|xmm|emm|arm_ne)[a-z]*\.h"))


def test_no_exit_or_printing_in_the_library():
    """Only mt_print prints, and nothing jumps or ends the process."""
    users = users_of(r"\b(exit|abort|longjmp|setjmp|printf|puts|fprintf)\s*\(")
    assert {u for u in users if not u.startswith("examples/")} <= {"tensor/print.c"}


def test_memory_comes_from_the_allocator():
    users = users_of(r"(?<![\w.>])(malloc|calloc|realloc|free|strdup)\s*\(")
    assert {u for u in users if not u.startswith(("examples/", "python/", "base/"))} == set()


# One class with its documentation, and a table of golden values.
LONGER = {"minitorch/nn/modules/module.py": 950, "tests/test_random_streams.py": 920}


def test_no_file_is_too_long():
    files = [*SOURCES, *PYTHON, *(ROOT / "tests" / "c").glob("*.[ch]")]
    lines = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in files}
    assert not {path: n for path, n in lines.items() if n > LONGER.get(path, 800)}


def test_nothing_is_left_to_do():
    words = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")))
    assert not [str(p.relative_to(ROOT)) for p in [*SOURCES, *PYTHON] if words.search(p.read_text())]


def test_every_file_says_what_it_is():
    assert not [name(p) for p in SOURCES if not p.read_text().lstrip().startswith("/*")]
    silent = [
        p for p in PYTHON if p.read_text().strip() and not re.match(r'(#[^\n]*\n)*r?"""', p.read_text())
    ]
    assert not [str(p.relative_to(ROOT)) for p in silent]


def test_stub_is_current():
    run = subprocess.run(
        [sys.executable, "-m", "minitorch._stubgen", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_operator_is_in_the_registry_once():
    rows = re.findall(r"^(?:OP|RECORD)\((\w+)", (CSRC / "include/minitorch/ops.def").read_text(), re.M)
    for file in ("unary.def", "binary.def"):
        text = (CSRC / "include/minitorch" / file).read_text()
        rows += re.findall(r"^(?:UNARY|UNARY_P|BINARY)\(\s*\w+,\s*(\w+)", text, re.M)
    assert len(rows) == len(set(rows)) and len(rows) > 200


COMPILER = os.environ.get("CC", "").split() or [shutil.which("gcc") or shutil.which("cc") or ""]


@pytest.mark.skipif(not shutil.which(COMPILER[0]), reason="there is no C compiler")
def test_every_header_compiles_alone(tmp_path):
    """Each in a file of its own, twice over: it includes what it needs and minds being included again."""
    # Bodies that are written to be included by one file, with its macros.
    skipped = re.compile(r"(_body|_ukr_\w+|_loops|_rows|_steps)\.h$")
    files = []
    for header in HEADERS:
        if layer_of(header) == "python" or skipped.search(header.name) or header.name == "math.h":
            continue
        path = tmp_path / (name(header).replace("/", "_") + ".c")
        path.write_text(f'#include "{name(header)}"\n#include "{name(header)}"\nint nothing;\n')
        files.append(str(path))
    flags = [
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsyntax-only",
        f"-I{CSRC}",
        f"-I{CSRC / 'include'}",
    ]
    run = subprocess.run([*COMPILER, *flags, *files], capture_output=True, text=True)
    assert len(files) > 20 and run.returncode == 0, run.stderr
