"""Losses, and one Config + Trainer file per training objective."""
