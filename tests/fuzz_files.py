"""Damaged model files by the hundred thousand: each gives an object or LoadError, and nothing else.

    python tests/fuzz_files.py                      200,000 files, in some minutes
    python tests/fuzz_files.py 5000 --seed 7

With the sanitizers, which see what Python does not:

    MINITORCH_SAN=address MINITORCH_LTO=0 python setup.py build_ext --inplace
    ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$(gcc -print-file-name=libasan.so) python tests/fuzz_files.py

Two thirds of the files have a well-formed archive around a damaged description of their contents, with
checksums that are right: nobody else would notice. Afterwards every bit of the numbers in a file is flipped,
and every flip must be found. test_serialization.py runs some thousand of these.
"""

import argparse
import io
import random
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import minitorch
from minitorch.serialization import LoadError

FILES = Path(__file__).parent / "files"
STORED = "contents.pt", "training.pt", "bfloat16.pt"


def mutated(data, r):
    """A few bytes changed, cut, doubled or made extreme."""
    data = bytearray(data)
    for _ in range(r.choice((1, 1, 2, 5))):
        at = r.randrange(len(data))
        kind = r.randrange(5)
        if kind == 0:
            data[at] ^= 1 << r.randrange(8)
        elif kind == 1:
            data[at] = r.choice((0, 1, 0x7F, 0x80, 0xFF, *b"(.RQbc}]h"))
        elif kind == 2:
            del data[at : at + r.randrange(1, 9)]
        elif kind == 3:
            data[at:at] = data[at : at + r.randrange(1, 9)]
        else:
            data[at : at + 4] = r.choice((b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f"))
    return bytes(data)


def changed(data, name, change):
    """The file with one record changed, checksums right."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            record = old.read(info)
            new.writestr(info.filename, change(record) if info.filename.endswith("/" + name) else record)
    return out.getvalue()


def damaged_files(count, seed, stored):
    """That many damaged versions of a file."""
    r = random.Random(seed)
    whole = (FILES / stored).read_bytes()
    for i in range(count):
        yield changed(whole, "data.pkl", lambda text: mutated(text, r)) if i % 3 else mutated(whole, r)


def outcome(data):
    """What load makes of it: "object", "refused", or what is wrong."""
    model = minitorch.nn.Linear(2, 2)
    before = model.weight.tolist()
    try:
        found = minitorch.load(io.BytesIO(data), map_location="cpu")
        if isinstance(found, dict) and "model" in found:
            model.load_state_dict(found["model"])
        kind = "object"
    except LoadError:
        kind = "refused"
    except (RuntimeError, AttributeError, TypeError) as error:
        # It was read, and is no state of this model: load_state_dict says so.
        kind = "object" if "found" in locals() else f"{type(error).__name__}: {error}"
    except Exception as error:
        kind = f"{type(error).__name__}: {error}"
    if kind == "refused" and model.weight.tolist() != before:
        return "the model was changed"
    return kind


def flips_found(numbers):
    """How many of all single flipped bits in a file's numbers are noticed, of how many."""
    file = io.BytesIO()
    tensor = minitorch.arange(float(numbers))
    minitorch.save({"w": tensor}, file)
    data = bytearray(file.getvalue())
    start, bits = data.index(bytes(tensor.numpy())), numbers * 32
    found = 0
    for bit in range(bits):
        data[start + bit // 8] ^= 1 << bit % 8
        try:
            minitorch.load(io.BytesIO(bytes(data)))
        except LoadError as error:
            found += "checksum" in str(error)
        data[start + bit // 8] ^= 1 << bit % 8
    return found, bits


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int, nargs="?", default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    seen, start = Counter(), time.time()
    for k, stored in enumerate(STORED):
        share = options.count // len(STORED) + (k < options.count % len(STORED))
        for i, data in enumerate(damaged_files(share, options.seed + k, stored)):
            kind = outcome(data)
            seen[kind] += 1
            if kind not in ("object", "refused"):
                place = Path(f"fuzz_{k}_{i}.pt")
                place.write_bytes(data)
                print(f"{place}: {kind}", flush=True)
            if i % 10_000 == 9_999:
                print(f"{sum(seen.values())} files in {time.time() - start:.0f} s", flush=True)
    found, bits = flips_found(200)
    total, refused, read = sum(seen.values()), seen.pop("refused", 0), seen.pop("object", 0)
    print(f"{total} files: {refused} refused, {read} still readable")
    print(f"{sum(seen.values())} otherwise; {found} of {bits} flipped bits found")
    return 0 if not seen and found == bits else 1


if __name__ == "__main__":
    sys.exit(main())
