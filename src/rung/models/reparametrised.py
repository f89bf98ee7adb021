"""Soft prompts made by a small network from trainable anchors. Knows no trunk and no method."""

from __future__ import annotations

import torch


class Reparametrised(torch.nn.Module):
    """`start` plus what a network makes of one trainable anchor a vector; at first it makes nothing.

    The network's parameters are shared by all vectors, so that what one learns moves the others (Li and Liang 2021, section 4.3;
    Liu et al. 2021, section 3.2). Being a residual it begins at the words it is given, and a step of the same size goes as far.

    Args:
        start: (P, D), or (N, 2, P, D): then all of one vector's keys and values are made of one anchor.
        width: of the inner layer. recurrent: a bi-LSTM reads the anchors first (Liu et al. 2021).
    """

    def __init__(self, start: torch.Tensor, width: int, *, recurrent: bool = False) -> None:
        super().__init__()
        self.shape = start.shape
        flat_PE = start.movedim(-2, 0).flatten(1)
        self.start = torch.nn.Buffer(start.clone())
        anchors = flat_PE if start.ndim == 2 else flat_PE[:, : start.shape[-1]]
        self.anchors_PD = torch.nn.Parameter(torch.nn.functional.normalize(anchors) * anchors.shape[1] ** 0.5)
        depth = anchors.shape[1]
        self.recurrent = torch.nn.LSTM(depth, width, bidirectional=True) if recurrent else None
        self.inner = torch.nn.Linear(2 * width if recurrent else depth, width)
        self.outer = torch.nn.Linear(width, flat_PE.shape[1])
        torch.nn.init.zeros_(self.outer.weight)
        torch.nn.init.zeros_(self.outer.bias)

    def forward(self) -> torch.Tensor:
        """The vectors now, in the shape of `start`."""
        states = self.anchors_PD
        if self.recurrent is not None:
            states, _ = self.recurrent(states)
        added_PE = self.outer(torch.tanh(self.inner(states)))
        rest = (*self.shape[:-2], self.shape[-1])
        return self.start + added_PE.unflatten(1, rest).movedim(0, -2)
