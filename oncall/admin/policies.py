"""Escalation policies in the console: all steps on one form, and the whole policy in words."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import path
from django.utils.html import format_html, format_html_join

from oncall import messages, plans, policies
from oncall.admin import readiness
from oncall.edges import times
from oncall.edges.admin import HistoryAdmin
from oncall.models import EscalationPolicy, Schedule, Step, Team, User

KINDS = {"users": "user", "schedules": "schedule", "teams": "team"}
LONGEST_WAIT_MIN = 30 * 24 * 60


class StepForm(forms.ModelForm):
    """One step as people think of it: its place, its wait in minutes, and its targets by kind."""

    number = forms.IntegerField(min_value=1, max_value=999, required=False)
    minutes = forms.DecimalField(
        label="Wait (min)", min_value=0, max_value=LONGEST_WAIT_MIN, decimal_places=2, required=False
    )
    schedules = forms.ModelMultipleChoiceField(Schedule.objects.all(), required=False)
    users = forms.ModelMultipleChoiceField(
        User.objects.filter(is_active=True), required=False, label="People"
    )
    teams = forms.ModelMultipleChoiceField(Team.objects.all(), required=False)
    webhook = forms.URLField(max_length=1000, required=False, assume_scheme="https")

    class Meta:
        model = Step
        fields: list[str] = []

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial |= self._stored()

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.errors and not self.cleaned_data.get("DELETE") and not list(self.targets()):
            raise forms.ValidationError("This step pages nobody: choose a schedule, a person or a team.")
        return cleaned

    def targets(self) -> Iterable[dict]:
        """The chosen targets in the form that ``policies.set_steps`` takes."""
        for field, kind in KINDS.items():
            yield from ({kind: chosen} for chosen in self.cleaned_data.get(field) or [])
        if self.cleaned_data.get("webhook"):
            yield {"webhook": self.cleaned_data["webhook"]}

    def _stored(self) -> dict:
        targets = list(self.instance.targets.all())
        chosen = {
            field: [getattr(target, f"{kind}_id") for target in targets if getattr(target, f"{kind}_id")]
            for field, kind in KINDS.items()
        }
        return {
            "number": self.instance.position + 1,
            "minutes": f"{self.instance.after.total_seconds() / 60:g}",
            "webhook": next((target.webhook for target in targets if target.webhook), ""),
            **chosen,
        }


class StepFormSet(BaseInlineFormSet):
    """All steps of one policy, written together."""

    def steps(self) -> list[tuple[timedelta, list[dict]]]:
        """In order of their numbers; a row without one comes last."""
        filled = [
            form
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE") and list(form.targets())
        ]
        filled.sort(key=lambda form: form.cleaned_data.get("number") or 1000)
        return [
            (timedelta(minutes=float(form.cleaned_data.get("minutes") or 0)), list(form.targets()))
            for form in filled
        ]


class StepInline(admin.TabularInline):
    model = Step
    form = StepForm
    formset = StepFormSet
    fields = ["number", "minutes", "schedules", "users", "teams", "webhook"]
    extra = 1
    verbose_name_plural = "steps (the wait counts from the step before; the first is usually 0)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Step]:
        return super().get_queryset(request).prefetch_related("targets").order_by("position")


@admin.register(EscalationPolicy)
class PolicyAdmin(HistoryAdmin):
    list_display = ["name", "team", "in_short", "used_by"]
    list_filter = ["team"]
    list_select_related = ["team"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["team"]
    readonly_fields = ["in_words"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "team", "in_words"]}),
        ("When nobody answers", {"fields": ["repeat", "ack_timeout"]}),
    ]
    inlines = [StepInline]

    def get_urls(self) -> list:
        """Readiness stands here: it is about what policies reach."""
        view = self.admin_site.admin_view(partial(readiness.page, site=self.admin_site))
        return [path("readiness/", view, name="oncall_readiness"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EscalationPolicy]:
        targets = ["steps__targets__user", "steps__targets__schedule", "steps__targets__team"]
        return super().get_queryset(request).prefetch_related("services", *targets)

    def save_formset(self, request: HttpRequest, form, formset: BaseInlineFormSet, change: bool) -> None:
        """Steps are replaced together: their order is theirs as a whole."""
        policies.set_steps(form.instance, formset.steps())
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []

    @admin.display(description="Steps")
    def in_short(self, policy: EscalationPolicy) -> str:
        steps = [", ".join(_names(step)) for step in policy.steps.all()]
        return " → ".join(steps) or format_html('<b class="m-bad">{}</b>', "No steps: pages nobody")

    @admin.display(description="Services")
    def used_by(self, policy: EscalationPolicy) -> str:
        return ", ".join(str(service) for service in policy.services.all()) or "—"

    @admin.display(description="In words")
    def in_words(self, policy: EscalationPolicy) -> str:
        """What happens to a page, step by step, to the very end."""
        if not policy.pk:
            return "Save it first."
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((s,) for s in _story(policy))))


def _story(policy: EscalationPolicy) -> Iterable[str]:
    plan = plans.freeze(policy)
    for number, step in enumerate(plan.steps):
        when = f"After {times.span(step.after)}" if step.after else ("Then" if number else "At once")
        shown = [messages.host_of(one.url) if one.url else one.name for one in step.targets]
        yield f"{when}: {', '.join(shown)}"
    if plan.repeat and plan.steps:
        again = "once more" if plan.repeat == 1 else f"{plan.repeat} times more"
        yield f"After {times.span(plan.pass_wait)}: all of it {again}"
    yield (
        "Nobody reached at all: the team's admins" if policy.team else "No team: nobody before the catch-all"
    )
    yield "Nobody answers: the portal's catch-all, once"


def _names(step: Step) -> Iterable[str]:
    return [messages.host_of(one.webhook) if one.webhook else str(one) for one in step.targets.all()]
