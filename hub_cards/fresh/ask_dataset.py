"""The program that counts what a published dataset holds, as `load_dataset` reads it."""

from pathlib import Path

from datasets import load_dataset

from .probing import read_request, write_facts
from .rows import describe_splits


def main() -> None:
    """Answer the request that the argument names."""
    request = read_request()
    splits = describe_splits(load_dataset(request["folder"]), request["forbidden"])
    write_facts(Path(request["answer"]), {"splits": splits})


if __name__ == "__main__":
    main()
