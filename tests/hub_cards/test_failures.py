"""Each failure of the client becomes one sentence: what failed, what to do, and no token."""

import traceback
from json import JSONDecodeError
from pathlib import Path

import pytest
from httpx2 import ConnectError, ReadTimeout, Request, Response
from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled, OIDCError
from huggingface_hub.utils import hf_raise_for_status

from xlzoo.hub_cards import PublishError
from xlzoo.hub_cards.failures import told

TOKEN = "hf_" + "aB3" * 12
STAGED = Path("/staged")


def answer(status, code="", words="", **headers):
    """Return the error that the client makes of an answer."""
    request = Request("POST", "https://hub.test/api/models/org/toy/commit/main")
    marks = {"X-Error-Code": code, "X-Error-Message": words, **headers}
    try:
        hf_raise_for_status(Response(status, headers={k: v for k, v in marks.items() if v}, request=request))
    except OSError as error:
        return error


def caused(error, cause):
    error.__cause__ = cause
    return error


def during(cause):
    return caused(RuntimeError("Error while uploading 'a.safetensors' to the Hub."), cause)


NETWORK = "check the network and try again in a while"
FAILURES = {
    "401": (answer(401, words="Invalid credentials in Authorization header"), "log in with `hf auth login`, or set"),
    "401 as the Hub hides things": (answer(401), "does not accept the token"),
    "402": (answer(402, words="Payment required"), "asks for payment first (402, Payment required)"),
    "403": (answer(403, words="no rights"), "give one with write access to org, or ask org for it (403, no rights)"),
    "404": (answer(404, "RepoNotFound"), "check the name and the token (404)"),
    "404 of a revision": (
        answer(404, "RevisionNotFound"),
        "no such revision: give a branch, an open refs/pr/N, or pr",
    ),
    "409": (answer(409), "something else is being done to the repository at this moment: try again in a while (409)"),
    "412": (answer(412), "somebody else changed the repository meanwhile, and nothing was mixed"),
    "413": (answer(413), "too large (413)"),
    "400": (answer(400, words="bad yaml\nin line 3"), "refuses the request (400, bad yaml in line 3)"),
    "429": (answer(429), "takes no more requests for now: try again in a while (429)"),
    "429 and how long": (answer(429, **{"Retry-After": "90"}), "for now: try again in 90 seconds (429)"),
    "500": (answer(500, words="oh"), "hub.test answered with an error: try again in a while (500, oh)"),
    "503 and how long": (answer(503, **{"Retry-After": "8"}), "with an error: try again in 8 seconds (503)"),
    "599": (answer(599), "hub.test answered with an error: try again in a while (599)"),
    "refused": (ConnectError("[Errno 111] Connection refused"), f"([Errno 111] Connection refused): {NETWORK}"),
    "silence": (ReadTimeout("timed out"), f"the connection failed (timed out): {NETWORK}"),
    "a file and its cause": (
        during(answer(403, words="Expired")),
        "Error while uploading 'a.safetensors' to the Hub: hub.test answered with an error: try again in a while (403",
    ),
    "a file that had to wait": (during(answer(429, **{"Retry-After": "9"})), "error: try again in 9 seconds (429)"),
    "a file and the network": (during(ReadTimeout("timed out")), "'a.safetensors' to the Hub: the connection failed"),
    "a file and the limits": (during(PublishError("hub does not answer: wait")), ": hub does not answer: wait; the"),
    "offline": (OfflineModeIsEnabled("Cannot reach"), "unset HF_HUB_OFFLINE, or publish to a local folder"),
    "no token": (LocalTokenNotFoundError("Token is required"), "there is no token: log in with `hf auth login`"),
    "keyless": (OIDCError("no id token"), "did not finish: no id token;"),
    "a page": (JSONDecodeError("Expecting value", "<html>", 0), "was not one of the Hub: check HF_ENDPOINT"),
    "half an answer": (KeyError("commitUrl"), "was not one of the Hub: check HF_ENDPOINT"),
    "null": (AttributeError("'NoneType' object has no attribute 'get'"), "was not one of the Hub: check HF_ENDPOINT"),
    "a list": (TypeError("list indices must be integers"), "was not one of the Hub: check HF_ENDPOINT"),
    "no connection": (ConnectionError("no way"), f"the connection failed (no way): {NETWORK}"),
    "disk": (OSError(28, "No space left on device"), "No space left on device"),
    "a long story": (ValueError("word " * 200), "word word..."),
}


def sentence(error, secret=None):
    with pytest.raises(PublishError) as raised, told("org/toy", STAGED, secret):
        raise error
    return raised.value


@pytest.mark.parametrize("error, words", FAILURES.values(), ids=FAILURES)
def test_failure_is_one_sentence_that_says_what_to_do(error, words):
    text = str(sentence(error))
    assert words in text and "\n" not in text and len(text) < 600
    assert text.startswith("Publishing org/toy did not finish: ")
    assert text.endswith("; the staged copy stays in /staged, and the same command run again goes on from there.")


@pytest.mark.parametrize("secret", [TOKEN, "a-token-of-another-form"])
@pytest.mark.parametrize("form", ["Illegal header value b'Bearer {}'", "{} is wrong", "see x{}y"])
@pytest.mark.parametrize("kind", ["plain", "answer", "cause"])
def test_the_token_is_struck_out_of_the_sentence_and_of_the_traceback(secret, form, kind):
    words = form.format(secret)
    errors = {"plain": ValueError(words), "answer": answer(400, words=words), "cause": during(ValueError(words))}
    error = sentence(errors[kind], secret)
    assert secret not in str(error) and secret not in "".join(traceback.format_exception(error))


def test_what_looks_like_a_token_is_struck_out_and_a_folder_that_does_not_is_kept():
    with pytest.raises(PublishError) as raised, told("org/toy", Path("/data/hf_home/staged"), None):
        raise ValueError(f"{TOKEN} and Bearer abc.def")
    assert "did not finish: [token] and Bearer [token];" in str(raised.value)
    assert "/data/hf_home/staged" in str(raised.value)


def test_the_cause_stays_for_those_who_look_for_it():
    error = answer(500)
    assert sentence(error, TOKEN).__cause__ is error


def test_what_is_no_failure_of_the_client_passes():
    for error in (KeyboardInterrupt(), ZeroDivisionError(), AssertionError()):
        with pytest.raises(type(error)), told("org/toy", STAGED, None):
            raise error
