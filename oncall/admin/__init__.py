"""The admin pages of this floor, one module for each subject."""

from oncall.admin import directory, schedules

__all__ = ["directory", "schedules"]
