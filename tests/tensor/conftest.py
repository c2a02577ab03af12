"""The recorded cases: a line of code each, what PyTorch 2.13 answered, and how to run it on either module."""

import json
import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

CASES = json.loads(Path(__file__).with_name("cases.json").read_text())


def answer(torch, code):
    """The repr of what the code gives, or the type and first line of its error; and its warnings to users."""
    names = {"torch": torch, "np": np, "pickle": pickle}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            try:
                result = eval(code, names)
            except SyntaxError:
                exec(code, names)
                result = names.get("r")
            text = repr(result)
        except Exception as e:
            text = f"{type(e).__name__}: {e}".partition("\n")[0]
    said = [str(w.message).partition(" (Triggered")[0][:80] for w in caught if w.category is UserWarning]
    text = text.replace("minitorch.", "torch.").replace("torch._C.", "torch.")
    return re.sub(r"0x[0-9a-f]+", "0x", text), said


def pytest_generate_tests(metafunc):
    """A test with the argument `case` runs for every case of the topic its module names."""
    if "case" in metafunc.fixturenames:
        cases = CASES[metafunc.module.TOPIC]
        metafunc.parametrize("case", cases, ids=[c["code"][:50] for c in cases])


@pytest.fixture
def check():
    """check(torch, case): the module answers as recorded."""

    def run(torch, case):
        text, said = answer(torch, case["code"])
        assert text == case["answer"]
        # Some warnings come once per process: one that is missing is no error, another one is.
        assert set(said) <= set(case.get("warns", []))

    return run


@pytest.fixture(scope="session")
def pytorch():
    """The real PyTorch, to show that the records are its answers."""
    return pytest.importorskip("torch", reason="PyTorch is not installed: compared with the records only")
