"""Few-shot prompting: a language model is shown examples and asked; how many, which and how is chosen on validation rows."""

from __future__ import annotations

from typing import ClassVar

from rung.methods.with_shots import WithShots


class FewShot(WithShots):
    """Show a language model some examples, then ask."""

    name: ClassVar[str] = "few_shot"
    rung: ClassVar[int] = 3
    summary: ClassVar[str] = "Shows a language model some of the examples in its prompt, then asks."
    reference: ClassVar[str] = (
        "Brown et al. 2020, Language models are few-shot learners; Liu et al. 2022 for similar examples; "
        "Zhao et al. 2021, Calibrate before use"
    )
