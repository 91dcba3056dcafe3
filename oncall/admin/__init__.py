"""The admin pages of this floor, one module for each subject."""

from oncall.admin import deliveries, directory, pages, policies, portal, schedules

__all__ = ["deliveries", "directory", "pages", "policies", "portal", "schedules"]
