"""Where the time goes: minitorch.profiler, autograd.profiler, utils.benchmark."""

import gzip
import json
import pickle
import threading

import pytest

import minitorch as mt
from minitorch import nn
from minitorch.profiler import ProfilerActivity, profile, record_function, schedule
from minitorch.utils.benchmark import Compare, Language, Measurement, Timer


def small_step():
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    optimizer = mt.optim.Adam(net.parameters())
    loss = nn.functional.cross_entropy(net(mt.ones(5, 4)), mt.tensor([0, 1, 0, 1, 0]))
    loss.backward()
    optimizer.step()


def test_operators_rules_blocks_and_optimizers_are_seen():
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True) as prof:
        with record_function("block"):
            small_step()
    by_name = {e.key: e for e in prof.key_averages()}
    assert by_name["aten::linear"].count == 2 and by_name["AddmmBackward0"].count == 2
    assert by_name["Optimizer.step#Adam.step"].count == by_name["LogSoftmaxBackward0"].count == 1
    block = prof.events()[0]
    assert block.name == "block" and block.cpu_parent is None and block.is_user_annotation
    assert block.cpu_time_total >= sum(child.cpu_time_total for child in block.cpu_children) > 0
    parents = {e.name: e.cpu_parent.name for e in prof.events() if e.cpu_parent}
    assert parents["aten::log_softmax"] == "aten::cross_entropy"
    shapes = [e.input_shapes for e in prof.events() if e.name == "aten::linear"]
    assert shapes == [[[5, 4], [3, 4], [3]], [[5, 3], [2, 3], [2]]]
    split = prof.key_averages(group_by_input_shape=True)
    assert sum(e.key == "aten::linear" for e in split) == 2


def test_times_add_up():
    with profile() as prof:
        small_step()
    events, sums = prof.events(), prof.key_averages()
    top = sum(e.cpu_time_total for e in events if e.cpu_parent is None)
    assert events.self_cpu_time_total == pytest.approx(top)
    assert (
        sums.self_cpu_time_total
        == pytest.approx(top)
        == pytest.approx(sums.total_average().self_cpu_time_total)
    )
    assert all(e.time_range.start <= e.time_range.end for e in events)
    assert sums.total_average().count == len(events)


def test_memory_is_what_stays():
    with profile(profile_memory=True) as prof:
        x = mt.zeros(1000, 100)
        (x + 1).sum()
    zeros, add, _ = prof.events()
    assert 400_000 <= zeros.cpu_memory_usage < 410_000 and 400_000 <= add.cpu_memory_usage < 410_000
    assert zeros.self_cpu_memory_usage == zeros.cpu_memory_usage
    assert "390.8" in prof.key_averages().table(sort_by="cpu_memory_usage")


def test_the_table():
    with profile() as prof:
        small_step()
    text = prof.key_averages().table(sort_by="count", row_limit=3, header="here", max_name_column_width=12)
    lines = text.splitlines()
    assert lines[1] == "here" and lines[3].split()[:4] == ["Name", "Self", "CPU", "%"]
    assert lines[-1].startswith("Self CPU time total: ") and len(lines) == 10
    counts = [int(line.split()[-1]) for line in lines[5:8]]
    assert counts == sorted(counts, reverse=True) and any("..." in line for line in lines[5:8])
    assert "us" not in prof.key_averages().table(time_unit="ms").split("Calls")[1]
    top = prof.events().table(top_level_events_only=True, row_limit=-1)
    assert "aten::log_softmax" not in top and "aten::cross_entropy" in top
    assert "Calls" in str(prof) and "Calls" in str(prof.events())
    with pytest.raises(AttributeError):
        prof.key_averages().table(sort_by="beauty")
    with pytest.raises(ValueError, match="time_unit"):
        prof.key_averages().table(time_unit="h")


def test_a_schedule():
    seen = []

    def ready(prof):
        seen.append((prof.step_num, [e.name for e in prof.events() if e.name.startswith("ProfilerStep")]))

    plan = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=plan, on_trace_ready=ready) as prof:
        for _ in range(12):
            mt.ones(2)
            prof.step()
    assert seen == [
        (5, ["ProfilerStep#3", "ProfilerStep#4"]),
        (9, ["ProfilerStep#7", "ProfilerStep#8"]),
    ]
    assert {e.key for e in prof.events()} == {"ProfilerStep*", "aten::ones"}
    with pytest.raises(AssertionError, match="Invalid profiler schedule"):
        schedule(wait=0, warmup=0, active=0)


def test_traces(tmp_path):
    handler = mt.profiler.tensorboard_trace_handler(str(tmp_path / "log"), "me")
    with profile(on_trace_ready=handler) as prof:
        small_step()
    (file,) = (tmp_path / "log").glob("me.*.pt.trace.json")
    events = json.loads(file.read_text())["traceEvents"]
    assert len(events) == len(prof.events()) and {e["ph"] for e in events} == {"X"}
    prof.export_chrome_trace(str(tmp_path / "t.json.gz"))
    with gzip.open(tmp_path / "t.json.gz") as packed:
        assert json.load(packed)["traceEvents"] == events


def test_errors_and_what_is_left_open():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), profile() as prof:
        with record_function("outer"):
            mt.ones(2, 3) @ mt.ones(2, 3)
    assert [e.name for e in prof.events()][0] == "outer" and prof.events()[0].cpu_time_total > 0
    with pytest.raises(AssertionError, match="has stopped"):
        profile().events()

    @record_function("named")
    def function():
        return mt.ones(1)

    assert function().item() == 1  # nobody profiles
    with profile() as prof:
        function()
    assert [e.name for e in prof.events()] == ["named", "aten::ones"]


