"""What help() shows of an operator below its signature and its formula: shapes, types, errors, an example.

The text about an operator stands in its row or stanza in C. What many operators have in common stands here,
once for the whole family. The examples stand in _op_examples.txt, in the order of their names:

    name: family
    >>> an example
    what it shows

An in-place form (``exp_``) has the entry of the operator itself, another name (``arccos``) that of the
operator's record (``acos``); ``linalg.`` and ``special.`` stand before names that mean something else there.
Both files are read when somebody asks for help, not before. An operator without an example, or with one that
does not run, fails in tests/test_docstrings.py.
"""

import re
from pathlib import Path

FAMILIES = {
    "float": """
Shapes: any; the result has the input's.
Types: floating point types stay as they are; integers and bool are computed in the default one.
Raises TypeError if the input is no tensor, RuntimeError if out= cannot hold the result's type.""",
    "same": """
Shapes: any; the result has the input's.
Types: those of numbers; the result has the input's.
Raises RuntimeError for types that it is not defined for, TypeError if the input is no tensor.""",
    "round": """
Shapes: any; the result has the input's.
Types: those of numbers; the result has the input's, and integers stay as they are.
Raises NotImplementedError or RuntimeError for bool, TypeError if the input is no tensor.""",
    "test": """
Shapes: any; the result has the input's.
Types: every one; the result is bool.
Raises TypeError if the input is no tensor.""",
    "arith": """
Shapes: all that broadcast against each other; the result has the common shape.
Types: the promoted one of all; a Python number changes only the category: 0.5 makes integers floating point.
Raises RuntimeError if the shapes do not broadcast, or if the result does not fit the tensor written to.""",
    "arithfloat": """
Shapes: both that broadcast against each other; the result has the common shape.
Types: the promoted one of both; integers and bool are computed in the default floating point type.
Raises RuntimeError if the shapes do not broadcast, or if the result does not fit the tensor written to.""",
    "tensors": """
Shapes: both that broadcast against each other; the result has the common shape.
Types: the promoted one of both, which must be tensors.
Raises RuntimeError if the shapes do not broadcast, TypeError for a Python number.""",
    "real": """
Shapes: both that broadcast against each other.
Types: floating point ones.
Raises RuntimeError if the shapes do not broadcast, NotImplementedError for integers.""",
    "compare": """
Shapes: both that broadcast against each other; the result has the common shape.
Types: every one, compared in the promoted one of both; the result is bool.
Raises RuntimeError if the shapes do not broadcast.""",
    "bits": """
Shapes: all that broadcast against each other; the result has the common shape.
Types: integers, where it makes sense bool; the result has the promoted one.
Raises NotImplementedError for floating point types, RuntimeError if the shapes do not broadcast.""",
    "copy": """
Shapes: any; the result has the input's, in memory of its own unless nothing has to change.
Types: every one; the result has the input's.
Raises TypeError if the input is no tensor.""",
    "cast": """
Shapes: any; the result has the input's.
Types: from every one; what does not fit into an integer is undefined, a fraction is cut off.
Raises TypeError for arguments other than memory_format.""",
    "view": """
Shapes: the result has the same elements in the shape that is asked for.
Types: every one. The result shares the memory of the input where that can be.
Raises RuntimeError if the elements do not fill that shape, IndexError for a dim that does not exist.""",
    "complexparts": """
Shapes: both that broadcast against each other; the result has the common shape.
Types: both float32 or both float64; the result is complex64 or complex128.
Raises RuntimeError for other types, or if they differ.""",
    "parts": """
Shapes: the input's, or with a last dimension of size 2 more or less: the parts of the numbers.
Types: complex64 and complex128, whose parts are float32 and float64. The result shares the memory.
Raises RuntimeError for tensors of other types, or whose memory does not hold pairs.""",
    "written": """
Shapes: what is written broadcasts to that of the tensor.
Types: every one; what is written is cast to the tensor's.
Raises RuntimeError if the shapes do not fit, or for a leaf that requires grad.""",
    "scatterview": """
Shapes: src has that of the part it replaces; the result has the input's, in memory of its own.
Types: every one; the result has the input's.
Raises RuntimeError if src does not have that shape, IndexError for a dim that does not exist.""",
    "copydim": """
Shapes: as described, for inputs of the dimensions that are named; the result has memory of its own.
Types: every one; the result has the input's.
Raises IndexError for a dim that does not exist, RuntimeError for sizes that make no sense.""",
    "places": """
Shapes: any; the result has int64 places or counts.
Types: every one.
Raises IndexError for a dim that does not exist, TypeError if the input is no tensor.""",
    "masked": """
Shapes: mask broadcasts against the input.
Types: every one; the mask is bool, the result has the input's type.
Raises RuntimeError if the mask is not bool, if the shapes do not broadcast, or if source is too short.""",
    "index": """
Shapes: index tells which elements along dim; all other dimensions fit those of the input.
Types: every one; the index is int64, and what is written has the input's type.
Raises IndexError or RuntimeError for an index out of bounds, a dim that does not exist, or a wrong type.""",
    "split": """
Shapes: pieces along one dimension, all others are the input's. The pieces share its memory.
Types: every one.
Raises IndexError for a dim that does not exist, RuntimeError if the sizes do not add up.""",
    "join": """
Shapes: alike but for the dimension along which they are joined.
Types: the promoted one of all.
Raises RuntimeError if the shapes do not fit, ValueError if nothing is given, IndexError for a wrong dim.""",
    "reduceint": """
Shapes: all elements give a 0-d tensor; dim (one or several) goes, or stays as 1 with keepdim=True.
Types: integers and bool add up in int64, floating point types stay; dtype= chooses.
Raises IndexError for a dim that does not exist, RuntimeError for one that is given twice.""",
    "reducefloat": """
Shapes: all elements give a 0-d tensor; dim (one or several) goes, or stays as 1 with keepdim=True.
Types: floating point ones; the result has the input's.
Raises RuntimeError for integers, IndexError for a dim that does not exist.""",
    "reducefloat1": """
Shapes: any with the dimension dim; the result has the input's.
Types: floating point ones, or any with dtype=.
Raises NotImplementedError for integers, IndexError for a dim that does not exist.""",
    "reduce": """
Shapes: all elements give a 0-d tensor; dim goes, or stays as 1 with keepdim=True.
Types: every one; the result has the input's, places are int64.
Raises IndexError for a dim that does not exist, RuntimeError or IndexError if there is no element.""",
    "reduceplace": """
Shapes: all elements give a 0-d tensor; dim goes, or stays as 1 with keepdim=True.
Types: those of numbers; the result is int64.
Raises IndexError for a dim that does not exist or if there is no element.""",
    "reducebool": """
Shapes: all elements give a 0-d tensor; dim (one or several) goes, or stays as 1 with keepdim=True.
Types: every one; the result is bool (uint8 for uint8).
Raises IndexError for a dim that does not exist.""",
    "along": """
Shapes: any with the dimension dim, along which it runs; the other dimensions stay as they are.
Types: those of numbers; sums and products of integers are int64.
Raises IndexError for a dim that does not exist.""",
    "where": """
Shapes: condition, input and other broadcast against each other.
Types: condition is bool; the result has the promoted one of the others.
Raises RuntimeError if the shapes do not broadcast or condition is not bool.""",
    "matrix": """
Shapes: as in linear algebra: the inner sizes agree, leading dimensions are batches that broadcast.
Types: both alike; integers are multiplied as integers.
Raises RuntimeError if the sizes or the types do not fit.""",
    "triangle": """
Shapes: (..., n, m), the leading dimensions are batches.
Types: every one; the result has the input's (a sum of integers is int64).
Raises RuntimeError for fewer than two dimensions.""",
    "order": """
Shapes: any with the dimension dim; results have the input's, or lose dim where one element is chosen.
Types: those of numbers; values have the input's, places are int64. NaN counts as the largest.
Raises IndexError for a dim that does not exist, RuntimeError for a k out of range.""",
    "statistics": """
Shapes: (variables, observations) or (observations,); to (variables, variables) or 0-d.
Types: floating point ones.
Raises RuntimeError for more than two dimensions.""",
    "count": """
Shapes: the input's elements in any order (bincount: one dimension); to one number per bin.
Types: bincount wants integers that are not negative, histograms floating point.
Raises RuntimeError for bins or values that make no sense.""",
    "search": """
Shapes: the result has that of the values; a sorted sequence of more dimensions has the same leading ones.
Types: those of numbers; the result is int64, with out_int32=True int32.
Raises RuntimeError if the leading dimensions do not fit.""",
    "linalg": """
Shapes: (..., n, m), leading dimensions are batches; n = m where an inverse, determinant or power is asked.
Types: float32 and float64; the result has the input's.
Raises RuntimeError for other shapes or types, and linalg.LinAlgError where there is no solution.""",
    "norm": """
Shapes: any for vectors, (..., n, m) for matrices; dim goes, or stays as 1 with keepdim=True.
Types: floating point ones.
Raises RuntimeError for integers or an order that is not defined, IndexError for a wrong dim.""",
    "create": """
Shapes: what is asked for, as numbers or as a tuple.
Types: dtype=, else the default floating point type; integers where bounds are integers.
Raises RuntimeError for a negative size or a step in the wrong direction, TypeError for other sizes.""",
    "like": """
Shapes: the input's, or the size that is given.
Types: the input's, unless dtype= says otherwise.
Raises RuntimeError for a negative size, TypeError if the input is no tensor.""",
    "nnfloat": """
Shapes: any that the layer of that name takes; element by element where nothing else is said.
Types: floating point ones; the result has the input's.
Raises NotImplementedError for integers, RuntimeError if shapes do not fit.""",
    "pool": """
Shapes: (N, C, size ...) or (C, size ...); to floor((size + 2 padding - dilation (kernel - 1) - 1) / stride)
+ 1 places in each dimension, ceil instead of floor with ceil_mode, output_size for adaptive ones.
Types: floating point ones; places are int64.
Raises RuntimeError for windows that do not fit.""",
    "random": """
Shapes: what is asked for, or the input's.
Types: floating point ones, integers for randint, random_, randperm and multinomial.
Raises RuntimeError or NotImplementedError for parameters or types that make no sense.""",
    "conv": """
Shapes: input (N, C, size ...), weight (O, C / groups, kernel ...).
Types: all alike, floating point.
Raises RuntimeError if they do not fit.""",
    "pad": """
Shapes: any; dimensions from the last one grow by the two numbers that are given for each.
Types: every one; the result has the input's.
Raises RuntimeError for an odd count of numbers or a size below 0.""",
    "embedding": """
Shapes: weight (number, size), indices of any shape; to (*indices, size).
Types: int64 or int32 indices; the result has weight's.
Raises IndexError for an index out of range.""",
}

