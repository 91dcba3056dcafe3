"""The status page, and the tree of components it shows."""

import secrets
import string
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from oncall.messaging import doorbell
from oncall.models import Service
from oncall.models.fields import TimeZoneField
from statuspage import rollup
from statuspage.models.face import MAIN, Audience, Face

DEEPEST_GROUP = 5
ID_ALPHABET = string.ascii_lowercase + string.digits
ID_LENGTH = 12


def new_public_id() -> str:
    """An id that looks like Statuspage's and says nothing about how many came before."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


#: The clock alone changes what the page says: "as of 14:41", midnight, a next update that is overdue.
TICK = timedelta(seconds=60)
#: However fast changes come, a page is rendered at most so often, and its past at most so often.
RENDERS_EVERY = timedelta(seconds=1)
SWEEPS_EVERY = timedelta(seconds=10)


class Language(models.TextChoices):
    """What a page can be written in; a catalogue of each but English lies in ``statuspage/locale``."""

    ENGLISH = "en", "English"
    GERMAN = "de", "Deutsch"
    FRENCH = "fr", "Français"
    SPANISH = "es", "Español"
    JAPANESE = "ja", "日本語"


def default_language() -> str:
    """The portal's own, where the page can be written in it."""
    code = settings.LANGUAGE_CODE.partition("-")[0]
    return code if code in Language.values else Language.ENGLISH


class StatusPageQuerySet(models.QuerySet):
    def due(self, now: datetime) -> "StatusPageQuerySet":
        """Public pages whose snapshots are to be made anew: after a change, and each minute."""
        behind = ~Q(rendered_version=F("version")) & Q(rendered_at__lte=now - RENDERS_EVERY)
        return self.public().filter(Q(rendered_at=None) | behind | Q(rendered_at__lte=now - TICK))

    def public(self) -> "StatusPageQuerySet":
        """Pages that everybody may read; of no other one is a copy kept."""
        return self.filter(audience=Audience.PUBLIC)


class StatusPage(Face):
    """One page for the public, or for those it is meant for.

    ``version`` grows with every change of anything on it: copies of an older one are stale.

    ``rendered_version`` and ``rendered_at`` tell what its snapshots were last made of, ``swept_version`` up to
    which change those of the past are right too, and ``serial`` grows whenever one of them has become other bytes;
    ``exported_serial`` is what the exported files were made of, ``watched_version`` up to which change the status
    of its components was compared with what webhooks were told, ``refusals_seen_at`` up to when refused mail was
    looked through.
    """

    slug = models.SlugField(unique=True, default=MAIN, help_text="Its name in addresses and in the API.")
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=100, help_text="Your company or product, as customers know it.")
    time_zone = TimeZoneField(help_text="Times and days on the page are those of this zone.")
    language = models.CharField(
        max_length=10,
        choices=Language,
        default=default_language,
        help_text="The page and the mails to its subscribers are written in it; what you write stays as it is.",
    )
    quiet_after_h = models.PositiveSmallIntegerField(
        "remind writers after (hours)",
        default=6,
        help_text="An open incident without an update for so long, or past its promised update, reminds whoever "
        "wrote last. 0: only when an update was promised.",
    )
    version = models.PositiveBigIntegerField(default=1, editable=False)
    rendered_version = models.PositiveBigIntegerField(default=0, editable=False)
    rendered_at = models.DateTimeField(null=True, editable=False)
    swept_version = models.PositiveBigIntegerField(default=0, editable=False)
    swept_at = models.DateTimeField(null=True, editable=False)
    serial = models.PositiveBigIntegerField(default=0, editable=False)
    exported_serial = models.PositiveBigIntegerField(default=0, editable=False)
    watched_version = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    refusals_seen_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = StatusPageQuerySet.as_manager()
    #: Counted by statements of their own: a form that was read before them must not set them back.
    COUNTED = (
        "version",
        "rendered_version",
        "rendered_at",
        "swept_version",
        "swept_at",
        "serial",
        "exported_serial",
        "watched_version",
        "refusals_seen_at",
    )
    SECRET = ("password", "key_hash")
    history = HistoricalRecords(excluded_fields=[*COUNTED, *SECRET])

    class Meta(Face.Meta):
        abstract = False
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **options) -> None:
        """Everything but the counters, which only grow; what the page says of itself outdates its copies.

        A page that is not public any more loses its copies in the same transaction.
        """
        if self.pk and not options.get("force_insert") and options.get("update_fields") is None:
            own = {field.name for field in self._meta.concrete_fields if not field.primary_key}
            options["update_fields"] = own.difference(self.COUNTED)
        with transaction.atomic():
            super().save(*args, **options)
            outdate(self.pk)
            if not self.is_public and self.snapshots.all().delete()[0]:
                StatusPage.objects.filter(pk=self.pk).update(serial=F("serial") + 1)

    @classmethod
    def main(cls) -> "StatusPage":
        """The page at the root of the site; made on first use, named after the organisation."""
        found = cls.objects.filter(slug=MAIN).first()
        return found or cls.objects.get_or_create(slug=MAIN, defaults={"name": settings.ORGANISATION})[0]


