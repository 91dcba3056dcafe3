"""People, policies, settings and keys in the console."""

from datetime import timedelta

import pytest
from django.test import Client

from oncall import tokens
from oncall.models import ApiToken, ContactMethod, EscalationPolicy, PortalSettings
from tests.oncall.test_admin_pages import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(root) -> Client:
    client = Client()
    client.force_login(root)
    return client


def formset(prefix: str, *rows: dict, initial: int = 0) -> dict:
    fields = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for number, row in enumerate(rows):
        fields |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return fields


# -- policies ----------------------------------------------------------------------------------------------
def policy_form(*steps: dict, **fields) -> dict:
    form = {"name": "Night", "slug": "night", "repeat": 1, "ack_timeout": "00:30:00"}
    return form | formset("steps", *steps) | fields


def test_a_policy_is_made_on_one_form(admin, alice, team, primary):
    made = admin.post(
        "/admin/oncall/escalationpolicy/add/",
        policy_form(
            {"number": 2, "minutes": "5", "users": [alice.pk], "teams": [team.pk]},
            {"number": 1, "minutes": "", "schedules": [primary.pk]},
            {"number": "", "minutes": ""},
        ),
    )

    assert made.status_code == 302
    policy = EscalationPolicy.objects.get(slug="night")
    steps = [(step.after, [str(target) for target in step.targets.all()]) for step in policy.steps.all()]
    assert steps == [(timedelta(), ["Primary"]), (timedelta(minutes=5), ["Alice", "Payments"])]
    assert policy.ack_timeout == timedelta(minutes=30)


def test_a_policys_form_shows_its_steps_and_tells_it_in_words(admin, policy):
    shown = admin.get(f"/admin/oncall/escalationpolicy/{policy.pk}/change/").content.decode()

    assert "At once: Alice" in shown
    assert "After 5 min: Bob" in shown
    assert 'name="steps-1-minutes" value="5"' in shown


def test_saving_a_policy_unchanged_keeps_its_steps(admin, policy, alice, bob):
    before = list(policy.steps.values_list("pk", flat=True))
    rows = [
        {"id": before[0], "policy": policy.pk, "number": 1, "minutes": "0", "users": [alice.pk]},
        {"id": before[1], "policy": policy.pk, "number": 2, "minutes": "5", "users": [bob.pk]},
    ]

    saved = admin.post(
        f"/admin/oncall/escalationpolicy/{policy.pk}/change/",
        {
            "name": "Payments",
            "slug": "payments",
            "repeat": 0,
            "ack_timeout": "",
            **formset("steps", *rows, initial=2),
        },
    )

    assert saved.status_code == 302
    assert list(policy.steps.values_list("pk", flat=True)) == before


def test_how_a_step_pages_and_in_which_hours_is_kept(admin, alice, bob):
    row = {
        "number": 1, "minutes": "0", "users": [alice.pk, bob.pk], "mode": "turn", "time_zone": "Europe/Berlin",
        "hours": "MO-FR 9:00-17:00\r\nfr 18:00 - mo 08:00", "outside_hours": "hold",
    }  # fmt: skip

    made = admin.post(
        "/admin/oncall/escalationpolicy/add/", policy_form(row, wait_for_duty="on", ack_grace=""), follow=True
    )

    step = EscalationPolicy.objects.get(wait_for_duty=True, ack_grace=timedelta(minutes=5)).steps.get()
    assert (step.round_robin, step.everyone, step.time_zone, step.outside_hours) == (
        True, False, "Europe/Berlin", "hold",
    )  # fmt: skip
    assert [window["type"] for window in step.hours] == ["daily", "weekly"]
    assert "one of them in turn; only MO-FR 09:00-17:00, FR 18:00 - MO 08:00 (Berlin), else it waits" in (
        admin.get(f"/admin/oncall/escalationpolicy/{step.policy_id}/change/").content.decode()
    )
    assert "Step 1: Alice has no verified contact" in made.content.decode()


