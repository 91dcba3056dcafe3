"""The page "Readiness": what would keep a page from reaching somebody in the next thirty days."""

from dataclasses import dataclass

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from oncall import clock, readiness
from oncall.edges import readiness_words as words
from oncall.readiness import AMBER, GREEN, RED

READS_PEOPLE = "oncall.view_user"
CARDS = {
    RED: ("To mend", "alert", "m-bad"),
    AMBER: ("To look at", "clock", "m-warn"),
    GREEN: ("In order", "check", "m-good"),
}


@dataclass(frozen=True)
class Row:
    """One finding as its line says it."""

    kind: str
    about: str
    path: str
    text: str
    when: str
    todo: str


@dataclass(frozen=True)
class Card:
    tone: str
    title: str
    icon: str
    look: str
    rows: list[Row]


def page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The same computation as ``manage.py check_ready``, asked anew with every visit."""
    if not request.user.has_perm(READS_PEOPLE):
        raise PermissionDenied
    report = readiness.check(clock.now())
    found = {
        **site.each_context(request),
        "title": "Readiness",
        "now": report.at,
        "report": report,
        "headline": words.headline(report),
        "cards": [_card(report, tone) for tone in CARDS if report.of(tone)],
    }
    return TemplateResponse(request, "admin/oncall/readiness.html", found)


def _card(report: readiness.Report, tone: str) -> Card:
    title, icon, look = CARDS[tone]
    return Card(tone, title, icon, look, [_row(finding) for finding in report.of(tone)])


def _row(finding: readiness.Finding) -> Row:
    kind = "" if finding.tone == GREEN else words.TITLES[finding.kind]
    return Row(kind, finding.about, finding.path, finding.text, words.when(finding), finding.todo)
