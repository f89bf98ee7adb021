"""Runs jobs here, cheapest rung first, one or several side by side. Knows not what a job does: the seam for other runners."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rung.events import Event, Events
from rung.models.memory import Headroom
from rung.runners.board import Board
from rung.runners.pace import Job, Pace

Work = Callable[[Job, Events], None]


@dataclass(frozen=True)
class LocalRunner:
    """Runs in this process.

    Attributes:
        lanes: jobs worked on side by side, each with an equal share of the threads. What a job computes depends on the number of
            its threads and not on what runs beside it.
        clock: seconds, for the estimate of time left. pace: what was measured before the first job.
        free: bytes that all jobs together may take.
    """

    lanes: int = 1
    clock: Callable[[], float] = time.monotonic
    free: Callable[[], int] = field(default_factory=Headroom)
    pace: Pace = field(default_factory=Pace)

    def run(self, jobs: Sequence[Job], work: Work, events: Events) -> None:
        """Do every job, in order of rung (equal rungs as given), and say how far it is.

        `work(job, events)` deals with what may go wrong in a job; what it raises stops the rest, and is raised here. On Ctrl-C
        the jobs at hand are left unrecorded, so that the same command takes them up again.
        """
        ordered = sorted(jobs, key=lambda job: job.rung)
        board = Board(ordered, events, self.lanes, self.clock, self.free, self.pace)
        board.announce()
        if self.lanes > 1 and len(ordered) > 1:
            self._side_by_side(board, work)
        else:
            _lane(board, work)
        if isinstance(board.error, KeyboardInterrupt):
            where = f"stopped in {', '.join(board.unfinished)}" if board.unfinished else "stopped"
            text = f"{where}; {board.done} of {board.total} runs are recorded"
            events.emit(Event("message", events.source, text))
        if board.error is not None:
            raise board.error
        events.progress(board.total, board.total, "runs", seconds_left=0.0)

    def _side_by_side(self, board: Board, work: Work) -> None:
        from rung.models.device import use_threads, workers

        share = max(1, workers() // self.lanes)

        def lane() -> None:
            use_threads(share)
            _lane(board, work)

        # daemons, so that a second Ctrl-C ends the process at once
        threads = [threading.Thread(target=lane, name=f"lane {i + 1}", daemon=True) for i in range(self.lanes)]
        with _one_blas_thread():
            try:
                for thread in threads:
                    thread.start()
                board.wait()
            except BaseException as error:  # Ctrl-C reaches the main thread alone
                board.stop(error)
            if board.error is not None:
                for thread in threads:
                    _interrupt(thread)
            for thread in threads:
                thread.join()


def _lane(board: Board, work: Work) -> None:
    """Take jobs until there are none."""
    try:
        while (job := board.take()) is not None:
            work(job, board.stream(job))
            if job.bytes:
                gc.collect()  # trunks and optimizers hold each other in cycles: their memory is to be there for the next job
            board.finished(job)
    except BaseException as error:
        board.stop(error)


def _interrupt(thread: threading.Thread) -> None:
    """Raise KeyboardInterrupt in a thread at its next instruction, as Python does in the main thread on Ctrl-C."""
    if thread.is_alive() and thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt))


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """NumPy's and SciPy's products on one thread: their number is the process's, and lanes would take it from each other."""
    import numpy as np  # noqa: F401 a library that is not loaded cannot be limited
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
