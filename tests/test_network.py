"""Teacher and judge are reached through the proxies and certificates that people have, and nothing on loopback is."""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import os
import ssl
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from parts.llm import network, transport
from parts.llm.client import Reply, connect
from parts.llm.response_cache import ResponseCache
from parts.llm.server import is_loopback
from parts.project.errors import UserError
from parts.project.sections import Server
from tests.conftest import ScriptedServer
from tests.helpers import http_server

DEAD = "http://127.0.0.1:9"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in (*PROXIES, *map(str.lower, PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transport, "MAX_BACKOFF", 0)
    monkeypatch.setattr(transport, "FIRST_RETRIES", 0)


class Answering(http_server.Handler):
    """Answers every request, and notes its address and headers in `seen`; as a proxy gets it, the address is whole."""

    seen: list[tuple[str, dict]]

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, dict(self.headers)))
        data = json.dumps(ScriptedServer.answer("x")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def answering():
    handler = type("Handler", (Answering,), {"seen": []})
    with http_server.running(handler) as url:
        handler.url = url
        yield handler


def ask() -> Reply:
    async def run() -> Reply:
        async with connect(Server(model="m")) as client:
            return await client.ask("a")

    return asyncio.run(run())


def test_a_request_goes_through_the_proxy_of_the_environment(answering, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", answering.url)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://teacher.example/v1")
    assert ask() == Reply("x")
    assert [path for path, _ in answering.seen] == ["http://teacher.example/v1/chat/completions"]


@pytest.mark.parametrize(
    ("url", "proxies", "proxy"),
    [
        ("https://a.example/v1", {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://a.example/v1", {"https_proxy": "p:3128"}, "http://p:3128"),
        ("https://a.example/v1", {"HTTP_PROXY": "http://p:3128"}, None),
        ("https://a.example/v1", {"ALL_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://a.example/v1", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "b.example,.example"}, None),
        ("https://a.example:8443/v1", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "*"}, None),
        ("http://10.1.2.3:8000/v1", {"HTTP_PROXY": "http://p:3128", "NO_PROXY": "localhost, 10.0.0.0/8"}, None),
        ("http://11.1.2.3:8000/v1", {"HTTP_PROXY": "http://p:3128", "NO_PROXY": "10.0.0.0/8"}, "http://p:3128"),
    ],
)
def test_the_proxy_is_that_of_the_environment_but_for_what_no_proxy_names(monkeypatch, url, proxies, proxy):
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    assert network.proxy_of(url) == proxy


def test_a_proxy_that_does_not_speak_http_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://p:1080")
    with pytest.raises(UserError, match="speaks socks5: set HTTPS_PROXY to one that speaks HTTP"):
        network.proxy_of("https://a.example/v1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.9.1", "[::1]", "api.localhost"])
def test_nothing_on_loopback_goes_to_a_proxy(monkeypatch, host):
    monkeypatch.setenv("HTTP_PROXY", DEAD)
    assert is_loopback(f"http://{host}:8000/v1") and network.proxy_of(f"http://{host}:8000/v1") is None
    assert not is_loopback("http://127.example/v1")


@pytest.mark.parametrize(
    ("base", "path"),
    [
        (
            "/openai/deployments/gpt?api-version=2025-01-01",
            "/openai/deployments/gpt/chat/completions?api-version=2025-01-01",
        ),
        ("/openai/v1/", "/openai/v1/chat/completions"),
        ("/openai/v1?api-version=preview", "/openai/v1/chat/completions?api-version=preview"),
    ],
)
def test_the_query_of_an_address_stays_at_its_end_and_an_azure_key_has_its_header(
    answering, monkeypatch, tmp_path, base, path
):
    monkeypatch.setenv("HTTP_PROXY", answering.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-azure")
    for host, key in (("me.openai.azure.com", "sk-azure"), ("azure.com.example", None)):
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://{host}{base}")
        monkeypatch.setenv("CLOSEDBOOK_CACHE", str(tmp_path / host))
        assert ask() == Reply("x")
        sent_to, headers = answering.seen.pop()
        assert (sent_to, headers.get("api-key")) == (f"http://{host}{path}", key)
        assert headers["Authorization"] == "Bearer sk-azure"


def test_other_libraries_reach_an_azure_address_likewise(answering, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", answering.url)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me.openai.azure.com/openai/deployments/gpt?api-version=1")

    async def run() -> None:
        async with connect(Server(model="m")) as client:
            await client.openai.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}])

    asyncio.run(run())
    (seen,) = answering.seen
    assert seen[0] == "http://me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1"


