"""The tables of xtune_real.py, one after the other for a task."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from adamergex_real import cell
from xtune_parts import whole_passages
from xtune_runs import PLAIN, RATES, SEEDS, Bench, Scores, encoder
from xtune_views import read_words, views_table, vocabularies
from xtune_words import by_group, rights

from xlzoo.run_scripts.corpora.dictionaries import read_dictionaries
from xlzoo.run_scripts.corpora.languages import iso639_3
from xlzoo.run_scripts.stages.score_bars import language_title

TITLES = {"pos": "Parts of speech", "ner": "Named entities", "xquad": "Questions on passages"}
MADE = {"code_switch": "words from a dictionary", "subword": "words in other pieces"}
NOTES = {
    "pos": "xTune wins, where views reach: two thirds of what stage 1 gains, and half of stage 2's, are words that "
    "the dictionary brought in. More updates alone gain nothing.",
    "ner": "xTune loses: recall falls, to a quarter in the other languages, and what is found there is no more right. "
    "These views show few words differently, and no word of another language. Half of Chinese is unknown to the "
    "encoders' pieces.",
    "xquad": "The means differ by less than their spread, and are less than twice what a trivial answer gets: so "
    "small an encoder learns next to nothing from so few questions. This shows that the path runs, not that xTune "
    "helps.",
}
"""What the tables say, as their numbers were when this was written."""
DETAILS = {"ner": ("precision", "recall"), "xquad": ("exact_match",)}
"""Further scores of a task."""


def part(bench: Bench, measured: Mapping[str, list[Scores]], seeds: Sequence[int]) -> str:
    """Return what was measured of a task, in Markdown."""
    recipe = bench.recipe
    sources = [iso639_3(language) for language in recipe.get("dictionary_languages", ())]
    named = ", ".join(map(language_title, sources))
    made = {**MADE, "code_switch": f"{MADE['code_switch']} ({named})"}
    known = read_dictionaries(str(bench.data / "dictionaries"), "eng")
    lacking = [language_title(language) for language in list(bench.tests)[1:] if language not in known]
    none = f" The data have no dictionary of {', '.join(lacking)}." if lacking else ""
    tried = ", ".join(f"{rate:g}: {100 * bench.validated(rate):.1f}" for rate in RATES)
    parts = [
        f"**{TITLES[bench.name]}**, `{bench.recipe_name}`: {recipe['num_train_epochs']} epochs in batches of "
        f"{recipe['per_device_train_batch_size']}; views have {made[recipe['augmentation'][0]]}, copies "
        f"{made[recipe['copy_augmentation'][0]]}. Learning rate {bench.rate:g} (validation, % {tried}).{none}",
        scores_table(bench, measured),
    ]
    if bench.name in DETAILS:
        parts.append(details_table(bench, seeds))
    parts += [groups_table(bench, language, seeds) for language in sources if bench.tags]
    return "\n\n".join([*parts, views_table(recipe, encoder(SEEDS[0], bench.data), bench.tests), NOTES[bench.name]])


def scores_table(bench: Bench, measured: Mapping[str, list[Scores]]) -> str:
    """Return each row's scores by language, the transfer gap, and how far the others are above plain fine-tuning's."""
    heads = [language_title(language) for language in bench.tests]
    columns = [f"{heads[0]} (source)", *heads[1:], "transfer gap", "above plain"]
    lines = [f"| {bench.metric}, % | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    if not bench.tags:
        scores = {language: whole_passages(Path(file)) for language, file in bench.tests.items()}
        lines.append(f"| always the whole passage | {' | '.join(cell([one]) for one in scores.values())} | | |")
    for row, found in measured.items():
        cells = [cell([scores[language] for scores in found]) for language in bench.tests]
        gaps = [scores[next(iter(bench.tests))] - others(scores) for scores in found]
        gains = [others(one) - others(plain) for one, plain in zip(found, measured[PLAIN], strict=True)]
        lines.append(f"| {row} | {' | '.join([*cells, cell(gaps), cell(gains) if row != PLAIN else ''])} |")
    return "\n".join(lines)


def details_table(bench: Bench, seeds: Sequence[int]) -> str:
    """Return further scores, in the language of training and as a mean of the others."""
    own, metrics = next(iter(bench.tests)), DETAILS[bench.name]
    heads = [
        f"{metric.replace('_', ' ')}, {name}" for metric in metrics for name in (language_title(own), "the others")
    ]
    lines = [f"| % | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for row in bench.rows:
        cells = []
        for metric in metrics:
            found = [bench.scores(row, seed, metric) for seed in seeds]
            cells += [cell([scores[own] for scores in found]), cell([others(scores) for scores in found])]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def groups_table(bench: Bench, language: str, seeds: Sequence[int]) -> str:
    """Return how many words of a language each row gets right, apart by where training could show them."""
    file, recipe = Path(bench.tests[language]), bench.recipe
    words = [word for sentence in read_words(file) for word in sentence]
    dictionaries = read_dictionaries(recipe["dictionaries"], "eng", [language])
    seen, brought = vocabularies(read_words(Path(recipe["train_file"][0])), dictionaries)
    groups = {"in training": seen, "in views alone": brought}
    sizes = {name: len(part) / len(words) for name, part in by_group([True] * len(words), words, groups).items()}
    heads = [f"{name} ({100 * size:.1f} %)" for name, size in sizes.items()]
    lines = [f"| {language_title(language)} words right, % | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for row in bench.rows:
        found = [
            by_group(rights(bench.folder(row, seed), file, recipe["max_seq_length"]), words, groups) for seed in seeds
        ]
        cells = [cell([mean(parts[name]) for parts in found]) for name in sizes]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def others(scores: Scores) -> float:
    """Return the mean over all languages but the first."""
    return mean(list(scores.values())[1:])
