"""Judging: predictions against expectations, intervals, latency, costs, and the records of it."""
