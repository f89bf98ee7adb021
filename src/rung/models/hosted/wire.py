"""The chat-completions protocol: what is sent, what an answer holds, what an error means. Knows no clients, keys or retries."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rung.models.base import Finish, Reply, Sampling
from rung.task import Prompt, Usage

#: What becomes of a request that brought no answer. `again`: it may succeed later; `unlike`: the endpoint may take it in another
#: form; `key`, `credit`, `nowhere` (no such model or path): no request will succeed; the rest is about this prompt alone.
Trouble = Literal["again", "unlike", "key", "credit", "nowhere", "too_long", "refused", "failed"]

#: Fields some endpoints do not know. Without them an answer is still one; `stop` is then applied by us.
_DISPENSABLE = ("temperature", "top_p", "top_k", "seed", "stop", "reasoning_effort")

_TRANSIENT = frozenset({408, 409, 425, 429})
_TOO_LONG = re.compile(
    r"context[_ ](length|window|size)|too many (input )?tokens|(input|prompt)( length)? (is|was) too (long|large)"
    r"|reduce the length|exceed\w* the (available )?context|string_above_max_length",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[_ ](filter|policy|management)|responsible ?ai ?policy|moderation|flagged", re.IGNORECASE
)
_RANGE = re.compile(
    r"\b(must be|between|at most|at least|too (large|small|high|low)|(less|greater) than|range)\b", re.IGNORECASE
)
_BAD_KEY = re.compile(r"(invalid|incorrect) api[ _]key|api[ _]key (is )?(not valid|invalid)", re.IGNORECASE)
_NO_CREDIT = re.compile(r"insufficient[_ ](quota|balance|credit)|billing|credit balance|out of credit", re.IGNORECASE)


class NoAnswerError(Exception):
    """A request brought no answer; always caught within the house.

    Attributes:
        trouble: what becomes of it. reason: for people; holds no key.
        told_s: how long the endpoint asks to wait. lost_s: how long it was waited for in vain.
        reached: whether the endpoint answered at all. paid: tokens it counted all the same; None: it may have counted some.
    """

    def __init__(
        self,
        trouble: Trouble,
        reason: str,
        *,
        told_s: float | None = None,
        lost_s: float = 0.0,
        reached: bool = True,
        paid: Usage | None = Usage(),  # noqa: B008 a frozen value
    ) -> None:
        super().__init__(reason)
        self.trouble = trouble
        self.reason = reason
        self.told_s = told_s
        self.lost_s = lost_s
        self.reached = reached
        self.paid = paid


@dataclass(frozen=True)
class Dialect:
    """How an endpoint wants to be asked, as far as it is known.

    Attributes:
        limit: the field that bounds an answer. answer_format: how a schema is asked for. dropped: fields it does not take.
    """

    limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    answer_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    dropped: frozenset[str] = frozenset()

    def simpler(self, body: Mapping[str, Any], said: str, *, proved: bool) -> Dialect | None:
        """The form to try after `body` was answered with 400 and the words `said`; None: the form is not what was wrong.

        Args:
            proved: answers in this form came before, so that only an error that names a field speaks against it.
        """
        if not _RANGE.search(said):  # else the field is known, and its value is wrong
            if self.limit == "max_completion_tokens" and self.limit in said:
                return replace(self, limit="max_tokens")
            for name in _DISPENSABLE:
                if name in body and _names(said, name):
                    return replace(self, dropped=self.dropped | {name})
        if "response_format" in body and (not proved or re.search(r"response_format|schema|json", said, re.IGNORECASE)):
            return replace(self, answer_format="json_object" if self.answer_format == "json_schema" else "text")
        return None

    def lacks(self, than: Dialect) -> list[str]:
        """What this form does without and `than` does not, for people."""
        lost = [f"it does not take {name!r}, which is left out" for name in sorted(self.dropped - than.dropped)]
        if self.answer_format != than.answer_format:
            kept = {"json_object": "some JSON, not this schema", "text": "no JSON format at all"}
            lost.append(f"it does not hold answers to the JSON schema (it takes {kept[self.answer_format]})")
        return lost


def _names(said: str, name: str) -> bool:
    # `stop` is also an everyday word
    pattern = rf"['\"`.(]{name}\b|^{name}\b" if name == "stop" else rf"\b{name}\b"
    return re.search(pattern, said, re.IGNORECASE) is not None


def messages_of(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as messages; a text is the user's one message."""
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    return [{"role": turn.role, "content": turn.content} for turn in prompt]


