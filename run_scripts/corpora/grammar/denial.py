"""When a plain `not` denies a whole statement."""

from .meaning import Clause


def deniable(clause: Clause) -> bool:
    """Whether nothing counted, coordinated or indefinite stands in the way of the negation."""
    parts = (clause.subject, clause.object, clause.recipient)
    plain = all(p is None or (not p.number and p.kind != "someone") for p in parts)
    single = all(p is None or p.also is None for p in parts[1:])
    loose = clause.time is not None and clause.time["tense"] in ("present", "progressive")
    alone = clause.joined is None and clause.reason is None and clause.when is None and clause.content is None
    return plain and single and clause.subject.specific and not loose and alone and not clause.negative
