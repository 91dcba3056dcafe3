"""The status page in the staff console, one module for each thing that people open."""

from statuspage.admin import components, neighbours, posts, subscribers, suppressions

__all__ = ["components", "neighbours", "posts", "subscribers", "suppressions"]
