"""Depth, long runs, Ctrl-C, lack of memory. Breaks when something recurses, leaks or ignores a signal."""

import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

import minitorch as mt
from minitorch import _C, nn

DEEP = 1_000_000


def chain(n):
    """Built, differentiated and freed; the gradient of the first factor."""
    x = mt.ones(1, requires_grad=True)
    y = x
    for _ in range(n):
        y = y * 1
    y.sum().backward()
    return x.grad.item()


def test_a_million_operations():
    before = _C._live()[:2]
    assert chain(DEEP) == 1
    y = x = mt.ones(1, requires_grad=True)
    for _ in range(DEEP):
        y = y + 1
    del y  # freed without having been differentiated
    del x
    assert _C._live()[:2] == before


def test_on_a_small_stack():
    """A thread with what Python itself needs and little more."""
    found = []
    old = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(chain(DEEP // 5)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(old)
    assert found == [1]


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def training(optimizer="SGD"):
    mt.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())
    loss_fn, step = nn.MSELoss(), getattr(mt.optim, optimizer)(model.parameters(), lr=0.1)
    x, y = mt.randn(8, 2), mt.rand(8, 1)

    def one():
        step.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        step.step()
        return loss

    return one, model


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_flat_over_100_000_steps():
    one, _ = training()
    for _ in range(5_000):
        one()
    before, live = resident(), _C._live()
    for _ in range(100_000):
        one()
    assert _C._live() == live
    assert resident() - before < 2 * 2**20  # 20 bytes a step


BACKWARD = """
import minitorch as mt, time
x = mt.ones(1, requires_grad=True)
y = x
for _ in range(400_000):
    y = y * 1
def tell(g):
    print("backward", flush=True)
y.register_hook(tell)
try:
    for _ in range(1000):
        y.backward(retain_graph=True)
except KeyboardInterrupt:
    print("interrupted", time.time(), flush=True)
    x.grad = None
    mt.autograd.grad(x * 3, x)
    print("usable", flush=True)
"""

PRODUCT = """
import minitorch as mt, time
a = mt.ones(3000, 3000)
print("backward", flush=True)
try:
    while True:
        a.mm(a)
except KeyboardInterrupt:
    print("interrupted", time.time(), flush=True)
    print("usable", flush=True)
"""


@pytest.mark.parametrize("program", [BACKWARD, PRODUCT], ids=["backward", "product"])
def test_ctrl_c_is_answered(program):
    """Within 100 ms on a quiet machine; the bound leaves room for a busy one."""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "backward\n"
        time.sleep(0.05)
        sent = time.time()
        child.send_signal(signal.SIGINT)
        rest, _ = child.communicate(timeout=30)
    finally:
        child.kill()
    lines = [line.split() for line in rest.splitlines() if line != "backward"]
    assert [line[0] for line in lines] == ["interrupted", "usable"]
    assert float(lines[0][1]) - sent < 2


def test_other_threads_have_their_turn_in_a_long_backward():
    x = mt.ones(1, requires_grad=True)
    y = x
    for _ in range(DEEP):
        y = y + 1
    begun, stop, turns = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        while not stop.is_set():
            turns.append(1)
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    before = len(turns)
    for _ in range(10):
        y.backward(retain_graph=True)
    during = len(turns) - before
    stop.set()
    thread.join()
    assert during > 2, "a turn for the thread is rarer than one in three calls"


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_every_allocation_of_a_training_step_fails(optimizer):
    """Each gives MemoryError, and the next step is as if nothing had been."""
    one, model = training(optimizer)
    one()
    start = {k: v.clone() for k, v in model.state_dict().items()}

    def reset():
        with mt.no_grad():
            for name, value in model.state_dict().items():
                value.copy_(start[name])

    _C._fail_alloc_after(2**64 - 1)  # counts, and lets none fail
    one()
    count = _C._fail_alloc_after(0)
    reset()
    expected = one().item()
    failed = 0
    for n in range(1, count + 1):
        reset()
        _C._fail_alloc_after(n)
        try:
            one()
        except MemoryError:
            failed += 1
        finally:
            _C._fail_alloc_after(0)
        reset()
        assert one().item() == expected
    assert count > 10 and failed > count // 2
