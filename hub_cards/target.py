"""Where on the Hub something is published."""

import re
from dataclasses import dataclass

from huggingface_hub import constants

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Kind

NEW_PULL_REQUEST = "pr"
PULL_REQUEST = "refs/pr/"
# A pull request of the Hub, or what git takes for the name of a branch.
REVISION = re.compile(r"refs/pr/\d+|(?!refs/|/)[^\s~^:?*\[\\]+")


@dataclass(frozen=True)
class Target:
    """A repository on the Hub, and the branch or pull request in it: None is the main branch, "pr" a new request."""

    repo_id: str
    kind: Kind
    private: bool = False
    revision: str | None = None

    def __post_init__(self) -> None:
        if self.revision is not None and not REVISION.fullmatch(self.revision):
            raise PublishError(f"{self.revision!r} is no revision: give a branch, refs/pr/N, or pr for a new request.")

    @property
    def repo_type(self) -> str:
        """The Hub's own name for the kind of repository."""
        return "dataset" if self.kind == "dataset" else "model"

    @property
    def branch(self) -> str | None:
        """The revision that the commit goes on top of."""
        return None if self.revision == NEW_PULL_REQUEST else self.revision

    def url(self) -> str:
        """Return the address of the page that shows what was published."""
        page = f"{constants.ENDPOINT}/{'datasets/' * (self.repo_type == 'dataset')}{self.repo_id}"
        if self.branch is None:
            return page
        if self.branch.startswith(PULL_REQUEST):
            return f"{page}/discussions/{self.branch.removeprefix(PULL_REQUEST)}"
        return f"{page}/tree/{self.branch}"
