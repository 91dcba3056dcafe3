"""The admin pages of this floor, one module for each subject."""

from oncall.admin import deliveries, directory, schedules

__all__ = ["deliveries", "directory", "schedules"]
