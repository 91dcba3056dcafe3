"""The composer's forms: what to say, what is affected, whom it mails."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django import forms

from oncall.edges.admin import MomentField
from statuspage import public, publishing, rollup, templating, wording
from statuspage.models import Component, ComponentStatus, Impact, Post, StatusPage, Template

PREFIX = "component_"
VARIABLE = "variable_"
MANY_ROWS = {"rows": 6}
WIDE = forms.TextInput(attrs={"class": "vTextField"})
PROMISES = [("", "No promise")] + [
    (str(minutes), f"in {minutes} minutes" if minutes < 60 else f"in {minutes // 60} h")
    for minutes in (15, 30, 60, 120, 240, 1440)
]
REMINDERS = [("", "No reminder")] + [
    (str(minutes), f"{words} before")
    for minutes, words in (
        (15, "15 minutes"),
        (30, "30 minutes"),
        (60, "An hour"),
        (240, "4 hours"),
        (1440, "A day"),
        (4320, "3 days"),
        (10080, "A week"),
    )
]


def minutes(said: str) -> timedelta | None:
    """A choice of so many minutes; None for none."""
    return timedelta(minutes=int(said)) if said else None


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
        template: Template | None = None,
        **options,
    ) -> None:
        """``now`` is what is said of components already, ``proposed`` what the grid starts with.

        With a ``template`` the variables in the words are filled in, and those it does not know asked for.
        """
        super().__init__(*args, **options)
        self.page, self.template, self.as_of = page, template, None
        variables = template.variables if template else []
        for name in variables:
            self.fields[f"{VARIABLE}{name}"] = forms.CharField(
                label=f"{{{{{name}}}}}", required=False, max_length=wording.LONGEST_VALUE, widget=WIDE
            )
        words = ["name", "status", "body"] if "status" in self.fields else ["name", "body"]
        self.order_fields([*words, *(f"{VARIABLE}{name}" for name in variables), *(self.field_order or ())])
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

    # -- the words, with their variables filled in -----------------------------------------------------------
    def facts(self) -> templating.Facts:
        """What variables are filled in from."""
        values = {
            name.removeprefix(VARIABLE): value
            for name, value in self.cleaned_data.items()
            if name.startswith(VARIABLE)
        }
        return templating.Facts(page=self.page, components=list(self.chosen()), values=values)

    def worded(self, text: str) -> str:
        """Words as they are published. Raises ``DomainError`` for a variable without a value."""
        return templating.fill(text, self.facts(), at=self.as_of) if self.template else text

    def later(self) -> datetime | None:
        """When it is to be published, if not at once."""
        return self.cleaned_data.get("publish_at") if self.is_bound else None

    def know(self, seen: str) -> None:
        """Whoever sees this form again has been shown the update that came between."""
        self.data = self.data.copy()
        self.data["seen"] = seen

    def chosen(self) -> dict[Component, str]:
        """The components that were given a status."""
        return {
            row: self.cleaned_data[f"{PREFIX}{row.pk}"]
            for row in self.components
            if self.cleaned_data.get(f"{PREFIX}{row.pk}")
        }

    def mark(self) -> str:
        """A mark over everything that was typed: what is published is what was previewed."""
        typed = sorted((name, str(value)) for name, value in self.cleaned_data.items())
        said = [*typed, str(self.template and self.as_of), self.worded(self.cleaned_data["body"])]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:32]

    def words(self) -> dict:
        """The verb's arguments besides the components."""
        return {"body": self.worded(self.cleaned_data["body"]), "notify": self.cleaned_data["notify"]}


class Promising(forms.Form):
    """When it is published, and when readers may expect the next update."""

    next_update_in = forms.ChoiceField(choices=PROMISES, required=False, label="Next update")
    publish_at = MomentField(
        label="Publish at",
        required=False,
        help_text="In your time zone. Empty: at once. Nothing of it is public or mailed before.",
    )

    def promised(self) -> timedelta | None:
        return minutes(self.cleaned_data.get("next_update_in", ""))

    def promised_at(self) -> datetime | None:
        """The promise as an instant, for the words of a template."""
        soon = self.promised()
        return self.as_of + soon if soon and self.as_of else None


