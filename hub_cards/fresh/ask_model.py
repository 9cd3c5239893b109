"""The program that asks a published model, loaded through the Auto class of the architecture that its config names."""

from pathlib import Path

from .loading import load_model
from .probing import digests_of, read_request, reply


def main() -> None:
    """Answer the request that the argument names."""
    request = read_request()
    model = load_model(Path(request["folder"]), request["trust"], **request["options"])
    reply(request, model, {"weights": digests_of(model)})


if __name__ == "__main__":
    main()
