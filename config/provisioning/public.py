"""Section ``components``, and the language of the status page."""

from django.utils.text import slugify

from config.provisioning.reading import Item
from config.provisioning.run import Run
from oncall.models import Service
from statuspage.models import Component, Language, StatusPage

LONGEST_TEXT = 50_000


def language(run: Run, item: Item) -> None:
    """``status_page_language`` of the settings: what the page and the mails to its subscribers are written in."""
    if "status_page_language" in item.value:
        row = StatusPage.main()
        code = item.choice("status_page_language", row.language, Language.values)
        run.write(item, StatusPage, {"slug": row.slug}, {"language": code}, what="status page")


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


def _lookup(slug: str) -> dict:
    return {"slug": slug, "page": StatusPage.main()}
