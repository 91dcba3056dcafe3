"""Subscribers out as CSV, and in: first a dry run that says line by line what is wrong, then the doing."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from oncall import clock
from oncall.edges import export as csv_export
from oncall.messaging.errors import DomainError
from statuspage import subscriber_lists
from statuspage.admin import several
from statuspage.models import StatusPage, Subscriber

#: The file holds every address in full, those of webhooks too: reading single ones is not enough.
EXPORTS, IMPORTS = "statuspage.change_subscriber", "statuspage.add_subscriber"
LARGEST = 1_500_000


class ImportForm(forms.Form):
    """A file, or the text of the one that was checked just now."""

    file = forms.FileField(label="CSV file", required=False, help_text="UTF-8, at most 1.5 MB.")
    text = forms.CharField(required=False, widget=forms.HiddenInput, strip=False, max_length=LARGEST)
    consent = forms.BooleanField(
        required=False,
        label="I have the consent of these people",
        help_text="Then they count as confirmed. Otherwise each gets a message and has to confirm.",
    )

    def clean(self) -> dict:
        found = super().clean()
        uploaded = found.get("file")
        if uploaded is not None:
            found["text"] = self._read(uploaded)
        elif not found.get("text"):
            self.add_error("file", "Choose a file.")
        return found

    def _read(self, uploaded) -> str:
        if uploaded.size > LARGEST:
            self.add_error("file", "The file is larger than 1.5 MB. Split it.")
            return ""
        try:
            return uploaded.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            self.add_error("file", "The file is not UTF-8. Save it as “CSV UTF-8”.")
            return ""


def export(request: HttpRequest, rows: Callable[[], QuerySet[Subscriber]]) -> HttpResponse:
    """A download, written as it is read."""
    if not request.user.has_perm(EXPORTS):
        raise PermissionDenied
    found = subscriber_lists.lines(rows().iterator(chunk_size=500))
    answer = StreamingHttpResponse(
        csv_export.lines(subscriber_lists.COLUMNS, found), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = 'attachment; filename="subscribers.csv"'
    return answer


def take_in(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """GET asks for a file, POST checks it, and only a second POST takes in what was checked."""
    if not request.user.has_perm(IMPORTS):
        raise PermissionDenied
    form = ImportForm(request.POST or None, request.FILES or None)
    plan, refusal, at, page = None, "", clock.now(), several.chosen(request)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            plan = subscriber_lists.plan(given["text"], page, at=at)
            if "import" in request.POST and not plan.faults and not request.FILES:
                count = subscriber_lists.carry_out(plan, page, consent=given["consent"], by=request.user, at=at)
                messages.success(request, f"{count:,} subscribers taken in.")
                return HttpResponseRedirect(reverse("admin:statuspage_subscriber_changelist"))
        except DomainError as refused:
            refusal = refused.detail
    return _shown(model_admin, request, form, page, plan, refusal)


def _shown(
    model_admin: ModelAdmin, request: HttpRequest, form: ImportForm, page: StatusPage, plan, refusal: str
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Import subscribers",
        "opts": model_admin.opts,
        "form": form,
        "pages": several.choices(request, page),
        "plan": plan,
        "text": form.cleaned_data.get("text", "") if plan else "",
        "faults": plan.faults[: subscriber_lists.MOST_FAULTS] if plan else (),
        "more_faults": max(len(plan.faults) - subscriber_lists.MOST_FAULTS, 0) if plan else 0,
        "refusal": refusal,
        "columns": ", ".join(subscriber_lists.COLUMNS),
    }
    return TemplateResponse(request, "admin/statuspage/subscriber/import.html", context)
