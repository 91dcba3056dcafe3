"""A copy of a form must say to a mailer what Django's own mail says, whatever people wrote."""

import email
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from oncall.messaging.mediums.base import Letter, Odd
from oncall.messaging.mediums.copies import Form
from oncall.messaging.mediums.email import compose
from oncall.messaging.render import clean_header, clean_text, fill

AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
SENDER = "Zoë's status <status@example.com>"
NAMES = ("to", "why", "manage_url")

words = st.one_of(
    st.text(max_size=200),
    st.text(alphabet=".=- \n\t<&{}é\u0301日😀a", max_size=40),
    st.sampled_from(
        ["", ".", "..", "x" * 1200, "-- ", "From x", "=_muster", "--=_muster", "=3D", "\r\n.\r\n"]
    ),
)
templates = st.lists(
    st.one_of(words, st.sampled_from([f"{{{{{name}}}}}" for name in NAMES])), max_size=6
).map("".join)
values = st.dictionaries(st.sampled_from(NAMES), words)


def both(subject, text, html, headers, filled) -> tuple[EmailMessage, EmailMessage]:
    """The copy, and the mail that Django writes of the same."""
    form = Form(subject=subject, text=text, html=html, headers=headers, sender=SENDER)
    copy = form.fill(to="dave@shop.example", stable_id="<1@example.com>", values=filled, at=AT)
    letter = Letter(
        address="dave@shop.example", recipient="", purpose="update", stable_id="<1@example.com>",
        subject=clean_header(fill(subject, filled)), text=clean_text(fill(text, filled)),
        html=fill(html, filled, escape=True),
        headers={name: fill(value, filled) for name, value in headers.items()},
        values=filled, written_at=AT, sent_at=AT,
    )  # fmt: skip
    assert b"\n." not in copy and max(map(len, copy.split(b"\r\n"))) <= 998 and copy.isascii()
    told = email.message_from_bytes(copy, policy=policy.default)
    return told, email.message_from_bytes(compose(letter).message().as_bytes(), policy=policy.default)


def said(mail: EmailMessage) -> dict:
    """What a mailer shows of it: its headers, and each of its texts."""
    structure = {"date", "content-type", "content-transfer-encoding"}
    headers = sorted((name, value.strip()) for name, value in mail.items() if name.lower() not in structure)
    texts = [(part.get_content_type(), lines(part)) for part in mail.walk() if not part.is_multipart()]
    return {"headers": headers, "type": mail.get_content_type(), "texts": texts}


def lines(part: EmailMessage) -> str:
    return part.get_payload(decode=True).decode().replace("\r\n", "\n").rstrip("\n")


@given(subject=templates, text=templates, html=templates, header=templates, filled=values)
@example(
    "{{why}}",
    "Über {{why}}",
    "<p>{{to}}</p>",
    "<{{manage_url}}>",
    {"why": "é" * 90, "to": ".", "manage_url": "="},
)
@example("s", "a {{why}}{{to}}", "", "", {"why": "", "to": "\u0301"})
def test_a_copy_says_what_a_mail_written_in_full_says(settings_of_mail, subject, text, html, header, filled):
    try:
        copy, mail = both(subject, text, html, {"X-Own": header, "X-Same": "same"}, filled)
    except Odd:
        return  # written in full, then

    assert said(copy) == said(mail)


@pytest.fixture(scope="module")
def settings_of_mail():
    with override_settings(DEFAULT_FROM_EMAIL=SENDER):
        yield


def test_what_would_join_the_letter_before_it_is_odd():
    form = Form(subject="s", text="e{{why}}", html="", headers={}, sender=SENDER)

    with pytest.raises(Odd):
        form.fill(to="dave@shop.example", stable_id="<1@example.com>", values={"why": "\u0301"}, at=AT)


def test_an_address_beyond_ascii_is_odd():
    form = Form(subject="s", text="t", html="", headers={}, sender=SENDER)

    with pytest.raises(Odd):
        form.fill(to="dave@bücher.example", stable_id="<1@example.com>", values={}, at=AT)
