"""What texts hold that should perhaps not leave the machine: keys, passwords, personal data. Looked for before a first upload.

Patterns, not understanding: names, addresses and most trade secrets are not found. Where a form has check digits (cards, IBANs)
they are checked, so that an order number is seldom taken for a card. A finding never shows what it found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

FindingKind = Literal[
    "private key",
    "api key",
    "token",
    "password",
    "e-mail address",
    "IBAN",
    "card number",
    "US social security number",
    "phone number",
    "IP address",
]
#: What opens a door, in contrast to what belongs to a person.
SECRETS: frozenset[FindingKind] = frozenset({"private key", "api key", "token", "password"})
_ROWS = 5


@dataclass(frozen=True)
class Finding:
    """One kind of thing, in some of the texts.

    Attributes:
        count: places. rows: numbers of the first texts that have it, from 0, five at most.
        excerpt: the first place, masked.
    """

    kind: FindingKind
    count: int
    rows: tuple[int, ...]
    excerpt: str

    @property
    def secret(self) -> bool:
        """Whether it opens a door; else it belongs to a person."""
        return self.kind in SECRETS

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {"kind": self.kind, "count": self.count, "rows": list(self.rows), "excerpt": self.excerpt}


class _Form(NamedTuple):
    kind: FindingKind
    pattern: re.Pattern[str]
    real: Callable[[str], bool] | None = None


def scan(texts: Sequence[str]) -> list[Finding]:
    """What is found in texts, secrets first.

    >>> scan(["my card has not arrived", "write to jane.doe@example.org"])
    [Finding(kind='e-mail address', count=1, rows=(1,), excerpt='ja… (20 characters)')]
    """
    places: dict[FindingKind, list[tuple[int, str]]] = {}
    for row, text in enumerate(texts):
        for kind, found in _in_text(text):
            places.setdefault(kind, []).append((row, found))
    order = list(dict.fromkeys(form.kind for form in _FORMS))
    return [_finding(kind, places[kind]) for kind in order if kind in places]


def _in_text(text: str) -> Iterator[tuple[FindingKind, str]]:
    for kind, pattern, real in _FORMS:
        taken = []
        for match in pattern.finditer(text):
            group = "value" if "value" in pattern.groupindex else 0
            found = match[group]
            if real is None or real(found):
                taken.append(match.span(group))
                yield kind, found
        for start, end in taken:  # a place has one kind, the first that fits
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"


def _finding(kind: FindingKind, places: list[tuple[int, str]]) -> Finding:
    rows = tuple(dict.fromkeys(row for row, _ in places))[:_ROWS]
    return Finding(kind, len(places), rows, _masked(kind, places[0][1]))


def _masked(kind: FindingKind, found: str) -> str:
    shown = 0 if kind == "password" else min(4, len(found) // 8)
    return f"{found[:shown]}… ({len(found)} characters)"


def _is_random(key: str) -> bool:
    """Digits among letters, in a run longer than words are: `sk-learn-compatible-estimators` is none."""
    runs = re.split(r"[-_]", key)
    return max(map(len, runs)) >= 16 and bool(re.search(r"\d", key)) and bool(re.search(r"[A-Za-z]", key[3:]))


def _is_value(value: str) -> bool:
    """A password rather than a placeholder or code that fetches one."""
    return _CODE.search(value) is None


def _is_odd(value: str) -> bool:
    """After a colon, which also stands in sentences, a password shows by a digit or a mark within."""
    return _is_value(value) and re.search(r"\d|\w[!#%&*@^~+=$?]+\w", value) is not None


def _luhn(number: str) -> bool:
    digits = [int(c) for c in number if c.isdigit()]
    doubled = sum(sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + doubled) % 10 == 0


def _iban(text: str) -> bool:
    compact = text.replace(" ", "")
    digits = "".join(str(int(c, 36)) for c in compact[4:] + compact[:4])
    return int(digits) % 97 == 1


def _phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 9 <= len(digits) <= 15 and len(set(digits)) > 2


def _address(text: str) -> bool:
    return not text.startswith(("127.", "0.", "255."))


_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_NAMES = (
    r"password|passwd|pwd|passphrase|passcode|secret(?:[_-]?key)?|api[_-]?key|access[_-]?(?:key|token)|auth[_-]?token"
    r"|private[_-]?key"
)
_VALUE = r"[\"']?(?P<value>[^\s\"',;]{6,})"
#: `$PASSWORD`, `<your key>`, `get_password(`, `config[`, `settings.password`, `******`
_CODE = re.compile(r"^[$<{(\[%]|\$[{(]|\w[(\[]|^[A-Za-z_]+(?:\.[A-Za-z_]+)+$|\*{3}|\.{3}|…|^x+$", re.IGNORECASE)
_CARD = r"(?<![\d-])(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6\d{3})([ -]?)(?:\d{4}\1){2}\d{4}(?![\d-])"
_AMEX = r"(?<![\d-])3[47]\d\d([ -]?)\d{6}\1\d{5}(?![\d-])"
#: Countries of the IBAN registry by the length of their numbers.
_IBAN_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ", 24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "PT ST",
    26: "IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU",
    31: "MT SC", 32: "LC",
}  # fmt: skip
_IBANS = "|".join(
    rf"(?:{'|'.join(countries.split())})\d\d(?: ?[A-Z0-9]){{{length - 4}}}"
    for length, countries in _IBAN_LENGTHS.items()
)

#: In the order in which they are looked for: a key within an assignment is a key.
_FORMS = (
    _Form("private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    _Form("api key", re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"), _is_random),
    _Form("api key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    _Form("api key", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[\w-]{20,})")),
    _Form("api key", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    _Form("api key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b|\b[sr]k_live_[0-9A-Za-z]{16,}|\bhf_[A-Za-z0-9]{30,}\b")),
    _Form("token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")),
    _Form("password", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@]+:(?P<value>[^\s:/@]{3,})@[\w.-]+", re.IGNORECASE)),
    _Form("password", re.compile(rf"(?:\b|_)(?:{_NAMES})[\"']?\s*:?=\s*{_VALUE}", re.IGNORECASE), _is_value),
    _Form("password", re.compile(rf"(?:\b|_)(?:{_NAMES})[\"']?\s*:\s*{_VALUE}", re.IGNORECASE), _is_odd),
    _Form("e-mail address", re.compile(r"\b[\w.+%-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}\b")),
    _Form("IBAN", re.compile(rf"\b(?:{_IBANS})(?![A-Za-z0-9])"), _iban),
    _Form("card number", re.compile(_CARD), _luhn),
    _Form("card number", re.compile(_AMEX), _luhn),
    _Form("US social security number", re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])")),
    _Form(
        "phone number",
        re.compile(r"(?<![\w+])(?<!\d[ .-])(?:\+|00)[1-9]\d{0,2}(?:[ ./-]?\(?\d{1,5}\)?){2,6}(?!\w)"),
        _phone,
    ),
    _Form("phone number", re.compile(r"(?<![\w(.-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])"), _phone),
    _Form("phone number", re.compile(r"(?<![\w.-])(?<!\d )0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,4}(?![\w-])"), _phone),
    _Form("IP address", re.compile(rf"(?<![\w.])(?<!version )(?:{_OCTET}\.){{3}}{_OCTET}(?![\w-]|\.\d)"), _address),
)
