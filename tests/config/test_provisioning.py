"""``plan`` and ``apply``: a set-up from a file, all or nothing, and nothing the second time."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config import provisioning
from config.demo import COMPANY
from incidents.models import Severity
from oncall import paging, schedules
from oncall.models import EscalationPolicy, PortalSettings, Schedule, Service, Team, User
from statuspage.models import Component, StatusPage, Template

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)

SMALL = """
users:
  - {username: alice, name: Alice Doe, email: alice@example.com, time_zone: Europe/Berlin, groups: [Responder],
     contacts: [{name: mail, medium: email, address: alice@example.com}],
     rules: {high: [{after: 0s, contact: mail}, {after: 2m, contact: mail}], low: [{after: 0s, contact: mail}]}}
  - {username: bob, email: bob@example.com}
teams: [{slug: payments, name: Payments, members: [alice, bob], admins: [alice]}]
schedules:
  - {slug: primary, team: payments, time_zone: Europe/Berlin,
     layers: [{name: weeks, priority: 1, rotation: {unit: week, length: 1, anchor: "2026-03-02T09:00"},
               slots: [[alice], [bob]]}]}
policies: [{slug: payments, team: payments, repeat: 1, ack_timeout: 30m,
            steps: [{after: 0s, targets: [{schedule: primary}]},
                    {after: 5m, targets: [{user: bob}, {team: payments}]}]}]
services: [{slug: checkout, name: Checkout, team: payments, policy: payments, critical: true,
            runbooks: [{title: Payment failures, url: "https://wiki.example.com/pay"}]}]
sources: [{slug: prom, name: Prometheus, dialect: alertmanager, service: checkout, key: "0123456789abcdef"}]
components: [{slug: checkout, name: Checkout, group: Shop, service: checkout}]
settings: {incident_manager_policy: payments, catch_all: {user: alice}}
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "setup.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def apply(path: Path, **options):
    return provisioning.apply(provisioning.read(path), by=None, at=AT, **options)


@pytest.mark.django_db
def test_one_file_makes_a_whole_set_up(write):
    apply(write(SMALL))

    alice = User.objects.get(username="alice")
    assert (alice.get_full_name(), alice.time_zone, alice.is_staff) == ("Alice Doe", "Europe/Berlin", True)
    assert [(rule.urgency, rule.after) for rule in alice.rules.all()] == [
        ("high", timedelta(0)),
        ("high", timedelta(minutes=2)),
        ("low", timedelta(0)),
    ]
    assert alice.contacts.get().verified_at == AT
    assert [step.after for step in EscalationPolicy.objects.get().steps.all()] == [
        timedelta(0),
        timedelta(minutes=5),
    ]
    assert Service.objects.get().runbooks.get().title == "Payment failures"
    assert Component.objects.get(slug="checkout").parent.name == "Shop"
    assert PortalSettings.load().catch_all == alice
    assert schedules.on_call(Schedule.objects.get(), AT).users == (alice,)


@pytest.mark.django_db
def test_applying_again_changes_nothing(write):
    path = write(SMALL)
    apply(path)

    assert apply(path).changes == []
    assert provisioning.plan(provisioning.read(path), at=AT) == []


@pytest.mark.django_db
def test_a_plan_shows_the_difference_and_makes_none(write):
    apply(write(SMALL))

    changes = provisioning.plan(provisioning.read(write(SMALL.replace("repeat: 1", "repeat: 3"))), at=AT)

    assert [str(change) for change in changes] == ["change policy payments: repeat"]
    assert EscalationPolicy.objects.get().repeat == 1


@pytest.mark.django_db
def test_the_file_names_the_language_of_the_status_page(write):
    changes = apply(write("pages: [{slug: main, language: ja}]")).changes

    assert "change page main: language" in [str(change) for change in changes]
    assert StatusPage.main().language == "ja"
    with pytest.raises(provisioning.ProvisioningError, match="must be one of en, de, fr, es, ja, not 'tlh'"):
        apply(write("pages: [{slug: main, language: tlh}]"))