def test_other_threads_are_not_seen_and_cannot_start():
    failed = []

    def work():
        mt.ones(2) + 1
        try:
            profile().start()
        except RuntimeError as error:
            failed.append(str(error))

    with profile() as prof:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(prof.events()) == 0 and failed == ["another thread is being profiled already"]


def test_gradients_are_the_same_under_a_profiler():
    def gradients():
        mt.manual_seed(0)
        net = nn.LSTM(3, 4)
        out, _ = net(mt.randn(5, 2, 3))
        out.pow(2).sum().backward()
        return [p.grad.tolist() for p in net.parameters()]

    plain = gradients()
    with profile(record_shapes=True):
        assert gradients() == plain


def test_the_older_profiler():
    with mt.autograd.profiler.profile(record_shapes=True) as prof:
        mt.ones(2) * 2
    assert [e.name for e in prof.function_events] == ["aten::ones", "aten::mul"]
    assert prof.self_cpu_time_total > 0 and "aten::mul" in prof.table() and prof.total_average().count == 2
    with mt.autograd.profiler.profile(enabled=False) as prof:
        mt.ones(2)
    assert prof.function_events is None


def test_timers():
    timer = Timer("y = x + 1", "x = mt.ones(n)", globals={"mt": mt, "n": 3}, label="add", sub_label="3")
    one = timer.timeit(50)
    assert one.number_per_run == 50 and len(one.times) == 1 and 0 < one.median == one.mean < 1
    many = timer.blocked_autorange(min_run_time=0.01)
    assert sum(many.raw_times) >= 0.01 and many.iqr >= 0 and "add: 3" in repr(many)
    assert "Median: 2.00 s" in repr(Measurement(2, [4.0, 2.0, 6.0], one.task_spec))
    assert timer.adaptive_autorange(max_run_time=0.05).median > 0
    assert "1 measurement, 50 runs, 1 thread" in repr(one)
    table = Compare([one, Timer("pass", label="add", description="nothing").timeit(10)])
    assert "nothing" in str(table) and str(table).startswith("[ add ]")
    assert Measurement(2, [4.0, 2.0, 6.0]).iqr == pytest.approx(1.0)
    with pytest.raises(NotImplementedError):
        Timer("x;", language="cpp")


INDENTED = """
        x = 1
        for _ in range(2):
            x += 1
    """


@pytest.mark.parametrize(
    "words",
    [
        {"stmt": "x + 1", "setup": "x = 3"},
        {
            "stmt": "x + 1",
            "setup": "x = 3",
            "label": "L",
            "sub_label": "S",
            "description": "D",
            "num_threads": 2,
        },
        {"stmt": INDENTED, "setup": INDENTED},
        {"stmt": INDENTED, "label": "L", "env": "E"},
        {"stmt": "1 + 1", "sub_label": "S"},
    ],
    ids=str,
)
def test_what_was_timed_is_told_as_in_pytorch(words):
    their = pytest.importorskip("torch.utils.benchmark", reason="compares with PyTorch")
    told = []
    for lib in (mt.utils.benchmark, their):
        m = lib.Measurement(10, [1.0], lib.Timer(**words)._task_spec)
        told.append((repr(m).split("\n", 1)[1].replace(" runs ,", " runs,"), m.title, m.as_row_name, m.env))
    assert told[0] == told[1]


def test_timers_take_indented_source():
    seen = []
    source = """
        for _ in range(2):
            y += 1
        seen.append(y)
    """
    timer = Timer(source, "\n    y = 1\n", globals={"seen": seen})
    spec = timer.timeit(3).task_spec
    assert seen[:2] == [3, 5]
    assert (spec.stmt, spec.setup) == ("for _ in range(2):\n    y += 1\nseen.append(y)", "y = 1")
    Timer("assert torch.ones(1).sum() == 1").timeit(1)


def test_measurements_can_be_pickled():
    timer = Timer("len(x)", globals={"x": [lambda: None]}, label="L")
    for m in (timer.timeit(10), timer.blocked_autorange(min_run_time=0.01), Measurement(2, [4.0])):
        again = pickle.loads(pickle.dumps(m))
        assert again == m and again.title == m.title and again.times == m.times
    assert timer.timeit(10) != Measurement(10, [1e9])


@pytest.mark.parametrize(
    "words, message",
    [
        ({"stmt": len}, "Currently only a `str` stmt is supported."),
        ({"language": "java"}, "Invalid language `java`."),
        (
            {"global_setup": "x"},
            "global_setup is C\\+\\+ only, got `x`. Most likely this code can simply be moved to",
        ),
    ],
)
def test_timers_refuse(words, message):
    with pytest.raises(ValueError, match=message):
        Timer(**words)
    assert Timer("pass", language=Language.PYTHON).timeit(1).number_per_run == 1
    with pytest.raises(NotImplementedError):
        Timer("pass", language=Language.CPP)


def test_exports_say_what_to_do():
    for call in (lambda: mt.onnx.export(None, ()), lambda: mt.export.export(None, ())):
        with pytest.raises(NotImplementedError, match="export it there"):
            call()
    mt._dynamo.reset()
    mt._dynamo.config.suppress_errors = True
    mt._logging.set_logs(dynamo=10)
    assert mt.autograd.ProfilerActivity is ProfilerActivity
