"""Hidden words of an assignment: earned by a right answer, different for every student.

A word depends on the term, the student's e-mail, the place in the notebook and the answer computed there. A
wrong answer gives a word, too: another one. Nothing here is secret and nothing here knows an answer, so it
may be read; a friend's word is of no use, and last term's neither. Words are two nouns in one, 4096 of them;
any two differ in at least two letters.

Relies on nothing but Python, so that a grader can use it without minitorch.
"""

from hashlib import sha256

__all__ = ["Hunt", "canonical", "earned", "normal"]

FIRST = """
    amber anchor apple autumn basket blanket bridge butter candle carpet castle cherry cobalt copper cotton
    desert feather fiddle garden ginger hammer harbor helmet honey indigo island ivory jacket jigsaw kettle
    ladder lantern lemon magnet marble meadow mirror mitten nutmeg ocean olive orchid paper parsley pebble
    pillow potato puzzle quartz ribbon rocket saddle saffron silver sunset teapot thimble thunder tulip
    umbrella velvet violin walnut window
""".split()
SECOND = """
    badger beaver bison buffalo camel cheetah chicken cobra condor coyote cricket dolphin donkey eagle falcon
    ferret flamingo gazelle gecko giraffe goose gorilla hamster hedgehog heron hippo iguana jackal jaguar
    kangaroo koala lemur leopard lizard llama lobster lynx magpie mongoose octopus ostrich otter panda panther
    parrot pelican penguin pigeon puffin rabbit raccoon raven rhino salmon seahorse spider squid squirrel
    tiger toucan turtle walrus weasel wombat
""".split()
DECIMALS = 3


def normal(word):
    """A word as it is compared: small letters, nothing else.

    >>> normal("  Amber-Otter ")
    'amberotter'

    The letters that count: https://docs.python.org/3/library/stdtypes.html#str.isalpha
    """
    return "".join(letter for letter in str(word).lower() if "a" <= letter <= "z")


def canonical(answer):
    """An answer as text: numbers with three decimals, lists of them with commas; None for what is no answer.

    answer: a number, a tensor of any shape, or a list of these.

    >>> canonical(-8.23397), canonical([30, 30, 4.0]), canonical(...)
    ('-8.234', '30.000,30.000,4.000', None)

    Ties go to the even digit: https://docs.python.org/3/library/functions.html#round
    """
    answer = answer.tolist() if hasattr(answer, "tolist") else answer
    if isinstance(answer, (list, tuple)):
        parts = [canonical(part) for part in answer]
        return None if not parts or None in parts else ",".join(parts)
    try:
        return f"{round(float(answer), DECIMALS) + 0.0:.{DECIMALS}f}"
    except (TypeError, ValueError):
        return None


def word_of(key):
    """One of the words, chosen by a text."""
    number = int.from_bytes(sha256(key.encode()).digest()[:4], "big") % (len(FIRST) * len(SECOND))
    return FIRST[number // len(SECOND)] + SECOND[number % len(SECOND)]


def earned(term, email, stop, *answers):
    """The word that these answers earn this student at this stop; None if one of them is no answer.

    term: a text that changes every time the assignment is given. email: case and spaces around it do not
    count.

    >>> earned("2026", "Ada@example.org ", 2, -8.23397) == earned("2026", "ada@example.org", 2, -8.2341)
    True
    >>> earned("2026", "ada@example.org", 2, -8.249) == earned("2026", "ada@example.org", 2, -8.234)
    False

    The hash: https://docs.python.org/3/library/hashlib.html
    """
    text = canonical(list(answers))
    return None if text is None else word_of(f"{term}|{str(email).strip().lower()}|{stop}|{text}")


class Hunt:
    """What a notebook needs: the words that answers earn, and whether an answer has the right form.

    term: as of earned(). email: the address that the student hands in with. Nothing here raises for an answer
    that is missing or wrong: what is said is printed.

    >>> hunt = Hunt("2026", "ada@example.org")
    >>> word = hunt.word(2, -8.234)  # doctest: +ELLIPSIS
    Your word number 2 is: ...
    >>> hunt.word(3, ...)
    Word number 3: there is no answer yet.
    >>> hunt.form("slope", -8.234, shape=())
    slope: the form is right.
    >>> hunt.form("grid", [1.0, 2.0], shape=(2, 1))
    grid: the shape is (2,), asked for is (2, 1).

    Whose address a grader sees: https://gradescope-autograders.readthedocs.io/en/latest/submission_metadata/
    """

    def __init__(self, term, email):
        self.term, self.email = term, email

    def word(self, stop, *answers):
        """Prints and returns the word that the answers earn, if they are answers and there is an address."""
        if "@" not in str(self.email):
            print(f"Word number {stop}: first put your e-mail address into EMAIL, in the first cell.")
            return None
        word = earned(self.term, self.email, stop, *answers)
        print(
            f"Your word number {stop} is: {word}" if word else f"Word number {stop}: there is no answer yet."
        )
        return word

    def form(self, name, value, shape=None):
        """Prints whether a value is there and has the shape asked for; says nothing about its numbers."""
        self.has_form(name, value, shape)

    def has_form(self, name, value, shape=None):
        """Prints what form() prints, and returns whether all is right."""
        if value is ... or value is None:
            print(f"{name}: there is no answer yet.")
            return False
        found, inner = getattr(value, "shape", None), value
        if found is None:
            found = []
            while isinstance(inner, (list, tuple)):
                found.append(len(inner))
                inner = inner[0] if inner else 0
        if shape is not None and tuple(found) != tuple(shape):
            print(f"{name}: the shape is {tuple(found)}, asked for is {tuple(shape)}.")
            return False
        print(f"{name}: the form is right.")
        return True
