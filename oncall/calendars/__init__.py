"""Shifts as iCalendar (RFC 5545).

rendering  shifts -> bytes, pure
feeds      secret addresses, and the shifts behind one
"""

from oncall.calendars.feeds import create, document, find, revoke
from oncall.calendars.rendering import Shift, render

__all__ = ["Shift", "create", "document", "find", "render", "revoke"]
