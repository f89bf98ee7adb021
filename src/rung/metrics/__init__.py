"""Metrics: pure functions over labels and probabilities."""
