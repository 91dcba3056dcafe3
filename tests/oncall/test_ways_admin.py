"""My contacts and rules: what a person sees and changes of herself, and who may for others."""

from datetime import time, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from oncall import contacts, verification
from oncall.messaging import outbox
from oncall.messaging.models import Delivery
from oncall.models import ContactMethod
from tests.messaging import phones

pytestmark = pytest.mark.django_db
MINE = "/admin/oncall/user/me/"


def ways(person, rest: str = "") -> str:
    return f"/admin/oncall/user/{person.pk}/ways/{rest}"


def signed_in(person) -> Client:
    person.is_staff = True
    person.save()
    client = Client(enforce_csrf_checks=False)
    client.force_login(person)
    return client


@pytest.fixture(autouse=True)
def ten_oclock(at):
    with time_machine.travel(at("10:00"), tick=False):
        yield


@pytest.fixture
def web(alice):
    """alice, signed in, without any right but to be there."""
    return signed_in(alice)


@pytest.fixture
def work(alice):
    return alice.contacts.create(name="work", medium="email", address="a.work@example.org")


@pytest.fixture
def verified(work, at):
    return contacts.verify(work, by=None, at=at("09:00"))


def text(answer) -> str:
    return answer.content.decode()


# -- the page ----------------------------------------------------------------------------------------------
def test_who_has_nothing_sees_where_pages_go_meanwhile(web, alice):
    shown = text(web.get(MINE))

    assert "Until there is one, mail goes to alice@example.com." in shown
    assert "At once: account (E-mail)" in shown
    assert "Alice has no verified contact" in shown


def test_the_page_says_what_is_not_verified_and_what_is_passed_over(web, alice, work):
    alice.rules.create(urgency="high", after=timedelta(), contact=work)

    shown = text(web.get(MINE))

    assert "Not verified: no page goes there" in shown
    assert "Passed over: it is not verified" in shown


def test_whoever_is_ready_is_told_so(web, alice, verified):
    for urgency in ("high", "low"):
        alice.rules.create(urgency=urgency, after=timedelta(), contact=verified)

    shown = text(web.get(MINE))

    assert "You can be reached" in shown
    assert "At once" in shown


def test_only_media_that_are_set_up_are_offered(web, settings):
    assert 'value="sms"' not in text(web.get(MINE))

    settings.TWILIO = phones.account(1)
    assert 'value="sms"' in text(web.get(MINE))
    assert 'value="inbox"' not in text(web.get(MINE))


def test_the_menu_leads_there(web):
    assert MINE in text(web.get(MINE))


# -- a contact, from its number to its code ----------------------------------------------------------------
def test_a_number_is_added_its_code_sent_and_entered(web, alice, settings):
    settings.TWILIO = phones.account(1)
    fields = {"medium": "sms", "address": "+49 170 1234567", "name": "phone"}

    asked = web.post(ways(alice, "contacts/"), fields, follow=True)
    code = Delivery.objects.get(medium="sms").values["code"]
    done = web.post(asked.redirect_chain[-1][0], {"code": code}, follow=True)

    assert "A code is on its way." in text(asked)
    assert 'autocomplete="one-time-code"' in text(asked)
    assert "Phone is verified: pages may go there now." in text(done)
    assert alice.contacts.get().verified_at


def test_a_wrong_number_is_told_beside_its_field(web, alice, settings):
    settings.TWILIO = phones.account(1)

    shown = web.post(ways(alice, "contacts/"), {"medium": "sms", "address": "0170 12", "name": "phone"})

    assert shown.status_code == 422
    assert "such as +49 170 1234567" in text(shown)
    assert 'value="0170 12"' in text(shown)
    assert not alice.contacts.exists()


def test_a_number_with_a_line_end_is_refused(web, alice, settings):
    settings.TWILIO = phones.account(1)
    fields = {"medium": "sms", "address": f"{phones.ALICE}\n{phones.BOB}", "name": "phone"}

    assert web.post(ways(alice, "contacts/"), fields).status_code == 422


