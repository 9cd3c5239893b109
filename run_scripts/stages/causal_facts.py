"""What the cards of models that write text say, and those of PEFT adapters on them."""

from xlzoo.hub_cards import Facts
from xlzoo.run_scripts.corpora.languages import display_name
from xlzoo.run_scripts.stages.facts import LIBRARIES, Record, of_run
from xlzoo.run_scripts.stages.papers import ADAPTERS, BACKPACK
from xlzoo.run_scripts.stages.snippets import generator_usage


def causal_lm_facts(run: Record, prompt: str, is_backpack: bool) -> Facts:
    """Describe a language model, a Backpack with its own code or a stock one; its card continues the prompt."""
    kind, tags = ("Backpack language model", ("backpack",)) if is_backpack else ("Causal language model", ())
    summary = "A language model that was trained to predict the next piece of a text."
    if is_backpack:
        summary = "A language model whose predictions are weighted sums of sense vectors, several for each word."
    return Facts(
        title=f"{kind}{_for_language(run)}",
        kind="model",
        summary=summary,
        tags=("causal-lm", *tags),
        pipeline_tag="text-generation",
        library_name="transformers",
        usage=generator_usage(prompt, own_code=is_backpack),
        **of_run(run, BACKPACK if is_backpack else None, [run.language]),
    )


def causal_adapter_facts(run: Record, prompt: str, method: str, is_completion: bool, own_code: bool) -> Facts:
    """Describe an adapter of a causal model, trained on running text or on prompts and completions.

    `method` is "LoRA", "IA3" or "Prefix". `own_code` says whether the base model brings code; the card continues the
    prompt if the base has a Hub id.
    """
    data = "prompts and their completions" if is_completion else "running text"
    base = run.base.hub_id
    return Facts(
        title=f"{method} {'task' if is_completion else 'language'} adapter{_for_language(run)}",
        kind="peft",
        summary=f"{'An' if method == 'IA3' else 'A'} {method} adapter of a causal language model, trained on {data}.",
        tags=("causal-lm", f"{'task' if is_completion else 'language'}-adapter", method.lower()),
        pipeline_tag="text-generation",
        library_name="peft",
        usage=generator_usage(prompt, own_code, base) if base else "",
        **of_run(run, ADAPTERS[method], [run.language], (*LIBRARIES, "peft")),
    )


def seq2seq_facts(run: Record, prompt: str, method: str | None) -> Facts:
    """Describe a sequence-to-sequence model or, by its method, an adapter of one; its card answers the prompt."""
    base = run.base.hub_id
    what = f"{method} adapter of a sequence-to-sequence model" if method else "sequence-to-sequence model"
    usage = generator_usage(prompt, False, base if method else None, "AutoModelForSeq2SeqLM")
    return Facts(
        title=f"{what[0].upper()}{what[1:]}{_for_language(run)}",
        kind="peft" if method else "model",
        summary=f"{'An' if method == 'IA3' else 'A'} {what}, trained on prompts and their completions.",
        tags=("seq2seq", *((method.lower(),) if method else ())),
        pipeline_tag="text-generation",
        library_name="peft" if method else "transformers",
        usage=usage if base or not method else "",
        **of_run(run, ADAPTERS[method] if method else None, [run.language], (*LIBRARIES, *("peft",) * bool(method))),
    )


def _for_language(run: Record) -> str:
    return f" for {display_name(run.language)}" if run.language else ""
