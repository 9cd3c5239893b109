"""German sentences from meanings: verb second in main clauses, verb last in subordinate ones."""

from . import german_forms as forms
from .german_nouns import SIMPLE, contract, determiner, preposition, slot, takes_kein
from .german_verbs import VerbGroup, verb_group
from .lexicon import options
from .meaning import Clause, Place, Thing
from .words import Word, comma, finish, organisation_name, person_name, phrase, place_name


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
        clause = clause._replace(time=None)
    elif clause.lead == "when" and clause.when:
        first, rest = [*_when(clause.when, f"{path}.when"), comma(path)], subject
        clause = clause._replace(when=None)
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
        return _recipient(clause.recipient, path)
    if clause.query == "time":
        return [Word("wann", "ADV", (f"{path}.time.1",), (), f"{path}.time")]
    if clause.query == "place" and clause.place:
        form = {"to": "wohin", "from": "woher"}.get(clause.place.relation, "wo")
        loose = () if form == "woher" else (f"{path}.place.rel.1",)
        core = (f"{path}.place.1", f"{path}.place.rel.1") if form == "woher" else (f"{path}.place.1",)
        return [Word(form, "ADV", core, loose, f"{path}.place")]
    return []


def _subordinate(clause: Clause, path: str) -> list[Word]:
    """Return a verb-final clause without its conjunction; dependent clauses follow the verb."""
    subject = [] if clause.gap == "subject" else thing(clause.subject, f"{path}.subj", "nom")
    group: VerbGroup = verb_group(clause, path, final=True)
    return [*subject, *_middle(clause, path), *group.final, group.finite, *_tail(clause, path)]


def _object(clause: Clause, path: str) -> list[Word]:
    """Return the direct object in its case, behind its preposition if any; its relative clause comes last of all."""
    assert clause.object is not None
    what = clause.object._replace(relative=None)
    _, extra = options(clause.verb["deu"])
    if "prep" in extra:
        before = Word(extra["prep"], "ADP", (f"{path}.v",))
        if what.kind == "what":
            joined = f"wo{'r' if extra['prep'][0] in 'aeiou' else ''}{extra['prep']}"
            return [Word(joined, "ADV", (f"{path}.obj.1", f"{path}.v"), (), f"{path}.obj")]
        return [before, *thing(what, f"{path}.obj", "acc", clause.negative)]
    if clause.copula:
        return _noun(what, f"{path}.obj", "nom", clause.negative, predicate=True)
    return thing(what, f"{path}.obj", extra.get("case", "acc"), clause.negative)


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
        words = _recipient(clause.recipient, path)
        if clause.recipient.kind == "pronoun":
            pronouns += words
        else:
            recipient = words
    time = list(phrase(clause.time["deu"], f"{path}.time")) if clause.time and clause.query != "time" else []
    negation = [Word("nicht", "PART", (f"{path}.neg",))] if _needs_nicht(clause) else []
    if prepositional or clause.copula:
        negation, objects = [], [*negation, *objects]
    return [*pronouns, *time, *recipient, *objects, *negation, *_adjuncts(clause, path)]


def _recipient(what: Thing, path: str) -> list[Word]:
    """Return the dative recipient, whose case stands for the `to` of other languages."""
    node = f"{path}.rec"
    words = thing(what, node, "dat")
    return [w._replace(possible=(*w.possible, f"{node}.case")) if f"{node}.1" in w.sure else w for w in words]


def _needs_nicht(clause: Clause) -> bool:
    """Whether the clause is denied by `nicht` rather than by `kein` in its indefinite object."""
    return clause.negative and not takes_kein(clause.object)


def _adjuncts(clause: Clause, path: str) -> list[Word]:
    words: list[Word] = []
    if clause.companion:
        words.append(Word("mit", "ADP", (f"{path}.with",)))
        words += thing(clause.companion, f"{path}.comp", "dat")
    if clause.place and clause.query != "place":
        words += _place(clause.place, f"{path}.place")
    if clause.quality:
        words.append(Word(clause.quality["deu"], "ADJ", (f"{path}.pred",)))
    return words


def _when(clause: Clause, path: str) -> list[Word]:
    conjunction = "als" if clause.tense == "past" else "wenn"
    return [Word(conjunction, "SCONJ", (f"{path}.conj",), (), path), *_within(_subordinate(clause, path), path)]


