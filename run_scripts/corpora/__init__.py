"""Readers, collators, language codes and the phrasebook."""
