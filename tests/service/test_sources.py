"""Several live sources of one service: each found by its name in the status, events, pictures and counts, over one
connection for all, and none troubled by what becomes of another."""

import contextlib
import http.client
import http.server
import io
import itertools
import json
import os
import pathlib
import signal
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

import pytest
from document import check
from PIL import Image
from server import MODEL, PATIENCE, ROOT, Server, put, refused, sample
from wire import Wire, head

# What is seen of each source: its pictures are known by their size.
SIZES = {"door": (360, 240), "yard": (200, 100), "synthetic:fps=9,size=64x64": (64, 64)}
SOURCES = [
    f"{'' if name.startswith('synthetic') else name + '='}synthetic:fps={fps},size={width}x{height}"
    for fps, (name, (width, height)) in zip((15, 12, 9), SIZES.items(), strict=True)
]


def flags(*sources: str) -> list[str]:
    return [flag for source in sources for flag in ("--source", source)]


@pytest.fixture(scope="module")
def several():
    with Server(*flags(*SOURCES)) as running:
        yield running
        running.is_well()


def states(server: Server) -> dict[str, dict]:
    """Each source's state by its name, once it is told."""
    status = server.get("/status").json()
    check("Status", status)
    return {source["name"]: source["state"] or {} for source in status["sources"]}


def wait(server: Server, name: str, holds: Callable[[dict], object]) -> dict:
    """The state of a source, once this holds of it."""
    deadline = time.monotonic() + PATIENCE
    while not holds(state := states(server)[name]):
        assert time.monotonic() < deadline, (state, server.said)
        time.sleep(0.05)
    return state


def count(server: Server, line: str) -> str:
    """The value of a line of the counts."""
    found = [text for text in server.get("/metrics").body.decode().splitlines() if text.startswith(line + " ")]
    assert len(found) == 1, (line, found)
    return found[0].removeprefix(line + " ")


def ask(server: Server, path: str, name: str | None = None) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = server.connect()
    connection.request("GET", path + (f"?source={urllib.parse.quote(name, safe='')}" if name else ""))
    response = connection.getresponse()
    assert response.status == 200
    return connection, response


def events(response: http.client.HTTPResponse) -> Iterator[dict]:
    while line := response.readline():
        if line.startswith(b"data:"):
            state = json.loads(line.removeprefix(b"data:"))
            check("LiveState", state)
            yield state


def pictures(response: http.client.HTTPResponse) -> Iterator[tuple[str | None, int, bytes]]:
    """Source, frame and picture of each part."""
    while line := response.readline():
        if line == b"--ocelli-frame\r\n":
            fields = {}
            while (line := response.readline()) != b"\r\n":
                name, _, value = line.decode("ascii").rstrip("\r\n").partition(": ")
                fields[name.lower()] = value
            assert fields["content-type"] == "image/jpeg"
            source = fields.get("ocelli-source")
            picture = response.read(int(fields["content-length"]))
            yield source and urllib.parse.unquote(source), int(fields["ocelli-frame"]), picture


def size(picture: bytes) -> tuple[int, int]:
    image = Image.open(io.BytesIO(picture))
    image.load()
    return image.size


def test_the_status_tells_all_sources_in_their_order(several: Server):
    for name in SIZES:
        wait(several, name, lambda state: state.get("record"))
    status = several.get("/status").json()
    assert (status["source"], status["state"]) == (None, None)
    assert [source["name"] for source in status["sources"]] == list(SIZES)
    given = [source.removeprefix(f"{name}=") for name, source in zip(SIZES, SOURCES, strict=True)]
    assert [source["source"] for source in status["sources"]] == given
    for name, state in states(several).items():
        assert (state["name"], state["record"]["source_name"]) == (name, name)
        assert (state["lost_ms"], state["ended"], state["reason"]) == (None, None, None)