def test_hours_that_were_stored_are_written_as_a_person_would(admin, make_policy, alice):
    hours = [
        {"type": "daily", "days": ["MO", "TU", "WE", "SA"], "from": "09:00", "to": "17:00"},
        {"type": "daily", "days": ["MO", "TU", "WE", "TH", "FR", "SA", "SU"], "from": "22:00", "to": "06:00"},
    ]
    policy = make_policy((0, alice, {"hours": hours}))

    shown = admin.get(f"/admin/oncall/escalationpolicy/{policy.pk}/change/").content.decode()

    assert "MO-WE, SA 09:00-17:00\n22:00-06:00</textarea>" in shown


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"hours": "office hours"}, "is no window. Write it like"),
        ({"hours": "MX-FR 09:00-17:00"}, "is no day. Days are"),
        ({"hours": "25:00-26:00"}, "must be a time of day"),
        ({"time_zone": "Mars"}, "is not a time zone"),
        ({"webhook": "https://muster.example.com/in/json/k"}, "This is the portal itself"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_beside_its_field(admin, alice, settings, row, words):
    settings.PUBLIC_URL = "https://muster.example.com"
    form = policy_form({"number": 1, "minutes": "5", "users": [alice.pk]} | row)

    refused = admin.post("/admin/oncall/escalationpolicy/add/", form)

    assert words in refused.content.decode()
    assert not EscalationPolicy.objects.exists()


def test_whoever_deactivates_a_person_is_told_where_she_is_still_counted_on(admin, alice, policy, primary):
    form = person_form(alice, []) | {"is_active": ""}

    saved = admin.post(f"/admin/oncall/user/{alice.pk}/change/", form, follow=True)

    assert "Alice is named in step 1 of Payments." in saved.content.decode()


def test_a_step_that_pages_nobody_is_refused(admin):
    refused = admin.post("/admin/oncall/escalationpolicy/add/", policy_form({"number": 1, "minutes": "5"}))

    assert "This step pages nobody" in refused.content.decode()
    assert not EscalationPolicy.objects.exists()


def test_the_list_of_policies_takes_a_constant_number_of_queries(admin, make_policy, alice, bob, team):
    make_policy((0, alice), (5, [bob, team]))
    few = queries(admin, "/admin/oncall/escalationpolicy/")

    for number in range(9):
        make_policy((0, alice), (5, [bob, team]), slug=f"p{number}")

    assert queries(admin, "/admin/oncall/escalationpolicy/") == few


# -- people ------------------------------------------------------------------------------------------------
def person_form(person, contacts: list[dict], rules: list[dict] | None = None) -> dict:
    form = {"username": person.username, "first_name": "Alice", "last_name": "", "email": person.email}
    form |= {"time_zone": "Europe/Berlin", "is_active": "on"}
    initial = person.contacts.count()
    return form | formset("contacts", *contacts, initial=initial) | formset("rules", *(rules or []))


def test_a_new_address_is_not_used_before_it_is_verified(admin, alice):
    page = f"/admin/oncall/user/{alice.pk}/change/"
    address = {"name": "mail", "medium": "email", "address": "alice@example.org", "user": alice.pk, "id": ""}

    assert admin.post(page, person_form(alice, [address])).status_code == 302
    assert "Not verified: mail" in admin.get(page).content.decode()
    admin.post(f"/admin/oncall/user/{alice.pk}/verbs/verify/", {"expected": ""})

    assert ContactMethod.objects.get().verified_at is not None


def test_a_changed_address_has_to_be_verified_again(admin, alice, at):
    contact = alice.contacts.create(
        name="mail", medium="email", address="a@example.com", verified_at=at("09:00")
    )
    row = {"name": "mail", "medium": "email", "address": "b@example.com", "user": alice.pk, "id": contact.pk}

    admin.post(f"/admin/oncall/user/{alice.pk}/change/", person_form(alice, [row]))

    contact.refresh_from_db()
    assert (contact.address, contact.verified_at) == ("b@example.com", None)


@pytest.mark.parametrize(
    ("medium", "address"), [("email", "no address"), ("webhook", "ftp://x"), ("pigeon", "loft 4")]
)
def test_an_address_that_the_medium_cannot_use_is_refused(admin, alice, medium, address):
    row = {"name": "x", "medium": medium, "address": address, "user": alice.pk, "id": ""}

    assert admin.post(f"/admin/oncall/user/{alice.pk}/change/", person_form(alice, [row])).status_code == 200
    assert not ContactMethod.objects.exists()


def test_a_rule_names_the_persons_own_contacts_only(admin, alice, bob, at):
    others = bob.contacts.create(
        name="mail", medium="email", address="bob@example.com", verified_at=at("09:00")
    )
    rule = {"urgency": "high", "after": "00:00:00", "contact": others.pk, "user": alice.pk, "id": ""}

    refused = admin.post(f"/admin/oncall/user/{alice.pk}/change/", person_form(alice, [], [rule]))

    assert refused.status_code == 200
    assert not alice.rules.exists()


# -- the portal --------------------------------------------------------------------------------------------
def test_the_settings_list_is_their_form(admin):
    shown = admin.get("/admin/oncall/portalsettings/", follow=True)

    assert shown.redirect_chain[-1][0] == "/admin/oncall/portalsettings/1/change/"
    assert PortalSettings.objects.count() == 1


def test_a_token_is_revoked_and_never_shown(admin, alice, at):
    token, secret = tokens.create(alice, name="deploys", scope="read", at=at("10:00"))
    page = f"/admin/oncall/apitoken/{token.pk}/"

    shown = admin.get(f"{page}change/").content.decode()
    admin.post(f"{page}verbs/revoke/", {"expected": ""})

    hidden = secret.removeprefix(f"mst_{token.prefix}_")[:43]  # it may hold a "_" of its own
    assert hidden not in shown and token.secret_hash not in shown
    assert ApiToken.objects.get().revoked_at is not None
    assert admin.get("/admin/oncall/apitoken/add/").status_code == 403
