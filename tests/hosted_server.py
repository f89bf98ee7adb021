"""A real HTTP server on loopback that answers like a hosted model, or as badly as it is told to; and models that ask it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rung.events import Event, Events
from rung.models.hosted import HostedModel
from rung.models.hosted.patience import Patience
from rung.models.hosted.spending import TokenPrices

Body = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What is sent back; `hang_s` before it."""

    status: int = 200
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_s: float = 0.0


Behaviour = Callable[[Body], Answer]


def completion(text: str | None, *, finish: str = "stop", usage: Body | None = None, **message: Any) -> Answer:
    """A chat completion; ten tokens in and three out, where nothing else is said."""
    counted = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13} if usage is None else usage
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    return sent({"id": "1", "object": "chat.completion", "choices": [choice], "usage": counted})


def sent(value: Any, status: int = 200, hang_s: float = 0.0, **headers: str) -> Answer:
    """JSON."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json", **names}, hang_s)


def error(status: int, message: str = "no", hang_s: float = 0.0, **more: str) -> Answer:
    """An error of OpenAI's shape; a `retry_after` among `more` becomes a header."""
    headers = {name: more.pop(name) for name in list(more) if name.startswith("retry_after")}
    return sent({"error": {"message": message, **more}}, status, hang_s, **headers)


def page(status: int = 200) -> Answer:
    """What a proxy or a login in between says."""
    return Answer(status, b"<!doctype html><html><body>Please log in</body></html>", {"content-type": "text/html"})


def last(body: Body) -> str:
    """The last message of a request."""
    return str(body["messages"][-1]["content"])


def echo(body: Body) -> Answer:
    """The usual behaviour: the prompt in capitals."""
    return completion(last(body).upper())


class Server:
    """What a test gives and looks at.

    Attributes:
        steps: answers of the next requests, whichever they are. behaviour: of all others.
        bodies, headers: of the requests that came, in order. most: requests at once, at most.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.steps: list[Answer | Behaviour] = []
        self.behaviour: Behaviour = echo
        self.bodies: list[Body] = []
        self.headers: list[Mapping[str, str]] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The model's name, for `HostedModel`."""
        return f"{self.url}#tiny"

    @property
    def asked(self) -> list[str]:
        """Last messages, in the order they came."""
        return [last(body) for body in self.bodies]

    def answer(self, body: Body, headers: Mapping[str, str]) -> Answer:
        with self._lock:
            self.bodies.append(body)
            self.headers.append(headers)
            step = self.steps.pop(0) if self.steps else self.behaviour
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            found = step if isinstance(step, Answer) else step(body)
            time.sleep(found.hang_s)
            return found
        finally:
            with self._lock:
                self._now -= 1


@contextmanager
def serving() -> Iterator[Server]:
    """A server for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found = server.answer({**body, "path": self.path}, {k.lower(): v for k, v in self.headers.items()})
            try:
                self.send_response(found.status)
                for name, value in {**found.headers, "content-length": str(len(found.content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(found.content)
            except OSError:  # the client did not wait
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are silent."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = False  # closing waits for them
        request_queue_size = 64

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server = Server(f"http://127.0.0.1:{listener.server_port}/v1")
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()


KEY = "sk-test-0123456789abcdef"
#: A dollar a token, so that sums are easy: an answer of the server costs 13.
DOLLARS = TokenPrices(input_usd=1e6, output_usd=1e6)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.fixture(name="server")
def running_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNG_API_KEY", KEY)
    with serving() as running:
        yield running


class Heard(list[Event]):
    """The events of a call."""

    @property
    def stream(self) -> Events:
        return Events((self.append,))

    def texts(self, kind: str) -> list[str]:
        return [event.text for event in self if event.kind == kind]


class Naps(list[float]):
    """Waiting that takes no time."""

    def patience(self, **changes: Any) -> Patience:
        return Patience(**{"tries": 4, "sleep": self.sleep, **changes})

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(0)


def model_at(server: Server, naps: Naps | None = None, **how: Any) -> HostedModel:
    patience = how.pop("patience", None) or (Naps() if naps is None else naps).patience()
    return HostedModel(server.name, patience=patience, **how)


def texts(model: HostedModel, *prompts: str, **how: Any) -> list[str]:
    return [reply.text for reply in model.generate(prompts, **how)]
