"""Clients that break the rules of HTTP, by mistake or on purpose: each gets the answer that fits, and nobody else notices."""

import random
import time

import pytest
from server import Server, form, sample
from wire import Wire, chunk, head

CIRCLE = sample("circle-1.jpg")
# Of the fixture `server`: its --timeout and --max-body.
TIMEOUT, MEGABYTES = 1.0, 2
LIMIT = MEGABYTES * 1_000_000


@pytest.fixture(autouse=True)
def the_server_stays_well(server: Server):
    yield
    server.is_well()


# Bodies


def test_an_empty_body_is_a_bad_request(server: Server):
    for kind in ("image/jpeg", "application/octet-stream", None):
        assert server.predict(b"", kind).problem()["status"] == 400
    assert server.ask("POST", "/predict").problem()["status"] == 400


def test_a_body_that_is_neither_picture_nor_form_is_an_unsupported_type(server: Server):
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", "imagejpeg", "", "\x80"):
        answer = server.ask("POST", "/predict", CIRCLE, {"Content-Type": kind})
        assert answer.problem()["status"] == 415, kind


def test_types_are_read_as_the_standard_says(server: Server):
    for kind in ("IMAGE/JPEG", "image/jpeg; q=1", "image/whatever", " application/octet-stream ", None):
        assert server.predict(CIRCLE, kind).status == 200, kind


def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(server: Server):
    for length in (LIMIT + 1, 10**12, 2**63):
        for kind in ("image/jpeg", "multipart/form-data; boundary=x"):
            with Wire(server.address) as wire:
                started = time.monotonic()
                wire.send(head("POST", "/predict", f"Content-Length: {length}", kind=kind))
                assert wire.answer().problem()["status"] == 413
                assert time.monotonic() - started < TIMEOUT


