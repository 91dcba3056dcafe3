"""Escalation policies in the console: all steps on one form, and the whole policy in words."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.urls import path
from django.utils.html import format_html, format_html_join

from oncall import clock, linting, plans, policies
from oncall.admin import readiness
from oncall.admin.step_forms import StepFormSet, StepRow, hours_text
from oncall.edges import times
from oncall.edges.admin import HistoryAdmin
from oncall.messages import city, host_of
from oncall.models import EscalationPolicy, Step
from oncall.plans import PlanStep


class StepInline(admin.StackedInline):
    model = Step
    form = StepRow
    formset = StepFormSet
    fieldsets = [
        (None, {"fields": [("number", "minutes"), ("schedules", "users", "teams"), "webhook"]}),
        (
            "How, and in which hours",
            {"classes": ["collapse"], "fields": ["mode", "hours", ("time_zone", "outside_hours")]},
        ),
    ]
    extra = 1
    classes = ["m-steps"]
    verbose_name_plural = "steps (the wait counts from the step before; the first is usually 0)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Step]:
        return super().get_queryset(request).prefetch_related("targets").order_by("position")


class PolicyForm(forms.ModelForm):
    """Whoever leaves the grace empty means the usual one."""

    class Meta:
        model = EscalationPolicy
        fields = "__all__"

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        if "ack_grace" in self.fields:
            self.fields["ack_grace"].required = False

    def clean_ack_grace(self) -> timedelta:
        return self.cleaned_data["ack_grace"] or plans.ACK_GRACE


@admin.register(EscalationPolicy)
class PolicyAdmin(HistoryAdmin):
    form = PolicyForm
    list_display = ["name", "team", "in_short", "used_by"]
    list_filter = ["team"]
    list_select_related = ["team"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["team"]
    readonly_fields = ["in_words", "weak"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "team", "in_words", "weak"]}),
        ("When nobody answers", {"fields": ["repeat", "wait_for_duty"]}),
        ("When somebody does", {"fields": ["ack_timeout", "ack_grace"]}),
    ]
    inlines = [StepInline]

    def get_urls(self) -> list:
        """Readiness stands here: it is about what policies reach."""
        view = self.admin_site.admin_view(partial(readiness.page, site=self.admin_site))
        return [path("readiness/", view, name="oncall_readiness"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EscalationPolicy]:
        targets = ["steps__targets__user", "steps__targets__schedule", "steps__targets__team"]
        return super().get_queryset(request).prefetch_related("services", *targets)

    def save_model(self, request: HttpRequest, obj: EscalationPolicy, form, change: bool) -> None:
        policies.save(obj)

    def save_formset(self, request: HttpRequest, form, formset: BaseInlineFormSet, change: bool) -> None:
        """Steps are replaced together: their order is theirs as a whole."""
        saved = not change or bool(form.changed_data)
        policies.set_steps(form.instance, formset.steps(), same_version=saved)
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []

    def save_related(self, request: HttpRequest, form, formsets, change: bool) -> None:
        """After saving, say what is weak. It warns and refuses nothing."""
        super().save_related(request, form, formsets, change)
        for warning in linting.warnings(form.instance, at=clock.now()):
            messages.warning(request, warning)

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

    @admin.display(description="Weak points")
    def weak(self, policy: EscalationPolicy) -> str:
        """What may leave somebody unpaged."""
        if not policy.pk:
            return "Save it first."
        found = linting.warnings(policy, at=clock.now())
        if not found:
            return format_html('<span class="m-good">{}</span>', "None found, for the coming 30 days")
        return format_html_join("", '<p class="m-warn">{}</p>', ((warning,) for warning in found))


def _story(policy: EscalationPolicy) -> Iterable[str]:
    plan = plans.freeze(policy)
    for number, step in enumerate(plan.steps):
        when = f"After {times.span(step.after)}" if step.after else ("Then" if number else "At once")
        shown = [host_of(one.url) if one.url else one.name for one in step.targets]
        yield f"{when}: {', '.join(shown)}{_how(step)}"
    if plan.repeat and plan.steps:
        again = "once more" if plan.repeat == 1 else f"{plan.repeat} times more"
        yield f"After {times.span(plan.pass_wait)}: all of it {again}"
    yield (
        "Nobody reached at all: the team's admins" if policy.team else "No team: nobody before the catch-all"
    )
    yield "Nobody answers: the portal's catch-all, once"


def _how(step: PlanStep) -> str:
    parts = ["one of them in turn"] if step.round_robin else []
    parts += ["each must acknowledge"] if step.everyone else []
    if step.hours:
        windows = hours_text(step.hours.restrictions).replace("\n", ", ")
        outside = "else skipped" if step.hours.outside == plans.SKIP else "else it waits"
        parts.append(f"only {windows} ({city(step.hours.time_zone)}), {outside}")
    return f"; {'; '.join(parts)}" if parts else ""


def _names(step: Step) -> Iterable[str]:
    return [host_of(one.webhook) if one.webhook else str(one) for one in step.targets.all()]
