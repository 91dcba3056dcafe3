"""The status page in the staff console, one module for each thing that people open."""

from statuspage.admin import (
    components,
    neighbours,
    pages,
    planned,
    posts,
    recurring,
    subscribers,
    suppressions,
    templates,
)

__all__ = [
    "components",
    "neighbours",
    "pages",
    "planned",
    "posts",
    "recurring",
    "subscribers",
    "suppressions",
    "templates",
]
