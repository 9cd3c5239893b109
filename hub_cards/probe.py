"""What a probe is, in a file of its own: the door can be imported without torch, which asking a model needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlzoo.hub_cards.facts import Kind


@dataclass(frozen=True)
class Probe:
    """What the original answered, in the folder `answer`, and how a fresh process asks the copy, in `request`."""

    kind: Kind
    answer: Path
    request: Mapping[str, Any]
