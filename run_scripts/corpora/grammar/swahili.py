"""Swahili sentences from meanings: noun-class agreement, one-word verbs, question words in place."""

from . import swahili_forms as forms
from .lexicon import table
from .meaning import Clause, Thing
from .swahili_verbs import adjective, copula, verb_group
from .words import Word, comma, finish, organisation_name, person_name, phrase, place_name

BARE_PLACE = ("live", "go", "come", "return", "arrive", "stay", "be")
RELATIONS = {
    "on": "juu/ADV/1 ya/ADP/1",
    "under": "chini/ADV/1 ya/ADP/1",
    "beside": "kando/NOUN/1 ya/ADP/1",
    "in": "ndani/ADV/1 ya/ADP/1",
}


def sentence(clause: Clause) -> list[Word]:
    """Return the words of a whole sentence."""
    path = "s"
    if clause.mood == "imperative":
        please = Word("tafadhali", "INTJ", (f"{path}.please",))
        return finish([please, *verb_group(clause, path), *_complements(clause, path)])
    if clause.mood == "polar":
        question = Word("je", "PART", (), ("end",))
        return finish([question, comma(f"{path}.je"), *_statement(clause, path)], "?")
    return finish(_statement(clause, path), "?" if clause.mood == "wh" else ".")


def _statement(clause: Clause, path: str, relative: str = "", extra: tuple[str, ...] = ()) -> list[Word]:
    lead: list[Word] = []
    if clause.lead == "time" and clause.time:
        lead = list(phrase(clause.time["swh"], f"{path}.time"))
        clause = clause._replace(time=None)
    elif clause.lead == "when" and clause.when:
        lead = [*_when(clause.when, f"{path}.when"), comma(path)]
        clause = clause._replace(when=None)
    subject: list[Word] = []
    if clause.gap != "subject" and clause.subject.kind != "pronoun":
        subject = _subject(clause.subject, f"{path}.subj")
    verb = copula(clause, path) if clause.copula else verb_group(clause, path, relative, extra)
    return [*lead, *subject, *verb, *_complements(clause, path)]


def _subject(what: Thing, path: str) -> list[Word]:
    if what.kind == "what":
        return [Word(form, pos, (f"{path}.1",), (), path) for form, pos in (("kitu", "NOUN"), ("gani", "DET"))]
    return thing(what, path)


def _complements(clause: Clause, path: str) -> list[Word]:
    """Return everything after the verb: recipient, object, adjuncts and dependent clauses."""
    words: list[Word] = []
    if clause.recipient and clause.recipient.kind != "pronoun":
        node = f"{path}.rec"
        recipient = thing(clause.recipient, node)
        words += [
            w._replace(possible=(*w.possible, f"{node}.case")) if f"{node}.1" in w.sure else w for w in recipient
        ]
    if clause.object and clause.object.kind != "pronoun" and clause.gap != "object":
        words += thing(clause.object, f"{path}.obj")
    if clause.place:
        words += _place(clause, f"{path}.place")
    if clause.companion:
        with_ = [Word("pamoja", "ADV", (f"{path}.with",)), Word("na", "ADP", (f"{path}.with",))]
        words += [*with_, *thing(clause.companion, f"{path}.comp")]
    if clause.query == "time":
        words.append(Word("lini", "ADV", (f"{path}.time.1",), (), f"{path}.time"))
    elif clause.time:
        words += phrase(clause.time["swh"], f"{path}.time")
    return [*words, *_dependent(clause, path)]


def _dependent(clause: Clause, path: str) -> list[Word]:
    words: list[Word] = []
    if clause.content:
        words += _subordinate((("kwamba", "SCONJ"),), clause.content, f"{path}.that")
    if clause.reason:
        words += _subordinate((("kwa", "ADP"), ("sababu", "NOUN")), clause.reason, f"{path}.because")
    if clause.when:
        below = f"{path}.when"
        words += [Word("wakati", "NOUN", (f"{below}.conj",), (), below), *_when(clause.when, below)]
    if clause.joined:
        before = [comma(f"{path}.join")] if clause.contrast else []
        joiner = Word("lakini" if clause.contrast else "na", "CCONJ", (f"{path}.joiner",))
        words += [*before, joiner, *_statement(clause.joined, f"{path}.and")]
    return words


def _subordinate(conjunction: tuple[tuple[str, str], ...], clause: Clause, path: str) -> list[Word]:
    first = [Word(form, pos, (f"{path}.conj",), (), path) for form, pos in conjunction]
    return [*first, *_within(_statement(clause, path), path)]


def _when(clause: Clause, path: str) -> list[Word]:
    return _within(_statement(clause, path, "po", (f"{path}.conj",)), path)


def _within(words: list[Word], path: str) -> list[Word]:
    return [word if word.role else word._replace(role=path) for word in words]


