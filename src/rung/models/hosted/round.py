"""One call of a hosted model: many prompts, a bounded number on their way, each asked again where that may help.

What ends the whole call: a key that is not accepted, no credit, the spending cap, an endpoint that is not there, and a listener
that raises. Requests already on their way are then waited for and their answers kept, since they are paid. Whatever befalls one
prompt alone becomes its reply, `failed` with the reason.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rung.cache import key_of
from rung.errors import ModelError, RungError
from rung.events import Events
from rung.models.base import Finish, Reply, Sampling
from rung.models.hosted.answers import AnswerFile
from rung.models.hosted.client import ask
from rung.models.hosted.patience import Gate, Patience
from rung.models.hosted.spending import Purse
from rung.models.hosted.wire import Dialect, NoAnswerError, body_of, estimated_tokens
from rung.task import Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

#: So many prompts in a row without an answer, each asked as often as patience allows, and the endpoint counts as gone.
HOPELESS = 20
#: Tries at an address where nothing ever answered: it is more likely mistyped than busy.
STRANGER_TRIES = 4
_POLL_S = 0.02
_TOLD_RETRIES = 5


class Job(NamedTuple):
    """A prompt to be asked.

    Attributes:
        number: its place in the call. key: of its answer. repeat: how often it was asked before, on purpose.
    """

    number: int
    key: str
    messages: list[dict[str, str]]
    repeat: int


@dataclass
class Desk:
    """What all calls of one model share.

    Attributes:
        name: of the model, for messages. model: for the endpoint. key_variable: where the user put the key, or is to.
        dialects: how the endpoint wants to be asked, by schema.
    """

    name: str
    model: str
    key_variable: str
    patience: Patience
    purse: Purse
    gate: Gate
    places: int
    effort: str | None = None
    dialects: dict[str, Dialect] = field(default_factory=dict)


class Round:
    """The prompts of one call that have no answer yet.

    Args:
        replies: by place in the call; filled by `run`.
    """

    def __init__(
        self,
        desk: Desk,
        kept: AnswerFile,
        replies: list[Reply | None],
        sampling: Sampling,
        schema: Mapping[str, Any] | None,
        events: Events,
    ) -> None:
        self.desk, self.kept, self.replies = desk, kept, replies
        self.sampling, self.schema, self.events = sampling, schema, events
        self._form = "" if schema is None else key_of(schema)
        self._asking: set[asyncio.Task[Any]] = set()
        self._stopped = False
        self._reached = self._answered = False
        self._in_a_row = 0
        self._retries = 0
        self._uncounted = False
        self._start = time.perf_counter()
        self._before = self._done = sum(reply is not None for reply in replies)

    async def run(self, client: AsyncOpenAI, jobs: Sequence[Job]) -> None:
        """Ask them all.

        Raises:
            ModelError: asking more is of no use. StorageError: an answer cannot be kept.
        """
        todo = iter(jobs)
        workers = [asyncio.create_task(self._work(client, todo)) for _ in range(min(self.desk.places, len(jobs)))]
        try:
            await asyncio.gather(*workers)
        except RungError:
            self._stopped = True
            for task in set(workers) - self._asking:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise
        except BaseException:
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise
        self._tell_end()

    async def _work(self, client: AsyncOpenAI, todo: Iterator[Job]) -> None:
        for job in todo:
            async with self.desk.gate:
                self.replies[job.number] = await self._reply(client, job)
            if self._stopped:
                return
            self._done += 1
            each_s = (time.perf_counter() - self._start) / (self._done - self._before)
            left_s, text = each_s * (len(self.replies) - self._done), f"asking {self.desk.name}"
            self.events.progress(self._done, len(self.replies), "prompts", seconds_left=left_s, text=text)

    async def _reply(self, client: AsyncOpenAI, job: Job) -> Reply:
        while (found := self.kept.claim(job.key)) is not None:
            if isinstance(found, Reply):
                self.desk.purse.paid_before(job.key, found.usage)
                return found
            await asyncio.wrap_future(found)  # whoever asks has passed the gate, so it comes to an end
        try:
            reply = await self._ask_patiently(client, job)
            if reply.finish != "failed":
                self.desk.purse.paid_now(job.key)
                self.kept.keep(job.key, reply)
            return reply
        finally:
            self.kept.release(job.key)

    async def _ask_patiently(self, client: AsyncOpenAI, job: Job) -> Reply:
        patience, paid, waited_s = self.desk.patience, Usage(), 0.0
        for tries in range(1, patience.tries + 1):
            try:
                reply = await self._ask(client, job)
            except NoAnswerError as error:
                trouble, paid = error, _sum(paid, error.paid)
            else:
                self._in_a_row, self._answered = 0, True
                return Reply(reply.text, reply.finish, _sum(paid, reply.usage), reply.reasoning, reply.reason)
            self._reached = self._reached or trouble.reached
            if trouble.trouble != "again":
                return self._final(trouble, paid)
            delay_s = patience.delay_s(tries, trouble.told_s)
            waited_s += trouble.lost_s + delay_s
            most = patience.tries if self._reached else min(patience.tries, STRANGER_TRIES)
            if waited_s > patience.wait_s or tries >= most or self._stopped:
                break
            self._tell_retry(trouble, delay_s, tries)
            await patience.sleep(delay_s)
        return self._given_up(trouble, tries, paid)

    async def _ask(self, client: AsyncOpenAI, job: Job) -> Reply:
        known = dialect = self._known_dialect()
        paid = Usage()
        while True:
            body = self._body(job, dialect)
            try:
                reply = await self._pay(client, job, body)
            except NoAnswerError as error:
                simpler = None
                if error.trouble == "unlike":
                    proved = self._form in self.desk.dialects and dialect == known
                    simpler = dialect.simpler(body, error.reason, proved=proved)
                if simpler is None:
                    raise
                dialect = simpler
            else:
                paid = _sum(paid, reply.usage)
                if dialect.limit == "max_completion_tokens" and self._overran(reply):
                    dialect = replace(dialect, limit="max_tokens")  # some endpoints pass over fields they do not know
                    continue
                self._learn(known, dialect)
                return Reply(reply.text, reply.finish, paid, reply.reasoning, reply.reason)

    def _overran(self, reply: Reply) -> bool:
        return reply.usage.tokens_out > 16 + 1.5 * self.sampling.max_tokens  # tokens are not counted alike everywhere

    def _known_dialect(self) -> Dialect:
        found = self.desk.dialects.get(self._form)
        if found is None and self.desk.dialects:  # what was learnt with another schema, but for the schema
            return replace(next(iter(self.desk.dialects.values())), answer_format="json_schema")
        return found or Dialect()

    def _body(self, job: Job, dialect: Dialect) -> dict[str, Any]:
        # a seed of its own for each repeat: endpoints that heed it would else draw the same answer each time
        sampling = self.sampling.model_copy(update={"seed": self.sampling.seed + job.repeat})
        body = {"model": self.desk.model, **body_of(job.messages, sampling, self.schema, dialect)}
        effort = self.sampling.effort or self.desk.effort
        if effort is not None and "reasoning_effort" not in dialect.dropped:
            body["reasoning_effort"] = effort
        return body

    def _learn(self, known: Dialect, spoken: Dialect) -> None:
        before = self.desk.dialects.get(self._form)
        if before is None or before == known:  # else another prompt has learnt something meanwhile
            self.desk.dialects[self._form] = spoken
            for line in spoken.lacks(known):
                self.events.warning(f"{self.desk.name}: {line}")

    async def _pay(self, client: AsyncOpenAI, job: Job, body: dict[str, Any]) -> Reply:
        purse = self.desk.purse
        form = str(body.get("response_format", ""))
        tokens_in = estimated_tokens(form, *(turn["content"] for turn in job.messages))
        bound_usd = purse.bound_usd(tokens_in, self.sampling.max_tokens)
        while not purse.hold(bound_usd):
            await asyncio.sleep(_POLL_S)
        paid: Usage | None = None  # unless we learn it: it may have been charged
        task = asyncio.current_task()
        assert task is not None
        self._asking.add(task)
        try:
            reply, counted = await ask(client, body, self.desk.patience, self.sampling.stop)
            if not counted:
                reply = self._estimated(reply, tokens_in)
            paid = reply.usage
            return reply
        except NoAnswerError as error:
            paid = error.paid
            raise
        finally:
            self._asking.discard(task)
            purse.settle(bound_usd, paid)

    def _estimated(self, reply: Reply, tokens_in: int) -> Reply:
        if not self._uncounted:
            self._uncounted = True
            self.events.warning(f"{self.desk.name} does not count tokens; they are estimated from the texts' lengths")
        usage = Usage(tokens_in, estimated_tokens(reply.text + reply.reasoning), 0, reply.usage.seconds)
        return Reply(reply.text, reply.finish, usage, reply.reasoning, reply.reason)

    def _final(self, trouble: NoAnswerError, paid: Usage) -> Reply:
        name = self.desk.name
        if trouble.trouble == "key":
            variable = self.desk.key_variable
            remedy = f"check the key in the environment variable {variable}, and what it may be used for"
            raise ModelError(f"{name} does not accept the key", given=trouble.reason, remedy=remedy)
        if trouble.trouble == "credit":
            remedy = f"add credit and run the same command again; {self._kept()}"
            raise ModelError(f"the account for {name} is out of credit", given=trouble.reason, remedy=remedy)
        if trouble.trouble == "nowhere" and not self._answered:
            remedy = "check the model's name and the address, which mostly ends in /v1"
            raise ModelError(f"there is no model {name}", given=trouble.reason, remedy=remedy)
        finishes: dict[str, Finish] = {"too_long": "too_long", "refused": "refused"}
        return Reply("", finishes.get(trouble.trouble, "failed"), paid, reason=trouble.reason)

    def _given_up(self, trouble: NoAnswerError, tries: int, paid: Usage) -> Reply:
        self._in_a_row += 1
        if not (self._reached or self._stopped):
            remedy = "check the address and the network, and that the endpoint runs"
            raise ModelError(f"{self.desk.name} cannot be reached", given=trouble.reason, remedy=remedy)
        if self._in_a_row >= HOPELESS and not self._stopped:
            remedy = f"run the same command again later; {self._kept()}"
            what = f"{self.desk.name} has stopped answering: {HOPELESS} prompts in a row had no answer"
            raise ModelError(what, given=trouble.reason, remedy=remedy)
        wait = ""
        if trouble.told_s is not None and trouble.told_s > self.desk.patience.wait_s:
            wait = f"; it asks to wait {trouble.told_s:.0f} seconds, which is longer than we do"
        times = "once" if tries == 1 else f"{tries} times"
        return Reply("", "failed", paid, reason=f"{trouble.reason} (asked {times}{wait})")

    def _kept(self) -> str:
        return "the answers that came are kept" if self.kept.path else "without a folder for answers none are kept"

    def _tell_retry(self, trouble: NoAnswerError, delay_s: float, tries: int) -> None:
        self._retries += 1
        if self._retries <= _TOLD_RETRIES:
            again = f"asking again in {delay_s:.1f} s (try {tries + 1} of {self.desk.patience.tries})"
            self.events.message(f"{self.desk.name}: {trouble.reason}; {again}")

    def _tell_end(self) -> None:
        if self._retries:
            self.events.message(f"{self.desk.name}: {self._retries} requests were made again")
        reasons = Counter(reply.reason for reply in self.replies if reply is not None and reply.finish == "failed")
        if reasons:
            most = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3))
            count, total = sum(reasons.values()), len(self.replies)
            self.events.warning(f"{self.desk.name}: {count} of {total} prompts have no answer: {most}")


def _sum(a: Usage, b: Usage | None) -> Usage:
    if b is None:
        return a
    tokens = (a.tokens_in + b.tokens_in, a.tokens_out + b.tokens_out, a.tokens_cached + b.tokens_cached)
    return Usage(*tokens, b.seconds or a.seconds)
