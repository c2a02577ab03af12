"""What holds for the whole run, and PyTorch as tests of its digits need it.

A shell starts what it puts in the background deaf to Ctrl-C, and its children inherit that; tests that send
SIGINT would wait for ever then.
"""

import signal

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def amd():
    """Is the processor AMD's? MKL takes other steps there."""
    try:
        with open("/proc/cpuinfo") as f:
            return "AuthenticAMD" in f.read()
    except OSError:
        return False


@pytest.fixture(params=[1, 3])
def threads(request):
    """The test on one thread and on three, which is to make no difference."""
    import minitorch

    before = minitorch.get_num_threads()
    minitorch.set_num_threads(request.param)
    yield request.param
    minitorch.set_num_threads(before)


@pytest.fixture
def pytorch():
    """PyTorch on one thread: with two, sums and products are cut in two and added up otherwise."""
    library = pytest.importorskip("torch")
    threads = library.get_num_threads()
    library.set_num_threads(1)
    yield library
    library.set_num_threads(threads)


@pytest.fixture
def pytorch_avx512(pytorch):
    if pytorch.backends.cpu.get_cpu_capability() != "AVX512":
        pytest.skip("the digits are those of PyTorch with AVX-512")
    return pytorch


@pytest.fixture
def pytorch_amd(pytorch_avx512, amd):
    if not amd or not pytorch_avx512.backends.mkl.is_available():
        pytest.skip("the digits are those of MKL on AMD's processors with AVX-512")
    return pytorch_avx512
