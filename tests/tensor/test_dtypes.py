"""dtype, device, Size, layout, finfo and iinfo."""

import minitorch

TOPIC = "dtypes"


def test_as_recorded(case, check):
    check(minitorch, case)


def test_records_are_pytorchs(case, check, pytorch):
    check(pytorch, case)
