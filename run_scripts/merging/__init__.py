"""Adapter arithmetic on state dicts: how three adapters become a fourth. Pure; files and models are not known here."""