def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(server: Server):
    opening = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    for kind, first in (("image/jpeg", b""), ("multipart/form-data; boundary=x", opening)):
        with Wire(server.address) as wire:
            wire.send(head("POST", "/predict", "Transfer-Encoding: chunked", kind=kind))
            if first:
                wire.send(chunk(first))
            for _ in range(LIMIT // 100_000 + 1):
                wire.send(chunk(b"\xff" * 100_000))
            assert wire.answer().problem()["status"] == 413


def test_a_body_of_the_largest_size_is_taken(server: Server):
    # JPEG decoders stop at the end marker, whatever follows.
    padded = CIRCLE + b"\0" * (LIMIT - len(CIRCLE))
    assert server.predict(padded).status == 200


def test_a_refusal_reaches_a_client_that_is_still_sending(server: Server):
    # Closing at once would reset the connection, and most clients would see that instead of the answer.
    for path, kind, size, status in (("/predict", "image/jpeg", LIMIT + 1, 413), ("/predict", "text/plain", LIMIT, 415),
                                     ("/nothing", "image/jpeg", LIMIT, 404), ("/model", "image/jpeg", LIMIT, 405)):
        for _ in range(5):
            assert server.predict(b"\xff" * size, kind, path).problem()["status"] == status


def test_a_field_that_is_no_file_is_told_where_wishes_stand(server: Server):
    body = b'--x\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n3\r\n--x--\r\n'
    answer = server.predict(body, "multipart/form-data; boundary=x")
    assert answer.status == 400
    assert "`top_k` of the form is not a file; options such as top_k stand in the address" in answer.problem()["detail"]


def test_a_form_of_more_pictures_than_may_wait_is_too_large(server: Server):
    assert server.form(*[("x.jpg", CIRCLE)] * 64).status in (200, 503)
    assert "the 64 pictures" in server.form(*[("x.jpg", CIRCLE)] * 65).problem()["detail"]


def test_a_chunked_body_is_as_good_as_any(server: Server):
    with Wire(server.address) as wire:
        wire.send(head("POST", "/predict", "Transfer-Encoding: chunked"))
        for start in range(0, len(CIRCLE), 1000):
            wire.send(chunk(CIRCLE[start:start + 1000]))
        wire.send(chunk(b""))
        assert wire.answer().json()["label"] == "circle"


def test_a_broken_chunk_is_a_bad_request(server: Server):
    for bad in (b"zz\r\n", b"-5\r\nhello\r\n", b"fffffffffffffffff\r\n", b"5\r\nhelloworld\r\n"):
        with Wire(server.address) as wire:
            wire.send(head("POST", "/predict", "Transfer-Encoding: chunked") + bad)
            assert wire.answer().status == 400, bad


def test_a_body_longer_than_sent_is_waited_for_and_given_up(server: Server):
    for kind in ("image/jpeg", "multipart/form-data; boundary=x"):
        with Wire(server.address) as wire:
            started = time.monotonic()
            wire.send(head("POST", "/predict", f"Content-Length: {len(CIRCLE) + 10}", kind=kind) + CIRCLE)
            assert wire.answer().problem()["status"] == 408
            assert TIMEOUT <= time.monotonic() - started < TIMEOUT + 1


def test_a_body_that_ends_with_the_connection_is_a_bad_request(server: Server):
    with Wire(server.address) as wire:
        wire.send(head("POST", "/predict", f"Content-Length: {len(CIRCLE) + 10}") + CIRCLE)
        wire.half_close()
        answer = wire.answer()
        assert answer is None or answer.status == 400


def test_a_body_shorter_than_sent_is_cut_and_the_rest_is_no_request(server: Server):
    with Wire(server.address) as wire:
        wire.send(head("POST", "/predict", "Content-Length: 1000") + CIRCLE)
        first, *others = wire.answers()
    assert first.problem()["status"] == 422
    assert [answer.status for answer in others] in ([], [400])


def test_a_body_that_comes_drop_by_drop_is_given_up_in_time(server: Server):
    for kind in ("image/jpeg", "multipart/form-data; boundary=x"):
        with Wire(server.address) as wire:
            wire.send(head("POST", "/predict", f"Content-Length: {len(CIRCLE)}", kind=kind))
            started = time.monotonic()
            wire.socket.settimeout(0.05)
            answer = None
            for byte in CIRCLE[:100]:
                wire.send(bytes([byte]))
                try:
                    answer = wire.answer()
                    break
                except TimeoutError:
                    continue
            assert answer.problem()["status"] == 408
            assert time.monotonic() - started < TIMEOUT + 1


# Forms


def test_forms_that_cannot_be_read_are_bad_requests(server: Server):
    body, kind = form(("a.jpg", CIRCLE))
    boundary = kind.partition("boundary=")[2]
    cases = {
        "no boundary": (body, "multipart/form-data"),
        "an empty boundary": (body, "multipart/form-data; boundary="),
        "another boundary": (body, "multipart/form-data; boundary=other"),
        "nothing": (b"", kind),
        "no part": (f"--{boundary}--\r\n".encode(), kind),
        "an empty part": (form(("a.jpg", b""))[0], kind),
        "no header": (f"--{boundary}\r\n\r\nabc\r\n--{boundary}--\r\n".encode(), kind),
        "a header without end": (f"--{boundary}\r\nContent-Disposition: form-data; name=".encode() + b"x" * 100_000, kind),
        "noise": (random.Random(3).randbytes(2000), kind),
        "a picture": (CIRCLE, kind),
    }
    for name, (content, type_) in cases.items():
        assert server.predict(content, type_).problem()["status"] == 400, name


def test_a_form_cut_anywhere_is_a_bad_request(server: Server):
    body, kind = form(("a.jpg", CIRCLE[:2000]), ("b.jpg", CIRCLE))
    for length in [*range(1, 260, 7), *range(260, len(body) - 4, 997), len(body) - 5]:
        assert server.predict(body[:length], kind).problem()["status"] == 400, length


def test_the_names_of_files_come_back_as_text_whatever_they_hold(server: Server):
    for name in ("../../etc/passwd", "<script>alert(1)</script>", "ü.jpg", "a\\b.jpg", "x" * 2000, "%0d%0aSet-Cookie: a=b"):
        answer = server.form((name, CIRCLE))
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json()["source"] == name
        assert "set-cookie" not in answer.headers


def test_twenty_thousand_empty_parts_cost_nothing(server: Server):
    body, kind = form(*[("", b"")] * 20_000)
    started = time.monotonic()
    answer = server.predict(body[:LIMIT], kind)
    assert answer.status in (400, 413)
    assert time.monotonic() - started < 5


# The query


def test_wrong_queries_are_bad_requests(server: Server):
    for query in ("top_k=0", "top_k=-1", "top_k=x", "top_k=", "top_k=1.5", "top_k=1&top_k=2", "top_k=" + "9" * 30, "other=1", "top_k=%00", "top_k=1%26a"):
        assert server.predict(CIRCLE, path=f"/predict?{query}").problem()["status"] == 400, query


# Paths and methods


def test_unknown_paths_are_not_found_and_say_where_to_look(server: Server):
    for path in ("/nothing", "/predict/", "//predict", "/predict/../model", "/%2e%2e/etc/passwd", "/page.css/", "/page/", "/page/index.html", "/page/..%2fproblem.rs", "/page/%ff", "/\\", "/" + "a" * 5000):
        assert "/openapi.json" in server.get(path).problem()["detail"], path
        assert server.get(path).status == 404


def test_a_method_that_a_path_does_not_take_is_named_with_those_that_it_takes(server: Server):
    for path, methods in (("/predict", {"POST"}), ("/model", {"GET", "HEAD"}), ("/healthz", {"GET", "HEAD"})):
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} - methods:
            answer = server.ask(method, path)
            answer.problem()
            assert (answer.status, set(answer.headers["allow"].split(","))) == (405, methods), (method, path)


