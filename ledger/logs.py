"""What is written to the log: a line an event, for programs; in a terminal, for people.

A traceback is written without the values of variables, and without the row that PostgreSQL tells of where
it refuses one. They hold sign-in secrets and personal data, and
writing out a page's worth of them takes a minute.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict


def set_up(level: int = logging.INFO) -> None:
    """Write the log that way from now on, from this level on."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that finds the last one at work is well
    shown = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if sys.stderr.isatty()
        else [_traceback, structlog.processors.JSONRenderer(ensure_ascii=False)]
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


_ROW = re.compile(r"^DETAIL: .*(\n(?!\S+:|\[).*)*", re.MULTILINE)


def _traceback(logger: Any, method: str, event: EventDict) -> EventDict:
    told = structlog.processors.format_exc_info(logger, method, event)
    if isinstance(told.get("exception"), str):
        told["exception"] = _ROW.sub("DETAIL: not told", told["exception"])
    return told
