"""Makes the files beside it; run with PyTorch 2.13 in their folder.

What they hold is said again in test_serialization.py.
"""

from collections import OrderedDict

import torch


def contents(t):
    """Every kind of thing that a file of data may hold."""
    base = t.arange(12.0).reshape(3, 4)
    noted = t.nn.Parameter(t.ones(2))
    noted.note = [1]
    return {
        "base": base,
        "view": base[1:].t(),
        "plain": [1, 2.5, None, True, "é", (1, 2, 3, 4), -5, 70000, 2**40, b"ab\xff", {1, 2}, 1 + 2j],
        "empty": t.zeros(0, 3),
        "dtype": t.float32,
        "size": base.shape,
        "device": t.device("cpu"),
        "layout": t.strided,
        "types": [t.tensor([0, 1, 1]).to(getattr(t, d)) for d in DTYPES],
        "ordered": OrderedDict(a=1),
        "parameters": [t.nn.Parameter(t.ones(2)), t.nn.Parameter(t.ones(2), requires_grad=False), noted],
        "leaf": t.ones(1, requires_grad=True),
        3: {(1, "x"): bytearray(b"x\xff")},
    }


DTYPES = "uint8 int8 int16 int32 int64 float32 float64 bool".split()


def training(t):
    """A small net with Adam after one step."""
    t.manual_seed(0)
    net = t.nn.Sequential(t.nn.Linear(2, 3), t.nn.Tanh(), t.nn.Linear(3, 1))
    adam = t.optim.Adam(net.parameters())
    net(t.ones(4, 2)).sum().backward()
    adam.step()
    return {"model": net.state_dict(), "optimizer": adam.state_dict()}


if __name__ == "__main__":
    torch.save(contents(torch), "contents.pt")
    torch.save(training(torch), "training.pt")
    torch.save(torch.ones(2), "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save([torch.ones(2, dtype=torch.bfloat16)], "bfloat16.pt")
