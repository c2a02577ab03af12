"""What random operators refuse: the exception's type and first sentence, ours and PyTorch's.

What breaks here when C is wrong: the checks of csrc/ops/random*.c, csrc/tensor/sample.c and
csrc/python/py_random.c. The numbers themselves are in test_random_streams.py.
"""

import pytest

import minitorch as mt

NAN, INF = float("nan"), float("inf")
MASK_TEXT = "Expected p_in >= 0 && p_in <= 1 to be true, but got false."
WEIGHT_TEXT = "probability tensor contains either `inf`, `nan` or element < 0"
OVERLAP_TEXT = "unsupported operation: more than one element of the written-to tensor refers to a single"

ERRORS = {
    # factories
    "rand(-1)": (RuntimeError, "Trying to create tensor with negative dimension -1: [-1]"),
    "rand(2, dtype=t.int64)": (NotImplementedError, "\"check_uniform_bounds\" not implemented for 'Long'"),
    "randn(2, dtype=t.int64)": (NotImplementedError, "\"normal_kernel_cpu\" not implemented for 'Long'"),
    "rand_like(t.ones(2, dtype=t.bool))": (
        NotImplementedError,
        "\"check_uniform_bounds\" not implemented for 'Bool'",
    ),
    "rand(2**62, 8)": (
        RuntimeError,
        "Storage size calculation overflowed with sizes=[4611686018427387904, 8]",
    ),
    "randint(3, 3, (2,))": (
        RuntimeError,
        "random_ expects 'from' to be less than 'to', but got from=3 >= to=3",
    ),
    "randint(0, 300, (2,), dtype=t.uint8)": (RuntimeError, "to - 1 is out of bounds for unsigned char"),
    "randint(-1, 3, (2,), dtype=t.uint8)": (RuntimeError, "from is out of bounds for unsigned char"),
    "randint(0, 3, (2,), dtype=t.bool)": (RuntimeError, "to - 1 is out of bounds for bool"),
    "randint(2**63, (2,))": (ValueError, "Overflow when unpacking long long"),
    "randint(0, 3, (2,), requires_grad=True)": (
        RuntimeError,
        "Only Tensors of floating point and complex dtype can require gradients",
    ),
    "randperm(-1)": (RuntimeError, "Trying to create tensor with negative dimension -1: [-1]"),
    "randperm(257, dtype=t.uint8)": (
        RuntimeError,
        "value cannot be converted to type uint8_t without overflow",
    ),
    "randperm(129, dtype=t.int8)": (
        RuntimeError,
        "value cannot be converted to type int8_t without overflow",
    ),
    "randperm(2**24 + 2, dtype=t.float32)": (
        RuntimeError,
        "n cannot be greater than 2^24+1 for Float type.",
    ),
    "randperm(2, dtype=t.bool)": (NotImplementedError, "\"randperm\" not implemented for 'Bool'"),
    "normal(t.ones(2), t.ones(3))": (
        RuntimeError,
        "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0",
    ),
    "normal(t.ones(2), -t.ones(2))": (RuntimeError, "normal expects all elements of std >= 0.0"),
    "normal(1.0, -t.ones(2))": (RuntimeError, "normal expects all elements of std >= 0.0"),
    "normal(t.ones(2), -1.0)": (RuntimeError, "normal expects std >= 0.0, but found std -1"),
    "normal(1.0, -1.5, (2,))": (RuntimeError, "normal expects std >= 0.0, but found std -1.5"),
    # in place
    "ones(2, dtype=t.int64).uniform_()": (
        NotImplementedError,
        "\"check_uniform_bounds\" not implemented for 'Long'",
    ),
    "ones(2).uniform_(2, 1)": (
        RuntimeError,
        "uniform_ expects to return a [from, to) range, but found from=2 > to=1",
    ),
    "ones(2).uniform_(0, 1e300)": (RuntimeError, "to is out of bounds for float"),
    "ones(2).uniform_(NAN, 1)": (RuntimeError, "from is out of bounds for float"),
    "ones(2, dtype=t.float64).uniform_(-INF, 0)": (RuntimeError, "from is out of bounds for double"),
    "ones(2).uniform_(-3e38, 3e38)": (
        RuntimeError,
        "uniform_ expects to-from <= std::numeric_limits<Float>::max(), but found to=3e+38 and from=-3e+38 "
        "which result in to-from to exceed the limit",
    ),
    "ones(2).normal_(0, NAN)": (RuntimeError, "normal expects std >= 0.0, but found std nan"),
    "ones(2, dtype=t.int64).log_normal_()": (
        NotImplementedError,
        "\"log_normal_cpu\" not implemented for 'Long'",
    ),
    "ones(2).log_normal_(0, 0)": (RuntimeError, "log_normal_ expects std > 0.0, but found std=0"),
    "ones(2).random_(0)": (
        RuntimeError,
        "random_ expects 'from' to be less than 'to', but got from=0 >= to=0",
    ),
    "ones(2, dtype=t.int8).random_(-200, 5)": (RuntimeError, "from is out of bounds for signed char"),
    "ones(2, dtype=t.int16).random_(-(2**31), 5)": (RuntimeError, "from is out of bounds for short int"),
    "ones(2, dtype=t.uint8).random_(-(2**63), None)": (
        RuntimeError,
        "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16",
    ),
    "ones(2).random_(2**24, None)": (
        RuntimeError,
        "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, "
        "but got from=16777216 > to_inc=16777216",
    ),
    "ones(2, dtype=t.int64).exponential_()": (
        RuntimeError,
        "Exponential distribution is a continuous probability distribution. dtype must be a floating point "
        "but you specified Long",
    ),
    "ones(2).exponential_(0)": (RuntimeError, "exponential_ expects lambda > 0.0, but found lambda=0"),
    "ones(2, dtype=t.int64).cauchy_()": (
        RuntimeError,
        "Cauchy distribution is a continuous probability distribution. dtype must be a floating point "
        "but you specified long int",
    ),
    "ones(2).cauchy_(0, -1)": (RuntimeError, "cauchy_ expects sigma > 0.0, but found sigma=-1"),
    "ones(2).geometric_(1)": (RuntimeError, "geometric_ expects p to be in (0, 1), but got p=1"),
    "ones(2, dtype=t.bool).geometric_(0.5)": (
        NotImplementedError,
        "\"geometric_cpu\" not implemented for 'Bool'",
    ),
    "ones(3).expand(2, 3).normal_()": (RuntimeError, OVERLAP_TEXT),
    "ones(3).expand(2, 3).bernoulli_()": (RuntimeError, OVERLAP_TEXT),
    # Bernoulli
    "ones(2).bernoulli_(1.5)": (RuntimeError, "bernoulli_ expects p to be in [0, 1], but got p=1.5"),
    "ones(2).bernoulli_(NAN)": (RuntimeError, "bernoulli_ expects p to be in [0, 1], but got p=nan"),
    "ones(2).bernoulli_(t.tensor([0.5, 1.5]))": (RuntimeError, MASK_TEXT),
    "ones(2).bernoulli_(t.tensor([1, 1]))": (
        NotImplementedError,
        "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'",
    ),
    "ones(2).bernoulli_(t.ones(3) / 2)": (
        RuntimeError,
        "The expanded size of the tensor (2) must match the existing size (3) at non-singleton dimension 0.  "
        "Target sizes: [2].  Tensor sizes: [3]",
    ),
    "ones(2).bernoulli_(t.ones(2, 2) / 2)": (
        RuntimeError,
        "expand(torch.FloatTensor{[2, 2]}, size=[2]): the number of sizes provided (1) must be greater or "
        "equal to the number of dimensions in the tensor (2)",
    ),
    "bernoulli(t.ones(2) * 2)": (RuntimeError, MASK_TEXT),
    "bernoulli(t.ones(2, dtype=t.int64))": (
        NotImplementedError,
        "\"bernoulli_tensor_cpu_p_\" not implemented for 'Long'",
    ),
    # multinomial
    "multinomial(t.ones(3), 4)": (
        RuntimeError,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement",
    ),
    "multinomial(t.ones(3), 0)": (RuntimeError, "cannot sample n_sample <= 0 samples"),
    "multinomial(t.ones(3, dtype=t.int64), 1)": (
        RuntimeError,
        "multinomial only supports floating-point dtypes for input, got: Long",
    ),
    "multinomial(t.ones(3, 2, 2), 1)": (RuntimeError, "prob_dist must be 1 or 2 dim"),
    "multinomial(t.tensor([1.0, -1]), 1)": (RuntimeError, WEIGHT_TEXT),
    "multinomial(t.tensor([1.0, NAN]), 1)": (RuntimeError, WEIGHT_TEXT),
    "multinomial(t.tensor([1.0, INF]), 1, True)": (RuntimeError, WEIGHT_TEXT),
    "multinomial(t.tensor([1.0, INF]), 3, True)": (
        RuntimeError,
        "invalid multinomial distribution (encountering probability entry = infinity or NaN)",
    ),
    "multinomial(t.tensor([1.0, -1]), 3, True)": (
        RuntimeError,
        "invalid multinomial distribution (encountering probability entry < 0)",
    ),
    "multinomial(t.tensor([[0.0, 0], [1, 1]]), 2)": (
        RuntimeError,
        "invalid multinomial distribution (sum of probabilities <= 0)",
    ),
    "multinomial(t.ones(3), 1, out=t.empty(0))": (
        RuntimeError,
        "multinomial expects Long tensor out, got: Float",
    ),
    # dropout
    "nn.functional.dropout(t.ones(2), 1.5)": (
        ValueError,
        "dropout probability has to be between 0 and 1, but got 1.5",
    ),
    "nn.functional.dropout(t.ones(2), -0.1)": (
        ValueError,
        "dropout probability has to be between 0 and 1, but got -0.1",
    ),
    "nn.functional.dropout(t.ones(2, dtype=t.int64), 0.5)": (
        RuntimeError,
        "result type Float can't be cast to the desired output type Long",
    ),
    # generators
    "Generator().set_state(t.zeros(3, dtype=t.uint8))": (
        RuntimeError,
        "Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to be 3",
    ),
    "Generator().set_state(t.zeros(5056))": (TypeError, "RNG state must be a torch.ByteTensor"),
    "Generator().set_state(t.zeros(5056, dtype=t.uint8))": (RuntimeError, "Invalid mt19937 state"),
    "set_rng_state(5)": (TypeError, "expected a torch.ByteTensor, but got int"),
    "Generator().manual_seed(2.5)": (RuntimeError, "manual_seed expected a long, but got float"),
    "Generator().manual_seed(True)": (RuntimeError, "manual_seed expected a long, but got bool"),
    "Generator().manual_seed('a')": (RuntimeError, "manual_seed expected a long, but got str"),
    "Generator().manual_seed(2**64)": (ValueError, "Overflow when unpacking long long"),
    "manual_seed(-(2**63) - 1)": (ValueError, "Overflow when unpacking long long"),
    "manual_seed('a')": (ValueError, "invalid literal for int() with base 10: 'a'"),
    "multinomial(t.ones(2), 1, generator=3)": (
        TypeError,
        "multinomial(): argument 'generator' must be torch.Generator, not int",
    ),
}


def raised(t, text):
    """The exception that `t.text` raises in module t."""
    with pytest.raises(Exception) as caught:
        eval("t." + text, {"t": t, "NAN": NAN, "INF": INF})
    return caught.value


@pytest.mark.parametrize("text", ERRORS)
def test_error(text):
    kind, want = ERRORS[text]
    error = raised(mt, text)
    assert isinstance(error, kind)
    assert str(error).startswith(want)


@pytest.mark.parametrize("text", ERRORS)
def test_error_is_that_of_torch(text):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    kind, want = ERRORS[text]
    error = raised(torch, text)
    assert isinstance(error, kind)
    assert str(error).startswith(want)
