"""Runs and verdict as a terminal table, files and one self-contained HTML page."""

from rung.report.files import predictions_table, verdict_json, write
from rung.report.html import page
from rung.report.terminal import render

__all__ = ["page", "predictions_table", "render", "verdict_json", "write"]
