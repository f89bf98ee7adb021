"""Language models behind endpoints of OpenAI's shape: asked with patience, paid once, told before rows leave."""

from __future__ import annotations

from rung.models.hosted.model import HostedModel, hosted_name

__all__ = ["HostedModel", "hosted_name"]