def test_one_source_is_told_as_before_and_with_its_name_if_it_has_one(live: Server):
    wait(live, "synthetic:fps=10", lambda state: state.get("record"))
    status = live.get("/status").json()
    assert status["source"] == "synthetic:fps=10"
    (source,) = status["sources"]
    assert (source["name"], source["source"]) == ("synthetic:fps=10", "synthetic:fps=10")
    assert set(source["state"]) == set(status["state"])
    assert "name" not in status["state"]
    assert "source_name" not in status["state"]["record"]
    with Server("--source", "door=synthetic:fps=10") as server:
        wait(server, "door", lambda state: state.get("record"))
        status = server.get("/status").json()
        assert status["source"] == "synthetic:fps=10"
        assert status["state"]["name"] == status["state"]["record"]["source_name"] == "door"
        assert server.get("/snapshot.jpg").headers["ocelli-source"] == "door"
        assert count(server, 'ocelli_source_up{source="door"}') == "1"


def test_without_a_source_there_is_none(server: Server):
    assert server.get("/status").json()["sources"] == []
    assert "without a live source" in server.get("/events?source=door").problem()["detail"]


def test_all_events_come_over_one_connection_and_those_of_one_if_it_is_named(several: Server):
    connection, response = ask(several, "/events")
    frames: dict[str, list[int]] = {name: [] for name in SIZES}
    for state in events(response):
        if state["record"]:
            assert state["record"]["source_name"] == state["name"]
            frames[state["name"]].append(state["record"]["frame"])
        if min(map(len, frames.values())) >= 5:
            break
    connection.close()
    assert all(seen == sorted(seen) and seen[-1] > seen[0] for seen in frames.values()), frames
    for name in SIZES:
        connection, response = ask(several, "/events", name)
        told = events(response)
        assert {next(told)["name"] for _ in range(6)} == {name}
        connection.close()


def test_all_pictures_come_over_one_connection_and_those_of_one_if_it_is_named(several: Server):
    connection, response = ask(several, "/stream")
    seen = dict.fromkeys(SIZES, 0)
    for name, _, picture in pictures(response):
        assert size(picture) == SIZES[name]
        seen[name] += 1
        if min(seen.values()) >= 4:
            break
    connection.close()
    for name, expected in SIZES.items():
        connection, response = ask(several, "/stream", name)
        shown = pictures(response)
        for _ in range(3):
            source, _, picture = next(shown)
            assert (source, size(picture)) == (name, expected)
        connection.close()


def test_a_picture_goes_with_the_record_of_its_source_and_frame(several: Server):
    told, states_response = ask(several, "/events")
    watched, pictures_response = ask(several, "/stream")
    following = events(states_response)
    labels: dict[str, dict[int, str]] = {name: {} for name in SIZES}
    paired = dict.fromkeys(SIZES, 0)
    for name, frame, picture in itertools.islice(pictures(pictures_response), 200):
        while max(labels[name], default=-1) < frame:
            state = next(following)
            if record := state["record"]:
                labels[state["name"]][record["frame"]] = record["label"]
        if frame in labels[name]:  # whoever is slow gets the newest, and may miss a record
            paired[name] += 1
            if name != "yard":  # so flat a picture looks otherwise once it is a JPEG
                assert several.predict(picture).json()["label"] == labels[name][frame], name
        if min(paired.values()) >= 5:
            break
    assert min(paired.values()) >= 5, paired
    told.close()
    watched.close()


def test_a_snapshot_is_of_the_source_that_is_named_and_one_has_to_be(several: Server):
    for name, expected in SIZES.items():
        answer = several.get(f"/snapshot.jpg?source={urllib.parse.quote(name)}")
        assert (answer.status, size(answer.body), answer.headers["ocelli-source"]) == (200, expected, name)
        assert answer.headers["ocelli-frame"].isdigit()
    problem = several.get("/snapshot.jpg").problem()
    assert problem["status"] == 400
    assert f"one of {', '.join(SIZES)}" in problem["detail"]


def test_a_name_that_no_source_has_is_answered_with_those_that_there_are(several: Server):
    for path in ("/events", "/stream", "/snapshot.jpg"):
        for name in ("nobody", "", "Door", "door%20"):
            problem = several.get(f"{path}?source={name}").problem()
            assert problem["status"] == 404, (path, name)
            assert ", ".join(SIZES) in problem["detail"]
        assert several.get(f"{path}?source=door&source=yard").problem()["status"] == 400


