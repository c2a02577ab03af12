"""Logs of PyTorch's compiler, which is not here: settings are accepted.

Source: https://docs.pytorch.org/docs/stable/logging.html
"""

from __future__ import annotations

from typing import Any

__all__ = ["set_logs"]


def set_logs(**settings: Any) -> None:
    """Nothing: there are no such logs."""
