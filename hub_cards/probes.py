"""Holding the copy that is about to be published against what was trained: the same question, the same answer.

A probe is the answer of the live model, or of the folder that is published, to a fixed question. The copy is asked by
a fresh process, which is offline, has empty caches and cannot import anything of this project.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlzoo.hub_cards.comparing import require_same
from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Kind
from xlzoo.hub_cards.fresh.probing import ask, digests_of, labels_of, make_batch, write_answer, write_facts
from xlzoo.hub_cards.fresh.rows import describe_splits
from xlzoo.hub_cards.fresh_process import Program, run_fresh
from xlzoo.hub_cards.probe import Probe
from xlzoo.hub_cards.probe_sources import base_folder, modeling_code, recorded_base, require_no_code
from xlzoo.hub_cards.text_checks import SECRETS

TIMEOUT_SECONDS = 900.0
ATTENTIONS = ("eager", "sdpa")
PROGRAMS: dict[Kind, Program] = {
    "adapter": "ask_adapter",
    "dataset": "ask_dataset",
    "model": "ask_model",
    "peft": "ask_peft",
}


def record_model(model: Any, work: Path) -> Probe:
    """Ask a live model; the copy is loaded through the Auto class of the architecture that its config names.

    `work` must stay until the probe is checked. PublishError if the model cannot be asked or answers NaN.
    """
    facts = {"labels": labels_of(model), "weights": digests_of(model)}
    _record(model, model, work / "answer", facts)
    return Probe("model", work / "answer", {"trust": True, **_options(model)})


def record_adapter(model: Any, adapter_name: str, work: Path, with_head: bool) -> Probe:
    """Ask a live MAD-X model with this adapter in its active stack, alone if it is not there.

    The model is saved under `work` with its code, as the host into which the copy of the adapter, and `with_head` that
    of the head, are loaded in place of its own.
    """
    active = list(model.active_adapters)
    stack = active if adapter_name in active else [adapter_name]
    model.save_pretrained(work / "host")
    model.set_active_adapters(stack)
    try:
        _record(model, model, work / "answer", {"labels": labels_of(model)})
    finally:
        model.set_active_adapters(active)
    request = {"host": str((work / "host").resolve()), "name": adapter_name, "stack": stack, "with_head": with_head}
    return Probe("adapter", work / "answer", {**request, **_options(model)})


def record_peft(model: Any, work: Path, base: Path | str, trust_remote_code: bool = False) -> Probe:
    """Ask a live PeftModel; the copy is loaded onto `base`, a folder or a Hub id in the cache, in the same class.

    PublishError if the base has code of its own, which would run in the check, and `trust_remote_code` is off.
    """
    plain = model.get_base_model()
    require_trusted_base(model, base, trust_remote_code)
    _record(model, plain, work / "answer", {"labels": labels_of(plain)})
    request = {
        "base": str(base_folder(base)),
        "trust": trust_remote_code,
        "class_name": type(plain).__name__,
        "model_type": plain.config.model_type,
        "auto_map": getattr(plain.config, "auto_map", None) or {},
        "labels": labels_of(plain),
        "dtype": str(plain.dtype).removeprefix("torch."),
    }
    return Probe("peft", work / "answer", {**request, **_options(plain)})


def require_trusted_base(model: Any, base: Path | str, trust_remote_code: bool) -> None:
    """Raise PublishError where a PeftModel stands on code of its base's folder that nobody said to trust.

    The live one may be built from other code, ours say; readers of the card, and the check, run what lies in the base.
    """
    if getattr(model.get_base_model().config, "auto_map", None) and not trust_remote_code:
        require_no_code(base_folder(base))


def record_dataset(dataset: Any, work: Path) -> Probe:
    """Describe a DatasetDict, or a Dataset, which becomes a train split, with a digest of all its rows."""
    write_facts(work / "answer", {"splits": describe_splits(dataset)})
    return Probe("dataset", work / "answer", {})


def probe_of_folder(
    folder: Path, kind: Kind, work: Path, base: Path | str | None = None, trust_remote_code: bool = False
) -> Probe:
    """Ask what lies in a folder, where there is no live object, by loading it in a fresh process.

    A PEFT adapter is loaded onto `base`, by default the base model that it names, and an AdapterHub adapter into
    `base`, by default a random model of its size. PublishError if the folder cannot be loaded, or has code of its own
    and `trust_remote_code` is off.
    """
    work.mkdir(parents=True, exist_ok=True)
    request: dict[str, Any] = {"trust": trust_remote_code}
    if kind == "peft":
        request["base"] = str(base_folder(base or recorded_base(folder)))
    elif kind == "adapter":
        request["base"] = str(base_folder(base)) if base else None
        request |= {"host": str((work / "host").resolve()), "code": str(modeling_code())}
    if kind in ("model", "peft") and not trust_remote_code:
        require_no_code(folder if kind == "model" else Path(request["base"]))
    answer = _ask_afresh(kind, folder, request, work, f"Loading {folder}")
    how = json.loads((answer / "facts.json").read_text(encoding="utf-8")).get("how", {})
    return Probe(kind, answer, {**request, **how})


def rows_by_split(probe: Probe) -> dict[str, int]:
    """Return the number of rows in each split of a dataset that was asked."""
    splits = json.loads((probe.answer / "facts.json").read_text(encoding="utf-8"))["splits"]
    return {split: description["rows"] for split, description in splits.items()}


def check_probe(probe: Probe, tree: Path, scratch: Path) -> None:
    """Ask the staged copy in a fresh process; PublishError that says in what its answer differs, and by how much."""
    with tempfile.TemporaryDirectory(prefix="probe-", dir=scratch) as work:
        request = dict(probe.request)
        batch = probe.answer / "batch.safetensors"
        if batch.is_file():
            request["batch"] = str(batch.resolve())
        require_same(probe.answer, _ask_afresh(probe.kind, tree, request, Path(work), "Loading the staged copy"))


def _record(model: Any, plain: Any, answer: Path, facts: Mapping[str, Any]) -> None:
    """Ask the model a question that its configuration and its plain form's `forward` call for."""
    try:
        batch = make_batch(plain)
        write_answer(answer, batch, ask(model, batch), facts)
    except (ValueError, TypeError, LookupError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise PublishError(f"The {type(plain).__name__} cannot be asked for its outputs: {reason}") from error


def _options(model: Any) -> dict[str, dict[str, str]]:
    """Have the copy loaded with the attention of the model if every machine has it, for each rounds in its own way."""
    name = model.config._attn_implementation
    return {"options": {"attn_implementation": name} if name in ATTENTIONS else {}}


def _ask_afresh(kind: Kind, folder: Path, request: Mapping[str, Any], work: Path, what: str) -> Path:
    """Let a fresh process load a folder and return where in `work` it wrote its answer; `what` is that in an error."""
    answer = work / "answer"
    full: dict[str, Any] = {"options": {}, **request, "folder": str(folder.resolve()), "answer": str(answer.resolve())}
    if kind == "dataset":
        full["forbidden"] = [(name, needle, pattern.pattern) for name, needle, pattern in SECRETS]
    with tempfile.TemporaryDirectory(prefix="home-", dir=work) as home:
        place = Path(home)
        (place / "request.json").write_text(json.dumps(full), encoding="utf-8")
        run_fresh(
            PROGRAMS[kind],
            place / "request.json",
            what=what,
            working_folder=place,
            scratch=place,
            seconds=TIMEOUT_SECONDS,
        )
    return answer
