"""What the private checks are written with, and how they become marks.

The checks (checks.py in the autograder, made from the cells tagged "private-check" of the assignment's
source) say for each question what is to be evaluated in the notebook, perhaps on inputs drawn now, and how
the plain values that come back are judged. No code of a submission runs in the process that imports this.

Relies on NumPy and wordhunt.py. Read grade.py next, which runs the notebook.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import wordhunt


class Question(NamedTuple):
    number: str
    title: str
    points: float
    collect: dict  # name: expression, or lines of code that assign to out
    given: object  # rng -> {name: number or array}, the inputs that the expressions may use
    word: bool
    check: object  # (got, given) -> share of the points, or (share, hint)


def close(value, expected, tolerance=1e-4):
    """Has a value the shape that is expected, and its numbers, but for tolerance * (1 + |expected|)?"""
    expected = np.asarray(expected, float)
    try:
        value = np.asarray(value, float)
    except (TypeError, ValueError, OverflowError):
        return False
    if value.shape != expected.shape:
        return False
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(value - expected) <= tolerance * (1 + np.abs(expected))))


def judge(value, right, hint, *slips, tolerance=1e-4):
    """(share, hint) of a value. slips: (value, share, hint) of answers that are wrong in a known way."""
    if close(value, right, tolerance):
        return 1, ""
    return next((slip[1:] for slip in slips if close(value, slip[0], tolerance)), (0, hint))


class Checks:
    """The questions of an assignment; settings holds the term and the words in its text."""

    def __init__(self, text, settings):
        self.questions, self.settings, self.keys, self._emails = [], settings, {}, [""]
        self.names = {
            "np": np,
            "close": close,
            "judge": judge,
            "question": self._question,
            "is_word": self._is_word,
            "text_word": lambda stop: [settings["words"][str(stop)]],
            "earned_word": self._earned,
        }
        exec(compile(text, "checks.py", "exec"), self.names)

    def _question(self, number, title, points, collect, given=None, word=False):
        def keep(check):
            self.questions.append(Question(number, title, points, collect, given, word, check))
            return check

        return keep

    def _earned(self, stop, *answers):
        """The word at this stop of everybody who handed in."""
        self.keys[str(stop)] = answers
        return [wordhunt.earned(self.settings["term"], email, stop, *answers) for email in self._emails]

    @staticmethod
    def _is_word(words, stop, right):
        typed = words.get(str(stop)) if isinstance(words, dict) else None
        typed = wordhunt.normal(typed)
        if not typed:
            return 0, "no word"
        return typed in right, "not the word"

    @property
    def points(self):
        return sum(question.points for question in self.questions)

    def jobs(self, seed):
        """What is to be evaluated: per question its expressions, and the inputs, drawn from seed."""
        jobs = {}
        for i, question in enumerate(self.questions):
            given = question.given(np.random.default_rng([seed, i])) if question.given else {}
            plain = {
                name: value.tolist() if hasattr(value, "tolist") else value for name, value in given.items()
            }
            jobs[question.number] = {"collect": question.collect, "given": plain}
        return jobs

    def score(self, answers, jobs, emails):
        """A list of tests as Gradescope wants them. answers: {question: {name: {"value" or "error"}}}."""
        self._emails = [email.strip().lower() for email in emails]
        return [self._test(question, answers.get(question.number), jobs) for question in self.questions]

    def _test(self, question, found, jobs):
        share, hint = 0.0, ""
        found = found if isinstance(found, dict) else {}
        got = {
            name: found.get(name) if isinstance(found.get(name), dict) else {} for name in question.collect
        }
        if any("value" in entry for entry in got.values()):
            values = {name: entry.get("value") for name, entry in got.items()}
            share, hint = self._judge(question, values, jobs[question.number]["given"])
        errors = [str(entry["error"]) for entry in got.values() if "error" in entry]
        if share < 1 and errors:
            hint = f"{hint} ({errors[0][:200]})" if hint else errors[0][:200]
        score = round(question.points * share, 2)
        return {
            "number": question.number,
            "name": question.title,
            "score": score,
            "max_score": question.points,
            "status": "passed" if share == 1 else "failed",
            "output": "" if share == 1 else hint,
            "output_format": "text",
            "visibility": self.settings.get("words_visible", "after_due_date")
            if question.word
            else "visible",
        }

    @staticmethod
    def _judge(question, values, given):
        """The share of the points, 0 to 1, and a hint. A check that stumbles over odd values gives none."""
        try:
            judged = question.check(values, given)
            share, hint = judged if isinstance(judged, tuple) else (judged, "")
            share = min(1.0, max(0.0, float(share)))
        except Exception:
            return 0.0, "the value is not of the form that the text asks for"
        return (share if math.isfinite(share) else 0.0), hint
