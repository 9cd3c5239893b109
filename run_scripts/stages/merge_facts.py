"""What the cards of merged adapters say, and those of models with such an adapter in them."""

from typing import Any

from xlzoo.hub_cards import Facts, Figure
from xlzoo.hub_cards.bases import describe_base
from xlzoo.run_scripts.corpora.languages import display_name, iso639_3
from xlzoo.run_scripts.given_flags import is_local, last_part
from xlzoo.run_scripts.merge_arguments import MergeArguments
from xlzoo.run_scripts.merging.states import MergedAdapter
from xlzoo.run_scripts.stages.facts import LIBRARIES, Record, of_run
from xlzoo.run_scripts.stages.papers import ADAMERGEX, METHODS


def merge_facts(
    args: MergeArguments, merged: MergedAdapter, figures: tuple[Figure, ...] = (), tuned: str | None = None
) -> Facts:
    """Describe a merged adapter, or the model that it was merged into; `tuned` tells how its t was chosen."""
    start = args.base_model or merged.configs[0].get("base_model_name_or_path")
    base = describe_base(start)
    language = iso639_3(args.language) if args.language else None
    method = METHODS[merged.configs[0]["peft_type"]]
    recipe = {**args.recipe, "t": merged.plan.strength.t}
    if args.weights:
        del recipe["t"]
    if start and is_local(start) and "base_model" in recipe:
        recipe["base_model"] = base.hub_id or last_part(start)
    run = Record(base, language, recipe, figures=figures, script=args.script)
    paper = ADAMERGEX if args.rule in ("adamergex", "additive", "multiplicative", "matrix_product") else None
    spoken = f" for {display_name(language)}" if language else ""
    told: dict[str, Any] = of_run(run, paper, [language], (*LIBRARIES, "peft"))
    return Facts(
        title=f"{'Model with a merged' if args.merge_into_base else 'Merged'} {method} adapter{spoken}",
        kind="model" if args.merge_into_base else "peft",
        base_model_relation="merge" if args.merge_into_base and told["base_model"] else "",
        summary=" ".join(filter(None, [_summary(args, merged, method), _how(merged), tuned])),
        tags=("adamergex", "adapter-merging", method.lower(), *("merge",) * args.merge_into_base),
        library_name="transformers" if args.merge_into_base else "peft",
        **told,
    )


def _summary(args: MergeArguments, merged: MergedAdapter, method: str) -> str:
    task, target, source = (last_part(name) if is_local(name) else name for name in args.parents)
    whole = (
        "A model whose weights hold an adapter that was" if args.merge_into_base else f"A {method} adapter that was"
    )
    added = f"{merged.plan.strength.t:g} times what separates"
    if args.weights:
        added = "with weights " + ", ".join(f"{weight:g}" for weight in args.weights) + ","
    return (
        f"{whole.replace('A IA3', 'An IA3')} computed from three others, not trained: the task adapter {task}, and "
        f"{added} {target}, the reference adapter in the target language, from {source}, the one in the source "
        f"language. The rule is {args.rule}."
    )


def _how(merged: MergedAdapter) -> str:
    """Say how LoRA's factors were treated, and which layers have a t of their own."""
    told = []
    plan = merged.plan
    if plan.is_product:
        told.append("Updates of weights were merged as wholes.")
    if plan.rank:
        told.append(f"They were cut to rank {plan.rank}, without {merged.report.relative_error:.2%} of their norm.")
    elif plan.measures_error:
        error = f"{merged.report.relative_error:.2%}"
        told.append(f"LoRA's factors were merged one by one, which is {error} of the norm away from merging products.")
    if plan.strength.by_layer:
        layers = ", ".join(f"{layer}: {t:g}" for layer, t in sorted(plan.strength.by_layer.items()))
        told.append(f"Layers with a t of their own: {layers}.")
    return " ".join(told)
