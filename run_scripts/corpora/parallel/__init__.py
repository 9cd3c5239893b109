"""Parallel corpora under construction: where pairs come from, which are kept, and files that survive a kill."""
