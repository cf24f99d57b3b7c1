"""The live page in Chromium, used as a person uses it: looked at, clicked, dropped on, left and come back to."""

import base64
import re
import signal
from itertools import pairwise

import pytest
from conftest import HIDE, ROOT, SAMPLES, Server, axe_faults, until

api = pytest.importorskip("playwright.sync_api", reason="playwright is absent: see tests/browser/requirements.txt")
expect = api.expect
expect.set_options(timeout=15_000)

SHAPES = ["circle", "square", "star", "triangle"]
NUMBER = re.compile(r"^[\d,]+(\.\d+)?$")

# Stands in for the event stream, so that a test can say what the server saw.
FAKE_EVENTS = """
window.EventSource = class extends EventTarget {
  constructor() {
    super();
    window.told = (state) => {
      // An answer is shown with its picture: it is about the one that is seen.
      state.record.frame = Number(document.getElementById("video").dataset.frame ?? 0);
      this.dispatchEvent(new MessageEvent("state", { data: JSON.stringify(state) }));
    };
  }
  close() {}
};
"""
PIXELS = """(id) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  const context = canvas.getContext("2d");
  context.drawImage(document.getElementById(id), 0, 0, 64, 48);
  return Array.from(context.getImageData(0, 0, 64, 48).data).join();
}"""
# Files as they come from a file manager or a clipboard.
TRANSFER = """([name, type, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type }));
  return transfer;
}"""


def is_live(page):
    expect(page.get_by_label("Condition")).to_have_text("Live")
    expect(page.locator("#label")).to_have_text(re.compile("|".join(SHAPES)))
    expect(page.get_by_alt_text("What the camera sees")).to_be_visible()


def pixels(page, element="video"):
    return page.evaluate(PIXELS, element)


def transfer(page, file, kind="image/jpeg"):
    data = base64.b64encode(file.read_bytes()).decode()
    return page.evaluate_handle(TRANSFER, [file.name, kind, data])


def tell(page, **changes):
    """Says through the fake event stream what the server would."""
    record = {
        "ts": "2026-11-24T00:00:00.000Z",
        "frame": 12,
        "source": "camera:0",
        "model": "shapes@1",
        "label": "circle",
        "index": 0,
        "score": 0.98,
        "top": [{"label": label, "index": i, "score": 0.98 / (i + 1)} for i, label in enumerate(SHAPES)],
        "unknown": False,
        "timing_ms": {"capture": 0.1, "decode": 0.4, "preprocess": 0.2, "inference": 0.1, "total": 0.8},
        "frame_age_ms": 12.3,
        "dropped": 6,
        "drops": {"newer": 3, "camera": 2, "damaged": 1, "paced": 0, "still": 0, "outages": 4},
        "engine": "onnxruntime 1.32.0",
        "provider": "cpu",
    }
    state = {"classified": 123, "fps": 29.9, "decided_ms": 1234.5, "lost_ms": None, "viewers": 2}
    state.update({key: changes.pop(key) for key in list(changes) if key in state})
    page.evaluate("(state) => window.told(state)", {**state, "record": record | changes})


def tell_when_there(page, **changes):
    until(page, lambda: page.evaluate("Boolean(window.told)"))
    tell(page, **changes)
    expect(page.locator("#score")).to_have_text(NUMBER)


# ---- A camera


def test_the_label_is_the_shape_that_the_camera_draws(live, visit):
    page = visit(live.url)
    is_live(page)
    seen = set()

    def compared():
        before = live.status()["state"]
        label = page.locator("#label").inner_text()
        after = live.status()["state"]
        truth = before["record"]["source"]
        settled = before["decided_ms"] > 500 and truth == after["record"]["source"]
        if settled and not before["record"]["unknown"]:
            assert f"synthetic:{label}" == truth
            seen.add(label)
        return len(seen) >= 2

    until(page, compared, 40)


def test_bars_show_the_scores_and_change_with_them(live, visit):
    page = visit(live.url)
    is_live(page)
    bars = page.get_by_label("Best classes").locator("li")
    expect(bars).to_have_count(4)
    top = """() => { const [name, track, value] = document.querySelector("#bars li").children;
        const width = track.firstChild.getBoundingClientRect().width / track.getBoundingClientRect().width;
        return [name.textContent, Number(value.textContent), width, document.getElementById("label").textContent]; }"""
    name, score, _, label = until(page, lambda: (v := page.evaluate(top)) and abs(v[1] - v[2]) < 0.02 and v)
    assert name in SHAPES
    assert name in label
    assert 0 < score <= 1
    first = bars.all_inner_texts()
    until(page, lambda: bars.all_inner_texts() != first)