@pytest.mark.django_db
def test_a_fault_at_the_end_undoes_the_beginning(write):
    with pytest.raises(provisioning.ProvisioningError):
        apply(write(SMALL.replace("catch_all: {user: alice}", "catch_all: {user: nobody}")))

    assert not User.objects.filter(username="alice").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("members: [alice, bob]", "members: [alice, zoe]", 7, "There is no user called 'zoe'"),
        ("repeat: 1", "repeat: -1", 12, "'repeat' must be a whole number from 0 to 20"),
        ("{after: 5m,", "{after: five,", 14, "'after' must be a length of time"),
        ("groups: [Responder]", "groups: [Hero]", 3, "There is no group called 'Hero'"),
        ("Europe/Berlin, groups", "Mars/Olympus, groups", 3, "is not a time zone"),
        ("ack_timeout: 30m", "ack_grace: never", 12, "'ack_grace' must be a length of time"),
        ("ack_timeout: 30m", "wait_for_duty: often", 12, "'wait_for_duty' must be true or false"),
        (
            "{after: 5m,",
            "{after: 5m, round_robin: yes, everyone_acknowledges: true,",
            14,
            "one person in turn",
        ),
        ("{after: 5m,", "{after: 5m, hours: {},", 14, "'hours' needs 'restrictions'"),
        (
            "{after: 5m,",
            "{after: 5m, hours: {restrictions: [\n {type: daily, from: '09:00',\n to: late}]},",
            16,
            "restrictions[0].to: must be a time of day",
        ),
        (
            "{after: 5m,",
            "{after: 5m, hours: {time_zone: Mars,\n restrictions: [{type: daily, from: '09:00', to: '17:00'}]},",
            14,
            "policy payments: Step 2: 'Mars' is not a time zone",
        ),
        (
            "{after: 5m,",
            "{after: 5m, hours: {outside: wait, restrictions: []},",
            14,
            "must be one of skip, hold",
        ),
        ("{user: bob}", "{webhook: 'ftp://example.com'}", 14, "policy payments: Step 2 has a webhook"),
        ("critical: true", "critcal: true", 15, "Unknown key 'critcal'"),
        ("dialect: alertmanager", "dialect: smoke", 17, "must be one of"),
        ('key: "0123456789abcdef"', 'key: "short"', 17, "16 to 128 characters"),
        ("{schedule: primary}", "{schedule: secondary}", 13, "There is no schedule called 'secondary'"),
        ("{schedule: primary}", "{schedule: primary, user: bob}", 13, "A target is one of"),
        ("https://wiki.example.com/pay", "javascript:alert(1)", 16, "http or https"),
        ("address: alice@example.com", "address: 'a@x.y, b@x.y'", 4, "Enter one e-mail address"),
        (
            "time_zone: Europe/Berlin,\n",
            "time_zone: Mars,\n",
            9,
            "schedule primary: time_zone: 'Mars' is not",
        ),
        ("length: 1", "length: 0", 10, "layers[0].rotation.length: must be at least 1"),
        ("length: 1", "lenght: 1", 10, "layers[0].rotation.lenght: is not known here"),
        ("unit: week, ", "", 10, "layers[0].rotation.unit: must be one of"),
        ("slots: [[alice], [bob]]", "slots: [[alice], [zoe]]", 11, "layers[0].slots[1][0]: there is nobody"),
        (
            "slots: [[alice], [bob]]",
            "slots: [[alice],\n [bob],\n 7]",
            13,
            "layers[0].slots[2]: must be a list",
        ),
        (
            "[bob]]}]}",
            "[bob]]}],\n overrides: [{kind: set},\n {kind: ad}]}",
            12,
            "overrides[0].start: is missing",
        ),
        ("layers: [", "layers: 7, exceptions: [", 10, "layers: must be a list"),
        (
            "{username: bob,",
            "{username: alice,",
            6,
            "two user entries with the username 'alice', in lines 3 and 6",
        ),
        ("services: [", "services: [{slug: checkout},\n ", 16, "the slug 'checkout', in lines 15 and 16"),
        (
            "contacts: [",
            "contacts: [{name: mail, address: a@x.yz}, ",
            4,
            "two contact entries with the name 'mail'",
        ),
        ("{after: 2m, contact: mail}", "{after: 0s, contact: mail}", 5, "alice: "),
        (
            "runbooks: [",
            'runbooks: [{title: A, url: "https://wiki.example.com/pay"}, ',
            16,
            "two runbook entries",
        ),
        ("length: 1", f"length: {'1' * 5000}", 10, "cannot be kept: it is broken or too large."),
        ("length: 1", f"length: 0x{'f' * 5000}", 10, "cannot be kept: it is broken or too large."),
        ("length: 1", "length: !!int one", 10, "'one' cannot be kept: it is broken or too large."),
        ("length: 1", "length: !!bool one", 10, "'one' cannot be kept"),
        ("length: 1", "length: .nan", 10, "layers[0].rotation.length: must be a whole number"),
        ("length: 1", "length: !!timestamp 2026-02-30", 10, "'2026-02-30' cannot be kept"),
        ("unit: week", 'unit: "a\\0b"', 10, "cannot be kept"),
        ("unit: week", 'unit: "\\ud800"', 10, "cannot be kept"),
        ("priority: 1", f"0x{'f' * 900}: 1", 10, "cannot be kept"),
        ("team: payments", "team: [payments]", 9, "'team' must be text"),
        ("team: payments", "team: false", 9, "'team' must be text"),
        ("team: payments", f"team: {'a' * 999}", 9, "'team' must be text of at most 200 characters"),
    ],
)
def test_a_fault_says_where_and_why(write, old, new, line, reason):
    assert old in SMALL

    with pytest.raises(provisioning.ProvisioningError) as found:
        apply(write(SMALL.replace(old, new, 1)))

    assert reason in found.value.reason
    assert found.value.line == line


