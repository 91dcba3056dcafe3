"""The admin pages of this floor, one module for each subject."""

from oncall.admin import (
    absences,
    calendars,
    deliveries,
    directory,
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
    "deliveries",
    "directory",
    "holidays",
    "maintenance",
    "notices",
    "pages",
    "policies",
    "portal",
    "schedules",
    "swaps",
]
