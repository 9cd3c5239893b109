"""Passages of three sentences of the phrasebook in which the question decides the answer, in SQuAD's form.

One sentence of a passage tells of a thing, one of a place and one of a time, and each is asked for what no other one
tells: what, where, when. Who is not asked: nearly every sentence has somebody, so the answer would have to be found by
matching names, which an encoder of this size does not learn in a minute. Names and words of the test split are in no
other one.
"""

import json
import random
from functools import cache
from itertools import count
from pathlib import Path
from statistics import mean

from xlzoo.run_scripts.corpora.grammar.meaning import Clause
from xlzoo.run_scripts.corpora.grammar.pairs import Item, item, question_of
from xlzoo.run_scripts.corpora.grammar.patterns import chooser, draw
from xlzoo.run_scripts.tasks.spans import answer_scores

KINDS = {"subject": "what", "object": "what", "place": "where", "time": "when"}
"""Of question, by the role it asks for."""


def only_role(fact: Clause) -> str | None:
    """Return the role of the only thing, place or time that a sentence tells of; None where that is not simple."""
    parts = {"subject": fact.subject, "object": fact.object, "recipient": fact.recipient}
    present = {role: thing for role, thing in parts.items() if thing is not None}
    simple = all(thing.kind in ("noun", "person", "pronoun") and not thing.relative for thing in present.values())
    if not simple or fact.content or fact.joined or fact.reason or fact.when:
        return None
    told = [role for role, thing in present.items() if not thing.human]
    told += [role for role, adjunct in (("place", fact.place), ("time", fact.time)) if adjunct is not None]
    return told[0] if len(told) == 1 else None


@cache
def passages(seed: int, split: str, number: int) -> list[list[Item]]:
    """Draw so many passages as rows, in an order of their own each; they mean the same in every language."""
    found: dict[str, list[Item]] = {kind: [] for kind in KINDS.values()}
    for index in count():
        role = only_role(draw(chooser(seed, split, index)).fact)
        kind = KINDS.get(role or "")
        # All of a row takes longer to draw than what it says.
        if kind and len(found[kind]) < number and (row := item(seed, split, index)).point.role == role:
            found[kind].append(row)
        if all(len(rows) == number for rows in found.values()):
            break
    made = [list(rows) for rows in zip(*found.values(), strict=True)]
    for place, rows in enumerate(made):
        random.Random(f"{seed}/{split}/{place}").shuffle(rows)
    return made


def paragraphs(language: str, seed: int, split: str, number: int) -> list[dict]:
    """Return passages with a question about every sentence; `sentences` are what SQuAD does not have."""
    made = []
    for passage, rows in enumerate(passages(seed, split, number)):
        asked = [question_of(row, language) for row in rows]
        sentences, qas = [one.context for one in asked], []
        for place, one in enumerate(asked):
            start = sum(len(sentence) + 1 for sentence in sentences[:place]) + one.start
            answers = [{"text": one.answer, "answer_start": start}]
            qas.append({"id": f"{split}-{passage}-{place}", "question": one.question, "answers": answers})
        made.append({"context": " ".join(sentences), "sentences": sentences, "qas": qas})
    return made


def write_squad(path: Path, found: list[dict]) -> Path:
    """Write a file in SQuAD's form."""
    path.write_text(json.dumps({"version": "1.1", "data": [{"title": "phrasebook", "paragraphs": found}]}))
    return path


def trivial_scores(found: list[dict]) -> dict[str, float]:
    """Return the mean F1, in percent, of the whole passage and of the best of first, second and third sentence.

    And of answers drawn from the right ones of the passage, which know all but what is asked.
    """
    pairs = [(paragraph, asked["answers"][0]["text"]) for paragraph in found for asked in paragraph["qas"]]
    sentences = [mean(_f1(one["sentences"][place], answer) for one, answer in pairs) for place in range(3)]
    drawn = [mean(_f1(asked["answers"][0]["text"], answer) for asked in one["qas"]) for one, answer in pairs]
    whole = mean(_f1(one["context"], answer) for one, answer in pairs)
    return {"the whole passage": whole, "one sentence": max(sentences), "one of the answers": mean(drawn)}


def _f1(text: str, answer: str) -> float:
    return 100 * answer_scores(text, [answer], None)["f1"]
