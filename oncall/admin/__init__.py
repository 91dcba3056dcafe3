"""The admin pages of this floor, one module for each subject."""

from oncall.admin import (
    absences,
    calendars,
    callbacks,
    deliveries,
    directory,
    handover,
    holidays,
    maintenance,
    notices,
    pages,
    policies,
    portal,
    schedules,
    swaps,
)

__all__ = [
    "absences",
    "calendars",
    "callbacks",
    "deliveries",
    "directory",
    "handover",
    "holidays",
    "maintenance",
    "notices",
    "pages",
    "policies",
    "portal",
    "schedules",
    "swaps",
]
