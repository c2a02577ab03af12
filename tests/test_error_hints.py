"""What an error says beside PyTorch's sentence: why there is no gradient, what was given, what to do."""

import os
import platform
import subprocess
import sys
import warnings

import pytest

import minitorch as mt
from minitorch import nn
from minitorch.nn import functional as F


def notes(call):
    with pytest.raises(Exception) as caught:
        call()
    return getattr(caught.value, "__notes__", [])


def leaf():
    return mt.ones(2, requires_grad=True)


def under_no_grad(x):
    with mt.no_grad():
        y = x * 2
    return y + 1


def under_inference(x):
    with mt.inference_mode():
        return x * 2


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda x: mt.ones(2), "none of the tensors it was computed from requires grad"),
        (under_no_grad, "was computed under no_grad()"),
        (under_inference, r"was computed under no_grad\(\) or inference_mode\(\)"),
        (lambda x: x.argmax().float() * 2, "an operation without a derivative"),
        (lambda x: (x > 0).float(), "an operation without a derivative"),
        (lambda x: x.max(0).indices.float(), "computed from integers"),
        (lambda x: x.long().float() + 1, "a cast to integers has no gradient"),
        (lambda x: x.detach() * 3, r"cut off from its history by detach\(\) or \.data"),
        (lambda x: x.data.exp(), r"cut off from its history by detach\(\) or \.data"),
        (lambda x: mt.cat([mt.ones(2), x.detach()]), "cut off from its history"),
    ],
)
def test_why_there_is_no_gradient(make, hint):
    sentence = r"element 0 of tensors does not require grad and does not have a grad_fn\. Hint: .*"
    with pytest.raises(RuntimeError, match=sentence + hint):
        make(leaf()).sum().backward()


def test_reasons_do_not_stick_to_what_is_recorded():
    x = leaf()
    with mt.no_grad():
        w = (x * 2).requires_grad_()
    (w * x.detach()).sum().backward()
    assert mt.equal(w.grad, mt.ones(2))


def test_who_changed_what_was_kept():
    x = leaf()
    y = x.exp()
    y.add_(1)
    with pytest.raises(
        RuntimeError, match=r"\[torch.FloatTensor \[2\]\], which is output 0 of Exp.*"
    ) as caught:
        y.sum().backward()
    text = str(caught.value)
    assert "ExpBackward0 kept this tensor" in text and "add_() changed it 1 time" in text
    y = leaf() * 2
    z = y * y
    y[0] = 3
    y.mul_(2)
    with pytest.raises(RuntimeError, match=r"mul_\(\) changed it \(the last of 2 writes\)"):
        z.sum().backward()


@pytest.mark.parametrize(
    ("call", "note"),
    [
        (lambda: mt.ones(2, 3) + mt.ones(4), "in add(self: float32 [2, 3], other: float32 [4])"),
        (lambda: mt.ones(2, 3) @ mt.ones(2, 3), "in matmul(self: float32 [2, 3], other: float32 [2, 3])"),
        (
            lambda: mt.cat([mt.ones(2, 3), mt.ones(3, 2)]),
            "in cat(tensors: (float32 [2, 3], float32 [3, 2]))",
        ),
        (
            lambda: mt.cat([mt.ones(2, 3)] * 7 + [mt.ones(3, 2)]),
            f"in cat(tensors: ({', '.join(['float32 [2, 3]'] * 6)}, ...))",
        ),
        (lambda: leaf().add_(1.5), "in add_(self: float32 [2], other: 1.5)"),
        (
            lambda: F.linear(mt.ones(2, 3), mt.ones(4, 5)),
            "in linear(input: float32 [2, 3], weight: float32 [4, 5])",
        ),
        (
            lambda: mt.rand(2, dtype=mt.int64),
            "in rand(). Its numbers are floating point: take randint() for integers",
        ),
        (
            lambda: F.softmax(mt.ones(2, dtype=mt.int64), 0),
            "in softmax(input: int64 [2]). It does not take this type: convert with .float()",
        ),
    ],
)
def test_what_was_given(call, note):
    assert notes(call)[0] == note


def test_the_layer_follows_the_operator():
    model = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(30, 64)))
    found = notes(lambda: model(mt.ones(7, 29)))
    assert found == [
        "in linear(input: float32 [7, 29], weight: float32 [64, 30], bias: float32 [64])",
        "in Sequential[1][0]: Linear(in_features=30, out_features=64, bias=True)",
    ]


def test_teaching_makes_errors_of_warnings():
    a, b = mt.ones(3, 1), mt.ones(3)
    with pytest.warns(UserWarning, match="Using a target size"):
        F.mse_loss(a, b)
    with mt.teaching(), pytest.raises(ValueError, match="Using a target size"):
        F.mse_loss(a, b)
    mt.teaching(True)
    with mt.teaching(False), warnings.catch_warnings(record=True):
        F.l1_loss(a, b)
    with pytest.raises(ValueError, match="broadcasting"):
        F.smooth_l1_loss(a, b)
    mt.teaching(False)


def test_an_unknown_processor_is_told():
    def said(choice):
        run = subprocess.run(
            [sys.executable, "-c", "import minitorch; print(minitorch._C._cpu_capability())"],
            env={**os.environ, "MINITORCH_CPU": choice},
            capture_output=True,
            text=True,
        )
        return run.stdout, run.stderr

    out, err = said("bogus")
    assert (
        "RuntimeWarning: MINITORCH_CPU=bogus is unknown here" in err
        and f"minitorch uses {out.strip()}" in err
    )
    assert "Warning" not in said("")[1]
    if platform.machine() == "x86_64":
        assert said("baseline") == ("baseline\n", "")


def test_a_sum_of_losses_is_told_once():
    program = """if True:
        import warnings
        import minitorch as mt

        def epoch(steps, total):
            w = mt.ones(1, requires_grad=True)
            for _ in range(steps):
                loss = (w * 2).sum()
                loss.backward()
                total = total + loss
            return total

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loss = (mt.ones(1, requires_grad=True) * 2).sum()
            loss.backward()
            for _ in range(12000):
                shown = loss * 100
            doubled = loss + loss
            for _ in range(20):
                doubled = doubled + doubled
            assert not caught
            total = epoch(9000, 0)
            assert not caught
            total = epoch(3000, total)
            assert len(caught) == 1, caught
            epoch(12000, 0)
            assert len(caught) == 1
            print(caught[0].message)
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.startswith("10000 results whose backward() is done hang on one tensor"), run.stderr


def test_a_long_product_hears_ctrl_c():
    """In pieces of 2 ** 33 products, however big it is; the pieces give what the whole gives."""
    program = """if True:
        import os, signal, threading
        import minitorch as mt
        signal.signal(signal.SIGINT, signal.default_int_handler)
        x = mt.ones(6000, 4000)
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            y = x @ x[:4000].t()
            y = x.t() @ (y @ x[:4000])
            print("never")
        except KeyboardInterrupt:
            print("heard")
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert run.stdout == "heard\n", run.stderr
    x, y = mt.randn(3000, 2000), mt.randn(2000, 2500)
    assert mt.equal(x @ y, mt.cat([x[:500] @ y, x[500:] @ y]))
