"""The rehearsal in the console: a card beside a page's story, and a page of its own.

Both are plain GET forms that write nothing and send nothing (admin.md section 5.5).
"""

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from incidents import rehearsal
from incidents.models import Incident, Severity
from oncall import clock
from oncall.admin.directory import ServiceAdmin
from oncall.admin.pages import PageAdmin
from oncall.edges import times
from oncall.edges.admin import MomentField
from oncall.models import Page, Service, User
from oncall.rehearsal import (
    END,
    GOOD,
    HOLD,
    NOBODY,
    NONE,
    REPEAT,
    SKIPPED,
    WEAK,
    Line,
    Rehearsal,
    reason,
    summary,
)

GRADES = {GOOD: ("check", "m-good"), WEAK: ("alert", "m-warn"), NONE: ("cross", "m-bad")}
SEES = "oncall.view_service"
COUNTED = ["No", "One", "Two", "Three", "Four", "Five", "Six"]


class RehearsalForm(forms.Form):
    """For which service, when, and how bad."""

    service = forms.ModelChoiceField(Service.objects.select_related("policy__team", "team"), empty_label=None)
    at = MomentField(label="When")
    severity = forms.ModelChoiceField(
        Severity.objects.order_by("rank"), required=False, empty_label="Not judged yet"
    )


@dataclass(frozen=True)
class Row:
    """One line of the table: after how long, who and why, how and how surely."""

    after: str
    clock: str
    who: str
    why: str
    how: str
    icon: str
    tone: str


def beside_a_page(request: HttpRequest, page: Page) -> str:
    """The card next to a page's story: its own service, now, at the severity of its incident; or as asked."""
    if not request.user.has_perm(SEES) or not Service.objects.exists():
        return ""
    severity = Severity.objects.filter(slug=page.facts.get("severity") or "").first()
    context = _context(request, {"service": page.service, "severity": severity})
    return render_to_string("admin/incidents/rehearsal/card.html", context, request)


def view(admin_site, request: HttpRequest) -> HttpResponse:
    """A page of its own, for any service."""
    context = {
        **admin_site.each_context(request),
        **_context(request, {"service": Service.objects.first(), "severity": None}),
        "title": "Rehearsal",
        "opts": Incident._meta,
        "own_page": True,
    }
    return TemplateResponse(request, "admin/incidents/rehearsal/page.html", context)


def from_a_service(service: Service, user: User) -> tuple[str, str, str] | None:
    """The way from a service's page to its rehearsal."""
    if not user.has_perm(SEES):
        return None
    return "Rehearse", f"{reverse('admin:incidents_incident_rehearse')}?service={service.pk}", "eye"


def _context(request: HttpRequest, initial: dict) -> dict:
    """The form, and what it leads to: as asked for, else as ``initial`` says, now."""
    now = clock.now()
    asked = {name: request.GET[name] for name in ("service", "at", "severity") if name in request.GET}
    defaults = {
        "service": getattr(initial["service"], "pk", None),
        "at": f"{now.astimezone(timezone.get_current_timezone()):%Y-%m-%dT%H:%M}",
        "severity": getattr(initial["severity"], "pk", ""),
    }
    form = RehearsalForm({**defaults, **asked}, auto_id="rehearse-%s", label_suffix="")
    ready = form.data["service"] is not None and form.is_valid()
    return {
        "form": form,
        "rehearsed": _shown(form.cleaned_data, now) if ready else None,
        "asked": bool(asked),
    }


def _shown(told: dict, now: datetime) -> dict:
    service, severity, at = told["service"], told["severity"], told["at"]
    found = rehearsal.rehearse(service, severity=severity, at=at)
    zone = timezone.get_current_timezone()
    there = at.astimezone(zone)
    day = (
        f"{there:%A} {there:%H:%M}"
        if abs((at - now).days) < 6
        else f"{there:%A} {there.day} {there:%B} {there:%H:%M}"
    )
    when = f"{day}, {severity.name if severity else 'not judged yet'}"
    return {
        "summary": [
            {"text": text, "bold": place % 2 == 1}
            for place, text in enumerate(summary(found, when=when, span=times.span))
        ],
        "rows": _rows(found),
        "cut_short": found.cut_short,
        "weak": list(found.weak),
        "weak_heading": _weak_heading(len(found.weak)),
        "notes": list(found.notes),
        "policy": rehearsal.policy_of(service, severity),
    }


def _weak_heading(count: int) -> str:
    number = COUNTED[count] if count < len(COUNTED) else str(count)
    return f"{number} weak link{'s' * (count != 1)}."


def _rows(found: Rehearsal) -> list[Row]:
    zone = timezone.get_current_timezone()
    return [_row(line, found.at, zone) for line in found.lines]


def _row(line: Line, began: datetime, zone) -> Row:
    icon, tone = GRADES.get(line.grade, ("", ""))
    quiet = {REPEAT: "", HOLD: "Waits", SKIPPED: "", NOBODY: "Nobody is told", END: ""}
    return Row(
        after=times.span(line.after) if line.after else "0 min",
        clock=times.clock(line.at, began, zone),
        who=line.who,
        why=reason(line),
        how=line.how or quiet.get(line.kind, ""),
        icon=icon,
        tone=tone,
    )


PageAdmin.beside.append(beside_a_page)
ServiceAdmin.neighbours.append(from_a_service)
