"""What the service says on stderr: each thing once a minute, however often it happens."""

from __future__ import annotations

import logging

from flows.serve.shown_warnings import Seldom


def test_a_message_that_comes_again_and_again_is_shown_once_a_minute_and_others_at_once() -> None:
    times = iter([0.0, 0.5, 0.6, 59.9, 60.0])
    seldom = Seldom(clock=lambda: next(times))
    messages = ["the disk is full", "the disk is full", "the database is away", "the disk is full", "the disk is full"]
    shown = [seldom.filter(logging.LogRecord("flows.serve", logging.WARNING, "", 0, "%s", (each,), None)) for each in messages]
    assert shown == [True, False, True, False, True]