_EXAMPLES = Path(__file__).with_name("_op_examples.txt")
_entries = {}


def _entry(name):
    """(family, example) of a name; None if it has none."""
    if not _entries:
        for entry in _EXAMPLES.read_text(encoding="utf-8").strip().split("\n\n"):
            head, _, example = entry.partition("\n")
            key, family = head.split(": ")
            _entries[key] = (family, example)
    return _entries.get(name)


def _find(module, name, record):
    """The entry of an operator: its own, that of the form that does not write, that of its record."""
    place = module.rpartition(".")[2].lstrip("_") + "."
    for key in (place + name, name, name.rstrip("_"), place + record, record, record.rstrip("_")):
        found = _entry(key)
        if found:
            return found
    return None


def finish(module, name, record, text):
    """The docstring: what C has put together, and what is said here and not there."""
    text = re.sub(r"\bmt_", "", text)
    text = re.sub(r"\bnumber\(([^()]*)\)", r"\1", text)
    family, example = _find(module, name, record) or ("", "")
    parts = re.split(r"\n(?=Shapes:|Types:|Raises )", FAMILIES.get(family, ""))
    said = [part for part in parts if part and part.split(maxsplit=1)[0] not in text]
    words, prompt, own = text.partition("\n>>> ")
    blocks = [words.strip("\n"), "\n".join(said), ">>> " + own.strip("\n") if prompt else example]
    return "\n\n".join(block for block in blocks if block) + "\n"
