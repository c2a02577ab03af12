"""Other devices than the CPU: they can be asked for, and are not there."""

import pytest

import minitorch


def test_questions_are_answered():
    assert not minitorch.cuda.is_available() and minitorch.cuda.device_count() == 0
    assert not minitorch.backends.mps.is_available() and not minitorch.backends.cudnn.is_available()
    assert minitorch.cuda.manual_seed_all(0) is None and minitorch.cuda.max_memory_allocated() == 0
    minitorch.backends.cudnn.deterministic = True


@pytest.mark.parametrize(
    "use",
    [
        lambda: minitorch.cuda.synchronize(),
        lambda: minitorch.cuda.get_device_name(0),
        lambda: minitorch.zeros(2, device="cuda"),
        lambda: minitorch.zeros(2).cuda(),
        lambda: minitorch.zeros(2).to("cuda:0"),
        lambda: minitorch.tensor([1.0], device=minitorch.device("cuda")),
    ],
)
def test_use_raises(use):
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        use()


def test_names_that_exist_nowhere():
    with pytest.raises(AttributeError):
        minitorch.cuda.no_such_name  # noqa: B018


def test_the_default_device():
    minitorch.set_default_device("cpu")
    assert minitorch.get_default_device() == minitorch.device("cpu")
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        minitorch.set_default_device("cuda")
