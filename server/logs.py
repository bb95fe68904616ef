"""Logging to standard error: repeated warnings are folded, query strings are never logged."""

import logging
import time

REPEAT_INTERVAL = 10.0  # seconds between two warnings of the same kind


def log_to_stderr(level: str) -> None:
    """Log our records at this level and warnings of others; uvicorn's info records are debug."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level="WARNING", force=True
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
    logging.getLogger("roomcast").setLevel(level.upper())
    # Never DEBUG: there the tokens among the subprotocols are logged.
    quieter = {"debug": "INFO", "info": "WARNING"}.get(level, level.upper())
    logging.getLogger("uvicorn").setLevel(quieter)
    logging.getLogger("uvicorn.error").addFilter(without_query)


class Seldom(logging.Filter):
    """Lets repeated warnings pass once in ten seconds, with the number of suppressed ones."""

    def __init__(self) -> None:
        super().__init__()
        self._logged: dict[str, tuple[float, int]] = {}  # last time, suppressed ones

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        what, now = f"{record.name} {record.msg}", time.monotonic()
        at, suppressed = self._logged.get(what, (-REPEAT_INTERVAL, 0))
        if now - at < REPEAT_INTERVAL:
            self._logged[what] = at, suppressed + 1
            return False
        self._logged[what] = now, 0
        if suppressed:
            record.msg = f"{record.msg} ({suppressed} more like this since the last one)"
        return True


def without_query(record: logging.LogRecord) -> bool:
    """Remove the query string, which may contain a signature or a misplaced token."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            argument.partition("?")[0] if isinstance(argument, str) else argument
            for argument in record.args
        )
    return True
