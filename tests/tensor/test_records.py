"""Recorded cases by topic: a line of code each, and what PyTorch 2.13 answered, or the error it raised.

The topics are those of the files beside this one, dtypes (with device, Size, finfo and iinfo), semantics
(operators at their edges), losses_and_products, and grad_fn (names of nodes); `-k repr` runs those of repr.
"""

import json
import math
import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import minitorch

TOPICS = json.loads(Path(__file__).with_name("cases.json").read_text())


def answer(torch, code):
    """The repr of what the code gives, or the type and first line of its error; and its warnings to users.

    In the code T(2, 3) is a float64 leaf that requires grad, of numbers from 0.3 on.
    """

    def leaf(*shape):
        numbers = torch.arange(math.prod(shape)).reshape(shape).double() / 7 + 0.3
        return numbers.requires_grad_()

    names = {"torch": torch, "np": np, "pickle": pickle, "T": leaf}
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


def check(torch, case):
    """The module answers as recorded."""
    text, said = answer(torch, case["code"])
    assert text.partition(" Hint: ")[0] == case["answer"]  # the hint is ours, PyTorch's or nobody's
    # Some warnings come once per process: one that is missing is no error, another one is.
    assert set(said) <= set(case.get("warns", []))


CASES = [pytest.param(c, id=f"{topic}: {c['code'][:50]}") for topic, cases in TOPICS.items() for c in cases]


@pytest.mark.parametrize("case", CASES)
def test_as_recorded(case):
    check(minitorch, case)


@pytest.mark.parametrize("case", CASES)
def test_records_are_pytorchs(case, pytorch):
    check(pytorch, case)
