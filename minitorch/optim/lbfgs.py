"""L-BFGS: a quasi-Newton method that remembers a few steps instead of a matrix.

All parameters are one vector here. The direction is the two-loop recursion of J. Nocedal and S. Wright,
"Numerical Optimization" (2nd ed., 2006), algorithm 7.4; the line search for the strong Wolfe conditions is
algorithms 3.5 and 3.6, with the cubic interpolation of equation 3.59 and the safeguards of M. Schmidt's
minFunc (2005), which PyTorch follows too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import minitorch

from .optimizer import Optimizer

__all__ = ["LBFGS"]

_SUFFICIENT = 1e-4  # c1 of the Wolfe conditions: how much of the promised decrease is enough
_FLATTER = 0.9  # c2: how much flatter the slope must have become
_ROUNDING = 1e-10  # a pair with less curvature is not remembered


class _Point(NamedTuple):
    """A place on the line: how far, the loss and the gradient there, and its slope along the line."""

    t: Any
    loss: float
    grad: Any
    slope: Any


def _cubic_minimum(a, b, bounds=None):
    """The minimum of the cubic through two points with their slopes, within bounds (default: between)."""
    low, high = bounds or sorted((a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if square < 0:
        return (low + high) / 2.0
    d2 = square.sqrt()
    if a.t > b.t:
        a, b = b, a
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, low), high)


class _LineSearch:
    """Looks along a line for a place where the strong Wolfe conditions hold.

    evaluate(t) is the point at t; start the one at 0; width the largest component of the direction; most
    how many trials there may be after the first.
    """

    def __init__(self, evaluate, start, width, tolerance, most):
        self._evaluate = evaluate
        self.start, self.width, self.tolerance = start, width, tolerance
        self.most = most
        self.evaluations = 0

    def evaluate(self, t):
        self.evaluations += 1
        return self._evaluate(t)

    def too_high(self, point):
        return point.loss > self.start.loss + _SUFFICIENT * point.t * self.start.slope

    def is_flat(self, point):
        return abs(point.slope) <= -_FLATTER * self.start.slope

    def run(self, t):
        """The point found, beginning with a step of t."""
        bracket, trials = self._bracket(t)
        while len(bracket) == 2 and trials < self.most:
            bracket, stop = self._shrink(bracket)
            if stop:
                break
            trials += 1
        return self._lower(bracket)

    @staticmethod
    def _lower(bracket):
        return min(bracket, key=lambda point: point.loss)

    def _bracket(self, t):
        """Walks on until a good point lies behind: [it] if it was hit, else the two ends."""
        before, point = self.start, self.evaluate(t)
        for trial in range(self.most):
            if self.too_high(point) or (trial > 1 and point.loss >= before.loss):
                break
            if self.is_flat(point):
                return [point], trial
            if point.slope >= 0:
                break
            bounds = (point.t + 0.01 * (point.t - before.t), point.t * 10)
            t = _cubic_minimum(before, point, bounds)
            before, point = point, self.evaluate(t)
        else:
            return [self.start, point], self.most
        self._slow = False
        return [before, point], trial

    def _shrink(self, bracket):
        """A smaller bracket, or one good point; and whether to stop."""
        if abs(bracket[1].t - bracket[0].t) * self.width < self.tolerance:
            return bracket, True
        point = self.evaluate(self._next(bracket))
        low = 0 if bracket[0].loss <= bracket[1].loss else 1
        bracket = list(bracket)
        if self.too_high(point) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            return bracket, False
        if self.is_flat(point):
            return [point], True
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
        return bracket, False

    def _next(self, bracket):
        """Where to try next: the cubic's minimum, but not twice in a row close to an end."""
        t = _cubic_minimum(*bracket)
        low, high = sorted(point.t for point in bracket)
        margin = 0.1 * (high - low)
        if min(high - t, t - low) >= margin:
            self._slow = False
        elif self._slow or t >= high or t <= low:
            self._slow = False
            t = high - margin if abs(t - high) < abs(t - low) else low + margin
        else:
            self._slow = True
        return t


