"""Alignment error rate as a metric of `evaluate`, in files that need nothing of ours."""
