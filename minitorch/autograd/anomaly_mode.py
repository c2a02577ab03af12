"""Anomaly mode: where did the operation stand whose gradient failed?

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection
"""

import traceback
import warnings

from minitorch import _C

__all__ = ["detect_anomaly", "set_detect_anomaly"]


def _where():
    """The stack of the program, without this function."""
    return "".join(traceback.format_stack()[:-1])


class set_detect_anomaly:
    """Switches anomaly mode on or off, at once, and as a context manager for a while.

    In the mode every operation notes the lines of Python that called it. If its derivative fails later, or
    gives nan (check_nan), backward() warns with these lines and raises RuntimeError. It slows everything
    down: for looking for errors only.

    >>> import minitorch
    >>> x = minitorch.zeros(1, requires_grad=True)
    >>> with minitorch.autograd.set_detect_anomaly(True):
    ...     minitorch.is_anomaly_enabled()
    True

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.set_detect_anomaly
    """

    def __init__(self, mode, check_nan=True):
        self.before = _C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled()
        _C._set_anomaly(mode, check_nan)

    def __enter__(self):
        pass

    def __exit__(self, *args):
        _C._set_anomaly(*self.before)


class detect_anomaly:
    """Context manager: anomaly mode, see :func:`set_detect_anomaly`.

    >>> import minitorch
    >>> x = minitorch.zeros(1, requires_grad=True)
    >>> with minitorch.autograd.detect_anomaly():
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.detect_anomaly
    """

    def __init__(self, check_nan=True):
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self):
        self.before = _C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled()
        _C._set_anomaly(True, self.check_nan)

    def __exit__(self, *args):
        _C._set_anomaly(*self.before)
