"""Beginning, change and end: what was accepted is finished, and a retrained model takes over without a gap."""

import concurrent.futures
import pathlib
import signal
import threading
import time
from collections import Counter

import pytest
from server import MODEL, ROOT, SAMPLES, Server, put, refused, sample
from wire import Wire, head

CIRCLE = sample("circle-1.jpg")


@pytest.mark.parametrize("flags", [[], ["--source", "synthetic:fps=10"]], ids=["alone", "with a source"])
def test_the_end_waits_for_requests_that_have_begun_and_takes_no_more(flags: list[str]):
    with Server(*flags) as server:
        with Wire(server.address) as begun, Wire(server.address) as idle:
            idle.send(head("GET", "/healthz", kind=None))
            assert idle.answer().status == 200
            begun.send(head("POST", "/predict", f"Content-Length: {len(CIRCLE)}") + CIRCLE[:1000])
            time.sleep(0.3)
            server.signal(signal.SIGTERM)
            assert idle.is_closed_within(2)
            with pytest.raises(OSError):
                server.get("/healthz", timeout=2)
            begun.send(CIRCLE[1000:])
            assert begun.answer().json()["label"] == "circle"
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 3


def test_the_end_does_not_wait_for_viewers():
    with Server("--source", "synthetic:fps=10") as server:
        viewers = [Wire(server.address) for _ in range(6)]
        for viewer, path in zip(viewers, ["/events", "/stream"] * 3, strict=True):
            viewer.send(head("GET", path, kind=None))
            assert viewer.answer().status == 200
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 3
        for viewer in viewers:
            viewer.socket.close()


def test_the_end_does_not_wait_for_ever_for_one_who_never_finishes():
    with Server("--timeout", "60s") as server, Wire(server.address) as never:
        never.send(head("POST", "/predict", "Content-Length: 100000") + b"\xff\xd8")
        time.sleep(0.3)
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 15


def test_an_interrupt_ends_it_well_too():
    with Server() as server:
        server.signal(signal.SIGINT)
        assert server.stop() == 0


def test_a_second_server_on_the_port_says_so_and_goes():
    with Server() as first:
        code, said = refused(listen=f"127.0.0.1:{first.port}")
        assert code == 2
        assert f"127.0.0.1:{first.port}" in said
        assert "in use" in said
        assert "--listen" in said
        first.is_well()


def test_a_second_signal_ends_it_at_once():
    with Server("--timeout", "60s") as server, Wire(server.address) as never:
        never.send(head("POST", "/predict", "Content-Length: 100000") + b"\xff\xd8")
        time.sleep(0.3)
        server.signal(signal.SIGTERM)
        time.sleep(0.3)
        server.signal(signal.SIGTERM)
        started = time.monotonic()
        assert server.stop() == 130
        assert time.monotonic() - started < 1


def test_flags_of_a_live_source_need_one():
    code, said = refused("--smooth", "1s")
    assert (code, "--source" in said) == (2, True), said


def test_files_are_no_live_source():
    code, said = refused("--source", SAMPLES)
    assert (code, "--source" in said) == (2, True), said


class Stream:
    """Requests one after the other on some threads, until it is asked what came of them."""

    def __init__(self, server: Server, threads: int = 3) -> None:
        self.server, self.end = server, threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)
        self.futures = [self.pool.submit(self._run) for _ in range(threads)]

    def _run(self) -> Counter:
        answers: Counter = Counter()
        connection = self.server.connect()
        while not self.end.is_set():
            connection.request("POST", "/predict", CIRCLE, {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            body = response.read()
            answers[response.status, body.partition(b'"model":"')[2].partition(b'"')[0].decode()] += 1
        connection.close()
        return answers

    def answers(self) -> Counter:
        self.end.set()
        return sum((future.result(timeout=30) for future in self.futures), Counter())


@pytest.mark.parametrize("flags", [["--batch-window", "5ms"], ["--source", "synthetic:fps=10"]], ids=["alone", "with a source"])
def test_a_changed_model_takes_over_while_requests_go_on(flags: list[str], tmp_path: pathlib.Path):
    place = tmp_path / "model.onnx"
    put(MODEL, place)
    with Server(*flags, model=place) as server:
        stream = Stream(server)
        time.sleep(0.5)
        put(ROOT / "models" / "digits.onnx", place)
        server.signal(signal.SIGHUP)
        server.wait_for("takes over")
        deadline = time.monotonic() + 10
        while server.predict(CIRCLE).json()["model"] != "digits@1" and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        answers = stream.answers()
        assert set(answers) == {(200, "shapes@1"), (200, "digits@1")}, answers
        assert server.get("/status").json()["model"] == "digits@1"
        assert server.get("/model").json()["manifest"]["name"] == "digits"
        assert 'model="digits@1"' in server.get("/metrics").body.decode()
        assert 'model="shapes@1"' not in server.get("/metrics").body.decode()
        if "--batch-window" in flags:
            assert server.predict(CIRCLE, path="/predict/batch").json()["model"] == "digits@1"
        else:
            assert server.get("/status").json()["state"]["record"]["model"] == "digits@1"


def test_a_model_that_is_no_good_does_not_take_over(tmp_path: pathlib.Path):
    place = tmp_path / "model.onnx"
    put(MODEL, place)
    with Server(model=place) as server:
        stream = Stream(server)
        for content in (b"", b"no model", MODEL.read_bytes()[:50_000]):
            since = len(server.said)
            place.write_bytes(content)
            server.signal(signal.SIGHUP)
            server.wait_for("the old model goes on", since)
        server.is_well()
        assert set(stream.answers()) == {(200, "shapes@1")}
        # And when it is good again, it does.
        put(MODEL, place)
        server.signal(signal.SIGHUP)
        server.wait_for("takes over")
        server.is_well()


def test_twenty_changes_in_a_row_leave_nothing_behind(tmp_path: pathlib.Path):
    place = tmp_path / "model.onnx"
    put(MODEL, place)
    with Server(model=place) as server:
        memory = 0.0
        for number in range(20):
            since = len(server.said)
            server.signal(signal.SIGHUP)
            server.wait_for("takes over", since)
            for _ in range(4):
                server.is_well()
            if number == 4:
                memory, threads, files = server.resident(), server.threads(), server.descriptors()
        assert server.resident() - memory < 16, (memory, server.resident())
        assert server.threads() == threads
        # A connection may not have been closed yet at either moment.
        assert abs(server.descriptors() - files) <= 2
