"""From a finished run to its repository: its facts beside its results, a probe of the live model, and the one door."""

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from xlzoo.hub_cards import Facts, PublishError, Receipt, publish
from xlzoo.hub_cards.facts import facts_to_json
from xlzoo.hub_cards.facts_reader import facts_from_json
from xlzoo.hub_cards.probe_sources import base_folder
from xlzoo.hub_cards.probes import Probe
from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.destination import Destination

FACTS_FILE = "facts.json"
ON_A_BASE = ("adapter", "peft")
"""The kinds that are loaded onto a base model, which their usage code names."""


def write_facts(folder: Path, facts: Facts) -> None:
    """Keep what the card will say, so that the folder can be published at any later time."""
    (folder / FACTS_FILE).write_text(facts_to_json(facts), encoding="utf-8")


def read_facts(folder: Path) -> Facts | None:
    """Return the facts that a folder holds, or None; PublishError where they are damaged."""
    path = folder / FACTS_FILE
    return facts_from_json(path.read_text(encoding="utf-8")) if path.is_file() else None


def publish_run(
    folder: Path, facts: Facts, args: RunArguments, start: str | None, record: Callable[[Path], Probe]
) -> None:
    """Publish what a run wrote to `folder`, if its arguments ask for it.

    `start` is the checkpoint that the run began with. `record` asks the live model, given a folder to work in.
    """
    destination = args.destination
    if destination is None:
        return
    try:
        with TemporaryDirectory(prefix="xlzoo-probe-") as work:
            send(folder, facts, destination, record(Path(work)), stand_ins(facts, start))
    except PublishError as error:
        again = ["xlzoo-publish", str(folder), destination.repo_id, *destination.flags()]
        again += ["--base_model", start] if facts.kind in ON_A_BASE and start else []
        code = [folder, *([Path(start)] if facts.kind == "peft" and start else [])]
        again += ["--trust_remote_code"] * any(any(place.glob("*.py")) for place in code)
        raise PublishError(
            f"{str(error).rstrip('.')}; the training is complete, so publish it later with: {shlex.join(again)}"
        ) from error


def send(
    folder: Path, facts: Facts, destination: Destination, probe: Probe | None, beside: Mapping[str, Path]
) -> Receipt:
    """Put a folder through the door and print the receipt."""
    receipt = publish(
        folder,
        destination.repo_id,
        facts,
        probe=probe,
        beside=beside,
        hub_dir=destination.hub_dir,
        private=destination.private,
        revision=destination.revision,
        token=destination.token,
        dry_run=destination.dry_run,
    )
    sys.stdout.write(f"{receipt.describe().rstrip()}\n")
    return receipt


def stand_ins(facts: Facts, start: str | Path | None) -> dict[str, Path]:
    """Return the folder that stands in for the base model's Hub id while the usage code runs offline."""
    if facts.kind not in ON_A_BASE or facts.base_model is None or start is None:
        return {}
    return {facts.base_model: base_folder(start)}