def _within(words: list[Word], path: str) -> list[Word]:
    return [word if word.role else word._replace(role=path) for word in words]


def _tail(clause: Clause, path: str) -> list[Word]:
    words: list[Word] = []
    if clause.object and clause.object.relative and clause.gap != "object":
        words = _relative(clause.object, clause.object.relative, f"{path}.obj")
    for name, conjunction, inner in (("that", "dass", clause.content), ("because", "weil", clause.reason)):
        if inner:
            below = f"{path}.{name}"
            body = _within(_subordinate(inner, below), below)
            words += [comma(below), Word(conjunction, "SCONJ", (f"{below}.conj",), (), below), *body]
    if clause.when:
        words += [comma(f"{path}.when"), *_when(clause.when, f"{path}.when")]
    if clause.joined:
        before = [comma(f"{path}.join")] if clause.contrast or words else []
        joiner = Word("aber" if clause.contrast else "und", "CCONJ", (f"{path}.joiner",))
        words += [*before, joiner, *_main(clause.joined, f"{path}.and")]
    return words


def _place(where: Place, path: str) -> list[Word]:
    """Return a place phrase, with the preposition and case that the place asks for."""
    assert where.thing is not None
    cell, case = preposition(where)
    before = [word._replace(role=path) for word in phrase(cell, f"{path}.rel")]
    return contract(before, thing(where.thing, path, case))


def thing(what: Thing, path: str, case: str, negated: bool = False) -> list[Word]:
    """Return a noun phrase in a case; `negated` turns an indefinite one into `kein ...`."""
    words = _alone(what, path, case, negated)
    if what.also:
        words.append(Word("und", "CCONJ", (f"{path}.and",), (), path))
        words += thing(what.also, f"{path}.also", case)
    return words


def _alone(what: Thing, path: str, case: str, negated: bool) -> list[Word]:
    if what.kind == "person":
        return person_name(what.noun, what.last, path)
    if what.kind == "place":
        return place_name(what.noun, "deu", path)
    if what.kind == "organisation":
        the = [Word(forms.DEFINITE[case]["f"], "DET", (f"{path}.det",), (), path)] if what.campus else []
        return [*the, *organisation_name(what.noun, what.campus, "deu", path)]
    if what.kind == "noun":
        return _noun(what, path, case, negated)
    form = forms.PRONOUNS[case][forms.key(what)] if what.kind == "pronoun" else SIMPLE[case][what.kind]
    return [Word(form, "PRON", (f"{path}.1",), (), path)]


def _noun(what: Thing, path: str, case: str, negated: bool, predicate: bool = False) -> list[Word]:
    noun = forms.declension(what.noun, what.female)
    before, kind = determiner(what, path, case, negated, predicate)
    words = list(before)
    if what.number:
        words.append(Word(forms.NUMERALS[what.number], "NUM", (f"{path}.num",), (), path))
    if what.adjective:
        form = forms.adjective_form(what.adjective["deu"], kind, slot(what), case)
        words.append(Word(form, "ADJ", (f"{path}.adj",), (), path))
    loose = () if before else (f"{path}.det",)
    words.append(Word(forms.noun_form(noun, what.plural, case), "NOUN", (f"{path}.1",), loose, path))
    return [*words, *_after_noun(what, path)]


def _after_noun(what: Thing, path: str) -> list[Word]:
    words: list[Word] = []
    if what.owner and what.owner.kind == "noun":
        genitive = thing(what.owner, f"{path}.owner", "gen")
        words = [genitive[0]._replace(possible=(*genitive[0].possible, f"{path}.of")), *genitive[1:]]
    if what.origin:
        words += [Word("aus", "ADP", (f"{path}.from",)), *thing(what.origin, f"{path}.origin", "dat")]
    if what.relative:
        words += _relative(what, what.relative, path)
    return [word if word.role.startswith(path) else word._replace(role=path) for word in words]


def _relative(what: Thing, clause: Clause, path: str) -> list[Word]:
    below = f"{path}.rel"
    case = "nom" if clause.gap == "subject" else forms.principal_parts(clause.verb).extra.get("case", "acc")
    pronoun = Word(forms.RELATIVE[case][slot(what)], "PRON", (f"{path}.that",), (), path)
    return [comma(below), pronoun, *_subordinate(clause, below), comma(f"{below}.end")]
