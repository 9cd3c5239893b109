"""Publish a folder that exists: a model, an AdapterHub or PEFT adapter, a dataset, or what a run wrote.

    python run_scripts/publish.py runs/en/eng me/madx-eng --license mit
    python run_scripts/publish.py runs/ner/ner me/madx-ner --hub_dir hub     # to a local folder, without network
    python run_scripts/publish.py lora me/lora --base_model xlm-roberta-base --hub_revision pr --dry_run

The folder is checked in a fresh process, gets a card, and arrives in one commit or not at all. What the card says
comes from the facts.json of a run, else from the metadata and the heading of a README.md; flags go before both. The
text of a README.md is not published: nobody could check it, and the stock ones of PEFT and the Trainer are forms to
fill in. A sentence of your own goes into --summary.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

from xlzoo.hub_cards import Receipt
from xlzoo.hub_cards.facts import Relation
from xlzoo.run_scripts.arguments import run
from xlzoo.run_scripts.corpora.languages import hub_tag
from xlzoo.run_scripts.destination import Destination
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.stages.folder_facts import KINDS
from xlzoo.run_scripts.stages.publish_folder import Wishes, publish_folder

RELATIONS = [relation for relation in get_args(Relation) if relation]
SAID = ("title", "summary", "license", "pipeline_tag", "base_model_relation", "paper")
"""Flags of one value that go into the card as they are."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[:1].upper()}{message[1:]}; see --help.")


def _parser() -> ArgumentParser:
    parser = _Parser(allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="what to publish; it is not changed")
    parser.add_argument("repo_id", help="the repository, 'name' or 'organisation/name'; made if missing")
    where = parser.add_argument_group("where")
    where.add_argument("--hub_dir", type=Path, help="publish to this local folder instead of the Hub")
    where.add_argument("--hub_revision", help="a branch, refs/pr/N for an open pull request, or pr for a new one")
    where.add_argument("--private", action="store_true", help="make a new repository private")
    where.add_argument("--hub_token", help="by default that of HF_TOKEN or of `hf auth login`")
    where.add_argument("--dry_run", action="store_true", help="do all but the upload, and print what would go")
    what = parser.add_argument_group("what it is, where the folder does not say")
    what.add_argument("--kind", choices=KINDS, help="by default what its files look like")
    what.add_argument("--base_model", help="Hub id or folder of the model that it was made from")
    what.add_argument("--base_model_relation", choices=RELATIONS, help="how it was made from that")
    what.add_argument("--trust_remote_code", action="store_true", help="run the folder's own code in the check")
    card = parser.add_argument_group("what the card says")
    card.add_argument("--title", help="the heading")
    card.add_argument("--summary", help="one sentence")
    card.add_argument("--license", help="mit, apache-2.0, cc-by-4.0, ...")
    card.add_argument("--language", nargs="+", help="in any spelling: sw, swh, Swahili")
    card.add_argument("--datasets", nargs="+", help="Hub ids of the data it was trained on")
    card.add_argument("--tags", nargs="+", help="further tags")
    card.add_argument("--pipeline_tag", help="token-classification, say, of a model")
    card.add_argument("--task_categories", nargs="+", help="the same of a dataset, one or several")
    card.add_argument("--paper", help="arXiv id")
    card.add_argument("--results", nargs="+", type=Path, help="scores of it that run_eval.py wrote (.json)")
    return parser


def main(argv: Sequence[str] | None = None) -> Receipt:
    """Publish with these arguments, by default the command line's, and return what went where."""
    given = _parser().parse_args(argv)
    destination = Destination(
        repo_id=given.repo_id,
        hub_dir=given.hub_dir,
        private=given.private,
        revision=given.hub_revision,
        token=given.hub_token,
        dry_run=given.dry_run,
    )
    destination.check()
    wishes = Wishes(given.kind, given.base_model, given.trust_remote_code, _said(given), tuple(given.results or ()))
    return publish_folder(given.folder, destination, wishes)


def _said(given: Namespace) -> dict[str, Any]:
    """Return the fields of the card that flags give."""
    said: dict[str, Any] = {name: getattr(given, name) for name in SAID if getattr(given, name)}
    for name in ("datasets", "tags", "task_categories"):
        if getattr(given, name):
            said[name] = tuple(getattr(given, name))
    if given.language:
        said["languages"] = tuple(dict.fromkeys(hub_tag(language) for language in given.language))
    return said


def cli() -> None:
    """Run as a program."""
    run(main)


if __name__ == "__main__":
    cli()
