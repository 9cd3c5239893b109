"""Downloads from OPUS, through opustools: a file has its name only when it is whole."""

import contextlib
import io
import tempfile
import zipfile
from pathlib import Path

from xlzoo.run_scripts.corpora.raw_files import printable
from xlzoo.run_scripts.errors import UserError

from .opus_tree import Wanted, opus_codes

NO_OPUSTOOLS = (
    "Downloads from OPUS need opustools; pip install 'xlzoo[corpus]', or give a local tree with --opus_root."
)


def require_opustools() -> None:
    """Raise UserError where opustools is missing."""
    try:
        import opustools  # noqa: F401
    except ImportError as error:
        raise UserError(NO_OPUSTOOLS) from error


def download(wanted: Wanted, cache: Path) -> None:
    """Download the files of a corpus into a folder; UserError where the service or the corpus is out of reach."""
    require_opustools()
    cache.mkdir(parents=True, exist_ok=True)
    said = io.StringIO()
    with tempfile.TemporaryDirectory(prefix=".opus-", dir=cache) as work:
        for source in opus_codes(wanted.source):
            for target in opus_codes(wanted.target):
                with contextlib.redirect_stdout(said):
                    _get(wanted, source, target, work)
                files = sorted(path for path in Path(work).iterdir() if path.is_file())
                for path in files:
                    _require_whole(path)
                    path.replace(cache / path.name)
                if files:
                    return
    reason = printable(said.getvalue()) or "it lists no such files"
    raise UserError(
        f"OPUS gave no {wanted.preprocess} files of {wanted.corpus} in {' and '.join(wanted.languages)} ({reason}); "
        "check the name and the connection, or leave it out with --on_error skip."
    )


def _get(wanted: Wanted, source: str, target: str, work: str) -> None:
    from opustools import OpusGet

    try:
        OpusGet(
            source=source,
            target=target,
            directory=wanted.corpus,
            release=wanted.release,
            preprocess=wanted.preprocess,
            download_dir=work,
            suppress_prompts=True,
        ).get_files()
    except (OSError, ValueError, LookupError) as error:
        raise UserError(
            f"OPUS cannot be reached for {wanted.corpus} ({printable(error)}); try again later, or leave it out with "
            "--on_error skip."
        ) from error


def _require_whole(path: Path) -> None:
    """Raise UserError for an archive that breaks off; opustools only prints that a download failed."""
    if path.suffix == ".zip" and not zipfile.is_zipfile(path):
        raise UserError(f"The download of {path.name} from OPUS broke off; try again.")
