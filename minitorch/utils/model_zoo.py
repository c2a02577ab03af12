"""Downloading of weights by its older name; see minitorch/hub.py.

Source: https://docs.pytorch.org/docs/stable/model_zoo.html
"""

from minitorch.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]
