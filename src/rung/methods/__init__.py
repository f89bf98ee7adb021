"""The ladder: one file a method. This file lists the rungs, cheapest first."""
