import gzip
import socket
import time

import httpcore
import pytest

from oncall.messaging import egress
from oncall.messaging.errors import DeliveryError, Unsure
from tests.messaging.sinks import HookSink, tcp_server


@pytest.fixture
def names(monkeypatch) -> dict[str, list[str]]:
    """A resolver of our own for the names put in here; each look-up takes the next answer, the last one stays."""
    answers: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        if host not in answers:
            return real(host, port, *args, **kwargs)
        found = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found.split()]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return answers


@pytest.fixture
def dialled(monkeypatch) -> list[str]:
    """Where connections would have gone; none is made."""
    addresses = []

    def connect(self, host, port, timeout=None, local_address=None, socket_options=None):
        addresses.append(host)
        raise httpcore.ConnectError("not in a test")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    return addresses


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com",
        "http://",
        "http://user@hooks.example.com/",
        "http://user:secret@hooks.example.com/",
        "http://hooks.example.com:99999/",
        "http://hooks.example.com:port/",
        "http://hooks.example.com/a b",
        "http://hooks.example.com/a\r\nHost: x",
        "http://hooks.example.com\\@127.0.0.1/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://１２７.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://a..b/",
        "http://" + "a" * 64 + ".example.com/",
        "http://hooks.example.com/ä",
        "http://hooks_.exa mple.com/",
    ],
)
def test_an_address_that_we_would_not_call_is_refused_as_it_is_typed(url):
    with pytest.raises(DeliveryError) as refusal:
        egress.parse(url)

    assert (refusal.value.permanent, refusal.value.code) == (True, "blocked")


