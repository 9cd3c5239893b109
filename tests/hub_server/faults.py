"""Calls that go wrong: what the server does instead of answering, or after it did what it was asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hub_server.messages import HubError, Reply


class Exchange(Protocol):
    """One call in progress, as a fault may handle it."""

    def read(self, limit: int | None = None) -> None:
        """Take the body from the wire, or only its first bytes."""

    def work(self) -> Reply:
        """Do what was asked, without answering yet."""

    def send(self, reply: Reply, body_bytes: int | None = None) -> None:
        """Answer; with `body_bytes` the answer stops there although its header promises all."""

    def reset(self) -> None:
        """Break the connection so that the client sees a reset, not an end."""

    def wait(self) -> None:
        """Do nothing until the client gives up or the test is over."""


class Act(Protocol):
    """What the server does with one call."""

    def play(self, exchange: Exchange) -> None:
        """Handle the call from its first byte on."""


@dataclass(frozen=True)
class Status:
    """An error for an answer; nothing was done."""

    status: int
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "The test server is not in the mood"

    def play(self, exchange: Exchange) -> None:
        exchange.read()
        refusal = HubError(self.status, self.message, self.code).reply()
        exchange.send(Reply(refusal.status, refusal.body, {**refusal.headers, **self.headers}))


@dataclass(frozen=True)
class Reset:
    """A connection that breaks: with the work done, or before it, perhaps in the middle of the body."""

    done: bool = False
    after_bytes: int | None = None

    def play(self, exchange: Exchange) -> None:
        exchange.read(self.after_bytes)
        if self.done:
            exchange.work()
        exchange.reset()


@dataclass(frozen=True)
class Hang:
    """A server that keeps the connection and says nothing, with the work done or not."""

    done: bool = False

    def play(self, exchange: Exchange) -> None:
        exchange.read()
        if self.done:
            exchange.work()
        exchange.wait()


@dataclass(frozen=True)
class Garbage:
    """A page where an answer should be, as proxies and logins of networks send it."""

    done: bool = False
    body: bytes = b"<!doctype html><html><body>Welcome to the network</body></html>"

    def play(self, exchange: Exchange) -> None:
        exchange.read()
        if self.done:
            exchange.work()
        exchange.send(Reply(200, self.body, {"Content-Type": "text/html"}))


@dataclass(frozen=True)
class Truncated:
    """An answer that ends in its middle; the work is done."""

    def play(self, exchange: Exchange) -> None:
        exchange.read()
        reply = exchange.work()
        exchange.send(reply, body_bytes=len(reply.body) // 2)


@dataclass(frozen=True)
class Meanwhile:
    """Something that happens before the call arrives; the call itself is answered as usual."""

    happen: Callable[[], object]

    def play(self, exchange: Exchange) -> None:
        exchange.read()
        self.happen()
        exchange.send(exchange.work())


@dataclass
class Fault:
    """An act that meets calls of one name: the first `times` of them after `skip`, or with None all."""

    call: str
    act: Act
    times: int | None = 1
    skip: int = 0
    met: int = 0

    def meets(self, call: str) -> bool:
        """Say whether this call is to go wrong, and count it."""
        if call != self.call:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.met >= self.times:
            return False
        self.met += 1
        return True
