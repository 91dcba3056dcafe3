"""What the API's views on every floor share."""

from rest_framework.pagination import CursorPagination


class CursorPages(CursorPagination):
    """Pages that stay stable while rows are added: ``{"next", "previous", "results"}``."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
