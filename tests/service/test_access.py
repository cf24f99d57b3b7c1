"""Who may come in, and how: tokens, encryption, other origins, and addresses that others can reach."""

import base64
import pathlib
import shutil
import socket
import ssl
import subprocess
import warnings

import pytest
from document import DOCUMENT
from server import Server, refused, sample

TOKEN = "0123456789abcdef0123456789abcdef"
OPEN = {"/healthz", "/readyz"}


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(TOKEN + "\n")
    return path


@pytest.fixture(scope="module")
def guarded(token_file: pathlib.Path):
    with Server("--token-file", token_file, "--source", "synthetic:fps=10", "--batch-window", "5ms") as server:
        yield server


def test_without_the_token_only_liveness_is_told(guarded: Server):
    wrong = [{}, *({"Authorization": value} for value in (
        "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, f"Digest {TOKEN}", "Basic", "Basic !!!",
        basic("me", "wrong"), basic(TOKEN, ""), "Basic " + base64.b64encode(TOKEN.encode()).decode()))]
    for path, item in DOCUMENT["paths"].items():
        for method in item:
            for headers in wrong:
                answer = guarded.ask(method.upper(), path, headers=headers)
                if path in OPEN:
                    assert answer.status == 200, path
                else:
                    assert answer.problem()["status"] == 401, (path, headers)
                    assert answer.headers["www-authenticate"] == 'Bearer, Basic realm="ocelli"'
                    assert TOKEN not in str(answer.headers) + str(answer.body)


def test_the_token_lets_in_as_bearer_and_as_the_password_of_any_name(guarded: Server):
    for value in (f"Bearer {TOKEN}", f"bearer {TOKEN}", basic("", TOKEN), basic("anyone", TOKEN)):
        headers = {"Authorization": value, "Content-Type": "image/jpeg"}
        for path in ("/predict", "/predict/batch"):
            assert guarded.ask("POST", path, sample("star-1.jpg"), headers).json()["label"] == "star", value
        for path in ("/status", "/model", "/metrics", "/openapi.json", "/snapshot.jpg", "/", "/page/page.js", "/page/page.css", "/favicon.ico"):
            assert guarded.ask("GET", path, headers=headers).status == 200, (path, value)


def test_a_body_is_not_read_before_the_token_is_seen(guarded: Server):
    answer = guarded.ask("POST", "/predict", headers={"Content-Length": "1000000"}, timeout=5)
    assert answer.status == 401


def test_unknown_paths_and_methods_need_no_token_and_tell_nothing(guarded: Server):
    assert guarded.get("/nothing").status in (401, 404)
    assert guarded.ask("DELETE", "/predict").status in (401, 405)


def test_a_token_that_can_be_guessed_or_read_by_nobody_stops_the_start(tmp_path: pathlib.Path):
    short = tmp_path / "short"
    short.write_text("secret\n")
    code, said = refused("--token-file", short)
    assert (code, "at least 16" in said) == (2, True), said
    assert "secret" not in said.replace("secret\n", "")
    code, said = refused("--token-file", tmp_path / "absent")
    assert (code, "absent" in said) == (2, True), said


def test_an_address_that_others_reach_needs_a_token_or_a_word_that_it_needs_none():
    for listen in ("0.0.0.0:0", "[::]:0"):
        code, said = refused(listen=listen)
        assert code == 2
        assert "--token-file" in said
        assert "--no-auth" in said


def test_without_a_token_a_name_that_is_not_this_machine_s_leads_nowhere(guarded: Server):
    # A page whose own name resolves to 127.0.0.1 (DNS rebinding) is of the same origin for a browser.
    with Server() as server, Server("--no-auth") as everyones:
        for host in ("example.org", "localhost.example.org", "192.168.0.7:8080", "127.0.0.1.example.org", "", "[::2]"):
            assert server.ask("GET", "/status", headers={"Host": host}).problem()["status"] == 421, host
            assert server.ask("POST", "/predict", sample("star-1.jpg"), {"Host": host}).problem()["status"] == 421, host
            assert server.ask("GET", "/healthz", headers={"Host": host}).status == 200, host
            assert everyones.ask("GET", "/status", headers={"Host": host}).status == 200, host
            headers = {"Host": host, "Authorization": f"Bearer {TOKEN}"}
            assert guarded.ask("GET", "/status", headers=headers).status == 200, host
        for host in ("localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8080"):
            assert server.ask("GET", "/status", headers={"Host": host}).status == 200, host


