"""Spanish sentences from meanings: dropped subject pronouns, personal a, doubled indirect objects."""

from . import spanish_forms as forms
from .meaning import Clause, Thing
from .spanish_verbs import takes_dative, verb_group
from .words import Word, comma, finish, organisation_name, person_name, phrase, place_name

RELATIONS = {
    "in": "en/ADP/1",
    "at": "en/ADP/1",
    "to": "a/ADP/1",
    "from": "de/ADP/1",
    "on": "sobre/ADP/1",
    "under": "debajo/ADV/1 de/ADP/1",
    "beside": "al/ADP/1 lado/NOUN/1 de/ADP/1",
}
SIMPLE = {"someone": "alguien", "who": "quién", "what": "qué"}
IMPERSONAL_A = ("buy", "sell", "have")


def sentence(clause: Clause) -> list[Word]:
    """Return the words of a whole sentence."""
    path = "s"
    if clause.mood == "statement":
        return finish(_statement(clause, path))
    if clause.mood == "imperative":
        please = [Word("por", "ADP", (f"{path}.please",)), Word("favor", "NOUN", (f"{path}.please",)), comma(path)]
        return finish([*please, *verb_group(clause, path).finite, *_complements(clause, path)])
    opening = Word("¿", "PUNCT", (), ("end",))
    return finish([opening, *_question(clause, path)], "?")


def _statement(clause: Clause, path: str) -> list[Word]:
    lead: list[Word] = []
    if clause.lead == "time" and clause.time:
        lead = list(phrase(clause.time["spa"], f"{path}.time"))
        clause = clause._replace(time=None)
    elif clause.lead == "when" and clause.when:
        lead = [*_subordinate("cuando", clause.when, f"{path}.when"), comma(path)]
        clause = clause._replace(when=None)
    group = verb_group(clause, path)
    adverb = list(phrase(clause.time["spa"], f"{path}.time")) if clause.time and clause.time["slot"] == "mid" else []
    body = [*adverb, *group.finite, *group.rest, *_complements(clause, path)]
    return [*lead, *_subject(clause, path), *body]


def _subject(clause: Clause, path: str) -> list[Word]:
    if clause.gap == "subject" or clause.subject.kind == "pronoun":
        return []
    words = thing(clause.subject, f"{path}.subj")
    if clause.subject.is_a("language"):
        return [Word("el", "DET", (f"{path}.subj.det",), (), f"{path}.subj"), *words]
    return words


def _question(clause: Clause, path: str) -> list[Word]:
    group = verb_group(clause, path)
    adverb = list(phrase(clause.time["spa"], f"{path}.time")) if clause.time and clause.time["slot"] == "mid" else []
    subject, complements = _subject(clause, path), _complements(clause, path)
    if clause.query == "subject":
        return [*subject, *adverb, *group.finite, *group.rest, *complements]
    between = clause.modal is not None and clause.mood == "polar"
    verb = [*group.finite, *subject, *group.rest] if between else [*group.finite, *group.rest, *subject]
    return [*_question_word(clause, path), *verb, *adverb, *complements]


def _question_word(clause: Clause, path: str) -> list[Word]:
    if clause.query == "object":
        return _object(clause, path)
    if clause.query == "recipient" and clause.recipient:
        return _recipient(clause.recipient, path)
    if clause.query == "time":
        return [Word("cuándo", "ADV", (f"{path}.time.1",), (), f"{path}.time")]
    if clause.query == "place" and clause.place:
        at, rel = f"{path}.place", f"{path}.place.rel.1"
        if clause.place.relation == "from":
            return [Word("de", "ADP", (rel,), (), at), Word("dónde", "ADV", (f"{at}.1",), (), at)]
        form = "adónde" if clause.place.relation == "to" or clause.verb.id == "arrive" else "dónde"
        return [Word(form, "ADV", (f"{at}.1",), (rel,), at)]
    return []


