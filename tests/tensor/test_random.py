"""Generator objects and seeding; the numbers themselves are tested in tests/test_random_streams.py."""

import numpy as np
import pytest

import minitorch


def test_a_pickled_generator_goes_on_where_it_was():
    import pickle

    g = minitorch.Generator().manual_seed(1)
    minitorch.rand(3, generator=g)
    h = pickle.loads(pickle.dumps(g))
    assert minitorch.rand(5, generator=g).tolist() == minitorch.rand(5, generator=h).tolist()
    assert np.array_equal(g.get_state().numpy(), h.get_state().numpy())


def test_state_travels_between_the_libraries(pytorch):
    g, h = minitorch.Generator().manual_seed(7), pytorch.Generator()
    minitorch.rand(10, generator=g)
    h.set_state(pytorch.from_numpy(g.get_state().numpy()))
    assert minitorch.rand(5, generator=g).tolist() == pytorch.rand(5, generator=h).tolist()


def test_only_bytes_make_a_state():
    with pytest.raises(TypeError, match="RNG state must be a torch.ByteTensor"):
        minitorch.set_rng_state(minitorch.zeros(5056))
