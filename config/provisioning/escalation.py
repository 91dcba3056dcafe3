"""Sections ``schedules`` and ``policies``, and the portal's ``settings``."""

from typing import Any

from config.provisioning import calendars
from config.provisioning.reading import Item, Mapping, ProvisioningError
from config.provisioning.run import Run
from oncall import linting, plans, policies, schedules
from oncall.messaging.errors import DomainError
from oncall.models import EscalationPolicy, PortalSettings, Schedule, Step, Team, User
from oncall.policies import StepForm

FORM = ("time_zone", "layers", "exceptions", "overrides")


def schedule(run: Run, item: Item) -> None:
    """A schedule in the form of contract.md section 4."""
    slug = item.slug()
    what = f"schedule {slug}"
    team = item.name("team")
    values = {
        "name": item.text("name", slug),
        "team": team and run.find(Team, team, line=item.value.lines["team"], what="team"),
    }
    row = run.write(item, Schedule, {"slug": slug}, values, what=what)
    form = {key: item.get(key) for key in FORM if key in item.value}
    try:
        if schedules.replace(row, form, by=run.by, at=run.at):
            run.note("change", what, "turns")
    except DomainError as error:
        raise _fault(item, what, error.detail) from None
    if "calendars" in item.value:  # else those made in the portal stay
        calendars.imported(run, item, row)
    item.done()


def _fault(item: Item, what: str, detail: str) -> ProvisioningError:
    """The schedule's fault at the line of the place that it begins with: ``layers[0].rotation.length: …``."""
    place = detail.partition(": ")[0]
    if place.startswith("exceptions") and "overrides" in item.value:
        place = place.replace("exceptions", "overrides", 1)
    return ProvisioningError(f"{what}: {detail}", line=item.line_of(place))


def policy(run: Run, item: Item) -> None:
    """An escalation policy with its steps; ``after`` counts from the step before."""
    slug = item.slug()
    what = f"policy {slug}"
    team = item.name("team")
    values = {
        "name": item.text("name", slug),
        "team": team and run.find(Team, team, line=item.value.lines["team"], what="team"),
        "repeat": item.whole("repeat", 0, most=20),
        "ack_timeout": item.duration("ack_timeout"),
        "ack_grace": item.duration("ack_grace") or plans.ACK_GRACE,
        "wait_for_duty": item.flag("wait_for_duty", False),
    }
    noted = len(run.changes)
    row = run.write(item, EscalationPolicy, {"slug": slug}, values, what=what)
    steps = item.items("steps", "A step")
    if len(steps) > policies.MOST_STEPS:
        raise item.fault(f"A policy has at most {policies.MOST_STEPS} steps.", "steps")
    wanted = [_step(run, step) for step in steps]
    item.done()
    try:
        changed = policies.set_steps(row, wanted, same_version=len(run.changes) > noted, by=run.by)
    except DomainError as error:
        place = error.detail.removeprefix("Step ").partition(" ")[0].rstrip(",:")
        line = steps[int(place) - 1].line if place.isdecimal() else item.line
        raise ProvisioningError(f"{what}: {error.detail}", line=line) from None
    if changed:
        run.note("change", what, "steps")


def lint(run: Run) -> None:
    """What is weak in the policies that the file names, once all of it is there."""
    named = run.named.get(EscalationPolicy, set())
    for row in EscalationPolicy.objects.filter(slug__in=named).order_by("slug"):
        run.warnings += [f"policy {row.slug}: {sentence}" for sentence in linting.warnings(row, at=run.at)]


def settings(run: Run, item: Item) -> None:
    """``incident_manager_policy``, ``catch_all`` and the templates of channel and bridge."""
    row = PortalSettings.load()
    name = item.get("incident_manager_policy")
    catch_all = item.get("catch_all")
    if isinstance(catch_all, Mapping):
        catch_all = catch_all.get("user")
    lines = item.value.lines
    values = {
        "incident_manager_policy": name
        and run.find(EscalationPolicy, name, line=lines["incident_manager_policy"], what="policy"),
        "catch_all": catch_all
        and run.find(User, catch_all, line=lines["catch_all"], what="user", by="username"),
        "channel_template": item.text("channel_template", row.channel_template, most=500),
        "bridge_template": item.text("bridge_template", row.bridge_template, most=500),
    }
    item.done()
    given = {key: value for key, value in values.items() if key in item.value}
    run.write(item, PortalSettings, {"pk": 1}, given, what="settings")


def _step(run: Run, step: Item) -> StepForm:
    form = StepForm(
        after=step.duration("after", "0s"),
        targets=[_target(run, target) for target in step.items("targets", "A target")],
        round_robin=step.flag("round_robin", False),
        everyone=step.flag("everyone_acknowledges", False),
        **_hours(step),
    )
    step.done()
    return form


def _hours(step: Item) -> dict[str, Any]:
    """``hours: {time_zone, restrictions, outside}`` of a step; a fault is told at its own line."""
    given = step.get("hours")
    if given is None:
        return {}
    hours = Item(given, step.value.lines["hours"], "hours")
    rows = hours.get("restrictions")
    found = {
        "time_zone": hours.text("time_zone", "UTC", most=64),
        "outside_hours": hours.choice("outside", Step.Outside.SKIP, Step.Outside.values),
    }
    hours.done()
    if not rows:
        raise hours.fault(
            "'hours' needs 'restrictions': the windows in which the step pages.", "restrictions"
        )
    try:
        return {"hours": policies.checked_hours(rows, where="restrictions"), **found}
    except DomainError as error:
        place = error.detail.partition(": ")[0]
        raise ProvisioningError(error.detail, line=hours.line_of(place)) from None


def _target(run: Run, item: Item) -> dict:
    kinds = {"user": (User, "username"), "schedule": (Schedule, "slug"), "team": (Team, "slug")}
    given = [key for key in item.value if key in {*kinds, "webhook"}]
    if len(given) != 1 or len(item.value) != 1:
        raise item.fault("A target is one of user, schedule, team or webhook.")
    key = given[0]
    if key == "webhook":
        return {"webhook": item.text("webhook", most=1000)}
    model, by = kinds[key]
    return {key: run.find(model, item.text(key), line=item.line, what=key, by=by)}
