"""The admin pages of this floor, one module for each subject."""

from oncall.admin import deliveries, directory, pages, schedules

__all__ = ["deliveries", "directory", "pages", "schedules"]
