"""English sentences from meanings."""

from . import english_forms as forms
from .lexicon import table
from .meaning import Clause, Thing
from .words import Word, comma, finish, organisation_name, person_name, phrase, place_name

RELATIONS = {
    "in": "in/ADP/1",
    "at": "at/ADP/1",
    "to": "to/ADP/1",
    "from": "from/ADP/1",
    "on": "on/ADP/1",
    "under": "under/ADP/1",
    "beside": "next/ADV/1 to/ADP/1",
}


def sentence(clause: Clause) -> list[Word]:
    """Return the words of a whole sentence."""
    path = "s"
    question = clause.mood in ("polar", "wh")
    if clause.mood == "imperative":
        body = [Word("please", "INTJ", (f"{path}.please",)), *_predicate(clause, path)]
    elif question:
        body = _question(clause, path)
    else:
        body = _statement(clause, path)
    return finish(body, "?" if question else ".")


def _statement(clause: Clause, path: str) -> list[Word]:
    lead: list[Word] = []
    if clause.lead == "time" and clause.time:
        lead = list(phrase(clause.time["eng"], f"{path}.time"))
        clause = clause._replace(time=None)
    elif clause.lead == "when" and clause.when:
        lead = [*_subordinate("when", clause.when, f"{path}.when"), comma(path)]
        clause = clause._replace(when=None)
    return [*lead, *_subject(clause, path), *_predicate(clause, path)]


def _subject(clause: Clause, path: str) -> list[Word]:
    return [] if clause.gap == "subject" else thing(clause.subject, f"{path}.subj", "subject")


def _question(clause: Clause, path: str) -> list[Word]:
    if clause.query == "subject":
        return [*_subject(clause, path), *_predicate(clause, path)]
    first: list[Word] = []
    if clause.query == "place":
        first = [Word("where", "ADV", (f"{path}.place.1",), (f"{path}.place.rel.1",), f"{path}.place")]
    elif clause.query == "time":
        first = [Word("when", "ADV", (f"{path}.time.1",), (), f"{path}.time")]
    elif clause.query == "object" and clause.object:
        first = thing(clause.object, f"{path}.obj", "object")
    elif clause.query == "recipient" and clause.recipient:
        first = thing(clause.recipient, f"{path}.rec", "object")
    finite, rest = _verb(clause, path, inverted=True)
    return [*first, *finite, *_subject(clause, path), *rest, *_complements(clause, path)]


def _predicate(clause: Clause, path: str) -> list[Word]:
    finite, rest = _verb(clause, path, inverted=False)
    return [*finite, *rest, *_complements(clause, path)]


def _verb(clause: Clause, path: str, inverted: bool) -> tuple[list[Word], list[Word]]:
    """Return the finite auxiliary or copula, if any, and the rest of the verb group."""
    node = f"{path}.v"
    base, past = forms.verb_forms(clause.verb)
    subject = clause.subject
    negation = [Word("not", "PART", (f"{path}.neg",))] if clause.negative else []
    adverb = list(phrase(clause.time["eng"], f"{path}.time")) if clause.time and clause.time["slot"] == "mid" else []
    if clause.mood == "imperative":
        return [], [Word(base, "VERB", (node,))]
    if clause.modal and clause.modal.id != "want":
        modal = Word(clause.modal["eng"], "AUX", (f"{path}.modal",))
        if clause.negative and clause.modal.id == "can":
            modal, negation = Word("cannot", "AUX", (f"{path}.modal", f"{path}.neg")), []
        return [modal], [*negation, Word(base, "VERB", (node,))]
    if clause.tense == "future":
        will = Word("will", "AUX", (f"{path}.fut",))
        return [will], [*negation, *adverb, Word(base, "AUX" if clause.copula else "VERB", (node,))]
    if clause.copula:
        return [Word(forms.be(subject, clause.tense == "past"), "AUX", (node,))], [*negation, *adverb]
    if clause.tense == "progressive":
        auxiliary = Word(forms.be(subject, False), "AUX", (), (node,))
        return [auxiliary], [*negation, Word(forms.ing(clause.verb), "VERB", (node,))]
    infinitive: list[Word] = []
    if clause.modal:
        infinitive = [Word("to", "PART", (), (node,)), Word(base, "VERB", (node,))]
        node, (base, past) = f"{path}.modal", ("want", "wanted")
    do_support = (clause.negative or inverted) and not (clause.query == "subject" and not clause.negative)
    present = forms.third_singular(subject)
    if do_support:
        did = "did" if clause.tense == "past" else "does" if present else "do"
        return [Word(did, "AUX", (), (node,))], [*negation, *adverb, Word(base, "VERB", (node,)), *infinitive]
    finite = past if clause.tense == "past" else forms.third_person(base) if present else base
    return [], [*adverb, Word(finite, "VERB", (node,)), *infinitive]