def test_stage_times_frame_rate_and_the_engine_are_shown(live, visit):
    page = visit(live.url)
    is_live(page)
    for figure in ["capture", "decode", "preprocess", "inference", "total", "frame-age", "classified", "dropped"]:
        expect(page.locator(f"#{figure}")).to_have_text(NUMBER)
    expect(page.locator("#fps")).to_have_text(NUMBER)
    until(page, lambda: 8 <= float(page.locator("#fps").inner_text()) <= 12, 30)
    status = live.status()
    expect(page.locator("#engine")).to_have_text(f"{status['engine']}, {status['provider']}")
    expect(page.locator("#model")).to_have_text(status["model"])
    expect(page.locator("#source")).to_have_text("synthetic:fps=10")
    stages = page.locator("#stack i").evaluate_all("all => all.map((one) => one.getBoundingClientRect().width)")
    whole = page.locator("#stack").bounding_box()["width"]
    assert abs(sum(stages) + 6 - whole) < 2


def test_the_picture_moves_and_can_be_paused(live, visit):
    page = visit(live.url)
    is_live(page)
    assert page.locator("#video").evaluate("video => video.naturalWidth") == 320
    first = pixels(page)
    until(page, lambda: pixels(page) != first)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_label("Condition")).to_have_text("Paused")
    expect(page.locator("#video")).to_be_hidden()
    still, label = pixels(page, "still"), page.locator("#label").inner_text()
    assert len(set(still.split(","))) > 20, "the last picture stays"
    until(page, lambda: live.status()["state"]["viewers"] == 0)
    page.wait_for_timeout(3500)
    assert (pixels(page, "still"), page.locator("#label").inner_text()) == (still, label)
    page.get_by_role("button", name="Resume").click()
    is_live(page)
    resumed = pixels(page)
    until(page, lambda: pixels(page) != resumed)


def test_the_last_minute_is_drawn_and_put_in_words(live, visit):
    page = visit(live.url)
    is_live(page)
    expect(page.get_by_role("img", name=re.compile(r"^Score in the last minute: 0\.\d+ to [01]\.\d+$"))).to_be_visible()
    expect(
        page.get_by_role("img", name=re.compile(r"^Frame age, ms in the last minute: [\d.,]+ to [\d.,]+$"))
    ).to_be_visible()
    line = page.locator("#age-chart path").nth(1)
    drawn = line.get_attribute("d")
    until(page, lambda: len(line.get_attribute("d")) > len(drawn))
    expect(page.locator("#changes")).to_have_text(re.compile(r"^[1-9]\d* changes? of the label$"))


def test_nothing_moves_but_the_values(live, visit):
    page = visit(live.url)
    is_live(page)
    page.wait_for_timeout(1500)
    places = """() => Array.from(document.querySelectorAll("section, button, #screen, dd, .track, svg"),
        (one) => { const { x, y, right, bottom } = one.getBoundingClientRect();
            return one.tagName === "DD" ? [y, right] : [x, y, right, bottom]; }).join(" ")"""
    first, label = page.evaluate(places), page.locator("#label").inner_text()
    until(page, lambda: page.locator("#label").inner_text() != label)
    assert page.evaluate(places) == first


def test_only_new_decisions_are_read_out(live, visit):
    page = visit(live.url)
    is_live(page)
    said = page.locator("#said")
    assert said.get_attribute("aria-live") == "polite"
    expect(said).to_have_text(re.compile("|".join(SHAPES)))
    page.evaluate("""() => { window.said = []; const said = document.getElementById("said");
        new MutationObserver(() => window.said.push(said.textContent)).observe(said, { childList: true }); }""")
    page.wait_for_timeout(8000)
    heard = page.evaluate("window.said")
    assert 1 <= len(heard) <= 4
    assert all(one != other for one, other in pairwise(heard))


