"""What a verb of the console is: its words, its fields, whether it is possible; and its button on a page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from oncall.edges import instants


class VerbForm(forms.Form):
    """The fields of a verb. ``obj`` is what it acts on, ``user`` who acts."""

    def __init__(self, *args, obj: Any, user: Any, **options) -> None:
        self.obj, self.user = obj, user
        super().__init__(*args, **options)


class MomentField(forms.DateTimeField):
    """A date and time typed in the viewer's zone, with the browser's own picker."""

    def __init__(self, **options) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(widget=options.pop("widget", widget), **options)

    def to_python(self, value: Any) -> datetime | None:
        """Also a time that the clock of the zone shows twice or skips, and no year that only some zones have."""
        zone = timezone.get_current_timezone()
        if isinstance(value, str) and (found := instants.read(value, zone)):
            return found
        refused = forms.ValidationError(self.error_messages["invalid"], code="invalid")
        try:
            found = super().to_python(value)
        except OverflowError:
            raise refused from None
        if found and not instants.FIRST_YEAR <= found.year <= instants.LAST_YEAR:
            raise refused
        return found


def always(obj: Any, user: Any) -> bool:
    """A verb that is possible in every state."""
    return True


@dataclass(frozen=True)
class Verb:
    """One thing that a person can do to an object.

    ``run(obj, *, by, at, **fields)`` is the domain's verb; the fields are the form's cleaned data. ``allowed``
    says whether the object's state permits it, ``permission`` whether the person does; ``done`` is said after.
    """

    name: str
    label: str
    run: Callable[..., Any]
    icon: str = ""
    form: type[VerbForm] | None = None
    permission: str = ""
    allowed: Callable[[Any, Any], bool] = always
    tone: str = ""  # btn-fill for the one that matters most, bad for the one that cannot be undone
    help: str = ""
    submit: str = ""
    done: str = ""
    versioned: bool = (
        True  # False where a late press does no harm: an answer counts whatever happened meanwhile
    )


@dataclass(frozen=True)
class Button:
    """A verb on a page: where it goes, and the version of the object that its page shows."""

    name: str
    label: str
    icon: str
    tone: str
    url: str
    needs_form: bool
    expected: str
    back: str = ""
    title: str = ""
