"""The staff console of this floor, one module for each thing that people open."""

from postmortems.admin import action_item, postmortem

__all__ = ["action_item", "postmortem"]
