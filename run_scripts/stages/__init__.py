"""What a training script does once its arguments are parsed, so that `run_madx.py` can chain it."""
