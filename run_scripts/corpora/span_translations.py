"""Translations of questions with their passages and answers, found by the question's id.

Files in SQuAD's form, one per language, as XTREME has them: `squad.translate.train.en-de.json`, plain or `.gz`, or
with the language before the path, `de=german.json`. The ids are those of the questions that were translated.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, concatenate_datasets
from transformers import PreTrainedTokenizerBase

from xlzoo.run_scripts.errors import UserError

from .languages import iso639_3
from .span_windows import LocatedPieces, WindowSizes, word_windows
from .squad import LOCATED, locate_answer, read_squad

NAME = re.compile(r".*[a-z]{2,3}-([A-Za-z_]{2,})\.json(?:\.gz)?")
GIVEN = re.compile(r"([A-Za-z_-]+)=(.+)")
logger = logging.getLogger(__name__)


class SpanTranslations:
    """Translated questions, found by the id of what they translate, and cut into windows when they are drawn."""

    def __init__(self, rows: Dataset, tokenizer: PreTrainedTokenizerBase, sizes: WindowSizes) -> None:
        self.rows, self.sizes, self.cut = rows, sizes, LocatedPieces(tokenizer)
        self.places: defaultdict[str, list[int]] = defaultdict(list)
        for place, id in enumerate(rows["id"]):
            self.places[id].append(place)

    def window(self, row: Mapping[str, Any], choice: float) -> Mapping[str, Any] | None:
        """Return a window of one of the translations of a row of `as_span_rows`, None where there is none.

        `choice`, from 0 to less than 1, says of which. Where the row has its answer, it is the first window with the
        translated one, else one at the same place of the passage as far as there is one.
        """
        known = self.places.get(row["id"], ())
        if not known:
            return None
        windows = list(word_windows(self.rows[known[int(choice * len(known))]], self.cut, self.sizes))
        answered = [window for window in windows if window["answer"]]
        return answered[0] if answered and row["answer"] else windows[min(row["window"], len(windows) - 1)]


def read_span_translations(paths: Sequence[str], asked: Sequence[str], languages: Sequence[str] = ()) -> Dataset:
    """Read files into rows of `LOCATED` with the ids `asked`, of these languages or of all.

    Translations whose answer got lost are left out. Raises UserError where a file's language is not known, or nothing
    is left.
    """
    ids = set(asked)
    wanted = {iso639_3(language) for language in languages}
    parts = []
    for given in paths:
        language, path = language_of(given)
        if wanted and language not in wanted:
            continue
        rows = [locate_answer(row) for row in read_squad(path)]
        found = [row for row in rows if row is not None]
        if lost := len(rows) - len(found):
            logger.warning("%s: %d of %d answers are not in their passages, left out", path, lost, len(rows))
        kept = [{name: row[name] for name in LOCATED} for row in found if row["id"] in ids]
        if kept:
            parts.append(Dataset.from_list(kept, features=LOCATED))
    if not parts:
        raise UserError(
            f"--translations {' '.join(paths)} hold no question to train on, {next(iter(asked))!r} say, translated "
            f"into {' or '.join(languages) or 'anything'}; expected translations with the ids of the training data."
        )
    return concatenate_datasets(parts)


def language_of(given: str) -> tuple[str, Path]:
    """Return the language, ISO 639-3, and the path that a value of `--translations` means for questions."""
    if named := GIVEN.fullmatch(given):
        return iso639_3(named[1]), Path(named[2])
    if named := NAME.fullmatch(Path(given).name):
        return iso639_3(named[1]), Path(given)
    raise UserError(
        f"--translations {given}: which language is it? Expected de={given}, or a name such as "
        "squad.translate.train.en-de.json."
    )
