"""The lecture's nets, epoch by epoch: PyTorch's weights and shuffles bit for bit, its losses within 1e-5.

Every net with SGD and with Adam, three seeds; against stored values, and PyTorch where it is installed.
"""

import lecture_nets
import pytest
from pytorch_twin import pytorch

import minitorch

RUNS = dict(lecture_nets.runs())


@pytest.fixture(scope="module")
def stored():
    return lecture_nets.stored()


@pytest.fixture(scope="module")
def ours():
    """Results of minitorch, each run trained once."""
    results = {}

    def result(name):
        if name not in results:
            results[name] = lecture_nets.train(minitorch, *RUNS[name])
        return results[name]

    return result


def test_every_run_is_stored(stored):
    assert list(stored) == list(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_stored_values(name, ours, stored):
    result, expected = ours(name), stored[name]
    assert result["weights"] == expected["weights"], "initial weights"
    assert result["shuffles"] == expected["shuffles"], "order of the points"
    assert result["losses"] == pytest.approx(expected["losses"], rel=1e-5)


@pytest.mark.parametrize("name", [name for name in RUNS if name.endswith("seed 0")])
def test_pytorch_beside_it(name, ours):
    result, expected = ours(name), lecture_nets.train(pytorch(), *RUNS[name])
    assert result["weights"] == expected["weights"], "initial weights"
    assert result["shuffles"] == expected["shuffles"], "order of the points"
    assert result["losses"] == pytest.approx(expected["losses"], rel=1e-5)
