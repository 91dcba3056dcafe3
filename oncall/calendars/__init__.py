"""Shifts as iCalendar (RFC 5545).

rendering   shifts -> bytes, pure
feeds       secret addresses, and the shifts behind one
recurrence  recurrence rules in bounded work, pure
reading     bytes -> what takes place when, pure
matching    whom an event means, pure
importing   calendars elsewhere as layers, read again and again
"""

from oncall.calendars.feeds import create, document, find, revoke
from oncall.calendars.importing import check_address, read_again, refresh, remove, settle
from oncall.calendars.rendering import Shift, render

__all__ = [
    "Shift",
    "check_address",
    "create",
    "document",
    "find",
    "read_again",
    "refresh",
    "remove",
    "render",
    "revoke",
    "settle",
]
