"""A small `download` folder as XTREME's scripts leave it, by the same writers: csv's, json's, plain lines."""

import csv
import json

SENTENCES = {
    "en": ('He said "no".', "They came, all of them."),
    "de": ('Er sagte "nein".', "Sie kamen, sie alle."),
    "sw": ('Alisema "hapana".', "Walikuja, wote."),
}
NLI, PARAPHRASE = ("entailment", "neutral", "contradiction"), ("0", "1")


def write_tsv(path, rows, quoted=True):
    """As `csv.writer` does by default, or with cells as they are, as xTune's authors have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        options = {} if quoted else {"quoting": csv.QUOTE_NONE, "quotechar": None}
        csv.writer(file, delimiter="\t", **options).writerows(rows)


def write_squad(path, language, ids=("a", "b"), blank=False):
    """Questions whose answer is the first word of the passage; `blank` as in the tests of XTREME."""
    path.parent.mkdir(parents=True, exist_ok=True)
    context = " ".join(SENTENCES[language])
    answer = {"answer_start": 0, "text": "" if blank else context.split()[0]}
    asked = [{"id": id, "question": f"{id}: {SENTENCES[language][0]}", "answers": [answer]} for id in ids]
    text = json.dumps({"data": [{"paragraphs": [{"context": context, "qas": asked}]}], "version": "1.1"})
    path.write_text(text, encoding="utf-8")


def write_words(path, language, tags, labelled=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for sentence in SENTENCES[language]:
        words = sentence.split()
        lines += [f"{word}\t{tags[i % len(tags)]}\n" if labelled else f"{word}\n" for i, word in enumerate(words)]
        lines.append("\n")
    path.write_text("".join(lines), encoding="utf-8")


def pairs(language, labels, labelled=True):
    first, second = SENTENCES[language]
    return [[first, f"{second} {i}", label][: 2 + labelled] for i, label in enumerate(labels)]


def make_download(root, labelled=True):
    """Every task in English, German and Swahili, TyDiQA as XTREME names it, and the translations into both."""
    for language in SENTENCES:
        for task, labels in (("xnli", NLI), ("pawsx", PARAPHRASE)):
            write_tsv(root / task / f"dev-{language}.tsv", pairs(language, labels))
            write_tsv(root / task / f"test-{language}.tsv", pairs(language, labels, labelled))
        for task, tags in (("panx", ("B-PER", "O")), ("udpos", ("PRON", "VERB"))):
            write_words(root / task / f"dev-{language}.tsv", language, tags)
            write_words(root / task / f"test-{language}.tsv", language, tags, labelled)
        write_squad(root / f"xquad/xquad.{language}.json", language, blank=not labelled)
        both = f"context-{language}-question-{language}.json"
        write_squad(root / f"mlqa/MLQA_V1/dev/dev-{both}", language)
        write_squad(root / f"mlqa/MLQA_V1/test/test-{both}", language, blank=not labelled)
        write_squad(root / f"mlqa/MLQA_V1/test/test-context-{language}-question-es.json", language)
        tydiqa = f"tydiqa/tydiqa-goldp-v1.1-{{0}}/tydiqa.goldp.{language}.{{0}}.json"
        write_squad(root / tydiqa.format("train"), language)
        write_squad(root / tydiqa.format("dev"), language, blank=not labelled)
    for task, labels in (("xnli", NLI), ("pawsx", PARAPHRASE)):
        write_tsv(root / task / "train-en.tsv", pairs("en", labels))
    write_words(root / "panx/train-en.tsv", "en", ("B-PER", "O"))
    write_words(root / "udpos/train-en.tsv", "en", ("PRON", "VERB"))
    for split in ("train", "dev"):
        write_squad(root / f"squad/{split}-v1.1.json", "en")
    _translate(root / "xtreme_translations")


def _translate(root):
    for language in ("de", "sw"):
        for task, labels in (("XNLI", NLI), ("PAWSX", PARAPHRASE)):
            sides = zip(pairs("en", labels), pairs(language, labels), strict=True)
            rows = [[*own[:2], *other[:2], own[2]] for own, other in sides]
            write_tsv(root / task / f"translate-train/en-{language}-translated.tsv", rows)
        write_squad(root / f"SQuAD/translate-train/squad.translate.train.en-{language}.json", language)
        write_squad(root / f"TyDiQA-GoldP/translate-train/tydiqa.translate.train.en-{language}.json", language)
    for task in ("panx", "udpos"):
        lines = [
            f"{own}\t{language}\t{other}\n"
            for language in ("de", "sw")
            for own, other in zip(SENTENCES["en"], SENTENCES[language], strict=True)
        ]
        (root / f"translate_train.{task}.txt").write_text("".join(lines), encoding="utf-8")
