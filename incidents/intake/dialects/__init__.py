"""The languages monitoring tools speak, one module each.

A new one is a module with a ``DIALECT`` and a line here; its sample requests go to tests/cases/payloads/.
"""

from incidents.intake.dialects import alertmanager, json, pagerduty
from incidents.intake.dialects.base import Dialect, Event, Notification, ParseError, Status

DIALECTS: dict[str, Dialect] = {
    module.DIALECT.name: module.DIALECT for module in (alertmanager, json, pagerduty)
}

__all__ = ["DIALECTS", "Dialect", "Event", "Notification", "ParseError", "Status"]