def body_of(
    messages: Sequence[Mapping[str, str]], sampling: Sampling, schema: Mapping[str, Any] | None, dialect: Dialect
) -> dict[str, Any]:
    """The request, without the model's name."""
    optional: dict[str, Any] = {"temperature": sampling.temperature, "seed": sampling.seed}
    if sampling.top_p != 1:
        optional["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        optional["top_k"] = sampling.top_k
    if sampling.stop:
        optional["stop"] = list(sampling.stop[:4])  # the protocol takes four; `reply_of` applies all
    body = {"messages": list(messages), dialect.limit: sampling.max_tokens}
    body |= {name: value for name, value in optional.items() if name not in dialect.dropped}
    if schema is not None and dialect.answer_format == "json_schema":
        wanted = {"name": "answer", "strict": True, "schema": dict(schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    elif schema is not None and dialect.answer_format == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def reply_of(text: str, seconds: float, stop: Sequence[str] = ()) -> tuple[Reply, bool]:
    """The reply in the text of a successful response, and whether its tokens were counted.

    Raises:
        NoAnswerError: it holds no answer.
    """
    try:
        answer = json.loads(text)
    except ValueError:
        what = "a web page" if text.lstrip()[:1] == "<" else "broken JSON"
        raise NoAnswerError("again", f"the endpoint sent {what} in place of an answer", paid=None) from None
    answer = answer if isinstance(answer, dict) else {}
    choices = answer.get("choices")
    if not choices and isinstance(answer.get("error"), dict):  # some gateways report errors with status 200
        code = answer["error"].get("code")
        raise trouble_of(code if isinstance(code, int) else 500, text, {})
    usage, counted = _usage(answer.get("usage"), seconds)
    if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
        paid = usage if counted else None
        raise NoAnswerError("again", "the endpoint sent no answer (`choices` is empty)", paid=paid)
    return _reply(choices[0], usage, counted, stop), counted


def _reply(choice: Mapping[str, Any], usage: Usage, counted: bool, stop: Sequence[str]) -> Reply:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    reasoning = next((v for k in ("reasoning_content", "reasoning") if isinstance(v := message.get(k), str)), "")
    content, why = _text(message.get("content")), choice.get("finish_reason")
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        return Reply("", "refused", usage, reasoning, refusal)
    if why == "content_filter":
        return Reply(content or "", "refused", usage, reasoning, "the provider's content filter held the answer back")
    if content is None and why != "length":  # with `length`, all tokens went into the reasoning
        what = "a call of a tool in place of a text" if message.get("tool_calls") else "an answer without text"
        raise NoAnswerError("again", f"the endpoint sent {what}", paid=usage if counted else None)
    text, stopped = _cut(content or "", stop)
    finish: Finish = "length" if why == "length" and not stopped else "stop"
    return Reply(text, finish, usage, reasoning)


def _text(content: object) -> str | None:
    if isinstance(content, list):  # parts
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str)) if parts else None
    return content if isinstance(content, str) else None


def _cut(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    ends = [at for mark in stop if mark and (at := text.find(mark)) >= 0]
    return (text[: min(ends)], True) if ends else (text, False)


def _usage(told: object, seconds: float) -> tuple[Usage, bool]:
    told = told if isinstance(told, dict) else {}
    tokens_in, tokens_out = _number(told.get("prompt_tokens")), _number(told.get("completion_tokens"))
    # some providers count reasoning in the total alone
    tokens_out = max(tokens_out, _number(told.get("total_tokens")) - tokens_in)
    details = told.get("prompt_tokens_details")
    cached = _number(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Usage(tokens_in, tokens_out, min(cached, tokens_in), seconds), tokens_in > 0


def _number(value: object) -> int:
    good = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return int(value) if good else 0  # type: ignore[call-overload]


def estimated_tokens(*texts: str) -> int:
    """Tokens of texts, rather too many: three bytes each (of Latin script, three characters), and some for the frame."""
    return sum(len(text.encode("utf-8", "replace")) // 3 + 8 for text in texts)


def trouble_of(status: int, text: str, headers: Mapping[str, str], told_s: float | None = None) -> NoAnswerError:
    """What an error response means."""
    said, code = _said(text)
    reason = f"the endpoint answered {status}{f': {said[:300]}' if said else ''}"
    trouble: Trouble
    if status == 401 or (status == 400 and _BAD_KEY.search(said)):
        return NoAnswerError(
            "key", f"the endpoint answered {status}: the key is not valid"
        )  # its words may quote the key
    if status == 402 or _NO_CREDIT.search(code) or (status in (403, 429) and "insufficient_quota" in said):
        trouble = "credit"
    elif status == 403:
        trouble = "refused" if _FILTERED.search(f"{code} {said}") else "key"
    elif status in _TRANSIENT or status >= 500:
        trouble = "again"
    elif status in (404, 405, 410) or status < 400:
        trouble = "nowhere"
        where = headers.get("location", "")
        reason += f" (it points to {where.split('?')[0][:200]})" if where else ""
    elif status == 413 or _TOO_LONG.search(f"{code} {said}"):
        trouble = "too_long"
    elif _FILTERED.search(f"{code} {said}"):
        trouble = "refused"
    else:
        trouble = "unlike" if status in (400, 422) else "failed"
    return NoAnswerError(trouble, reason, told_s=told_s)


def _said(text: str) -> tuple[str, str]:
    """The words of an error response, and its codes (type, code and parameter)."""
    try:
        body = json.loads(text)
    except ValueError:
        return ("a web page" if text.lstrip()[:1] == "<" else " ".join(text.split())[:500]), ""
    found = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(found, dict):
        return str(found)[:500], ""
    detail = found.get("detail")  # FastAPI: a list of fields; what was sent stands in it too and is not repeated
    if isinstance(detail, list):
        return "; ".join(f"{e.get('loc')}: {e.get('msg')}" for e in detail if isinstance(e, dict)), ""
    codes = [str(found[name]) for name in ("type", "code", "param") if found.get(name) is not None]
    message = " ".join(str(found.get("message") or detail or "").split())
    return f"{message}{f' ({codes[-1]})' if found.get('param') else ''}"[:500], " ".join(codes)
