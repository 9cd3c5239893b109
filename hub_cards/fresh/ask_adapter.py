"""The program that asks a published AdapterHub adapter, loaded into a MAD-X model that brings its own code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .hosts import disturb, make_host
from .loading import load_model
from .probing import read_request, reply


def main() -> None:
    """Answer the request that the argument names."""
    request = read_request()
    folder, host = Path(request["folder"]), Path(request["host"])
    known = "name" in request
    how = request if known else make_host(Path(request["code"]), folder, request["base"], host)
    model: Any = load_model(host, trust=True, **request["options"])
    _load(model, folder, how)
    reply(request, model, {} if known else {"how": how})


def _load(model: Any, folder: Path, how: Mapping[str, Any]) -> None:
    """Put the adapter of the folder into the model, in the place of its own, and activate the stack."""
    disturb(model, how["name"], how["with_head"])
    loaded = model.load_adapter(folder, with_head=how["with_head"])
    if loaded != how["name"]:
        raise ValueError(f"the adapter is named {loaded!r} and not {how['name']!r}")
    model.set_active_adapters(how["stack"])


if __name__ == "__main__":
    main()