def _complements(clause: Clause, path: str) -> list[Word]:
    """Return everything after the verb: objects, predicate, adjuncts and dependent clauses."""
    words = _objects(clause, path)
    if clause.quality:
        words.append(Word(clause.quality["eng"], "ADJ", (f"{path}.pred",)))
    companion: list[Word] = []
    if clause.companion:
        companion = [Word("with", "ADP", (f"{path}.with",)), *thing(clause.companion, f"{path}.comp", "object")]
    moving = clause.verb["frame"] in ("to", "from", "at")
    words += [*_place(clause, path), *companion] if moving else [*companion, *_place(clause, path)]
    if clause.time and clause.time["slot"] == "end" and clause.query != "time":
        words += phrase(clause.time["eng"], f"{path}.time")
    if clause.content:
        words += _subordinate("that", clause.content, f"{path}.that")
    if clause.reason:
        words += _subordinate("because", clause.reason, f"{path}.because")
    if clause.when:
        words += _subordinate("when", clause.when, f"{path}.when")
    if clause.joined:
        joiner = [Word("but" if clause.contrast else "and", "CCONJ", (f"{path}.joiner",))]
        before = [comma(f"{path}.join")] if clause.contrast else []
        words += [*before, *joiner, *_statement(clause.joined, f"{path}.and")]
    return words


def _objects(clause: Clause, path: str) -> list[Word]:
    words: list[Word] = []
    if clause.object and clause.query != "object" and clause.gap != "object":
        words = thing(clause.object, f"{path}.obj", "object", clause.negative and not clause.copula)
    name, separable = forms.particle(clause.verb)
    if name:
        part = Word(name, "ADP", (f"{path}.v",))
        behind = separable and clause.object is not None and clause.object.kind == "pronoun"
        words = [*words, part] if behind else [part, *words]
    if clause.recipient and clause.query == "recipient":
        return [*words, Word("to", "ADP", (f"{path}.rec.case",))]
    if clause.recipient and clause.recipient.kind in ("pronoun", "person") and clause.gap != "object":
        return [*thing(clause.recipient, f"{path}.rec", "object", caseless=True), *words]
    if clause.recipient:
        words.append(Word("to", "ADP", (f"{path}.rec.case",)))
        words += thing(clause.recipient, f"{path}.rec", "object")
    return words


def _place(clause: Clause, path: str) -> list[Word]:
    if clause.place is None:
        return []
    if clause.query == "place":
        relation = clause.place.relation
        stranded = relation == "from" or (relation == "to" and clause.verb.id != "go")
        return [Word(relation, "ADP", (f"{path}.place.rel.1",))] if stranded else []
    return place(clause.place.relation, clause.place.thing, f"{path}.place")


def place(relation: str, what: Thing | None, path: str) -> list[Word]:
    """Return a place phrase, with the preposition that the place noun asks for."""
    assert what is not None
    setting = table("settings").get(what.noun.id) if what.kind == "noun" else None
    if relation == "in" and setting:
        relation = setting["eng"]
    preposition = [word._replace(role=path) for word in phrase(RELATIONS[relation], f"{path}.rel")]
    return [*preposition, *thing(what, path, "object")]


