"""The steps from corpora to a dataset: each of independent items, which are done in any order, anywhere, and once.

An item writes its files and then its note; whoever finds the note leaves the item alone. What an item writes depends
on the plan and on the item, so neither the number of tasks nor a death in between shows in the dataset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Features, Translation
from pyarrow import parquet

from xlzoo.run_scripts.corpora.parallel import deduplication, sampling
from xlzoo.run_scripts.corpora.parallel.cleaning import Cleaner, Cleaning
from xlzoo.run_scripts.corpora.parallel.plan import Plan, Shard
from xlzoo.run_scripts.corpora.parallel.sentence_similarity import similarities
from xlzoo.run_scripts.corpora.parallel.shards import (
    Pair,
    get_note,
    get_table,
    in_shards,
    pairs_of,
    pairs_table,
    put,
    put_array,
    put_note,
    put_table,
)
from xlzoo.run_scripts.corpora.parallel.task_executors import Step
from xlzoo.run_scripts.errors import UserError

FILE_ROWS, FILE_BYTES = 250_000, 2**27
"""Of a file of the dataset, about; of its text before compression."""
GROUP_ROWS = 10_000
EMPTY, EXACT, NORMALIZED, SIMILARITY = "empty side", "exact duplicate", "normalised duplicate", "similarity"


@dataclass(frozen=True)
class Read:
    """Read one corpus into shards, beginning again where a run before it stopped."""

    plan: Plan
    name: str = "read"

    def items(self) -> Sequence[int]:
        """Return the corpora."""
        return range(len(self.plan.origins))

    def is_done(self, item: int) -> bool:
        """Say whether a corpus is read, or left out."""
        return self.plan.read_note(item) is not None

    def run(self, item: int) -> None:
        """Read a corpus; one that cannot be read is left out, or refused with UserError, as the plan has it."""
        origin, folder = self.plan.origins[item], self.plan.read_folder(item)
        counts = {"pairs": 0, EMPTY: 0, "shards": 0}
        try:
            for shard in in_shards(self._counted(item, counts), self.plan.shard_rows):
                path = folder / f"{counts['shards']:06d}.arrow"
                if not path.is_file():
                    put_table(path, pairs_table(shard))
                counts["shards"] += 1
            note = {**counts, "licence": origin.licence()}
        except UserError as error:
            if not self.plan.skips:
                raise
            note = {"pairs": 0, EMPTY: 0, "shards": 0, "licence": "", "left_out": str(error)}
        put_note(folder / "note.json", note)

    def _counted(self, item: int, counts: dict[str, int]) -> Any:
        for source, target in self.plan.origins[item].pairs():
            counts["pairs"] += 1
            pair = source.strip(), target.strip()
            if all(pair):
                yield pair
            else:
                counts[EMPTY] += 1


@dataclass(frozen=True)
class Clean:
    """Clean one shard, and write the hashes of its pairs."""

    plan: Plan
    name: str = "clean"

    def items(self) -> Sequence[Shard]:
        """Return the shards that were read."""
        return self.plan.shards()

    def is_done(self, item: Shard) -> bool:
        """Say whether a shard is clean."""
        return self._file(item, ".json").is_file()

    def run(self, item: Shard) -> None:
        """Clean a shard."""
        raw = get_table(self.plan.read_folder(item.origin) / f"{item.number:06d}.arrow")
        pairs, dropped = _cleaner(self.plan.cleaning).clean(pairs_of(raw))
        put_table(self._file(item, ".arrow"), pairs_table(pairs))
        if self.plan.duplicates != "none":
            put_array(self._file(item, ".npy"), deduplication.keys_of(pairs, self.plan.duplicates))
        put_note(self._file(item, ".json"), {"left": len(pairs), "dropped": dict(dropped)})

    def _file(self, item: Shard, ending: str) -> Path:
        return self.plan.clean_folder(item.origin) / f"{item.number:06d}{ending}"


@cache
def _cleaner(cleaning: Cleaning) -> Cleaner:
    return Cleaner(cleaning)


@dataclass(frozen=True)
class Compare:
    """List the duplicates of all corpora in one range of hashes."""

    plan: Plan
    name: str = "compare"

    def items(self) -> Sequence[tuple[int, int]]:
        """Return each range's number and how many there are."""
        if self.plan.duplicates == "none":
            return []
        parts = deduplication.number_of_parts(sum(_note(file)["left"] for file in self.plan.clean_files(".json")))
        return [(part, parts) for part in range(parts)]

    def is_done(self, item: tuple[int, int]) -> bool:
        """Say whether a range is compared."""
        return self._file(item).is_file()

    def run(self, item: tuple[int, int]) -> None:
        """Compare a range."""
        put_array(self._file(item), deduplication.find_duplicates(self.plan.clean_files(".npy"), *item))

    def _file(self, item: tuple[int, int]) -> Path:
        return self.plan.duplicates_folder / f"{item[0]:06d}.npy"


