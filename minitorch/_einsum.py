"""einsum: an equation becomes views, products and one sum after the other. See minitorch.einsum."""

import math
import re
import string

from minitorch import _C


def _letters(numbers) -> str:
    """The subscripts of one operand: 0 to 25 are A to Z, 26 to 51 are a to z."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase
    for n in numbers:
        if n is not ... and not 0 <= n < len(alphabet):
            raise ValueError("einsum(): subscript in subscript list is not within the valid range [0, 52)")
    return "".join("..." if n is ... else alphabet[n] for n in numbers)


def equation_of_lists(args: tuple) -> tuple:
    """(equation, operands) of (operand, numbers, operand, numbers, ..., perhaps numbers of the result)."""
    equation = ",".join(map(_letters, args[1::2]))
    if len(args) % 2:
        equation += "->" + _letters(args[-1])
    return equation, args[: len(args) // 2 * 2 : 2]


def _labels(term: str, rank: int, position: int) -> list:
    """One label for each dimension; the n dimensions of ... are numbered -n .. -1."""
    if not re.fullmatch(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*", term):
        raise RuntimeError(
            f"einsum(): invalid subscript given in operand {position}, subscripts must be in [a-zA-Z]"
        )
    letters = term.replace("...", "")
    free = rank - len(letters)
    if free < 0 or (free and "..." not in term):
        fit = "does not match" if "..." not in term else "is more than"
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(letters)}) {fit} the number of "
            f"dimensions ({rank}) for operand {position}"
        )
    if "..." not in term:
        return list(letters)
    before, after = term.split("...")
    return [*before, *range(-free, 0), *after]


def _diagonals(x, labels: list):
    """A label that occurs twice takes the diagonal of its dimensions."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            if x.shape[i] != x.shape[j]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand but the sizes don't match, "
                    f"{x.shape[j]} != {x.shape[i]}"
                )
            x = x.diagonal(0, i, j)
            labels = [k for d, k in enumerate(labels) if d not in (i, j)] + [label]
    return x, labels


def _aligned(x, labels: list, wanted: list):
    """x with its dimensions in the wanted order, 1 where it has none."""
    x = x.permute([labels.index(k) for k in wanted if k in labels])
    return x.reshape(
        [x.shape[[w for w in wanted if w in labels].index(k)] if k in labels else 1 for k in wanted]
    )


def _pair(a, b, kept: set):
    """The product of two operands, summed over the labels that nobody else needs."""
    (x, of_x), (y, of_y) = a, b
    for label in [k for k in of_x if k not in of_y and k not in kept]:
        x = x.sum(of_x.index(label))
        of_x = [k for k in of_x if k != label]
    for label in [k for k in of_y if k not in of_x and k not in kept]:
        y = y.sum(of_y.index(label))
        of_y = [k for k in of_y if k != label]
    batch = [k for k in of_x if k in of_y and k in kept]
    summed = [k for k in of_x if k in of_y and k not in kept]
    left, right = [k for k in of_x if k not in of_y], [k for k in of_y if k not in of_x]
    size = dict(zip(of_y, y.shape, strict=True))
    for k, n in zip(of_x, x.shape, strict=True):
        size[k] = n if size.get(k, 1) == 1 else size[k]
    sizes = lambda labels: [size[k] for k in labels]  # noqa: E731
    x = _aligned(x, of_x, batch + left + summed).expand(sizes(batch + left + summed))
    y = _aligned(y, of_y, batch + summed + right).expand(sizes(batch + summed + right))
    count = [math.prod(sizes(labels)) for labels in (batch, left, summed, right)]
    z = x.reshape(count[0], count[1], count[2]) @ y.reshape(count[0], count[2], count[3])
    return z.reshape(sizes(batch + left + right)), batch + left + right


def contract(equation: str, operands: tuple) -> "_C.Tensor":
    """einsum()'s result, operands taken from left to right."""
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        more = "fewer" if len(terms) > len(operands) else "more"
        raise RuntimeError(f"einsum(): {more} operands were provided than specified in the equation")
    work = [
        _diagonals(x, _labels(term, x.dim(), i))
        for i, (term, x) in enumerate(zip(terms, operands, strict=True))
    ]
    found = [k for _, labels in work for k in labels]
    rank = max([-k for k in found if isinstance(k, int)], default=0)
    if arrow:
        if not re.fullmatch(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*", right):
            raise RuntimeError("einsum(): invalid subscript given, subscripts must be in [a-zA-Z]")
        before, dots, after = right.partition("...")
        result = [*before, *(range(-rank, 0) if dots else ()), *after]
    else:
        once = {k for k in found if isinstance(k, str) and "".join(terms).count(k) == 1}
        result = [*range(-rank, 0), *sorted(once)]
    for k in result:
        if isinstance(k, str) and result.count(k) > 1:
            raise RuntimeError(f"einsum(): output subscript {k} appears more than once in the output")
        if isinstance(k, str) and k not in found:
            raise RuntimeError(
                f"einsum(): output subscript {k} does not appear in the equation for any input operand"
            )
    _check_sizes(work)
    done = work[0]
    for i, other in enumerate(work[1:], 1):
        later = {k for _, labels in work[i + 1 :] for k in labels}
        done = _pair(done, other, later | set(result))
    x, labels = done
    gone = [labels.index(k) for k in labels if k not in result]
    x = x.sum(gone) if gone else x
    labels = [k for k in labels if k in result]
    return x.permute([labels.index(k) for k in result if k in labels])


def _check_sizes(work: list) -> None:
    sizes = {}
    for i, (x, labels) in enumerate(work):
        for k, n in zip(labels, x.shape, strict=True):
            if n != 1 and sizes.setdefault(k, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {k} has size {n} for operand {i} which does not broadcast with "
                    f"previously seen size {sizes[k]}"
                )
