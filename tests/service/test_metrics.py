"""Counts in both texts, as the monitoring system's own tools and clients read them."""

import shutil
import subprocess

import prometheus_client.openmetrics.parser
import prometheus_client.parser
import pytest
from prometheus_client import Metric
from server import Server, sample

OPEN = "application/openmetrics-text"
PROMETHEUS = (f"{OPEN};version=1.0.0;escaping=allow-utf-8;q=0.5,{OPEN};version=0.0.1;q=0.4,"
              "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1")
LABELS = {"way", "source", "stage", "label", "cause", "route", "status", "queue", "model", "sha256", "engine", "provider", "le"}


@pytest.fixture(scope="module")
def counted():
    """Two sources that have ended, and one that goes on without frames; some requests, good and bad."""
    sources = ("door=synthetic:fps=50,frames=20", "yard=synthetic:fps=50,frames=10", "gone=camera:97", "still=synthetic:fps=0.01")
    with Server(*(flag for source in sources for flag in ("--source", source))) as server:
        for _ in range(3):
            server.predict(sample("star-1.jpg"))
        server.predict(b"no picture")
        for name in ("door", "yard"):
            server.wait_for("is ready")
            while not any(s["name"] == name and s["state"] and s["state"]["ended"] for s in server.get("/status").json()["sources"]):
                pass
        yield server


def read(server: Server, accept: str | None) -> tuple[str, str]:
    """The type and the text that a client gets."""
    answer = server.get("/metrics", headers={"Accept": accept} if accept else {})
    assert answer.headers["vary"] == "Accept"
    return answer.headers["content-type"], answer.body.decode()


def classic(server: Server) -> dict[str, Metric]:
    kind, text = read(server, None)
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    return {family.name: family for family in prometheus_client.parser.text_string_to_metric_families(text)}


def open_metrics(server: Server) -> dict[str, Metric]:
    kind, text = read(server, PROMETHEUS)
    assert kind == f"{OPEN}; version=1.0.0; charset=utf-8"
    return {family.name: family for family in prometheus_client.openmetrics.parser.text_string_to_metric_families(text)}


def values(family: Metric, suffix: str = "") -> dict[tuple, float]:
    """Each value by its labels, in the order of their names."""
    return {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples if sample.name == family.name + suffix}


def test_each_client_gets_the_text_that_it_asks_for(counted: Server):
    for accept, expected in (
        (None, "text/plain"), ("*/*", "text/plain"), ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain"),
        (PROMETHEUS, OPEN), (OPEN, OPEN), (f"{OPEN};q=0", "text/plain"), (f"{OPEN};q=0.2,text/plain;q=0.5", "text/plain"),
        (f"{OPEN};q=0.5,text/plain;q=0.5", OPEN), ("application/json", "text/plain"),
    ):
        kind, text = read(counted, accept)
        assert kind.partition(";")[0] == expected, accept
        assert text.endswith("# EOF\n") == ("# UNIT " in text) == (expected == OPEN), accept


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed: Debian's package prometheus has it")
def test_promtool_has_nothing_to_say(counted: Server):
    _, text = read(counted, None)
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_both_texts_say_the_same(counted: Server):
    one, other = classic(counted), open_metrics(counted)
    assert set(one) == set(other)
    for name, family in one.items():
        assert (family.type, family.documentation) == (other[name].type, other[name].documentation), name
        told = {(s.name, *sorted(s.labels.items())): s.value for s in family.samples}
        if name not in ("ocelli_requests", "ocelli_request_seconds"):  # asking is counted
            assert told == {(s.name, *sorted(s.labels.items())): s.value for s in other[name].samples}, name
        assert {label for s in family.samples for label in s.labels} <= LABELS
    assert {name: family.unit for name, family in other.items() if family.unit} == {
        "ocelli_stage_seconds": "seconds", "ocelli_frame_age_seconds": "seconds", "ocelli_request_seconds": "seconds"}


def test_what_is_counted_of_a_source_has_its_name(counted: Server):
    families = classic(counted)
    frames, dropped = values(families["ocelli_frames"], "_total"), values(families["ocelli_dropped_frames"], "_total")
    assert frames[("way", "request"),] == 3
    for name, given in (("door", 20), ("yard", 10), ("gone", 0)):
        live = frames[("source", name), ("way", "live")]
        assert live + sum(value for labels, value in dropped.items() if ("source", name) in labels) == given, name
        for stage in ("capture", "decode", "preprocess", "inference"):
            assert values(families["ocelli_stage_seconds"], "_count")[("source", name), ("stage", stage)] == live
        assert values(families["ocelli_frame_age_seconds"], "_count")[("source", name),] == live
        decided = values(families["ocelli_predictions"], "_total")
        assert sum(value for labels, value in decided.items() if ("source", name) in labels) == live
    assert values(families["ocelli_predictions"], "_total")[("label", "star"),] == 3
    assert values(families["ocelli_stage_seconds"], "_count")[("stage", "decode"),] == 3
    up = values(families["ocelli_source_up"])
    assert up == {(("source", name),): value for name, value in (("door", 0), ("yard", 0), ("gone", 0), ("still", 1))}
    assert set(values(families["ocelli_outages"], "_total")) == set(up) == set(values(families["ocelli_viewers"]))
    assert values(families["ocelli_queue_depth"]) == {(("queue", "requests"),): 0}
    assert values(families["ocelli_requests"], "_total")[("route", "/predict"), ("status", "422")] == 1


def test_without_sources_there_are_no_counts_of_any(server: Server):
    families = classic(server)
    assert not {"ocelli_source_up", "ocelli_viewers", "ocelli_outages"} & set(families)
    assert {"ocelli_frames", "ocelli_stage_seconds", "ocelli_model_info"} <= set(families)