def test_a_server_that_dies_is_said_and_found_again(visit, screenshot):
    server = Server("--source", "synthetic:fps=10")
    page = visit(
        server.url, expect_faults="ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY"
    )
    try:
        is_live(page)
        server.kill()
        expect(page.get_by_label("Condition")).to_have_text("No connection to the server. Trying again")
        expect(page.locator("#said")).to_have_text("No connection to the server. Trying again")
        expect(page.locator("#age")).to_have_text("last answer")
        assert len(set(pixels(page, "still").split(","))) > 20, "the last picture stays"
        screenshot(page, "disconnected")
        page.wait_for_timeout(3000)
        server.start()
        is_live(page)
        first, label = pixels(page), page.locator("#label").inner_text()
        until(page, lambda: pixels(page) != first)
        until(page, lambda: page.locator("#label").inner_text() != label)
    finally:
        page.close()
        server.kill()


def test_a_server_that_falls_silent_is_said_and_found_again(visit):
    server = Server("--source", "synthetic:fps=10")
    page = visit(server.url)
    try:
        is_live(page)
        server.process.send_signal(signal.SIGSTOP)
        expect(page.get_by_label("Condition")).to_have_text("No connection to the server. Trying again")
        server.process.send_signal(signal.SIGCONT)
        is_live(page)
    finally:
        page.close()
        server.kill()


def test_a_tab_in_the_background_watches_nothing(live, visit):
    page = visit(live.url)
    is_live(page)
    until(page, lambda: live.status()["state"]["viewers"] == 1)
    page.evaluate(HIDE, True)
    until(page, lambda: live.status()["state"]["viewers"] == 0)
    classified = page.locator("#classified").inner_text()
    page.wait_for_timeout(1000)
    assert page.locator("#classified").inner_text() == classified, "events stop too"
    page.evaluate(HIDE, False)
    is_live(page)
    until(page, lambda: page.locator("#classified").inner_text() != classified)
    until(page, lambda: live.status()["state"]["viewers"] == 1)


def test_picture_and_answer_are_those_of_one_frame(live, visit):
    page = visit(live.url)
    is_live(page)
    # Looked at for every picture that the browser draws, through a change of the shape.
    seen = page.evaluate("""() => new Promise((resolve) => {
      const [seen, pictures, labels] = [[], new Set(), new Set()];
      const look = () => {
        const [video, label] = ["video", "label"].map((id) => document.getElementById(id));
        seen.push([Number(video.dataset.frame), Number(label.dataset.frame)]);
        pictures.add(video.dataset.frame);
        labels.add(label.textContent);
        if (pictures.size < 30 || labels.size < 2) requestAnimationFrame(look);
        else resolve(seen);
      };
      look();
    })""")
    apart = [pair for pair in seen if pair[0] != pair[1]]
    assert len(apart) <= len(seen) / 50, apart


# ---- What goes wrong


def test_a_lost_source_and_a_doubt_are_said_until_they_are_over(live, visit, screenshot):
    page = visit(live.url, init=FAKE_EVENTS)
    tell_when_there(page, lost_ms=65_000, doubt="the scores sum to 2.31, not to 1")
    condition = page.get_by_label("Condition").get_by_role("listitem")
    expect(condition).to_have_text(
        [re.compile(r"^Source lost for 1 min 5 s"), "Doubt: the scores sum to 2.31, not to 1"]
    )
    expect(page.locator("#age")).to_have_text("last answer")
    until(page, lambda: page.evaluate(PIXELS, "video"))
    screenshot(page, "lost")
    tell(page)
    expect(condition).to_have_text(["Live"])
    expect(page.locator("#age")).to_have_text("for 1 s")


def test_frames_that_were_not_classified_are_counted_by_cause(live, visit):
    page = visit(live.url, init=FAKE_EVENTS)
    tell_when_there(page)
    figures = page.get_by_role("region", name="Frames").locator("dl > div")
    counts = dict(text.split("\n", 1) for text in figures.all_inner_texts())
    assert {name: value.strip() for name, value in counts.items()} == {
        "Frames per second": "29.9",
        "Frame age, ms": "12.3",
        "Classified": "123",
        "Source lost, times": "4",
        "Viewers": "2",
        "Not classified": "6",
        "a newer one came": "3",
        "missed by the camera": "2",
        "damaged": "1",
        "left out to keep pace": "0",
        "scene stood still": "0",
    }


