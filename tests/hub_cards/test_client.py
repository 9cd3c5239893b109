"""The limits of the client's session, over a transport that is a function: no socket, no waiting."""

import threading

import pytest
from httpx2 import Client, ConnectError, MockTransport, ReadTimeout, Response
from huggingface_hub import HfApi, constants, get_session, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, HTTPError
from huggingface_hub.utils import _http, http_backoff
from huggingface_hub.utils._runtime import is_xet_available

from xlzoo.hub_cards import PublishError, client
from xlzoo.hub_cards.client import limited_session, patiently


class Clock:
    """A time that passes only while somebody sleeps, or while a server is silent."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(client, "time", clock)
    monkeypatch.setattr(_http, "time", clock)
    return clock


@pytest.fixture
def serve():
    """Let a function answer all requests, and collect these."""
    before, requests = _http._GLOBAL_CLIENT_FACTORY, []

    def start(answer):
        def handle(request):
            requests.append(request)
            reply = answer(request)
            return reply if isinstance(reply, Response) else Response(reply)

        set_client_factory(lambda: Client(transport=MockTransport(handle), timeout=None))
        return requests

    yield start
    set_client_factory(before)


def test_every_request_is_limited_also_those_that_ask_for_no_limit(serve):
    requests = serve(lambda request: 200)
    with limited_session():
        get_session().get("http://hub/a")
        get_session().get("http://hub/b", timeout=None)
        get_session().get("http://hub/c", timeout=5)
    get_session().get("http://hub/d")
    silence = client.SILENCE_SECONDS
    usual = {"connect": client.CONNECT_SECONDS, "read": silence, "write": silence, "pool": silence}
    own, none = dict.fromkeys(usual, 5), dict.fromkeys(usual)
    assert [request.extensions["timeout"] for request in requests] == [usual, usual, own, none]


def test_a_session_that_the_client_makes_anew_is_limited_too(serve, clock):
    def answer(request):
        if len(requests) == 1:
            raise ConnectError("refused")
        return 200

    requests = serve(answer)
    with limited_session():
        first = get_session()
        http_backoff("GET", "http://hub/a")
        assert get_session() is not first
    assert requests[1].extensions["timeout"]["read"] == client.SILENCE_SECONDS


def test_the_session_of_the_user_comes_back_also_after_an_error(serve):
    serve(lambda request: 200)
    before = _http._GLOBAL_CLIENT_FACTORY
    with pytest.raises(KeyError), limited_session():
        raise KeyError
    assert _http._GLOBAL_CLIENT_FACTORY is before


def test_large_files_go_through_limited_requests_and_not_through_xet(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    assert is_xet_available(), "hf_xet is there, as huggingface_hub installs it"
    with pytest.raises(KeyError), limited_session():
        assert not is_xet_available()
        raise KeyError
    assert is_xet_available()


def test_two_threads_take_turns(serve):
    serve(lambda request: 200)
    before, inside = _http._GLOBAL_CLIENT_FACTORY, threading.Event()

    def second():
        with limited_session():
            inside.set()

    thread = threading.Thread(target=second)
    with limited_session():
        thread.start()
        assert not inside.wait(0.05)
    thread.join(5)
    assert inside.is_set() and _http._GLOBAL_CLIENT_FACTORY is before


def silent(clock):
    def answer(request):
        clock.now += client.SILENCE_SECONDS
        raise ReadTimeout("timed out", request=request)

    return answer


def test_a_server_that_hangs_is_left_after_three_tries(serve, clock):
    requests = serve(silent(clock))
    with limited_session(), pytest.raises(PublishError, match=r"hub does not answer, also after 3 tries"):
        http_backoff("POST", "http://hub/a")
    assert len(requests) == 3 and clock.now < 4 * client.SILENCE_SECONDS


def test_a_server_that_stays_busy_is_left_after_a_minute_or_so(serve, clock):
    requests = serve(lambda request: 503)
    with limited_session(), pytest.raises(PublishError, match=r"hub goes on answering 503, also after"):
        for _ in range(20):
            with pytest.raises(HfHubHTTPError):
                http_backoff("POST", "http://hub/a")
    assert client.PATIENCE_SECONDS < clock.now < 2 * client.PATIENCE_SECONDS and len(requests) > client.TRIES


def test_an_answer_in_between_starts_the_count_anew(serve, clock):
    requests = serve(lambda request: 503 if len(requests) % 4 else 200)
    with limited_session():
        for _ in range(20):
            assert http_backoff("POST", "http://hub/a").status_code == 200
    assert len(requests) == 80 and clock.now > 2 * client.PATIENCE_SECONDS


def test_a_repository_that_is_for_ever_being_made_is_left(serve, clock):
    """The client asks again at once, and without end, as long as it gets this answer."""
    busy = {"error": "Cannot create repo: another conflicting operation is in progress"}

    requests = serve(lambda request: Response(409, json=busy))
    with limited_session(), pytest.raises(PublishError, match="goes on answering 409"):
        HfApi(token="x").create_repo("org/toy")
    assert len(requests) < 100 and clock.now < 2 * client.PATIENCE_SECONDS


# The status and headers of an answer, the seconds that it asks for, and whether these are too many.
WAITS = {
    "seconds": (429, {"Retry-After": "7"}, 7, False),
    "of a broken server": (503, {"Retry-After": "7"}, 7, False),
    "an hour": (429, {"Retry-After": "3600"}, 3600, True),
    "an hour of a broken server": (503, {"Retry-After": "3600"}, 3600, True),
    "the Hub's own header": (429, {"RateLimit": '"api";r=0;t=55'}, 55, True),
    "a limit that is not reached": (429, {"RateLimit": '"api";r=3;t=55'}, 0, False),
    "nothing": (429, {}, 0, False),
    "a date": (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0, False),
}


@pytest.mark.parametrize("status, headers, seconds, too_long", WAITS.values(), ids=WAITS)
def test_a_server_may_ask_for_a_short_wait_only(serve, clock, status, headers, seconds, too_long):
    requests = serve(lambda request: Response(status, headers=headers) if len(requests) == 1 else Response(200))
    with limited_session():
        if too_long:
            with pytest.raises(PublishError, match=rf"hub is busy .* \({status}\): try again in {seconds} seconds"):
                http_backoff("GET", "http://hub/a")
        else:
            http_backoff("GET", "http://hub/a")
    assert sum(clock.slept) == (0 if too_long else seconds + 1 if seconds else 1)


def test_patience_waits_as_long_as_it_is_asked_to_and_not_for_ever(serve, clock):
    requests = serve(lambda request: Response(429, headers={"Retry-After": "9"}))

    def ask():
        _http.hf_raise_for_status(get_session().get("http://hub/a"))

    with limited_session(), pytest.raises(HfHubHTTPError):
        patiently(ask)
    assert clock.slept == [9, 9] and len(requests) == client.TRIES


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 413])
def test_patience_does_not_repeat_what_was_refused(serve, clock, status):
    requests = serve(lambda request: status)
    with pytest.raises(HfHubHTTPError):
        patiently(lambda: _http.hf_raise_for_status(get_session().get("http://hub/a")))
    assert len(requests) == 1 and clock.slept == []


@pytest.mark.parametrize("passing", [True, False])
def test_patience_tells_what_passes_from_what_does_not(clock, passing):
    failures = [HTTPError("gone") if passing else OSError("no disk")] * 2

    def step():
        if failures:
            raise failures.pop()
        return "done"

    if passing:
        assert patiently(step) == "done" and clock.slept == [1, 2]
    else:
        with pytest.raises(OSError):
            patiently(step)
        assert len(failures) == 1 and clock.slept == []