class NewPostForm(ComposeForm, Promising):
    """A post about an incident."""

    name = forms.CharField(
        label="Title",
        max_length=200,
        widget=WIDE,
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
    field_order = ("name", "status", "body", "started_at", "next_update_in", "publish_at", "notify")
    rare = ("backfilled", "ended_at", "impact_override")

    def clean(self) -> dict:
        given = super().clean()
        if given.get("publish_at") and (given.get("backfilled") or given.get("ended_at")):
            self.add_error("publish_at", "What is told after the fact is published at once.")
        return given

    def facts(self) -> templating.Facts:
        return replace(
            super().facts(),
            started_at=self.cleaned_data.get("started_at"),
            next_update_at=self.promised_at(),
        )

    def words(self) -> dict:
        """What both of telling now and of planning take."""
        names = ("status", "impact_override", "started_at")
        given = {name: self.cleaned_data[name] for name in names}
        return super().words() | given | {"name": self.worded(self.cleaned_data["name"])}

    def past(self) -> dict:
        """What is said of something that is over."""
        return {name: self.cleaned_data[name] for name in ("backfilled", "ended_at")}


class UpdateForm(ComposeForm, Promising):
    """An update of a post or a maintenance."""

    status = forms.ChoiceField()
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    display_at = MomentField(
        label="Shown at", required=False, help_text="For what is told late: its time in the past. Empty: now."
    )
    rare = ("display_at",)
    untouched = "Unchanged"
    field_order = ("status", "body", "next_update_in", "publish_at", "notify")

    def __init__(self, *args, post: Post, **options) -> None:
        super().__init__(*args, page=post.page, **options)
        self.post = post
        of_kind = Post.OF_INCIDENT if post.kind == Post.Kind.INCIDENT else Post.OF_MAINTENANCE
        self.fields["status"].choices = [(one, Post.Status(one).label) for one in of_kind]
        self.fields["status"].initial = self.initial.get("status", post.status)

    def clean(self) -> dict:
        given = super().clean()
        if given.get("publish_at") and given.get("display_at"):
            self.add_error("publish_at", "What is told after the fact is published at once.")
        return given

    def facts(self) -> templating.Facts:
        own = super().facts()
        known = templating.of_post(self.post, next_update_at=self.promised_at())
        return replace(known, values=own.values, components=list(own.components) or known.components)

    def words(self) -> dict:
        return super().words() | {
            "status": self.cleaned_data["status"],
            "seen": self.cleaned_data["seen"] or None,
        }

    def past(self) -> dict:
        """What is said of something that is over."""
        return {"display_at": self.cleaned_data.get("display_at")}


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
    remind_before = forms.ChoiceField(
        choices=REMINDERS, required=False, initial="60", label="Remind subscribers"
    )
    field_order = ("name", "body", "scheduled_for", "scheduled_until", "remind_before", "notify")
    # The usual answers stand in them, so they stay folded until one is wrong.
    rare = ("auto_start", "auto_complete", "notify_at_start", "notify_at_end")

    def rare_is_open(self) -> bool:
        return any(one.errors for one in self.rare_fields())

    def offered(self) -> list[tuple[str, str]]:
        return [(rollup.MAINTENANCE, "Under maintenance")]

    def words(self) -> dict:
        names = (
            "scheduled_for",
            "scheduled_until",
            "auto_start",
            "auto_complete",
            "notify_at_start",
            "notify_at_end",
        )
        given = {name: self.cleaned_data[name] for name in names}
        reminded = {"remind_before": minutes(self.cleaned_data["remind_before"])}
        return super().words() | given | reminded | {"name": self.worded(self.cleaned_data["name"])}

    def facts(self) -> templating.Facts:
        window = {name: self.cleaned_data.get(name) for name in ("scheduled_for", "scheduled_until")}
        return replace(super().facts(), **window)
