"""What no published text may hold: access tokens and keys, addresses, and paths of the machine it was written on."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from xlzoo.hub_cards.errors import PublishError

TOKEN = "what looks like an access token"
# Where a path may begin: after a space or a sign, and in JSON and Python strings after the two characters `\n`.
_START = r"""/(?:(?<![^\s"'`(\[{=,:|]/)|(?<=\\n/)|(?<=\\t/))"""


class Pattern(NamedTuple):
    """What a text must not hold: its name, a string without which it is not there, and the regular expression.

    What matches is shown in the error, so that of a secret only looks ahead at the part that is secret. None can run
    over the same letters again and again: a line may have any length.
    """

    what: str
    needle: str
    pattern: re.Pattern[str]


def _token(prefix: str, rest: str) -> Pattern:
    """Return the pattern of a token with this prefix, at which a word begins."""
    return Pattern(TOKEN, prefix, re.compile(rf"{prefix}(?<![A-Za-z0-9-]{prefix})(?={rest})"))


SECRETS = (
    *(_token(prefix, "[A-Za-z0-9]{20}") for prefix in ("hf_", "api_org_")),
    _token("sk-", r"[\w-]{20})(?=[A-Za-z_-]{0,60}\d"),
    *(_token(f"gh{kind}_", "[A-Za-z0-9]{30}") for kind in "opusr"),
    _token("github_pat_", r"\w{22}"),
    _token("glpat-", r"[\w-]{20}"),
    *(_token(prefix, "[A-Z0-9]{16}") for prefix in ("AKIA", "ASIA")),
    _token("AIza", r"[\w-]{35}"),
    *(_token(f"xox{kind}-", "[A-Za-z0-9-]{10}") for kind in "abprs"),
    _token("eyJ", r"[\w-]{10,2000}\.eyJ[\w-]{10}"),
    Pattern("a private key", "-----BEGIN ", re.compile(r"-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY")),
    Pattern("a password in a URL", "://", re.compile(r"""://[^\s/:@"']{1,64}:(?=[^\s/:@"']{1,64}@)""")),
)
HOME = "a path in a home directory"
TRACES = (
    *(Pattern(HOME, top, re.compile(rf"{top}(?<![\w.]{top})[\w.-]+")) for top in ("/home/", "/Users/", "/root/")),
    Pattern(HOME, "~/", re.compile(r"~/(?<!\w~/)[\w.]+")),
    Pattern(HOME, ":\\", re.compile(r"\b[A-Za-z]:\\{1,4}Users\\{1,4}\w+")),
    Pattern("an absolute path", "/", re.compile(_START + r"[\w.+-]+/[\w.+-]+")),
    # The last lookahead keeps the matrix product `q@k.transpose(0, 1)` from being an address.
    Pattern(
        "an e-mail address",
        "@",
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[A-Za-z]{2,24}\b(?![(_])"),
    ),
)
CHUNK = 1 << 20
OVERLAP = 4096
LOOKBEHIND = 16


def check_text(name: str, text: str) -> None:
    """Raise PublishError if a text holds a secret, or a trace of its author or of the machine it was written on."""
    _search(name, text, (*SECRETS, *TRACES))


def check_text_file(path: Path, name: str, *, is_data: bool) -> None:
    """Check a text file, of which data may be of any size and may hold addresses and paths, but no secrets.

    PublishError also if it is not UTF-8.
    """
    try:
        if is_data:
            _check_data(path, name)
        else:
            check_text(name, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise PublishError(f"{name} is not UTF-8 text, so it cannot be checked and is not published.") from error


def _check_data(path: Path, name: str) -> None:
    """Search each chunk together with the end of the one before it, so that nothing is missed for being cut in two."""
    tail, start = "", 0
    with path.open(encoding="utf-8", newline="") as file:
        while chunk := file.read(CHUNK):
            window = tail + chunk
            _search(name, window, SECRETS, start)
            tail, start = window[-OVERLAP:], LOOKBEHIND


def _search(name: str, text: str, patterns: Iterable[Pattern], start: int = 0) -> None:
    for what, needle, pattern in patterns:
        found = pattern.search(text, start) if needle in text else None
        if found:
            raise PublishError(f"{name} holds {what}, {found.group()!r}.")
