"""Arrow and Parquet files, whose parts may lie about each other and whose schemas may hold any metadata."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from xlzoo.run_scripts.errors import UserError

from .metadata import check_description, parse_json
from .raw_files import FREE, MOST_RATIO, printable


def check_arrow(path: Path) -> None:
    """Refuse an Arrow file with offsets beyond its end: `datasets` maps it into memory, and reading would crash."""
    with _told(path, "Arrow"), pa.memory_map(str(path)) as source:
        try:
            reader = pa.ipc.open_stream(source)
        except pa.ArrowInvalid:
            reader = pa.ipc.open_file(source)
        _check_schema(reader.schema, path)
        if isinstance(reader, pa.RecordBatchFileReader):
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        else:
            batches = iter(reader)
        for batch in batches:
            batch.validate(full=True)


def check_parquet(path: Path) -> None:
    """Refuse a Parquet file without a sound footer, or with more rows than its size can hold."""
    with _told(path, "Parquet"), pq.ParquetFile(path) as file:
        _check_schema(file.schema_arrow, path)
        rows, size = file.metadata.num_rows, path.stat().st_size
        if rows > FREE and rows > MOST_RATIO * size:
            raise UserError(f"{path} claims {rows} rows in {size} bytes: give another file")


def require_sound(rows: datasets.Dataset, whose: object) -> None:
    """Refuse rows whose texts are no UTF-8: Arrow files may hold any bytes, and reading such a row fails."""
    try:
        rows.data.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UserError(f"{whose} holds damaged rows ({printable(error)}): get it again") from error


@contextmanager
def _told(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(
            f"cannot read {path}: no {kind} file, or damaged ({printable(error)}), get it again"
        ) from error


def _check_schema(schema: pa.Schema, path: Path) -> None:
    """Check the names of the columns, and what `datasets` wrote beside them about their features."""
    if [name for name in schema.names if not name.isprintable()]:
        raise UserError(f"{path} has columns with control characters in their names: correct them")
    noted = (schema.metadata or {}).get(b"huggingface")
    if noted is not None:
        check_description(parse_json(noted.decode("utf-8", errors="replace"), path), path)
