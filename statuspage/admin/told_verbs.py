"""The verbs of posts and planned maintenance, as buttons with their forms."""

from datetime import timedelta

from django import forms

from oncall.edges.admin import MomentField, Verb, VerbForm
from statuspage import maintenance, publishing, rights
from statuspage.admin import composing
from statuspage.models import Impact, Post


class LastWordForm(VerbForm):
    """The last words on a post."""

    body = forms.CharField(label="Text", widget=forms.Textarea(attrs={"rows": 4}))
    notify = forms.BooleanField(label="Mail subscribers", required=False, initial=True)


class AmendForm(VerbForm):
    name = forms.CharField(label="Title", max_length=200)
    impact_override = forms.ChoiceField(
        choices=[("", "From the components"), *Impact.choices], required=False, label="Impact"
    )

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.fields["name"].initial = self.obj.name
        self.fields["impact_override"].initial = self.obj.impact_override


class MoveForm(LastWordForm):
    scheduled_for = MomentField(label="Begins")
    scheduled_until = MomentField(label="Ends")
    remind_before = forms.ChoiceField(
        choices=[(maintenance.AS_BEFORE, "As before"), *composing.REMINDERS],
        required=False,
        initial=maintenance.AS_BEFORE,
        label="Remind subscribers",
    )
    field_order = ("scheduled_for", "scheduled_until", "body", "remind_before", "notify")

    def clean_remind_before(self) -> str | timedelta | None:
        said = self.cleaned_data["remind_before"]
        return said if said == maintenance.AS_BEFORE else composing.minutes(said)

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.fields["scheduled_for"].initial = self.obj.scheduled_for
        self.fields["scheduled_until"].initial = self.obj.scheduled_until


def is_open(post: Post, user) -> bool:
    return post.is_open


def is_planned(post: Post, user) -> bool:
    return post.status == Post.Status.SCHEDULED


def is_running(post: Post, user) -> bool:
    return post.is_open and not is_planned(post, user)


AMEND = Verb(
    name="amend",
    label="Correct title",
    run=publishing.amend,
    icon="pencil",
    form=AmendForm,
    permission=rights.UPDATE,
    help="Nobody is mailed.",
)
RESOLVE = Verb(
    name="resolve",
    label="Resolve",
    run=publishing.resolve,
    icon="check",
    form=LastWordForm,
    permission=rights.UPDATE,
    allowed=is_open,
    help="Its components are operational again.",
    done="Resolved: the page says so.",
)
START = Verb(
    name="start",
    label="Begin now",
    run=maintenance.start,
    icon="next",
    permission=rights.UPDATE,
    allowed=is_planned,
)
COMPLETE = Verb(
    name="complete",
    label="End now",
    run=maintenance.complete,
    icon="check",
    permission=rights.UPDATE,
    allowed=is_running,
)
MOVE = Verb(
    name="reschedule",
    label="Move",
    run=maintenance.reschedule,
    icon="clock",
    form=MoveForm,
    permission=rights.UPDATE,
    allowed=is_open,
)
CANCEL = Verb(
    name="cancel",
    label="Cancel it",
    run=maintenance.cancel,
    icon="cross",
    form=LastWordForm,
    permission=rights.UPDATE,
    allowed=is_open,
    tone="bad",
    help="It does not take place. It stays on the page as cancelled.",
)