def thing(what: Thing, path: str) -> list[Word]:
    """Return a noun phrase; its modifiers follow the noun and agree with its class."""
    words = _alone(what, path)
    if what.also:
        words += [Word("na", "CCONJ", (f"{path}.and",), (), path), *thing(what.also, f"{path}.also")]
    return words


def _alone(what: Thing, path: str) -> list[Word]:
    if what.kind == "person":
        return person_name(what.noun, what.last, path)
    if what.kind == "place":
        return place_name(what.noun, "swh", path)
    if what.kind == "organisation":
        words = organisation_name(what.noun, what.campus, "swh", path)
        return [words[0]._replace(possible=(f"{path}.det",)), *words[1:]] if what.campus else words
    if what.kind == "noun":
        return _noun(what, path)
    if what.kind == "someone":
        return [Word(form, pos, (f"{path}.1",), (), path) for form, pos in (("mtu", "NOUN"), ("fulani", "ADJ"))]
    return [Word("nani" if what.kind == "who" else "nini", "PRON", (f"{path}.1",), (), path)]


def _noun(what: Thing, path: str) -> list[Word]:
    parts = forms.noun_parts(what.noun)
    single = what._replace(also=None)
    noun_class = forms.concord(single)
    form = parts.plural if what.plural else parts.singular
    pos = "PROPN" if what.is_a("language") else "NOUN"
    words = [Word(form, pos, (f"{path}.1",), (f"{path}.det",), path)]
    owner = what.owner
    if owner and owner.kind == "pronoun":
        own_class = (10 if what.plural else 9) if parts.kin else noun_class
        possessive = forms.POSSESSIVE[own_class] + forms.OWNERS[forms.key(owner)]
        words.append(Word(possessive, "DET", (f"{path}.owner.1",), (), path))
    if what.adjective:
        words += adjective(what.adjective, noun_class, f"{path}.adj", path)
    if what.number:
        words.append(Word(forms.numeral_form(what.number, noun_class), "NUM", (f"{path}.num",), (), path))
    if owner and owner.kind != "pronoun":
        words.append(Word(forms.connective(noun_class), "ADP", (f"{path}.of",), (), path))
        words += _role(thing(owner, f"{path}.owner"), path)
    if what.origin:
        words.append(Word("kutoka", "ADP", (f"{path}.from",), (), path))
        words += _role(thing(what.origin, f"{path}.origin"), path)
    if what.relative:
        words += _role(_relative(what.relative, noun_class, path), path)
    return words


def _role(words: list[Word], path: str) -> list[Word]:
    return [word if word.role.startswith(path) else word._replace(role=path) for word in words]


def _relative(clause: Clause, noun_class: int, path: str) -> list[Word]:
    """Return a relative clause: inside the verb, or behind amba- when its own subject is a full noun phrase."""
    concord, node, below = forms.RELATIVE[noun_class], f"{path}.that", f"{path}.rel"
    if clause.gap == "object" and clause.subject.kind != "pronoun":
        return [Word(f"amba{concord}", "PRON", (node,), (), path), *_statement(clause, below)]
    return _statement(clause, below, concord, (node,))


def _place(clause: Clause, path: str) -> list[Word]:
    where = clause.place
    assert where is not None
    rel = f"{path}.rel.1"
    source = [Word("kutoka", "ADP", (rel,), (), path)] if where.relation == "from" else []
    if clause.verb.id == "travel":
        source = [Word("kwenda", "VERB", (rel,), (), path)]
    if where.thing is None:
        loose = () if source else (rel,)
        return [*source, Word("wapi", "ADV", (f"{path}.1",), loose, path)]
    if where.thing.kind == "place":
        return [*source, *_named_place(clause, where.thing, path, bool(source))]
    setting = table("settings").get(where.thing.noun.id)
    if setting and not where.thing.owner:
        core = (f"{path}.1",) if source else (f"{path}.1", rel)
        return [*source, Word(setting["swh"], "NOUN", core, (f"{path}.det",), path)]
    cell = "katika/ADP/1" if setting or where.thing.kind == "organisation" else RELATIONS[where.relation]
    preposition = [] if source else [word._replace(role=path) for word in phrase(cell, f"{path}.rel")]
    return [*source, *preposition, *thing(where.thing, path)]


def _named_place(clause: Clause, what: Thing, path: str, has_source: bool) -> list[Word]:
    """Return a place name: bare after verbs of going and living, else with nchini (country) or mjini (city)."""
    words = place_name(what.noun, "swh", path)
    if has_source:
        return words
    rel = f"{path}.rel.1"
    if clause.verb.id in BARE_PLACE:
        return [words[0]._replace(possible=(rel,)), *words[1:]]
    locative = "nchini" if what.noun["kind"] == "country" else "mjini"
    return [Word(locative, "NOUN", (rel,), (), path), *words]
