"""The device that a script without a Trainer runs on."""

import torch

from xlzoo.run_scripts.errors import UserError


def usable_device(name: str) -> torch.device:
    """Return the device of that name; UserError where there is no such one here."""
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"--device {name} cannot be used ({reason}); give another, such as cpu.") from error