@pytest.mark.parametrize(
    ("url", "usual"),
    [
        ("https://Hooks.Example.COM", "https://hooks.example.com/"),
        ("https://hooks.example.com:443/a?b=c#d", "https://hooks.example.com/a?b=c"),
        ("http://hooks.example.com:8443//x", "http://hooks.example.com:8443/x"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_an_address_has_one_usual_form(url, usual):
    assert egress.parse(url).url == usual


@pytest.mark.parametrize(
    "answer", ["127.0.0.1", "10.0.0.7", "93.184.216.34 169.254.169.254", "::ffff:10.0.0.7"]
)
def test_a_name_with_one_private_address_is_blocked_and_the_setting_named(names, dialled, answer):
    names["hooks.example.com"] = [answer]

    with pytest.raises(DeliveryError, match="EGRESS_ALLOW") as refusal:
        egress.request("POST", "https://hooks.example.com/")

    assert refusal.value.permanent
    assert answer not in refusal.value.text
    assert dialled == []


def test_a_name_that_changes_its_mind_is_asked_only_once(names, dialled):
    names["rebind.example.com"] = ["93.184.216.34", "127.0.0.1"]

    with pytest.raises(DeliveryError):
        egress.request("POST", "https://rebind.example.com/")

    assert dialled == ["93.184.216.34"]


def test_every_vetted_address_is_tried_before_giving_up(names, dialled):
    names["two.example.com"] = ["93.184.216.34 93.184.216.35"]

    with pytest.raises(DeliveryError) as failure:
        egress.request("POST", "https://two.example.com/")

    assert dialled == ["93.184.216.34", "93.184.216.35"]
    assert (failure.value.permanent, failure.value.code) == (False, "connect")


def test_other_ports_are_blocked_unless_the_host_is_permitted(names, dialled, settings):
    names["hooks.example.com"] = ["93.184.216.34"]

    with pytest.raises(DeliveryError, match="Port 25 is blocked"):
        egress.request("POST", "http://hooks.example.com:25/")
    settings.EGRESS_ALLOW = ["hooks.example.com"]
    with pytest.raises(DeliveryError) as failure:
        egress.request("POST", "http://hooks.example.com:25/")

    assert (failure.value.code, dialled) == ("connect", ["93.184.216.34"])


def test_a_name_that_cannot_be_looked_up_is_tried_again(names, monkeypatch):
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *a, **k: (_ for _ in ()).throw(socket.gaierror(-3, "Temporary"))
    )

    with pytest.raises(DeliveryError) as failure:
        egress.request("POST", "https://hooks.example.com/")

    assert (failure.value.permanent, failure.value.code) == (False, "dns")


def test_a_resolver_that_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(egress, "RESOLVE_LIMIT_S", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(0.5) or [])

    with pytest.raises(DeliveryError, match="cannot be looked up"):
        egress.request("POST", "https://hooks.example.com/")


def test_a_permitted_host_is_called_under_its_own_name(names, settings, hook):
    sink, address = hook
    settings.EGRESS_ALLOW = ["hooks.internal"]
    names["hooks.internal"] = ["127.0.0.1"]

    answer = egress.request("POST", address.replace("127.0.0.1", "hooks.internal"), body=b"x")

    assert answer.status == 204
    assert sink.headers()["host"].startswith("hooks.internal:")
    assert sink.requests[0][0].startswith(b"POST /in?a=1 HTTP/1.1\r\n")


def test_tls_asks_for_the_name_and_not_the_address(names, settings):
    settings.EGRESS_ALLOW = ["hooks.internal"]
    names["hooks.internal"] = ["127.0.0.1"]
    hello = []

    with (
        tcp_server(lambda connection: hello.append(connection.recv(4096))) as port,
        pytest.raises(DeliveryError) as failure,
    ):
        egress.request("POST", f"https://hooks.internal:{port}/")

    assert b"hooks.internal" in hello[0]
    assert failure.value.code == "tls"


def test_a_proxy_from_the_environment_is_not_taken(hook, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert egress.request("POST", hook[1]).status == 204


def test_a_redirect_is_an_answer_and_is_not_followed(hook):
    sink, address = hook
    sink.answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/other\r\nContent-Length: 0\r\n\r\n"

    assert egress.request("POST", address).status == 302
    assert len(sink.requests) == 1


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_receiver_that_drips_is_cut_off_by_the_wall_clock(hook, where):
    sink, address = hook
    start = {"head": b"HTTP/1.1 200 OK\r\nX: ", "body": b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"}[
        where
    ]

    def drip(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    sink.answer = drip
    started = time.monotonic()

    with pytest.raises(Unsure, match="within 0.3 s"):
        egress.request("POST", address, limit_s=0.3)

    assert time.monotonic() - started < 2


def test_a_receiver_that_never_answers_is_cut_off(hook):
    sink, address = hook
    sink.answer = lambda connection: connection.recv(1)

    with pytest.raises(Unsure):
        egress.request("POST", address, limit_s=0.3)


@pytest.mark.parametrize(("asked", "size"), [({}, 64 * 1024), ({"answer_limit": 100_000}, 100_000)])
def test_of_an_endless_answer_only_the_beginning_is_read(hook, asked, size):
    sink, address = hook
    sent = []

    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(15_000):
            connection.sendall(b"x" * 65536)
            sent.append(1)

    sink.answer = pour

    answer = egress.request("POST", address, **asked)

    assert (answer.status, len(answer.body)) == (200, size)
    assert len(sent) < 200


def test_an_answer_is_not_unpacked(hook):
    sink, address = hook
    bomb = gzip.compress(b"0" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    sink.answer = head.encode() + bomb

    assert egress.request("POST", address).body == bomb


@pytest.mark.parametrize("nonsense", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 40_000])
def test_an_answer_that_is_no_http_leaves_us_unsure(hook, nonsense):
    sink, address = hook
    sink.answer = nonsense

    with pytest.raises(Unsure):
        egress.request("POST", address, limit_s=3)


def test_nobody_listening_is_a_plain_failure(settings):
    settings.EGRESS_ALLOW = ["127.0.0.1"]

    with pytest.raises(DeliveryError) as failure:
        egress.request("POST", "http://127.0.0.1:9/")

    assert not isinstance(failure.value, Unsure)
    assert failure.value.code == "connect"


def test_the_sink_itself_hears_nothing_when_loopback_is_not_permitted(hook, settings):
    sink, address = hook
    settings.EGRESS_ALLOW = []

    with pytest.raises(DeliveryError):
        egress.request("POST", address.replace("127.0.0.1", "localhost"))

    assert isinstance(sink, HookSink)
    assert sink.requests == []
