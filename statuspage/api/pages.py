"""``statuspages/``, and which page any other request is about: ``?page=<slug>``, without it the main one."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers, viewsets

from oncall.messaging.errors import DomainError
from statuspage import pages
from statuspage.models import Component, StatusPage

PAGE = OpenApiParameter(
    "page", OpenApiTypes.STR, description="A status page's slug; without it the main one."
)


class OfAPage:
    """For views of rows with a ``page``: lists hold those of one page, and what is made is made there.

    ``found_anywhere``: rows whose ids are theirs alone are found by them without naming the page.
    """

    found_anywhere = False

    @property
    def page(self) -> StatusPage:
        try:
            return pages.named(self.request.query_params.get("page", ""))
        except DomainError as refusal:
            raise exceptions.NotFound(refusal.detail) from None

    def get_queryset(self):
        rows = super().get_queryset().select_related("page")
        if getattr(self, "swagger_fake_view", False):
            return rows
        if self.detail and self.found_anywhere and "page" not in self.request.query_params:
            return rows
        return rows.filter(page=self.page)

    def get_serializer_context(self) -> dict:
        found = super().get_serializer_context()
        return found if getattr(self, "swagger_fake_view", False) else found | {"page": self.page}


class OnThePage(serializers.SlugRelatedField):
    """A row of this page: a component by its slug, which is unique there, or what another field names."""

    def __init__(self, *, slug_field: str = "slug", **options) -> None:
        super().__init__(slug_field=slug_field, **options)

    def get_queryset(self):
        rows = super().get_queryset() if self.queryset is not None else Component.objects.all()
        return rows.filter(page=self.context["page"]) if "page" in self.context else rows


class StatusPageSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="public_id", read_only=True)
    url = serializers.CharField(read_only=True)

    class Meta:
        model = StatusPage
        fields = ["id", "slug", "name", "url", "host", "audience", "time_zone", "created_at", "updated_at"]


class StatusPageViewSet(viewsets.ReadOnlyModelViewSet):
    """The pages that there are; they are set up in the console or by the provisioning file."""

    queryset = StatusPage.objects.defer("password", "key_hash")
    serializer_class = StatusPageSerializer
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"
    filterset_fields = ["audience"]
    search_fields = ["name", "slug"]