def main_page() -> int:
    """The default page of a new row."""
    return StatusPage.main().pk


def outdate(page_id: int) -> None:
    """Every copy of this page is stale from now on. For those who write without ``save()``."""
    StatusPage.objects.filter(pk=page_id).update(version=F("version") + 1)
    doorbell.ring(doorbell.PUBLIC)


class Public(models.Model):
    """A row that the page shows: saving or deleting it outdates the page's copies, in one transaction."""

    class Meta:
        abstract = True

    @property
    def shown_on(self) -> int:
        """The id of the page that shows this row."""
        return self.page_id

    def save(self, *args, **options) -> None:
        with transaction.atomic():
            super().save(*args, **options)
            outdate(self.shown_on)

    def delete(self, *args, **options):
        page_id = self.shown_on
        with transaction.atomic():
            gone = super().delete(*args, **options)
            outdate(page_id)
        return gone


class ComponentStatus(models.TextChoices):
    OPERATIONAL = rollup.OPERATIONAL, "Operational"
    MAINTENANCE = rollup.MAINTENANCE, "Under maintenance"
    DEGRADED = rollup.DEGRADED, "Degraded performance"
    PARTIAL = rollup.PARTIAL, "Partial outage"
    MAJOR = rollup.MAJOR, "Major outage"


class Component(Public):
    """Something customers know by name, or a group of such.

    ``status`` is the baseline that a person set. What the page shows is the worst of it and of what open
    posts say; the derived value is computed and never written here.
    """

    page = models.ForeignKey(StatusPage, models.CASCADE, related_name="components", default=main_page)
    slug = models.SlugField(max_length=100)
    public_id = models.CharField(max_length=12, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, help_text="Shown when a reader opens the row.")
    is_group = models.BooleanField(
        "group", default=False, help_text="A group shows the worst of what it holds."
    )
    parent = models.ForeignKey(
        "self",
        models.RESTRICT,  # a group goes with its page, but not alone
        null=True,
        blank=True,
        related_name="children",
        limit_choices_to={"is_group": True},
        verbose_name="in group",
    )
    service = models.ForeignKey(
        Service,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="components",
        help_text="An incident of this service proposes this component for its public post.",
    )
    position = models.PositiveIntegerField(default=1, help_text="Order within its group.")
    status = models.CharField(
        "baseline status", max_length=20, choices=ComponentStatus, default=ComponentStatus.OPERATIONAL
    )
    showcase = models.BooleanField("show uptime", default=True)
    start_date = models.DateField(null=True, blank=True, help_text="Uptime is known from this day on.")
    only_show_if_degraded = models.BooleanField("hide while operational", default=False)
    visible = models.BooleanField(
        default=True, help_text="Off: nothing of it, or of what it holds, is public."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.UniqueConstraint(fields=["page", "slug"], name="component_slug_is_used_once_on_a_page"),
            models.CheckConstraint(
                name="component_group_has_no_status_of_its_own",
                condition=Q(is_group=False) | Q(status=rollup.OPERATIONAL),
            ),
        ]

    @property
    def topic(self) -> str:
        """The outbox's name for everything told of this component alone."""
        return f"component:{self.public_id}"

    def __str__(self) -> str:
        return f"{self.parent.name} \u2013 {self.name}" if self.parent_id else self.name

    def clean(self) -> None:
        """The tree stays a tree: parents are groups, nothing holds itself, and depth has an end."""
        super().clean()
        if self.is_group and self.status != rollup.OPERATIONAL:
            raise ValidationError(
                {"status": "A group has no status of its own: it shows its worst component."}
            )
        above, depth = self.parent, 1
        while above is not None:
            if above.pk == self.pk or depth > DEEPEST_GROUP:
                raise ValidationError(
                    {"parent": "A group cannot hold itself, and groups nest five deep at most."}
                )
            if above.page_id != self.page_id:
                raise ValidationError({"parent": f"{above.name} stands on another page."})
            if not above.is_group:
                raise ValidationError({"parent": f"{above.name} is not a group."})
            above, depth = above.parent, depth + 1
