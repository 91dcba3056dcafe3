"""``/report/``: any signed-in person reports a problem in one short form, and sees who is paged."""

from django import forms
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from incidents import reporting, roll_call
from incidents.models import Incident
from oncall import clock
from oncall.messaging.errors import DomainError
from oncall.models import Notified, Service


class ReportForm(forms.Form):
    """Title, service, what is seen: three questions, one of them optional."""

    title = forms.CharField(
        label="What is wrong?",
        max_length=300,
        widget=forms.TextInput(attrs={"class": "vTextField", "autofocus": True}),
        help_text="In a few words: card payments fail.",
    )
    service = forms.ModelChoiceField(
        Service.objects.select_related("policy", "team"),
        label="Where?",
        required=False,
        empty_label="I do not know",
        help_text="Its people on call are paged. If you do not know, the incident managers are.",
    )
    seen = forms.CharField(
        label="What do you see?",
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        help_text="Who is hurt, since when, what it says on the screen.",
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """Ask, then show who would be paged, then page. Nothing happens before the second press."""
    if request.method != "POST":
        return _shown(request, ReportForm())
    form = ReportForm(request.POST)
    if not form.is_valid() or request.POST.get("step") == "edit":
        return _shown(request, form)
    if request.POST.get("step") != "page":
        return _sure(request, form)
    try:
        incident = reporting.report(by=request.user, at=clock.now(), **form.cleaned_data)
    except DomainError as error:
        return _shown(request, form, refusal=error.detail)
    return HttpResponseRedirect(reverse("report-sent", args=[incident.pk]))


@login_required
@require_safe
def sent(request: HttpRequest, number: int) -> HttpResponse:
    """What became of a report: who was paged, when, and who has answered."""
    incident = Incident.objects.visible_to(request.user).filter(pk=number, reporter=request.user).first()
    if incident is None:
        raise Http404
    called = roll_call.of(incident)
    paged = Notified.objects.filter(page__engagement__incident=incident).select_related("user").order_by("at")
    title = f"{incident.key} is reported"
    context = {"title": title, "incident": incident, "called": called, "paged": paged}
    return _page(request, "incidents/reported.html", context)


def _shown(request: HttpRequest, form: ReportForm, refusal: str = "") -> HttpResponse:
    status = 409 if refusal else 400 if form.is_bound and form.errors else 200
    context = {"title": "Report a problem", "form": form, "refusal": refusal}
    return _page(request, "incidents/report.html", context, status)


def _sure(request: HttpRequest, form: ReportForm) -> HttpResponse:
    service = form.cleaned_data["service"]
    context = {
        "title": "Report a problem",
        "form": form,
        "told": form.cleaned_data,
        "people": reporting.who_would_be_paged(service, at=clock.now()),
        "runbooks": service.runbooks.all() if service else [],
    }
    return _page(request, "incidents/report_sure.html", context)


def _page(request: HttpRequest, template: str, context: dict, status: int = 200) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context}, status=status)
