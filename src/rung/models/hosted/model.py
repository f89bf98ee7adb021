"""Hosted language models: any endpoint of OpenAI's shape, by name. Keys come from the environment and stay there."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from rung.cache import key_of
from rung.errors import ModelError, UnknownNameError, UsageError
from rung.events import Events
from rung.models.base import Generator, ModelInfo, ModelKind, Reply, Sampling
from rung.models.hosted.answers import AnswerFile
from rung.models.hosted.client import is_loopback, new_client
from rung.models.hosted.patience import Gate, Patience
from rung.models.hosted.round import Desk, Job, Round
from rung.models.hosted.spending import Purse, TokenPrices
from rung.models.hosted.wire import messages_of
from rung.task import Prompt

OPENAI_URL = "https://api.openai.com/v1"
_FORMS = ("openai:MODEL", "https://host/v1#MODEL", "http://host:port/v1#MODEL")


def hosted_name(name: str) -> tuple[str, str] | None:
    """The address and the model in the name of a hosted model; None: the name is another model's.

    >>> hosted_name("http://localhost:8000/v1#qwen"), hosted_name("minilm")
    (('http://localhost:8000/v1', 'qwen'), None)

    Raises:
        UnknownNameError: it begins like a hosted model's and is not one.
    """
    if name.startswith("openai:"):
        base_url, model = os.environ.get("OPENAI_BASE_URL") or OPENAI_URL, name.removeprefix("openai:")
    elif name.startswith(("http://", "https://")):
        base_url, _, model = name.partition("#")
    else:
        return None
    parts = urlsplit(base_url)
    if parts.username is not None or parts.password is not None or parts.query:
        remedy = "leave out what stands before '@' and after '?', and put the key into RUNG_API_KEY"
        raise UnknownNameError("a hosted model's address must hold no key or query", allowed=_FORMS, remedy=remedy)
    if not (model.strip() and parts.hostname and parts.scheme in ("http", "https")):
        raise UnknownNameError("a hosted model is an address and a model", given=name, allowed=_FORMS)
    return base_url.rstrip("/"), model.strip()


class HostedModel(Generator):
    """A language model behind an endpoint that speaks OpenAI's chat completions.

    Answers differ from run to run even at temperature 0; those kept under `answers` do not.

    Args:
        name: `openai:MODEL` (at OPENAI_BASE_URL where that is set) or `http(s)://host:port/v1#MODEL`.
        answers: folder that keeps answers, so that none is paid twice; None: every prompt is asked.
        prices: of the model's tokens. limit_usd: what all answers together may cost, those kept from before included.
        concurrency: requests on their way at once, over all threads.
        reasoning_effort: passed on to models that think first.
        patience: time-outs and retries.

    Raises:
        UnknownNameError: the name is not a hosted model's. UsageError: a cap without prices, or a value out of range.
    """

    kind: ClassVar[ModelKind] = "hosted"

    def __init__(
        self,
        name: str,
        *,
        answers: Path | None = None,
        prices: TokenPrices | None = None,
        limit_usd: float | None = None,
        concurrency: int = 8,
        reasoning_effort: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        found = hosted_name(name)
        if found is None:
            raise UnknownNameError("this is not a hosted model", given=name, allowed=_FORMS)
        if limit_usd is not None and prices is None:
            raise UsageError(
                f"a spending cap for {name} needs the model's prices",
                given=f"limit_usd={limit_usd:g}",
                remedy="give prices: USD per million input and output tokens",
            )
        if limit_usd is not None and not limit_usd >= 0:
            raise UsageError("the spending cap is no amount of money", given=limit_usd, allowed="0 or more USD")
        if concurrency < 1:
            raise UsageError("requests at once must be at least one", given=concurrency)
        self.base_url, self.model = found
        self.answers = answers
        self._purse = Purse(prices, limit_usd)
        patience = patience or Patience()
        self._variables = _key_variables(name, self.base_url)
        gate, variable = Gate(concurrency), self._variables[0]
        self._desk = Desk(name, self.model, variable, patience, self._purse, gate, concurrency, reasoning_effort)
        self._files: dict[Path | None, AnswerFile] = {}
        self._info = ModelInfo(name=name, kind="hosted", revision=key_of(self.base_url, self.model), parameters=0)

    def __repr__(self) -> str:
        return f"HostedModel({self._desk.name!r})"

    @property
    def info(self) -> ModelInfo:
        """Name and revision, a sha-256 over address and model: what the weights are, only the provider knows."""
        return self._info

    @property
    def chat(self) -> bool:
        """It reads turns; a text is sent as the user's one turn."""
        return True

    @property
    def local(self) -> bool:
        """Whether the endpoint is on this machine, so that no data leaves it by asking."""
        return is_loopback(self.base_url)

    @property
    def spent_usd(self) -> float | None:
        """Paid by this object so far, at most; None where the prices are not known."""
        return None if self._purse.prices is None else self._purse.spent_usd

    def missing_key(self) -> str | None:
        """Why the endpoint cannot be asked: no key in the environment; None: there is one, or none is needed."""
        if self._key()[1] or self.local:
            return None
        return f"{self._desk.name} needs a key: set the environment variable {self._variables[0]}"

    def generate(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling | None = None,
        *,
        schema: Mapping[str, Any] | None = None,
        events: Events | None = None,
        repeat: int = 0,
    ) -> list[Reply]:
        """An answer to each prompt, in order; see `Generator.generate`.

        The same prompt several times in one call is asked so many times. Usage is what the provider counted, tries that brought
        nothing included; seconds are those of the request that succeeded. Kept answers have the usage they had.

        Args:
            schema: asked for strictly; an endpoint that cannot do it gives any JSON, or any text, and a warning says so.
            repeat: number of this asking, so that answers kept from an earlier one are not taken.

        Raises:
            ModelError: no key, or not the right one; out of credit; over the cap; the endpoint is not there. Answers that came
                are kept under `answers`.
            StorageError: an answer cannot be kept.
        """
        sampling, events = sampling or Sampling(), events or Events()
        kept = self._kept(sampling)
        kept.refresh()
        replies: list[Reply | None] = [None] * len(prompts)
        jobs = []
        for job in self._jobs(prompts, sampling, schema, repeat):
            if isinstance(job, Job):
                jobs.append(job)
            else:
                replies[job] = Reply(
                    "", "failed", reason="the prompt holds characters that cannot be sent (surrogates)"
                )
        todo = [job for job in jobs if not self._found(job, kept, replies)]
        if todo:
            round_ = Round(self._desk, kept, replies, sampling, schema, events)
            _to_end(lambda: self._ask(round_, todo))
        elif replies:
            events.progress(len(replies), len(replies), "prompts", seconds_left=0.0, text=f"asking {self._desk.name}")
        return [reply for reply in replies if reply is not None]

    def _jobs(
        self, prompts: Sequence[Prompt], sampling: Sampling, schema: Mapping[str, Any] | None, repeat: int
    ) -> list[Job | int]:
        """A job for each prompt; the number of one that is no proper text."""
        drawn, asked = self._drawn(sampling), Counter[str]()
        jobs: list[Job | int] = []
        for number, prompt in enumerate(prompts):
            messages = messages_of(prompt)
            try:
                same = key_of(self.base_url, self.model, messages, drawn, schema)
            except UnicodeEncodeError:
                jobs.append(number)
                continue
            times = repeat + asked[same]
            asked[same] += 1
            key = key_of(self.base_url, self.model, messages, drawn, schema, times)
            jobs.append(Job(number, key, messages, times))
        return jobs

    def _found(self, job: Job, kept: AnswerFile, replies: list[Reply | None]) -> bool:
        reply = kept.get(job.key)
        if reply is None:
            return False
        self._purse.paid_before(job.key, reply.usage)
        replies[job.number] = reply
        return True

    def _drawn(self, sampling: Sampling) -> dict[str, Any]:
        effort = sampling.effort or self._desk.effort
        return {**sampling.model_dump(mode="json", exclude={"effort"}), "reasoning_effort": effort}

    def _kept(self, sampling: Sampling) -> AnswerFile:
        path = None
        if self.answers is not None:
            path = self.answers / f"{key_of(self.base_url, self.model, self._drawn(sampling))[:32]}.jsonl"
        return self._files.setdefault(path, AnswerFile(path))  # one for all threads

    async def _ask(self, round_: Round, jobs: Sequence[Job]) -> None:
        variable, key = self._key()
        if not key and not self.local:
            remedy = f"put the key into the environment variable {variable} and run the same command again"
            raise ModelError(f"there is no key for {self._desk.name}: {variable} is not set", remedy=remedy)
        if key and self.base_url.startswith("http://") and not self.local:
            round_.events.warning(f"{self._desk.name}: the key and all prompts travel unencrypted (http, not https)")
        self._desk.key_variable = variable
        ours, places = variable == "OPENAI_API_KEY", self._desk.places
        async with new_client(self.base_url, key or "none", self._desk.patience, places, ours=ours) as client:
            await round_.run(client, jobs)

    def _key(self) -> tuple[str, str]:
        """The variable that holds the key, and the key; where none does, the one that should, and nothing."""
        held = ((name, os.environ.get(name, "").strip()) for name in self._variables)
        variable, key = next((pair for pair in held if pair[1]), (self._variables[0], ""))
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ModelError(
                f"the environment variable {variable} does not hold a key: no key has such characters",
                remedy="copy the key again, without line breaks, quotes or spaces",
            )
        return variable, key


def _key_variables(name: str, base_url: str) -> tuple[str, ...]:
    """Where the key may be, first where it should be. OpenAI's key goes nowhere else by itself."""
    if name.startswith("openai:"):
        return ("OPENAI_API_KEY",)
    is_openai = base_url.startswith("https://") and urlsplit(base_url).hostname == "api.openai.com"
    return ("RUNG_API_KEY", "OPENAI_API_KEY") if is_openai else ("RUNG_API_KEY",)


def _to_end(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine to its end, also where an event loop runs already (a notebook, a server): then in a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work())
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()
