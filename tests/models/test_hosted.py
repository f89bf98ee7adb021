"""Hosted models: names, ordinary answers, and how an endpoint wants to be asked. A real client, a real server on loopback."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from hosted_server import (
    KEY,
    SCHEMA,
    Answer,
    Body,
    Heard,
    Server,
    completion,
    echo,
    error,
    last,
    model_at,
    running_server,  # noqa: F401 a fixture
    sent,
    texts,
)
from rung.errors import UnknownNameError
from rung.models.base import Sampling
from rung.models.hosted import HostedModel, hosted_name
from rung.task import Message


def test_an_answer_comes_with_what_the_provider_counted(server: Server) -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 64}, "completion_tokens_details": {"reasoning_tokens": 7}}
    usage = {"prompt_tokens": 90, "completion_tokens": 12, "total_tokens": 102, **details}
    server.steps = [completion("Paris", usage=usage, reasoning_content="a capital")]
    reply = model_at(server).generate(["Capital of France?"])[0]
    assert (reply.text, reply.finish, reply.reasoning) == ("Paris", "stop", "a capital")
    assert (reply.usage.tokens_in, reply.usage.tokens_out, reply.usage.tokens_cached) == (90, 12, 64)
    assert 0 < reply.usage.seconds < 60


def test_the_request_says_what_was_asked(server: Server) -> None:
    sampling = Sampling(max_tokens=7, temperature=0.5, top_p=0.9, stop=("END",), seed=3)
    turns = (Message("system", "Be brief."), Message("user", "hello"))
    model_at(server, reasoning_effort="low").generate([turns], sampling)
    body = server.bodies[0]
    assert body.pop("messages") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
    ]
    assert body == {
        "path": "/v1/chat/completions",
        "model": "tiny",
        "max_completion_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "seed": 3,
        "reasoning_effort": "low",
    }
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_answers_stand_in_the_order_of_their_prompts(server: Server) -> None:
    server.behaviour = lambda body: sent(json.loads(echo(body).content), hang_s=0.03 if last(body) in "aceg" else 0.0)
    heard = Heard()
    assert texts(model_at(server), *"abcdefgh", events=heard.stream) == list("ABCDEFGH")
    progress = [event for event in heard if event.kind == "progress"]
    assert [event.done for event in progress] == list(range(1, 9)) and progress[-1].total == 8
    assert progress[-1].seconds_left == 0


def test_nothing_is_asked_for_nothing(server: Server) -> None:
    assert model_at(server).generate([]) == [] and server.bodies == []


def test_it_works_where_an_event_loop_runs(server: Server) -> None:
    async def notebook() -> list[str]:
        return texts(model_at(server), "a")

    assert asyncio.run(notebook()) == ["A"]


def test_an_empty_text_is_an_answer(server: Server) -> None:
    server.steps = [completion("")]
    reply = model_at(server).generate(["a"])[0]
    assert (reply.text, reply.finish) == ("", "stop") and len(server.bodies) == 1


@pytest.mark.parametrize(
    ("answer", "finish", "text"),
    [
        (completion("cut", finish="length"), "length", "cut"),
        (completion(None, finish="length"), "length", ""),
        (completion("half", finish="content_filter"), "refused", "half"),
        (completion(None, refusal="I cannot help with that"), "refused", ""),
        (error(400, "blocked", code="content_filter"), "refused", ""),
        (error(403, "Your input was flagged"), "refused", ""),
        (error(400, "This model's maximum context length is 8 tokens", code="context_length_exceeded"), "too_long", ""),
        (error(400, "prompt is too long: 9 tokens > 8 maximum"), "too_long", ""),
        (error(413, "large"), "too_long", ""),
        (error(400, "what?"), "failed", ""),
        (sent({"detail": [{"loc": ["body", "messages"], "msg": "odd", "input": "seed"}]}, 422), "failed", ""),
        (completion([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]), "stop", "in parts"),  # type: ignore[arg-type]
    ],
)
def test_how_an_answer_ended(server: Server, answer: Answer, finish: str, text: str) -> None:
    server.steps = [answer]
    reply = model_at(server).generate(["a"])[0]
    assert (reply.finish, reply.text) == (finish, text)
    assert len(server.bodies) == 1, "asking again would not help"
    if answer.status != 200:
        assert str(answer.status) in reply.reason


def test_stops_hold_where_the_endpoint_does_not_keep_them(server: Server) -> None:
    server.steps = [error(400, "Unsupported parameter: 'stop' is not supported with this model.", param="stop")]
    server.behaviour = lambda body: completion("one|two|three", finish="length")
    reply = model_at(server).generate(["a"], Sampling(stop=("|",)))[0]
    assert (reply.text, reply.finish) == ("one", "stop")
    assert "stop" not in server.bodies[1]


def test_reasoning_that_stands_in_the_total_alone_is_counted(server: Server) -> None:
    server.steps = [completion("x", usage={"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 50})]
    assert model_at(server).generate(["a"])[0].usage.tokens_out == 40


def test_uncounted_tokens_are_estimated_and_said_so(server: Server) -> None:
    server.behaviour = lambda body: completion("a long answer of some words", usage={})
    heard = Heard()
    usage = model_at(server).generate(["a", "b"], events=heard.stream)[0].usage
    assert usage.tokens_in > 0 and usage.tokens_out > 5
    assert len(heard.texts("warning")) == 1 and "estimated" in heard.texts("warning")[0]


def test_a_prompt_that_is_no_text_fails_alone(server: Server) -> None:
    replies = model_at(server).generate(["a", "\ud800"])
    assert [reply.finish for reply in replies] == ["stop", "failed"] and server.asked == ["a"]


def test_a_schema_is_asked_for_strictly(server: Server) -> None:
    texts(model_at(server), "a", schema=SCHEMA)
    wanted = {"name": "answer", "strict": True, "schema": SCHEMA}
    assert server.bodies[0]["response_format"] == {"type": "json_schema", "json_schema": wanted}


@pytest.mark.parametrize(("knows", "tries"), [("json_object", 2), ("nothing", 3)])
def test_an_endpoint_that_does_not_know_schemas(server: Server, knows: str, tries: int) -> None:
    def simple(body: Body) -> Answer:
        wanted = body.get("response_format", {}).get("type")
        return echo(body) if wanted in (None, knows) else error(400, "This format is unavailable now")

    server.behaviour = simple
    heard = Heard()
    model = model_at(server, concurrency=1)
    assert texts(model, "a", "b", schema=SCHEMA, events=heard.stream) == ["A", "B"]
    assert len(server.bodies) == tries + 1, "it is found out once"
    assert texts(model, "c", schema=SCHEMA, events=heard.stream) == ["C"] and len(server.bodies) == tries + 2
    assert len(heard.texts("warning")) == 1 and "JSON schema" in heard.texts("warning")[0]


def test_one_bad_prompt_does_not_cost_the_others_their_schema(server: Server) -> None:
    server.behaviour = lambda body: error(400, "odd characters") if last(body) == "bad" else echo(body)
    replies = model_at(server, concurrency=1).generate(["bad", "a", "bad", "b"], schema=SCHEMA)
    assert [reply.finish for reply in replies] == ["failed", "stop", "failed", "stop"]
    good = [body for body in server.bodies if last(body) != "bad"]
    assert all(body["response_format"]["type"] == "json_schema" for body in good)
    assert server.asked.count("bad") == 3 + 1, "once the format is proved, it is not what was wrong"


def test_fields_that_are_not_taken_are_left_out_and_said_so(server: Server) -> None:
    def picky(body: Body) -> Answer:
        if "max_completion_tokens" in body:
            return error(400, "Unrecognized request argument supplied: max_completion_tokens")
        if "temperature" in body:
            return error(400, "Unsupported value: 'temperature' does not support 0.0", param="temperature")
        if "seed" in body:
            detail = [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 0}]
            return sent({"detail": detail}, 422)
        return echo(body)

    server.behaviour = picky
    heard = Heard()
    model = model_at(server, concurrency=1)
    assert texts(model, "a", "b", events=heard.stream) == ["A", "B"]
    assert texts(model, "c", schema=SCHEMA, events=heard.stream) == ["C"]
    assert len(server.bodies) == 3 + 3 and server.bodies[-1]["max_tokens"] == 256
    assert sorted(re.findall(r"take '(\w+)'", " ".join(heard.texts("warning")))) == ["seed", "temperature"]


def test_a_value_out_of_range_is_the_users_to_mend(server: Server) -> None:
    server.behaviour = lambda body: error(400, "temperature: must be between 0 and 1")
    replies = model_at(server).generate(["a", "b"], Sampling(temperature=1.5))
    assert "must be between" in replies[0].reason and len(server.bodies) == 2


def test_a_bound_that_is_passed_over_is_given_the_old_name(server: Server) -> None:
    """Endpoints that do not know `max_completion_tokens` and say nothing would answer without end."""

    def old(body: Body) -> Answer:
        long = {"prompt_tokens": 10, "completion_tokens": 4000}
        return completion("short", finish="length") if "max_tokens" in body else completion("long", usage=long)

    server.behaviour = old
    replies = model_at(server, concurrency=1).generate(["a", "b"], Sampling(max_tokens=100))
    assert [(reply.text, reply.finish) for reply in replies] == [("short", "length")] * 2
    assert [reply.usage.tokens_out for reply in replies] == [4003, 3] and len(server.bodies) == 3


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert hosted_name("openai:ft:gpt-x:me::1") == ("https://api.openai.com/v1", "ft:gpt-x:me::1")
    assert hosted_name("https://llm.example/v1/#org/model") == ("https://llm.example/v1", "org/model")
    assert [hosted_name(name) for name in ("minilm", "owner/name", "./folder", "openai/gpt-oss")] == [None] * 4
    for name in ("openai:", "http://localhost:1/v1", "https://#m", "http://localhost/v1# "):
        with pytest.raises(UnknownNameError, match="an address and a model"):
            hosted_name(name)
    for name in ("https://me:hunter2@host/v1#m", "https://host/v1?key=hunter2#m"):
        with pytest.raises(UnknownNameError, match="RUNG_API_KEY") as caught:
            HostedModel(name)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(UnknownNameError, match="not a hosted model"):
        HostedModel("minilm")


def test_what_is_known_of_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_at(server)
    info = model.info
    assert (info.name, info.kind, info.parameters, info.context_length) == (server.name, "hosted", 0, 0)
    assert model.chat and model.local and model.kind == "hosted"
    assert re.fullmatch("[0-9a-f]{64}", info.revision)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert HostedModel("openai:tiny").info.revision == info.revision, "the same model by another name"
    assert HostedModel(f"{server.url}#other").info.revision != info.revision
