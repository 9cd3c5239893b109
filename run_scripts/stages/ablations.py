"""SENSIA's analyses of a Backpack from arguments to tables and pictures, each written down as soon as it is known."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from xlzoo.modeling.configuration_backpack import BackpackGPT2Config
from xlzoo.run_scripts.ablation_arguments import (
    INFORMATION,
    MIXING,
    PROCRUSTES,
    TOPOLOGY,
    AblatedModels,
    Ablations,
    AblationText,
)
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.measuring.sense_words import read_texts
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer, made_config, read_fields
from xlzoo.run_scripts.stages.ablation_input import LinkedWords, choose_links, find_links, read_pairs, require_links
from xlzoo.run_scripts.stages.ablation_pictures import PICTURES, require_matplotlib
from xlzoo.run_scripts.stages.ablation_runs import RUNS, Found, Prepared, Subject
from xlzoo.run_scripts.stages.perplexity_report import PerplexityReport
from xlzoo.run_scripts.tasks.senses.tables import information_table, mixing_table, procrustes_table, topology_table
from xlzoo.run_scripts.tasks.senses.topology import FEWEST_SENSES

TITLES = {
    TOPOLOGY: "Sense topology correlation",
    PROCRUSTES: "Procrustes fit of target words onto source words",
    INFORMATION: "Jensen-Shannon mutual-information gap",
    MIXING: "Perplexity of other mixtures of the senses",
}
TABLES = {
    TOPOLOGY: topology_table,
    PROCRUSTES: procrustes_table,
    INFORMATION: information_table,
    MIXING: mixing_table,
}
logger = logging.getLogger(__name__)
Results = dict[str, dict[str, Found]]


def ablate(models: AblatedModels, text: AblationText, options: Ablations) -> Results:
    """Do the analyses that are asked for and return {analysis: {base or adapted: what was found}}.

    What `output_dir` holds of the same models, text and settings is not done again. All input is read and checked
    before the first model is loaded.
    """
    if options.plots:
        require_matplotlib()
    reports = {name: _open_report(name, models, text, options) for name in options.analyses}
    waiting = {
        model: [name for name in options.analyses if model not in reports[name].results]
        for model in models.names.values()
    }
    device = models.measured.place()
    if any(waiting.values()):
        prepared = _prepare(models, text, options, {name for names in waiting.values() for name in names}, device)
        for report in reports.values():
            report.write()
        for model, names in waiting.items():
            _study(model, names, prepared, models, device, reports)
    results = {
        name: {role: report.results[model] for role, model in models.names.items()} for name, report in reports.items()
    }
    _write(results, models, options)
    return results


def describe(results: Mapping[str, Mapping[str, Found]]) -> str:
    """Lay all that was found out as Markdown."""
    return "\n\n".join(f"{TITLES[name]}\n\n{TABLES[name](found)}" for name, found in results.items())


def _open_report(name: str, models: AblatedModels, text: AblationText, options: Ablations) -> PerplexityReport:
    of_text = text.settings if name == MIXING else text.link_settings
    settings = {**models.settings, **of_text, **options.settings(name)}
    path = Path(options.output_dir) / f"{name}.json"
    return PerplexityReport(str(path), settings, options.overwrite, flag="--output_dir:")


def _prepare(
    models: AblatedModels, text: AblationText, options: Ablations, names: set[str], device: torch.device
) -> Prepared:
    pairs = read_pairs(text)
    if needs_links := bool(names - {MIXING}):
        require_links(pairs, text)
    tokenizer = load_decoder_tokenizer(str(models.settings["tokenizer"]))
    length = min(_length(model, tokenizer, options, names) for model in models.names.values())
    linked: LinkedWords | None = None
    counts: dict[str, int] = {}
    if needs_links:
        texts = (
            read_texts(tokenizer, [pair.source for pair in pairs], length),
            read_texts(tokenizer, [pair.target for pair in pairs], length),
        )
        links = find_links(pairs, text, device)
        linked, counts = choose_links(pairs, links, texts, options.max_pairs, options.seed)
        logger.info("%(used)d of %(links)d links are used, %(same_word)d join a word with itself", counts)
    source, target = text.languages
    written = {source: [pair.source[0] for pair in pairs], target: [pair.target[0] for pair in pairs]}
    return Prepared(tokenizer, written, options, linked, counts)


def _length(model: str, tokenizer: PreTrainedTokenizerBase, options: Ablations, names: set[str]) -> int:
    """Return how many tokens of a text are read; UserError for a model that does not suit, before it is loaded."""
    config = made_config(read_fields(model), f"The config.json of {model!r}")
    if not isinstance(config, BackpackGPT2Config):
        raise UserError(f"{model!r} is a {config.model_type} model without senses; expected a Backpack.")
    if len(tokenizer) > config.vocab_size:
        raise UserError(
            f"The tokenizer has {len(tokenizer)} pieces, the model {model!r} only {config.vocab_size}; give the "
            "--tokenizer_name that it was trained with."
        )
    for name, fewest in ((TOPOLOGY, FEWEST_SENSES), (MIXING, 2)):
        if name in names and config.num_senses < fewest:
            raise UserError(
                f"{model!r} has {config.num_senses} senses, {name} needs {fewest}; leave it out of --analyses."
            )
    length = options.max_length or config.n_positions
    if length > config.n_positions:
        raise UserError(f"--max_length is {length}; expected at most {config.n_positions}, all that {model!r} takes.")
    return length


def _study(
    name: str,
    analyses: list[str],
    prepared: Prepared,
    models: AblatedModels,
    device: torch.device,
    reports: Mapping[str, PerplexityReport],
) -> None:
    """Do the analyses that one model waits for, writing each down."""
    if not analyses:
        return
    dtype = models.measured.dtype
    model: Any = load_decoder(name, dtype=None if dtype == "auto" else dtype)
    subject = Subject(model.to(device).eval(), prepared)
    for analysis in analyses:
        logger.info("%s: %s", TITLES[analysis], name)
        reports[analysis].add(name, RUNS[analysis](subject))


def _write(results: Results, models: AblatedModels, options: Ablations) -> None:
    """Write each analysis's table and picture beside its JSON."""
    folder = Path(options.output_dir)
    named = "\n".join(f"- {role}: {model}" for role, model in models.names.items())
    for name, found in results.items():
        text = f"# {TITLES[name]}\n\n{named}\n\n{TABLES[name](found)}\n"
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
        if options.plots:
            PICTURES[name](found, folder / f"{name}.png")
