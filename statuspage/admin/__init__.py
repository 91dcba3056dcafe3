"""The status page in the staff console, one module for each thing that people open."""

from statuspage.admin import components, neighbours, pages, posts, subscribers

__all__ = ["components", "neighbours", "pages", "posts", "subscribers"]