def test_what_no_class_is_decided_for_is_unknown(live, visit):
    page = visit(live.url, init=FAKE_EVENTS)
    tell_when_there(page, unknown=True, score=0.41)
    expect(page.locator("#label")).to_have_text("unknown, perhaps circle")
    expect(page.locator("#score")).to_have_text("0.410")
    expect(page.locator("#said")).to_have_text("unknown, perhaps circle")


@pytest.mark.parametrize("size", [(320, 640), (1280, 800)])
def test_labels_are_text_however_long_or_hostile(live, visit, size):
    hostile = "<img src=x onerror=alert(1)> " + "Pneumonoultramicroscopicsilicovolcanoconiosis" * 3
    page = visit(live.url, size, init=FAKE_EVENTS)
    tell_when_there(page)
    before = page.get_by_role("region", name="Decision").bounding_box()
    tell(page, label=hostile, top=[{"label": hostile, "index": i, "score": 0.1} for i in range(4)])
    expect(page.locator("#label")).to_have_text(hostile)
    assert page.get_by_role("region", name="Decision").bounding_box() == before
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    assert page.locator("#bars img, #label img").count() == 0


# ---- Images without a camera


def answer(page, name):
    return page.get_by_label("Answers").get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))


def test_a_dropped_image_gets_its_label(bare, visit):
    page = visit(bare.url)
    expect(page.get_by_label("Condition")).to_have_text("Ready")
    expect(page.get_by_role("region", name="Picture")).to_be_hidden()
    page.dispatch_event("#zone", "drop", {"dataTransfer": transfer(page, SAMPLES / "star-1.jpg")})
    star = answer(page, "star-1.jpg")
    expect(star.locator(".said")).to_have_text("star")
    expect(star.locator(".bars li")).to_have_count(4)
    expect(star.locator("small")).to_have_text(re.compile(r"^[\d.]+ ms$"))
    expect(page.locator("#said")).to_have_text("star-1.jpg: star")
    assert star.locator("img").evaluate("image => image.naturalWidth") == 320


def test_a_pasted_image_gets_its_label(bare, visit):
    page = visit(bare.url)
    expect(page.get_by_label("Condition")).to_have_text("Ready")
    page.evaluate(
        "(clipboardData) => document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))",
        transfer(page, SAMPLES / "circle-1.jpg"),
    )
    expect(answer(page, "circle-1.jpg").locator(".said")).to_have_text("circle")


def test_many_images_are_chosen_with_the_keyboard_and_cleared_again(bare, visit, screenshot):
    page = visit(bare.url, expect_faults="status of 4")
    # Listened for from the start: Chromium opens its own dialog when the listener comes late.
    choosers = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))  # noqa: PLW0108 - no built-in can listen
    expect(page.get_by_label("Condition")).to_have_text("Ready")
    page.get_by_label("Choose images").focus()
    page.keyboard.press("Enter")
    (chooser,) = until(page, lambda: choosers)
    assert chooser.is_multiple()
    chooser.set_files([*sorted(SAMPLES.glob("*.jpg")), ROOT / "README.md"])
    for file in SAMPLES.glob("*.jpg"):
        expect(answer(page, file.name).locator(".said")).to_have_text(file.name.split("-")[0])
    expect(answer(page, "README.md").locator(".error")).to_have_text(re.compile(r"\w+ \w+.*JPEG"))
    order = page.get_by_label("Answers").get_by_role("heading").all_inner_texts()
    assert order == [*sorted(file.name for file in SAMPLES.glob("*.jpg")), "README.md"]
    screenshot(page, "images")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_label("Answers").locator("li")).to_have_count(0)
    expect(page.get_by_label("Choose images")).to_be_focused()


def test_an_image_can_be_tried_beside_a_camera(live, visit):
    page = visit(live.url)
    is_live(page)
    page.get_by_label("Choose images").set_input_files(SAMPLES / "triangle-2.jpg")
    expect(answer(page, "triangle-2.jpg").locator(".said")).to_have_text("triangle")
    expect(page.get_by_label("Condition")).to_have_text("Live")


def test_a_server_that_does_not_answer_is_said_beside_the_image(bare, visit):
    page = visit(bare.url, expect_faults="ERR_FAILED")
    expect(page.get_by_label("Condition")).to_have_text("Ready")
    page.route("**/predict*", lambda route: route.abort())
    page.get_by_label("Choose images").set_input_files(SAMPLES / "star-2.jpg")
    expect(answer(page, "star-2.jpg").locator(".error")).to_have_text("The server did not answer")


