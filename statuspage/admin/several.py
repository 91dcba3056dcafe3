"""What lists and forms show of pages: nothing while there is one, else to which one each row belongs."""

from collections.abc import Iterable

from django.http import HttpRequest

from oncall.messaging.errors import DomainError
from statuspage import pages
from statuspage.models import StatusPage


class OfAPage:
    """For the admin of rows with a ``page``: a column and a filter, where there is anything to tell apart."""

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        found = tuple(super().get_list_display(request))
        return (*found, "page") if pages.are_several() else found

    def get_list_filter(self, request: HttpRequest) -> tuple:
        found = tuple(super().get_list_filter(request))
        return ("page", *found) if pages.are_several() else found

    def get_list_select_related(self, request: HttpRequest) -> tuple[str, ...]:
        found = super().get_list_select_related(request)
        return (*(found or ()), "page")

    def get_fields(self, request: HttpRequest, obj=None) -> list:
        found = [name for name in super().get_fields(request, obj) if name != "page"]
        return [*found, "page"] if pages.are_several() else found


def chosen(request: HttpRequest, proposed: Iterable[int] = ()) -> StatusPage:
    """The page that ``?page=`` names, else that of the proposed components, else the main one."""
    if "page" not in request.GET and proposed:
        return StatusPage.objects.filter(components__in=proposed).first() or StatusPage.main()
    try:
        return pages.named(request.GET.get("page", ""))
    except DomainError:
        return StatusPage.main()


def choices(request: HttpRequest, page: StatusPage) -> list[dict]:
    """The pages to choose from as links, the present one marked; none where there is one page."""
    every = list(StatusPage.objects.all())
    if len(every) < 2:
        return []
    kept = request.GET.copy()
    found = []
    for one in every:
        kept["page"] = one.slug
        found.append({"name": one.name, "query": f"?{kept.urlencode()}", "is_current": one.pk == page.pk})
    return found
