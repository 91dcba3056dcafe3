"""What every admin page of ours shares: history without a way back, and verbs as buttons.

A verb is a change with a name (acknowledge, resolve). Each is a POST; one that needs something said first has a
page with its fields. State is never a form field.
"""

from copy import copy
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from simple_history.admin import SimpleHistoryAdmin

from oncall import clock
from oncall.edges.verbs import Button, MomentField, Verb, VerbForm
from oncall.messaging.errors import DomainError

__all__ = [
    "HTTPS",
    "Button",
    "HistoryAdmin",
    "MomentField",
    "OneButtonAdmin",
    "Verb",
    "VerbForm",
    "VerbsAdmin",
]

#: An address typed without a scheme is meant to be safe.
HTTPS = {models.URLField: {"assume_scheme": "https"}}


class HistoryAdmin(SimpleHistoryAdmin):
    """Stock pages plus the object's history; what a person may not see has no history for her either."""

    show_facets = ModelAdmin.show_facets.NEVER
    list_per_page = 50
    view_on_site = False
    empty_value_display = "—"
    formfield_overrides = HTTPS

    def __init__(self, model: type[models.Model], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        if (
            model._meta.proxy
        ):  # its history is that of the model it stands for; the library looks at the proxy
            attribute = model._meta.concrete_model._meta.simple_history_manager_attribute
            model._meta.simple_history_manager_attribute = attribute

    def history_view(self, request: HttpRequest, object_id: str, extra_context=None) -> HttpResponse:
        self._seen(request, object_id)
        return super().history_view(request, object_id, extra_context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context=None
    ) -> HttpResponse:
        self._seen(request, object_id)
        if request.method == "POST":
            return HttpResponseNotAllowed(["GET"])  # the library would write the old version back
        if not version_id.isdigit():
            raise Http404
        shown = self.as_it_was()
        return super(HistoryAdmin, shown).history_form_view(request, object_id, version_id, extra_context)

    def as_it_was(self) -> "HistoryAdmin":
        """This admin for a page that shows an old version: nothing is filled in from another field there."""
        shown = copy(self)
        shown.prepopulated_fields = {}
        return shown

    def history_view_title(self, request: HttpRequest, obj) -> str:
        return f"History of {obj}"

    def history_form_view_title(self, request: HttpRequest, obj) -> str:
        return f"{obj}, as it was"

    def _seen(self, request: HttpRequest, object_id: str) -> None:
        if self.get_object(request, unquote(object_id)) is None:
            raise Http404


class OneButtonAdmin(ModelAdmin):
    """Forms with one button to save, whose related objects are chosen here and made elsewhere."""

    one_save: ClassVar[dict[str, bool]] = {
        "show_save_and_add_another": False,
        "show_save_and_continue": False,
    }

    def changeform_view(self, request: HttpRequest, object_id=None, form_url="", extra_context=None):
        shown = {**self.one_save, **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, shown)

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **options: Any):
        field = super().formfield_for_dbfield(db_field, request, **options)
        for link in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if field and hasattr(field.widget, link):
                setattr(field.widget, link, False)
        return field


