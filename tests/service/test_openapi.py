"""The API's description is true: a fuzzer that believes it finds nothing, and it names what there is, all of it."""

import io
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from document import DOCUMENT, check, operations, whole
from PIL import Image
from server import OCELLI, ROOT, Server, sample

HERE = pathlib.Path(__file__).parent
# About half a minute.
EXAMPLES = 700
# Streams without end are tested by hand below: a fuzzer would wait for them for ever.
ENDLESS = ["/events", "/stream"]


def test_a_fuzzer_that_believes_the_description_finds_nothing(live: Server, tmp_path: pathlib.Path):
    exclude = [flag for path in ENDLESS for flag in ("--exclude-path", path)]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run", f"{live.url}/openapi.json",
               "--checks", "all", *exclude, "--max-examples", EXAMPLES, "--seed", 1, "--request-timeout", 20,
               "--generation-database", "none", "--no-color"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "fuzz_hooks.py")}
    ended = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, errors="replace",
                           cwd=tmp_path, timeout=300, check=False)
    # What it reproduces a fault with is a picture: its lines are long.
    report = "\n".join(line[:300] for line in (ended.stdout + ended.stderr).splitlines())
    assert ended.returncode == 0, report
    cases = int(re.search(r"(\d+) generated", report).group(1))
    assert cases > EXAMPLES, report
    live.is_well()


def test_the_description_names_every_route_and_no_other():
    source = (ROOT / "src" / "serve" / "routes.rs").read_text()
    routes = re.findall(r'\.route\(\s*"([^"]+)",\s*(\w+)\(', source)
    assert {(method, path) for path, method in routes} == operations()
    assert source.count(".route(") == len(routes)


