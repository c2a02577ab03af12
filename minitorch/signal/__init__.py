"""Signal processing: windows.

Source: https://docs.pytorch.org/docs/2.13/signal.html
"""

from minitorch.signal import windows

__all__ = ["windows"]
