"""Runs a worker program in the second environment; requests go as JSON, tensors come back as safetensors."""

import json
import os
import subprocess
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

WORKERS = Path(__file__).parent / "workers"
PYTHON = Path(os.environ.get("XLZOO_PEERS_PYTHON", ".venv-peers/bin/python")).absolute()


def run_worker(name: str, folder: Path, request: object, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Run `workers/<name>.py` on a request and the tensors it needs, in `folder`, and return the tensors it answers.

    Fails, never skips, where the environment is absent: whoever asks for the peers wants them.
    """
    if not PYTHON.is_file():
        raise FileNotFoundError(f"{PYTHON} is absent; build the second environment with `make test-peers`.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    save_file(tensors, folder / "inputs.safetensors")
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "home"),
        "HF_MODULES_CACHE": str(folder / "modules"),
    }
    command = [str(PYTHON), str(WORKERS / f"{name}.py"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{name}.py failed:\n{done.stderr[-3000:]}")
    return load_file(folder / "outputs.safetensors")


def assert_close(name: str, ours: torch.Tensor, theirs: torch.Tensor, atol: float = 1e-5) -> None:
    """Print and bound the largest difference."""
    assert ours.shape == theirs.shape
    difference = (ours - theirs).abs().max().item()
    print(f"{name}: max |difference| {difference:.1e}, largest number {theirs.abs().max().item():.1f}")
    assert difference <= atol
