"""The status page in the staff console, one module for each thing that people open."""

from statuspage.admin import components, neighbours, planned, posts, recurring, subscribers, templates

__all__ = ["components", "neighbours", "planned", "posts", "recurring", "subscribers", "templates"]
