"""Merging three adapters into a fourth: from their files to a folder, a published repository or a whole model."""

import json
import logging
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlzoo.hub_cards import Facts, PublishError, render_card
from xlzoo.run_scripts.destination import Destination
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.merge_arguments import HubArguments, MergeArguments, TuneArguments, as_told
from xlzoo.run_scripts.merging.layout import Strength
from xlzoo.run_scripts.merging.rules import Setting, rule_for
from xlzoo.run_scripts.merging.states import MergedAdapter, Plan
from xlzoo.run_scripts.models.stored_peft import PeftFiles, open_peft, write_peft_config, write_peft_weights
from xlzoo.run_scripts.runs import RUN_FILE, write_results
from xlzoo.run_scripts.stages.merge_facts import merge_facts
from xlzoo.run_scripts.stages.merge_into_base import Base, open_base, write_merged_model
from xlzoo.run_scripts.stages.merge_parents import require_mergeable
from xlzoo.run_scripts.stages.merge_tuning import Tuned, tune_strength
from xlzoo.run_scripts.stages.publish_folder import Wishes, publish_folder
from xlzoo.run_scripts.stages.publishing import write_facts

logger = logging.getLogger(__name__)


def merge_adapters(args: MergeArguments, tuning: TuneArguments, hub: HubArguments) -> dict[str, Any]:
    """Merge what the arguments name and return {folder: what is known of its merge}, with the t's scores if tuned.

    Everything that can be found wrong is, before anything is written. The base model is read only to be written with
    the adapter in it, or to be scored.
    """
    destination = hub.destination(args)
    tuning.require_use(args.tune)
    _require_free(args.folder, args.overwrite_output_dir)
    with ExitStack() as stack:
        parents = [open_peft(name) for name in args.parents]
        for parent in parents:
            stack.enter_context(parent.tensors)
        require_mergeable(parents, args)
        base = open_base(base_name(args, parents), stack) if args.merge_into_base else None
        tuned = None
        if args.tune:
            made = {t: merged_adapter(parents, args, t) for t in sorted(args.t)}
            tuned = tune_strength(made, base_name(args, parents), args.trust_remote_code, tuning)
        strengths = [tuned.best] if tuned else args.t
        names = {t: f"t-{t:.12g}" if len(strengths) > 1 else "." for t in strengths}
        with _new_folder(args) as folder:
            merges = {
                name: _write(folder / name, merged_adapter(parents, args, t), args, base, tuned)
                for t, name in names.items()
            }
            told: dict[str, Any] = {"merged": merges, **({"scores": tuned.scores} if tuned else {})}
            write_results(folder, told)
    logger.info(
        "%s: %s", args.folder, "the model with the merged adapter" if base else "merged, " + _spoken(strengths)
    )
    if destination:
        base_id = args.base_model or parents[0].config.get("base_model_name_or_path")
        wishes = Wishes(base_model=None if args.merge_into_base else base_id, trust_remote_code=args.trust_remote_code)
        _publish(args.folder, destination, wishes)
    return told


def merged_adapter(parents: Sequence[PeftFiles], args: MergeArguments, t: float) -> MergedAdapter:
    """Return the merge of three adapters that fit, with this t; nothing is calculated yet."""
    task, target, source = parents
    weights = (args.weights[0], args.weights[1], args.weights[2]) if args.weights else None
    plan = Plan(
        rule=rule_for(args.rule, task.config["peft_type"]),
        strength=Strength(t, args.layers),
        setting=Setting(t, args.density or Setting.density, weights),
        is_product=args.lora_merge == "product",
        rank=args.rank,
        measures_error=args.measure_error,
        seed=args.seed,
    )
    configs = (task.config, target.config, source.config)
    states = (task.tensors, target.tensors, source.tensors)
    return MergedAdapter(configs, states, plan, dtypes=task.tensors.dtypes)


def base_name(args: MergeArguments, parents: Sequence[PeftFiles]) -> str:
    """Return the base model's Hub id or folder; UserError where nothing names one."""
    name = args.base_model or parents[0].config.get("base_model_name_or_path")
    if not name:
        raise UserError(f"{args.task_adapter} names no base model; give --base_model.")
    return str(name)


def _write(
    folder: Path, merged: MergedAdapter, args: MergeArguments, base: Base | None, tuned: Tuned | None
) -> dict[str, Any]:
    """Write the adapter, or the model with it, and what is known of it; return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    if base:
        write_merged_model(base, merged, folder)
    else:
        write_adapter(folder, merged, args.base_model)
    report, t = merged.report, merged.plan.strength.t
    told: dict[str, Any] = {"t": t, "rule": args.rule}
    if report.norm:
        told["relative_error"] = report.relative_error
        error = f"rank {merged.plan.rank} leaves out" if merged.plan.rank else "merged factors are off by"
        logger.info("%s %.2f %% of the norm of the merged updates", error, 100 * report.relative_error)
    elif merged.plan.is_product:
        logger.info("the updates are merged exactly, at rank %d", merged.config()["r"])
    if report.unusable:
        told["divisors_next_to_0"] = report.unusable
        logger.warning("%d of %d divisors are next to 0: added instead", report.unusable, report.divisors)
    figures = tuned.draw(folder) if tuned else ()
    _describe(folder, merge_facts(args, merged, figures, tuned.sentence if tuned else None))
    return told


def write_adapter(folder: Path, merged: MergedAdapter, base_model: str | None = None) -> None:
    """Write an adapter that `PeftModel.from_pretrained` loads, into a folder that is there."""
    write_peft_weights(folder, merged.tensors(), merged.states[0].keys())
    named = {"base_model_name_or_path": base_model} if base_model else {}
    write_peft_config(folder, {**merged.config(), **named})


def _describe(folder: Path, facts: Facts) -> None:
    """Write the card, as it is known without a repository, and the facts for the one that will be published."""
    write_facts(folder, facts)
    (folder / "README.md").write_text(render_card(replace(facts, usage="")), encoding="utf-8")


def _publish(folder: Path, destination: Destination, wishes: Wishes) -> None:
    """Publish the result; where that fails, say how to do it later."""
    try:
        publish_folder(folder, destination, wishes)
    except PublishError as error:
        again = ["xlzoo-publish", str(folder), destination.repo_id, *destination.flags()]
        again += ["--base_model", wishes.base_model] if wishes.base_model else []
        raise PublishError(
            f"{str(error).rstrip('.')}; the merge is complete, so publish it later with: {shlex.join(again)}"
        ) from error


def _spoken(strengths: Sequence[float]) -> str:
    return "t = " + ", ".join(f"{t:g}" for t in strengths)


def _require_free(folder: Path, overwrite: bool) -> None:
    if folder.is_file():
        raise UserError(f"--output_dir {folder} is a file; expected a folder.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise UserError(
            f"--output_dir {folder} holds files; choose another, or delete a run with --overwrite_output_dir."
        )
    if not (folder / RUN_FILE).is_file():
        raise UserError(f"--overwrite_output_dir: {folder} was not written by a run of ours; delete it yourself.")


@contextmanager
def _new_folder(args: MergeArguments) -> Iterator[Path]:
    """Let a folder be filled that becomes the output folder, in place of a run there, once all went well."""
    folder = args.folder.absolute()
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        (part / RUN_FILE).write_text(json.dumps(as_told(args), indent=2) + "\n", encoding="utf-8")
        yield part
        if folder.is_dir():
            shutil.rmtree(folder)
        part.replace(folder)
    except OSError as error:
        raise UserError(f"--output_dir {args.folder} cannot be written: {error.strerror}; choose another.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
