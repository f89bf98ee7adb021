"""Hosted models in trouble, which passes (asked again) or stays (stopped with what to do). A real client, a real server."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import pickle
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from hosted_server import (
    KEY,
    Answer,
    Body,
    Heard,
    Naps,
    Server,
    completion,
    echo,
    error,
    last,
    model_at,
    page,
    running_server,  # noqa: F401 a fixture
    sent,
    serving,
    texts,
)
from rung.errors import ModelError
from rung.events import Event, Events
from rung.models.hosted import HostedModel
from rung.models.hosted.patience import Gate, Patience, retry_after_s


@pytest.mark.parametrize(
    "trouble",
    [
        error(429, "slow down"),
        error(408),
        error(409),
        error(500),
        error(503, "overloaded"),
        page(502),
        page(),
        Answer(200, b'{"choices": ['),
        Answer(200, b"\xff\xfe\x00"),
        Answer(200, b"no gzip", {"content-encoding": "gzip"}),
        sent([]),
        sent({"choices": []}),
        sent({"choices": None}),
        sent({"error": {"code": 503, "message": "upstream"}}),
        completion(None),
        completion(None, tool_calls=[{"id": "1"}]),
    ],
)
def test_a_passing_trouble_is_asked_again(server: Server, trouble: Answer) -> None:
    server.steps = [trouble]
    heard, naps = Heard(), Naps()
    assert texts(model_at(server, naps), "a", events=heard.stream) == ["A"]
    assert server.asked == ["a", "a"] and len(naps) == 1
    assert "asking again" in heard.texts("message")[0]


def test_a_compressed_answer_is_read(server: Server) -> None:
    answer = completion("fine")
    server.steps = [Answer(200, gzip.compress(answer.content), {"content-encoding": "gzip"})]
    assert texts(model_at(server), "a") == ["fine"]


def test_the_endpoint_says_how_long_to_wait(server: Server) -> None:
    naps = Naps()
    server.steps = [error(429, retry_after="7"), error(503, retry_after="2.5"), error(429, retry_after_ms="250")]
    assert texts(model_at(server, naps), "a") == ["A"]
    assert [7 <= naps[0] <= 7.7, 2.5 <= naps[1] <= 2.75, 0.25 <= naps[2] <= 0.275] == [True] * 3


def test_retry_after_may_be_a_date_or_nonsense() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < (retry_after_s({"retry-after": soon}) or 0) <= 60
    assert retry_after_s({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after_s({"retry-after": "-3"}) == 0
    assert [retry_after_s({"retry-after": text}) for text in ("", "soon", "nan")] == [None] * 3
    assert retry_after_s({}) is None


def test_waits_grow_and_are_bounded() -> None:
    waits = [Patience().delay_s(failed, None) for failed in range(1, 40)]
    assert 0.25 <= waits[0] <= 0.5 and 1 <= waits[2] <= 2 and 15 <= waits[-1] <= 30


def test_what_never_works_fails_with_the_reason_and_harms_no_other(server: Server) -> None:
    server.behaviour = lambda body: error(500, "kaputt") if last(body) == "bad" else echo(body)
    heard, naps = Heard(), Naps()
    replies = model_at(server, naps).generate(["a", "bad", "c"], events=heard.stream)
    assert [reply.text for reply in replies] == ["A", "", "C"]
    assert replies[1].finish == "failed" and "500: kaputt" in replies[1].reason and "4 times" in replies[1].reason
    assert server.asked.count("bad") == 4 and len(naps) == 3
    assert "1 of 3 prompts have no answer" in heard.texts("warning")[0]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (page(), "a web page in place of an answer"),
        (Answer(200, b"{"), "broken JSON"),
        (sent({"choices": []}), "`choices` is empty"),
        (completion(None), "an answer without text"),
        (completion(None, tool_calls=[{"id": "1"}]), "a call of a tool"),
    ],
)
def test_what_is_no_answer_is_named(server: Server, trouble: Answer, words: str) -> None:
    server.behaviour = lambda body: trouble
    reply = model_at(server).generate(["a"])[0]
    assert reply.finish == "failed" and words in reply.reason


def test_tokens_of_tries_that_brought_nothing_are_counted(server: Server) -> None:
    server.steps = [completion(None)]
    assert model_at(server).generate(["a"])[0].usage.tokens_in == 20


def test_a_wait_longer_than_patience_is_not_waited(server: Server) -> None:
    server.behaviour = lambda body: error(429, "daily limit", retry_after="3600")
    naps = Naps()
    reply = model_at(server, patience=naps.patience(wait_s=60)).generate(["a"])[0]
    assert naps == [] and len(server.bodies) == 1
    assert "asks to wait 3600 seconds" in reply.reason


def test_a_request_that_takes_too_long_is_given_up(server: Server) -> None:
    server.steps = [sent({}, hang_s=0.6)]
    model = model_at(server, patience=Naps().patience(request_s=0.3))
    assert texts(model, "a") == ["A"] and len(server.bodies) == 2
    server.behaviour = lambda body: sent({}, hang_s=0.4)
    reply = model_at(server, patience=Naps().patience(request_s=0.2, tries=2)).generate(["a"])[0]
    assert reply.finish == "failed" and "no whole answer within 0.2 seconds" in reply.reason


def test_no_more_requests_than_allowed_are_on_their_way(server: Server) -> None:
    server.behaviour = lambda body: sent(json.loads(echo(body).content), hang_s=0.02)
    model = model_at(server, concurrency=3)
    threads = [threading.Thread(target=texts, args=(model, *(f"{i}-{j}" for j in range(6)))) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.bodies) == 18 and 2 <= server.most <= 3


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "Incorrect API key provided:"), (403, "this key may not do that:"), (400, "API key not valid:")],
)
def test_a_wrong_key_stops_at_once_and_is_named_not_shown(server: Server, status: int, words: str) -> None:
    server.behaviour = lambda body: error(status, f"{words} {KEY}")
    with pytest.raises(ModelError, match="RUNG_API_KEY") as caught:
        model_at(server, concurrency=1).generate(["a", "b", "c"])
    assert len(server.bodies) == 1
    assert KEY not in f"{caught.value!r} {caught.value} {pickle.dumps(caught.value)!r}"


def test_the_key_stands_nowhere(server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server.behaviour = lambda body: (
        error(400, f"bad {KEY}") if last(body) == "bad" else completion(f"you are {KEY}", reasoning=f"key {KEY}")
    )
    caplog.set_level(logging.DEBUG)
    heard = Heard()
    model = model_at(server, answers=tmp_path)
    replies = model.generate(["a", "bad"], events=heard.stream)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    everything = f"{replies} {heard} {model!r} {vars(model)} {model.info} {kept!r} {caplog.text}"
    assert "you are [key]" in everything and "bad [key]" in everything
    assert KEY not in everything


def test_a_missing_key_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNG_API_KEY")
    for name, variable in (("openai:gpt", "OPENAI_API_KEY"), ("https://llm.example/v1#m", "RUNG_API_KEY")):
        model = HostedModel(name)
        assert variable in (model.missing_key() or "") and not model.local
        with pytest.raises(ModelError, match=f"{variable} is not set"):
            model.generate(["a"])
    assert model_at(server).missing_key() is None
    assert texts(model_at(server), "a") == ["A"], "on this machine none is needed"


def test_openais_key_goes_to_openai_only(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNG_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    assert HostedModel("https://api.openai.com/v1#gpt").missing_key() is None
    assert HostedModel("http://api.openai.com/v1#gpt").missing_key()
    assert HostedModel("https://api.openai.com.example/v1#gpt").missing_key()
    texts(model_at(server), "a")
    assert KEY not in str(server.headers) and "org-mine" not in str(server.headers)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert texts(HostedModel("openai:gpt"), "a") == ["A"]
    assert server.headers[-1]["authorization"] == f"Bearer {KEY}"
    assert server.headers[-1]["openai-organization"] == "org-mine" and server.bodies[-1]["model"] == "gpt"


def test_a_key_with_a_line_break_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNG_API_KEY", f"{KEY}\nmore")
    with pytest.raises(ModelError, match="does not hold a key") as caught:
        model_at(server).generate(["a"])
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "trouble", [error(402, "pay"), error(429, "You exceeded your quota", code="insufficient_quota")]
)
def test_out_of_credit_half_way_then_resumed_pays_nothing_twice(
    server: Server, tmp_path: Path, trouble: Answer
) -> None:
    prompts = [f"p{i}" for i in range(10)]
    paid: list[str] = []

    def poor(body: Body) -> Answer:
        if len(paid) >= 4:
            return trouble
        paid.append(last(body))
        return echo(body)

    server.behaviour = poor
    with pytest.raises(ModelError, match="out of credit") as caught:
        model_at(server, answers=tmp_path, concurrency=2).generate(prompts)
    assert "are kept" in str(caught.value) and len(paid) == 4 and len(server.bodies) <= 6

    server.bodies.clear()
    server.behaviour = echo
    assert texts(model_at(server, answers=tmp_path), *prompts) == [p.upper() for p in prompts]
    assert sorted(server.asked) == sorted(set(prompts) - set(paid))


def test_answers_on_their_way_are_waited_for_and_kept(server: Server, tmp_path: Path) -> None:
    slow = sent(json.loads(completion("worth it").content), hang_s=0.2)
    server.behaviour = lambda body: slow if last(body) == "slow" else error(402, "pay", hang_s=0.05)
    with pytest.raises(ModelError, match="out of credit"):
        model_at(server, answers=tmp_path, concurrency=2).generate(["slow", "poor", "never"])
    assert sorted(server.asked) == ["poor", "slow"]
    assert texts(model_at(server, answers=tmp_path), "slow") == ["worth it"] and len(server.bodies) == 2


def test_an_endpoint_that_is_not_there(server: Server) -> None:
    with serving() as other:
        name = other.name
    naps = Naps()
    with pytest.raises(ModelError, match="cannot be reached"):
        HostedModel(name, patience=naps.patience(tries=8)).generate(["a", "b"])
    assert len(naps) <= 6, "an address where nothing ever answered is soon given up"


@pytest.mark.parametrize("answer", [error(404, "no such model"), Answer(307, b"", {"location": "http://127.0.0.1:9/"})])
def test_no_such_model_and_no_following_of_redirects(server: Server, answer: Answer) -> None:
    server.behaviour = lambda body: answer
    with pytest.raises(ModelError, match="there is no model"):
        model_at(server, concurrency=1).generate(["a", "b"])
    assert len(server.bodies) == 1


def test_an_endpoint_that_goes_away_ends_the_work(server: Server) -> None:
    server.steps = [echo]
    server.behaviour = lambda body: error(503, "gone")
    with pytest.raises(ModelError, match="has stopped answering: 20 prompts in a row"):
        model_at(server, patience=Naps().patience(tries=2)).generate([str(i) for i in range(100)])
    assert len(server.bodies) < 60


def test_a_listener_that_raises_stops_the_work(server: Server, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_at(server, answers=tmp_path, concurrency=1).generate(["a", "b"], events=Events((stop,)))
    assert server.asked == ["a"]
    assert texts(model_at(server, answers=tmp_path), "a", "b") == ["A", "B"] and server.asked == ["a", "b"]


@pytest.mark.parametrize("when", ["waiting", "let in"])
def test_a_place_given_up_is_not_lost(when: str) -> None:
    async def crowd() -> None:
        gate = Gate(1)

        async def pass_through() -> None:
            async with gate:
                pass

        async with gate:
            impatient = asyncio.create_task(pass_through())
            await asyncio.sleep(0)
            if when == "waiting":
                impatient.cancel()
                await asyncio.gather(impatient, return_exceptions=True)
        impatient.cancel()  # where it was let in, it does not know yet
        await asyncio.gather(impatient, return_exceptions=True)
        assert impatient.cancelled()
        await asyncio.wait_for(pass_through(), timeout=5)

    asyncio.run(crowd())


def test_failures_with_answers_between_do_not_end_the_work(server: Server) -> None:
    server.behaviour = lambda body: error(500) if int(last(body)) % 2 else echo(body)
    model = model_at(server, patience=Naps().patience(tries=1), concurrency=1)
    replies = model.generate([str(i) for i in range(60)])
    assert [reply.finish for reply in replies] == ["stop", "failed"] * 30


def test_a_404_after_answers_is_one_prompts_misfortune(server: Server) -> None:
    server.steps = [echo, error(404, "lost my way")]
    replies = model_at(server, concurrency=1).generate(["a", "b", "c"])
    assert [reply.finish for reply in replies] == ["stop", "failed", "stop"]
