"""Which call is answered by which function; the names of the calls are what faults and logs speak of."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from hub_server import accounts, cards, commits, repositories, uploads
from hub_server.messages import Reply, Request
from hub_server.store import Store

PIECES = {
    "kind": "models|datasets",
    "prefix": "(?:datasets/)?",
    "repo": "[^/]+/[^/]+",
    "revision": "[^/]+",
    "path": ".+",
    "number": "[0-9]+",
    "upload": "[0-9]+",
}


@dataclass(frozen=True)
class Route:
    """A call by name: its methods, the form of its path, and what answers it."""

    name: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    answer: Callable[[Store, Request], Reply]


def _route(name: str, methods: str, form: str, answer: Callable[[Store, Request], Reply]) -> Route:
    """Turn a form such as "/api/{kind}/{repo}/refs" into a route; a prefix is the kind of a file's address."""

    def group(found: re.Match[str]) -> str:
        piece = found.group(1)
        return f"(?P<{'kind' if piece == 'prefix' else piece}>{PIECES[piece]})"

    return Route(name, tuple(methods.split()), re.compile(re.sub(r"\{(\w+)\}", group, form)), answer)


ROUTES = (
    _route("whoami", "GET", "/api/whoami-v2", accounts.whoami),
    _route("validate", "POST", "/api/validate-yaml", cards.validate),
    _route("create", "POST", "/api/repos/create", repositories.create),
    _route("preupload", "POST", "/api/{kind}/{repo}/preupload/{revision}", uploads.preupload),
    _route("batch", "POST", "/{prefix}{repo}\\.git/info/lfs/objects/batch", uploads.batch),
    _route("put", "PUT", "/storage/{upload}", uploads.put),
    _route("part", "PUT", "/storage/{upload}/{number}", uploads.put_part),
    _route("complete", "POST", "/complete/{upload}", uploads.complete),
    _route("verify", "POST", "/{prefix}{repo}\\.git/info/lfs/objects/verify", uploads.verify),
    _route("commit", "POST", "/api/{kind}/{repo}/commit/{revision}", commits.commit),
    _route("info", "GET", "/api/{kind}/{repo}", repositories.info),
    _route("info", "GET", "/api/{kind}/{repo}/revision/{revision}", repositories.info),
    _route("tree", "GET", "/api/{kind}/{repo}/tree/{revision}", repositories.tree),
    _route("tree", "GET", "/api/{kind}/{repo}/tree/{revision}/{path}", repositories.tree),
    _route("paths", "POST", "/api/{kind}/{repo}/paths-info/{revision}", repositories.paths_info),
    _route("refs", "GET", "/api/{kind}/{repo}/refs", repositories.refs),
    _route("branch", "POST", "/api/{kind}/{repo}/branch/{revision}", repositories.branch),
    _route("discussion", "GET", "/api/{kind}/{repo}/discussions/{number}", repositories.discussion),
    _route("resolve", "GET HEAD", "/{prefix}{repo}/resolve/{revision}/{path}", repositories.resolve),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a call with the values in its path; None if the server does not know the call."""
    for route in ROUTES:
        found = route.pattern.fullmatch(path)
        if found and method in route.methods:
            return route, {name: value or "" for name, value in found.groupdict().items()}
    return None
