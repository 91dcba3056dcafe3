"""Signature Version 4 against the examples that AWS publishes for S3 ("Signature Calculations")."""

from datetime import UTC, datetime

import pytest

from statuspage import signing
from statuspage.signing import Credentials

AT = datetime(2013, 5, 24, tzinfo=UTC)
BY = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = "https://examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "signature"),
    [
        (
            "GET",
            "/test.txt",
            {"Range": "bytes=0-9"},
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test%24file.text",
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/?lifecycle", {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            {},
            b"",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_published_examples_come_out(method, path, headers, body, signature):
    sent = signing.signed(method, HOST + path, headers, body, by=BY, at=AT)

    assert sent["Authorization"].endswith(f"Signature={signature}")
    assert sent["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders="
    )


def test_the_published_key_of_a_day_comes_out():
    by = Credentials("x", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "iam")

    key = signing.signing_key(by, "20120215")

    assert key.hex() == "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"


def test_a_path_is_encoded_once_and_its_slashes_stay():
    assert signing.encoded("a b/ü+$~.html") == "a%20b/%C3%BC%2B%24~.html"


def test_the_secret_is_not_in_what_is_shown_of_it():
    assert "wJalr" not in repr(BY)
