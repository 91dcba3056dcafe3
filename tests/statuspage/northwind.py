"""Northwind Pay, the invented company of the pictures, as a public value: no database needed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from statuspage import rollup, uptime
from statuspage.documents.page import Affected, Component, Page, Post, Site, Spell, Update

NOW = datetime(2026, 11, 23, 14, 41, tzinfo=UTC)
BORN = datetime(2026, 1, 12, 9, 15, 22, 104000, tzinfo=UTC)
TREE = {
    "Payments": ["Card payments", "Bank transfers", "Wallets", "Payouts", "Refunds"],
    "Developers": ["API", "Webhooks", "Dashboard", "Sandbox"],
    "Merchants": ["Onboarding", "Terminals", "Reports and exports"],
}


def at(text: str) -> datetime:
    """ "11-14 09:10" of 2026, UTC."""
    return datetime.fromisoformat(f"2026-{text}+00:00")


def site(**changes) -> Site:
    plain = Site("q7m2xk9dw4bt", "Northwind Pay", "https://status.northwindpay.example", "UTC", NOW)
    return replace(plain, **changes)


def ident(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())[:12].ljust(12, "0")


def update(status: str, when: str, body: str, affected=None, n: int = 1) -> Update:
    told = at(when)
    return Update(f"u{n}{status}"[:12], status, body, told, told, told, affected, True)


PAST = [
    ("Card payments", rollup.MAJOR, "11-14 09:10", 42, "cardissuers0"),
    ("Wallets", rollup.MAJOR, "11-14 09:10", 42, "cardissuers0"),
    ("Card payments", rollup.PARTIAL, "10-20 10:00", 50, "slow3dsecure"),
    ("Webhooks", rollup.PARTIAL, "10-20 10:00", 75, "slow3dsecure"),
    ("Card payments", rollup.MAJOR, "09-13 03:00", 95, "dbfailover00"),
    ("Refunds", rollup.MAJOR, "09-13 03:00", 95, "dbfailover00"),
    ("API", rollup.MAJOR, "09-13 03:00", 95, "dbfailover00"),
    ("Bank transfers", rollup.PARTIAL, "10-03 08:00", 140, None),
    ("Webhooks", rollup.DEGRADED, "11-11 10:00", 80, "webhookslate"),
    ("Terminals", rollup.PARTIAL, "10-27 10:00", 30, None),
    ("Dashboard", rollup.MAINTENANCE, "11-10 20:00", 60, "dashupgrade0"),
]


def component(name: str, group: str, position: int, spells=(), start_date=None) -> Component:
    rows = uptime.days(
        [uptime.Interval(spell.status, spell.start, spell.end) for spell in spells],
        now=NOW,
        zone=ZoneInfo("UTC"),
        start_date=start_date,
    )
    return Component(
        id=ident(name),
        name=name,
        status=rollup.worst(spell.status for spell in spells if spell.end is None),
        created_at=BORN,
        updated_at=BORN,
        position=position,
        description="Authorisation, capture and 3-D Secure for all card schemes." if position == 1 else "",
        start_date=start_date,
        group_id=ident(group) if group else None,
        days=tuple(rows),
        spells=tuple(spells),
    )


def components(extra=()) -> tuple[Component, ...]:
    found = []
    for index, (group, names) in enumerate(TREE.items(), start=1):
        children = []
        for position, name in enumerate(names, start=1):
            spells = [
                Spell(status, at(start), at(start) + timedelta(minutes=minutes), post)
                for who, status, start, minutes, post in PAST
                if who == name
            ] + [spell for who, spell in extra if who == name]
            born = date(2026, 10, 14) if name == "Sandbox" else None
            children.append(component(name, group, position, spells, born))
        worst = rollup.worst(child.status for child in children)
        ids = tuple(child.id for child in children)
        found.append(Component(ident(group), group, worst, BORN, BORN, index, group=True, children=ids))
        found += children
    return tuple(found)


def post(ident_: str, name: str, kind="incident", **facts) -> Post:
    started = facts.pop("started_at", NOW)
    return Post(
        id=ident_,
        kind=kind,
        name=name,
        status=facts.pop("status", "resolved"),
        impact=facts.pop("impact", "major"),
        created_at=started,
        updated_at=facts.get("resolved_at") or started,
        started_at=started,
        **facts,
    )


CARD_ISSUERS = post(
    "cardissuers0",
    "Card payments failing for some issuers",
    started_at=at("11-14 09:10"),
    resolved_at=at("11-14 09:52"),
    impact="critical",
    affected=((ident("Card payments"), rollup.MAJOR), (ident("Wallets"), rollup.MAJOR)),
    updates=(
        update("resolved", "11-14 10:05", "A certificate used towards one card network had expired. It was "
               "replaced at 09:52 UTC and all payments are accepted again.", n=4),
        update("monitoring", "11-14 09:52", "The certificate is replaced.", n=3),
        update("identified", "11-14 09:37", "The certificate that identifies us expired.", n=2),
        update("investigating", "11-14 09:21", "Since 09:10 UTC some card payments fail.", n=1),
    ),
)  # fmt: skip
OTHERS = (
    post("webhookslate", "Webhooks delayed", started_at=at("11-11 10:00"), resolved_at=at("11-11 11:20"),
         impact="minor", affected=((ident("Webhooks"), rollup.DEGRADED),),
         updates=(update("resolved", "11-11 11:20", "Events were up to 15 minutes late."),)),
    post("dashupgrade0", "Dashboard upgrade", "maintenance", started_at=at("11-01 09:00"), status="completed",
         scheduled_for=at("11-10 20:00"), scheduled_until=at("11-10 21:00"), resolved_at=at("11-10 21:00"),
         impact="maintenance", affected=((ident("Dashboard"), rollup.MAINTENANCE),),
         updates=(update("completed", "11-10 21:00", "The dashboard was read-only for one hour, as planned."),)),
    post("slow3dsecure", "Slow 3-D Secure challenges", started_at=at("10-20 10:00"),
         resolved_at=at("10-20 11:15"), updates=(update("resolved", "10-20 11:15", "A queue filled up."),)),
    post("dbfailover00", "Primary database failover", started_at=at("09-13 03:00"), impact="critical",
         resolved_at=at("09-13 04:35"), updates=(update("resolved", "09-13 04:35", "The standby was late."),)),
)  # fmt: skip
FIRMWARE = post(
    "firmware0000", "Terminal firmware rollout, Ireland and UK", "maintenance", status="scheduled",
    scheduled_for=at("11-26 01:00"), scheduled_until=at("11-26 03:30"), impact="maintenance",
    affected=((ident("Terminals"), rollup.OPERATIONAL),), started_at=at("11-20 09:00"),
    updates=(update("scheduled", "11-20 09:00", "Each device restarts once, in two minutes."),),
)  # fmt: skip
EUROPE = post(
    "europecards0",
    "Card payments failing in Europe",
    status="identified",
    impact="critical",
    started_at=at("11-23 13:58"),
    next_update_at=at("11-23 15:00"),
    affected=((ident("Card payments"), rollup.MAJOR), (ident("Webhooks"), rollup.DEGRADED)),
    updates=(
        update("identified", "11-23 14:32", "One of our two payment gateways in Frankfurt stopped answering at "
               "13:58 UTC after a network change. About 40 % of European card payments are declined with error "
               "`gateway_timeout`. We are moving all traffic to the second gateway.\n\nYou can safely retry a "
               "declined payment. No card was charged twice.", n=3, affected=(
                   Affected(ident("Card payments"), "Payments - Card payments", rollup.PARTIAL, rollup.MAJOR),
                   Affected(ident("Webhooks"), "Developers - Webhooks", rollup.DEGRADED, rollup.DEGRADED))),
        update("investigating", "11-23 14:14", "The failures are limited to cards issued in Europe. Bank "
               "transfers, wallets outside Europe, payouts and refunds work normally.", n=2),
        update("investigating", "11-23 14:03", "Card payments are failing for some customers since 13:58 UTC. "
               "We are looking into it.", n=1),
    ),
)  # fmt: skip
LEDGER = post(
    "ledgerupgr00", "Ledger database upgrade", "maintenance", status="in_progress", impact="maintenance",
    started_at=at("11-16 10:00"), scheduled_for=at("11-23 14:00"), scheduled_until=at("11-23 16:00"),
    affected=((ident("Payouts"), rollup.MAINTENANCE), (ident("Reports and exports"), rollup.MAINTENANCE)),
    updates=(
        update("in_progress", "11-23 14:00", "The upgrade has begun. Payouts requested now are queued.", n=2),
        update("scheduled", "11-16 10:00", "We upgrade the database behind the ledger.", n=1),
    ),
)  # fmt: skip


def operational() -> Page:
    return Page(site(), NOW, components(), (FIRMWARE, CARD_ISSUERS, *OTHERS))


def outage() -> Page:
    lasting = [
        ("Card payments", Spell(rollup.MAJOR, at("11-23 13:58"), None, "europecards0")),
        ("Webhooks", Spell(rollup.DEGRADED, at("11-23 14:14"), None, "europecards0")),
    ]
    return Page(site(), NOW, components(lasting), (EUROPE, FIRMWARE, CARD_ISSUERS, *OTHERS))


def maintenance() -> Page:
    lasting = [
        (name, Spell(rollup.MAINTENANCE, at("11-23 14:00"), None, "ledgerupgr00"))
        for name in ("Payouts", "Reports and exports")
    ]
    return Page(site(), NOW, components(lasting), (LEDGER, FIRMWARE, CARD_ISSUERS, *OTHERS))
