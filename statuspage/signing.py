"""Pure: AWS Signature Version 4, by which stores that speak S3 know who writes.

Source: AWS, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)". S3 differs from
other services in one thing: a path is percent-encoded once, not twice.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
#: RFC 3986's unreserved characters, which is all that stays as it is.
UNRESERVED = "-._~"


@dataclass(frozen=True)
class Credentials:
    """Who writes, and where: the secret is never shown."""

    key: str
    secret: str = field(repr=False)
    region: str = "us-east-1"
    service: str = "s3"


def encoded(path: str) -> str:
    """A path as it stands in the address and in what is signed."""
    return quote(path, safe=f"/{UNRESERVED}")


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def signed(
    method: str, url: str, headers: Mapping[str, str], body: bytes, *, by: Credentials, at: datetime
) -> dict[str, str]:
    """The headers with date, digest of the body and ``Authorization``; every header given is signed.

    ``url`` is encoded as it will be sent.
    """
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = sha256(body)
    sent = {**headers, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names, request = canonical(method, url, sent, digest)
    scope = f"{stamp[:8]}/{by.region}/{by.service}/aws4_request"
    text = "\n".join([ALGORITHM, stamp, scope, sha256(request.encode())])
    signature = hmac.new(signing_key(by, stamp[:8]), text.encode(), hashlib.sha256).hexdigest()
    told = f"{ALGORITHM} Credential={by.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": told}


def canonical(method: str, url: str, headers: Mapping[str, str], digest: str) -> tuple[str, str]:
    """The names of what is signed, and the request in the one form in which both sides write it."""
    parts = urlsplit(url)
    given = {"host": parts.netloc} | {name.lower(): value for name, value in headers.items()}
    lines = [f"{name}:{' '.join(given[name].split())}" for name in sorted(given)]
    names = ";".join(sorted(given))
    pairs = sorted(
        (quote(key, safe=UNRESERVED), quote(value, safe=UNRESERVED))
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    query = "&".join(f"{key}={value}" for key, value in pairs)
    return names, "\n".join([method, parts.path or "/", query, *lines, "", names, digest])


def signing_key(by: Credentials, day: str) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{by.secret}".encode()
    for part in (day, by.region, by.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
