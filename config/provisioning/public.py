"""Sections ``components`` and ``templates``."""

from django.utils.text import slugify

from config.provisioning.reading import Item, ProvisioningError
from config.provisioning.run import Run
from oncall.models import Service
from statuspage.models import Component, ComponentStatus, Post, StatusPage, Template

LONGEST_TEXT = 50_000


def component(run: Run, item: Item) -> None:
    """A component of the status page, or with ``is_group`` a group of such.

    ``group`` names its group, by name or slug. One that the file does not list is made when it is not there.
    """
    slug = item.slug(most=100)
    service = item.name("service")
    group = item.text("group", "", most=200)
    values = {
        "name": item.text("name", slug),
        "description": item.text("description", "", most=LONGEST_TEXT),
        "is_group": item.flag("is_group", False),
        "parent": _group(run, item, group) if group else None,
        "service": service and run.find(Service, service, line=item.value.lines["service"], what="service"),
        "showcase": item.flag("showcase", True),
        "position": item.whole("position", 1, most=1_000_000),
        "only_show_if_degraded": item.flag("only_show_if_degraded", False),
    }
    if "visible" in item.value:
        values["visible"] = item.flag("visible", True)
    item.done()
    run.write(item, Component, _lookup(slug), values, what=f"component {slug}")
    if values["is_group"]:
        run.listed_groups.add(slug)


def _group(run: Run, item: Item, name: str) -> Component:
    """The group of that name or slug; one not listed stands where the file first names it."""
    known = _known_group(name)
    slug = known.slug if known else slugify(name)[:100] or "group"
    if known and slug in run.listed_groups:
        return known
    place = run.groups.setdefault(slug, len(run.groups) + 1)
    values = {"name": known.name if known and name == slug else name, "is_group": True, "position": place}
    return run.write(item, Component, _lookup(slug), values, what=f"component group {name}")


def _known_group(name: str) -> Component | None:
    groups = Component.objects.filter(page=StatusPage.main(), is_group=True)
    for asked in ({"slug": name}, {"name": name}, {"slug": slugify(name)[:100]}):
        if found := groups.filter(**asked).first():
            return found
    return None


def template(run: Run, item: Item) -> None:
    """Words to begin a post or a maintenance with; ``component_status`` is proposed for ``components``."""
    slug = item.slug(most=100)
    what = f"template {slug}"
    values = {
        "name": item.text("name", slug),
        "kind": item.choice("kind", Template.Kind.INCIDENT, list(Template.Kind.values)),
        "title": item.text("title", ""),
        "body": item.text("body", most=20_000),
        "status": item.choice("status", "", ["", *Post.Status.values]),
        "component_status": item.choice(
            "component_status", ComponentStatus.DEGRADED, list(ComponentStatus.values)
        ),
    }
    wanted = [_leaf(name, line) for name, line in item.names("components")]
    item.done()
    row = run.write(item, Template, _lookup(slug), values, what=what)
    run.assign(row, "components", wanted, what=what)


def _leaf(slug: str, line: int) -> Component:
    """The component of the main page of that name, no group."""
    found = Component.objects.filter(**_lookup(slug), is_group=False).first()
    if found is None:
        raise ProvisioningError(
            f"There is no component called {slug!r}, in this file or in the portal.", line=line
        )
    return found


def _lookup(slug: str) -> dict:
    return {"slug": slug, "page": StatusPage.main()}
