"""Own work that is done beside the rest, in a process of its own: one that is forked, so that it has all that there is without copying."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from envgit.errors import CannotTell, EnvgitError

Result = TypeVar("Result")


def possible() -> bool:
    """Tell whether it would bring anything: on macOS a fork is not safe, and one processor does not work faster in two processes."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


def begun(work: Callable[[], Result]) -> Callable[[], Result]:
    """Begin work beside where that can be, and return how to wait for it; else the work itself, to be done then."""
    try:
        return Beside(work).result if possible() else work
    except OSError:  # no process is to be had
        return work


class Beside(Generic[Result]):
    """Work in another process, begun at once. What it raises of envgit's errors, `result` raises here; a defect there is one here."""

    def __init__(self, work: Callable[[], Result]) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # else what waits there would be written by both
        # What no collection touches stays shared between the two.
        gc.freeze()
        context = get_context("fork")
        self._answer, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(theirs, self._answer, work), daemon=True)
        # Ctrl-C is for this one: what is half done there is done to its end, or stopped from here.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def result(self) -> Result:
        """Wait for what the work returns; raise CannotTell where its process was ended by somebody else."""
        try:
            found: Result | Exception = self._answer.recv()
        except (EOFError, OSError):  # before its answer, or in the midst of it
            raise CannotTell("a process of this run was ended by something else; run it again") from None
        finally:
            self.stop()
        if isinstance(found, Exception):
            raise found
        return found

    def stop(self) -> None:
        """End the process, and all that is left of it."""
        self._process.terminate()
        self._process.join()
        gc.unfreeze()
        self._answer.close()


def _run(answer: Connection, theirs: Connection, work: Callable[[], object]) -> None:
    theirs.close()  # else this process would wait for ever to hand over what nobody takes
    gc.disable()
    said: object
    try:
        said = work()
    except EnvgitError as error:
        said = error
    except Exception as error:  # noqa: BLE001 -- a defect, which is told where all are, and not by a traceback from here
        said = RuntimeError(f"{type(error).__name__} in a process beside")
    with suppress(OSError):  # the one that waited is gone
        answer.send(said)
    answer.close()
