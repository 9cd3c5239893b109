"""The Hub client's HTTP session with limits: nothing waits for ever, and no retry longer than a person would.

huggingface_hub sets no timeout at all, sleeps as long as a Retry-After header says, and retries some calls by itself
but not others (creating a repository and sending the commit are not). What goes through Xet is beyond any session:
hf_xet opens its own connections, some of them without a limit, so large files go through LFS instead, whose every
request is one of this session. The Hub takes both, and stores the same.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, TypeVar

from huggingface_hub import constants, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import _http, parse_ratelimit_headers

from xlzoo.hub_cards.errors import PublishError

# Seconds: to connect, of silence on a connection, of asking in vain, of a wait that a busy server may ask for.
CONNECT_SECONDS = 15.0
SILENCE_SECONDS = 60.0
PATIENCE_SECONDS = 60.0
RETRY_AFTER_SECONDS = 30.0
FIRST_WAIT_SECONDS = 1.0
TRIES = 3

BUSY = frozenset({408, 429, 500, 502, 503, 504})
CONFLICT = 409

Answer = TypeVar("Answer")
_ONE_AT_A_TIME = threading.Lock()


class ContradictoryAnswer(PublishError):
    """Two answers of the Hub do not go together; asked again, it may have caught up."""


@contextmanager
def limited_session() -> Iterator[None]:
    """Let every request of huggingface_hub be limited, and none be Xet's, inside the block; after it all is as before.

    What is asked in vain for too long, or is told to wait for too long, raises PublishError.
    """
    with _ONE_AT_A_TIME:
        # The client has a function that sets the factory and none that returns it.
        before, without_xet = _http._GLOBAL_CLIENT_FACTORY, constants.HF_HUB_DISABLE_XET
        watch = _Watch()

        def factory() -> Any:
            client = before()
            hooks = client.event_hooks
            client.event_hooks = {
                "request": [*hooks["request"], watch.sending],
                "response": [*hooks["response"], watch.answered],
            }
            return client

        set_client_factory(factory)
        constants.HF_HUB_DISABLE_XET = True
        try:
            yield
        finally:
            constants.HF_HUB_DISABLE_XET = without_xet
            set_client_factory(before)


class _Watch(threading.local):
    """How long, and how often, this thread has been asking in vain."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._tries = 0
        self._status: int | None = None

    def sending(self, request: Any) -> None:
        """Limit a request, and count it; PublishError if those before it were enough."""
        if self._since is None:
            self._since, self._tries = time.monotonic(), 0
        elif self._tries >= TRIES and time.monotonic() - self._since > PATIENCE_SECONDS:
            last = "does not answer" if self._status is None else f"goes on answering {self._status}"
            self._since = None
            raise PublishError(f"{request.url.host} {last}, also after {self._tries} tries: try again in a while")
        self._tries += 1
        self._status = None
        # On the request, because many functions of the client pass a timeout of None, which overrules the session's.
        limits = {
            "connect": CONNECT_SECONDS,
            "read": SILENCE_SECONDS,
            "write": SILENCE_SECONDS,
            "pool": SILENCE_SECONDS,
        }
        given = {name: limit for name, limit in request.extensions.get("timeout", {}).items() if limit is not None}
        request.extensions["timeout"] = {**limits, **given}

    def answered(self, response: Any) -> None:
        """Take note of an answer; PublishError if it asks for a longer wait than anybody would sit through."""
        self._status = response.status_code
        if self._status not in BUSY and self._status != CONFLICT:
            self._since = None
        elif (seconds := wait_asked_for(response)) > RETRY_AFTER_SECONDS:
            self._since = None
            raise PublishError(
                f"{response.url.host} is busy and asks to wait ({self._status}): try again in {seconds:g} seconds"
            )
        elif self._status == CONFLICT and self._tries > 1:
            # The client asks without a pause and without end whether another repository has been made by now.
            time.sleep(FIRST_WAIT_SECONDS)


def wait_asked_for(response: Any) -> float:
    """Return how many seconds a busy server asks to wait, 0 if it does not say."""
    limit = parse_ratelimit_headers(response.headers) if response.status_code == 429 else None
    if limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    value = response.headers.get("Retry-After", "").strip()
    return float(value) if value.isdigit() else 0.0


def patiently(call: Callable[[], Answer]) -> Answer:
    """Return what a call returns; after a failure that may pass it is made again, a few times with a wait between."""
    for number in range(1, TRIES):
        try:
            return call()
        except (HTTPError, OSError, JSONDecodeError, ContradictoryAnswer) as error:
            if not may_pass(error):
                raise
            asked = wait_asked_for(error.response) if isinstance(error, HfHubHTTPError) else 0.0
            time.sleep(max(asked, FIRST_WAIT_SECONDS * 2 ** (number - 1)))
    return call()


def may_pass(error: Exception) -> bool:
    """Say whether a failure is of the kind that passes: a busy server, a lost connection, a garbled answer."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in BUSY
    return isinstance(error, (HTTPError, JSONDecodeError, ContradictoryAnswer)) and not isinstance(
        error, OfflineModeIsEnabled
    )
