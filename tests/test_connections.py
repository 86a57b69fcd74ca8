"""The pool that requests travel on: what it sends, what it keeps, and what it leaves to others."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer

import oss2
import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fanlight.connections import Connections
from fanlight.store_oss import connections
from tests.localcloud.served import BODY, served
from tests.relay import relayed

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no certificates of its own, wherever this runs."""
    for name in (*PROXIES, *map(str.upper, PROXIES), *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy"])
def test_a_detour_is_left_to_requests(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where a proxy is set, the session is oss2's own, which knows it."""
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert isinstance(connections(), Connections)

    monkeypatch.setenv(name, "http://proxy.example:3128")

    assert isinstance(connections(), oss2.Session)


def test_one_connection_serves_every_kind_of_request() -> None:
    """Answers with a body, without one and refusals all leave the connection for the next."""
    with served() as bucket, relayed(bucket.endpoint) as relay:
        near = oss2.Bucket(bucket.auth, relay.url, "pictures", region="cn-hangzhou",
                           session=Connections())  # fmt: skip
        for _ in range(2):
            assert near.get_object("a").read() == BODY
            assert near.head_object("a").content_length == len(BODY)
            near.put_object("b", b"")
            assert [found.key for found in near.list_objects_v2("", delimiter="/").object_list] == [
                "a",
                "b",
            ]
            near.delete_object("b")
            with pytest.raises(oss2.exceptions.NoSuchKey):
                near.get_object("b")

        assert relay.connections == 1


class _Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


def _request(url: str) -> oss2.http.Request:
    return oss2.http.Request("GET", url)


def test_no_redirect_is_followed() -> None:
    """What is signed goes where it was meant to go, and nowhere else."""
    with TCPServer(("127.0.0.1", 0), _Elsewhere) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()

        answer = Connections().do_request(
            _request(f"http://127.0.0.1:{server.server_address[1]}/a"), 5
        )

    assert answer.status == 302


def _certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody but its owner vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.timezone.utc)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    return file


@contextmanager
def _over_tls(certificate: Path) -> Iterator[str]:
    """Where one request is answered over HTTPS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with TCPServer(("127.0.0.1", 0), _Elsewhere) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.handle_request, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}/a"


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """Over HTTPS no request is sent to who cannot show that the name is its own."""
    refused = pytest.raises(urllib3.exceptions.SSLError, match="certificate verify failed")
    with _over_tls(_certificate(tmp_path)) as url, refused:
        Connections().do_request(_request(url), 5)


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_the_environment_names_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As with requests: a company's own certificates are named there."""
    file = _certificate(tmp_path)
    monkeypatch.setenv(name, str(file))

    with _over_tls(file) as url:
        assert Connections().do_request(_request(url), 5).status == 302


def test_certificates_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each connection, which would take longer than all else in making one."""
    file = _certificate(tmp_path)
    named = tmp_path / "named.pem"
    named.write_bytes(file.read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(named))
    near = Connections()

    with _over_tls(file) as url:
        near.do_request(_request(url), 5)
    named.unlink()

    with _over_tls(file) as url:
        assert near.do_request(_request(url), 5).status == 302


def test_a_certificate_for_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever vouches for it, it has to be the certificate of who was asked."""
    file = _certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))

    refused = pytest.raises(urllib3.exceptions.SSLError, match="certificate verify failed")
    with _over_tls(file) as url, refused:
        Connections().do_request(_request(url.replace("127.0.0.1", "localhost")), 5)
