"""Every format gives the same rows with true places; every way a file can be broken gives one clear message."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rung.dataset.read import read_rows
from rung.dataset.rows import Problem, Row
from rung.errors import DataError
from rung.plan import DataSource

ROWS = [
    {"text": "naïve café", "label": "a"},
    {"text": "two\nlines", "label": "b"},
    {"text": 'a "quote", ok', "label": "a"},
]
JSONL = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n"
CSV = 'text,label\nnaïve café,a\n"two\nlines",b\n"a ""quote"", ok",a\n'
CONTENTS = {
    "d.jsonl": JSONL,
    "d.ndjson": JSONL,
    "d.json": json.dumps(ROWS, ensure_ascii=False),
    "rows.json": json.dumps({"version": 1, "rows": ROWS}),
    "data.json": json.dumps({"note": "[", "data": ROWS, "more": [1]}),
    "d.csv": CSV,
    "d.tsv": CSV.replace("text,label", "text\tlabel").replace(",a\n", "\ta\n").replace(",b\n", "\tb\n"),
}


def read(folder: Path, name: str, problems: list[Problem] | None = None, **keys: Any) -> list[Row]:
    return read_rows(DataSource(path=name, **keys), folder, problems)


def refused(folder: Path, name: str, content: bytes | str | None = None, **keys: Any) -> DataError:
    if content is not None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read(folder, name, **keys)
    return caught.value


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("packed", [False, True], ids=["", "gz"])
@pytest.mark.parametrize("name", CONTENTS)
def test_every_text_format_gives_the_same_rows(tmp_path: Path, name: str, packed: bool, mark: bytes) -> None:
    data = mark + CONTENTS[name].encode()
    full = name + (".gz" if packed else "")
    (tmp_path / full).write_bytes(gzip.compress(data) if packed else data)
    rows = read(tmp_path, full)
    assert [row.values for row in rows] == ROWS
    assert [row.number for row in rows] == [0, 1, 2]
    assert all(row.where.startswith(f"{full}, line ") for row in rows)


@pytest.mark.parametrize("packed", [False, True])
def test_parquet(tmp_path: Path, packed: bool) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "d.parquet")
    name = "d.parquet"
    if packed:
        name = "d.parquet.gz"
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / "d.parquet").read_bytes()))
    rows = read(tmp_path, name)
    assert [row.values for row in rows] == ROWS
    assert rows[2].where == f"{name}, row 3"


def test_line_numbers_count_blank_lines_and_quoted_newlines(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"text": 1}\n\n  \n{"text": 2}\n')
    assert [row.where for row in read(tmp_path, "d.jsonl")] == ["d.jsonl, line 1", "d.jsonl, line 4"]
    (tmp_path / "d.csv").write_bytes(b'\r\ntext,label\r\n"one\r\ntwo\r\nthree",a\r\n\r\nfour,b\r\n')
    rows = read(tmp_path, "d.csv")
    assert [row.where for row in rows] == ["d.csv, line 3", "d.csv, line 7"]
    assert rows[0].values == {"text": "one\r\ntwo\r\nthree", "label": "a"}
    (tmp_path / "d.json").write_text('{"data": [\n  {"text": 1},\n\n  {"text":\n 2}, {"text": 3}\n]}')
    assert [row.where for row in read(tmp_path, "d.json")] == ["d.json, line 2", "d.json, line 4", "d.json, line 5"]


def test_line_separators_inside_text_do_not_end_a_line(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"text": "a\u2028b\x85c"}\n{"text": "d"}\n', encoding="utf-8")
    rows = read(tmp_path, "d.jsonl")
    assert rows[0].values == {"text": "a\u2028b\x85c"}
    assert rows[1].where == "d.jsonl, line 2"


def test_old_mac_line_ends_and_two_gzip_members(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b"text,label\rx,a\ry,b")
    assert [row.where for row in read(tmp_path, "d.csv")] == ["d.csv, line 2", "d.csv, line 3"]
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(b'{"text": 1}\n') + gzip.compress(b'{"text": 2}\n'))
    assert len(read(tmp_path, "d.jsonl.gz")) == 2


def test_a_very_long_field(tmp_path: Path) -> None:
    long = "word " * 60_000
    (tmp_path / "d.csv").write_text(f"text,label\n{long},a\n")
    assert read(tmp_path, "d.csv")[0].values["text"] == long


def test_one_bad_line_among_ten_thousand(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"m {i}", "label": "a"}) for i in range(10_000)]
    lines[6_541] = '{"text": "m 6541", "label": "a"'
    error = refused(tmp_path, "d.jsonl", "\n".join(lines))
    assert error.where == "d.jsonl, line 6542"
    assert "not valid JSON" in error.message
    assert "column 32" in error.message
    problems: list[Problem] = []
    rows = read(tmp_path, "d.jsonl", problems)
    assert len(rows) == 9_999
    assert [p.where for p in problems] == ["d.jsonl, line 6542"]
    assert rows[6_541].number == 6_542  # numbers stay those of the file


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[1, 2]", "a list stands here"),
        ("null", "a null stands here"),
        ("{'text': 1}", "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"n": 1' + "0" * 5_000 + "}", "not usable JSON"),
    ],
)
def test_lines_that_are_no_rows(tmp_path: Path, line: str, told: str) -> None:
    error = refused(tmp_path, "d.jsonl", f'{{"text": 1}}\n{line}\n{{"text": 2}}\n{line}\n')
    assert error.where == "d.jsonl, line 2"
    assert told in error.message
    assert "1 other line cannot" in error.message


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        ("text,label\na,b\nc\nd,e", 3, "1 fields, but the header has 2 (text, label)"),
        ("text,label\na,b\nhello, world,e", 3, "3 fields"),
        ('text,label\na,b\n"never closed,c\nd,e', 3, "never closed"),
        ('text,label\n"a"b,c', 2, "something else than a delimiter"),
        ("text,text\na,b", 1, "'text' twice"),
    ],
)
def test_bad_csv_lines(tmp_path: Path, content: str, line: int, told: str) -> None:
    error = refused(tmp_path, "d.csv", content)
    assert error.where == f"d.csv, line {line}"
    assert told in error.message


def test_a_bad_csv_line_loses_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b'text,label\na,b\n"x"y,b\nc,d\nlat\xe9,d\ne,f\n')
    problems: list[Problem] = []
    rows = read(tmp_path, "d.csv", problems)
    assert [row.values["text"] for row in rows] == ["a", "c", "e"]
    assert [(p.code, p.where) for p in problems] == [("bad_line", "d.csv, line 3"), ("encoding", "d.csv, line 5")]


@pytest.mark.parametrize(
    ("content", "where", "told"),
    [
        ('[{"a": 1},\n{"a": }]', "d.json, line 2", "column 7"),
        ('[{"a": 1}\n{"a": 2}]', "d.json, line 2", "Expecting ',' delimiter"),
        ('[{"a": 1}', "d.json, line 1", "not valid JSON"),
        ('[{"a": 1}] x', "d.json, line 1", "Extra data"),
        ('{"a": 1}\n{"a": 2}', "d.json, line 2", "Extra data"),
        ('{"items": [{"a": 1}]}', "d.json", "without a list of rows"),
        ('"text"', "d.json", "a text, not a list"),
        ('[{"a": 1},\n 7]', "d.json, line 2", "row 2 is a number"),
    ],
)
def test_bad_json(tmp_path: Path, content: str, where: str, told: str) -> None:
    error = refused(tmp_path, "d.json", content)
    assert error.where == where
    assert told in error.message


def test_formats_taken_for_another_are_named(tmp_path: Path) -> None:
    assert ".jsonl" in str(refused(tmp_path, "d.json", '{"a": 1}\n{"a": 2}').remedy)
    assert ".json" in str(refused(tmp_path, "d.jsonl", '[\n{"a": 1}]').remedy)
    assert "Excel" in refused(tmp_path, "d.csv", b"PK\x03\x04rest").message
    assert "Parquet" in refused(tmp_path, "e.csv", b"PAR1rest").message
    assert "not gzip" in refused(tmp_path, "d.csv.gz", "text,label\n").message
    assert "Parquet" in refused(tmp_path, "d.parquet", "text,label\n").message
    assert ".jsonl" in str(refused(tmp_path, "d.txt", "hello").allowed)


def test_a_gzip_file_without_the_ending_is_read(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_bytes(gzip.compress(b'{"text": "x"}\n'))
    assert read(tmp_path, "d.jsonl")[0].values == {"text": "x"}


def test_wrong_encoding(tmp_path: Path) -> None:
    good = b'{"text": "ok"}\n'
    error = refused(tmp_path, "d.jsonl", good * 3 + '{"text": "café"}\n'.encode("latin-1"))
    assert error.where == "d.jsonl, line 4"
    assert "byte 0xe9 at offset 58 (byte 14 of the line)" in error.message
    assert "latin-1" in str(error.remedy)
    assert "café" in str(error.remedy)  # how it would read
    error = refused(tmp_path, "d.json", '[{"text":\n "café"}]'.encode("latin-1"))
    assert error.where == "d.json, line 2"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16(tmp_path: Path, encoding: str) -> None:
    error = refused(tmp_path, "d.csv", "text,label\nhello,a\n".encode(encoding))
    assert "UTF-16" in error.message or "UTF-32" in error.message
    assert "iconv" in str(error.remedy)


def test_binary_garbage(tmp_path: Path) -> None:
    garbage = bytes((i * 167 + i // 7) % 256 for i in range(5_000))
    for name in ("d.jsonl", "d.csv", "d.json"):
        assert "binary" in refused(tmp_path, name, garbage).message


def test_damaged_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    whole = gzip.compress("".join(f'{{"text": "message {i}"}}\n' for i in range(5_000)).encode())
    error = refused(tmp_path, "d.jsonl.gz", whole[: len(whole) // 2])
    assert "cut off" in error.message
    problems: list[Problem] = []
    rows = read(tmp_path, "d.jsonl.gz", problems)
    assert 100 < len(rows) < 5_000
    assert [p.where for p in problems] == [f"d.jsonl.gz, line {len(rows) + 1}"]
    spoilt = bytearray(whole)
    spoilt[len(whole) // 2] ^= 0xFF
    assert "damaged" in refused(tmp_path, "e.jsonl.gz", bytes(spoilt)).message


def test_missing_files_name_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}")
    assert "'train.jsonl'" in str(refused(tmp_path, "trian.jsonl").remedy)
    assert refused(tmp_path, "elsewhere/x.jsonl").given == "elsewhere"
    (tmp_path / "folder").mkdir()
    assert "hf:folder" in str(refused(tmp_path, "folder").remedy)
    assert "empty" in refused(tmp_path, "e.jsonl", " \n").message
    assert "hf:" in refused(tmp_path, "https://example.org/d.csv").message
    assert "`split`" in refused(tmp_path, "train.jsonl", split="train").message


def test_class_numbers_in_parquet_get_their_names(tmp_path: Path) -> None:
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}, "text": {"dtype": "string", "_type": "Value"}}
    table = pa.table({"text": ["x", "y", "z"], "label": [1, 0, -1]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "d.parquet")
    assert [row.values["label"] for row in read(tmp_path, "d.parquet")] == ["yes", "no", None]
