"""What the lecture prints: headings, numbers, progress bars and the closing table.

Relies on tqdm for the bars, and does without where it is not installed. Read ``__main__`` next.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import Run

WIDTH = 22  # of the labels' column
INSTALL = "in the checkout of minitorch-c: pip install '.[lecture]'"


class Report:
    """Prints the lecture as it goes on; ``quiet`` leaves only the table.

    Progress bars go to standard error, all else to standard output.
    """

    def __init__(self, quiet: bool = False):
        self.quiet = quiet
        self.tqdm = None
        if quiet:
            return
        try:
            from tqdm import tqdm

            self.tqdm = tqdm
        except ImportError:
            print(f"no progress bars: tqdm is not installed ({INSTALL})", file=sys.stderr)

    def heading(self, text: str) -> None:
        if not self.quiet:
            print(f"\n{text}\n{'-' * len(text)}")

    def say(self, text: str, label: str = "") -> None:
        """One line, its label in a column of its own; further lines of the text are set below the first."""
        if not self.quiet:
            first, *rest = text.split("\n")
            print(f"{label:<{WIDTH}}{first}")
            for line in rest:
                print(f"{'':<{WIDTH}}{line}")

    def progress(self, items: Sequence[int], what: str) -> Iterable[int]:
        """The items, with a progress bar while they are gone through."""
        if self.tqdm is None:
            return items
        return self.tqdm(items, desc=f"{what:<{WIDTH}}", unit="epoch", mininterval=0.2, leave=False)


def table(runs: Sequence[Run]) -> str:
    """The closing table, one row a net: losses and accuracies on training and test points, time and speed."""
    head = ("net", "epochs", "loss", "train", "test", "correct", "test", "seconds", "steps/s")
    rows = [head]
    for run in runs:
        losses = (f"{run.train_loss:.4f}", f"{run.test_loss:.4f}")
        shares = (f"{run.train_accuracy:.1%}", f"{run.test_accuracy:.1%}")
        speed = (f"{run.seconds:.2f}", f"{run.steps / max(run.seconds, 1e-9):,.0f}")
        rows.append((run.name, str(run.epochs), run.loss_name, *losses, *shares, *speed))
    return _aligned(rows, left=(0, 2))


def sizes_table(sizes: Mapping[str, Sequence[Run]], threshold: float) -> str:
    """Epochs until the evaluation loss was at most ``threshold``, a row for each size of net."""
    rows = [("net", "parameters", "epochs to each seed", "median")]
    for name, runs in sizes.items():
        counts = [run.epochs if run.history[-1] <= threshold else math.inf for run in runs]
        limit = max(run.epochs for run in runs)
        texts = [
            f"> {limit}" if count == math.inf else f"{count:.0f}"
            for count in (*counts, statistics.median(counts))
        ]
        parameters = sum(p.numel() for p in runs[0].model.parameters())
        rows.append((name, str(parameters), ", ".join(texts[:-1]), texts[-1]))
    return _aligned(rows, left=(0,))


def _aligned(rows: Sequence[Sequence[str]], left: Collection[int]) -> str:
    """Rows of text in columns, those in ``left`` flush left, with a rule under the first row."""
    columns = range(len(rows[0]))
    widths = [max(len(row[i]) for row in rows) for i in columns]
    lines = []
    for row in rows:
        texts = [row[i].ljust(widths[i]) if i in left else row[i].rjust(widths[i]) for i in columns]
        lines.append("  ".join(texts).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
