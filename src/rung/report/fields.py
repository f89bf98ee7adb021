"""Fields under a JSON schema as the report shows them: what went wrong, by field. Knows no layout."""

from __future__ import annotations

from collections import Counter

from rung.evaluation.records import Run
from rung.metrics.extraction import entities_of
from rung.report.entities import Mistake, judged


def mistakes(run: Run, limit: int = 12) -> list[Mistake]:
    """What the answers of a run got wrong, by kind and field, most frequent first; `words` are the first values it happened on.

    A wrong value stands for a missing one of the same field; an answer that could not be read is `no answer`, once a row.
    """
    counts: Counter[tuple[str, str | None, str | None]] = Counter()
    words: dict[tuple[str, str | None, str | None], str] = {}

    def note(kind: str, expected: str | None, given: str | None, example: str) -> None:
        counts[kind, expected, given] += 1
        words.setdefault((kind, expected, given), example)

    for row in run.rows:
        if row.output is None:
            note("no answer", None, None, row.row)
            continue
        given = entities_of(str(row.output))
        flags, lacking = judged(entities_of(str(row.expected)), given)
        for field in (one for one, right in zip(given, flags, strict=True) if not right):
            want = next((one for one in lacking if one.type == field.type), None)
            if want is None:
                note("not expected", None, field.type, field.text)
            else:
                lacking.remove(want)
                note("wrong value", want.type, field.type, f"{want.text} → {field.text}")
        for want in lacking:
            note("missed", want.type, None, want.text)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:limit]
    return [Mistake(*key, count, words[key]) for key, count in ranked]