def _subordinate(conjunction: str, clause: Clause, path: str) -> list[Word]:
    return [Word(conjunction, "SCONJ", (f"{path}.conj",), (), path), *_within(_statement(clause, path), path)]


def _within(words: list[Word], path: str) -> list[Word]:
    return [word if word.role else word._replace(role=path) for word in words]


def thing(what: Thing, path: str, case: str, negated: bool = False, caseless: bool = False) -> list[Word]:
    """Return a noun phrase; `negated` makes an indefinite one `any`, `caseless` marks a recipient without `to`."""
    words = _alone(what, path, case, negated)
    if caseless:
        words = [w._replace(possible=(*w.possible, f"{path}.case")) if f"{path}.1" in w.sure else w for w in words]
    if what.also:
        words.append(Word("and", "CCONJ", (f"{path}.and",), (), path))
        words += thing(what.also, f"{path}.also", case)
    return words


def _alone(what: Thing, path: str, case: str, negated: bool) -> list[Word]:
    if what.kind == "person":
        return person_name(what.noun, what.last, path)
    if what.kind == "place":
        return place_name(what.noun, "eng", path)
    if what.kind == "organisation":
        the = [Word("the", "DET", (f"{path}.det",), (), path)] if what.campus else []
        return [*the, *organisation_name(what.noun, what.campus, "eng", path)]
    if what.kind == "noun":
        return _noun(what, path, negated)
    simple = {"someone": "someone", "who": "who", "what": "what"}
    table_ = forms.SUBJECT if case == "subject" else forms.OBJECT
    form = table_[forms.key(what)] if what.kind == "pronoun" else simple[what.kind]
    return [Word(form, "PRON", (f"{path}.1",), (), path)]


def _noun(what: Thing, path: str, negated: bool) -> list[Word]:
    body: list[Word] = []
    if what.number:
        body.append(Word(forms.NUMERALS[what.number], "NUM", (f"{path}.num",), (), path))
    if what.adjective:
        body.append(Word(what.adjective["eng"], "ADJ", (f"{path}.adj",), (), path))
    first = body[0].form if body else forms.noun_form(what.noun, what.many)
    determiner = _determiner(what, path, first, negated)
    bare = not determiner
    pos = "PROPN" if what.is_a("language") else "NOUN"
    loose = (f"{path}.det",) if bare else ()
    words = [*determiner, *body, Word(forms.noun_form(what.noun, what.plural), pos, (f"{path}.1",), loose, path)]
    if what.origin:
        words.append(Word("from", "ADP", (f"{path}.from",), (), path))
        words += _role(thing(what.origin, f"{path}.origin", "object"), path)
    if what.relative:
        pronoun = "who" if what.human else "that"
        words.append(Word(pronoun, "PRON", (f"{path}.that",), (), path))
        words += _role(_statement(what.relative, f"{path}.rel"), path)
    return words


def _role(words: list[Word], path: str) -> list[Word]:
    return [word if word.role.startswith(path) else word._replace(role=path) for word in words]


def _determiner(what: Thing, path: str, following: str, negated: bool) -> list[Word]:
    owner = what.owner
    if owner and owner.kind == "pronoun":
        return [Word(forms.OWNER[forms.key(owner)], "PRON", (f"{path}.owner.1",), (), path)]
    if owner:
        inner = _role(thing(owner, f"{path}.owner", "object"), path)
        return [*inner, Word("'s", "PART", (f"{path}.of",), (f"{path}.det",), path, glue=True)]
    if what.definite:
        form = "" if what.is_a("language") else "the"
    elif what.plural or what.is_a("mass"):
        form = "any" if negated and not what.number else ""
    else:
        form = forms.article(following)
    return [Word(form, "DET", (f"{path}.det",), (), path)] if form else []
