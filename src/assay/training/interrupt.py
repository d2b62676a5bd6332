"""Ctrl-C during training: the first asks for a stop after the current step, the second stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Catch Ctrl-C and yield a function that returns whether it was pressed.

    Signals reach the main thread only; in other threads the function always returns False.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop.is_set
        return
    handler = signal.getsignal(signal.SIGINT)

    def request_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, handler)  # the next Ctrl-C has its usual effect

    signal.signal(signal.SIGINT, request_stop)
    try:
        yield stop.is_set
    finally:
        signal.signal(signal.SIGINT, handler)
