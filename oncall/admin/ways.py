"""My contacts and rules: a person's own page, and the same of others for who may change people.

Everything that changes is a POST of one small form; what is refused is said beside its field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oncall import clock, contacts, quiet, rules, trials, verification
from oncall.admin import page_deliveries
from oncall.admin.ways_forms import ChangeForm, CodeForm, ContactForm, QuietForm, RuleForm, label, medium_name
from oncall.edges import addresses, times
from oncall.messaging.errors import DomainError
from oncall.messaging.models import Delivery
from oncall.models import ContactMethod, NotificationRule, Urgency, User

SHOW, READ, ACT = require_http_methods(["GET", "HEAD", "POST"]), require_safe, require_POST


@dataclass(frozen=True)
class ContactRow:
    """One address: where it leads, and why no page goes there, if none does."""

    contact: ContactMethod
    medium: str
    fault: str


@dataclass(frozen=True)
class RuleRow:
    """One rule in words: when, and which contact."""

    pk: int
    when: str
    contact: str
    fault: str


@dataclass(frozen=True)
class TrialRow:
    """What became of one test message."""

    medium: str
    name: str
    when: str
    outcome: page_deliveries.Outcome


class Ways:
    """The views, mounted by the admin of people."""

    def __init__(self, people: ModelAdmin) -> None:
        self.people = people
        self.site = people.admin_site

    def urls(self) -> list:
        """Before the admin's own, which take any word for the number of a person."""

        def at(route: str, view: Callable[..., HttpResponse], name: str) -> Any:
            return path(route, self.site.admin_view(view), name=name)

        return [
            at("me/", READ(self.mine), "oncall_my_ways"),
            at("<int:pk>/ways/", READ(self.page), "oncall_ways"),
            at("<int:pk>/ways/contacts/", ACT(self.add_contact), "oncall_ways_add_contact"),
            at("<int:pk>/ways/contacts/<int:contact>/", SHOW(self.contact), "oncall_ways_contact"),
            at(
                "<int:pk>/ways/contacts/<int:contact>/remove/", ACT(self.remove_contact), "oncall_ways_remove"
            ),
            at("<int:pk>/ways/contacts/<int:contact>/verify/", SHOW(self.verify), "oncall_ways_verify"),
            at("<int:pk>/ways/contacts/<int:contact>/code/", ACT(self.send_code), "oncall_ways_code"),
            at("<int:pk>/ways/rules/<slug:urgency>/", ACT(self.add_rule), "oncall_ways_add_rule"),
            at("<int:pk>/ways/rules/<int:rule>/remove/", ACT(self.remove_rule), "oncall_ways_remove_rule"),
            at("<int:pk>/ways/quiet/", ACT(self.be_quiet), "oncall_ways_quiet"),
            at("<int:pk>/ways/test/<slug:urgency>/", ACT(self.test), "oncall_ways_test"),
        ]

    # -- the page ------------------------------------------------------------------------------------------
    def mine(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, request.user.pk)

    def page(self, request: HttpRequest, pk: int, **refused: forms.Form) -> HttpResponse:
        """``refused`` are forms whose faults are to be shown: contact, high, low, quiet."""
        person = self._person(request, pk)
        contacts.load([person])
        shown = {
            "person": person,
            "own": person == request.user,
            "title": "My contacts and rules" if person == request.user else f"Contacts and rules of {person}",
            "faults": contacts.readiness(person),
            "contacts": [_contact_row(contact) for contact in person.contacts.all()],
            "contact_form": refused.get("contact") or ContactForm(),
            "contact_form_open": "contact" in refused or not person.contacts.all(),
            "urgencies": [self._urgency(person, urgency, refused.get(urgency)) for urgency in Urgency],
            "quiet": quiet.in_words(person.quiet_from, person.quiet_to),
            "quiet_form": refused.get("quiet") or _quiet_form(person),
            "trial": _trial(person),
        }
        return self._render(request, "page.html", shown, status=422 if refused else 200)

    def _urgency(self, person: User, urgency: str, form: RuleForm | None) -> dict[str, Any]:
        own = [rule for rule in person.rules.all() if rule.urgency == urgency]
        found = [] if own else contacts.ways(person, urgency)
        return {
            "name": str(urgency),
            "rules": [_rule_row(rule) for rule in sorted(own, key=lambda rule: (rule.after, rule.pk))],
            "instead": ", ".join(f"{way.name} ({medium_name(way.medium)})" for way in found),
            "form": form or RuleForm(person=person, urgency=urgency),
        }

    # -- contacts ------------------------------------------------------------------------------------------
    def add_contact(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new address; its code is on its way when the next page shows."""
        person, form = self._person(request, pk), ContactForm(request.POST)
        made = self._tried(form, contacts.add, person, by=request.user, at=clock.now())
        if made is None:
            return self.page(request, pk, contact=form)
        if made.verified_at:
            messages.success(request, f"{made.name} is the address of the account, so it needs no code.")
            return self._to(person)
        return self._send(request, person, made)

    def contact(self, request: HttpRequest, pk: int, contact: int) -> HttpResponse:
        """One address, to be changed or removed."""
        person, found = self._contact(request, pk, contact)
        form = ChangeForm(request.POST or None, initial={"address": found.address, "name": found.name})
        if request.method == "POST":
            changed = self._tried(form, contacts.change, found, by=request.user, at=clock.now())
            if changed is not None:
                return self._to(person) if changed.verified_at else self._send(request, person, changed)
            found.refresh_from_db()
        title = f"Change {found.name}"
        shown = {
            "person": person,
            "contact": found,
            "form": form,
            "title": title,
            "medium": medium_name(found.medium),
        }
        shown["rules"] = [_rule_row(rule) for rule in found.rules.all()]
        return self._render(request, "contact.html", shown, status=422 if form.errors else 200)

    def remove_contact(self, request: HttpRequest, pk: int, contact: int) -> HttpResponse:
        person, found = self._contact(request, pk, contact)
        contacts.remove(found, by=request.user, at=clock.now())
        messages.success(request, f"{found.name} was removed, with its rules.")
        return self._to(person)

    # -- verification --------------------------------------------------------------------------------------
    def send_code(self, request: HttpRequest, pk: int, contact: int) -> HttpResponse:
        return self._send(request, *self._contact(request, pk, contact))

    def _send(self, request: HttpRequest, person: User, contact: ContactMethod) -> HttpResponse:
        try:
            verification.send_code(contact, by=request.user, at=clock.now())
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return HttpResponseRedirect(reverse("admin:oncall_ways_verify", args=[person.pk, contact.pk]))

    def verify(self, request: HttpRequest, pk: int, contact: int) -> HttpResponse:
        """Where the code is entered."""
        person, found = self._contact(request, pk, contact)
        form = CodeForm(request.POST or None)
        if request.method == "POST" and self._tried(
            form, verification.confirm, found, by=request.user, at=clock.now()
        ):
            messages.success(request, f"{found.name} is verified: pages may go there now.")
            return self._to(person)
        if found.verified_at:
            return self._to(person)
        shown = {
            "person": person,
            "contact": found,
            "form": form,
            "title": f"Verify {found.name}",
            "medium": medium_name(found.medium),
            "address": addresses.masked(found.address) if found.medium == "webhook" else found.address,
            "check": verification.pending(found, at=clock.now()),
            "kept": Delivery.objects.filter(
                recipient=person.username, state=Delivery.State.KEPT, topic=f"verify:{person.pk}"
            ).exists(),
        }
        return self._render(request, "verify.html", shown, status=422 if form.errors else 200)

    # -- rules and quiet hours -----------------------------------------------------------------------------
    def add_rule(self, request: HttpRequest, pk: int, urgency: str) -> HttpResponse:
        person, urgency = self._person(request, pk), _urgency_or_404(urgency)
        form = RuleForm(request.POST, person=person, urgency=urgency)
        told = {"urgency": urgency, "by": request.user, "at": clock.now()}
        if self._tried(form, rules.add, person, leave_out=["minutes"], **told) is None:
            return self.page(request, pk, **{str(urgency): form})
        return self._to(person, f"#{urgency}")

    def remove_rule(self, request: HttpRequest, pk: int, rule: int) -> HttpResponse:
        person = self._person(request, pk)
        found = get_object_or_404(person.rules, pk=rule)
        rules.remove(found, by=request.user, at=clock.now())
        return self._to(person, f"#{found.urgency}")

    def be_quiet(self, request: HttpRequest, pk: int) -> HttpResponse:
        person = self._person(request, pk)
        form = QuietForm({} if "none" in request.POST else request.POST)
        if self._tried(form, rules.be_quiet, person, by=request.user, at=clock.now()) is None:
            return self.page(request, pk, quiet=form)
        return self._to(person, "#quiet")

    def test(self, request: HttpRequest, pk: int, urgency: str) -> HttpResponse:
        """Really send; the page then shows what becomes of it."""
        person = self._person(request, pk)
        try:
            trials.run(person, urgency=_urgency_or_404(urgency), by=request.user, at=clock.now())
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return self._to(person, "#test")

    # -- what they share -----------------------------------------------------------------------------------
    def _person(self, request: HttpRequest, pk: int) -> User:
        """Oneself, or somebody whom the viewer may change."""
        person = get_object_or_404(User, pk=pk)
        if person != request.user and not self.people.has_change_permission(request, person):
            raise PermissionDenied
        return person

    def _contact(self, request: HttpRequest, pk: int, contact: int) -> tuple[User, ContactMethod]:
        person = self._person(request, pk)
        return person, get_object_or_404(person.contacts, pk=contact)

    def _tried(
        self, form: forms.Form, verb: Callable[..., Any], of: Any, *, leave_out: list[str] = (), **told: Any
    ) -> Any:
        """What the verb returns, or None with its refusal beside the field that it is about."""
        if not form.is_valid():
            return None
        said = {name: value for name, value in form.cleaned_data.items() if name not in leave_out}
        try:
            return verb(of, **said, **told)
        except DomainError as refusal:
            field = {"bad_address": "address", "after": "minutes"}.get(refusal.code, refusal.code)
            form.add_error(field if field in form.fields else None, refusal.detail)
            return None

    def _to(self, person: User, anchor: str = "") -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:oncall_ways", args=[person.pk]) + anchor)

    def _render(
        self, request: HttpRequest, template: str, shown: dict[str, Any], *, status: int
    ) -> HttpResponse:
        context = {**self.site.each_context(request), "now": clock.now(), **shown}
        response = TemplateResponse(request, f"admin/oncall/ways/{template}", context, status=status)
        response.headers["Cache-Control"] = "no-store"
        return response


def _urgency_or_404(name: str) -> Urgency:
    if name not in Urgency.values:
        raise Http404("There is no such urgency.")
    return Urgency(name)


def _contact_row(contact: ContactMethod) -> ContactRow:
    return ContactRow(contact, medium_name(contact.medium), contacts.fault(contact))


def _rule_row(rule: NotificationRule) -> RuleRow:
    return RuleRow(rule.pk, when(rule.after), label(rule.contact), contacts.fault(rule.contact))


def when(after: timedelta) -> str:
    """``At once``, ``After 5 min``."""
    return f"After {times.span(after)}" if after else "At once"


def _quiet_form(person: User) -> QuietForm:
    return QuietForm(initial={"start": person.quiet_from, "end": person.quiet_to})


def _trial(person: User) -> dict[str, Any] | None:
    """The newest test in words, and until when quiet hours would have held it."""
    trial = trials.last(person)
    if trial is None:
        return None
    zone = ZoneInfo(person.time_zone)
    held = quiet.held_until(trial.at, person.quiet_from, person.quiet_to, zone)
    rows = [
        TrialRow(
            delivery.medium,
            f"{delivery.values.get('way', '')} ({medium_name(delivery.medium)})",
            when(timedelta(seconds=int(delivery.values.get("after", 0)))),
            page_deliveries.outcome(delivery),
        )
        for delivery in trial.deliveries
    ]
    return {
        "urgency": Urgency(trial.urgency).label.lower(),
        "at": trial.at,
        "rows": rows,
        "open": any(delivery.state in Delivery.OPEN for delivery in trial.deliveries),
        "held_until": times.clock(held, trial.at, timezone.get_current_timezone())
        if held and trial.urgency == Urgency.LOW
        else "",
    }