def test_a_wrong_code_is_told_and_not_repeated_in_the_field(web, alice, work):
    web.post(ways(alice, f"contacts/{work.pk}/code/"))
    code = Delivery.objects.get().values["code"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    shown = web.post(ways(alice, f"contacts/{work.pk}/verify/"), {"code": wrong})

    assert shown.status_code == 422
    assert "4 tries are left" in text(shown)
    assert wrong not in text(shown)


def test_too_many_codes_are_refused_with_when_to_come_again(web, alice, work):
    for _ in range(3):
        web.post(ways(alice, f"contacts/{work.pk}/code/"))

    shown = web.post(ways(alice, f"contacts/{work.pk}/code/"), follow=True)

    assert "Too many codes were sent. Try again in 60 min." in text(shown)


def test_without_a_mail_server_the_code_lies_in_the_inbox(web, alice, work, at):
    web.post(ways(alice, f"contacts/{work.pk}/code/"))
    outbox.deliver_due(now=lambda: at("10:00"))

    assert "the code is in" in text(web.get(ways(alice, f"contacts/{work.pk}/verify/")))
    assert Delivery.objects.get().values["code"] in text(web.get("/admin/oncall/user/inbox/"))


def test_looking_at_the_step_sends_nothing(web, alice, work):
    for path in (f"contacts/{work.pk}/verify/", f"contacts/{work.pk}/", ""):
        assert web.get(ways(alice, path)).status_code == 200

    assert not Delivery.objects.exists()


def test_another_address_is_sent_a_code(web, alice, verified):
    changed = web.post(
        ways(alice, f"contacts/{verified.pk}/"), {"name": "work", "address": "new@example.org"}, follow=True
    )

    assert "A code is on its way." in text(changed)
    assert Delivery.objects.get().address == "new@example.org"


def test_another_name_is_sent_none(web, alice, verified):
    web.post(ways(alice, f"contacts/{verified.pk}/"), {"name": "office", "address": verified.address})

    assert alice.contacts.get().name == "office"
    assert not Delivery.objects.exists()


def test_a_contact_is_removed(web, alice, work):
    web.post(ways(alice, f"contacts/{work.pk}/remove/"))

    assert not alice.contacts.exists()
    assert ContactMethod.history.first().history_user == alice


# -- rules, quiet hours, test ------------------------------------------------------------------------------
def test_a_rule_is_added_and_removed(web, alice, verified):
    web.post(ways(alice, "rules/high/"), {"minutes": "5", "contact": verified.pk})
    rule = alice.rules.get()
    shown = text(web.get(MINE))
    web.post(ways(alice, f"rules/{rule.pk}/remove/"))

    assert (rule.urgency, rule.after) == ("high", timedelta(minutes=5))
    assert "After 5 min" in shown
    assert not alice.rules.exists()


@pytest.mark.parametrize("minutes", ["-1", "1441", "", "soon"])
def test_a_wait_that_is_none_is_told_beside_its_field(web, alice, verified, minutes):
    shown = web.post(ways(alice, "rules/low/"), {"minutes": minutes, "contact": verified.pk})

    assert shown.status_code == 422
    assert not alice.rules.exists()


def test_a_rule_cannot_use_anothers_contact(web, alice, bob, verified):
    theirs = bob.contacts.create(name="x", medium="email", address="b@example.org")

    assert web.post(ways(alice, "rules/high/"), {"minutes": "0", "contact": theirs.pk}).status_code == 422


def test_quiet_hours_are_set_and_taken_away(web, alice):
    web.post(ways(alice, "quiet/"), {"start": "22:00", "end": "07:00"})
    alice.refresh_from_db()
    assert (alice.quiet_from, alice.quiet_to) == (time(22), time(7))
    assert "22:00 to 07:00, Berlin" in text(web.get(MINE))

    web.post(ways(alice, "quiet/"), {"start": "22:00", "end": "07:00", "none": "1"})
    alice.refresh_from_db()
    assert alice.quiet_from is None


def test_half_of_quiet_hours_is_refused(web, alice):
    shown = web.post(ways(alice, "quiet/"), {"start": "22:00", "end": ""})

    assert shown.status_code == 422
    assert "Quiet hours need a beginning" in text(shown)


def test_a_test_sends_and_its_outcome_is_shown(web, alice, verified, at):
    alice.rules.create(urgency="high", after=timedelta(minutes=5), contact=verified)

    waiting = text(web.post(ways(alice, "test/high/"), follow=True))
    outbox.deliver_due(now=lambda: at("10:00"))
    done = text(web.get(MINE))

    assert "Look again" in waiting
    assert "work (E-mail)" in done
    assert "After 5 min" in done
    assert "Kept here: no mail server is set" in done
    assert "Look again" not in done


def test_a_test_of_low_urgency_says_what_quiet_hours_would_have_done(web, alice, verified):
    alice.quiet_from, alice.quiet_to = time(10), time(12)
    alice.save()

    assert "Quiet hours would have held it until 12:00." in text(
        web.post(ways(alice, "test/low/"), follow=True)
    )


@pytest.mark.parametrize(
    ("reported", "state", "words"),
    [
        ("delivered", "sent", "Delivered after 5 s"),
        ("", "sent", "Handed over in 1 s, no word yet"),
        ("sent", "sent", "Handed over in 1 s, sent"),
        ("undelivered", "dead", "Given up: The network did not deliver it"),
    ],
)
def test_what_the_provider_says_is_the_outcome(web, alice, settings, at, reported, state, words):
    settings.TWILIO = phones.account(1)
    alice.contacts.create(name="phone", medium="sms", address=phones.ALICE, verified_at=at("09:00"))
    web.post(ways(alice, "test/high/"))
    Delivery.objects.update(
        state=state,
        due_at=None,
        finished_at=at("10:00:01"),
        reported=reported,
        reported_at=at("10:00:05"),
        last_error="The network did not deliver it",
    )

    assert words in text(web.get(MINE))


# -- whose ways --------------------------------------------------------------------------------------------
EVERYTHING = [
    "", "contacts/", "contacts/{contact}/", "contacts/{contact}/remove/", "contacts/{contact}/verify/",
    "contacts/{contact}/code/", "rules/high/", "rules/1/remove/", "quiet/", "test/high/",
]  # fmt: skip


@pytest.mark.parametrize("path", EVERYTHING)
def test_nobody_sees_or_changes_anothers(bob, alice, work, path):
    client = signed_in(bob)
    url = ways(alice, path.format(contact=work.pk))

    assert {client.get(url).status_code, client.post(url).status_code} <= {403, 405}
    assert alice.contacts.get() == work


def test_a_contact_of_another_is_not_found_among_ones_own(web, alice, bob):
    theirs = bob.contacts.create(name="x", medium="email", address="b@example.org")

    for path in ("", "remove/", "verify/", "code/"):
        assert web.post(ways(alice, f"contacts/{theirs.pk}/{path}")).status_code == 404
    assert bob.contacts.exists()


def test_who_may_change_people_acts_for_others(bob, alice, work):
    bob.user_permissions.add(Permission.objects.get(codename="change_user", content_type__app_label="oncall"))
    client = signed_in(bob)

    assert "Contacts and rules of Alice" in text(client.get(ways(alice)))
    client.post(ways(alice, f"contacts/{work.pk}/remove/"))
    assert not alice.contacts.exists()


def test_but_not_for_who_may_do_more(bob, root):
    bob.user_permissions.add(Permission.objects.get(codename="change_user", content_type__app_label="oncall"))

    assert signed_in(bob).get(ways(root)).status_code == 403


def test_who_is_not_signed_in_is_asked_to(alice):
    assert Client().get(ways(alice)).status_code == 302


@pytest.mark.parametrize("path", ["rules/middle/", "test/middle/"])
def test_an_urgency_that_there_is_not_is_not_found(web, alice, path):
    assert web.post(ways(alice, path), {}).status_code == 404


def test_a_form_from_elsewhere_does_nothing(alice, work):
    signed_in(alice)
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(ways(alice, f"contacts/{work.pk}/remove/")).status_code == 403
    assert alice.contacts.exists()


# -- the form of a person ----------------------------------------------------------------------------------
def test_a_new_person_has_rules_from_the_start(root):
    client = signed_in(root)
    fields = {"username": "dana", "email": "dana@example.com", "time_zone": "UTC", "usable_password": "false"}

    client.post("/admin/oncall/user/add/", {"first_name": "", "last_name": "", **fields})

    dana = root.__class__.objects.get(username="dana")
    assert contacts.readiness(dana) == []
    assert [way.address for way in contacts.ways(dana, "high")] == ["dana@example.com"]


def test_deliveries_do_not_show_a_code_to_other_readers(root, alice, work, at):
    verification.send_code(work, by=alice, at=at("10:00"))
    delivery = Delivery.objects.get()

    shown = text(signed_in(root).get(f"/admin/messaging/delivery/{delivery.pk}/change/"))

    assert delivery.values["code"] not in shown
    assert "is your code from Muster" in shown
