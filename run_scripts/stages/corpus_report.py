"""What went into a parallel corpus, what each filter dropped, and the card that says so."""

import re
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from xlzoo.hub_cards import Facts, Table
from xlzoo.run_scripts.corpora.languages import display_name, hub_tag
from xlzoo.run_scripts.corpora.parallel.plan import Plan
from xlzoo.run_scripts.corpora.parallel.shards import get_note
from xlzoo.run_scripts.corpora.parallel.translations import Translations
from xlzoo.run_scripts.given_flags import is_local
from xlzoo.run_scripts.stages.corpus_steps import EMPTY
from xlzoo.run_scripts.stages.snippets import DATASET

NOT_STATED = "not stated"
PATH = re.compile(r"(?<![\w.])~?/(?:[^\s/'\",;:()]+/)*")
"""The folders of a path on this machine, which are not for a card."""
LIBRARIES = ("xlzoo", "datasets", "opusfilter", "opustools", "py3langid", "sacremoses", "sentence-transformers")
Report = dict[str, Any]


def corpus_report(plan: Plan) -> Report:
    """Return what is known of a finished dataset, in JSON's terms."""
    shards = plan.shards()
    by_shard = (get_note(plan.draw_note) or {})["by_shard"]
    corpora = []
    for number, origin in enumerate(plan.origins):
        note = plan.read_note(number) or {}
        own = [place for place, shard in enumerate(shards) if shard.origin == number]
        dropped: Counter[str] = Counter({EMPTY: note[EMPTY]})
        for files in (plan.clean_files(".json"), plan.keep_files(".json")):
            for place in own:
                dropped.update((get_note(files[place]) or {})["dropped"])
        drawn = sum(by_shard[place] for place in own)
        corpora.append(
            {
                "name": origin.name,
                "hub_id": _hub_id(origin),
                "licence": note["licence"] or NOT_STATED,
                "read": note["pairs"],
                "dropped": dict(dropped),
                "left": note["pairs"] - dropped.total(),
                "drawn": drawn,
                **({"left_out": note["left_out"]} if "left_out" in note else {}),
            }
        )
    return {
        "identity": plan.identity,
        "languages": [plan.cleaning.source, plan.cleaning.target],
        "unchecked": list(plan.cleaning.unidentified),
        "config": plan.prefix if plan.prefix != "data" else "",
        "rows": sum(corpus["drawn"] for corpus in corpora),
        "corpora": corpora,
    }


def _hub_id(origin: object) -> str:
    """Return the Hub id of a corpus, "" of one that is elsewhere."""
    if not isinstance(origin, Translations):
        return ""
    name = origin.dataset.partition(":")[0]
    try:
        validate_repo_id(name)
    except HFValidationError:
        return ""
    return "" if is_local(name) or "/" not in name else name


def corpus_table(report: Report) -> Table:
    """Return one line for each corpus: what was read, what each filter dropped, what is in the dataset."""
    filters = list(dict.fromkeys(name for corpus in report["corpora"] for name in corpus["dropped"]))
    columns = ("corpus", "licence", "read", *(f"- {name}" for name in filters), "left", "drawn")
    rows = []
    for corpus in report["corpora"]:
        if "left_out" in corpus:
            rows.append((corpus["name"], NOT_STATED, "left out", *["-"] * len(filters), "-", "0"))
            continue
        counts = [
            corpus["read"],
            *(-corpus["dropped"].get(name, 0) for name in filters),
            corpus["left"],
            corpus["drawn"],
        ]
        rows.append((corpus["name"], corpus["licence"], *(f"{count:,}" for count in counts)))
    return Table("What went in", columns, tuple(rows))


def corpus_facts(report: Report, recipe: Mapping[str, Any], license_: str) -> Facts:
    """Return what a card says of the dataset."""
    codes = report["languages"]
    source, target = map(display_name, codes)
    notes = [
        "Pairs of each corpus, and how many each filter dropped, in its order: a pair is counted by the first filter "
        "that drops it, and of equal pairs that of the first corpus stays. The dataset is a seeded draw from what is "
        "left. The licences are those that the corpora state themselves; theirs are the terms of their pairs."
    ]
    out = (corpus for corpus in report["corpora"] if "left_out" in corpus)
    notes += [f"{corpus['name']} was left out: {PATH.sub('', corpus['left_out'])}" for corpus in out]
    notes += [f"The language of the {display_name(code)} side was not checked." for code in report["unchecked"]]
    return Facts(
        title=f"{source}-{target} sentence pairs",
        kind="dataset",
        summary=f"{report['rows']:,} sentences in {source} with their translations in {target}, filtered and drawn "
        f"from {len(report['corpora'])} {'corpus' if len(report['corpora']) == 1 else 'corpora'}.",
        languages=tuple(map(hub_tag, codes)),
        license=license_,
        datasets=tuple(corpus["hub_id"] for corpus in report["corpora"] if corpus["hub_id"] and corpus["drawn"]),
        data_note="\n\n".join(notes),
        tables=(corpus_table(report),),
        tags=("parallel-corpus",),
        task_categories=("translation",),
        splits={"train": report["rows"]},
        config_name=report["config"],
        usage=DATASET,
        script="build_parallel_corpus.py",
        recipe=recipe,
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
