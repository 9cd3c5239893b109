"""Publishing a folder that exists, whoever made it: its kind, its facts, its base model, and a probe of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xlzoo.hub_cards import Facts, Receipt
from xlzoo.hub_cards.bases import describe_base
from xlzoo.hub_cards.facts import Kind
from xlzoo.hub_cards.probe_sources import base_folder
from xlzoo.hub_cards.probes import probe_of_folder, rows_by_split
from xlzoo.run_scripts.destination import Destination
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.given_flags import is_local
from xlzoo.run_scripts.runs import adapter_folder
from xlzoo.run_scripts.stages.eval_facts import measured_metrics, with_metrics
from xlzoo.run_scripts.stages.folder_facts import completed, kind_of, known_facts, recorded_base
from xlzoo.run_scripts.stages.publishing import ON_A_BASE, send, stand_ins


@dataclass(frozen=True)
class Wishes:
    """What the user says about a folder; the rest is read from it."""

    kind: Kind | None = None
    base_model: str | None = None
    """Hub id or folder."""
    trust_remote_code: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Facts` that go before what is known."""
    results: tuple[Path, ...] = ()
    """Files with scores of the folder that `run_eval.py` wrote."""


def publish_folder(folder: Path, destination: Destination, wishes: Wishes) -> Receipt:
    """Publish a model, an adapter, a dataset, or a run's output; UserError or PublishError before anything leaves."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give the one that holds the adapter, model or dataset.")
    if not (folder / "config.json").is_file() and wishes.kind != "dataset":
        folder = Path(adapter_folder(str(folder)))
    kind = wishes.kind or kind_of(folder)
    facts, base = _facts_and_base(folder, kind, wishes)
    found = base_folder(base) if base and kind in ON_A_BASE else None
    facts = completed(replace(facts, **wishes.facts), folder, found)
    facts = with_metrics(facts, measured_metrics(wishes.results, folder, kind))
    with TemporaryDirectory(prefix="xlzoo-probe-") as work:
        probe = probe_of_folder(folder, kind, Path(work), found, wishes.trust_remote_code)
        if kind == "dataset":
            facts = replace(facts, splits=rows_by_split(probe))
        return send(folder, facts, destination, probe, stand_ins(facts, found))


def _facts_and_base(folder: Path, kind: Kind, wishes: Wishes) -> tuple[Facts, str | None]:
    """Return what is known, and the Hub id or folder of the base model, None where there is none."""
    facts = known_facts(folder, kind)
    base = wishes.base_model or facts.base_model or recorded_base(folder, kind)
    if base is None and kind == "peft":
        raise UserError(f"{folder} names no base model, without which it cannot be checked; give --base_model.")
    if kind != "dataset" and base and (base != facts.base_model or is_local(base)):
        found = describe_base(base)
        if found.hub_id != facts.base_model:
            # The code names the base.
            facts = replace(facts, usage="", usage_needs=(), other_usage="")
        known: dict[str, Any] = {"base_model": found.hub_id, "base_note": found.note}
        if not facts.license:
            known |= {"license": found.license, "license_link": found.license_link}
        facts = replace(facts, **known)
    return facts, base
