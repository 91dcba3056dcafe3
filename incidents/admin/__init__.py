"""The staff console of this floor, one module for each thing that people open."""

from incidents.admin import heartbeats, incident, intake, severities

__all__ = ["heartbeats", "incident", "intake", "severities"]
