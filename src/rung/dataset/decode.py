"""From a file to its bytes, and from bytes to lines of text: gzip, byte-order marks, wrong encodings, binary data.

Knows nothing about formats. What spoils the whole file is raised; what spoils one line is reported with that line.
"""

from __future__ import annotations

import difflib
import zlib
from pathlib import Path

from rung.dataset.rows import Problem
from rung.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
MAGICS = ((b"PK\x03\x04", "a zip archive or an Excel workbook"), (b"PAR1", "a Parquet file"), (b"%PDF", "a PDF"))
SAMPLE = 8192
TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")


def read_bytes(path: Path, name: str) -> tuple[bytes, Problem | None]:
    """The contents of a file, unpacked if it is gzip, and the problem if the gzip stream ends early or is damaged.

    Raises:
        DataError: no such file (names the nearest), a folder, not readable, or `.gz` without being gzip.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _missing(path, name) from None
    except IsADirectoryError:
        raise DataError(
            "this is a folder, not a file", where=name, remedy=f"name a file in it, or write hf:{name}"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read the file: {error.strerror or error}", where=name) from None
    if data.startswith(GZIP_MAGIC):
        return _gunzip(data, name)
    if path.suffix == ".gz":
        raise DataError("the name ends in .gz but the file is not gzip", where=name, remedy="remove .gz from its name")
    return data, None


def _gunzip(data: bytes, name: str) -> tuple[bytes, Problem | None]:
    """Unpack every member; on damage, what came before it is kept."""
    out = bytearray()
    fault = None
    while data.startswith(GZIP_MAGIC):
        stream = zlib.decompressobj(wbits=31)
        try:
            for start in range(0, len(data), 1 << 16):
                out += stream.decompress(data[start : start + (1 << 16)])
                if stream.eof:
                    break
        except zlib.error as error:
            fault = f"the gzip data is damaged ({str(error).removeprefix('Error ')})"
            break
        if not stream.eof:
            fault = "the gzip file is cut off"
            break
        data = (stream.unused_data + data[start + (1 << 16) :]).lstrip(b"\0")
    if fault is None:
        return bytes(out), None
    line = out.count(b"\n") + 1
    message = f"{fault}: only the {line - 1:,} lines before this one could be unpacked"
    # The last line is cut somewhere: it is reported here and not handed on as a second, false problem.
    kept = bytes(out[: out.rfind(b"\n") + 1])
    return kept, Problem("bad_line", f"{name}, line {line}", message, remedy="copy or download the file again")


def _missing(path: Path, name: str) -> DataError:
    if not path.parent.is_dir():
        return DataError("there is no such folder", where=name, given=str(Path(name).parent), remedy="check the path")
    names = sorted(p.name for p in path.parent.iterdir() if p.is_file())
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else "paths are relative to the task file"
    return DataError("there is no such file", where=name, remedy=remedy)


def decode_lines(data: bytes, name: str) -> tuple[list[str], dict[int, Problem]]:
    """Text lines without their `\\n`, and the lines (from 1) that are not UTF-8, which stand in the list with marks.

    Raises:
        DataError: UTF-16, binary data.
    """
    _refuse_other(data, name)
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")  # line ends of old Macs
    try:
        return data.decode("utf-8").split("\n"), {}
    except UnicodeDecodeError:
        pass
    lines, bad, offset = [], {}, 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            lines.append(raw.decode("utf-8"))
        except UnicodeDecodeError as error:
            lines.append(raw.decode("utf-8", "replace"))
            bad[number] = _not_utf8(name, number, raw, error.start, offset)
        offset += len(raw) + 1
    return lines, bad


def _not_utf8(name: str, number: int, raw: bytes, start: int, offset: int) -> Problem:
    message = f"not UTF-8: byte 0x{raw[start]:02x} at offset {offset + start:,} (byte {start + 1} of the line)"
    near = raw[max(0, start - 20) : start + 20].decode("cp1252", "replace")
    remedy = f"if the file is latin-1 (Windows), it reads …{near}… here; save it as UTF-8: iconv -f CP1252 -t UTF-8"
    return Problem("encoding", f"{name}, line {number}", message, remedy=remedy)


def _refuse_other(data: bytes, name: str) -> None:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            raise DataError(
                f"the file is {encoding}, not UTF-8 (its byte-order mark says so)",
                where=f"{name}, line 1",
                remedy=f"save it as UTF-8: iconv -f {encoding} -t UTF-8",
            )
    for magic, what in MAGICS:
        if data.startswith(magic):
            raise DataError(f"this is {what}, not text", where=name, remedy="export it, or name it by its format")
    sample = data[:SAMPLE]
    zeros = sample.count(0)
    if zeros and max(sample[::2].count(0), sample[1::2].count(0)) > 0.3 * len(sample) / 2:
        raise DataError(
            "the file looks like UTF-16 without a byte-order mark",
            where=f"{name}, line 1",
            remedy="save it as UTF-8: iconv -f UTF-16LE -t UTF-8",
        )
    controls = sum(byte < 32 and byte not in TEXT_CONTROLS for byte in sample)
    if controls > 0.05 * len(sample):
        first = next(i for i, byte in enumerate(sample) if byte < 32 and byte not in TEXT_CONTROLS)
        line = sample[:first].count(b"\n") + 1
        raise DataError(
            "the file holds binary data, not text", where=f"{name}, line {line}", given=repr(sample[first : first + 16])
        )
