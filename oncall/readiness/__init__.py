"""Whether a page would reach somebody, now and for thirty days: one computation for command, page and API.

spans      stretches of time joined and cut, pure
findings   what was looked at and how it stands, red, amber or green
loading    everything that is looked at, in a constant number of queries
people     who is on duty and cannot be reached
cover      schedules with gaps, and policies that reach nobody
setting    calendars, services, the catch-all, mail

Source: field/oncall.md section 1.1 "Contact readiness" and "Policy linter", contract.md section 1.
"""

from datetime import datetime, timedelta

from oncall.readiness import cover, people, setting
from oncall.readiness.findings import AMBER, GREEN, RED, Finding, Report
from oncall.readiness.loading import load

__all__ = ["AHEAD", "AMBER", "GREEN", "RED", "Finding", "Report", "check"]

AHEAD = timedelta(days=30)


def check(at: datetime) -> Report:
    """Everything that stands in the way of a page from ``at`` on for thirty days, and what is in order."""
    state = load(at, at + AHEAD)
    found = [*people.findings(state), *cover.findings(state), *setting.findings(state)]
    return Report(at, at + AHEAD, tuple(sorted(found, key=lambda finding: finding.rank)))