def _complements(clause: Clause, path: str) -> list[Word]:
    """Return everything after the verb group: objects, predicate, adjuncts and dependent clauses."""
    words: list[Word] = []
    if clause.object and clause.query != "object" and clause.gap != "object":
        words += _object(clause, path)
    if clause.quality:
        words.append(_quality(clause, path))
    if clause.recipient and clause.query != "recipient" and clause.recipient.kind != "pronoun":
        words += _recipient(clause.recipient, path)
    if clause.place and clause.query != "place":
        words += _place(clause, path)
    if clause.companion:
        words += [Word("con", "ADP", (f"{path}.with",)), *thing(clause.companion, f"{path}.comp")]
    if clause.time and clause.time["slot"] == "end" and clause.query != "time":
        words += phrase(clause.time["spa"], f"{path}.time")
    for name, conjunction, inner in (
        ("that", "que", clause.content),
        ("because", "porque", clause.reason),
        ("when", "cuando", clause.when),
    ):
        words += _subordinate(conjunction, inner, f"{path}.{name}") if inner else []
    return [*words, *_joined(clause, path)]


def _joined(clause: Clause, path: str) -> list[Word]:
    if clause.joined is None:
        return []
    inner = _statement(clause.joined, f"{path}.and")
    before = [comma(f"{path}.join")] if clause.contrast else []
    return [*before, Word("pero" if clause.contrast else _and(inner), "CCONJ", (f"{path}.joiner",)), *inner]


def _and(following: list[Word]) -> str:
    """Return `y`, or `e` before the sound i."""
    form = following[0].form.lower()
    return "e" if form.startswith(("i", "í", "hi")) and not form.startswith("hie") else "y"


def _quality(clause: Clause, path: str) -> Word:
    assert clause.quality is not None
    base = clause.quality["spa"]
    if base.startswith("ten:"):
        return Word(base.removeprefix("ten:"), "NOUN", (f"{path}.pred",))
    subject = clause.subject
    form = forms.adjective_form(base, forms.gender(subject) == "f", subject.many)
    return Word(form, "ADJ", (f"{path}.pred",))


def _object(clause: Clause, path: str) -> list[Word]:
    what = clause.object
    assert what is not None
    if what.kind == "pronoun":
        return []
    bare = clause.copula or (clause.negative and clause.verb.id == "have")
    words = thing(what, f"{path}.obj", bare, clause.negative and not clause.copula)
    dative = takes_dative(clause)
    animal = what.is_a("animal") and what.definite
    if clause.copula or not (dative or what.human or animal) or clause.verb.id in IMPERSONAL_A:
        return words
    return _with_a(words, f"{path}.obj", (), (f"{path}.obj.1",), what)


def _recipient(what: Thing, path: str) -> list[Word]:
    return _with_a(thing(what, f"{path}.rec"), f"{path}.rec", (f"{path}.rec.case",), (), what)


def _with_a(words: list[Word], path: str, sure: tuple[str, ...], possible: tuple[str, ...], what: Thing) -> list[Word]:
    """Put `a` before a noun phrase and before what is coordinated with it, contracting a + el."""
    split = next((i for i, word in enumerate(words) if f"{path}.and" in word.sure), len(words))
    words = _contract(Word("a", "ADP", sure, possible, path), words[:split]) + words[split:]
    if what.also:
        split = next(i for i, word in enumerate(words) if f"{path}.and" in word.sure) + 1
        words = words[:split] + _contract(Word("a", "ADP", (), possible, path), words[split:])
    return words


def _contract(preposition: Word, words: list[Word]) -> list[Word]:
    """Join de + el and a + el before the article (not before a name)."""
    if preposition.form in ("a", "de") and words[0].form == "el" and words[0].pos == "DET":
        form = "al" if preposition.form == "a" else "del"
        sure = (*preposition.sure, *words[0].sure)
        possible = (*preposition.possible, *words[0].possible)
        return [words[0]._replace(form=form, pos="ADP", sure=sure, possible=possible), *words[1:]]
    return [preposition, *words]