def test_viewers_are_counted_by_source_and_pictures_made_only_for_them(several: Server):
    def counted() -> list[str]:
        return [count(several, f'ocelli_viewers{{source="{name}"}}') for name in SIZES]

    deadline = time.monotonic() + PATIENCE
    while counted() != ["0", "0", "0"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with contextlib.ExitStack() as watching:
        for path in ("/stream", "/stream?source=yard"):
            wire = watching.enter_context(Wire(several.address))
            wire.send(head("GET", path, kind=None))
            assert wire.answer().status == 200
        assert counted() == ["1", "2", "1"]
        assert wait(several, "yard", lambda state: state["viewers"] == 2)["viewers"] == 2


def test_a_quarter_of_all_connections_may_watch_whatever_they_watch():
    with Server(*flags("a=synthetic:fps=5", "b=synthetic:fps=5"), "--max-connections", "8") as server, contextlib.ExitStack() as watching:
        for path in ("/stream?source=a", "/events?source=a", "/stream?source=a", "/events"):
            wire = watching.enter_context(Wire(server.address))
            wire.send(head("GET", path, kind=None))
            assert wire.answer().status == 200, path
        for path in ("/stream?source=b", "/snapshot.jpg?source=b", "/events?source=b"):
            assert server.get(path).problem()["status"] == 503
        server.is_well()


def test_what_becomes_of_a_source_is_told_and_costs_the_others_nothing():
    with Server(*flags("door=synthetic:fps=20", "short=synthetic:fps=50,frames=12", "gone=camera:97")) as server:
        short = wait(server, "short", lambda state: state.get("ended"))
        assert (short["ended"], short["reason"], short["lost_ms"]) == ("over", None, None)
        dropped = short["record"]["dropped"] if short["record"] else 0
        assert short["classified"] + dropped == 12
        gone = wait(server, "gone", lambda state: state.get("ended") or state.get("lost_ms") is not None)
        assert "camera:97" in gone["reason"]
        assert gone["record"] is None
        up = [count(server, f'ocelli_source_up{{source="{name}"}}') for name in ("door", "short", "gone")]
        assert up == ["1", "0", "0"]
        assert count(server, 'ocelli_frames_total{way="live",source="short"}') == str(short["classified"])
        # Events go on to tell what became of them, to whoever comes now.
        connection, response = ask(server, "/events", "short")
        assert next(events(response))["ended"] == "over"
        connection.close()
        before = states(server)["door"]["classified"]
        wait(server, "door", lambda state: state["classified"] >= before + 10)


class Camera(http.server.BaseHTTPRequestHandler):
    """Gives one picture, however often it is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.end_headers()
        self.wfile.write(sample("star-1.jpg"))

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def camera(port: int = 0) -> Iterator[int]:
    """A network camera, and its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Camera) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_port
        listening.shutdown()


def test_a_source_that_is_lost_is_told_with_the_reason_until_it_is_back():
    with contextlib.ExitStack() as there:
        port = there.enter_context(camera())
        far = f"far=http://me:secret@127.0.0.1:{port}/picture.jpg"
        with Server(*flags("door=synthetic:fps=10", far), "--max-fps", "20") as server:
            wait(server, "far", lambda state: state.get("record"))
            there.close()
            lost = wait(server, "far", lambda state: state["lost_ms"] is not None)
            assert (lost["ended"], lost["record"]["label"]) == (None, "star")
            place = f"http://127.0.0.1:{port}/picture.jpg"
            assert lost["reason"].startswith(place)
            assert count(server, 'ocelli_source_up{source="far"}') == "0"
            assert count(server, 'ocelli_source_up{source="door"}') == "1"
            status = server.get("/status")
            assert status.json()["sources"][1]["source"] == place
            assert not any("secret" in said for said in [*server.said, status.body.decode()])
            there.enter_context(camera(port))
            back = wait(server, "far", lambda state: state["lost_ms"] is None and state["record"]["drops"]["outages"] == 1)
            assert back["reason"] is None
            assert count(server, 'ocelli_outages_total{source="far"}') == "1"
            assert count(server, 'ocelli_source_up{source="far"}') == "1"


