"""The pages themselves: where they stand, who may read them, how they look."""

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from oncall import clock
from oncall.edges.admin import HistoryAdmin, Verb, VerbsAdmin
from oncall.messaging.errors import DomainError
from statuspage import pages, rights
from statuspage.models import Audience, StatusPage

GIVE_KEY = Verb(
    name="new-key",
    label="Give a new API key",
    run=pages.give_key,
    permission=rights.SET_UP,
    allowed=lambda page, user: not page.is_public,
    help="For programs that read this page though it is not public. The old key ends with it.",
    tone="bad",
    versioned=False,
)


class PageForm(forms.ModelForm):
    """A page; its password and its logo go in here and are not shown again."""

    new_password = forms.CharField(
        label="Password",
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=("For readers of a page with a password. Empty: as it was. A new one signs everybody out."),
    )
    picture = forms.FileField(
        label="Logo",
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        help_text="PNG, JPEG or WebP of at most 50 kB, shown 28 pixels high. Empty: as it was.",
    )
    no_picture = forms.BooleanField(label="Take the logo away", required=False)

    def clean_new_password(self) -> str:
        given = self.cleaned_data["new_password"]
        if given:
            try:
                self.instance.password = pages.hashed(given)
            except DomainError as refusal:
                raise forms.ValidationError(refusal.detail) from None
        return given

    def clean_picture(self) -> bytes:
        given = self.cleaned_data["picture"]
        body = given.read(pages.LARGEST_LOGO + 1) if given else b""
        if body:
            try:
                pages.kind_of(body)
            except DomainError as refusal:
                raise forms.ValidationError(refusal.detail) from None
        return body

    def clean(self) -> dict:
        found = super().clean()
        self.instance.audience = found.get("audience", self.instance.audience)
        pages.settled(self.instance, at=clock.now())
        if self.instance.audience == Audience.PASSWORD and not self.instance.password:
            self.add_error("new_password", "Give the password that readers need.")
        return found


@admin.register(StatusPage)
class StatusPageAdmin(VerbsAdmin, HistoryAdmin):
    """One page, or several with their own hosts, readers and looks."""

    form = PageForm
    verbs = (GIVE_KEY,)
    actions = None
    fieldsets = (
        (None, {"fields": ("name", "slug", "host", "address", "time_zone", "language")}),
        ("Readers", {"fields": ("audience", "new_password")}),
        ("Look", {"fields": ("brand", "brand_dark", "picture", "no_picture")}),
        ("Links", {"fields": ("home_url", "support_url", "footer")}),
    )
    list_display = ("name", "address", "audience", "language")
    prepopulated_fields = {"slug": ("name",)}

    def get_readonly_fields(self, request: HttpRequest, obj: StatusPage | None = None) -> tuple[str, ...]:
        return ("address", "slug") if obj and obj.is_main else ("address",)

    def get_prepopulated_fields(self, request: HttpRequest, obj: StatusPage | None = None) -> dict:
        return {} if obj else self.prepopulated_fields

    def get_fieldsets(self, request: HttpRequest, obj: StatusPage | None = None) -> list:
        """Of a page that is only looked at, what is typed and never shown again is left out."""
        found = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj) if obj else self.has_add_permission(request):
            return found
        typed = {"new_password", "picture", "no_picture"}
        return [
            (title, {**told, "fields": tuple(name for name in told["fields"] if name not in typed)})
            for title, told in found
        ]

    def has_delete_permission(self, request: HttpRequest, obj: StatusPage | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.is_main)

    @admin.display(description="address")
    def address(self, page: StatusPage) -> str:
        return f"{page.url}/" if page.pk else ""

    def verb_version(self, page: StatusPage) -> str:
        return page.updated_at.isoformat()

    def save_model(self, request: HttpRequest, obj: StatusPage, form: PageForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data["picture"] or form.cleaned_data["no_picture"]:
            pages.set_logo(obj, form.cleaned_data["picture"], by=None, at=clock.now())

    def delete_model(self, request: HttpRequest, obj: StatusPage) -> None:
        pages.remove(obj, by=request.user, at=clock.now())

    def run_verb(self, request: HttpRequest, verb: Verb, obj: StatusPage, fields: dict) -> None:
        if verb is not GIVE_KEY:
            super().run_verb(request, verb, obj, fields)
            return
        key = pages.give_key(obj, by=request.user, at=clock.now())
        messages.warning(
            request, f"The key is {key} and is shown only now. Send it as “Authorization: OAuth {key}”."
        )
