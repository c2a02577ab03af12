"""Nothing stays of loaders with workers: as many as one likes with ``python tests/loader_endurance.py``."""

import os

import pytest
from loader_endurance import left_over


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_nothing_is_left_of_loaders():
    processes, opened = left_over(6)
    assert processes == [] and opened <= 0