@pytest.mark.parametrize(
    "text",
    ["[1, 2]", "users: {", "a: 1\na: 2", "- " * 3000, "users:\n  - &a [*a]", "\x00"],
)
@pytest.mark.django_db
def test_rubbish_is_refused_in_a_sentence(write, text):
    with pytest.raises(provisioning.ProvisioningError) as found:
        apply(write(text))

    assert found.value.reason.endswith(".")


@pytest.mark.django_db
def test_pruning_removes_what_the_file_does_not_name(write):
    apply(write(SMALL))
    less = SMALL.replace("  - {username: bob, email: bob@example.com}\n", "").replace(
        "[alice, bob]", "[alice]"
    )
    less = less.replace("slots: [[alice], [bob]]", "slots: [[alice]]").replace("{user: bob}, ", "")

    apply(write(less + "\n"), prune=True)

    assert not User.objects.get(username="bob").is_active
    assert Team.objects.get().members.count() == 1


@pytest.mark.django_db
def test_a_key_that_the_file_leaves_out_is_shown_once(write):
    path = write(SMALL.replace(', key: "0123456789abcdef"', ""))

    first, second = apply(path), apply(path)

    assert len(first.secrets) == 1
    assert second.secrets == []


@pytest.mark.django_db
def test_the_command_names_file_and_line(write):
    path = write(SMALL.replace("members: [alice, bob]", "members: [zoe]"))

    with pytest.raises(CommandError, match=rf"{path.name}:7: There is no user called 'zoe'"):
        call_command("apply", path)


