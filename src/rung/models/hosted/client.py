"""One request through the `openai` client. The only code that knows the client; keys pass through it and stay nowhere."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rung.errors import MissingExtraError
from rung.models.base import Reply
from rung.models.hosted.patience import Patience, retry_after_s
from rung.models.hosted.wire import NoAnswerError, reply_of, trouble_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_HIDDEN = "[key]"


def is_loopback(base_url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def new_client(base_url: str, key: str, patience: Patience, places: int, *, ours: bool) -> AsyncOpenAI:
    """A client that asks each request once and follows no redirect (a prompt goes to the address the user named, or nowhere).

    Args:
        ours: send the organisation and project of the environment (OPENAI_ORG_ID, OPENAI_PROJECT_ID).

    Raises:
        MissingExtraError: the package `openai` is not installed.
    """
    try:
        import httpx2
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient
    except ImportError:
        raise MissingExtraError.of("openai", "hosted", "a hosted model") from None
    timeout = httpx2.Timeout(patience.request_s, connect=patience.connect_s)
    limits = httpx2.Limits(max_connections=places, max_keepalive_connections=places)
    # proxies of the environment are for the world outside
    carrier = DefaultAsyncHttpxClient(
        base_url=base_url, timeout=timeout, limits=limits, follow_redirects=False, trust_env=not is_loopback(base_url)
    )
    client = AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=timeout, http_client=carrier)
    if not ours:
        client.organization = client.project = None
    return client


async def ask(
    client: AsyncOpenAI, body: dict[str, Any], patience: Patience, stop: Sequence[str] = ()
) -> tuple[Reply, bool]:
    """The reply to one request, cut at the first of the texts `stop`, and whether its tokens were counted.

    Raises:
        NoAnswerError: it brought none.
    """
    try:
        return await _ask(client, body, patience, stop)
    except NoAnswerError as error:
        error.reason = _without(client.api_key, error.reason)
        raise


async def _ask(
    client: AsyncOpenAI, body: dict[str, Any], patience: Patience, stop: Sequence[str]
) -> tuple[Reply, bool]:
    import httpx2
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    start = time.perf_counter()
    late = NoAnswerError("again", f"no whole answer within {patience.request_s:g} seconds", paid=None)
    try:
        async with asyncio.timeout(patience.request_s):
            response = await client.post("/chat/completions", body=body, cast_to=httpx2.Response)
            text = response.text
    except APIStatusError as error:
        headers = error.response.headers
        raise trouble_of(error.status_code, error.response.text, headers, retry_after_s(headers)) from None
    except APITimeoutError as error:
        if isinstance(error.__cause__, httpx2.ConnectTimeout):
            why = f"no connection within {patience.connect_s:g} seconds"
            raise NoAnswerError("again", why, lost_s=patience.connect_s, reached=False) from None
        late.lost_s = time.perf_counter() - start
        raise late from None
    except APIConnectionError as error:
        cause = error.__cause__
        if isinstance(cause, httpx2.ConnectError):
            raise NoAnswerError("again", f"no connection: {cause}", reached=False) from None
        name = type(cause).__name__ if cause else "no reason given"
        raise NoAnswerError("again", f"the connection broke off ({name})", paid=None) from None
    except TimeoutError:
        late.lost_s = time.perf_counter() - start
        raise late from None
    reply, counted = reply_of(text, time.perf_counter() - start, stop)
    text, reasoning, reason = (_without(client.api_key, t) for t in (reply.text, reply.reasoning, reply.reason))
    return replace(reply, text=text, reasoning=reasoning, reason=reason), counted


def _without(key: str, text: str) -> str:
    return text.replace(key, _HIDDEN) if len(key) > 4 else text
