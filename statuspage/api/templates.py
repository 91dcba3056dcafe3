"""``templates/``: words to begin with; and how a body that names one becomes words."""

from copy import copy
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets

from oncall.edges.api import Idempotent
from statuspage import templating
from statuspage.api.fields import ComponentsField
from statuspage.api.pages import PAGE, OfAPage
from statuspage.models import Template


def worded(
    given: dict[str, Any], facts: templating.Facts, kind: str, *, takes: tuple[str, ...], at: datetime
) -> dict[str, Any]:
    """A body with what its template says where it says nothing itself, and all variables filled in."""
    slug, values = given.pop("template", None), given.pop("variables", {})
    if slug is None:
        return given
    template = templating.find(facts.page, slug, kind)
    own = {
        "name": template.title,
        "body": template.body,
        "status": template.status,
        "components": templating.proposed(template),
    }
    found = {name: own[name] for name in takes if own[name]} | given
    facts = replace(facts, values=values, components=list(found.get("components") or facts.components))
    texts = {name: templating.fill(found[name], facts, at=at) for name in ("name", "body") if name in found}
    return found | texts


class TemplateSerializer(serializers.ModelSerializer):
    components = ComponentsField(required=False)
    variables = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Template
        fields = [
            "slug",
            "name",
            "kind",
            "title",
            "body",
            "status",
            "components",
            "component_status",
            "variables",
            "created_at",
            "updated_at",
        ]
        validators = ()  # of slug and page: the page is not in the body

    def validate_slug(self, slug: str) -> str:
        others = Template.objects.filter(page=self.context["page"], slug=slug)
        if others.exclude(pk=self.instance.pk if self.instance else None).exists():
            raise serializers.ValidationError("Another template has this slug.")
        return slug

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        row = copy(self.instance) if self.instance else Template()
        for name in {"kind", "title", "body", "status"} & set(given):
            setattr(row, name, given[name])
        try:
            row.clean()
        except Invalid as error:
            raise serializers.ValidationError(error.message_dict) from None
        return given


@extend_schema(parameters=[PAGE])
class TemplateViewSet(OfAPage, Idempotent, viewsets.ModelViewSet):
    """Templates of posts, updates and maintenance."""

    queryset = Template.objects.prefetch_related("components")
    serializer_class = TemplateSerializer
    lookup_field = "slug"
    lookup_value_regex = "[-a-zA-Z0-9_]+"
    filterset_fields = ["kind"]
    search_fields = ["name", "slug"]
    http_method_names = ["get", "head", "options", "post", "patch", "delete"]

    def perform_create(self, serializer: TemplateSerializer) -> None:
        serializer.save(page=self.page)