@pytest.mark.django_db
def test_plan_exits_with_two_when_something_would_change(write, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("plan", write(SMALL))

    assert ended.value.code == 2


@pytest.mark.django_db
def test_the_example_company_applies_and_stays():
    first = apply(COMPANY)

    assert first.changes
    assert apply(COMPANY).changes == []


@pytest.mark.django_db
def test_groups_stand_in_the_order_in_which_the_file_first_names_them(write):
    path = write(
        "components:\n"
        "  - {slug: cards, name: Cards, group: Payments, position: 7}\n"
        "  - {slug: api, name: API, group: Developers, position: 1}\n"
        "  - {slug: payouts, name: Payouts, group: Payments, position: 2}\n"
    )

    apply(path)

    assert [group.name for group in Component.objects.filter(is_group=True)] == ["Payments", "Developers"]
    assert apply(path).changes == []


@pytest.mark.django_db
def test_templates_come_from_a_file_and_broken_ones_are_refused_with_their_line(write):
    path = write(
        "components: [{slug: cards, name: Cards}]\n"
        "templates:\n"
        "  - {slug: slow, title: '{{components}} slow', body: 'Since {{since}}.', components: [cards]}\n"
    )

    apply(path)

    made = Template.objects.get()
    assert (made.variables, [row.slug for row in made.components.all()]) == (["since"], ["cards"])
    assert apply(path).changes == []
    for wrong in ("body: '{{ user.email }}'", "body: x, components: [nothing]", "body: x, status: scheduled"):
        with pytest.raises(provisioning.ProvisioningError) as refused:
            apply(write(f"templates:\n  - {{slug: slow, {wrong}}}\n"))
        assert refused.value.line == 2


@pytest.mark.django_db
def test_the_demo_company_shows_payments_first():
    apply(COMPANY)

    names = [group.name for group in Component.objects.filter(is_group=True)]
    assert names == ["Payments", "Developers", "Merchants"]


# -- quiet hours, and media of telephones ------------------------------------------------------------------
def quiet_user(hours: str) -> str:
    return f"users: [{{username: dana, quiet_hours: {hours}}}]"


@pytest.mark.django_db
def test_quiet_hours_are_set_kept_and_taken_away(write):
    night = quiet_user('{from: "22:00", to: "07:00"}')
    apply(write(night))
    dana = User.objects.get(username="dana")
    assert (dana.quiet_from, dana.quiet_to) == (time(22), time(7))
    assert apply(write(night)).changes == []

    apply(write("users: [{username: dana}]"))  # says nothing of them
    assert User.objects.get(username="dana").quiet_from == time(22)

    apply(write(quiet_user("null")))
    assert User.objects.get(username="dana").quiet_from is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        ("{from: 22:00, to: 07:00}", "in quotes"),  # YAML reads a number
        ('{from: "22:00"}', "needs 'to'"),
        ('{from: "24:00", to: "07:00"}', "time of day"),
        ('{from: "22:00", to: "22:00"}', "another time"),
        ('{from: "22:00", to: "07:00", days: [MO]}', "Unknown key 'days'"),
        ("night", "must be a mapping"),
    ],
)
def test_quiet_hours_that_are_none_are_told_with_their_line(write, hours, reason):
    with pytest.raises(provisioning.ProvisioningError, match=reason) as fault:
        apply(write(quiet_user(hours)))

    assert fault.value.line == 1


@pytest.mark.django_db
def test_a_provisioned_telephone_is_verified_and_its_number_checked(write):
    contacts = 'contacts: [{{name: phone, medium: sms, address: "{}"}}]'
    apply(write(f"users: [{{username: dana, {contacts.format('+49 170 1234567')}}}]"))

    contact = User.objects.get(username="dana").contacts.get()
    assert (contact.address, contact.verified_at) == ("+491701234567", AT)
    with pytest.raises(provisioning.ProvisioningError, match="country code"):
        apply(write(f"users: [{{username: dana, {contacts.format('0170 12')}}}]"))


@pytest.mark.django_db
def test_an_inbox_is_nobodys_contact(write):
    with pytest.raises(provisioning.ProvisioningError, match="'medium' must be one of"):
        apply(write("users: [{username: dana, contacts: [{name: x, medium: inbox, address: dana}]}]"))


RULES = SMALL.replace("ack_timeout: 30m", "ack_timeout: 30m, ack_grace: 10m, wait_for_duty: true").replace(
    "{after: 5m,",
    "{after: 5m, everyone_acknowledges: true, hours: {time_zone: Europe/Berlin, outside: hold,"
    " restrictions: [{type: weekly, from_day: FR, from: '18:00', to_day: MO, to: '08:00'}]},",
)


@pytest.mark.django_db
def test_every_rule_of_a_policy_can_be_provisioned_and_exported(write):
    apply(write(RULES))

    policy = EscalationPolicy.objects.get()
    step = policy.steps.last()
    assert (policy.ack_grace, policy.wait_for_duty) == (timedelta(minutes=10), True)
    assert (step.everyone, step.time_zone, step.outside_hours) == (True, "Europe/Berlin", "hold")
    exported = provisioning.export()["policies"][0]
    assert (exported["ack_grace"], exported["wait_for_duty"]) == ("10m", True)
    assert exported["steps"][1]["hours"]["restrictions"][0]["from_day"] == "FR"
    assert apply(write(RULES)).changes == []


@pytest.mark.django_db
def test_a_rule_taken_out_of_the_file_is_taken_out_of_the_policy(write):
    apply(write(RULES))

    changes = apply(write(SMALL)).changes

    assert [str(change) for change in changes] == [
        "change policy payments: ack_grace, wait_for_duty",
        "change policy payments: steps",
    ]
    assert EscalationPolicy.objects.get().version == 2
    assert [step.hours for step in EscalationPolicy.objects.get().steps.all()] == [[], []]


