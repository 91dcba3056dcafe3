"""The staff console of this floor, one module for each thing that people open."""

from incidents.admin import incident, intake, rehearsal, severities

__all__ = ["incident", "intake", "rehearsal", "severities"]
