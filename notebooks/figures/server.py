"""The playground's kernel: a small HTTP server on 127.0.0.1 that trains with minitorch what the page asks
for.

The page sends points, net and optimizer once (``/start``), and asks again and again for some milliseconds
of training (``/train``), which return the weights. Only who knows the address can ask: it has a random
part. The server needs nothing but the standard library, and ends with the kernel. Read ``js/playground.js``
next.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import minitorch as torch
from minitorch import nn
from minitorch.utils.data import DataLoader, TensorDataset

from .base import flat

ACTIVATIONS = {"linear": nn.Identity, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
OPTIMIZERS = {
    "SGD": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr),
    "momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
    "Adam": lambda parameters, lr: torch.optim.Adam(parameters, lr=lr),
}
MOST_BYTES, MOST_NEURONS, MOST_LAYERS, MOST_POINTS = 1_000_000, 64, 8, 5000


class Training:
    """A net in training, as the page describes it.

    Args:
        asked: ``points`` [[x1, x2, label], ...], ``sizes``, ``hidden`` (activation), ``optimizer``, ``rate``,
            ``batch`` and ``weights``, a list as ``base.flat`` gives it.

    Raises:
        ValueError: something asked for is not there, or too large.
    """

    def __init__(self, asked: dict):
        sizes, points = [int(n) for n in asked["sizes"]], asked["points"]
        if not (2 <= len(sizes) <= MOST_LAYERS and all(1 <= n <= MOST_NEURONS for n in sizes)):
            raise ValueError(f"sizes {sizes}: at most {MOST_LAYERS} layers of {MOST_NEURONS}")
        if sizes[0] != 2 or sizes[-1] != 1 or not 1 <= len(points) <= MOST_POINTS:
            raise ValueError(f"2 inputs, 1 output and at most {MOST_POINTS} points")
        data = torch.tensor(points, dtype=torch.float32)
        self.model = network(sizes, ACTIVATIONS[asked["hidden"]])
        load(self.model, asked["weights"])
        self.optimizer = OPTIMIZERS[asked["optimizer"]](self.model.parameters(), float(asked["rate"]))
        # a generator of its own, for the same reason as in Given
        generator = torch.Generator().manual_seed(0)
        dataset = TensorDataset(data[:, :2].contiguous(), data[:, 2:].contiguous())
        self.loader = DataLoader(dataset, int(asked["batch"]), shuffle=True, generator=generator)
        self.loss = nn.BCEWithLogitsLoss()
        self.batches = iter(self.loader)
        self.lock = threading.Lock()

    def train(self, seconds: float, most: int = 1 << 30) -> dict:
        """Train for about so long, or so many steps; returns the steps made, the time they took and the
        weights."""
        with self.lock:
            steps, start = 0, time.perf_counter()
            while time.perf_counter() - start < seconds:
                for inputs, labels in self.batches:
                    self.optimizer.zero_grad()
                    self.loss(self.model(inputs), labels).backward()
                    self.optimizer.step()
                    steps += 1
                    if steps >= most or (steps % 16 == 0 and time.perf_counter() - start >= seconds):
                        break
                else:
                    self.batches = iter(self.loader)
                if steps >= most:
                    break
            return {
                "steps": steps,
                "seconds": time.perf_counter() - start,
                "weights": flat(self.model, 6),
            }


class Given(nn.Linear):
    """A linear layer that draws no weights: they are the page's, and the notebook's random numbers are left
    alone."""

    def reset_parameters(self) -> None:
        pass


def network(sizes, activation) -> nn.Sequential:
    """Linear layers with the activation between them; the sigmoid at the end is the loss function's."""
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [Given(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])


def load(model, weights) -> None:
    """Give a net the weights that stand in one list, as ``base.flat`` puts them there."""
    at = 0
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                n = layer.weight.numel()
                matrix = torch.tensor(weights[at : at + n], dtype=torch.float32)
                layer.weight.copy_(matrix.reshape(layer.in_features, layer.out_features).t())
                at += n + layer.out_features
                layer.bias.copy_(torch.tensor(weights[at - layer.out_features : at], dtype=torch.float32))
    if at != len(weights):
        raise ValueError(f"{len(weights)} weights for a net of {at}")


class Server:
    """The serving, in a thread of its own; ``close()`` ends it."""

    def __init__(self):
        token, trainings = secrets.token_urlsafe(16), {}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                try:
                    size = int(self.headers.get("Content-Length", 0))
                    if not self.path.startswith(f"/{token}/") or size > MOST_BYTES:
                        return self.answer(404, {"error": "nothing is served here"})
                    asked = json.loads(self.rfile.read(size))
                    if self.path.endswith("/start"):
                        trainings["now"] = Training(asked)
                        return self.answer(200, {"version": torch.__version__})
                    seconds, most = min(1.0, float(asked["seconds"])), int(asked.get("steps", 1 << 30))
                    self.answer(200, trainings["now"].train(seconds, most))
                except (KeyError, TypeError, ValueError, RuntimeError) as error:
                    self.answer(400, {"error": f"{type(error).__name__}: {error}"})

            def do_OPTIONS(self):
                self.answer(200, {})

            def answer(self, status: int, content: dict) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                # the page stands in a frame of the notebook, whose address is another one
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Access-Control-Allow-Private-Network", "true")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.http.server_port}/{token}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __repr__(self) -> str:
        return "the playground's server on 127.0.0.1; close() ends it"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


_running: list[Server] = []


def serve() -> Server:
    """Start serving, and end a serving started before: one playground is trained at a time."""
    while _running:
        _running.pop().close()
    _running.append(Server())
    return _running[-1]
