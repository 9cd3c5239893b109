"""What went wrong on the way to the Hub, in one sentence that says what to do and holds no token."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path

from huggingface_hub.errors import (
    DeviceCodeError,
    HfHubHTTPError,
    HTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    OIDCError,
    RevisionNotFoundError,
)

from xlzoo.hub_cards.client import wait_asked_for
from xlzoo.hub_cards.errors import PublishError

# HTTPError is whatever httpx raises, HfHubHTTPError among it; a failed upload of one file arrives as a RuntimeError
# around the cause. The client takes answers for what they should be, and stumbles over others in many ways.
UNREADABLE = (JSONDecodeError, LookupError, TypeError, AttributeError)
FAILURES = (HTTPError, OSError, ValueError, RuntimeError, OIDCError, DeviceCodeError, *UNREADABLE)

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write"
LATER = "try again in a while"
REASONS = {
    400: "the Hub refuses the request",
    401: f"the Hub does not accept the token: {LOG_IN}",
    402: "the Hub asks for payment first",
    403: "the token may not do this: give one with write access to {owner}, or ask {owner} for it",
    404: "the repository is not there, or the token may not see it: check the name and the token",
    409: f"something else is being done to the repository at this moment: {LATER}",
    412: "somebody else changed the repository meanwhile, and nothing was mixed: look at that change",
    413: "the Hub finds it too large",
    422: "the Hub refuses the request",
    429: f"the Hub takes no more requests for now: {LATER}",
}
LONGEST_QUOTE = 300
TOKEN = re.compile(r"hf_[A-Za-z0-9]{20,}|(?<=Bearer )[^\s'\"(){},;]+")


@contextmanager
def told(repo_id: str, tree: Path, secret: str | None) -> Iterator[None]:
    """Turn every failure of the client inside the block into a PublishError of one sentence."""
    try:
        yield
    except FAILURES as error:
        what = without_token(reason(error, repo_id), secret)
        sentence = (
            f"Publishing {repo_id} did not finish: {what}; the staged copy stays in {tree}, "
            "and the same command run again goes on from there."
        )
        # A cause that names the token would show it in a traceback.
        clean = all(without_token(str(part), secret) == str(part) for part in _chain(error))
        raise PublishError(sentence) from (error if clean else None)


def reason(error: BaseException, repo_id: str) -> str:
    """Return what failed and what to do about it, as half a sentence."""
    chain = _chain(error)
    for part in chain:
        if isinstance(part, PublishError):
            return str(part).rstrip(".")
    found = next((part for part in chain if isinstance(part, HTTPError)), chain[-1])
    during = f"{_quoted(str(error).rstrip('.'))}: " if isinstance(error, RuntimeError) and found is not error else ""
    return during + _plainly(found, repo_id, stored=bool(during))


def _plainly(error: BaseException, repo_id: str, stored: bool) -> str:
    """Describe one failure; `stored` ones come from the storage of large files, which knows no users."""
    if isinstance(error, OfflineModeIsEnabled):
        return "huggingface_hub is in offline mode: unset HF_HUB_OFFLINE, or publish to a local folder"
    if isinstance(error, LocalTokenNotFoundError):
        return f"there is no token: {LOG_IN}"
    if isinstance(error, RevisionNotFoundError):
        return "the Hub has no such revision: give a branch, an open refs/pr/N, or pr for a new pull request"
    if isinstance(error, HfHubHTTPError):
        return _answer(error, repo_id, stored)
    if isinstance(error, HTTPError | ConnectionError):
        return f"the connection failed ({_quoted(error)}): check the network and {LATER}"
    if isinstance(error, UNREADABLE):
        return f"the answer was not one of the Hub: check HF_ENDPOINT and any proxy, or {LATER}"
    return _quoted(error)


def _answer(error: HfHubHTTPError, repo_id: str, stored: bool) -> str:
    status, wait = error.response.status_code, wait_asked_for(error.response)
    if stored or status not in REASONS:
        text = f"{error.response.url.host} answered with an error: {LATER}"
    else:
        text = REASONS[status].format(owner=repo_id.partition("/")[0] if "/" in repo_id else "your account")
    if wait:
        text = text.replace(LATER, f"try again in {wait:g} seconds")
    return f"{text} ({status}{f', {_quoted(error.server_message)}' if error.server_message else ''})"


def _quoted(words: object) -> str:
    """Return another program's words on one line, and cut short."""
    line = " ".join(str(words).split())
    return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE].rstrip()}..."


def without_token(text: str, secret: str | None) -> str:
    """Return the text with the token, and everything else that looks like one, struck out."""
    return TOKEN.sub("[token]", text.replace(secret, "[token]") if secret else text)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and the errors that it was raised from, the outermost first."""
    chain = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    return chain