class VerbsAdmin(ModelAdmin):
    """Adds ``verbs`` to a model's pages, each at ``<object>/verbs/<name>/``.

    Permission and state are checked again when the form comes in, and the version that its page showed must still
    be the object's: whoever is late is told, and nothing is overwritten.
    """

    verbs: tuple[Verb, ...] = ()
    fault_fields: ClassVar[dict[str, str]] = {}  # the field that a refusal is about, by its code

    def get_urls(self) -> list:
        name = f"{self.opts.app_label}_{self.opts.model_name}_verb"
        view = self.admin_site.admin_view(self.verb_view)
        return [path("<path:object_id>/verbs/<slug:name>/", view, name=name), *super().get_urls()]

    def verb_version(self, obj: Any) -> str:
        """What must not have changed between page and press; grows with every change of the object."""
        for name in ("version", "generation", "state"):
            if hasattr(obj, name):
                return str(getattr(obj, name))
        return ""

    def verb_name(self, obj: Any) -> str:
        """What the object is called in titles and messages."""
        return str(getattr(obj, "key", obj))

    def may(self, request: HttpRequest, verb: Verb, obj: Any) -> bool:
        """Whether this person has the right, whatever the object's state."""
        if verb.permission:
            return request.user.has_perm(verb.permission)
        return self.has_change_permission(request, obj)

    def buttons(self, request: HttpRequest, obj: Any, *, back: str = "") -> list[Button]:
        """The verbs that this person can use on this object now, in the order they are declared."""
        return [
            self.button(verb, obj, back=back)
            for verb in self.verbs
            if self.may(request, verb, obj) and verb.allowed(obj, request.user)
        ]

    def button(self, verb: Verb, obj: Any, *, back: str = "") -> Button:
        return Button(
            name=verb.name,
            label=verb.label,
            icon=verb.icon,
            tone=verb.tone,
            url=self._verb_url(obj, verb.name),
            needs_form=verb.form is not None,
            expected=self.verb_version(obj),
            back=back,
            title=f"{verb.label}: {self.verb_name(obj)}",
        )

    def change_view(self, request: HttpRequest, object_id: str, form_url="", extra_context=None):
        obj = self.get_object(request, unquote(object_id)) if self.verbs else None
        found = {"verb_buttons": self.buttons(request, obj)} if obj is not None else {}
        return super().change_view(request, object_id, form_url, {**found, **(extra_context or {})})

    # -- asking and doing ----------------------------------------------------------------------------------
    def verb_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """GET asks for what the verb needs, POST does it. Nothing changes on GET."""
        verb = next((verb for verb in self.verbs if verb.name == name), None)
        obj = self.get_object(request, unquote(object_id)) if verb else None
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj) or not self.may(request, verb, obj):
            raise PermissionDenied
        if request.method == "POST":
            return self._do(request, verb, obj)
        if not verb.allowed(obj, request.user):
            messages.error(request, self._too_late(verb, obj))
            return HttpResponseRedirect(self._back(request, obj))
        return self._ask(request, verb, obj)

    def _ask(
        self, request: HttpRequest, verb: Verb, obj: Any, form: forms.Form | None = None, refusal: str = ""
    ) -> HttpResponse:
        form = form or (verb.form or VerbForm)(
            obj=obj, user=request.user, initial=self.verb_initial(request, verb, obj)
        )
        return self.render_verb_form(
            request,
            verb,
            form,
            title=f"{verb.label}: {self.verb_name(obj)}",
            name=self.verb_name(obj),
            action=self._verb_url(obj, verb.name),
            object_url=self.object_url(obj),
            refusal=refusal,
            original=obj,
            expected=self.verb_version(obj),
            warnings=self.verb_warnings(request, verb, obj),
        )

    def render_verb_form(
        self, request: HttpRequest, verb: Verb, form: forms.Form, *, title: str, name: str, **context: Any
    ) -> HttpResponse:
        """The page of a verb's form; ``context`` holds ``action`` and ``object_url``, and what else it shows."""
        found = {
            **self.admin_site.each_context(request),
            "title": title,
            "name": name,
            "opts": self.opts,
            "back": self._next(request),
            "verb": verb,
            "form": form,
            "media": form.media,
            **context,
        }
        own = f"admin/{self.opts.app_label}/{self.opts.model_name}/verb_form.html"
        return TemplateResponse(request, [own, "admin/verb_form.html"], found)

    def _do(self, request: HttpRequest, verb: Verb, obj: Any) -> HttpResponse:
        form = (verb.form or VerbForm)(request.POST, obj=obj, user=request.user)
        if not form.is_valid():
            return self._ask(request, verb, obj, form)
        try:
            self.still_current(request, verb, obj)
            self.run_verb(request, verb, obj, form.cleaned_data)
        except DomainError as error:
            return self._refused(request, verb, obj, form, error)
        messages.success(request, verb.done or f"{verb.label}: done.")
        return HttpResponseRedirect(self._back(request, obj))

    def run_verb(self, request: HttpRequest, verb: Verb, obj: Any, fields: dict) -> None:
        """Call the domain. It locks by itself: a lock taken here could meet one coming the other way."""
        verb.run(obj, by=request.user, at=clock.now(), **fields)

    def still_current(self, request: HttpRequest, verb: Verb, fresh: Any) -> None:
        """Refuse what the object's state no longer permits, and a press on a page that shows an older object."""
        if not verb.allowed(fresh, request.user):
            raise DomainError("not_possible", self._too_late(verb, fresh))
        if verb.versioned and request.POST.get("expected") != self.verb_version(fresh):
            raise DomainError("stale", self._changed_meanwhile(verb, fresh))

    def _refused(
        self, request: HttpRequest, verb: Verb, obj: Any, form: forms.Form, error: DomainError
    ) -> HttpResponse:
        if verb.form is None or error.code == "not_possible":
            messages.error(request, error.detail)
            return HttpResponseRedirect(self._back(request, obj))
        obj.refresh_from_db()  # the next press is for what the page now shows
        field = self.fault_fields.get(error.code, error.code)
        if field in form.fields:
            form.add_error(field, error.detail)
            return self._ask(request, verb, obj, form)
        return self._ask(request, verb, obj, form, refusal=error.detail)

    def _too_late(self, verb: Verb, obj: Any) -> str:
        return f"{verb.label} is not possible: {self.verb_name(obj)} is {self._state(obj)}."

    def _changed_meanwhile(self, verb: Verb, obj: Any) -> str:
        return (
            f"{self.verb_name(obj)} has changed since you opened it and is {self._state(obj)} now. "
            f"Nothing was done. Look again, then repeat."
        )

    def _state(self, obj: Any) -> str:
        words = getattr(obj, "get_state_display", None)
        return str(words()).lower() if words else "as you see it"

    def verb_initial(self, request: HttpRequest, verb: Verb, obj: Any) -> dict:
        """What a verb's fields hold before anybody has typed."""
        return {}

    def verb_warnings(self, request: HttpRequest, verb: Verb, obj: Any) -> list[str]:
        """What should be read before the verb is used."""
        return []

    # -- addresses -----------------------------------------------------------------------------------------
    def object_url(self, obj: Any) -> str:
        """The object's own page."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(obj.pk)])

    def _verb_url(self, obj: Any, name: str) -> str:
        view = f"admin:{self.opts.app_label}_{self.opts.model_name}_verb"
        return reverse(view, args=[quote(obj.pk), name])

    def _next(self, request: HttpRequest) -> str:
        wanted = request.POST.get("next") or request.GET.get("next") or ""
        safe = url_has_allowed_host_and_scheme(
            wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
        return wanted if safe else ""

    def _back(self, request: HttpRequest, obj: Any) -> str:
        return self._next(request) or self.object_url(obj)
