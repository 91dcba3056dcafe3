"""Section ``components``."""

from django.utils.text import slugify

from config.provisioning.reading import Item
from config.provisioning.run import Run
from oncall.models import Service
from statuspage.models import Component, StatusPage


def component(run: Run, item: Item) -> None:
    """A component of the status page; ``group`` names its group, which is made when it is not there."""
    slug = item.slug()
    service = item.get("service")
    group = item.text("group", "", most=200)
    values = {
        "name": item.text("name", slug),
        "description": item.text("description", "", most=5000),
        "parent": _group(run, item, group) if group else None,
        "service": service and run.find(Service, service, line=item.value.lines["service"], what="service"),
        "showcase": item.flag("showcase", True),
        "position": item.whole("position", 1, most=10_000),
        "only_show_if_degraded": item.flag("only_show_if_degraded", False),
    }
    item.done()
    lookup = {"slug": slug, "page": StatusPage.main()}
    run.write(item, Component, lookup, values, what=f"component {slug}")


def _group(run: Run, item: Item, name: str) -> Component:
    """The group of that name, in the place where the file first names it: nobody writes groups down apart."""
    slug = slugify(name)[:100] or "group"
    place = run.groups.setdefault(slug, len(run.groups) + 1)
    lookup = {"slug": slug, "page": StatusPage.main()}
    values = {"name": name, "is_group": True, "position": place}
    return run.write(item, Component, lookup, values, what=f"component group {name}")
