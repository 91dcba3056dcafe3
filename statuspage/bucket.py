"""A bucket of object storage that speaks S3: AWS, MinIO, R2, Garage and others, addressed by path.

The operator has set its address, so it may lie in a private network. Nothing that is raised here holds the secret.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings

from oncall.messaging import egress
from oncall.messaging.errors import DomainError
from statuspage import signing

SCHEMES = {"s3": "https", "s3+http": "http"}
LIMIT_S = 15.0
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,60})</Code>")
_REGION = re.compile(r"s3[.-]([a-z0-9-]+)\.amazonaws\.com")
WORDS = {
    "SignatureDoesNotMatch": "the secret is not the one of this key, or a clock is wrong",
    "InvalidAccessKeyId": "it does not know the key",
    "AccessDenied": "the key may not write there",
    "NoSuchBucket": "there is no such bucket",
    "AuthorizationHeaderMalformed": "the region is another one; add ?region=…",
    "PermanentRedirect": "the bucket is at another host or in another region",
    "RequestTimeTooSkewed": "the clock of this machine or of the store is wrong",
    "SlowDown": "it asks for fewer requests at a time",
}


@dataclass(frozen=True)
class Bucket:
    """Where files go, and as whom. ``prefix`` has no slash at its ends."""

    origin: str
    name: str
    prefix: str
    region: str
    key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def target(self) -> str:
        """A short mark of the place, without whoever writes there."""
        return signing.sha256(f"{self.origin}/{self.name}/{self.prefix}".encode())[:16]

    def __str__(self) -> str:
        return f"{self.origin}/{self.name}/{self.prefix}".rstrip("/")

    def put(self, path: str, body: bytes, headers: dict[str, str], *, at: datetime) -> None:
        """Write a file. Raises ``DomainError("store")`` or ``DeliveryError``."""
        self._ask("PUT", path, headers, body, {200, 201, 204}, at)

    def delete(self, path: str, *, at: datetime) -> None:
        """Delete a file; one that is gone already is no fault."""
        self._ask("DELETE", path, {}, b"", {200, 204, 404}, at)

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes, well: set[int], at: datetime
    ) -> None:
        whole = "/".join(part for part in (self.name, self.prefix, path) if part)
        url = f"{self.origin}/{signing.encoded(whole)}"
        by = signing.Credentials(self.key, self.secret, self.region)
        sent = signing.signed(method, url, headers, body, by=by, at=at)
        answer = egress.request(method, url, headers=sent, body=body, limit_s=LIMIT_S, trusted=True)
        if answer.status not in well or (answer.status == 404 and b"NoSuchBucket" in answer.body):
            raise self._refusal(method, path, answer)

    def _refusal(self, method: str, path: str, answer: egress.Answer) -> DomainError:
        found = _CODE.search(answer.body)
        code = found[1].decode() if found else ""
        why = WORDS.get(code, code)
        return DomainError(
            "store",
            f"{self.origin} answered {answer.status} to {method} {self.name}/{path}{f': {why}' if why else ''}.",
        )


def is_bucket(setting: str) -> bool:
    """Whether STATUSPAGE_EXPORT names a bucket, and not a folder."""
    return setting.partition("://")[0] in SCHEMES


def parse(address: str, *, key: str, secret: str) -> Bucket:
    """``s3://host/bucket/prefix?region=…``, or ``s3+http://`` in a network of one's own.

    Raises ``DomainError("bad_bucket")`` with a sentence.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname and parts.netloc.rpartition("@")[2]
        well = parts.scheme in SCHEMES and host and parts.port != 0 and not parts.fragment
    except ValueError:
        well = False
    name, _, prefix = unquote(parts.path).strip("/").partition("/") if well else ("", "", "")
    if not well or not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,62}", name):
        raise DomainError(
            "bad_bucket", "A bucket is named like s3://s3.eu-central-1.amazonaws.com/my-bucket/prefix."
        )
    if "@" in parts.netloc:
        raise DomainError("bad_bucket", "Key and secret do not belong into the address of the bucket.")
    if not (key and secret):
        raise DomainError("bad_bucket", "Set STATUSPAGE_EXPORT_KEY and STATUSPAGE_EXPORT_SECRET as well.")
    if any(part in (".", "..") for part in prefix.split("/")):
        raise DomainError("bad_bucket", "The prefix must not lead upwards.")
    named = _REGION.fullmatch(parts.hostname)
    region = parse_qs(parts.query).get("region", [named[1] if named else "us-east-1"])[0]
    return Bucket(f"{SCHEMES[parts.scheme]}://{host.lower()}", name, prefix, region, key, secret)


def configured(address: str = "") -> Bucket:
    """The bucket of the settings, or another address with their key."""
    return parse(
        address or settings.STATUSPAGE_EXPORT,
        key=settings.STATUSPAGE_EXPORT_KEY,
        secret=settings.STATUSPAGE_EXPORT_SECRET,
    )
