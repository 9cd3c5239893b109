"""German sentences from meanings: verb second in main clauses, verb last in subordinate ones."""

from dataclasses import replace

from . import german_forms as forms
from .german_nouns import place, thing
from .german_verbs import VerbGroup, verb_group
from .lexicon import options
from .meaning import Clause, Thing
from .words import Word, comma, finish, phrase


def sentence(clause: Clause) -> list[Word]:
    """Return the words of a whole sentence."""
    path = "s"
    if clause.mood == "imperative":
        return finish(_imperative(clause, path))
    if clause.mood == "statement":
        return finish(_main(clause, path))
    return finish(_question(clause, path), "?")


def _main(clause: Clause, path: str) -> list[Word]:
    group = verb_group(clause, path)
    subject = thing(clause.subject, f"{path}.subj", "nom")
    first, rest = subject, []
    if clause.lead == "time" and clause.time:
        first, rest = list(phrase(clause.time["deu"], f"{path}.time")), subject
        clause = replace(clause, time=None)
    elif clause.lead == "when" and clause.when:
        first, rest = [*_when(clause.when, f"{path}.when"), comma(path)], subject
        clause = replace(clause, when=None)
    return [*first, group.finite, *rest, *_middle(clause, path), *group.final, *_tail(clause, path)]


def _imperative(clause: Clause, path: str) -> list[Word]:
    prefix = forms.principal_parts(clause.verb).prefix
    verb = Word(forms.imperative(clause.verb), "VERB", (f"{path}.v",))
    particle = [Word(prefix, "ADP", (f"{path}.v",))] if prefix else []
    please = Word("bitte", "INTJ", (f"{path}.please",))
    return [please, verb, *_middle(clause, path), *particle]


def _question(clause: Clause, path: str) -> list[Word]:
    group = verb_group(clause, path)
    first = _question_word(clause, path)
    subject = [] if clause.query == "subject" else thing(clause.subject, f"{path}.subj", "nom")
    return [*first, group.finite, *subject, *_middle(clause, path), *group.final, *_tail(clause, path)]


def _question_word(clause: Clause, path: str) -> list[Word]:
    if clause.query == "subject":
        return thing(clause.subject, f"{path}.subj", "nom")
    if clause.query == "object":
        return _object(clause, path)
    if clause.query == "recipient" and clause.recipient:
        return thing(clause.recipient, f"{path}.rec", "dat")
    if clause.query == "time":
        return [Word("wann", "ADV", (f"{path}.time.1",), (), f"{path}.time")]
    if clause.query == "place" and clause.place:
        form = {"to": "wohin", "from": "woher"}.get(clause.place.relation, "wo")
        loose = () if form == "woher" else (f"{path}.place.rel.1",)
        core = (f"{path}.place.1", f"{path}.place.rel.1") if form == "woher" else (f"{path}.place.1",)
        return [Word(form, "ADV", core, loose, f"{path}.place")]
    return []


def subordinate(clause: Clause, path: str) -> list[Word]:
    """Return a verb-final clause without its conjunction; dependent clauses follow the verb."""
    subject = [] if clause.gap == "subject" else thing(clause.subject, f"{path}.subj", "nom")
    group: VerbGroup = verb_group(clause, path, final=True)
    return [*subject, *_middle(clause, path), *group.final, group.finite, *_tail(clause, path)]


def _object(clause: Clause, path: str) -> list[Word]:
    """Return the direct object in its case, behind its preposition if the verb has one."""
    assert clause.object is not None
    _, extra = options(clause.verb["deu"])
    if "prep" in extra:
        preposition = Word(extra["prep"], "ADP", (f"{path}.v",))
        if clause.object.kind == "what":
            joined = f"wo{'r' if extra['prep'][0] in 'aeiou' else ''}{extra['prep']}"
            return [Word(joined, "ADV", (f"{path}.obj.1", f"{path}.v"), (), f"{path}.obj")]
        return [preposition, *thing(clause.object, f"{path}.obj", "acc")]
    return thing(clause.object, f"{path}.obj", "nom" if clause.copula else extra.get("case", "acc"), clause.negative)


def _middle(clause: Clause, path: str) -> list[Word]:
    """Return what stands between the finite verb and the end of the clause."""
    pronouns: list[Word] = []
    objects: list[Word] = []
    parts = forms.principal_parts(clause.verb)
    prepositional = "prep" in parts.extra
    if clause.object and clause.query != "object" and clause.gap != "object":
        light = clause.object.kind == "pronoun" and not prepositional
        target = pronouns if light else objects
        target += _object(clause, path)
    if "refl" in parts.extra:
        pronouns.append(Word(forms.REFLEXIVES[forms.person(clause.subject)], "PRON", (f"{path}.v",)))
    recipient: list[Word] = []
    if clause.recipient and clause.query != "recipient":
        words = thing(clause.recipient, f"{path}.rec", "dat")
        words = [w._replace(possible=(*w.possible, f"{path}.rec.case")) if _heads(w, path) else w for w in words]
        if clause.recipient.kind == "pronoun":
            pronouns += words
        else:
            recipient = words
    time = list(phrase(clause.time["deu"], f"{path}.time")) if clause.time and clause.query != "time" else []
    negation = [Word("nicht", "PART", (f"{path}.neg",))] if _needs_nicht(clause) else []
    if prepositional or clause.copula:
        negation, objects = [], [*negation, *objects]
    return [*pronouns, *time, *recipient, *objects, *negation, *_adjuncts(clause, path)]


def _heads(word: Word, path: str) -> bool:
    return f"{path}.rec.1" in word.sure


def _needs_nicht(clause: Clause) -> bool:
    """Whether the clause is denied by `nicht` rather than by `kein` in its indefinite object."""
    return clause.negative and not takes_kein(clause.object)


def takes_kein(what: Thing | None) -> bool:
    """Whether denying an object makes it `kein ...`."""
    return bool(what and what.kind == "noun" and not what.definite and not what.owner and not what.count)


def _adjuncts(clause: Clause, path: str) -> list[Word]:
    words: list[Word] = []
    if clause.companion:
        words.append(Word("mit", "ADP", (f"{path}.with",)))
        words += thing(clause.companion, f"{path}.comp", "dat")
    if clause.place and clause.query != "place":
        words += place(clause.place, f"{path}.place", clause.verb.id)
    if clause.quality:
        words.append(Word(clause.quality["deu"], "ADJ", (f"{path}.pred",)))
    return words


def _when(clause: Clause, path: str) -> list[Word]:
    conjunction = "als" if clause.tense == "past" else "wenn"
    return [Word(conjunction, "SCONJ", (f"{path}.conj",), (), path), *_within(subordinate(clause, path), path)]


def _within(words: list[Word], path: str) -> list[Word]:
    return [word if word.role else word._replace(role=path) for word in words]


def _tail(clause: Clause, path: str) -> list[Word]:
    words: list[Word] = []
    for name, conjunction, inner in (("that", "dass", clause.content), ("because", "weil", clause.reason)):
        if inner:
            below = f"{path}.{name}"
            body = _within(subordinate(inner, below), below)
            words += [comma(below), Word(conjunction, "SCONJ", (f"{below}.conj",), (), below), *body]
    if clause.when:
        words += [comma(f"{path}.when"), *_when(clause.when, f"{path}.when")]
    if clause.joined:
        before = [comma(f"{path}.join")] if clause.contrast or words else []
        joiner = Word("aber" if clause.contrast else "und", "CCONJ", (f"{path}.joiner",))
        words += [*before, joiner, *_main(clause.joined, f"{path}.and")]
    return words
