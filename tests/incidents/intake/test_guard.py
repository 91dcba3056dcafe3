import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.intake import guard
from incidents.intake.guard import Refused


def refusal(body):
    with pytest.raises(Refused) as refused:
        guard.load(body)
    return refused.value.status, refused.value.reason


@pytest.mark.parametrize("body", [b"", b"  \n", b"[1,2]", b'"x"', b"null", b"true", b"12"])
def test_only_an_object_is_an_alert(body):
    assert refusal(body)[0] == 400


@pytest.mark.parametrize(
    "number",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "9" * 5000,
        "0." + "1" * 5000,
        str(2**70),
        str(2**63),
    ],
)
def test_a_number_no_database_can_keep_is_refused(number):
    status, reason = refusal(f'{{"summary": "a", "n": {number}}}'.encode())

    assert status == 400
    assert "number" in reason.lower()


def test_the_largest_numbers_that_fit_are_kept():
    assert guard.load(b'{"n": [9223372036854775807, -9223372036854775808, 1.5]}')["n"] == [
        2**63 - 1,
        -(2**63),
        1.5,
    ]


@pytest.mark.parametrize(
    "bytes_", [b'{"a": "\xff"}', b'{"a": "\xed\xa0\x80"}', '{"a": "ü"}'.encode("latin-1")]
)
def test_what_is_not_utf_8_is_refused(bytes_):
    assert refusal(bytes_)[0] == 400


def test_nul_and_half_characters_become_the_replacement_character():
    loaded = guard.load(rb'{"la\u0000bel": {"k": "x\u0000y"}, "s": ["\ud800", "\ud83d\ude00"]}')

    assert loaded == {"la\ufffdbel": {"k": "x\ufffdy"}, "s": ["\ufffd", "😀"]}


@pytest.mark.parametrize("depth", [33, 1_500, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_deep_body_is_refused_before_it_is_parsed(depth, opening, closing):
    body = ('{"a":' + opening * depth + "1" + closing * depth + "}").encode()

    status, reason = refusal(body)

    assert (status, "deep" in reason) == (400, True)


def test_brackets_inside_strings_are_no_depth():
    body = json.dumps({"a": "[" * 500, "b": '\\"' + "{" * 500}).encode()

    assert guard.load(body)["a"] == "[" * 500


def test_32_levels_are_no_depth():
    body = b'{"a":' * 32 + b"1" + b"}" * 32

    assert guard.load(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": ' + b'"' * 200_000,
        b'{"a": "' + b"\\" * 200_001,
        b'{"a": [' + b"[]," * 300_000 + b"1]}",
        b'{"a": ["' + b'\\"' * 100_000,
    ],
)
def test_a_crafted_body_costs_little_time(body):
    begun = time.perf_counter()
    status, _ = refusal(body)

    assert status == 400
    assert time.perf_counter() - begun < 0.5


def test_too_many_keys_are_refused():
    assert refusal(json.dumps(dict.fromkeys(map(str, range(1_001)))).encode())[0] == 400


def test_a_long_string_is_cut_and_still_differs_from_its_neighbour():
    one, other = (guard.load(json.dumps({"a": "x" * 10_000 + end}).encode())["a"] for end in "12")

    assert len(one) < 8_300
    assert one != other


def test_a_byte_order_mark_is_forgiven():
    assert guard.load(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
def test_a_compressed_body_is_refused(encoding):
    with pytest.raises(Refused) as refused:
        guard.check_encoding(encoding)

    assert refused.value.status == 415


class Endless:
    """A sender that does not stop."""

    given = 0

    def read(self, size):
        self.given += size
        return b"x" * size


def test_a_body_is_counted_as_it_comes_and_cut_off_at_the_limit():
    sender = Endless()

    tracemalloc.start()
    with pytest.raises(Refused) as refused:
        guard.read(sender.read, limit=1024 * 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert refused.value.status == 413
    assert sender.given <= 1024 * 1024 + 1
    assert peak < 3 * 1024 * 1024


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.one_of(st.binary(max_size=200), json_values.map(lambda value: json.dumps(value).encode())))
def test_whatever_comes_is_an_object_or_a_refusal(body):
    try:
        loaded = guard.load(body)
    except Refused as refused:
        assert refused.status in (400, 413)
    else:
        json.dumps(loaded, allow_nan=False).encode()
