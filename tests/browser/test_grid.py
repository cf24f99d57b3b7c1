"""The page of several sources in Chromium: all of them at a glance, and one in full."""

import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from conftest import HIDE, SAMPLES, Server, axe_faults, until

api = pytest.importorskip("playwright.sync_api", reason="playwright is absent: see tests/browser/requirements.txt")
expect = api.expect
expect.set_options(timeout=15_000)

DESKTOP, PHONE, SMALL = (1280, 800), (390, 844), (320, 640)
# The last one was given no name, and is called by its own text.
NAMES = ["door", "yard", "belt", "gate", "camera-1", "synthetic:fps=5,seed=9"]
# What each card says at one moment, and of which frames its answer and its picture are.
CARDS = """() => Array.from(document.querySelectorAll("#cards > li"), (card) => {
  const text = (name) => card.querySelector(name).textContent;
  const frame = (name) => Number(card.querySelector(name).dataset.frame ?? 0);
  return { name: text("h3"), condition: text(".condition"), label: text(".said"), score: text(".score"),
    standing: text(".standing"), age: text(".age"), answered: frame(".said"), pictured: frame("canvas") };
})"""
# Stands in for the event stream, so that a test can say what the server saw.
FAKE_EVENTS = """
window.EventSource = class extends EventTarget {
  constructor() {
    super();
    window.told = (state) => {
      // An answer is shown with its picture: it is about the one that is seen.
      const link = document.querySelector(`#cards a[href="#${encodeURIComponent(state.name)}"]`);
      const { frame } = link.closest("li").querySelector("canvas").dataset;
      if (state.record) state.record.frame = Number(frame ?? 0);
      this.dispatchEvent(new MessageEvent("state", { data: JSON.stringify(state) }));
    };
  }
  close() {}
};
"""
COLORS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


class Camera:
    """A camera with an address, that can be pulled out and put back."""

    def __init__(self):
        picture = (SAMPLES / "star-1.jpg").read_bytes()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", str(len(picture)))
                self.end_headers()
                self.wfile.write(picture)

            def log_message(self, *_):
                pass

        self.handler, self.port = Handler, 0
        self.put_back()

    def put_back(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self.handler)
        self.port = self.server.server_port
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def pull_out(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def source(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture(scope="module")
def many():
    """A server that watches six cameras, each of which draws shapes of its own."""
    sources = [f"{name}=synthetic:fps=5,seed={seed}" for seed, name in enumerate(NAMES[:5], 2)] + [NAMES[5]]
    server = Server(*(word for source in sources for word in ("--source", source)))
    yield server
    server.kill()


def states(server) -> dict:
    return {source["name"]: source["state"] for source in server.status()["sources"]}


def viewers(server) -> list[int]:
    return [state["viewers"] for state in states(server).values()]


def milliseconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def card(page, name):
    link = page.get_by_role("link", name=name, exact=True)
    return page.locator("#cards > li").filter(has=link)


def is_grid(page, names=NAMES):
    expect(page.locator("#cards h3")).to_have_text(names)
    expect(page.locator("#cards .condition")).to_have_text(["Live"] * len(names))
    until(page, lambda: all(one["pictured"] for one in page.evaluate(CARDS)))


def is_full(page, name):
    expect(page.locator("#strip [aria-current]")).to_have_text(name)
    expect(page.locator("#label")).to_have_text(re.compile("circle|square|star|triangle"))
    expect(page.locator("#video")).to_be_visible()


# ---- All at a glance


def test_every_card_says_what_the_service_does(many, visit, screenshot):
    page = visit(many.url)
    is_grid(page)
    told, ages, equal = {}, set(), set()

    def compared():
        for name, state in states(many).items():
            record = told[name, state["record"]["frame"]] = state["record"]
            ages.add((name, milliseconds(record["frame_age_ms"])))
        for one in page.evaluate(CARDS):
            record = told.get((one["name"], one["answered"]))
            if record and (one["name"], one["age"].removesuffix(" ms old")) in ages:
                perhaps = "unknown, perhaps " if record["unknown"] else ""
                assert one["label"] == perhaps + record["label"]
                assert one["score"] == f"{record['score']:.3f}"
                equal.add(one["name"])
        return equal == set(NAMES)

    until(page, compared)
    screenshot(page, "grid")


def test_a_card_says_for_how_long_its_answer_stands(many, visit):
    page = visit(many.url)
    is_grid(page)

    def is_near():
        before = time.monotonic()
        decided = {name: state["decided_ms"] / 1000 for name, state in states(many).items()}
        shown = {one["name"]: one["standing"] for one in page.evaluate(CARDS)}
        late = time.monotonic() - before + 1
        seconds = {name: int(re.fullmatch(r"for (\d+) s", text)[1]) for name, text in shown.items()}
        return all(decided[name] - 1.5 <= seconds[name] <= decided[name] + late for name in NAMES)

    until(page, is_near)


def test_a_picture_goes_with_its_answer_on_every_card(many, visit):
    page = visit(many.url)
    is_grid(page)
    # Looked at for every picture that the browser draws, until each card has had some.
    seen = page.evaluate(f"""() => new Promise((resolve) => {{
      const [cards, seen, pictures] = [{CARDS}, [], new Map()];
      const look = () => {{
        for (const {{ name, pictured, answered }} of cards()) {{
          seen.push([name, pictured, answered]);
          pictures.set(name, (pictures.get(name) ?? new Set()).add(pictured));
        }}
        if (Array.from(pictures.values()).some((each) => each.size < 8)) requestAnimationFrame(look);
        else resolve(seen);
      }};
      look();
    }})""")
    assert {name for name, _, _ in seen} == set(NAMES)
    apart = [one for one in seen if one[1] != one[2]]
    # An answer that takes longer than its picture is rare.
    assert len(apart) <= len(seen) / 20, apart


def test_six_sources_take_two_connections_and_one_encoding_each(many, visit):
    page = visit("about:blank")
    asked = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(many.url)))
    page.goto(many.url)
    is_grid(page)
    until(page, lambda: viewers(many) == [1] * 6)
    watching = [path for path in asked if path.startswith(("events", "stream", "snapshot"))]
    assert len(watching) == 2 and set(watching) == {"events", "stream"}


