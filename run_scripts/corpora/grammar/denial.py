"""When a plain `not` denies a whole statement."""

from .meaning import Clause


def deniable(clause: Clause) -> bool:
    """Whether nothing counted, coordinated or indefinite stands in the way of the negation."""
    parts = (clause.subject, clause.object, clause.recipient)
    plain = all(p is None or (not p.count and p.also is None and p.kind != "someone") for p in parts)
    loose = clause.time is not None and clause.time["tense"] in ("present", "progressive")
    alone = clause.joined is None and clause.reason is None and clause.when is None and clause.content is None
    related = clause.subject.relative is not None or (clause.object is not None and clause.object.relative is not None)
    return plain and clause.subject.specific and not loose and alone and not related and not clause.negative
