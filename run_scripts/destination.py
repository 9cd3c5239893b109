"""Where a thing is published, and every mistake in that which can be found before any work is done."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import get_token
from huggingface_hub.constants import is_offline_mode
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from xlzoo.run_scripts.errors import UserError

REVISION = re.compile(r"refs/pr/[1-9]\d*|(?!refs/|.*(\.\.|//|/\.|\.lock(/|$)))[A-Za-z0-9][\w./-]*(?<![./])")
"""A pull request, or a name that git takes for a branch; "pr" is of the second form and means a new pull request."""


@dataclass(frozen=True)
class Destination:
    """One repository, on the Hub or in a local folder `hub_dir`, and how to publish to it."""

    repo_id: str
    hub_dir: Path | None = None
    private: bool = False
    revision: str | None = None
    """A branch, "refs/pr/N", or "pr" for a new pull request."""
    token: str | None = field(default=None, repr=False)
    dry_run: bool = False

    def check(self) -> None:
        """Raise UserError for what the door, or the Hub behind it, would refuse whatever is published."""
        self._check_names()
        if self.hub_dir is not None:
            self._check_local(self.hub_dir)
        elif not self.dry_run:
            self._check_access()

    def _check_names(self) -> None:
        try:
            validate_repo_id(self.repo_id)
        except HFValidationError as error:
            raise UserError(
                f"{self.repo_id!r} cannot name a repository; expected 'name' or 'organisation/name' of letters, "
                "digits, '-', '_' and '.'."
            ) from error
        if self.revision is not None and not REVISION.fullmatch(self.revision):
            raise UserError(
                f"The revision {self.revision!r} is none to publish to; expected a branch, 'refs/pr/N' for an open "
                "pull request, or 'pr' for a new one."
            )

    def _check_local(self, hub_dir: Path) -> None:
        given = {"a private repository": self.private, "a revision": self.revision, "a token": self.token}
        for what in (what for what, value in given.items() if value):
            raise UserError(f"The local folder {hub_dir} has no use for {what}; leave it out, or push to the Hub.")
        if hub_dir.exists() and not hub_dir.is_dir():
            raise UserError(f"--hub_dir {hub_dir} is a file; expected a folder, or the name of a new one.")

    def _check_access(self) -> None:
        if is_offline_mode():
            raise UserError("HF_HUB_OFFLINE keeps this machine off the Hub; unset it, or give --hub_dir instead.")
        if not self.token and not get_token():
            raise UserError(
                "There is no token to publish with; log in with `hf auth login`, set HF_TOKEN, or give --hub_token."
            )

    def flags(self) -> list[str]:
        """Return the flags of `publish.py` that say the same, but for the token."""
        named = {"--hub_dir": self.hub_dir, "--hub_revision": self.revision}
        given = [text for flag, value in named.items() if value for text in (flag, str(value))]
        return [*given, *["--private"] * self.private, *["--dry_run"] * self.dry_run]


def chosen(
    destination: Destination, *, push_to_hub: bool, named: str | None = None, own_private: bool = True
) -> Destination | None:
    """Return the checked destination of flags, or None where they publish nothing; UserError if they disagree.

    `--dry_run` alone means a dry run of `--push_to_hub`. `named` is the repository if a flag gave it. Flags that would
    do nothing are refused, `private` only if it is the destination's own.
    """
    if push_to_hub and destination.hub_dir is not None:
        raise UserError(
            "--push_to_hub publishes to the Hub and --hub_dir to a local folder; give one of them, in a recipe too "
            "(`--hub_dir null` takes it out of run_madx.py's)."
        )
    if push_to_hub or destination.hub_dir is not None or destination.dry_run:
        destination.check()
        return destination
    idle = {
        "hub_model_id": named,
        "hub_revision": destination.revision,
        "hub_token": destination.token,
        "hub_private_repo": destination.private and own_private,
    }
    for flag in (flag for flag, value in idle.items() if value):
        raise UserError(f"--{flag} does nothing where nothing is published; add --push_to_hub or --hub_dir.")
    return None