def test_a_server_that_moved_is_named_and_gets_no_key(cue, monkeypatch):
    class Moved(http_server.Handler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(307)
            self.send_header("Location", f"{cue.url}/chat/completions")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with http_server.running(Moved) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        with pytest.raises(UserError, match=r"moved \(307\): check OPENAI_BASE_URL.*kept .to http://127.0.0.1"):
            ask()
    assert not cue.seen


def test_no_query_of_an_address_is_printed(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1?key=hidden")
    with pytest.raises(UserError, match=r"m at http://127.0.0.1:9/v1: no answer: check") as error:
        ask()
    assert "hidden" not in str(error.value)


def test_an_address_with_a_password_is_an_error_that_does_not_tell_it(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:secret@127.0.0.1:9/v1")
    with pytest.raises(UserError, match=r"OPENAI_BASE_URL .http://127.0.0.1:9/v1. has a user.*OPENAI_API_KEY") as error:
        ask()
    assert "secret" not in str(error.value)


def test_a_time_out_is_named_with_what_to_do(cue, monkeypatch):
    asked_enough = threading.Event()
    cue.reply = lambda asked: (asked_enough.wait(5), (200, {}))[1]
    monkeypatch.setenv("CLOSEDBOOK_TIMEOUT", "0.2")
    with pytest.raises(
        UserError,
        match=r"timed out: check .*no answer within 0.2 s: raise CLOSEDBOOK_TIMEOUT, or lower CLOSEDBOOK_WORKERS",
    ):
        ask()
    asked_enough.set()


@pytest.fixture
def certificate(tmp_path) -> Path:
    """A certificate for 127.0.0.1 that its own key signed, and the key, in one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "company")])
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    signed = builder.add_extension(host, False).sign(key, hashes.SHA256())
    path = tmp_path / "company.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.contextmanager
def with_tls(handler: type[http_server.Handler], certificate: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


def test_a_certificate_of_the_company_is_trusted_by_ssl_cert_file_and_else_named(answering, certificate, monkeypatch):
    monkeypatch.delattr(ssl.SSLContext, "load_verify_locations")  # the stand-in of conftest.py
    with with_tls(answering, certificate) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        with pytest.raises(
            UserError, match=r"its certificate is not trusted \(self.signed .*set SSL_CERT_FILE to a PEM"
        ):
            ask()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ask() == Reply("x")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_name("none.pem")))
    monkeypatch.setenv("OPENAI_BASE_URL", "https://127.0.0.1:9/v1")
    with pytest.raises(UserError, match=r"SSL_CERT_FILE is '.*none.pem': it must be a PEM file"):
        ask()


def test_a_missing_embeddings_endpoint_is_named_with_the_way_out(monkeypatch):
    class Chat(http_server.Handler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(404)

    async def run() -> None:
        async with connect(Server(model="m")) as client:
            await client.openai.embeddings.create(model="e", input="a")

    with http_server.running(Chat) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        with pytest.raises(Exception) as error:
            asyncio.run(run())
    cause = error.value
    while cause.__cause__ is not None:
        cause = cause.__cause__
    assert "there are no embeddings of that model (404)" in str(cause) and "score.ragas: false" in str(cause)


@pytest.mark.parametrize("below", ["tmp12ab", "tmp12ab/project", "standalone/tmp12ab"])
def test_an_experiment_in_a_copy_of_the_repository_has_the_answers_of_the_repository(tmp_path, monkeypatch, below):
    monkeypatch.delenv("CLOSEDBOOK_CACHE")
    copy = tmp_path / ".dvc/tmp/exps" / below
    copy.mkdir(parents=True)
    for folder in (tmp_path, copy):
        monkeypatch.chdir(folder)
        with contextlib.closing(ResponseCache.open()) as cache:
            assert cache.folder == tmp_path / ".cache"
    monkeypatch.setenv("CLOSEDBOOK_CACHE", "answers")
    with contextlib.closing(ResponseCache.open()) as cache:
        assert cache.folder == tmp_path / "answers"
    monkeypatch.setenv("CLOSEDBOOK_CACHE", str(tmp_path / "elsewhere"))
    with contextlib.closing(ResponseCache.open()) as cache:
        assert cache.folder == tmp_path / "elsewhere"
    assert os.listdir(copy) == []
