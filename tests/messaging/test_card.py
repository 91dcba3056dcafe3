from oncall.messaging.mediums.card import card, cut, plain


def test_a_page_has_its_buttons_and_its_link(letter):
    shown = card(letter("x"))

    assert shown.verbs == ("acknowledge", "escalate", "resolve")
    assert (shown.page, shown.step, shown.is_loud) == ("7", "1", True)
    assert shown.text.startswith("Unless somebody answers")


def test_a_message_about_no_page_has_neither_and_says_its_whole_text(letter):
    shown = card(letter("x", brief="", text="The report is late.", values={"page": ""}))

    assert (shown.verbs, shown.link, shown.text) == ((), "", "The report is late.")


def test_a_follow_up_keeps_the_text_and_says_what_has_happened(answered):
    shown = card(answered("x", "id"))

    assert shown.said == "Bob acknowledged · 11:03 (Berlin)"
    assert shown.text.startswith("Unless somebody answers")
    assert shown.verbs == ("resolve", "escalate")


def test_a_long_text_loses_its_middle_and_never_the_link_or_what_has_happened(answered):
    text = plain(card(answered("x", "id", headers={})), limit=150)

    assert len(text) <= 150
    assert text.startswith("Bob acknowledged")
    assert text.endswith("/a/secret-of-the-link-0123456789ab/")


def test_a_verb_that_no_button_is_for_is_left_out(letter):
    assert card(letter("x", values={"verbs": "acknowledge drop-database"})).verbs == ("acknowledge",)


def test_cutting_says_that_it_was_cut():
    assert [cut("abcdef", 6), cut("abcdef", 4)] == ["abcdef", "abc…"]
