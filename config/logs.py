"""What must not stand in a log: links and keys that act for whoever holds them."""

import logging
import re

#: The secret part of /a/… /u/… /manage/… /calendars/… /heartbeats/… /callbacks/pushover/… and /in/<dialect>/…
SECRET_PATH = re.compile(
    r"(/(?:a|u|manage|calendars|heartbeats|callbacks/pushover|in/[a-z0-9]{1,30})/)[A-Za-z0-9_-]{8,}"
)


def masked(text: str) -> str:
    """The same text without the secret parts of addresses."""
    return SECRET_PATH.sub(r"\1…", text)


class Discreet(logging.Filter):
    """Takes the secrets out of a line before it is written; Django logs the path of every refusal."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if SECRET_PATH.search(text):
            record.msg, record.args = masked(text), ()
        return True