SEVERE = (
    SMALL
    + """
severities: [{slug: major, policy: payments, ack_timeout: 15m, required_roles: [incident_manager]},
             {slug: critical, name: Critical, rank: 9, urgency: high, description: All of it}]
"""
)


@pytest.mark.django_db
def test_severities_can_be_provisioned_and_exported(write):
    apply(write(SEVERE))

    major = Severity.objects.get(slug="major")
    assert (major.policy.slug, major.ack_timeout, major.rank) == ("payments", timedelta(minutes=15), 1)
    exported = {row["slug"]: row for row in provisioning.export()["severities"]}
    assert (exported["major"]["policy"], exported["major"]["ack_timeout"]) == ("payments", "15m")
    assert exported["critical"]["rank"] == 9
    assert apply(write(SEVERE)).changes == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("policy: payments, ack", "policy: nobody, ack", "There is no policy called 'nobody'"),
        ("ack_timeout: 15m", "ack_timeout: 0s", "'ack_timeout' must be longer than nothing"),
        ("rank: 9", "rank: 1", "Severity major has rank 1 already"),
        ("rank: 9, ", "", "severity critical needs 'rank'"),
        ("[incident_manager]", "[boss]", "'boss' is no role"),
    ],
)
def test_a_severity_that_makes_no_sense_is_refused(write, old, new, reason):
    with pytest.raises(provisioning.ProvisioningError, match=reason):
        apply(write(SEVERE.replace(old, new)))


@pytest.mark.django_db
def test_what_is_weak_in_a_policy_is_said_by_plan_and_apply(write, capsys):
    path = write(SMALL.replace("{user: bob}, {team: payments}", '{webhook: "https://hooks.example.com/x"}'))

    with pytest.raises(SystemExit):
        call_command("plan", str(path))
    call_command("apply", str(path))

    said = "warning: policy payments: Step 2 tells programs only: nobody is paged by it."
    assert capsys.readouterr().err.count(said) == 2


@pytest.mark.django_db
def test_a_service_that_changes_hands_in_the_file_pages_by_its_new_policy(write):
    apply(write(SMALL))
    page = paging.page(title="Down", urgency="high", service=Service.objects.get(), by=None, at=AT)
    other = "policies: [{slug: other, steps: [{targets: [{user: bob}]}]}, {slug: payments,"
    moved = SMALL.replace("policies: [{slug: payments,", other).replace(
        "policy: payments, crit", "policy: other, crit"
    )

    apply(write(moved))

    page.refresh_from_db()
    assert (page.policy.slug, page.cycle) == ("other", 1)


PAGES = """
pages:
  - {slug: main, name: Northwind Pay}
  - {slug: partners, name: Partner Desk, host: status.partners.example, brand: "#5536b8",
     audience: password, password: correct horse}
components:
  - {slug: api, name: API, group: Shop}
  - {slug: api, name: Partner API, group: Shop, page: partners}
"""


@pytest.mark.django_db
def test_pages_and_their_components_are_provisioned_and_pruned(write):
    file = write(PAGES)
    assert apply(file).changes

    partners = StatusPage.objects.get(slug="partners")
    assert partners.opens_with("correct horse") and partners.host == "status.partners.example"
    assert set(partners.components.values_list("slug", flat=True)) == {"shop", "api"}
    assert apply(file).changes == []

    small = write("pages: []\ncomponents: [{slug: api, name: API, group: Shop}]")
    assert "remove pages partners" in [str(one) for one in apply(small, prune=True).changes]
    assert list(StatusPage.objects.values_list("slug", flat=True)) == ["main"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("brand: '#ffcc00'", "contrast of 1.4 to 1"),
        ("host: testserver", "the portal's own host"),
        ("audience: password", "Give the password"),
        ("audience: friends", "must be one of"),
        ("password: short", "at least 8"),
    ],
)
def test_a_page_that_cannot_be_is_refused_with_its_line(write, page, reason):
    with pytest.raises(provisioning.ProvisioningError, match=reason) as refusal:
        apply(write(f"pages:\n  - slug: shop\n    {page}\n"))

    assert refusal.value.line in (2, 3)
