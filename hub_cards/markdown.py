"""Plain text as Markdown: whatever a fact holds, the reader sees it as written and the page around it stays whole.

The rules are those of CommonMark 0.31 with GitHub's tables, which is what the Hub renders.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# What would begin markup inside a line. An underscore inside a word does not, nor does an ampersand without a name.
INLINE = re.compile(r"[\\`*\[\]<|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<!\w)#")
# What would begin a list, a quotation, a heading or a rule at the start of a paragraph.
START = re.compile(r"^(\d{0,9})(?=[-+=>.)])")


def one_line(text: str) -> str:
    """Return text without control characters, its white space and its line breaks as single spaces."""
    return " ".join(CONTROLS.sub("", text).split())


def line(text: str) -> str:
    """Return text as Markdown on one line."""
    return INLINE.sub(_escaped, one_line(text))


def _escaped(found: re.Match[str]) -> str:
    # The Hub reads two backslashes before a parenthesis as a formula, so a backslash goes by its number.
    return "&#92;" if found[0] == "\\" else f"\\{found[0]}"


def prose(text: str) -> str:
    """Return text as Markdown paragraphs, which blank lines separate."""
    parts = (line(part) for part in re.split(r"\n\s*\n", text))
    return "\n\n".join(START.sub(r"\1\\", part) for part in parts if part)


def fenced(text: str, language: str = "") -> str:
    """Return text as a code block whose fence is longer than any run of backticks inside."""
    code = CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
    fence = "`" * max((len(run) + 1 for run in re.findall("`{3,}", code)), default=3)
    return f"{fence}{language}\n{code}\n{fence}"


def link(text: str, target: str) -> str:
    """Return a link, as `[text](target)`."""
    return f"[{line(text)}]({quote(target, safe='/:?#@!$&+,;=%~')})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, the first column to the left, numbers to the right."""
    lines = [columns, ["---", *("---:" for _ in columns[1:])], *rows]
    shown = (lines[1] if cells is lines[1] else [line(cell) for cell in cells] for cells in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in shown)
