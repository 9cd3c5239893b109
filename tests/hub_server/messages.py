"""What goes over the wire: requests, replies, and the errors that the Hub marks with headers of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import parse_qs, unquote


@dataclass(frozen=True)
class Request:
    """One call: the values of its route ("repo", "revision", ...), its query, headers and body.

    Names of headers count without regard to case.
    """

    method: str
    path: str
    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Message = field(default_factory=Message)
    body: bytes = b""

    @property
    def kind(self) -> str:
        """Return "model" or "dataset", from the plural in the path or, for a file's address, from its prefix."""
        return "dataset" if self.values.get("kind", "").startswith("datasets") else "model"

    @property
    def repo(self) -> str:
        return self.values["repo"]

    @property
    def revision(self) -> str:
        return unquote(self.values.get("revision", "main"))

    @property
    def filename(self) -> str:
        return unquote(self.values.get("path", ""))

    def json(self) -> dict:
        """Return the body as JSON; an error that the client sees if it is none."""
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            raise HubError(400, "The body is not JSON") from error

    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode())


@dataclass(frozen=True)
class Reply:
    """A status with a body; `Content-Length` is added when it is sent."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class HubError(Exception):
    """An answer that is an error; `code` is the word from which the client chooses its exception."""

    def __init__(self, status: int, message: str, code: str = ""):
        super().__init__(message)
        self.status, self.message, self.code = status, message, code

    def reply(self) -> Reply:
        """Return the answer as the Hub gives it: the message in the body and again in the headers."""
        marks = {"X-Error-Message": self.message, **({"X-Error-Code": self.code} if self.code else {})}
        return as_json({"error": self.message}, self.status, marks)


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply whose body is a JSON value."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Reply(status, json.dumps(value).encode(), {**kind, **(headers or {})})
