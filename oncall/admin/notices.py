"""What people want to be told about their shifts: everybody's own form."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from oncall import clock, notices
from oncall.admin.swaps import READS_SCHEDULES, active_people
from oncall.edges.admin import HistoryAdmin
from oncall.models import NoticePreference

MANAGES = "oncall.change_user"


@admin.register(NoticePreference)
class NoticePreferenceAdmin(HistoryAdmin):
    """One's own; who may change people sees and changes everybody's."""

    list_display = ["user", "going_on", "lead", "going_off", "changed", "digest"]
    list_select_related = ["user"]
    fields = ["user", "going_on", "lead", "going_off", "changed", "digest"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[NoticePreference]:
        rows = super().get_queryset(request)
        return rows if request.user.has_perm(MANAGES) else rows.filter(user=request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_view_permission(self, request: HttpRequest, obj: NoticePreference | None = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(READS_SCHEDULES)

    def has_change_permission(self, request: HttpRequest, obj: NoticePreference | None = None) -> bool:
        own = obj is None or obj.user_id == request.user.pk
        return request.user.has_perm(MANAGES) or (own and request.user.has_perm(READS_SCHEDULES))

    def has_delete_permission(self, request: HttpRequest, obj: NoticePreference | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: NoticePreference | None = None) -> list[str]:
        return ["user"] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"user": request.user.pk, **super().get_changeform_initial_data(request)}

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> forms.Field:
        people = active_people()
        everybody = request.user.has_perm(MANAGES)
        options["queryset"] = people if everybody else people.filter(pk=request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(
        self, request: HttpRequest, obj: NoticePreference, form: forms.ModelForm, change: bool
    ) -> None:
        notices.choose(obj, by=request.user, at=clock.now())