def test_pages_of_other_origins_are_kept_out_unless_they_are_named():
    origin = {"Origin": "https://example.org"}
    ask = {**origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allow = "access-control-allow-origin"
    with Server() as closed:
        assert allow not in closed.ask("GET", "/status", headers=origin).headers
        assert allow not in closed.ask("OPTIONS", "/predict", headers=ask).headers
    with Server("--cors-origin", "https://example.org", "--cors-origin", "http://localhost:3000") as some:
        for name in ("https://example.org", "http://localhost:3000"):
            assert some.ask("GET", "/status", headers={"Origin": name}).headers[allow] == name
            preflight = some.ask("OPTIONS", "/predict", headers={**ask, "Origin": name})
            assert (preflight.status, preflight.headers[allow]) == (200, name)
            assert "POST" in preflight.headers["access-control-allow-methods"]
            assert "content-type" in preflight.headers["access-control-allow-headers"].lower()
        for name in ("https://example.com", "https://example.org.evil.com", "http://example.org", "null"):
            assert allow not in some.ask("GET", "/status", headers={"Origin": name}).headers, name
    with Server("--cors-origin", "*") as everyone:
        assert everyone.ask("GET", "/status", headers=origin).headers[allow] == "*"


def test_preflights_pass_before_the_token_is_known(token_file: pathlib.Path):
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with Server("--token-file", token_file, "--cors-origin", "https://example.org") as server:
        assert server.ask("OPTIONS", "/predict", headers=headers).status == 200
        answer = server.ask("GET", "/status", headers={"Origin": "https://example.org"})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, "https://example.org")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, pathlib.Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=device",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module")
def encrypted(certificate: tuple[pathlib.Path, pathlib.Path]):
    with Server("--tls-cert", certificate[0], "--tls-key", certificate[1], "--timeout", "1s", scheme="https") as server:
        yield server


def test_a_certificate_makes_it_https(encrypted: Server, certificate: tuple[pathlib.Path, pathlib.Path]):
    context = ssl.create_default_context(cafile=str(certificate[0]))
    for _ in range(3):
        assert encrypted.predict(sample("circle-2.jpg"), context=context).json()["label"] == "circle"
    with pytest.raises(ssl.SSLCertVerificationError):
        encrypted.get("/healthz", context=ssl.create_default_context())


def test_old_encryption_is_not_spoken(encrypted: Server):
    context = ssl._create_unverified_context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        encrypted.get("/healthz", context=context)


def test_who_does_not_speak_tls_is_cut_off_and_missed_by_nobody(encrypted: Server, certificate: tuple[pathlib.Path, pathlib.Path]):
    context = ssl.create_default_context(cafile=str(certificate[0]))
    for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 1000, b"\x16\x03\x01\x02\x00\x01", b""):
        with socket.create_connection(encrypted.address, timeout=5) as wire:
            wire.sendall(words)
            # An alert perhaps, then the end, within the timeout of a second.
            while wire.recv(1000):
                pass
        assert encrypted.get("/healthz", context=context).status == 200


def test_a_certificate_that_is_none_stops_the_start(certificate: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path):
    (tmp_path / "none.pem").write_text("no certificate\n")
    for cert, key in ((tmp_path / "none.pem", certificate[1]), (certificate[0], tmp_path / "none.pem"), (certificate[0], certificate[0]),
                      (tmp_path / "absent.pem", certificate[1])):
        code, said = refused("--tls-cert", cert, "--tls-key", key)
        assert code == 2, said
        assert ".pem" in said
    code, said = refused("--tls-cert", certificate[0])
    assert (code, "--tls-key" in said) == (2, True)