def test_a_pipe_with_an_odd_name_is_found_by_it_and_loses_no_count(tmp_path: pathlib.Path):
    pipe = tmp_path / 'Tür "2" \\ %.mjpeg'
    os.mkfifo(pipe)
    name = str(pipe)
    with Server(*flags("door=synthetic:fps=10", name)) as server, pipe.open("wb", buffering=0) as writer:
        for number, label in enumerate(("circle", "star", "square"), 1):
            writer.write(sample(f"{label}-1.jpg"))
            state = wait(server, name, lambda state, number=number: state.get("classified", 0) == number)
            assert (state["record"]["label"], state["record"]["source_name"], state["record"]["frame"]) == (label, name, number - 1)
        connection, response = ask(server, "/stream", name)
        writer.write(sample("star-1.jpg"))
        source, frame, picture = next(pictures(response))
        connection.close()
        assert (source, frame) == (name, 3)
        assert picture == sample("star-1.jpg")
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        wait(server, name, lambda state: state["classified"] == 4)
        assert count(server, f'ocelli_frames_total{{way="live",source="{escaped}"}}') == "4"
        assert count(server, f'ocelli_predictions_total{{label="star",source="{escaped}"}}') == "2"
        writer.close()
        assert wait(server, name, lambda state: state["ended"])["ended"] == "over"


def test_a_new_model_serves_all_sources(tmp_path: pathlib.Path):
    place = tmp_path / "model.onnx"
    put(MODEL, place)
    with Server(*flags("a=synthetic:fps=20", "b=synthetic:fps=20"), model=place) as server:
        for name in "ab":
            assert wait(server, name, lambda state: state.get("record"))["record"]["model"] == "shapes@1"
        put(ROOT / "models" / "digits.onnx", place)
        server.signal(signal.SIGHUP)
        server.wait_for("digits@1 takes over")
        for name in "ab":
            before = states(server)[name]["classified"]
            wait(server, name, lambda state: state["record"]["model"] == "digits@1")
            wait(server, name, lambda state, before=before: state["classified"] > before)
            assert states(server)[name]["record"]["drops"]["outages"] == 0
        assert server.predict(sample("circle-1.jpg")).json()["model"] == "digits@1"


def test_tables_of_the_configuration_give_each_source_its_own_flags(tmp_path: pathlib.Path):
    config = tmp_path / "ocelli.toml"
    config.write_text(f"""
        top-k = 2
        [[source]]
        name = "turned"
        source = "synthetic:fps=20,size=320x240"
        rotate = 90
        record = "{tmp_path / 'kept'}"
        [[source]]
        name = "strict"
        source = "synthetic:fps=50,size=320x240"
        threshold = 1
        max-fps = 5
    """)
    with Server("--config", str(config)) as server:
        wait(server, "turned", lambda state: state.get("classified", 0) >= 10)
        strict = wait(server, "strict", lambda state: state.get("classified", 0) >= 5)
        assert strict["record"]["unknown"]
        assert strict["record"]["drops"]["paced"] + strict["record"]["drops"]["newer"] >= 4 * strict["classified"]
        assert len(strict["record"]["top"]) == 2
        # Viewers see what the model does.
        assert size(server.get("/snapshot.jpg?source=turned").body) == (240, 320)
        assert size(server.get("/snapshot.jpg?source=strict").body) == (320, 240)
        # Requests are none of a table's business.
        assert not server.predict(sample("circle-1.jpg")).json()["unknown"]
        assert server.stop() == 0
        kept = (tmp_path / "kept" / "turned" / "records.jsonl").read_text().splitlines()
        assert len(kept) >= 10
        assert {json.loads(line)["source_name"] for line in kept} == {"turned"}


def test_what_cannot_be_served_is_refused(tmp_path: pathlib.Path):
    config = tmp_path / "wrong.toml"
    config.write_text('[[source]]\nsource = "synthetic:"\nraw = "gray8:2x2"\n')
    cases = [
        (flags("a=synthetic:", "a=camera:0"), "a: two sources are called so; give each a name of its own"),
        (flags("a=synthetic:", str(MODEL.parent / "samples")), "samples: these are files, and a live source is expected"),
        (["--config", str(config)], ":3: `raw` is not a key of a source"),
    ]
    for wrong, expected in cases:
        code, said = refused(*wrong)
        assert (code, expected in said) == (2, True), said
    config.write_text('source = ["a=synthetic:", "b=synthetic:"]')
    with Server("--config", str(config)) as server:
        assert list(states(server)) == ["a", "b"]
