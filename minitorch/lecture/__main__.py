"""``python -m minitorch.lecture``: the lecture's program, its command line and its order."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import line
from .moons import THRESHOLD, Teacher
from .report import INSTALL, Report, sizes_table, table


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m minitorch.lecture",
        description='The lecture "Demystifying Deep Learning": its data, its models, its training.',
    )
    parser.add_argument(
        "--figures", metavar="DIR", type=Path, help="write the pictures to DIR (needs matplotlib)"
    )
    parser.add_argument("--quiet", action="store_true", help="print the closing table only")
    parser.add_argument(
        "--epochs-scale",
        metavar="X",
        type=float,
        default=1.0,
        help="multiply all numbers of epochs by X (default 1)",
    )
    args = parser.parse_args(argv)
    if not args.epochs_scale > 0:
        parser.error("--epochs-scale must be positive")
    return args


def main(argv: list[str] | None = None) -> int:
    """Go through the lecture; returns the exit status."""
    args = parse(argv)
    if args.figures is not None:
        try:
            from . import figures

            args.figures.mkdir(parents=True, exist_ok=True)
        except ModuleNotFoundError as error:
            print(f"--figures needs {error.name}, which is not installed ({INSTALL})", file=sys.stderr)
            return 1
        except OSError as error:
            print(f"--figures: cannot write to {args.figures}: {error.strerror}", file=sys.stderr)
            return 1
    start = time.perf_counter()
    report = Report(args.quiet)
    first = line.teach(report, max(1, round(30 * args.epochs_scale)))
    second = Teacher(report, args.epochs_scale).teach()
    report.heading("Losses, accuracies and times")
    print(table(second.runs))
    report.heading(f"Convergence by size: epochs until the evaluation loss is at most {THRESHOLD}")
    print(sizes_table(second.sizes, THRESHOLD))
    report.heading(f"The whole lecture took {time.perf_counter() - start:.1f} s")
    if args.figures is not None:
        paths = figures.draw_all(first, second, args.figures)
        print(f"{len(paths)} pictures are in {args.figures}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted")