def test_the_description_has_the_version_of_the_program(live: Server):
    version = subprocess.run([OCELLI, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    served = live.get("/openapi.json").json()
    assert served["info"]["version"] == version
    assert served == whole()
    served["info"]["version"] = DOCUMENT["info"]["version"]
    served["components"]["schemas"] = {}
    assert served == DOCUMENT


def test_every_answer_in_json_is_what_the_description_says(live: Server):
    schemas = whole()["components"]["schemas"]
    assert {"Record", "LiveState", "Status", "Problem", "Model", "Manifest"} <= set(schemas)
    check("Status", live.get("/status").json())
    check("Model", live.get("/model").json())
    check("Problem", live.get("/nowhere").problem())


def test_the_descriptions_schemas_refuse_what_is_not_answered(live: Server):
    status = live.get("/status").json()
    for key in status:
        with pytest.raises(AssertionError, match="required"):
            check("Status", {other: value for other, value in status.items() if other != key})
    with pytest.raises(AssertionError, match="unexpected"):
        check("Status", {**status, "more": 1})
    with pytest.raises(AssertionError, match="maximum"):
        check("Class", {"label": "star", "index": 0, "score": 1.5})


def test_a_record_is_what_the_description_says_with_and_without_top_k(live: Server):
    for path in ("/predict", "/predict/batch"):
        for query, classes in (("", 4), ("?top_k=1", 1), ("?top_k=3", 3), ("?top_k=1000", 4)):
            answer = live.predict(sample("star-1.jpg"), path=path + query)
            record = answer.json()
            check("Record", record)
            assert (answer.status, record["label"], record["source"], len(record["top"])) == (200, "star", "request", classes)
            assert record["top"][0] == {key: record[key] for key in ("label", "index", "score")}


def test_a_form_gives_a_record_or_a_problem_per_part_in_their_order(live: Server):
    for path in ("/predict", "/predict/batch"):
        answer = live.form(("a.jpg", sample("circle-1.jpg")), ("b.txt", b"no picture"), ("c.jpg", sample("square-1.jpg")), path=path)
        assert answer.status == 200
        first, second, third = answer.json()
        check("Record", first)
        check("Problem", second)
        check("Record", third)
        assert [first["source"], first["label"], third["source"], third["label"]] == ["a.jpg", "circle", "c.jpg", "square"]
        assert second["status"] == 422
        alone = live.form(("a.jpg", sample("circle-1.jpg")), path=path)
        assert (alone.status, alone.json()["label"]) == (200, "circle")
        assert live.form(("x", b"no"), ("y", b"picture"), path=path).problem()["status"] == 422


def test_events_are_states_without_end(live: Server):
    connection = live.connect()
    connection.request("GET", "/events")
    response = connection.getresponse()
    assert (response.status, response.getheader("content-type")) == (200, "text/event-stream")
    frames = []
    while len(frames) < 10:
        line = response.readline().decode().rstrip("\n")
        if line.startswith("data:"):
            state = json.loads(line.removeprefix("data:"))
            check("LiveState", state)
            frames.append(state["record"]["frame"])
        else:
            assert line in ("", "event: state", ":"), line
    connection.close()
    assert frames == sorted(frames)
    assert frames[-1] > frames[0]


def test_a_stream_is_jpegs_each_closed_by_its_boundary(live: Server):
    connection = live.connect()
    connection.request("GET", "/stream")
    response = connection.getresponse()
    kind, _, boundary = response.getheader("content-type").partition("; boundary=")
    assert (response.status, kind) == (200, "multipart/x-mixed-replace")
    assert response.readline() == b"\r\n"
    for _ in range(5):
        assert response.readline() == f"--{boundary}\r\n".encode()
        assert response.readline() == b"Content-Type: image/jpeg\r\n"
        length = int(re.fullmatch(rb"Content-Length: (\d+)\r\n", response.readline()).group(1))
        assert re.fullmatch(rb"ocelli-frame: \d+\r\n", response.readline())
        assert response.readline() == b"\r\n"
        picture = Image.open(io.BytesIO(response.read(length)))
        picture.load()
        assert picture.format == "JPEG"
        assert response.readline() == b"\r\n"
    connection.close()


def test_a_picture_goes_with_the_record_of_its_frame(live: Server):
    events = live.connect()
    events.request("GET", "/events")
    stream = live.connect()
    stream.request("GET", "/stream")
    told, pictures = events.getresponse(), stream.getresponse()
    labels, paired = {}, 0
    for _ in range(100):
        while not (line := pictures.readline()).startswith(b"Content-Length"):
            assert line
        length, frame = int(line.split()[1]), int(pictures.readline().split()[1])
        assert pictures.readline() == b"\r\n"
        picture = pictures.read(length)
        while max(labels, default=-1) < frame:
            line = told.readline().decode()
            if line.startswith("data: ") and (record := json.loads(line[6:])["record"]):
                labels[record["frame"]] = record["label"]
        if frame in labels:  # whoever is slow gets the newest, and may miss a record
            assert live.predict(picture).json()["label"] == labels[frame]
            paired += 1
        if paired == 12:
            break
    assert paired == 12
    events.close()
    stream.close()


def test_a_snapshot_is_a_jpeg_no_larger_than_viewers_get(live: Server):
    answer = live.get("/snapshot.jpg")
    picture = Image.open(io.BytesIO(answer.body))
    picture.load()
    assert (answer.status, answer.headers["content-type"], picture.format) == (200, "image/jpeg", "JPEG")
    assert max(picture.size) <= 640
    assert answer.headers["ocelli-frame"].isdigit()


def test_head_goes_wherever_get_does_even_where_the_body_would_have_no_end(live: Server):
    for method, path in sorted(operations()):
        if method == "get":
            answer = live.ask("HEAD", path.format(file="page.js"), timeout=5)
            assert (answer.status, answer.body) == (200, b""), path


def test_what_needs_a_source_or_a_window_says_what_is_missing(server: Server):
    for path in ("/events", "/stream", "/snapshot.jpg"):
        assert "without a live source" in server.get(path).problem()["detail"]
    assert "does not collect batches" in server.predict(sample("star-1.jpg"), path="/predict/batch").problem()["detail"]
    assert server.get("/status").json()["state"] is None
    check("Status", server.get("/status").json())


def test_nothing_but_liveness_is_told_before_the_model_is_proved():
    with Server(ready=False) as server:
        # Loading takes some hundred milliseconds: this is asked well within them, or the service was quicker.
        early = server.get("/readyz")
        if early.status == 200:
            pytest.skip("the model was ready before it could be asked")
        assert early.status == 503
        assert int(early.headers["retry-after"]) >= 1
        early.problem()
        server.wait_for(" is ready on ")
        assert server.get("/readyz").body == b"ready\n"
        assert server.get("/healthz").body == b"alive\n"
