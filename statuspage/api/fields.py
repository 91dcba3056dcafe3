"""Fields that several bodies of this floor's API share."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from incidents.models import Incident
from statuspage import rollup
from statuspage.models import Component

LOWEST, HIGHEST = 2000, 2100


class InstantField(serializers.DateTimeField):
    """An instant with its offset, between 2000 and 2100; answered in UTC."""

    def enforce_timezone(self, value):
        if value.tzinfo is None:
            raise serializers.ValidationError("Give the offset, as in 2026-03-09T13:00:00Z.")
        if not LOWEST <= value.year < HIGHEST:
            raise serializers.ValidationError(f"Give a year from {LOWEST} to {HIGHEST - 1}.")
        return super().enforce_timezone(value)


@extend_schema_field({"type": "object", "additionalProperties": {"enum": list(rollup.SEVERITY_ORDER)}})
class StatusesField(serializers.Field):
    """``{slug: status}``; components by slug or by public id, of the page in the context."""

    default_error_messages = {
        "shape": "Give an object: each component's slug with its status.",
        "component": "There is no component {name!r}.",
        "status": "{value!r} is no status. Use one of: {all}.",
    }

    def to_internal_value(self, data: Any) -> dict[Component, str]:
        if not isinstance(data, dict):
            self.fail("shape")
        return {self._component(name): self._status(value) for name, value in data.items()}

    def _component(self, name: str) -> Component:
        rows = Component.objects.filter(page=self.context["page"], is_group=False)
        found = rows.filter(slug=name).first() or rows.filter(public_id=name).first()
        return found or self.fail("component", name=str(name)[:100])

    def _status(self, value: Any) -> str:
        if value not in rollup.SEVERITY_ORDER:
            self.fail("status", value=str(value)[:100], all=", ".join(rollup.SEVERITY_ORDER))
        return value


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class ComponentsField(serializers.Field):
    """A list of components, by slug or public id, none of them a group; answered as slugs."""

    default_error_messages = {
        "shape": "Give a list of components, each by its slug.",
        "component": "There is no component {name!r}.",
    }

    def to_internal_value(self, data: Any) -> list[Component]:
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            self.fail("shape")
        rows = Component.objects.filter(page=self.context["page"], is_group=False)
        named = {name: row for row in rows for name in (row.public_id, row.slug)}
        unknown = [name for name in data if name not in named]
        if unknown:
            self.fail("component", name=unknown[0][:100])
        return list(dict.fromkeys(named[name] for name in data))

    def to_representation(self, value: Any) -> list[str]:
        return [row.slug for row in value.all()]


@extend_schema_field(OpenApiTypes.STR)
class VisibleIncidentField(serializers.Field):
    """An incident by its key; for those who may not see it, it does not exist."""

    def to_internal_value(self, data: Any) -> Incident:
        number = str(data).upper().removeprefix("INC-")
        seen = Incident.objects.visible_to(self.context["request"].user)
        found = seen.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None
        if found is None:
            raise serializers.ValidationError(f"There is no incident {str(data)[:50]!r}.")
        return found
