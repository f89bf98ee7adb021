"""What texts hold that should not leave the machine: found where it is, and not where it is not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rung.models.hosted.scan import scan


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("use sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x please", "api key"),
        ("AKIAIOSFODNN7EXAMPLE", "api key"),
        ("token ghp_0123456789abcdefghijABCDEFGHIJ012345", "api key"),
        ("xoxb-1234567890-abcdef", "api key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "private key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "token"),
        ("DB_PASSWORD=correcthorse", "password"),
        ('{"password": "hunter2!x"}', "password"),
        ("postgres://app:s3cr3t@db.internal/x", "password"),
        ("write to jane.doe+x@mail.example.org.", "e-mail address"),
        ("IBAN DE89 3704 0044 0532 0130 00 IS MINE", "IBAN"),
        ("GB82WEST12345698765432", "IBAN"),
        ("card 4111 1111 1111 1111, thanks", "card number"),
        ("amex 378282246310005", "card number"),
        ("my SSN is 123-45-6789.", "US social security number"),
        ("call +49 171 2345678", "phone number"),
        ("call (555) 123-4567 now", "phone number"),
        ("ring 020 7946 0958", "phone number"),
        ("from 203.0.113.77.", "IP address"),
    ],
)
def test_what_should_not_leave_is_found_and_masked(text: str, kind: str) -> None:
    (found,) = scan(["nothing here", text])
    assert (found.kind, found.count, found.rows) == (kind, 1, (1,))
    assert found.secret == (kind in ("api key", "private key", "token", "password"))
    shown = found.excerpt.split("…")[0]
    assert len(shown) <= 4 and len(found.excerpt) < 30


@pytest.mark.parametrize(
    "text",
    [
        "I forgot my password: what should I do now?",
        "The secret: patience. My password = ******",
        "password = get_password(user); api_key=$API_KEY; token: <your token>",
        "password=settings.DB_PASSWORD",
        "sk-learn-compatible-estimators-are-fine and a task-force-of-many-people",
        "On 2024-01-02 at 10:30, order 4111111111111112 of 1,234,567.89 USD",
        "order number 1234567890123456, tracking 00340434161094042557",
        "version 1.2.3.4 or v1.2.3.4, on 127.0.0.1; section 3.1.4.1.5",
        "DE89 3704 0044 0532 0130 01",
        "it is 2 + 2 = 4 @ home, 100-200-300 times",
        "",
    ],
)
def test_ordinary_sentences_raise_no_alarm(text: str) -> None:
    assert scan([text]) == []


def test_a_finding_counts_places_and_names_the_first_rows() -> None:
    (found,) = scan(["x"] + ["a@b.org and c@d.org"] * 8)
    assert (found.count, found.rows) == (16, (1, 2, 3, 4, 5))
    assert found.to_dict() == {
        "kind": "e-mail address",
        "count": 16,
        "rows": [1, 2, 3, 4, 5],
        "excerpt": "… (7 characters)",
    }


def test_secrets_come_first() -> None:
    found = scan(["a@b.org", "203.0.113.77", "password=correcthorse"])
    assert [finding.secret for finding in found] == [True, False, False]


def test_long_texts_take_no_long_time() -> None:
    """A pattern that looks back and forth over these would run for hours."""
    scan(["+1" + "1 " * 5000, "a." * 5000 + "@", "0" * 20000, "password=" * 2000, "-" * 20000, "eyJ" * 5000])


def test_public_data_holds_no_secrets(shared_data: Path) -> None:
    path = shared_data / "banking77" / "train.jsonl.gz"
    if not path.exists():
        pytest.skip("banking77 is not on this machine")
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        rows = [json.loads(line)["text"] for line in handle]
    assert len(rows) == 10003
    assert [finding for finding in scan(rows) if finding.secret] == []