def test_a_tunnel_is_not_opened(server: Server):
    with Wire(server.address) as wire:
        wire.send(b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n")
        assert wire.answer().status in (400, 404, 405)


def test_an_upgrade_is_not_made(server: Server):
    with Wire(server.address) as wire:
        wire.send(head("GET", "/events", "Connection: Upgrade", "Upgrade: websocket", kind=None))
        assert wire.answer().status == 404
    with Wire(server.address) as wire:
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        answer = wire.answer()
        assert answer is None or answer.status in (400, 505)


# Requests that are hardly ones


GARBAGE = {
    "noise": random.Random(4).randbytes(4000),
    "zeros": b"\0" * 4000,
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 512,
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a line feed too many": b"\n" * 4000,
    "no version": b"GET /\r\n\r\n",
    "HTTP 9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "a space in the path": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "a zero in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
    "a carriage return in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
    "a negative length": head("POST", "/predict", "Content-Length: -1"),
    "a length with a sign": head("POST", "/predict", "Content-Length: +5") + b"hello",
    "a length in hexadecimal": head("POST", "/predict", "Content-Length: 0x5") + b"hello",
    "the largest length of 64 bits": head("POST", "/predict", f"Content-Length: {2**64 - 1}"),
    "a length beyond all numbers": head("POST", "/predict", "Content-Length: " + "9" * 40),
    "two lengths that differ": head("POST", "/predict", "Content-Length: 5", "Content-Length: 6") + b"hello!",
    "two lengths in one": head("POST", "/predict", "Content-Length: 5, 6") + b"hello!",
    "an unknown coding": head("POST", "/predict", "Transfer-Encoding: gzip") + b"hello",
    "chunks that are not last": head("POST", "/predict", "Transfer-Encoding: chunked, gzip") + b"5\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_request_is_refused_or_cut_off(server: Server, name: str):
    with Wire(server.address, timeout=5) as wire:
        wire.send(GARBAGE[name])
        wire.half_close()
        statuses = [answer.status for answer in wire.answers()]
    assert statuses in ([], [400], [414], [431], [505], [413], [501]), statuses


def test_a_length_beside_chunks_smuggles_no_second_request(server: Server):
    hidden = b"GET /model HTTP/1.1\r\nHost: x\r\n\r\n"
    body = chunk(CIRCLE) + b"0\r\n\r\n"
    for fields in (["Content-Length: 4", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length: 4"]):
        with Wire(server.address, timeout=5) as wire:
            wire.send(head("POST", "/predict", *fields) + body)
            wire.half_close()
            statuses = [answer.status for answer in wire.answers()]
            assert statuses in ([200], [400], []), statuses
    # By its length the body is empty and the rest a request; by its chunks there is none.
    with Wire(server.address, timeout=5) as wire:
        wire.send(head("POST", "/predict", f"Content-Length: {len(hidden) + 5}", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + hidden)
        wire.half_close()
        statuses = [answer.status for answer in wire.answers()]
    assert statuses in ([400], [400, 400], []), statuses


def test_equal_lengths_twice_are_one_length_or_refused(server: Server):
    with Wire(server.address, timeout=5) as wire:
        length = f"Content-Length: {len(CIRCLE)}"
        wire.send(head("POST", "/predict", length, length, "Connection: close") + CIRCLE)
        assert [answer.status for answer in wire.answers()] in ([200], [400])


def test_pipelined_requests_are_answered_in_their_order(server: Server):
    names = ["circle-1.jpg", "square-1.jpg", "star-1.jpg", "triangle-1.jpg"] * 4
    with Wire(server.address) as wire:
        for name in names:
            wire.send(head("POST", "/predict", f"Content-Length: {len(sample(name))}") + sample(name))
        answers = [wire.answer() for _ in names]
    assert [answer.json()["label"] for answer in answers] == [name.partition("-")[0] for name in names]


def test_a_client_that_expects_to_be_told_is_told_to_go_on_or_why_not(server: Server):
    with Wire(server.address) as wire:
        wire.send(head("POST", "/predict", f"Content-Length: {len(CIRCLE)}", "Expect: 100-continue"))
        assert wire.answer().status == 100
        wire.send(CIRCLE)
        assert wire.answer().json()["label"] == "circle"
    with Wire(server.address) as wire:
        wire.send(head("POST", "/predict", f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"))
        assert wire.answer().problem()["status"] == 413


def test_a_client_of_http_1_0_gets_its_answer_and_the_end(server: Server):
    with Wire(server.address) as wire:
        wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert [answer.body for answer in wire.answers()] == [b"alive\n"]


def test_huge_and_many_headers_are_refused(server: Server):
    for fields in ([f"X: {'y' * 1_000_000}"], [f"X-{number}: y" for number in range(5000)], [f"{'x' * 100_000}: y"]):
        with Wire(server.address) as wire:
            wire.send(head("GET", "/healthz", *fields, kind=None))
            answer = wire.answer()
            assert answer is None or answer.status in (400, 431), answer.status
    with Wire(server.address) as wire:
        wire.send(b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = wire.answer()
        assert answer is None or answer.status in (400, 414, 431), answer.status


def test_nothing_that_is_asked_becomes_a_header_of_the_answer(server: Server):
    for path in ("/x%0d%0aSet-Cookie:%20a=b", "/x%0aX-Evil:1", "/x?%0d%0aSet-Cookie:a=b"):
        answer = server.get(path)
        assert (answer.status, sorted(answer.headers)) == (404, sorted(server.get("/nothing").headers))
    for value in ("image/jpeg%0d%0aX-Evil: 1", "text/plain; x=\"\t\""):
        answer = server.ask("POST", "/predict", CIRCLE, {"Content-Type": value})
        assert "x-evil" not in answer.headers


# Slow ones


def test_headers_that_come_drop_by_drop_are_given_up_in_time(server: Server):
    with Wire(server.address) as wire:
        started = time.monotonic()
        closed = False
        for byte in head("GET", "/healthz", kind=None)[:-2] + b"X-A: b\r\n" * 100:
            wire.send(bytes([byte]))
            if closed := wire.is_closed_within(0.05):
                break
        assert closed
        assert time.monotonic() - started < TIMEOUT + 1


def test_a_connection_that_says_nothing_is_closed_in_time(server: Server):
    with Wire(server.address) as wire:
        assert wire.is_closed_within(TIMEOUT + 1)
    with Wire(server.address) as wire:
        wire.send(head("GET", "/healthz", kind=None))
        assert wire.answer().status == 200
        assert wire.is_closed_within(TIMEOUT + 1)


def test_a_client_that_leaves_before_its_answer_is_not_missed(server: Server):
    for _ in range(100):
        with Wire(server.address) as wire:
            wire.send(head("POST", "/predict", f"Content-Length: {len(CIRCLE)}") + CIRCLE)
