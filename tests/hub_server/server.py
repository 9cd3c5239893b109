"""The server: sockets and threads on one side, the store and its routes on the other."""

import os
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from hub_server import routes
from hub_server.faults import Fault
from hub_server.messages import HubError, Reply, Request
from hub_server.store import Store

LONGEST_WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class Call:
    """A line of the server's log; `name` is the route's, or "unknown"."""

    name: str
    method: str
    path: str
    authorized: bool


class HubServer(ThreadingHTTPServer):
    """A Hub on a free port of the loopback; use it with `with`, and point clients to `url`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.store, self.lock = Store(), threading.Lock()
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.released = threading.Event()
        self.crashes: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.heal()
        self.shutdown()
        self.server_close()
        assert not self.crashes, self.crashes[0]

    def break_with(self, *faults: Fault) -> None:
        """From now on these calls go wrong."""
        self.faults = list(faults)

    def heal(self) -> None:
        """Everything works again, and whatever hangs is let go."""
        self.faults = []
        self.released.set()
        self.released = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep the traceback of a bug in the server; the test that used it fails at the end."""
        if not isinstance(sys.exception(), ConnectionError):
            self.crashes.append(traceback.format_exc())

    def names(self) -> list[str]:
        """Return the names of all calls so far."""
        return [call.name for call in self.calls]


class Handler(BaseHTTPRequestHandler):
    """One connection; it is also the exchange that a fault plays with."""

    server: HubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """The log is `HubServer.calls`; nothing goes to the terminal."""

    def _handle(self) -> None:
        self.body, self.left = b"", int(self.headers.get("Content-Length") or 0)
        address = urlsplit(self.path)
        found = routes.find(self.command, address.path)
        self.route, self.values = found or (None, {})
        self.query: Mapping[str, str] = dict(parse_qsl(address.query, keep_blank_values=True))
        name = self.route.name if self.route else "unknown"
        with self.server.lock:
            authorized = "Authorization" in self.headers
            self.server.calls.append(Call(name, self.command, self.path, authorized))
            fault = next((fault for fault in self.server.faults if fault.meets(name)), None)
        try:
            if fault is not None:
                fault.act.play(self)
            else:
                self.read()
                self.send(self.work())
        except ConnectionError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle

    def read(self, limit: int | None = None) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._read_chunks(limit)
        else:
            self.body = self.rfile.read(self.left if limit is None else min(limit, self.left))
            if limit is None and len(self.body) < self.left:
                raise ConnectionError("The client has gone in the middle of the body.")

    def _read_chunks(self, limit: int | None) -> None:
        while limit is None or len(self.body) < limit:
            size = int(self.rfile.readline().partition(b";")[0] or b"-1", 16)
            if size < 0:
                raise ConnectionError("The client has gone in the middle of the body.")
            chunk = self.rfile.read(size + 2)
            self.body += chunk[:size]
            if size == 0:
                return

    def work(self) -> Reply:
        values = {**self.values, "base": self.server.url}
        request = Request(self.command, self.path, values, self.query, self.headers, self.body)
        try:
            if self.route is None:
                raise HubError(404, f"The test server does not know {self.command} {self.path}")
            with self.server.lock:
                return self.route.answer(self.server.store, request)
        except HubError as error:
            return error.reply()

    def send(self, reply: Reply, body_bytes: int | None = None) -> None:
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[:body_bytes])
        self.close_connection = self.close_connection or body_bytes is not None

    def reset(self) -> None:
        # Without lingering, closing sends a reset; the detour over the descriptor avoids the polite end before it.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def wait(self) -> None:
        self.server.released.wait(LONGEST_WAIT_SECONDS)
        self.close_connection = True
