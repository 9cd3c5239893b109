"""Architectures that load from the Hub with `trust_remote_code=True`: flat files, torch and transformers only."""
