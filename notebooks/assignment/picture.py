"""A word as a picture in markdown: for eyes and for screen readers, but not for a search.

The letters are drawn as dots, so that no font and no imaging library is needed; the picture is a PNG inside
the text (Jupyter takes SVG out of markdown), not compressed, so that it is the same bytes everywhere. The
alternative text spells the word in the spelling alphabet.

PNG: https://www.w3.org/TR/png-3/
"""

import base64
import struct
import zlib

DOT, MARGIN, HEIGHT = 2, 3, 7  # pixels to a dot; dots around; dots a letter is high
# Seven rows of five dots, as numbers of two hexadecimal digits.
LETTERS = {
    "a": "0e11111f111111",
    "b": "1e11111e11111e",
    "c": "0e11101010110e",
    "d": "1e11111111111e",
    "e": "1f10101e10101f",
    "f": "1f10101e101010",
    "g": "0e11101713110f",
    "h": "1111111f111111",
    "i": "0e04040404040e",
    "j": "0702020202120c",
    "k": "11121418141211",
    "l": "1010101010101f",
    "m": "111b1515111111",
    "n": "11191513111111",
    "o": "0e11111111110e",
    "p": "1e11111e101010",
    "q": "0e11111115120d",
    "r": "1e11111e141211",
    "s": "0f10100e01011e",
    "t": "1f040404040404",
    "u": "1111111111110e",
    "v": "11111111110a04",
    "w": "1111111515150a",
    "x": "11110a040a1111",
    "y": "11110a04040404",
    "z": "1f01020408101f",
}
SPELLING = dict(
    zip(
        LETTERS,
        """
        Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa
        Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu
        """.split(),
        strict=True,
    )
)


def dots(word):
    """Rows of True and False: the word, a margin and a frame around it."""
    letters = [bytes.fromhex(LETTERS[letter]) for letter in word]
    rows = []
    for y in range(HEIGHT):
        row = []
        for letter in letters:
            row += [bool(letter[y] >> (4 - x) & 1) for x in range(5)] + [False]
        rows.append([False] * MARGIN + row[:-1] + [False] * MARGIN)
    empty = [False] * len(rows[0])
    rows = [empty] * (MARGIN - 1) + rows + [empty] * (MARGIN - 1)
    framed = [[True, *row[1:-1], True] for row in rows]
    full = [True] * len(empty)
    return [full, *framed, full]


def png(word):
    """The word as the bytes of a PNG file with one bit to a pixel, black on white."""
    data = b""
    rows = dots(word)
    width = len(rows[0]) * DOT
    for row in rows:
        bits = "".join(("0" if dot else "1") * DOT for dot in row).ljust((width + 7) // 8 * 8, "1")
        data += (b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")) * DOT
    header = struct.pack(">2I5B", width, len(rows) * DOT, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in chunks
    )


def markdown(word):
    """The picture, to stand in a line of markdown."""
    spelled = " ".join(SPELLING[letter] for letter in word)
    data = base64.b64encode(png(word)).decode()
    return f"![a word, spelled: {spelled}](data:image/png;base64,{data})"
