"""Follows the example of csrc/README.md: one row makes an operator, with its derivatives, in every type."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMPILER = os.environ.get("CC") or "gcc"

PROGRAM = r"""
#include "minitorch.h"

#include <math.h>
#include <stdio.h>

static double value(double x) { return (x + sqrt(x * x + 4)) / 2; }
static double slope(double x) { return (1 + x / sqrt(x * x + 4)) / 2; }
static double bend(double x) { return 2 / pow(x * x + 4, 1.5); }

static double first(const mt_tensor *t) { return t ? mt_scalar_to_double(mt_item_at(t, 0)) : NAN; }

int main(void)
{
    if (mt_init() < 0) return 1;
    for (double at = -3; at <= 3; at += 0.5) {
        mt_scope scope = mt_scope_open();
        mt_tensor *x = mt_zeros_raw(MT_FLOAT64, 0, NULL), *g = NULL, *h = NULL;
        mt_fill_raw(x, mt_scalar_float(at));
        mt_parameter(x);
        mt_tensor *y = mt_squareplus(x);
        if (!y || mt_grad(1, &y, NULL, 1, &x, &g, true, true, false) < 0 ||
            mt_grad(1, &g, NULL, 1, &x, &h, false, false, false) < 0) {
            puts(mt_error_message());
            return 1;
        }
        if (fabs(first(y) - value(at)) > 1e-14 || fabs(first(g) - slope(at)) > 1e-14 ||
            fabs(first(h) - bend(at)) > 1e-14) {
            printf("at %g: %.17g, %.17g, %.17g\n", at, first(y), first(g), first(h));
            return 1;
        }
        mt_release(x);
        mt_scope_close(scope);
    }
    puts("right");
    return 0;
}
"""


@pytest.mark.skipif(
    not shutil.which(COMPILER.split()[0]) or not shutil.which("make"), reason="there is no C compiler or make"
)
def test_a_row_is_an_operator(tmp_path):
    row = re.search(r"```c\n(UNARY\(.*?\))\n```", (ROOT / "csrc" / "README.md").read_text(), re.S).group(1)
    csrc = tmp_path / "csrc"
    shutil.copytree(ROOT / "csrc", csrc, ignore=shutil.ignore_patterns("build"))
    rows = csrc / "include" / "minitorch" / "unary.def"
    text = rows.read_text()
    end = text.rindex("/* clang-format on */")
    rows.write_text(text[:end] + row + "\n" + text[end:])
    (csrc / "examples" / "added.c").write_text(PROGRAM)

    make = ["make", "-s", "-C", str(csrc), "-j2", f"CC={COMPILER}", "CFLAGS=-O0", "build/added"]
    run = subprocess.run(make, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    run = subprocess.run([csrc / "build" / "added"], capture_output=True, text=True)
    assert run.stdout == "right\n", run.stdout

    shown = subprocess.run(
        ["make", "-s", "-C", str(csrc), "expand", "OP=squareplus"], capture_output=True, text=True
    )
    assert "squareplus" in shown.stdout
