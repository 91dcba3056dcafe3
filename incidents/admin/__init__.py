"""The staff console of this floor, one module for each thing that people open."""

from incidents.admin import incident, intake, severities

__all__ = ["incident", "intake", "severities"]
