"""Runs and verdict as a terminal table, files and one self-contained HTML page."""
