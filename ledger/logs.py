"""What is written to the log: a line an event, for programs; in a terminal, for people.

A traceback is written without the values of variables. They hold sign-in secrets and personal data, and
writing out a page's worth of them takes a minute.
"""

from __future__ import annotations

import logging
import sys

import structlog


def set_up(level: int = logging.INFO) -> None:
    """Write the log that way from now on, from this level on."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that finds the last one at work is well
    shown = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if sys.stderr.isatty()
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            *shown,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # the one of now, not of start
    )