class LBFGS(Optimizer):
    """Limited-memory BFGS, which evaluates the loss several times in each step; it has one group.

    Args:
        lr: the length of a step, as a part of the quasi-Newton step.
        max_iter: iterations per step(). max_eval: evaluations of the closure, by default max_iter * 5 // 4.
        tolerance_grad, tolerance_change: where to stop.
        history_size: how many steps are remembered; each costs two vectors.
        line_search_fn: "strong_wolfe" or None.

    Raises ValueError for a negative lr and for several groups.

    >>> import minitorch
    >>> x = minitorch.tensor([3.0, -2.0], requires_grad=True)
    >>> opt = minitorch.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(3):
    ...     loss = opt.step(closure)
    >>> bool((x - 1).abs().max() < 1e-3)
    True

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.optim.LBFGS.html
    """

    def __init__(
        self,
        params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if isinstance(lr, minitorch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    # ---- all parameters as one vector -----------------------------------------------------------------

    def _gather_flat_grad(self):
        parts = [p.new_zeros(p.numel()) if p.grad is None else p.grad.reshape(-1) for p in self._params]
        return minitorch.cat(parts, 0)

    def _move(self, t, direction):
        """params += t direction"""
        sizes = [p.numel() for p in self._params]
        for p, part in zip(self._params, direction.split(sizes), strict=True):
            p.add_(part.view_as(p), alpha=float(t))

    def _search(self, closure, start, t, direction, most):
        """Moves the parameters to a point on the line from here, and returns it, with the evaluations."""
        here = [p.clone() for p in self._params]

        def back():
            for p, value in zip(self._params, here, strict=True):
                p.copy_(value)

        def evaluate(t):
            self._move(t, direction)
            loss = float(closure())
            grad = self._gather_flat_grad()
            back()
            return _Point(t, loss, grad, grad.dot(direction))

        tolerance = self.param_groups[0]["tolerance_change"]
        search = _LineSearch(evaluate, start, direction.abs().max(), tolerance, most)
        point = search.run(t)
        self._move(point.t, direction)
        return point, search.evaluations

    # ---- steps ------------------------------------------------------------------------------------------

    @minitorch.no_grad()
    def step(self, closure):
        """Some iterations; closure clears the gradients, computes the loss, calls backward, returns the loss.

        Returns the loss as it was before.
        """
        closure = minitorch.enable_grad()(closure)
        group, state = self.param_groups[0], self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = closure()
        loss, grad = float(first_loss), self._gather_flat_grad()
        evaluations = 1
        state["func_evals"] += 1
        if grad.abs().max() <= group["tolerance_grad"]:
            return first_loss
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = state["d"] = self._direction(state, grad, group["history_size"])
            state["prev_flat_grad"], state["prev_loss"] = grad.clone(), loss
            t = group["lr"]
            if state["n_iter"] == 1:
                t = min(1.0, 1.0 / grad.abs().sum()) * t
            state["t"] = t
            slope = grad.dot(direction)
            if slope > -group["tolerance_change"]:
                break
            before, used = loss, 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                point, used = self._search(
                    closure, _Point(0, loss, grad, slope), t, direction, group["max_eval"] - evaluations
                )
                state["t"], loss, grad = point.t, point.loss, point.grad
            else:
                self._move(t, direction)
                if iteration != group["max_iter"]:
                    loss, grad, used = float(closure()), self._gather_flat_grad(), 1
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= group["max_eval"]
                or grad.abs().max() <= group["tolerance_grad"]
                or (direction * state["t"]).abs().max() <= group["tolerance_change"]
                or abs(loss - before) < group["tolerance_change"]
            ):
                break
        return first_loss

    @staticmethod
    def _direction(state, grad, history_size):
        """-H grad, where H approximates the inverse of the Hessian by the steps that are remembered."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -grad
        changes, steps, ro = state["old_dirs"], state["old_stps"], state["ro"]
        change = grad - state["prev_flat_grad"]
        step = state["d"] * state["t"]
        curvature = change.dot(step)
        if curvature > _ROUNDING:
            if len(changes) == history_size:
                for remembered in (changes, steps, ro):
                    remembered.pop(0)
            changes.append(change)
            steps.append(step)
            ro.append(1.0 / curvature)
            state["H_diag"] = curvature / change.dot(change)
        al = state.setdefault("al", [None] * history_size)
        d = -grad
        for i in reversed(range(len(changes))):
            al[i] = steps[i].dot(d) * ro[i]
            d.add_(changes[i], alpha=-float(al[i]))
        d.mul_(state["H_diag"])
        for i in range(len(changes)):
            d.add_(steps[i], alpha=float(al[i] - changes[i].dot(d) * ro[i]))
        return d
