"""The figures' pages in a browser without a network: no errors, controls that change the picture, pixels
that are not blank, numbers that are minitorch's. Needs Chromium and playwright, and is left out where they
are not."""

import io
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "notebooks"))

from figures import base, display, server, stills  # noqa: E402
from figures.catalogue import FIGURES  # noqa: E402

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")
if stills.browser_path() is None:
    pytest.skip("Chromium is not installed (apt-get install chromium)", allow_module_level=True)

every_figure = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)

# What is drawn, without the controls and the words below: drawings, and the colours of the canvases.
PICTURE = """() => [...document.querySelectorAll("#figure .panel svg")].map((s) => s.innerHTML).join("")
    + [...document.querySelectorAll("canvas")].map((c) => c.toDataURL()).join("")"""
# Sets a slider to its other end, as a hand would.
MOVE = """(input) => {
    input.value = +input.value > (+input.min + +input.max) / 2 ? input.min : input.max;
    input.dispatchEvent(new Event("input", { bubbles: true }));
}"""


@pytest.fixture(scope="module")
def chromium():
    with stills.browser() as browser:
        yield browser


class Opened:
    """A page of the browser with everything that went wrong in it."""

    def __init__(self, chromium):
        self.page = chromium.new_page()
        self.page.set_default_timeout(15_000)
        self.wrong = []
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", self.asked)

    def asked(self, request):
        if not request.url.startswith(("file:", "data:", "http://127.0.0.1:", "about:")):
            self.wrong.append(f"request: {request.url}")

    def goto(self, path, query="theme=light"):
        self.page.goto(f"{Path(path).as_uri()}?{query}")
        self.page.wait_for_selector("html[data-ready]", state="attached")
        return self.page

    def until(self, expression, argument=None):
        """Waits until an expression of the page is true (its policy forbids playwright's own way, which
        evals)."""
        end = time.monotonic() + 15
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.03)

    def picture(self):
        return self.page.evaluate(PICTURE)


@pytest.fixture(scope="module")
def window(chromium):
    return Opened(chromium)


@pytest.fixture
def opened(window):
    window.page.set_viewport_size({"width": 920, "height": 700})
    yield window
    wrong, window.wrong = window.wrong, []
    assert not wrong


@every_figure
def test_page_loads_and_its_controls_change_the_picture(opened, figure):
    page = opened.goto(figure.page)
    assert not blank(page.locator("#figure").screenshot())
    usable(opened, figure)
    if figure.name == "playground":
        return  # its own tests are below
    sliders = page.locator("input[type=range]:visible")
    before = opened.picture()
    assert len(before) > 3000 and sliders.count() >= 1
    for i in range(sliders.count()):
        sliders.nth(i).evaluate(MOVE)
        after = opened.picture()
        assert after != before, f"slider {i} changes nothing"
        before = after
    for i in range(page.locator("select").count()):
        page.locator("select").nth(i).select_option(index=1)
        after = opened.picture()
        assert after != before, f"choice {i} changes nothing"
        before = after
    for button in page.get_by_role("button").all():
        before, name = opened.picture(), button.inner_text()
        button.click()
        if "Play" in name:
            opened.until(f"(before) => ({PICTURE})() !== before", before)
            button.click()
        else:
            assert opened.picture() != before, f"{name} changes nothing"


def usable(opened, figure):
    """Controls and drawings have names to be read aloud, and a slider listens to the keyboard."""
    page = opened.page
    nameless = """() => [...document.querySelectorAll("input, select, button")].filter((control) =>
        !(control.labels && control.labels.length ? control.labels[0] : control).textContent.trim()).length"""
    assert page.evaluate(nameless) == 0
    assert page.locator("#figure").get_attribute("aria-label") == figure.alt
    assert page.evaluate(
        "[...document.querySelectorAll('svg[role=img]')].every((s) => s.ariaLabel.length > 3)"
    )
    slider = page.locator("input[type=range]:visible").first
    value = slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    if slider.input_value() == value:
        page.keyboard.press("ArrowRight")
    assert slider.input_value() != value and slider.get_attribute("aria-valuetext")
    opened.until("document.querySelector('[role=status]').textContent.length > 10")


