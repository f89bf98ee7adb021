"""From runs and limits to a verdict: which arm to use, why, and what would change the answer. A pure function."""

from rung.recommend.verdict import recommend

__all__ = ["recommend"]
