"""``New rotation``: a schedule in one form and under a minute, without knowing what a layer is."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from oncall import clock, effects, schedules
from oncall.admin import previewing
from oncall.messaging.errors import DomainError
from oncall.models import Team, User
from oncall.models.fields import check_time_zone

PLACES, SPARE, MOST_PEOPLE = 8, 2, 100
FARTHEST = timedelta(days=731)
EVERY = [("day", "day"), ("week", "week"), ("2-weeks", "2 weeks"), ("month", "month")]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DAYS = [(name[:2].upper(), name[:3]) for name in WEEKDAYS]


class PeopleInput(forms.Widget):
    """Places in order, each a person; a list of everybody to choose from, which needs no script."""

    template_name = "muster/people_input.html"
    people: tuple[str, ...] = ()

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return data.getlist(name)

    def get_context(self, name: str, value: list[str] | None, attrs: dict | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        filled = [place for place in value or [] if place][:MOST_PEOPLE]
        places = filled + [""] * max(SPARE, PLACES - len(filled))
        context["widget"] |= {"places": places, "people": self.people}
        return context


class PeopleField(forms.Field):
    """People in order, by full name, by username, or as the list writes them: ``Dana Ruiz (dana)``."""

    widget = PeopleInput

    def offer(self, users: list[User]) -> None:
        self.known: dict[str, list[User]] = {}
        for user in users:
            for name in dict.fromkeys((_written(user), user.username, str(user))):
                self.known.setdefault(name.casefold(), []).append(user)
        self.widget.people = tuple(_written(user) for user in users)

    def clean(self, value: list[str]) -> tuple[User, ...]:
        names = [" ".join(name.split()) for name in value if name.strip()]
        if not names:
            raise forms.ValidationError("Name at least one person.")
        if len(names) > MOST_PEOPLE:
            raise forms.ValidationError(f"A rotation takes at most {MOST_PEOPLE} people.")
        return tuple(self._user(name) for name in names)

    def _user(self, name: str) -> User:
        found = self.known.get(name.casefold(), [])
        if len(found) > 1:
            written = " or ".join(_written(user) for user in found)
            raise forms.ValidationError(f"Several people are called {name}: write {written}.")
        if not found:
            raise forms.ValidationError(f"There is nobody called {name}. Choose from the list.")
        return found[0]


class NewRotationForm(forms.Form):
    name = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"class": "vTextField"}))
    team = forms.ModelChoiceField(Team.objects.order_by("name"), required=False, empty_label="No team")
    time_zone = forms.CharField(max_length=64, validators=[check_time_zone])
    people = PeopleField()
    every = forms.ChoiceField(choices=EVERY, label="Hand over every", initial="week")
    weekday = forms.TypedChoiceField(
        choices=list(enumerate(WEEKDAYS)), coerce=int, empty_value=0, required=False, label="on", initial=0
    )
    handover = forms.TimeField(
        label="at", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), initial=time(9)
    )
    start = forms.DateField(
        label="Starting", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    days = forms.MultipleChoiceField(
        choices=DAYS, required=False, label="Only on", widget=forms.CheckboxSelectMultiple
    )
    opens = forms.TimeField(
        required=False, label="Only from", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    closes = forms.TimeField(
        required=False, label="to", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        everybody = User.objects.filter(is_active=True).order_by("first_name", "last_name", "username")
        self.fields["people"].offer(list(everybody))
        today = timezone.localdate()
        self.fields["start"].initial = today + timedelta(days=-today.weekday() % 7)
        self.fields["time_zone"].initial = timezone.get_current_timezone_name()

    def clean_start(self) -> Any:
        start = self.cleaned_data["start"]
        if abs(start - timezone.localdate()) > FARTHEST:
            raise forms.ValidationError("Start within two years from today.")
        return start

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        opens, closes = cleaned.get("opens"), cleaned.get("closes")
        if (opens is None) != (closes is None) and not {"opens", "closes"} & self.errors.keys():
            self.add_error("closes" if closes is None else "opens", "Give both times, or neither.")
        return cleaned

    @property
    def wanted(self) -> schedules.NewRotation:
        return schedules.NewRotation(**self.cleaned_data | {"days": tuple(self.cleaned_data["days"])})


class NewRotationAdmin(ModelAdmin):
    """Adds the page at ``new-rotation/``."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.new_rotation)
        return [path("new-rotation/", view, name="oncall_schedule_new_rotation"), *super().get_urls()]

    def new_rotation(self, request: HttpRequest) -> HttpResponse:
        """GET asks, POST looks or makes."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self._rotation_page(request, NewRotationForm())
        form = NewRotationForm(request.POST)
        if not form.is_valid():
            return self._rotation_page(request, form)
        try:
            return self._make(request, form.wanted, clock.now())
        except DomainError as error:
            form.add_error(None, error.detail)
            return self._rotation_page(request, form)
        except previewing.NotYet as not_yet:
            return self._rotation_page(request, form, **previewing.shown(request, not_yet))

    def _make(self, request: HttpRequest, wanted: schedules.NewRotation, at: datetime) -> HttpResponse:
        def edit() -> Any:
            return schedules.make(wanted, by=request.user, at=at)

        previewing.check(request.POST, lambda end: effects.trial(None, edit, at=at, until=end), at=at)
        made = edit()
        messages.success(request, f"{made} is made.")
        return HttpResponseRedirect(self.object_url(made))

    def _rotation_page(self, request: HttpRequest, form: NewRotationForm, **shown: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "New rotation",
            "opts": self.opts,
            "form": form,
            "has_view_permission": self.has_view_permission(request),
            **shown,
        }
        return TemplateResponse(request, "admin/oncall/schedule/new_rotation.html", context)


def _written(user: User) -> str:
    return f"{user} ({user.username})" if str(user) != user.username else user.username
