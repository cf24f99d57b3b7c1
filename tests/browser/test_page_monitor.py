"""What the page says of a source that is watched: faults, drift with its past, and taking notice."""

import json
import re

import pytest
from conftest import axe_faults, until
from test_page import FAKE_EVENTS

api = pytest.importorskip("playwright.sync_api", reason="playwright is absent: see tests/browser/requirements.txt")
expect = api.expect

DRIFT = {
    "statistic": "brightness",
    "since": "2026-11-24T00:00:00Z",
    "noticed": "2026-11-24T03:00:00Z",
    "side": "down",
    "change": -12.34,
}
REPORT = {
    "source": "synthetic:fps=10",
    "model": "shapes@1",
    "ts": "2026-11-24T04:00:00Z",
    "health": ["covered"],
    "acknowledged": [],
    "drift": [DRIFT],
    "accuracy": {"estimate": None, "low": None, "high": None, "frames": None, "withheld": "something covers the view"},
    "findings": [],
    "statistics": [
        {"statistic": "score", "learned_days": 4, "block_s": None, "level": None, "history": []},
        {"statistic": "brightness", "learned_days": None, "block_s": 600, "level": 1, "history": [0, 1, -6, -9]},
    ],
}


def tell(page, **changes):
    record = page.request.get(page.url + "status").json()["state"]["record"]
    state = {"record": record, "classified": 1, "fps": 10, "decided_ms": 1, "lost_ms": None, "ended": None}
    watched = {"reason": None, "viewers": 1, "health": [], "drift": [], "accuracy": None}
    page.evaluate("(state) => window.told(state)", state | watched | changes)


def test_faults_and_drift_are_seen_with_their_past_and_can_be_acknowledged(live, visit, screenshot):
    page = visit(live.url, init=FAKE_EVENTS)
    report, asked = REPORT | {}, []

    def acknowledge(route):
        asked.append(route.request.post_data_json)
        report.update(drift=[])
        route.fulfill(status=204)

    page.route(re.compile(r"/monitor\?source="), lambda route: route.fulfill(body=json.dumps({"sources": [report]})))
    page.route(re.compile("/monitor/acknowledge$"), acknowledge)
    until(page, lambda: page.evaluate("Boolean(window.told)"))
    tell(page, health=["covered"], drift=[DRIFT])
    said = page.get_by_label("Condition").locator("li")
    expect(said).to_have_text(["Something covers the view", "Not what it was: brightness"])
    lines = page.get_by_role("region", name="Watch").locator("li")
    expect(lines).to_have_count(4)
    expect(lines.nth(0)).to_contain_text("Picture covered")
    expect(lines.nth(1)).to_contain_text("cannot be estimated: something covers the view")
    expect(lines.nth(2)).to_contain_text("learning what is usual, 4 of 28 days")
    expect(lines.nth(3)).to_contain_text("changed by -12.3 since")
    # Usual is 24 of 48; six deviations and more are at the edge.
    path = lines.nth(3).locator("path").last.get_attribute("d")
    assert path == "M0.0 24.0L200.0 20.2L400.0 47.0L600.0 47.0"
    expect(lines.nth(2).locator("svg")).to_be_hidden()
    assert axe_faults(page) == []
    screenshot(page, "watched")
    page.get_by_role("button", name="Acknowledge brightness").click()
    expect(lines.nth(3)).to_contain_text("as usual")
    assert asked == [{"source": "synthetic:fps=10", "what": "brightness"}]
    tell(page)
    expect(said).to_have_text(["Live"])


def test_a_source_that_is_not_watched_has_nothing_said_of_it(live, visit):
    page = visit(live.url)
    expect(page.get_by_label("Condition").locator("li")).to_have_text(["Live"])
    expect(page.locator("#watch")).to_be_hidden()
