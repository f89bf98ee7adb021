"""What rows of tokens have in common: the beginning of prompts, and of answers as a tree. Knows no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rung.errors import ModelError


@dataclass(frozen=True)
class TokenTree:
    """K answers as paths from a root, which is the last token of the prompt.

    Attributes:
        tokens_M: the token of each node that has children, the root left out; these M nodes are what a model must read.
        depth_M: steps from the root, from 1. sees_MM: whether node i has node j before it, or is it.
        edges: (E, 2): for each distinct step the place it is taken from (0: the root, i + 1: node i) and the token it takes.
        paths: for each answer the rows of `edges` whose log-probabilities add up to the answer's.
    """

    tokens_M: np.ndarray
    depth_M: np.ndarray
    sees_MM: np.ndarray
    edges: np.ndarray
    paths: tuple[tuple[int, ...], ...]

    @property
    def deepest(self) -> int:
        """Steps below the root that a model must read."""
        return int(self.depth_M.max(initial=0))

    @classmethod
    def of(cls, answers: Sequence[Sequence[int]]) -> TokenTree:
        """The tree of these answers.

        Raises:
            ModelError: an answer has no token, or two are the same.
        """
        check_answers(answers)
        inner = {tuple(answer[:n]) for answer in answers for n in range(1, len(answer))}
        nodes = sorted(inner, key=lambda path: (len(path), path))
        place = {(): 0} | {path: i + 1 for i, path in enumerate(nodes)}
        edges: dict[tuple[int, int], int] = {}
        paths = []
        for answer in answers:
            steps = [(place[tuple(answer[:n])], int(answer[n])) for n in range(len(answer))]
            paths.append(tuple(edges.setdefault(step, len(edges)) for step in steps))
        sees_MM = np.array([[a[: len(b)] == b for b in nodes] for a in nodes], np.bool_).reshape(len(nodes), len(nodes))
        return cls(
            tokens_M=np.array([path[-1] for path in nodes], np.int64),
            depth_M=np.array([len(path) for path in nodes], np.int64),
            sees_MM=sees_MM,
            edges=np.array(list(edges), np.int64).reshape(-1, 2),
            paths=tuple(paths),
        )


def check_answers(answers: Sequence[Sequence[int]]) -> None:
    """See that answers can be told apart.

    Raises:
        ModelError: an answer has no token, or two are the same.
    """
    if not all(answers):
        raise ModelError("an answer to be scored has no token", remedy="give every label a name")
    first: dict[tuple[int, ...], int] = {}
    for i, answer in enumerate(answers):
        j = first.setdefault(tuple(answer), i)
        if j != i:
            raise ModelError(
                f"answers {j + 1} and {i + 1} are the same to this model's tokenizer",
                remedy="give the labels names that differ in more than characters it does not know",
            )


def with_ends(answers: Sequence[Sequence[int]], end: int) -> list[list[int]]:
    """The answers; where one is the beginning of another, all with the token that ends an answer, so that each is whole.

    >>> with_ends([[1], [1, 2]], 9), with_ends([[1], [2]], 9)
    ([[1, 9], [1, 2, 9]], [[1], [2]])
    """
    every = {tuple(answer) for answer in answers}
    inner = {tuple(answer[:n]) for answer in answers for n in range(1, len(answer))}
    return [[*answer, end] if every & inner else list(answer) for answer in answers]


def common(rows: Sequence[Sequence[int]]) -> list[int]:
    """What all rows begin with, at least one item of each left over.

    >>> common([[1, 2, 3], [1, 2, 4], [1, 2]])
    [1]
    """
    if not rows:
        return []
    low, high = min(map(tuple, rows)), max(map(tuple, rows))
    most = min(map(len, rows)) - 1
    same = 0
    while same < most and low[same] == high[same]:
        same += 1
    return list(low[:same])