@dataclass(frozen=True)
class Keep:
    """Drop a shard's duplicates and, by their embeddings, its pairs that are no translations."""

    plan: Plan
    name: str = "keep"

    def items(self) -> Sequence[int]:
        """Return the shards by their place among all."""
        return range(len(self.plan.shards()))

    def is_done(self, item: int) -> bool:
        """Say whether a shard is done."""
        return self._file(item, ".json").is_file()

    def run(self, item: int) -> None:
        """Look at a shard."""
        pairs = pairs_of(get_table(self.plan.clean_files(".arrow")[item]))
        files = sorted(self.plan.duplicates_folder.glob("*.npy")) if self.plan.duplicates != "none" else []
        found = deduplication.duplicates_in(files, item)
        stays = np.ones(len(pairs), bool)
        stays[found["position"].astype(np.int64)] = False
        pairs = [pair for pair, kept in zip(pairs, stays, strict=True) if kept]
        exact = int(found["is_exact"].sum())
        dropped = {EXACT: exact, NORMALIZED: len(found) - exact, SIMILARITY: 0}
        pairs, dropped[SIMILARITY] = self._translations(pairs)
        table = sampling.sorted_by_place(pairs_table(pairs), sampling.places_of(pairs, self.plan.seed))
        put_table(self._file(item, ".arrow"), table)
        put_note(self._file(item, ".json"), {"left": len(pairs), "bytes": table.nbytes, "dropped": dropped})

    def _translations(self, pairs: list[Pair]) -> tuple[list[Pair], int]:
        """Return the pairs that are similar enough, and the number of the others."""
        wanted = self.plan.similarity
        if wanted is None or not pairs:
            return pairs, 0
        scores = similarities(pairs, wanted.model, wanted.batch_size)
        kept = [pair for pair, score in zip(pairs, scores, strict=True) if score >= wanted.threshold]
        return kept, len(pairs) - len(kept)

    def _file(self, item: int, ending: str) -> Path:
        return self.plan.keep_folder / f"{item:06d}{ending}"


@dataclass(frozen=True)
class Draw:
    """Draw the sample from all that was kept."""

    plan: Plan
    name: str = "draw"

    def items(self) -> Sequence[int]:
        """Return the one item."""
        return [0]

    def is_done(self, item: int) -> bool:
        """Say whether the sample is drawn."""
        return self.plan.draw_note.is_file()

    def run(self, item: int) -> None:
        """Draw it; UserError where nothing is left."""
        sample = sampling.draw(self.plan.keep_files(".arrow"), self.plan.target_size)
        if not sample.size:
            raise UserError("No pair is left after cleaning; give other corpora, or filters that drop less.")
        put_note(self.plan.draw_note, vars(sample))


@dataclass(frozen=True)
class Write:
    """Write one file of the dataset."""

    plan: Plan
    name: str = "write"

    def items(self) -> Sequence[tuple[int, int]]:
        """Return each file's number and how many there are."""
        sample = self._sample()
        notes = [_note(file) for file in self.plan.keep_files(".json")]
        share = sample.size / sum(note["left"] for note in notes)
        size = share * sum(note["bytes"] for note in notes)
        files = max(1, -(-sample.size // FILE_ROWS), round(size / FILE_BYTES))
        return [(number, files) for number in range(files)]

    def is_done(self, item: tuple[int, int]) -> bool:
        """Say whether a file is there, and whole."""
        return (self.plan.write_folder / f"{item[0]:06d}.json").is_file() and self._file(item).is_file()

    def run(self, item: tuple[int, int]) -> None:
        """Write a file of rows `{"translation": {source: text, target: text}}`."""
        rows = sampling.part_of(self.plan.keep_files(".arrow"), self._sample(), *item)
        codes = (self.plan.cleaning.source, self.plan.cleaning.target)
        sides = dict(zip(codes, ("source", "target"), strict=True))
        schema = Features({"translation": Translation(languages=codes)}).arrow_schema
        kind = schema.field("translation").type

        def write(part: Path) -> None:
            with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
                for start in range(0, len(rows), GROUP_ROWS):
                    group = rows.slice(start, GROUP_ROWS).combine_chunks()
                    texts = [group[sides[field.name]].combine_chunks().cast(field.type) for field in kind]
                    column = pa.StructArray.from_arrays(texts, fields=list(kind))
                    writer.write_table(pa.table([column], schema=schema))

        put(self._file(item), write)
        put_note(self.plan.write_folder / f"{item[0]:06d}.json", {"rows": len(rows)})

    def _file(self, item: tuple[int, int]) -> Path:
        return self.plan.building / self.plan.prefix / f"train-{item[0]:05d}-of-{item[1]:05d}.parquet"

    def _sample(self) -> sampling.Sample:
        note = _note(self.plan.draw_note)
        return sampling.Sample(note["size"], note["last"], note["taken_last"], tuple(note["by_shard"]))


def steps_of(plan: Plan) -> list[Step]:
    """Return the steps in their order."""
    return [Read(plan), Clean(plan), Compare(plan), Keep(plan), Draw(plan), Write(plan)]


def _note(path: Path) -> dict[str, Any]:
    note = get_note(path)
    if note is None:
        raise UserError(f"{path} is missing; was the work folder changed during the run? Run the same command again.")
    return note
