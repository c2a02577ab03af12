"""The lectures' figures: pages and stills are current, their numbers are minitorch's, and showing one
works."""

import doctest
import hashlib
import json
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import minitorch as torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "notebooks"))

from figures import base, display, server, stills, surfaces  # noqa: E402
from figures.catalogue import FIGURES  # noqa: E402

every_figure = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)

THE_LECTURES = """data-and-ols random-guess gradient new-model one-epoch half-moons random-initialisation
after-training stacked-linear sigmoid sigmoid-neuron net-2-4-1 net-2-8-8-1 stopped convergence activations
relu-net universal-approximation half-moons-nets dropout loss-landscape overfitting early-stopping
playground"""


def test_no_figure_is_missing_and_none_left_over():
    names = {figure.name for figure in FIGURES}
    assert names == set(THE_LECTURES.split()) and len(FIGURES) == len(names)
    assert set(display.names()) == names
    assert {path.stem for path in base.STILLS.glob("*.png")} == names


@every_figure
def test_page_is_what_its_parts_give(figure):
    """After a change of script, style or caption: python notebooks/figures --pages."""
    page = figure.page.read_text(encoding="utf-8")
    assert page == base.build(figure, base.stored(figure)), "run python notebooks/figures --pages"


@every_figure
def test_numbers_are_those_that_minitorch_gives(figure):
    anew, kept = figure.part() if figure.part else (figure.make(), base.stored(figure))
    found = list(differences(json.loads(json.dumps(anew)), kept, figure.digits))
    assert not found, found[:5]


def differences(anew, kept, digits, at=""):
    """Where two structures differ, numbers by more than digits relative to max(1, |number|)."""
    if isinstance(kept, dict) and isinstance(anew, dict) and kept.keys() == anew.keys():
        for key in kept:
            yield from differences(anew[key], kept[key], digits, f"{at}.{key}")
    elif isinstance(kept, list) and isinstance(anew, list) and len(kept) == len(anew):
        for i, (one, other) in enumerate(zip(anew, kept, strict=True)):
            yield from differences(one, other, digits, f"{at}[{i}]")
    elif isinstance(kept, (int, float)) and isinstance(anew, (int, float)):
        if abs(anew - kept) > digits * max(1.0, abs(kept)):
            yield f"{at}: {anew} and not {kept}"
    elif anew != kept:
        yield f"{at}: {str(anew)[:80]} and not {str(kept)[:80]}"


@pytest.mark.parametrize("module", [base, display, surfaces], ids=lambda module: module.__name__)
def test_examples_of_the_docstrings(module):
    results = doctest.testmod(module)
    assert results.attempted and not results.failed


def test_differences_are_found():
    assert list(differences({"a": [1.0, 2.1]}, {"a": [1.0, 2.0]}, 1e-2)) == [".a[1]: 2.1 and not 2.0"]
    assert list(differences([1], [1, 2], 1)) and list(differences({"a": 1}, {"b": 1}, 1))
    assert not list(differences([1000.5, "x"], [1000, "x"], 1e-3))