def blank(png):
    """Whether a picture is nearly all of one colour."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    colours, counts = np.unique(pixels // 8, axis=0, return_counts=True)
    return len(colours) < 12 or counts.max() > 0.97 * len(pixels)


def test_a_blank_picture_is_noticed(opened):
    opened.page.set_content("<main style='height:200px'>almost nothing</main>")
    assert blank(opened.page.locator("main").screenshot())


def test_pages_are_dark_where_the_reader_wants_it(opened):
    opened.page.emulate_media(color_scheme="dark")
    page = opened.goto(base.PAGES / "net-2-4-1.html", query="")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, ground[4:-1].split(","))) < 60
    dark = opened.picture()
    page.emulate_media(color_scheme="light")
    opened.until(f"(before) => ({PICTURE})() !== before", dark)


def test_narrow_page_does_not_scroll_sideways(opened):
    opened.page.set_viewport_size({"width": 420, "height": 800})
    for name in ("gradient", "net-2-8-8-1", "loss-landscape", "playground"):
        page = opened.goto(base.PAGES / f"{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= 421, name


# ---- what the pages compute themselves is what minitorch computes


def test_gradient_page_has_minitorchs_losses_and_slopes(opened):
    page = opened.goto(base.PAGES / "gradient.html")
    farthest = """Math.max(...data.along.flatMap(([w, l, s]) =>
        [loss(w, guessB) - l, slope(w, guessB) - s]).map(Math.abs))"""
    assert page.evaluate(farthest) < 2e-2
    assert "dL/dw = −8.23" in page.locator(".readout").inner_text()


def test_step_page_steps_as_minitorch_does(opened):
    page = opened.goto(base.PAGES / "new-model.html")
    farthest = """Math.max(...Object.entries(data.paths).flatMap(([lr, path]) => path.flatMap((at, k) =>
        walk(+lr, k).map((v, i) => Math.abs(v - at[i])))))"""
    assert page.evaluate(farthest) < 1e-3


def test_optimizers_of_the_landscape_are_minitorchs(opened):
    assert opened.goto(base.PAGES / "loss-landscape.html").evaluate("farthest()") < 5e-3


@pytest.mark.parametrize(
    "name", ["sigmoid-neuron", "net-2-4-1", "net-2-8-8-1", "relu-net", "half-moons-nets"]
)
def test_nets_run_in_the_page_have_the_losses_of_their_training(opened, name):
    page = opened.goto(base.PAGES / f"{name}.html")
    run_here = "data.nets.filter((net) => net.frames)"
    farthest = f"""Math.max(...{run_here}.flatMap((net) => net.frames.map((weights, f) => {{
        const rows = data.points.filter((p) => p[3] === 0);
        const out = outputs(net, weights, Float64Array.from(rows.flatMap((p) => [p[0], p[1]])), rows.length);
        const sum = rows.reduce((s, p, r) => s - Math.log(p[2] ? out[r] : 1 - out[r]), 0);
        return Math.abs(sum / rows.length - net.train[f]) / Math.max(0.1, net.train[f]);
    }})))"""
    assert page.evaluate(farthest) < 0.03


# ---- the playground


@pytest.mark.parametrize("optimizer", ["SGD", "momentum", "Adam"])
@pytest.mark.parametrize("hidden", ["tanh", "sigmoid", "relu", "linear"])
def test_playground_steps_as_minitorch_does(opened, optimizer, hidden):
    page = opened.goto(base.PAGES / "playground.html")
    rng = np.random.default_rng(0)
    points = [[*rng.normal(size=2).tolist(), float(i % 2)] for i in range(12)]
    asked = {
        "points": points,
        "sizes": [2, 4, 3, 1],
        "hidden": hidden,
        "optimizer": optimizer,
        "rate": 0.1,
        "batch": 12,
        "weights": rng.normal(size=31).tolist(),
    }
    five = "const t = new Trainer(asked); for (let i = 0; i < 5; i++) t.step(); return [...t.weights];"
    mine = page.evaluate(f"(asked) => {{ {five} }}", asked)
    theirs = server.Training(asked).train(10, most=5)
    assert theirs["steps"] == 5
    assert mine == pytest.approx(theirs["weights"], abs=2e-5)


def trains(opened, speed):
    """Trains until the page has made some steps, so many of them a second."""
    opened.page.get_by_role("button", name="Train").click()
    before = opened.page.evaluate("steps")
    opened.until(f"steps > {before + 100} && speed > {speed}")
    told = "/step [\\d,]+, [\\d,]+ steps per second/"
    opened.until(f"{told}.test(document.querySelector('.readout').textContent)")
    opened.page.get_by_role("button", name="Pause").click()


def test_playground_learns_in_the_page(opened):
    page = opened.goto(base.PAGES / "playground.html")
    before = opened.picture()
    trains(opened, 1000)
    assert opened.picture() != before
    page.get_by_role("button", name="start anew").click()
    assert page.locator(".readout").inner_text().startswith("step 0,")
    page.get_by_role("button", name="one step").click()
    opened.until("document.querySelector('.readout').textContent.startsWith('step 1,')")


def test_playground_every_data_set_and_setting(opened):
    page = opened.goto(base.PAGES / "playground.html", "theme=light&steps=20")
    before = opened.picture()
    for label in ("data", "activation"):
        select = page.get_by_label(label, exact=True)
        for i in range(1, select.locator("option").count()):
            select.select_option(index=i)
            after = opened.picture()
            assert after != before, f"{label} {i}"
            before = after
    for label in ("hidden layers", "neurons in each", "noise"):
        page.get_by_label(label).evaluate(MOVE)
        after = opened.picture()
        assert after != before, label
        before = after
    assert "parameters" in page.locator(".readout").inner_text()


def test_playground_learns_any_data_it_is_given(opened):
    """Most of the points right within some thousands of steps, on all data sets but for the spirals."""
    page = opened.goto(base.PAGES / "playground.html")
    for i in (0, 1, 2, 4):
        page.get_by_label("data", exact=True).select_option(index=i)
        page.evaluate("() => { for (let i = 0; i < 4000; i++) trainer.step(); record(); redraw(); }")
        assert page.evaluate("scores[0][1]") > 0.9, i


@pytest.fixture
def live(tmp_path):
    kernel = server.serve()
    page = (base.PAGES / "playground.html").read_text(encoding="utf-8")
    path = tmp_path / "live.html"
    path.write_text(page.replace('"kernel":null', f'"kernel":"{kernel.address}"'), encoding="utf-8")
    yield kernel, path
    kernel.close()


def test_playground_learns_in_the_kernel(chromium, live):
    kernel, path = live
    opened = Opened(chromium)  # of its own: the lost connection is told in the console
    page = opened.goto(path)
    trains(opened, 2000)
    assert page.get_by_label("trained").input_value() == "1" and not opened.wrong
    kernel.close()
    page.get_by_role("button", name="one step").click()
    opened.until("document.querySelector('.alert').textContent.includes('does not answer')")
    assert page.get_by_label("trained").input_value() == "0"
    trains(opened, 1000)
    page.close()


# ---- in a notebook, and in one exported as HTML


def test_frame_of_a_notebook_shows_the_page_and_fits_it(opened, tmp_path):
    """As JupyterLab and exported HTML hold it: in a srcdoc frame, JupyterLab with its theme."""
    shown = display.Shown("net-2-4-1", (base.PAGES / "net-2-4-1.html").read_text(encoding="utf-8"), 200)
    path = tmp_path / "exported.html"
    body = f"<body data-jp-theme-light='false'>{shown.frame()}</body>"
    path.write_text(f"<!doctype html>{body}", encoding="utf-8")
    opened.page.goto(path.as_uri())
    frame = opened.page.frame_locator("iframe")
    frame.locator("html[data-theme=dark][data-ready]").wait_for(state="attached")
    slider = frame.locator("input[type=range]").first
    before = frame.locator(".readout").inner_text()
    slider.evaluate(MOVE)
    assert frame.locator(".readout").inner_text() != before
    end = time.monotonic() + 5
    while (height := opened.page.locator("iframe").bounding_box()["height"]) == 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert 380 < height < 900
    assert not blank(opened.page.locator("iframe").screenshot())


def test_exported_notebook_shows_every_figure(opened, tmp_path):
    """All figures in one notebook, exported by nbconvert without its own scripts from the internet."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed (pip install nbconvert)")
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    notebook = nbformat.v4.new_notebook()
    for figure in FIGURES:
        shown = display.Shown(figure.name, figure.page.read_text(encoding="utf-8"), 560)
        output = nbformat.v4.new_output("display_data", shown._repr_mimebundle_())
        source = f'show("{figure.name}")'
        notebook.cells.append(nbformat.v4.new_code_cell(source, outputs=[output], execution_count=1))
    exporter = nbconvert.HTMLExporter(mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url="")
    path = tmp_path / "exported.html"
    path.write_text(exporter.from_notebook_node(notebook)[0], encoding="utf-8")
    opened.page.goto(path.as_uri(), wait_until="domcontentloaded")
    frames = opened.page.locator("iframe")
    assert frames.count() == len(FIGURES)
    for i in range(len(FIGURES)):
        frame = opened.page.frame_locator("iframe").nth(i)
        frame.locator("html[data-ready]").wait_for(state="attached")
        assert frame.locator("svg[role=img]").count() >= 1
    assert not blank(frames.nth(0).screenshot())
    # what the export's own page says of scripts it does not find is not the figures'
    opened.wrong = [what for what in opened.wrong if what.startswith("error:")]
