"""The admin pages of this floor, one module for each subject."""

from oncall.admin import calendars, deliveries, directory, pages, policies, portal, schedules, swaps

__all__ = ["calendars", "deliveries", "directory", "pages", "policies", "portal", "schedules", "swaps"]
