"""PyTorch, for the tests here that compare with it."""

import pytest


@pytest.fixture(scope="session")
def pytorch():
    """The real PyTorch, to show that our answers and the recorded ones are its answers."""
    return pytest.importorskip("torch", reason="PyTorch is not installed: compared with the records only")
