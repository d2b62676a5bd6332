"""The first Ctrl-C is a request; the second one is what it always was."""

import signal
import threading

import pytest

from assay.training.interrupt import interruptible


@pytest.fixture(autouse=True)
def handler():
    before = signal.getsignal(signal.SIGINT)
    yield before
    signal.signal(signal.SIGINT, before)


def test_the_first_is_a_request_and_the_second_stops_at_once():
    with interruptible() as requested:
        assert not requested()
        signal.raise_signal(signal.SIGINT)
        assert requested()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_what_ctrl_c_meant_before_is_put_back(handler):
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not handler
    assert signal.getsignal(signal.SIGINT) is handler


def test_in_another_thread_nothing_is_caught(handler):
    seen = []

    def work() -> None:
        with interruptible() as requested:
            seen.append((requested(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, handler)]
