"""The phrasebook's grammar: language-neutral meanings, and one realiser per language that puts them into words."""
