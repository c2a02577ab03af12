"""The lecture notebook, the workbook and the side-by-side notebook: they run from top to bottom, with and
without PyTorch; their numbers are PyTorch's; they are what their sources give, and bear no outputs.

``python tests/notebooks/test_workbook.py`` stores what PyTorch shows anew, in pytorch_shows.json. Cells
tagged ``varies`` run, but are not compared: they print texts drawn by lot, where one rounding may change a
letter.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
STORED = Path(__file__).with_name("pytorch_shows.json")
WORKBOOK = sorted(path.stem for path in (NOTEBOOKS / "src").glob("workbook_*.py"))
SOURCES = sorted(path.stem for path in (NOTEBOOKS / "src").glob("*.py"))

for tool in ("jupytext", "nbclient", "ipykernel", "matplotlib", "nbconvert", "latex2mathml"):
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed: pip install '.[notebooks]'", allow_module_level=True)

import matplotlib  # noqa: E402
import nbclient  # noqa: E402
import nbformat  # noqa: E402
from notebook_runner import compared, same, texts_of  # noqa: E402


def has_pytorch():
    return importlib.util.find_spec("torch") is not None


# ---- they are made from their sources -------------------------------------------------------------------


def test_the_notebooks_are_what_their_sources_give():
    run = subprocess.run(
        [sys.executable, NOTEBOOKS / "tools" / "generate.py", "--check"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr + "run python notebooks/tools/generate.py"


def test_there_are_no_outputs_in_the_repository():
    for path in NOTEBOOKS.glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs") and cell.get("execution_count") is None, path.name


# ---- they run -------------------------------------------------------------------------------------------


def run_in_jupyter(name, monkeypatch, first_cell=""):
    """The notebook with its outputs, after it has run in a kernel of its own."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    for threads in ("OMP_NUM_THREADS", "MINITORCH_NUM_THREADS"):
        monkeypatch.setenv(threads, "1")  # beside other work, threads wait for each other most of the time
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    if first_cell:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(first_cell))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = nbclient.NotebookClient(
            notebook, timeout=120, startup_timeout=120, resources={"metadata": {"path": str(NOTEBOOKS)}}
        )
        return client.execute()


def outputs_of(notebook):
    """All texts that the notebook shows."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            texts.append(output.get("text", "") + output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


@pytest.mark.parametrize("name", SOURCES)
def test_it_runs_without_pytorch_and_makes_a_page(name, monkeypatch, tmp_path):
    notebook = run_in_jupyter(name, monkeypatch, "import sys; sys.modules['torch'] = None")
    page = check_page(notebook, monkeypatch)
    if name == "lecture":
        look_at(page, tmp_path / "lecture.html", monkeypatch)
    shown = outputs_of(notebook)
    if name == "side_by_side":
        assert "not installed" in shown and "pip install torch" in shown


def check_page(notebook, monkeypatch):
    """The exported page fetches nothing, has no formula left undrawn, and shows every figure."""
    monkeypatch.syspath_prepend(str(NOTEBOOKS / "tools"))
    from export import page_of

    figures = sum(cell.source.startswith(("show(", "server = playground(")) for cell in notebook.cells)
    page = page_of(notebook)
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=.https?:", page)
    assert page.count("<iframe") == figures
    assert not any(
        re.search(r"\$[^$`]*\\[a-z]+", c.source) for c in notebook.cells if c.cell_type == "markdown"
    )
    return page


def look_at(page, path, monkeypatch):
    """In a browser without a network: formulas and figures are drawn, nothing fails, nothing is asked for."""
    if importlib.util.find_spec("playwright") is None:
        return
    monkeypatch.syspath_prepend(str(NOTEBOOKS))
    from figures import stills

    if stills.browser_path() is None:
        return
    path.write_text(page, encoding="utf-8")
    wrong = []
    with stills.browser() as chromium:
        window = chromium.new_page()
        window.on("pageerror", lambda error: wrong.append(str(error)))
        window.on("request", lambda request: wrong.append(request.url) if "http" in request.url[:5] else None)
        window.goto(path.as_uri())
        drawn = window.evaluate(
            "[...document.querySelectorAll('math')].filter(m => m.getBoundingClientRect().width > 2).length"
        )
        frames = window.locator("iframe")
        for i in range(frames.count()):
            frames.nth(i).scroll_into_view_if_needed()
            frames.nth(i).content_frame.locator("svg, canvas").first.wait_for(timeout=15_000)
    assert drawn == page.count("<math") > 50 and not wrong


def test_side_by_side_runs_with_pytorch(monkeypatch):
    if not has_pytorch():
        pytest.skip("PyTorch is not installed")
    notebook = run_in_jupyter("side_by_side", monkeypatch)
    shown = outputs_of(notebook)
    assert "not installed" not in shown and "PyTorch 2" in shown
    assert "agree to 5 digits: True" in shown and "both say" in shown
    pages = [
        output["data"].get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert sum("<svg" in page and "losses" in page for page in pages) == 1


# ---- their numbers are PyTorch's ------------------------------------------------------------------------


def show(name, library):
    """What the notebook's cells show when they are run in this process."""
    if library == "torch":
        import torch

        torch.set_num_threads(1)  # its threads would wait for each other most of the time
    before = matplotlib.get_backend()
    matplotlib.use("agg")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return texts_of(name, library)
    finally:
        import matplotlib.pyplot as plt

        plt.close("all")
        matplotlib.use(before)


def assert_same(name, theirs, ours):
    assert len(theirs) == len(ours), f"{name} has other cells now: store PyTorch's numbers anew"
    for i, (a, b) in enumerate(zip(theirs, ours, strict=True), 1):
        assert same(a, b), f"{name}, code cell {i}:\nPyTorch\n{a}\nhere\n{b}"


@pytest.mark.parametrize("name", ["lecture", *WORKBOOK])
def test_the_numbers_are_those_stored_from_pytorch(name):
    assert_same(name, json.loads(STORED.read_text(encoding="utf-8"))[name], show(name, "minitorch"))


@pytest.mark.parametrize("name", WORKBOOK)
def test_pytorch_shows_the_stored_numbers(name):
    if not has_pytorch():
        pytest.skip("PyTorch is not installed: compared with its stored numbers only")
    assert_same(name, json.loads(STORED.read_text(encoding="utf-8"))[name], show(name, "torch"))


def test_numbers_are_compared_to_their_last_digit():
    assert same("loss 0.123, 90%", "loss 0.124, 90%") and not same("loss 0.123", "loss 0.126")
    assert not same("loss 0.1", "lost 0.1") and not same("90% right", "92% right")
    assert same("[1.0000, 2.0000]", "[1.0000, 2.0001]") and not same("1 2", "1 2 3")
    assert compared("workbook_5_next_time").count(False) >= 2


if __name__ == "__main__":
    shown = {name: show(name, "torch") for name in ["lecture", *WORKBOOK]}
    STORED.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
