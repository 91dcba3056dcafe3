"""What makes one page differ from another: where it stands, who may read it, how it looks."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from statuspage import colours

MAIN = "main"
#: Pages without a host of their own stand here, below the main page's.
FOLDER = "/p"
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUPPORT = re.compile(r"(https?://[^\s\"'<>]+|mailto:[^\s\"'<>@]+@[^\s\"'<>@]+)")
LOCAL = ("localhost", "127.0.0.1", "::1")


class Audience(models.TextChoices):
    PUBLIC = "public", "Everybody"
    PASSWORD = "password", "Whoever knows the password"  # noqa: S105 - a name, no secret
    STAFF = "staff", "People of the portal"


def portal_host() -> str:
    """The host of PUBLIC_URL: the portal's own."""
    return (urlsplit(settings.PUBLIC_URL).hostname or "localhost").lower()


def check_host(host: str) -> None:
    """A plain host name that is not the portal's own."""
    if host == portal_host() or host in LOCAL:
        raise ValidationError(f"{host} is the portal's own host. The main page stands there already.")
    if not _HOST.fullmatch(host) or host.rpartition(".")[2].isdigit():
        raise ValidationError("Give a host name alone, such as status.example.com, in small letters.")


def check_colour(colour: str) -> None:
    if not colours.HEX.fullmatch(colour):
        raise ValidationError("Give a colour as six digits, such as #5536b8.")


def check_support(address: str) -> None:
    if not _SUPPORT.fullmatch(address):
        raise ValidationError("Give an address that begins with https:// or mailto:.")


class Face(models.Model):
    """Where a page stands, who may read it and how it looks; ``StatusPage`` is the only one that has a face.

    ``password`` and ``key_hash`` are hashes. ``closed_at`` is when the page was taken from the public.
    ``logo_mark`` names the logo's bytes, which lie in a row of their own.
    """

    host = models.CharField(
        "own host",
        max_length=253,
        blank=True,
        validators=[check_host],
        help_text="Such as status.example.com, pointed at this portal. Empty: below the portal's address.",
    )
    audience = models.CharField(
        "readers", max_length=8, choices=Audience, default=Audience.PUBLIC, help_text="Who may read it."
    )
    password = models.CharField(max_length=128, blank=True, editable=False)
    key_hash = models.CharField(max_length=64, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    brand = models.CharField(
        "brand colour",
        max_length=7,
        blank=True,
        validators=[check_colour],
        help_text="Such as #5536b8: header line, logo, main button. Readable on white, or it is refused.",
    )
    brand_dark = models.CharField(
        "brand colour, dark",
        max_length=7,
        blank=True,
        validators=[check_colour],
        help_text="Empty: the brand colour, as much lighter as it takes.",
    )
    logo_mark = models.CharField(max_length=24, blank=True, editable=False)
    support_url = models.CharField(
        "support",
        max_length=500,
        blank=True,
        validators=[check_support],
        help_text="An address for “Contact support”: https:// or mailto:.",
    )
    home_url = models.URLField(
        "home", max_length=500, blank=True, help_text="An address for “Home”: your own site."
    )
    footer = models.CharField(
        "footer text", max_length=300, blank=True, help_text="One plain line below everything."
    )

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["host"],
                condition=~Q(host=""),
                name="page_has_its_host_alone",
                violation_error_message="Another page has this host.",
            ),
            models.CheckConstraint(
                name="page_with_a_password_has_one",
                condition=~Q(audience="password") | ~Q(password=""),
                violation_error_message="Give the password that readers need.",
            ),
            models.CheckConstraint(
                name="page_is_closed_exactly_when_not_public",
                condition=Q(audience="public", closed_at__isnull=True)
                | (~Q(audience="public") & Q(closed_at__isnull=False)),
            ),
        ]

    def clean(self) -> None:
        """A brand colour that cannot be read is refused, with its ratio."""
        super().clean()
        faults = {}
        for name, grounds, where in (
            ("brand", colours.LIGHT, "white"),
            ("brand_dark", colours.DARK, "black"),
        ):
            colour = getattr(self, name)
            if colours.HEX.fullmatch(colour) and not colours.is_readable(colour, grounds):
                faults[name] = (
                    f"{colour} on {where} has a contrast of {colours.worst(colour, grounds):.1f} to 1, words need "
                    f"{colours.READABLE} to 1. Choose a {'darker' if where == 'white' else 'lighter'} colour."
                )
        if self.brand_dark and not self.brand:
            faults["brand_dark"] = "Give the brand colour for light pages too."
        if faults:
            raise ValidationError(faults)

    # -- where it stands -----------------------------------------------------------------------------------
    @property
    def is_main(self) -> bool:
        return self.slug == MAIN

    @property
    def prefix(self) -> str:
        """What stands before every path of this page: nothing at the root of a host."""
        return "" if self.host or self.is_main else f"{FOLDER}/{self.slug}"

    @property
    def url(self) -> str:
        """The page's own address, without a slash at its end; never taken from a request."""
        base = settings.PUBLIC_URL.rstrip("/")
        if not self.host:
            return f"{base}{self.prefix}"
        parts = urlsplit(base)
        return f"{parts.scheme}://{self.host}{f':{parts.port}' if parts.port else ''}"

    def link(self, path: str) -> str:
        """How the portal itself links to a path of this page."""
        return f"{self.url if self.host else self.prefix}{path}"

    # -- who may read it -----------------------------------------------------------------------------------
    @property
    def is_public(self) -> bool:
        return self.audience == Audience.PUBLIC

    def opens_with(self, password: str) -> bool:
        """Whether this is the page's password; compared in constant time."""
        return bool(self.password) and check_password(password, self.password)

    # -- how it looks --------------------------------------------------------------------------------------
    @property
    def sheet(self) -> str:
        """The page's own rules of style; nothing without a brand colour."""
        return (
            colours.sheet(self.brand, self.brand_dark or colours.for_dark(self.brand)) if self.brand else ""
        )
