"""Sections ``pages``, ``components`` and ``templates``."""

from django.utils.text import slugify

from config.provisioning.reading import Item, ProvisioningError
from config.provisioning.run import Run
from oncall.messaging.errors import DomainError
from oncall.models import Service
from statuspage import pages
from statuspage.models import MAIN, Audience, Component, ComponentStatus, Language, Post, StatusPage, Template

LONGEST_TEXT = 50_000
OF_A_PAGE = ("host", "time_zone", "brand", "brand_dark", "home_url", "support_url", "footer")


def page(run: Run, item: Item) -> None:
    """A status page; what the file does not say of it stays. Its logo is uploaded in the console."""
    slug = item.slug()
    what = f"page {slug}"
    known = StatusPage.main() if slug == MAIN else StatusPage.objects.filter(slug=slug).first()
    row = known or StatusPage(slug=slug)
    values = {"name": item.text("name", row.name or slug, most=100)}
    values |= {name: item.text(name, "", most=500) for name in OF_A_PAGE if name in item.value}
    values["language"] = item.choice("language", row.language, list(Language.values))
    values["audience"] = item.choice("audience", row.audience, list(Audience.values))
    row.audience = values["audience"]
    values["closed_at"] = pages.settled(row, at=run.at).closed_at
    password = item.text("password", "", most=200)
    item.done()
    if password and not row.opens_with(password):
        try:
            values["password"] = pages.hashed(password)
        except DomainError as error:
            raise item.fault(f"{what}: {error.detail}", "password") from None
    run.write(item, StatusPage, {"slug": slug}, values, what=what)


def component(run: Run, item: Item) -> None:
    """A component of the status page, or with ``is_group`` a group of such.

    ``group`` names its group, by name or slug. One that the file does not list is made when it is not there.
    ``page`` is the slug of its status page, by default the main one.
    """
    slug = item.slug(most=100)
    page = _page(run, item)
    service = item.name("service")
    group = item.text("group", "", most=200)
    values = {
        "name": item.text("name", slug),
        "description": item.text("description", "", most=LONGEST_TEXT),
        "is_group": item.flag("is_group", False),
        "parent": _group(run, item, group, page) if group else None,
        "service": service and run.find(Service, service, line=item.value.lines["service"], what="service"),
        "showcase": item.flag("showcase", True),
        "position": item.whole("position", 1, most=1_000_000),
        "only_show_if_degraded": item.flag("only_show_if_degraded", False),
    }
    if "visible" in item.value:
        values["visible"] = item.flag("visible", True)
    item.done()
    run.write(item, Component, {"slug": slug, "page": page}, values, what=f"component {slug}{_on(page)}")
    run.kept_components.add((page.pk, slug))
    if values["is_group"]:
        run.listed_groups.add((page.pk, slug))


def _page(run: Run, item: Item) -> StatusPage:
    slug = item.text("page", MAIN)
    if slug == MAIN:
        return StatusPage.main()
    return run.find(StatusPage, slug, line=item.value.lines["page"], what="status page")


def _on(page: StatusPage) -> str:
    return "" if page.is_main else f" of page {page.slug}"


def _group(run: Run, item: Item, name: str, page: StatusPage) -> Component:
    """The group of that name or slug; one not listed stands where the file first names it."""
    known = _known_group(name, page)
    slug = known.slug if known else slugify(name)[:100] or "group"
    run.kept_components.add((page.pk, slug))
    if known and (page.pk, slug) in run.listed_groups:
        return known
    place = run.groups.setdefault((page.pk, slug), len(run.groups) + 1)
    values = {"name": known.name if known and name == slug else name, "is_group": True, "position": place}
    lookup = {"slug": slug, "page": page}
    return run.write(item, Component, lookup, values, what=f"component group {name}{_on(page)}")


def _known_group(name: str, page: StatusPage) -> Component | None:
    groups = Component.objects.filter(page=page, is_group=True)
    for asked in ({"slug": name}, {"name": name}, {"slug": slugify(name)[:100]}):
        if found := groups.filter(**asked).first():
            return found
    return None


def template(run: Run, item: Item) -> None:
    """Words to begin a post or a maintenance with; ``component_status`` is proposed for ``components``."""
    slug = item.slug(most=100)
    page = _page(run, item)
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
    wanted = [_leaf(page, name, line) for name, line in item.names("components")]
    item.done()
    row = run.write(item, Template, {"slug": slug, "page": page}, values, what=what)
    run.assign(row, "components", wanted, what=what)


def _leaf(page: StatusPage, slug: str, line: int) -> Component:
    """The component of the page of that name, no group."""
    found = Component.objects.filter(page=page, slug=slug, is_group=False).first()
    if found is None:
        raise ProvisioningError(
            f"There is no component called {slug!r}, in this file or in the portal.", line=line
        )
    return found