def test_the_last_minute_is_drawn_on_every_card_and_put_in_words(many, visit):
    page = visit(many.url)
    is_grid(page)
    until(page, lambda: all(re.search(r"\d\.\d+ to [01]\.\d+", name or "") for name in minute_names(page)))
    for name in minute_names(page):
        assert re.fullmatch(r"Score in the last minute: [01]\.\d+ to [01]\.\d+, \d+ changes? of the label", name)
    marks = "all => all.map((one) => one.getAttribute('d').split('M').length - 1)"
    counted = until(page, lambda: any(c := page.locator("#cards .mark").evaluate_all(marks)) and c)
    said = [int(re.search(r", (\d+) change", name)[1]) for name in minute_names(page)]
    assert all(abs(one - other) <= 1 for one, other in zip(counted, said, strict=True))


def minute_names(page):
    return page.locator("#cards svg").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")


def test_nothing_moves_but_the_values(many, visit):
    page = visit(many.url)
    is_grid(page)
    places = """() => Array.from(document.querySelectorAll("#cards > li, .picture, button, #cards svg"),
        (one) => { const { x, y, right, bottom } = one.getBoundingClientRect(); return [x, y, right, bottom]; }).join()"""
    first, labels = page.evaluate(places), page.locator("#cards .said").all_inner_texts()
    until(page, lambda: page.locator("#cards .said").all_inner_texts() != labels)
    assert page.evaluate(places) == first


def test_answers_of_the_grid_are_not_read_out(many, visit):
    page = visit(many.url)
    is_grid(page)
    labels = page.locator("#cards .said").all_inner_texts()
    until(page, lambda: page.locator("#cards .said").all_inner_texts() != labels)
    page.wait_for_timeout(1500)
    expect(page.locator("#said")).not_to_have_text(re.compile("circle|square|star|triangle"))


# ---- One in full


def test_a_click_shows_one_in_full_and_the_way_back_shows_all(many, visit, screenshot):
    page = visit(many.url)
    is_grid(page)
    card(page, "yard").click(position={"x": 20, "y": 20})
    is_full(page, "yard")
    assert page.url == many.url + "#yard"
    expect(page.locator("#source")).to_have_text("synthetic:fps=5,seed=3")
    expect(page).to_have_title("yard: Ocelli")
    # The others cost no encoding.
    until(page, lambda: viewers(many) == [0, 1, 0, 0, 0, 0])
    expect(page.locator("#viewers")).to_have_text("1")
    screenshot(page, "grid-full")
    page.go_back()
    is_grid(page)
    assert page.url == many.url
    until(page, lambda: viewers(many) == [1] * 6)
    page.go_forward()
    is_full(page, "yard")


def test_one_in_full_says_what_the_service_does(many, visit):
    page = visit(many.url + "#gate")
    is_full(page, "gate")
    told = {}

    def compared():
        record = states(many)["gate"]["record"]
        told[str(record["frame"])] = record
        frame, text, score = page.evaluate(
            "() => ['label', 'score'].map((id) => document.getElementById(id)).flatMap((one) => one.id === 'label'"
            " ? [one.dataset.frame, one.textContent] : one.textContent)"
        )
        if record := told.get(frame):
            assert (text.split()[-1], score) == (record["label"], f"{record['score']:.3f}")
        return record

    until(page, compared)
    save = page.get_by_role("link", name="Save")
    answer = page.request.get(many.url + save.get_attribute("href"))
    assert answer.headers["content-type"] == "image/jpeg"


