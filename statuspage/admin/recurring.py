"""Maintenance that comes again, in the staff console."""

from datetime import datetime, timedelta

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from oncall import clock
from oncall.edges import times
from oncall.edges.admin import HistoryAdmin, OneButtonAdmin, Verb, VerbForm, VerbsAdmin
from oncall.messaging.errors import DomainError
from oncall.models import User
from statuspage import public, recurrence, recurring, rights
from statuspage.admin import composing
from statuspage.models import Component, MaintenanceRule, Post

WEEKDAYS = list(
    zip(
        recurrence.DAYS,
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
SHOWN = 5


class RuleForm(forms.ModelForm):
    """A rule as people think of it; it is written by its verb."""

    weekdays = forms.MultipleChoiceField(
        choices=WEEKDAYS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="On",
        help_text="Of weeks. None: the weekday of the first.",
    )
    duration = forms.IntegerField(label="Lasts (minutes)", min_value=1, max_value=60 * 24 * 60)
    remind_before = forms.ChoiceField(
        choices=composing.REMINDERS, required=False, label="Remind subscribers", initial="60"
    )
    tell = forms.BooleanField(
        required=False,
        label="Mail what moves",
        help_text="Subscribers get a mail about each announced one that a change of the rule moves or cancels.",
    )

    class Meta:
        model = MaintenanceRule
        fields = (*recurring.FIELDS, "components", "page")
        widgets = {
            "begins_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "begins_at": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "until": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        for name in ("duration", "remind_before"):
            length = getattr(self.instance, name, None) if self.instance.pk else None
            if length:
                self.initial[name] = int(length.total_seconds() // 60)
            elif self.instance.pk:
                self.initial[name] = ""
        if "components" in self.fields:
            self.fields["components"].queryset = Component.objects.filter(is_group=False).select_related(
                "parent"
            )

    def clean_duration(self) -> timedelta:
        return timedelta(minutes=self.cleaned_data["duration"])

    def clean_remind_before(self) -> timedelta | None:
        return composing.minutes(self.cleaned_data["remind_before"])

    def clean(self) -> dict:
        """The verb says what makes no sense; here it is tried and taken back."""
        given = super().clean()
        if not self.errors:
            try:
                with transaction.atomic():
                    self.write(by=None, at=clock.now())
                    transaction.set_rollback(True)
            except DomainError as refusal:
                raise forms.ValidationError(refusal.detail) from None
        return given

    def _post_clean(self) -> None:
        """The verb checks the row: a half-written instance must not be saved by the stock form."""

    def write(self, *, by: User | None, at: datetime) -> MaintenanceRule:
        """Make the rule, or change the one this form is of."""
        said = {name: self.cleaned_data[name] for name in recurring.FIELDS if name in self.cleaned_data}
        said["components"] = list(self.cleaned_data["components"])
        if self.instance.pk is None:
            return recurring.create(page=self.cleaned_data["page"], by=by, at=at, **said)
        return recurring.change(self.instance, tell=self.cleaned_data["tell"], by=by, at=at, **said)


class EndForm(VerbForm):
    tell = forms.BooleanField(required=False, label="Mail subscribers about those that are cancelled")


def goes_on(rule: MaintenanceRule, user: User) -> bool:
    return rule.ended_at is None


@admin.register(MaintenanceRule)
class MaintenanceRuleAdmin(OneButtonAdmin, VerbsAdmin, HistoryAdmin):
    """Rules; what they have announced stands under planned maintenance."""

    form = RuleForm
    verbs = (
        Verb(
            name="end",
            label="End the series",
            run=recurring.end,
            icon="cross",
            form=EndForm,
            tone="bad",
            allowed=goes_on,
            help="No more are announced. Those that nobody has touched and that have not begun are cancelled.",
            done="The series has ended.",
        ),
    )
    list_display = ("name", "rhythm", "begins_at", "next_one", "ended_at")
    search_fields = ("name",)
    filter_horizontal = ("components",)
    readonly_fields = ("coming",)
    fieldsets = (
        (None, {"fields": ("name", "body", "components", "page")}),
        (
            "When",
            {
                "fields": (
                    "begins_on",
                    "begins_at",
                    "duration",
                    "unit",
                    "interval",
                    "weekdays",
                    "month_by",
                    "until",
                    "count",
                    "coming",
                ),
                "description": "In the page's zone. Daylight saving moves nothing on its clock.",
            },
        ),
        (
            "Telling",
            {
                "fields": (
                    "ahead_days",
                    "notify",
                    "remind_before",
                    "auto_start",
                    "auto_complete",
                    "notify_at_start",
                    "notify_at_end",
                    "tell",
                )
            },
        ),
    )

    # -- who sees and may what: the rights of posts --------------------------------------------------------
    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        user = request.user
        return user.has_perm("statuspage.view_maintenancerule") or user.has_perm(rights.UPDATE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(rights.PUBLISH)

    def has_change_permission(self, request: HttpRequest, obj: MaintenanceRule | None = None) -> bool:
        return request.user.has_perm(rights.UPDATE) and (obj is None or obj.ended_at is None)

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def verb_version(self, rule: MaintenanceRule) -> str:
        return rule.updated_at.isoformat()

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("page").prefetch_related("occurrences")

    def get_readonly_fields(self, request: HttpRequest, obj=None) -> tuple[str, ...]:
        """The page of a rule stays: its occurrences stand there."""
        return ("coming", "page") if obj else ("coming",)

    # -- what it says --------------------------------------------------------------------------------------
    @admin.display(description="Every")
    def rhythm(self, rule: MaintenanceRule) -> str:
        unit = rule.get_unit_display().lower()
        words = unit.removesuffix("s") if rule.interval == 1 else f"{rule.interval} {unit}"
        days = [name for code, name in WEEKDAYS if code in rule.weekdays]
        return f"{words} on {', '.join(days)}" if days and rule.unit == MaintenanceRule.Unit.WEEK else words

    @admin.display(description="Next")
    def next_one(self, rule: MaintenanceRule) -> str:
        now, zone = clock.now(), timezone.get_current_timezone()
        planned = [one for one in rule.occurrences.all() if one.status == Post.Status.SCHEDULED]
        first = min((one.scheduled_for for one in planned), default=None)
        return times.date_and_time(first, now, zone) if first else ""

    @admin.display(description="The next ones")
    def coming(self, rule: MaintenanceRule) -> str:
        """By its rule, in the page's zone; one that was moved by itself stands under planned maintenance."""
        if rule.pk is None or rule.ended_at is not None:
            return "Save it to see them." if rule.pk is None else "None: the series has ended."
        now, zone = clock.now(), public.zone_of(rule.page)
        rows = recurring.upcoming(rule, after=now, most=SHOWN)
        return ", ".join(
            f"{one.start.astimezone(zone):%a} {times.date_and_time(one.start, now, zone)}" for one in rows
        )

    # -- writing: by the verbs -----------------------------------------------------------------------------
    def save_form(self, request: HttpRequest, form: RuleForm, change: bool) -> MaintenanceRule:
        return form.instance

    def save_model(self, request: HttpRequest, obj: MaintenanceRule, form: RuleForm, change: bool) -> None:
        written = form.write(by=request.user, at=clock.now())
        obj.pk, obj.name = written.pk, written.name

    def save_related(self, request: HttpRequest, form: RuleForm, formsets, change: bool) -> None:
        """Its components were written by the verb."""

    def construct_change_message(self, request, form, formsets, add=False):
        return [{"added": {}}] if add else [{"changed": {}}]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url="", extra_context=None
    ) -> HttpResponse:
        rule = self.get_object(request, unquote(object_id))
        if request.method == "GET" and rule and rule.ended_at:
            messages.info(request, "This series has ended.")
        return super().change_view(request, object_id, form_url, extra_context)
