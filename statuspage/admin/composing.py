"""The composer's forms: what to say, what is affected, whom it mails."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django import forms

from oncall.edges.admin import MomentField
from statuspage import public, publishing, rollup
from statuspage.models import Component, ComponentStatus, Impact, Post, StatusPage

PREFIX = "component_"
MANY_ROWS = {"rows": 6}
WIDE = forms.TextInput(attrs={"class": "vTextField"})
PROMISES = [("", "No promise")] + [
    (str(minutes), f"in {minutes} minutes" if minutes < 60 else f"in {minutes // 60} h")
    for minutes in (15, 30, 60, 120, 240, 1440)
]


@dataclass(frozen=True)
class Cell:
    """One line of the grid of components."""

    component: Component
    was: str
    field: forms.BoundField


class ComposeForm(forms.Form):
    """What every message to the public has: words, a grid of components, and whether it is mailed."""

    body = forms.CharField(
        label="Text",
        widget=forms.Textarea(attrs=MANY_ROWS),
        max_length=publishing.LONGEST_BODY,
        help_text="What customers notice, what they can do, what happens next. Markdown. Everybody can read it.",
    )
    notify = forms.BooleanField(label="Mail subscribers", required=False, initial=True)

    untouched = "Not affected"

    rare: tuple[str, ...] = ()

    def __init__(
        self,
        *args,
        page: StatusPage,
        now: dict[int, str] | None = None,
        proposed: dict[int, str] | None = None,
        **options,
    ) -> None:
        """``now`` is what is said of components already, ``proposed`` what the grid starts with."""
        super().__init__(*args, **options)
        self.page = page
        self.now, proposed = now or {}, proposed or {}
        self.components = [row for row in public.visible(page.components.all()) if not row.is_group]
        names = {row.pk: row.name for row in page.components.all()}
        self.groups = {row.pk: names.get(row.parent_id, "") for row in self.components}
        for row in self.components:
            self.fields[f"{PREFIX}{row.pk}"] = forms.ChoiceField(
                label=row.name,
                required=False,
                choices=[("", self.untouched), *self.offered()],
                initial=proposed.get(row.pk, ""),
            )

    def offered(self) -> list[tuple[str, str]]:
        return ComponentStatus.choices

    def grid(self) -> list[tuple[str, list[Cell]]]:
        """The components by group, each with its field."""
        found: dict[str, list[Cell]] = {}
        for row in self.components:
            was = ComponentStatus(self.now.get(row.pk, rollup.OPERATIONAL)).label
            cell = Cell(row, was, self[f"{PREFIX}{row.pk}"])
            found.setdefault(self.groups[row.pk] or "Others", []).append(cell)
        return list(found.items())

    def plain_fields(self) -> list[forms.BoundField]:
        return [one for one in self._words() if one.name not in self.rare]

    def rare_fields(self) -> list[forms.BoundField]:
        """Needed now and then: folded away."""
        return [one for one in self._words() if one.name in self.rare]

    def rare_is_open(self) -> bool:
        return any(one.errors or one.value() for one in self.rare_fields())

    def _words(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if not field.name.startswith(PREFIX)]

    def chosen(self) -> dict[Component, str]:
        """The components that were given a status."""
        return {
            row: self.cleaned_data[f"{PREFIX}{row.pk}"]
            for row in self.components
            if self.cleaned_data.get(f"{PREFIX}{row.pk}")
        }

    def mark(self) -> str:
        """A mark over everything that was typed: what is published is what was previewed."""
        said = sorted((name, str(value)) for name, value in self.cleaned_data.items())
        return hashlib.sha256(repr(said).encode()).hexdigest()[:32]

    def words(self) -> dict:
        """The verb's arguments besides the components."""
        return {"body": self.cleaned_data["body"], "notify": self.cleaned_data["notify"]}


class Promising(forms.Form):
    """When readers may expect the next update."""

    next_update_in = forms.ChoiceField(choices=PROMISES, required=False, label="Next update")

    def promised(self) -> timedelta | None:
        minutes = self.cleaned_data.get("next_update_in")
        return timedelta(minutes=int(minutes)) if minutes else None


class NewPostForm(ComposeForm, Promising):
    """A post about an incident."""

    name = forms.CharField(
        label="Title",
        max_length=200,
        help_text="As customers would say it. It stays the subject of every mail.",
    )
    status = forms.ChoiceField(
        choices=[(one, Post.Status(one).label) for one in Post.OF_INCIDENT if one != "postmortem"]
    )
    started_at = MomentField(label="Since", required=False, help_text="Empty: since now.")
    backfilled = forms.BooleanField(
        required=False,
        label="Tell it after the fact",
        help_text="Shown at its time in the past; mails nobody.",
    )
    ended_at = MomentField(label="Until", required=False, help_text="For a post that is resolved already.")
    impact_override = forms.ChoiceField(
        choices=[("", "From the components"), *Impact.choices], required=False, label="Impact"
    )
    field_order = ("name", "status", "body", "started_at", "next_update_in", "notify")
    rare = ("backfilled", "ended_at", "impact_override")

    def words(self) -> dict:
        given = {
            name: self.cleaned_data[name] for name in ("name", "status", "impact_override", "backfilled")
        }
        times = {name: self.cleaned_data[name] for name in ("started_at", "ended_at")}
        return super().words() | given | times


class UpdateForm(ComposeForm, Promising):
    """An update of a post or a maintenance."""

    status = forms.ChoiceField()
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    untouched = "Unchanged"
    field_order = ("status", "body", "next_update_in", "notify")

    def __init__(self, *args, post: Post, **options) -> None:
        super().__init__(*args, page=post.page, **options)
        of_kind = Post.OF_INCIDENT if post.kind == Post.Kind.INCIDENT else Post.OF_MAINTENANCE
        self.fields["status"].choices = [(one, Post.Status(one).label) for one in of_kind]
        self.fields["status"].initial = post.status

    def words(self) -> dict:
        return super().words() | {
            "status": self.cleaned_data["status"],
            "seen": self.cleaned_data["seen"] or None,
        }


class NewMaintenanceForm(ComposeForm):
    """A maintenance to announce. Its grid says only which components it concerns."""

    name = forms.CharField(label="Title", max_length=200, widget=WIDE)
    scheduled_for = MomentField(label="Begins")
    scheduled_until = MomentField(label="Ends")
    auto_start = forms.BooleanField(required=False, initial=True, label="The clock begins it")
    auto_complete = forms.BooleanField(required=False, initial=True, label="The clock ends it")
    notify_at_start = forms.BooleanField(
        required=False, initial=True, label="Mail subscribers when it begins"
    )
    notify_at_end = forms.BooleanField(required=False, initial=True, label="Mail subscribers when it ends")
    field_order = ("name", "body", "scheduled_for", "scheduled_until", "notify")
    # The usual answers stand in them, so they stay folded until one is wrong.
    rare = ("auto_start", "auto_complete", "notify_at_start", "notify_at_end")

    def rare_is_open(self) -> bool:
        return any(one.errors for one in self.rare_fields())

    def offered(self) -> list[tuple[str, str]]:
        return [(rollup.MAINTENANCE, "Under maintenance")]

    def words(self) -> dict:
        names = (
            "name",
            "scheduled_for",
            "scheduled_until",
            "auto_start",
            "auto_complete",
            "notify_at_start",
            "notify_at_end",
        )
        return super().words() | {name: self.cleaned_data[name] for name in names}
