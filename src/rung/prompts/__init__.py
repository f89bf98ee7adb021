"""Task, context and input to a prompt, and a model's reply to an output: the only renderer and the only parser.

render.py writes prompts, fit.py makes them fit a model's context and counts what was left out, parse.py reads replies.
"""

from __future__ import annotations

from rung.prompts.fit import Asked, fitted_prompts, placed
from rung.prompts.parse import Read, read_reply
from rung.prompts.render import Renderer, Shot, answer_schema

__all__ = ["Asked", "Read", "Renderer", "Shot", "answer_schema", "fitted_prompts", "placed", "read_reply"]
