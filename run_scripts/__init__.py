"""The `run_*.py` entry points and the rooms they share."""