def _place(clause: Clause, path: str) -> list[Word]:
    where = clause.place
    assert where is not None and where.thing is not None
    relation = "to" if clause.verb.id == "arrive" else where.relation
    below = f"{path}.place"
    preposition = [word._replace(role=below) for word in phrase(RELATIONS[relation], f"{below}.rel")]
    return [*preposition[:-1], *_contract(preposition[-1], thing(where.thing, below))]


def _subordinate(conjunction: str, clause: Clause, path: str) -> list[Word]:
    body = [word if word.role else word._replace(role=path) for word in _statement(clause, path)]
    return [Word(conjunction, "SCONJ", (f"{path}.conj",), (), path), *body]


def thing(what: Thing, path: str, bare: bool = False, negated: bool = False) -> list[Word]:
    """Return a noun phrase; a `bare` noun alone takes no article (es profesora), a `negated` one takes ningún."""
    words = _alone(what, path, bare, negated)
    if what.also:
        other = thing(what.also, f"{path}.also")
        words += [Word(_and(other), "CCONJ", (f"{path}.and",), (), path), *other]
    return words


def _alone(what: Thing, path: str, bare: bool, negated: bool) -> list[Word]:
    if what.kind == "person":
        return person_name(what.noun, what.last, path)
    if what.kind == "place":
        return place_name(what.noun, "spa", path)
    if what.kind == "organisation":
        the = [Word("la", "DET", (f"{path}.det",), (), path)] if what.campus else []
        return [*the, *organisation_name(what.noun, what.campus, "spa", path)]
    if what.kind == "noun":
        return _noun(what, path, bare, negated)
    if what.kind == "pronoun":
        return []
    form = "quiénes" if what.kind == "who" and what.plural else SIMPLE[what.kind]
    return [Word(form, "PRON", (f"{path}.1",), (), path)]


def _noun(what: Thing, path: str, bare: bool, negated: bool) -> list[Word]:
    gender, singular, plural = forms.noun_parts(what.noun, what.female)
    alone = not (what.adjective or what.origin or what.relative or what.definite)
    words = [] if bare and alone else _determiner(what, path, gender, negated)
    if what.number:
        words.append(Word(forms.NUMERALS[what.number], "NUM", (f"{path}.num",), (), path))
    has_article = any(f"{path}.det" in word.sure for word in words)
    loose = () if has_article else (f"{path}.det",)
    words.append(Word(plural if what.plural else singular, "NOUN", (f"{path}.1",), loose, path))
    if what.adjective:
        form = forms.adjective_form(what.adjective["spa"], gender[0] == "f", what.plural)
        words.append(Word(form, "ADJ", (f"{path}.adj",), (), path))
    if what.owner and what.owner.kind != "pronoun":
        of = Word("de", "ADP", (f"{path}.of",), (), path)
        words += _role(_contract(of, thing(what.owner, f"{path}.owner")), path)
    if what.origin:
        words += [Word("de", "ADP", (f"{path}.from",), (), path), *_role(thing(what.origin, f"{path}.origin"), path)]
    if what.relative:
        words.append(Word("que", "PRON", (f"{path}.that",), (), path))
        words += _role(_statement(what.relative, f"{path}.rel"), path)
    return words


def _role(words: list[Word], path: str) -> list[Word]:
    return [word if word.role.startswith(path) else word._replace(role=path) for word in words]


def _determiner(what: Thing, path: str, gender: str, negated: bool) -> list[Word]:
    feminine = gender[0] == "f"
    if what.owner and what.owner.kind == "pronoun":
        form = forms.owner_form(what.owner, feminine, what.plural)
        return [Word(form, "DET", (f"{path}.owner.1",), (), path)]
    if what.definite:
        if what.is_a("language"):
            return []
        slot = f"{gender[0]}{'p' if what.plural else 's'}"
        form = "el" if gender == "fe" and not what.plural else forms.DEFINITE[slot]
    elif what.plural or what.is_a("mass"):
        return []
    else:
        form = "ning" if negated else ""
        form += "una" if feminine and gender != "fe" else "ún" if negated else "un"
    return [Word(form, "DET", (f"{path}.det",), (), path)]
