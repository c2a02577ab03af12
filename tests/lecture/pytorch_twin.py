"""Runs a test file once more with PyTorch in minitorch's place: what it asserts must hold there too."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest


def pytorch():
    """PyTorch, or the reason why this test is skipped."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed: nothing to compare with")
    import torch

    return torch


def passes_on_pytorch(file: str) -> None:
    """Execute the file with ``minitorch`` read as ``torch``, and all tests but the one that calls this."""
    pytorch()
    source = Path(file).read_text().replace("minitorch.lecture", "MINITORCH.lecture")
    source = source.replace("minitorch", "torch").replace("MINITORCH", "minitorch")
    twin = types.ModuleType(Path(file).stem + "_on_pytorch")
    twin.__file__ = file
    sys.modules[twin.__name__] = twin
    exec(compile(source, file, "exec"), twin.__dict__)
    for name, test in list(vars(twin).items()):
        if name.startswith("test_") and name != "test_pytorch_agrees":
            test()