@every_figure
def test_page_stands_alone(figure):
    page = figure.page.read_text(encoding="utf-8")
    addresses = set(re.findall(r"[a-z]+://[^\s\"'`)<]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://127.0.0.1:*"}
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", page)
    assert "Content-Security-Policy" in page and '<html lang="en">' in page
    assert len(figure.title) > 6 and len(figure.alt) > 60 and len(figure.caption) > 40


def test_pages_and_stills_are_small():
    sizes = [path.stat().st_size for figure in FIGURES for path in (figure.page, figure.still)]
    assert sum(sizes) < 3_000_000 and max(sizes) < 200_000


@every_figure
def test_still_is_of_the_page_as_it_is(figure):
    assert stills.record()[figure.name] == hashlib.sha256(figure.page.read_bytes()).hexdigest(), (
        "run python notebooks/figures --pages"
    )
    assert figure.still.read_bytes().startswith(b"\x89PNG")


# ---- showing


def test_show_names_what_there_is():
    with pytest.raises(ValueError, match="no figure is called 'sigmoide'; there are .*sigmoid-neuron"):
        display.show("sigmoide")


def test_show_without_jupyter_says_where_the_page_is(capsys):
    display.show("gradient")
    told = capsys.readouterr().out
    assert "slope -8.23" in told and "gradient.html" in told


def test_jupyter_gets_page_and_picture():
    page = (base.PAGES / "sigmoid.html").read_text(encoding="utf-8")
    bundle = display.Shown("sigmoid", page, 400)._repr_mimebundle_()
    assert bundle["text/html"].startswith("<iframe srcdoc=") and 'height="400"' in bundle["text/html"]
    assert bundle["image/png"].startswith("iVBOR") and "S-shaped" in bundle["text/plain"]
    still = display.Shown("sigmoid", page, 400, still=True)._repr_mimebundle_()["text/html"]
    assert still.startswith('<img src="data:image/png;base64,') and "S-shaped" in still


# ---- the playground's kernel


@pytest.fixture
def kernel():
    started = server.serve()
    yield started
    started.close()


def ask(address, what, content):
    request = urllib.request.Request(f"{address}/{what}", json.dumps(content).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def asked(**other):
    points = [[-1, 0, 0], [1, 0, 1], [0.5, 1, 1], [-1, 1, 0]]
    weights = [0.1 * i for i in range(13)]
    net = {"sizes": [2, 3, 1], "hidden": "tanh", "weights": weights, "points": points}
    return {**net, "optimizer": "SGD", "rate": 0.5, "batch": 4, **other}


def test_kernel_trains_by_steps_and_by_time(kernel):
    assert ask(kernel.address, "start", asked()) == {"version": torch.__version__}
    once = ask(kernel.address, "train", {"seconds": 1, "steps": 1})
    assert once["steps"] == 1 and len(once["weights"]) == 13 and once["weights"] != asked()["weights"]
    more = ask(kernel.address, "train", {"seconds": 0.05})
    assert more["steps"] >= 16 and 0.05 <= more["seconds"] < 1


def test_kernel_gives_back_the_weights_it_was_given():
    model = server.network([2, 3, 1], torch.nn.Tanh)
    weights = [round(0.1 * i, 6) for i in range(13)]
    server.load(model, weights)
    assert base.flat(model, 6) == weights
    with pytest.raises(ValueError, match="14 weights for a net of 13"):
        server.load(model, [*weights, 0.0])


def test_kernel_leaves_the_notebooks_random_numbers_alone(kernel):
    torch.manual_seed(0)
    wanted = torch.rand(3).tolist()
    torch.manual_seed(0)
    ask(kernel.address, "start", asked(batch=1))
    ask(kernel.address, "train", {"seconds": 0.01})
    assert torch.rand(3).tolist() == wanted


@pytest.mark.parametrize(
    "wrong",
    [{"sizes": [2, 500, 1]}, {"sizes": [3, 1]}, {"hidden": "none"}, {"weights": [1]}, {"points": []}],
    ids=str,
)
def test_kernel_says_what_it_cannot_train(kernel, wrong):
    with pytest.raises(urllib.error.HTTPError) as told:
        ask(kernel.address, "start", asked(**wrong))
    assert told.value.code == 400 and json.loads(told.value.read())["error"]


def test_kernel_answers_only_who_knows_its_address(kernel):
    outside = kernel.address.rsplit("/", 1)[0]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        ask(f"{outside}/guess", "start", asked())
    assert kernel.address.startswith("http://127.0.0.1:") and kernel.address not in repr(kernel)


def test_a_second_playground_ends_the_first(kernel):
    again = server.serve()
    try:
        with pytest.raises(urllib.error.URLError):
            ask(kernel.address, "start", asked())
        ask(again.address, "start", asked())
    finally:
        again.close()