# ---- Every screen, every person


def test_a_long_source_breaks_and_does_not_widen_a_phone(visit):
    server = Server("--source", "synthetic:fps=10,frames=100000000,size=640x480,seed=12345678901")
    try:
        page = visit(server.url, (320, 640))
        is_live(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        page.close()
    finally:
        server.kill()


def test_a_phone_shows_picture_and_decision_at_once_and_never_scrolls_sideways(live, visit, screenshot):
    page = visit(live.url, (320, 640))
    is_live(page)
    page.wait_for_timeout(1000)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    for part in ["#video", "#label", "#standing"]:
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320 and box["y"] + box["height"] <= 640, part
    page.get_by_label("Choose images").set_input_files(SAMPLES / "star-1.jpg")
    expect(answer(page, "star-1.jpg").locator(".said")).to_have_text("star")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    screenshot(page, "phone")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_is_dark_where_that_is_wished(live, visit, screenshot, scheme):
    page = visit(live.url, scheme=scheme)
    is_live(page)
    page.wait_for_timeout(4000)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert brightness < 60 if scheme == "dark" else brightness > 200
    screenshot(page, f"desktop-{scheme}")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_slides_for_those_who_wish_for_no_motion(live, visit, motion):
    page = visit(live.url, motion=motion)
    is_live(page)
    durations = page.evaluate("""() => Array.from(document.querySelectorAll("*"),
        (one) => { const style = getComputedStyle(one);
            return parseFloat(style.transitionDuration) + parseFloat(style.animationDuration); })""")
    assert any(durations) == (motion == "no-preference")


def test_whatever_can_be_used_has_a_name(live, visit):
    page = visit(live.url)
    is_live(page)
    page.get_by_label("Choose images").set_input_files(SAMPLES / "star-1.jpg")
    expect(answer(page, "star-1.jpg").locator(".said")).to_have_text("star")
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    named = {"button", "link", "image", "textbox", "region", "navigation", "list"}
    parts = [(n["role"]["value"], n.get("name", {}).get("value")) for n in nodes if not n["ignored"]]
    names = [(role, name) for role, name in parts if role in named]
    landmarks = {role for role, _ in parts}
    assert {"main", "banner", "contentinfo", "navigation"} <= landmarks
    assert {("button", "Pause"), ("button", "Clear"), ("link", "Model facts")} <= set(names)
    assert [role for role, name in names if not name and role != "list"] == []


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(live, visit):
    page = visit(live.url)
    is_live(page)
    reached = []
    focused = """() => { const one = document.activeElement;
        return [one.id || one.textContent, getComputedStyle(one.closest("label") ?? one).outlineStyle]; }"""
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(focused))
    assert [name for name, _ in reached] == ["model", "save", "pause", "files", "Model facts", "Metrics", "API"]
    assert {outline for _, outline in reached} == {"solid"}


def test_every_link_leads_somewhere(live, visit):
    page = visit(live.url)
    is_live(page)
    for link in page.get_by_role("link").all():
        response = page.request.get(live.url + link.get_attribute("href"))
        assert response.ok, link.get_attribute("href")


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("state", ["live", "lost", "unknown", "images"])
def test_axe_finds_no_fault(live, bare, visit, state, scheme):
    if state == "images":
        page = visit(bare.url, scheme=scheme, expect_faults="status of 4")
        page.get_by_label("Choose images").set_input_files([SAMPLES / "star-1.jpg", ROOT / "README.md"])
        expect(answer(page, "star-1.jpg").locator(".said")).to_have_text("star")
    else:
        page = visit(live.url, scheme=scheme, init=FAKE_EVENTS)
        changes = {"lost": {"lost_ms": 2500.0, "doubt": "text"}, "unknown": {"unknown": True}}.get(state, {})
        tell_when_there(page, **changes)
        page.wait_for_timeout(1000)
    assert axe_faults(page) == []


def test_nothing_comes_from_elsewhere_or_inline(live, visit):
    page = visit("about:blank")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    policy = page.goto(live.url).headers["content-security-policy"]
    is_live(page)
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert [url for url in asked if not url.startswith((live.url, "blob:"))] == []
