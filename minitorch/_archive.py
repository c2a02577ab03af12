"""The container of model files: a ZIP archive whose records are stored as they are, without compression.

Only what PyTorch writes is read, so there is little to get wrong: one disk, method "stored", sizes in the
directory. Every number is compared with the size of the file before it is used, and the CRC-32 of a record
with its bytes. Read next: _unpickler.py.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import struct
import zlib
from pickle import UnpicklingError
from typing import Any, BinaryIO, NamedTuple

__all__ = ["LoadError", "Reader", "Writer"]

_LOCAL, _ENTRY, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END64, _LOCATOR64 = b"PK\x06\x06", b"PK\x06\x07"
_MAX32, _MAX16 = 0xFFFFFFFF, 0xFFFF
_UTF8 = 0x800
_DATE = 0x21  # 1 January 1980, the first day that the format knows: the same model gives the same bytes
_ALIGNMENT = 64
_CHUNK = 1 << 24


class LoadError(UnpicklingError, RuntimeError):
    """What :func:`minitorch.load` raises for a file that is cut off, damaged, hostile or no model file.

    It is pickle's UnpicklingError and a RuntimeError at once, so code written for either catches it.

    >>> import io, minitorch
    >>> try:
    ...     minitorch.load(io.BytesIO(b"PK"))
    ... except RuntimeError as error:
    ...     print(type(error).__name__)
    LoadError

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.load.html
    """


class _Entry(NamedTuple):
    """Where a record lies, as the directory says."""

    header: int
    size: int
    crc: int


# ---- reading ----------------------------------------------------------------------------------------------


class Reader:
    """The records of an archive in a file that can seek, by name without the folder they stand in."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._size = file.seek(0, 2)
        self._entries: dict[str, _Entry] = {}
        self._folder = b""
        try:
            self._read_directory(*self._find_directory())
        except struct.error:
            raise _broken("the directory is cut off") from None

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def size(self, name: str) -> int:
        """The bytes of a record."""
        return self._entry(name).size

    def read(self, name: str) -> bytes:
        """A record, after a look at its checksum."""
        data = bytearray(self.size(name))
        self.read_into(name, memoryview(data))
        return bytes(data)

    def read_into(self, name: str, memory: memoryview) -> None:
        """Fills writable memory of the record's size with the record, and looks at its checksum."""
        entry = self._entry(name)
        start = self._payload(name, entry)
        self._file.seek(start)
        done = crc = 0
        while done < entry.size:
            got = self._file.readinto(memory[done : done + _CHUNK])
            if not got:
                raise _broken(f"record {name} is cut off")
            crc = zlib.crc32(memory[done : done + got], crc)
            done += got
        # Writers that save the time for the checksum leave it 0.
        if entry.crc not in (0, crc):
            raise _broken(f"the bytes of record {name} do not match their checksum")

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise _broken(f"file not found: record {name}")
        return self._entries[name]

    def _at(self, position: int, length: int) -> bytes:
        if position < 0 or length < 0 or position + length > self._size:
            raise _broken("it points behind the end of the file")
        self._file.seek(position)
        data = self._file.read(length)
        if len(data) != length:
            raise _broken("the file ends too early")
        return data

    def _find_directory(self) -> tuple[int, int, int]:
        """Position, length and number of entries of the directory, from the record that ends the file."""
        tail_size = min(self._size, 22 + _MAX16)
        tail = self._at(self._size - tail_size, tail_size)
        found = tail.rfind(_END)
        if found < 0 or found + 22 > tail_size:
            raise _broken("failed finding central directory")
        disk, first_disk, here, count, length, position = struct.unpack_from("<HHHHLL", tail, found + 4)
        end = self._size - tail_size + found
        if _MAX16 in (here, count) or _MAX32 in (length, position):
            locator = self._at(end - 20, 20)
            if locator[:4] != _LOCATOR64:
                raise _broken("failed finding central directory")
            end = struct.unpack_from("<Q", locator, 8)[0]
            record = self._at(end, 56)
            if record[:4] != _END64:
                raise _broken("failed finding central directory")
            disk, first_disk, here, count, length, position = struct.unpack_from("<LLQQQQ", record, 16)
        if disk or first_disk or here != count or position + length > end:
            raise _broken("the directory does not fit the file")
        return position, length, count

    def _read_directory(self, position: int, length: int, count: int) -> None:
        if count * 46 > length:
            raise _broken("the directory does not fit the file")
        directory = self._at(position, length)
        total = at = 0
        for _ in range(count):
            if directory[at : at + 4] != _ENTRY:
                raise _broken("the directory is damaged")
            flags, method = struct.unpack_from("<HH", directory, at + 8)
            crc, packed, size, name_size, extra_size, note_size = struct.unpack_from(
                "<LLLHHH", directory, at + 16
            )
            header = struct.unpack_from("<L", directory, at + 42)[0]
            raw = directory[at + 46 : at + 46 + name_size]
            extra = directory[at + 46 + name_size : at + 46 + name_size + extra_size]
            at += 46 + name_size + extra_size + note_size
            if at > length:
                raise _broken("the directory is cut off")
            size, packed, header = _wide(extra, size, packed, header)
            total += size
            if flags & 1 or method != 0 or packed != size:
                raise _broken("records must be stored, neither compressed nor encrypted")
            if header + 30 + size > position or total > self._size:
                raise _broken("a record does not fit the file")
            self._add(raw, _Entry(header, size, crc))

    def _add(self, raw: bytes, entry: _Entry) -> None:
        """Notes a record under its name without the folder, which is the same for all."""
        folder, slash, name = raw.partition(b"/")
        if not self._entries:
            self._folder = folder
        if not slash or folder != self._folder:
            raise _broken("the records do not stand in one folder")
        try:
            text = name.decode()
        except UnicodeDecodeError:
            raise _broken("a record's name is no text") from None
        if text in self._entries:
            raise _broken(f"there are two records {text}")
        self._entries[text] = entry

    def _payload(self, name: str, entry: _Entry) -> int:
        """Where the bytes of a record begin: behind its header, which repeats the name."""
        header = self._at(entry.header, 30)
        name_size, extra_size = struct.unpack_from("<HH", header, 26)
        raw = self._folder + b"/" + name.encode()
        if header[:4] != _LOCAL or name_size != len(raw) or self._at(entry.header + 30, name_size) != raw:
            raise _broken(f"the header of record {name} is damaged")
        start = entry.header + 30 + name_size + extra_size
        if start + entry.size > self._size:
            raise _broken(f"record {name} is cut off")
        return start


