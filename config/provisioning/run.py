"""What one application of a file carries along, and how it writes a row."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from config.provisioning.reading import Item, ProvisioningError
from oncall.models import User


@dataclass(frozen=True)
class Change:
    """One difference: ``action`` create, change or remove; ``what`` "service checkout"; ``fields`` that differ."""

    action: str
    what: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        tail = f": {', '.join(self.fields)}" if self.fields else ""
        return f"{self.action} {self.what}{tail}"


@dataclass
class Run:
    """One application: who, when, what changed, which names the file holds, what is weak, keys to be shown once.

    ``groups`` holds the place of each component group, by page and slug: the order in which the file first names
    them; ``listed_groups`` are those with an entry of their own, ``kept_components`` all that the file names.
    """

    by: User | None
    at: datetime
    changes: list[Change] = field(default_factory=list)
    named: dict[type[models.Model], set[Any]] = field(default_factory=dict)
    groups: dict[tuple[int, str], int] = field(default_factory=dict)
    listed_groups: set[tuple[int, str]] = field(default_factory=set)
    kept_components: set[tuple[int, str]] = field(default_factory=set)
    secrets: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, action: str, what: str, *fields: str) -> None:
        self.changes.append(Change(action, what, tuple(fields)))

    def write(self, item: Item, model: type[models.Model], lookup: dict, values: dict, *, what: str):
        """The row that ``lookup`` finds, made or changed to hold ``values``, saved only when it differs."""
        row = model._default_manager.filter(**lookup).first()
        action = "change" if row else "create"
        row = row or model(**lookup)
        differing = [name for name, value in values.items() if row.pk is None or getattr(row, name) != value]
        self.named.setdefault(model, set()).add(next(iter(lookup.values())))
        if action == "change" and not differing:
            return row
        for name, value in values.items():
            setattr(row, name, value)
        row._history_user = self.by
        row._change_reason = "Provisioned"
        self._check(item, row, what)
        row.save()
        self.note(action, what, *(differing if action == "change" else ()))
        return row

    @staticmethod
    def _check(item: Item, row: models.Model, what: str) -> None:
        try:
            row.full_clean()
        except ValidationError as error:
            faults = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
            key, reasons = next(iter(faults.items()))
            raise item.fault(f"{what}: {key}: {reasons[0]}".replace(": __all__", ""), key) from None

    def assign(self, row: models.Model, name: str, wanted: list[models.Model], *, what: str) -> None:
        """Make a many-to-many field hold exactly ``wanted``."""
        manager = getattr(row, name)
        if set(manager.values_list("pk", flat=True)) != {other.pk for other in wanted}:
            manager.set(wanted)
            self.note("change", what, name)

    def rewrite(self, item: Item, owner: models.Model, name: str, wanted: list[dict], *, what: str) -> None:
        """Make a one-to-many relation hold exactly rows of these values; untouched when it does already.

        Their order means nothing: every database sorts in its own way.
        """
        manager = getattr(owner, name)
        fields = sorted({key for values in wanted for key in values})
        present = [{key: getattr(row, key) for key in fields} for row in manager.all()] if fields else []
        same = len(present) == len(wanted) and all(values in present for values in wanted)
        if (wanted or manager.exists()) and not same:
            for row in manager.all():
                row._history_user = self.by
                row.delete()
            for values in wanted:
                row = manager.model(**{manager.field.name: owner}, **values)
                row._history_user = self.by
                self._check(item, row, what)
                row.save()
            self.note("change", what, name)

    def find(self, model: type[models.Model], name: str, *, line: int, what: str, by: str = "slug"):
        """The row of that name. Raises ProvisioningError with the line when nobody is called so."""
        row = model._default_manager.filter(**{by: name}).first()
        if row is None:
            raise ProvisioningError(
                f"There is no {what} called {name!r}, in this file or in the portal.", line=line
            )
        return row
