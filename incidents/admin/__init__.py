"""The staff console of this floor, one module for each thing that people open."""

from incidents.admin import heartbeats, incident, intake, rehearsal, severities

__all__ = ["heartbeats", "incident", "intake", "rehearsal", "severities"]
