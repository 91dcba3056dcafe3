import pytest

from oncall.messaging.errors import DeliveryError
from oncall.messaging.mediums.base import fingerprint
from oncall.messaging.mediums.matrix import Matrix
from tests.messaging.services import fake_service

API = "/_matrix/client/v3"
ALIAS = f"%23muster-{fingerprint('@alice:example.org')[:16]}%3Aexample.org"
MEMBER = f"GET {API}/rooms/%21direct/state/m.room.member/%40alice%3Aexample.org"
DIRECT = {
    f"GET {API}/account/whoami": (200, {"user_id": "@muster:example.org"}),
    f"GET {API}/directory/room/{ALIAS}": (200, {"room_id": "!direct"}),
    MEMBER: (200, {"membership": "join"}),
}


@pytest.fixture
def homeserver(settings):
    with fake_service(dict(DIRECT)) as (fake, url):
        fake.otherwise = (200, {"event_id": "$event"})
        settings.MATRIX_URL, settings.MATRIX_TOKEN = url, "token"
        yield fake


def test_the_transaction_is_named_by_the_stable_id_so_a_repeat_is_one_event(homeserver, letter):
    Matrix().send(letter("!room:example.org"))
    Matrix().send(letter("!room:example.org"))

    sent = f"PUT {API}/rooms/%21room%3Aexample.org/send/m.room.message/0123456789abcdef"
    assert homeserver.calls == [sent, sent]
    assert homeserver.headers()["authorization"] == "Bearer token"


def test_a_rooms_name_cannot_lead_to_another_call(homeserver, letter):
    Matrix().send(letter("!../../account/password?x=:example.org"))

    assert homeserver.calls[0].startswith(
        f"PUT {API}/rooms/%21..%2F..%2Faccount%2Fpassword%3Fx%3D%3Aexample.org/send/"
    )


def test_an_alias_is_looked_up(homeserver, letter):
    homeserver.script[f"GET {API}/directory/room/%23ops%3Aexample.org"] = (200, {"room_id": "!ops"})

    receipt = Matrix().send(letter("#ops:example.org"))

    assert receipt.provider_id == "!ops $event"


def test_a_person_is_written_to_in_a_room_of_the_two(homeserver, letter):
    receipt = Matrix().send(letter("@alice:example.org"))

    assert receipt.provider_id == "!direct $event"
    assert "Answer: https://muster.example.com/a/secret" in homeserver.told()["body"]


def test_the_answer_link_is_shown_in_no_room_that_others_may_read(homeserver, letter):
    Matrix().send(letter("!room:example.org"))

    assert "/a/secret" not in homeserver.told()["body"]
    assert homeserver.told()["m.mentions"] == {"room": True}


def test_the_room_is_made_when_there_is_none_and_the_person_invited(homeserver, letter):
    homeserver.script[f"GET {API}/directory/room/{ALIAS}"] = (404, {"errcode": "M_NOT_FOUND"})
    homeserver.script[f"POST {API}/createRoom"] = (200, {"room_id": "!direct"})
    homeserver.script[MEMBER] = (200, {"membership": "invite"})

    with pytest.raises(DeliveryError, match="has not accepted the invitation") as failure:
        Matrix().send(letter("@alice:example.org"))

    made = homeserver.told(homeserver.calls.index(f"POST {API}/createRoom"))
    assert (made["invite"], made["is_direct"]) == (["@alice:example.org"], True)
    assert failure.value.permanent


def test_of_two_who_make_the_room_at_once_the_second_takes_the_firsts(homeserver, letter):
    answers = iter([(404, {"errcode": "M_NOT_FOUND"}), (200, {"room_id": "!direct"})])
    path = f"GET {API}/directory/room/{ALIAS}"
    homeserver.script[f"POST {API}/createRoom"] = (400, {"errcode": "M_ROOM_IN_USE", "error": "taken"})
    homeserver.script[path] = lambda connection: _say(homeserver, connection, path, next(answers))

    assert Matrix().send(letter("@alice:example.org")).provider_id == "!direct $event"


def _say(fake, connection, path, answer):
    again, fake.script[path] = fake.script[path], answer
    fake._answer(connection)
    fake.script[path] = again


def test_whoever_has_left_the_room_is_invited_again(homeserver, letter):
    homeserver.script[MEMBER] = (200, {"membership": "leave"})

    with pytest.raises(DeliveryError):
        Matrix().send(letter("@alice:example.org"))

    assert homeserver.calls[-1] == f"POST {API}/rooms/%21direct/invite"


@pytest.mark.parametrize(
    ("answer", "permanent", "wait"),
    [
        ((429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 4406}, {"Retry-After": "5"}), False, 5),
        ((429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 3902}), False, 4),
        ((429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": "soon"}), False, None),
        (
            (401, {"errcode": "M_UNKNOWN_TOKEN", "error": "Invalid access token", "soft_logout": False}),
            True,
            None,
        ),
        ((403, {"errcode": "M_FORBIDDEN"}), True, None),
        ((500, {"errcode": "M_UNKNOWN"}), False, None),
    ],
)
def test_its_errors_are_final_or_not(homeserver, letter, answer, permanent, wait):
    homeserver.everywhere(answer)

    with pytest.raises(DeliveryError) as failure:
        Matrix().send(letter("!room:example.org"))

    assert (failure.value.permanent, failure.value.retry_after_s) == (permanent, wait)


def test_what_others_wrote_is_no_markup(homeserver, letter):
    Matrix().send(
        letter("!room:example.org", subject="<b>x</b>", brief="<a href='http://evil.example'>x</a>\n2")
    )

    html = homeserver.told()["formatted_body"]
    assert "<a " not in html
    assert html.startswith("<p><strong>&lt;b&gt;x&lt;/b&gt;</strong></p>")
    assert "<br>2" in html


def test_a_follow_up_replaces_the_event(homeserver, answered):
    Matrix().send(answered("@alice:example.org", "!direct $first"))

    told = homeserver.told()
    assert told["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$first"}
    assert "Bob acknowledged" in told["m.new_content"]["body"]
