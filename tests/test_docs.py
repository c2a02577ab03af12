"""The pages in docs/: names are printed from the code, examples run, links lead somewhere."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def printer():
    spec = importlib.util.spec_from_file_location("print_names", DOCS / "print_names.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_names_is_current(printer):
    pytest.importorskip("tensorboard", reason="the page names what tensorboard lends")
    wanted = printer.page()
    assert (DOCS / "names.md").read_text() == wanted, "run python docs/print_names.py"


def test_pytorchs_names_are_those_of_the_version_followed(printer):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if not torch.__version__.startswith("2.13"):
        pytest.skip(f"PyTorch is {torch.__version__}")
    known = printer.read_names()
    for place in ("torch.nn", "torch.optim", "torch.distributions", "torch.utils.data", "torch.linalg"):
        assert printer.public(printer.resolve(place)) == known[place]


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(name):
    text = (DOCS / name).read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or (DOCS / target).exists(), target


@pytest.mark.parametrize("name", ["moving.md", "recipes.md"])
def test_examples_run(name, tmp_path, monkeypatch):
    """Python blocks of one page run one after the other, in names of their own."""
    monkeypatch.chdir(tmp_path)
    world = {"__name__": "page"}
    for block in re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(), re.S | re.M):
        first = block.splitlines()[0]
        needs = re.fullmatch(r"# needs (\w+)", first)
        if needs and importlib.util.find_spec(needs.group(1)) is None:
            continue
        exec(compile(block, f"{name}: {first}", "exec"), world)
