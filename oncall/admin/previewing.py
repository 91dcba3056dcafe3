"""Forms that show what they do before it is saved: a second button, no script, nothing written.

A preview is the save itself, looked at and undone with its transaction. Its page carries a seal of the form and of
what it does: saving a sealed form does just that, or is shown again.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from oncall import clock, effects
from oncall.admin.effect_page import EffectPage
from oncall.edges import times
from oncall.models import Schedule

PREVIEW, SEAL, VERSION = "_preview", "seal", "expected"
BUTTONS = {"csrfmiddlewaretoken", PREVIEW, SEAL, "_save", "_continue", "_addanother"}
LONGEST_LOOK = timedelta(days=1)
OTHERWISE = (
    "This is not what you previewed: the form has changed since, or a hand-over has passed. "
    "Nothing is saved yet. Look again, then save."
)


class NotYet(Exception):
    """Ends a save whose effect is to be looked at first; its transaction takes everything back."""

    def __init__(self, effect: effects.Effect, why: str = "") -> None:
        super().__init__(why)
        self.effect, self.why = effect, why


class Stale(Exception):
    """Ends a save of a form that was opened before somebody else saved."""


# -- the seal ----------------------------------------------------------------------------------------------
def sealed(posted: QueryDict, effect: effects.Effect) -> str:
    """A word for this form with this effect, and when it was looked at."""
    fields = sorted((name, values) for name, values in posted.lists() if name not in BUTTONS)
    does = [
        (None if c.start <= effect.start else c.start.isoformat(), c.end.isoformat(), c.before, c.after)
        for c in effect.changes
    ]
    digest = hashlib.sha256(json.dumps([fields, does]).encode()).hexdigest()[:32]
    return f"{int((effect.end - effects.HORIZON).timestamp())}-{digest}"


def looked_at(posted: QueryDict, at: datetime) -> datetime | None:
    """When the preview was made that this form carries; None where that is over a day ago, or no seal of ours."""
    given = posted.get(SEAL, "").partition("-")[0]
    if not (given.isascii() and given.isdigit() and len(given) <= 11):
        return None
    seen = datetime.fromtimestamp(int(given), UTC)
    return seen if at - LONGEST_LOOK < seen <= at else None


def check(posted: QueryDict, look: Callable[[datetime], effects.Effect], *, at: datetime) -> None:
    """Raise ``NotYet`` where only a look was asked for, or where saving would do other than what was seen.

    ``look`` gives the effect of the save, up to an instant.
    """
    if PREVIEW in posted:
        raise NotYet(look(_horizon(at)))
    if not posted.get(SEAL):
        return
    effect = look(_horizon(looked_at(posted, at) or at))
    if sealed(posted, effect) != posted[SEAL]:
        raise NotYet(effect, OTHERWISE)


def _horizon(seen: datetime) -> datetime:
    """How far a preview looks that was made at ``seen``; whole seconds, since a seal has no more."""
    return seen.replace(microsecond=0) + effects.HORIZON


def shown(request: HttpRequest, not_yet: NotYet) -> dict[str, Any]:
    """What a template needs for ``admin/oncall/schedule/effect.html``."""
    viewer = ZoneInfo(request.user.time_zone)
    return {
        "effect": EffectPage(not_yet.effect, viewer),
        "seal": sealed(request.POST, not_yet.effect),
        "why_again": not_yet.why,
        "now": not_yet.effect.start,
    }


class ShownAgain(forms.ModelForm):
    """A form as it was sent, shown once more though nothing may be wrong with it."""

    def is_valid(self) -> bool:
        return False


class PreviewedAdmin(ModelAdmin):
    """A schedule's form with a preview, for the version that it was opened with."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        schedule = self.get_object(request, unquote(object_id)) if object_id else None
        request.at = clock.now()
        looks = schedule and {PREVIEW, SEAL} & request.POST.keys()
        request.before = effects.as_it_is(schedule, at=request.at) if looks else None
        try:
            self.refuse_stale(request, schedule)
            return super().changeform_view(request, object_id, form_url, extra_context)
        except NotYet as not_yet:
            again = shown(request, not_yet)
        except Stale:
            again = self._stale(request, schedule)
        request.shown_again = True
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **again})

    def refuse_stale(self, request: HttpRequest, schedule: Schedule | None) -> None:
        """Raise ``Stale`` for a form that does not know the newest version."""
        if schedule and request.POST.get(VERSION) != str(schedule.version):
            raise Stale

    def get_form(
        self, request: HttpRequest, obj: Schedule | None = None, change: bool = False, **options: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change=change, **options)
        again = getattr(request, "shown_again", False)
        return type(form)(form.__name__, (ShownAgain, form), {}) if again else form

    def response_add(
        self, request: HttpRequest, obj: Schedule, post_url_continue: Any = None
    ) -> HttpResponse:
        self._check(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Schedule) -> HttpResponse:
        self._check(request, obj)
        return super().response_change(request, obj)

    def _check(self, request: HttpRequest, obj: Schedule) -> None:
        def effect(until: datetime) -> effects.Effect:
            return effects.compare(obj, request.before, at=request.at, until=until)

        check(request.POST, effect, at=request.at)

    def _stale(self, request: HttpRequest, schedule: Schedule) -> dict[str, Any]:
        """Who saved in between; the form keeps its old version, so that it is refused until it is opened anew."""
        schedule.refresh_from_db()
        last = schedule.history.select_related("history_user").first()
        who = str(last.history_user) if last and last.history_user else "The portal"
        when = (
            f" at {times.clock(last.history_date, request.at, timezone.get_current_timezone())}"
            if last
            else ""
        )
        said = f"{who} changed {schedule}{when}, after you had opened it. Nothing of yours was saved."
        return {"stale": said, "expected": request.POST.get(VERSION, ""), "errors": None, "show_save": False}