def test_the_keyboard_opens_one_goes_to_another_and_comes_back(many, visit):
    page = visit(many.url)
    is_grid(page)
    focused = "() => [document.activeElement.textContent, document.activeElement.closest('[id]').id]"
    # The model, the pause button, and then one card after the other.
    for _ in range(5):
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == ["belt", "cards"]
    outline = "(one) => getComputedStyle(one).outlineStyle"
    assert card(page, "belt").evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    is_full(page, "belt")
    assert page.evaluate(focused) == ["belt", "strip"]
    expect(page.locator("#said")).to_have_text(re.compile("circle|square|star|triangle"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    is_full(page, "gate")
    page.keyboard.press("Escape")
    is_grid(page)
    assert page.evaluate(focused) == ["gate", "cards"]
    assert page.url == many.url


def test_a_name_that_is_an_address_can_be_looked_at_and_linked_to(many, visit):
    page = visit(many.url)
    is_grid(page)
    page.get_by_role("link", name=NAMES[5]).click()
    is_full(page, NAMES[5])
    until(page, lambda: viewers(many) == [0, 0, 0, 0, 0, 1])
    linked = visit(page.url)
    is_full(linked, NAMES[5])
    linked.get_by_role("link", name="All sources").click()
    is_grid(linked)


def test_a_source_that_is_not_there_is_said(many, visit):
    page = visit(many.url + "#attic")
    is_grid(page)
    expect(page.get_by_label("Condition")).to_have_text("There is no source called attic")


# ---- What goes wrong, and what is let go of


def test_a_lost_source_is_said_and_greyed_while_the_others_go_on(visit, screenshot):
    camera = Camera()
    sources = ["porch=synthetic:fps=5", f"hall={camera.source}"]
    server = Server("--max-fps", "5", *(word for source in sources for word in ("--source", source)))
    page = visit(server.url)
    try:
        names = ["porch", "hall"]
        is_grid(page, names)
        camera.pull_out()
        hall = card(page, "hall")
        expect(hall.locator(".condition")).to_have_text("Lost")
        expect(hall.locator(".standing")).to_have_text(re.compile(r"^lost for \d+ s$"))
        expect(hall.locator(".said")).to_have_text("star")
        expect(page.get_by_label("Condition")).to_have_text("Lost: hall")
        expect(page.locator("#said")).to_have_text("Lost: hall")
        assert "grayscale" in hall.locator("canvas").evaluate("(one) => getComputedStyle(one).filter")
        assert hall.locator("canvas").evaluate(COLORS) > 20, "the last picture stays"
        other = card(page, "porch")
        expect(other.locator(".condition")).to_have_text("Live")
        frame = other.locator("canvas").get_attribute("data-frame")
        until(page, lambda: other.locator("canvas").get_attribute("data-frame") != frame)
        assert other.locator("canvas").evaluate("(one) => getComputedStyle(one).filter") == "none"
        screenshot(page, "grid-lost")
        assert axe_faults(page) == []
        hall.click()
        expect(page.get_by_label("Condition")).to_have_text(re.compile(r"^Source lost for \d+ s"))
        assert page.locator("#still").evaluate(COLORS) > 20, "the card's picture came along"
        assert axe_faults(page) == []
        camera.put_back()
        is_full(page, "hall")
        page.keyboard.press("Escape")
        is_grid(page, names)
    finally:
        page.close()
        server.kill()


def test_a_source_that_is_over_says_so_and_keeps_its_answer(visit):
    sources = ["porch=synthetic:fps=5", "brief=synthetic:fps=5,frames=3"]
    server = Server(*(word for source in sources for word in ("--source", source)))
    page = visit(server.url)
    try:
        brief = card(page, "brief")
        expect(brief.locator(".condition")).to_have_text("Ended")
        expect(brief.locator(".standing")).to_have_text("last answer")
        expect(brief.locator(".said")).to_have_text(states(server)["brief"]["record"]["label"])
        expect(card(page, "porch").locator(".condition")).to_have_text("Live")
        expect(page.get_by_label("Condition")).to_have_text("Ended: brief")
        # Nothing is made up for the time since.
        line = "(card) => card.querySelector('path:last-child').getAttribute('d')?.split('L').length"
        points = until(page, lambda: brief.evaluate(line))
        page.wait_for_timeout(1500)
        assert brief.evaluate(line) <= points
    finally:
        page.close()
        server.kill()


def test_broken_sources_and_doubts_are_said_by_name(many, visit):
    page = visit(many.url, init=FAKE_EVENTS)
    until(page, lambda: page.evaluate("Boolean(window.told)"))
    for name, state in states(many).items():
        page.evaluate("(state) => told(state)", state | {"record": doubted(name, state["record"])} | broken(name))
    condition = page.get_by_label("Condition").get_by_role("listitem")
    expect(condition).to_have_text(["Broken: yard", "Doubt about door, gate: the scores sum to 2.31, not to 1"])
    conditions = ["Doubt", "Broken", "Live", "Doubt", "Live", "Live"]
    expect(page.locator("#cards .condition")).to_have_text(conditions)
    card(page, "yard").click()
    notice = "Broken. What is shown is the last of it. The reason: camera:1: is no camera"
    expect(condition).to_have_text([notice])
    expect(page.locator("#bars li")).to_have_count(0)
    names = [name for name in NAMES if name not in ("door", "yard", "gate")]
    expect(page.locator("#strip li")).to_have_text(["door: doubt", "yard: broken", names[0], "gate: doubt", *names[1:]])


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_labels_are_text_and_keep_their_place_however_long(many, visit, size):
    page = visit(many.url, size, init=FAKE_EVENTS)
    until(page, lambda: page.evaluate("Boolean(window.told)"))
    labels = [
        "<img src=x onerror=alert(1)>",
        "Pneumonoultramicroscopicsilicovolcanoconiosis" * 3,
        "a cat",
        "",
        "star",
        "x y " * 40,
    ]
    boxes = page.locator("#cards > li").evaluate_all("all => all.map((one) => one.getBoundingClientRect().height)")
    for state, label in zip(states(many).values(), labels, strict=True):
        unknown = {"label": label, "unknown": label == "a cat"}
        page.evaluate("(state) => told(state)", state | {"record": state["record"] | unknown})
    shown = [label if label != "a cat" else "unknown, perhaps a cat" for label in labels]
    expect(page.locator("#cards .said")).to_have_text(shown)
    assert (
        page.locator("#cards > li").evaluate_all("all => all.map((one) => one.getBoundingClientRect().height)") == boxes
    )
    assert page.locator("#cards img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]


def doubted(name, record):
    return record | ({"doubt": "the scores sum to 2.31, not to 1"} if name in ("door", "gate") else {})


def broken(name):
    never = {"record": None, "decided_ms": None, "ended": "broken", "reason": "camera:1: is no camera"}
    return never if name == "yard" else {}


def test_a_pause_and_a_tab_in_the_background_let_go_of_all(many, visit):
    page = visit(many.url)
    is_grid(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_label("Condition")).to_have_text("Paused")
    until(page, lambda: viewers(many) == [0] * 6)
    before = page.evaluate(CARDS)
    assert {one["condition"] for one in before} == {"Paused"}
    page.wait_for_timeout(1000)
    assert page.evaluate(CARDS) == before
    page.get_by_role("button", name="Resume").click()
    is_grid(page)
    page.evaluate(HIDE, True)
    until(page, lambda: viewers(many) == [0] * 6)
    page.evaluate(HIDE, False)
    is_grid(page)
    until(page, lambda: viewers(many) == [1] * 6)


def test_images_can_be_tried_beside_the_grid(many, visit):
    page = visit(many.url)
    is_grid(page)
    page.get_by_label("Choose images").set_input_files(SAMPLES / "triangle-2.jpg")
    expect(page.get_by_label("Answers").locator(".said")).to_have_text("triangle")


# ---- Every screen, every person


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_grid_and_full_have_no_fault_and_never_scroll_sideways(many, visit, screenshot, size, scheme):
    page = visit(many.url, size, scheme)
    is_grid(page)
    device = "desktop" if size == DESKTOP else "phone"
    columns = page.locator("#cards").evaluate("(one) => getComputedStyle(one).gridTemplateColumns").split()
    assert len(columns) == (3 if size == DESKTOP else 2)
    assert axe_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    page.wait_for_timeout(1000)
    screenshot(page, f"grid-{device}-{scheme}")
    card(page, "gate").click()
    is_full(page, "gate")
    assert axe_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    screenshot(page, f"grid-full-{device}-{scheme}")


def test_a_small_phone_shows_picture_and_decision_of_one_at_once(many, visit):
    page = visit(many.url, SMALL)
    is_grid(page)
    assert page.evaluate("document.documentElement.scrollWidth") == SMALL[0]
    card(page, "yard").click()
    is_full(page, "yard")
    assert page.evaluate("document.documentElement.scrollWidth") == SMALL[0]
    for part in ["#video", "#label"]:
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= SMALL[1], part