def _wide(extra: bytes, *numbers: int) -> list[int]:
    """Sizes and position of a record; those that do not fit 32 bits stand in an extra field."""
    out = list(numbers)
    at = 0
    while _MAX32 in out and at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            place = at + 4
            for i, n in enumerate(out):
                if n == _MAX32:
                    out[i] = struct.unpack_from("<Q", extra, place)[0]
                    place += 8
            break
        at += 4 + size
    return out


def _broken(why: str) -> LoadError:
    return LoadError(
        f"PytorchStreamReader failed reading zip archive: {why}. The file is damaged, was not saved or "
        "transferred completely, or was changed afterwards; nothing was loaded."
    )


# ---- writing ----------------------------------------------------------------------------------------------


class Writer:
    """Writes records one after the other to a file, then the directory; the file need not seek."""

    def __init__(self, file: Any, folder: str):
        self._file = file
        self._folder = folder
        self._position = 0
        self._directory: list[bytes] = []

    def add(self, name: str, data: bytes | memoryview) -> None:
        """One record; its bytes begin at a multiple of 64."""
        raw = f"{self._folder}/{name}".encode()
        size, crc = len(data), zlib.crc32(data)
        header, wide = self._position, b""
        if size >= _MAX32:
            wide = struct.pack("<HHQQ", 1, 16, size, size)
        gap = -(header + 30 + len(raw) + len(wide) + 4) % _ALIGNMENT
        extra = wide + struct.pack("<HH", 0x4246, gap) + bytes(gap)
        small = min(size, _MAX32)
        common = struct.pack("<HHHHHLLL", 45 if wide else 0, _UTF8, 0, 0, _DATE, crc, small, small)
        self._write(_LOCAL + common + struct.pack("<HH", len(raw), len(extra)) + raw + extra)
        self._write(data)
        if header >= _MAX32:
            wide = (
                struct.pack("<HHQ", 1, 8, header)
                if not wide
                else struct.pack("<HHQQQ", 1, 24, size, size, header)
            )
        self._directory.append(
            _ENTRY
            + struct.pack("<H", 45 if wide else 0)
            + common
            + struct.pack("<HHHHHLL", len(raw), len(wide), 0, 0, 0, 0, min(header, _MAX32))
            + raw
            + wide
        )

    def close(self) -> None:
        """Writes the directory."""
        position, count = self._position, len(self._directory)
        for entry in self._directory:
            self._write(entry)
        length, end = self._position - position, self._position
        if count >= _MAX16 or end >= _MAX32:
            self._write(_END64 + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, count, count, length, position))
            self._write(_LOCATOR64 + struct.pack("<LQL", 0, end, 1))
        here = min(count, _MAX16)
        self._write(
            _END + struct.pack("<HHHHLLH", 0, 0, here, here, min(length, _MAX32), min(position, _MAX32), 0)
        )

    def _write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._position += len(data)
