"""Grades a folder of submissions without Gradescope:

    python grade_folder.py AUTOGRADER.zip FOLDER -o marks.csv

Each entry of FOLDER is a submission: a notebook, or a folder that holds one. Whose it is, which matters for
the earned words, is looked up in this order: a table --roster with the columns submission,email; an address
in the entry's name (ada@example.org.ipynb, "ada@example.org_late"); the EMAIL that the notebook states, which
the column "address" then says, since nobody has checked it.

Started as root, it runs the notebooks as the user nobody, as on Gradescope. Started as anybody else it runs
them as that user, who can read the grader's files: then do it in a container or an account made for it.
"""

import argparse
import csv
import re
import sys
import tempfile
import zipfile
from pathlib import Path

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}")


def address(entry, cells, roster):
    """(e-mail, where it was found)."""
    if entry.name in roster:
        return roster[entry.name], "roster"
    named = ADDRESS.search(entry.name.removesuffix(".ipynb"))
    if named:
        return named.group(), "name"
    for cell in cells:
        stated = re.search(r"^EMAIL\s*=\s*[\"']([^\"']*)[\"']", cell, re.M)
        if stated:
            return stated.group(1), "notebook"
    return "", "none"


def entries(folder):
    return [
        e
        for e in sorted(folder.iterdir())
        if not e.name.startswith(".") and (e.is_dir() or e.suffix == ".ipynb")
    ]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("autograder", type=Path, help="autograder.zip")
    parser.add_argument("folder", type=Path, help="the submissions")
    parser.add_argument("-o", "--out", type=Path, default=Path("marks.csv"))
    parser.add_argument("--roster", type=Path, help="a CSV file with the columns submission,email")
    parser.add_argument("--python", default=sys.executable, help="the Python that runs the notebooks")
    given = parser.parse_args(arguments)
    roster = {}
    if given.roster:
        with open(given.roster, newline="") as file:
            roster = {row["submission"]: row["email"] for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(given.autograder).extractall(folder)
        sys.path.insert(0, folder)
        import grade

        if not grade.can_run(given.python):
            raise SystemExit(f"{given.python} cannot be started without rights: name another with --python")
        checks = grade.load_checks(Path(folder))
        with open(given.out, "w", newline="") as file:
            table = csv.writer(file)
            numbers = [question.number for question in checks.questions]
            table.writerow(["submission", "email", "address", "score", *numbers, "notes"])
            for entry in entries(given.folder):
                table.writerow(row(grade, checks, entry, roster, given.python))
                file.flush()


def row(grade, checks, entry, roster, python):
    email, found, scores, notes, total = "", "", [""] * len(checks.questions), "", 0
    try:
        notebook = grade.find_notebook(entry) if entry.is_dir() else entry
        email, found = address(entry, grade.read_cells(notebook), roster)
        result = grade.grade(notebook, [email], checks, python)
        total, notes = result["score"], result["output"]
        scores = [test["score"] for test in result["tests"]]
    except grade.Unreadable as said:
        notes = str(said)
    print(f"{entry.name}: {total:g} of {checks.points:g}")
    return [entry.name, email, found, total, *scores, notes.replace("\n", " | ")]


if __name__ == "__main__":
    main()
