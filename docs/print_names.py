"""Prints docs/names.md: what of PyTorch is here, name by name, read off the code.

    python docs/print_names.py              writes docs/names.md
    python docs/print_names.py --capture    first writes docs/pytorch_names.txt, from the PyTorch installed

A test compares the page with what this prints. PyTorch's own names stand in docs/pytorch_names.txt, so that
PyTorch is not needed for it. "Here" means that the name is there; how far it behaves the same is in
docs/conformance.md.
"""

import importlib
import inspect
import sys
import textwrap
import types
import warnings
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PAGE, NAMES = FOLDER / "names.md", FOLDER / "pytorch_names.txt"

PLACES = """
torch torch.Tensor torch.nn torch.nn.Module torch.nn.functional torch.nn.init torch.nn.utils
torch.nn.utils.rnn torch.nn.utils.parametrize torch.nn.utils.parametrizations torch.nn.utils.prune
torch.optim torch.optim.Optimizer torch.optim.lr_scheduler torch.optim.swa_utils torch.utils.data
torch.utils.checkpoint torch.utils.tensorboard torch.utils.benchmark torch.autograd
torch.autograd.functional torch.autograd.graph torch.distributions torch.linalg torch.special torch.fft
torch.func torch.amp torch.random torch.serialization torch.profiler torch.testing torch.hub torch.onnx
torch.sparse
""".split()

# Not for programs: other devices' parts, compilers', quantization's, helpers of overriding and typing.
SKIPPED = (
    "cudnn_ miopen_ mkldnn_ fbgemm_ quantized_ quantize_ fake_quantize sym_ Sym Broadcasting q_per_channel "
    "handle_torch_function has_torch_function assert_int boolean_dispatch fused_moving is_vulkan dequantize "
    "bits int1 int2 int3 int4 int5 int6 int7 uint1 uint2 uint3 uint4 uint5 uint6 uint7 qint quint float4_ "
    "float8_ "
    "import_ir parse_ merge_type batch_norm_ native_ autocast_ set_autocast_ get_autocast_ is_autocast_ has_ "
    "ccol_ crow_ col_indices row_indices to_padded int_repr qscheme q_scale q_zero"
).split()

HEAD = """# What of PyTorch is here, name by name

Printed by `python docs/print_names.py` from the code; a test keeps it current. PyTorch's names are those of
version 2.13 (`docs/pytorch_names.txt`). How far operators behave the same is in
[conformance.md](conformance.md); `help(minitorch.name)` says what each does. A name that is not here raises
one error that names it.
"""


def main() -> None:
    """Write the page."""
    if "--capture" in sys.argv[1:]:
        NAMES.write_text(captured())
    PAGE.write_text(page())


def page() -> str:
    """The page as it should be."""
    theirs = read_names()
    rows, sections = [], []
    for place in PLACES:
        known = theirs.get(place, set())
        object_here = resolve("mini" + place)
        here = {name for name in known if object_here is not None and has(object_here, name)}
        own = public(object_here) - known if object_here is not None else set()
        missing = known - here
        rows.append(
            f"| [`{place}`](#{place.replace('.', '').lower()}) | {len(here)} | {len(missing)} | {len(own)} |"
        )
        sections.append(section(place, here, missing, own))
    table = "| place | here | not here | only here |\n|---|---|---|---|\n" + "\n".join(rows)
    return "\n".join([HEAD, table, "", *sections])


def section(place: str, here: set, missing: set, own: set) -> str:
    """The names of one module or class."""
    parts = [f"## {place}", ""]
    for title, names in (("Here", here), ("Not here", missing), ("Only here", own)):
        if names:
            parts += [listed(title, names), ""]
    return "\n".join(parts)


def listed(title: str, names: set) -> str:
    text = f"{title}: " + " ".join(f"`{name}`" for name in sorted(names, key=lambda n: (n.lower(), n)))
    return "\n".join(textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False))


def read_names() -> dict[str, set[str]]:
    """PyTorch's names by place."""
    theirs: dict[str, set[str]] = {}
    for line in NAMES.read_text().splitlines():
        place, _, names = line.partition(": ")
        theirs.setdefault(place, set()).update(names.split())
    return theirs


# ---- looking at a library -------------------------------------------------------------------------------


def resolve(place: str):
    """The module or class of that name; None if there is none."""
    try:
        return importlib.import_module(place)
    except ImportError:
        pass
    parent, _, name = place.rpartition(".")
    found = resolve(parent) if parent else None
    return getattr(found, name, None)


def has(thing, name: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return hasattr(thing, name)
        except Exception:
            return False


def public(thing) -> set[str]:
    """Names without an underscore in front that are the library's own: no modules, nothing imported."""
    root = (thing.__module__ if inspect.isclass(thing) else thing.__name__).split(".")[0]
    names = set(getattr(thing, "__all__", ())) if inspect.ismodule(thing) else set()
    if root == "torch" and names and thing.__name__ != "torch":  # torch.__all__ is not all
        return {name for name in names if not name.startswith(("_", *SKIPPED))}
    for name in dir(thing):
        value = inspect.getattr_static(thing, name, None) if inspect.isclass(thing) else get(thing, name)
        if name.startswith("_") or isinstance(value, types.ModuleType) or value is None:
            continue
        if inspect.ismodule(thing) and thing.__name__ == "torch" and not of_programs(name):
            continue
        if inspect.isclass(thing) or belongs(value, root):
            names.add(name)
    return {name for name in names if not name.startswith(("_", *SKIPPED)) and not name.endswith("_copy")}


def of_programs(name: str) -> bool:
    """Of torch's own names: not TorchScript's types, which are found there too, and no constants."""
    return not name[0].isupper() or name.endswith(("Tensor", "Error")) or name in ("Generator", "Size")


def get(thing, name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return getattr(thing, name)
        except Exception:
            return None


def belongs(value, root: str) -> bool:
    """Is it defined in that library? Numbers and small objects are where they are found."""
    home = getattr(value, "__module__", None)
    if home is None:
        return not isinstance(value, (set, dict, list, str))
    return home.split(".")[0] in (root, "builtins") and type(value).__module__ != "typing"


def captured() -> str:
    """PyTorch's names, a line for each place."""
    lines = []
    for place in PLACES:
        thing = resolve(place)
        if thing is not None:
            lines += textwrap.wrap(" ".join(sorted(public(thing))), 110, initial_indent=f"{place}: ",
                                   subsequent_indent=f"{place}: ")  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
