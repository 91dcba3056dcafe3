"""The provisioning document while it is put together: names, references, remarks."""

import re
from dataclasses import dataclass, field
from typing import Any

from django.utils.text import slugify

from config.importing.entries import Entry, ImportFault
from oncall import clock, rotation

MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
LONGEST_NAME, LONGEST_TEXT, LONGEST_LAYER_NAME, LONGEST_PERSON = 200, 50_000, 100, 150

Form = dict[str, Any]


@dataclass(frozen=True)
class Remark:
    """What has no counterpart or was decided: where it stood, and what became of it."""

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


@dataclass(frozen=True)
class Imported:
    """A provisioning document and what a person should know before applying it."""

    document: Form
    remarks: list[Remark]


class Names:
    """Names that must differ: the second ``x`` is ``x-2``. Each looks at the next number, not at all before it."""

    def __init__(self, join: str) -> None:
        self.join = join
        self.known: set[str] = set()
        self.last: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.known

    def take(self, name: str) -> str:
        found, number = name, self.last.get(name, 1)
        while found in self.known:
            number += 1
            found = numbered(name, self.join, number)
        self.last[name] = number
        self.known.add(found)
        return found


def numbered(name: str, join: str, number: int) -> str:
    return f"{name}{join}{number}"


@dataclass
class Draft:
    """``names`` holds, per section, our slug or username by the other product's id."""

    forms: dict[str, list[Form]] = field(
        default_factory=lambda: {
            key: [] for key in ("users", "teams", "schedules", "policies", "services", "sources")
        }
    )
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    said: dict[Remark, None] = field(default_factory=dict)
    taken: dict[str, Names] = field(default_factory=dict)

    @property
    def remarks(self) -> list[Remark]:
        return list(self.said)

    def remark(self, entry: Entry | None, text: str) -> None:
        """Say it once."""
        self.said.setdefault(Remark(entry.place if entry else "", text))

    def find(self, section: str, ident: str) -> str | None:
        return self.names.get(section, {}).get(ident)

    def add(self, section: str, entry: Entry, ident: str, name: str, **values: Any) -> Form:
        """A new entry under a slug made of ``name``; what is None is left out."""
        if self.find(section, ident):
            raise entry.fault(f"{section} hold two entries with the id {ident!r}")
        form = {"slug": self._slug(section, entry, name), "name": name[:LONGEST_NAME]}
        form |= {key: value for key, value in values.items() if value is not None}
        self.forms[section].append(form)
        self.names.setdefault(section, {})[ident] = form["slug"]
        return form

    def user(self, entry: Entry, ident: str, *, name: str, email: str, login: str, zone: str) -> Form:
        """A person, reached by e-mail at once; ``login`` is what her username is made of."""
        if self.find("users", ident):
            raise entry.fault(f"two people have the id {ident!r}")
        form: Form = {
            "username": self._username(entry, login, email),
            "name": name[:LONGEST_PERSON],
            "email": email,
        }
        if zone and zone not in clock.zone_names():
            self.remark(entry, f"{zone!r} is not a time zone; {form['username']} sees times in UTC.")
            zone = ""
        form |= {"time_zone": zone or "UTC", "groups": ["Responder"]}
        if MAIL.fullmatch(email):
            at_once = [{"after": "0s", "contact": "mail"}]
            form["contacts"] = [{"name": "mail", "medium": "email", "address": email}]
            form["rules"] = {"high": at_once, "low": at_once}
        else:
            form["email"] = ""
            self.remark(
                entry, f"{form['username']} has no e-mail address, so a page cannot reach this person."
            )
        self.forms["users"].append(form)
        self.names.setdefault("users", {})[ident] = form["username"]
        return form

    def fullest(self, entries: list[Entry]) -> list[Entry]:
        """Each id once: an API's list often says less of a thing than the answer for it alone."""
        kept: dict[str, Entry] = {}
        for entry in entries:
            other = kept.get(entry.text("id"))
            if other is None or len(entry.value) > len(other.value):
                kept[entry.text("id")] = entry
            if other:
                self.remark(entry, f"is the same as {other.place}; the fuller of the two is taken.")
        return list(kept.values())

    def person(self, entry: Entry, ident: str, name: str) -> str:
        """The username of someone referred to; made, without an address, where the files do not hold her."""
        if self.find("users", ident) is None:
            self.remark(entry, f"the person {name or ident!r} is referred to, but in none of the files.")
            self.user(entry, ident, name=name or ident, email="", login=name or ident, zone="")
        return self.names["users"][ident]

    def refer(self, section: str, entry: Entry, ident: str | None, what: str) -> str | None:
        """The slug of something referred to; None with a remark where the files do not hold it."""
        if not ident:
            return None
        if self.find(section, ident) is None:
            self.remark(entry, f"the {what} {ident!r} is in none of the files; the reference is left out.")
        return self.find(section, ident)

    def members(self, team: str) -> list[str]:
        return next(form["members"] for form in self.forms["teams"] if form["slug"] == team)

    def layer_name(self, layers: list[Form], name: str) -> str:
        """The name, told apart from those of the schedule's other layers."""
        taken = Names(" ")
        for layer in layers:
            taken.take(layer["name"])
        return taken.take(
            "".join(c for c in name if c.isprintable()).strip()[: LONGEST_LAYER_NAME - 5] or "Layer"
        )

    def finish(self) -> Imported:
        """The whole document. ImportFault where a schedule would not be accepted."""
        if not any(self.forms.values()):
            raise ImportFault("The files hold nothing that could be taken over.")
        for form in self.forms["schedules"]:
            try:
                rotation.parse(form)
            except rotation.FormError as error:
                raise ImportFault(f"The schedule {form['name']!r} cannot be taken over: {error}.") from None
        document = {section: forms for section, forms in self.forms.items() if forms}
        return Imported(document, self.remarks)

    def _slug(self, section: str, entry: Entry, name: str) -> str:
        wanted = slugify(name)[:44].strip("-") or section.removesuffix("s")
        slug = self.taken.setdefault(section, Names("-")).take(wanted)
        if slug != wanted:
            self.remark(entry, f"{name!r} is called {slug!r}, since there is another {wanted!r}.")
        return slug

    def _username(self, entry: Entry, login: str, email: str) -> str:
        """What stands before the @; the whole address where two people share that."""
        taken = self.taken.setdefault("users", Names("-"))
        short = re.sub(r"[^\w.+-]+", ".", login.partition("@")[0]).strip(".").lower()[:140] or "person"
        whole = re.sub(r"[^\w.@+-]+", ".", email).lower()
        if short not in taken:
            return taken.take(short)
        free = whole and len(whole) <= 150 and whole not in taken
        name = taken.take(whole if free else short)
        self.remark(entry, f"the username is {name!r}, since there is another {short!r}.")
        return name
