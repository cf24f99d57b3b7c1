"""Real servers and a real browser: a page is right when a person in front of it sees the right thing."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections import deque
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("OCELLI", ROOT / "target/release/ocelli")
SAMPLES = ROOT / "models/samples"
SCREENSHOTS = ROOT / "target/browser"
# Another tab comes to the front, or this one again.
HIDE = """(hidden) => { Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange")); }"""
# A browser that talks to no one but the server under test.
CHROMIUM_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def until(page, truth, seconds=15):
    """The first true answer of `truth`; meanwhile the browser goes on."""
    end = time.monotonic() + seconds
    while not (answer := truth()):
        assert time.monotonic() < end, f"not within {seconds} s"
        page.wait_for_timeout(100)
    return answer


def axe_faults(page) -> list:
    """What keeps people out, by axe's rules: each with where it is."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is absent: see requirements.txt")
    wanted = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = axe.Axe().run(page, options=wanted).response["violations"]
    return [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found]


class Server:
    """`ocelli serve` on a free port of this machine, which can die and come back on the same one."""

    def __init__(self, *flags: str, model: Path = Path("models/shapes.onnx")):
        self.flags, self.model = flags, model
        self.address = "127.0.0.1:0"
        self.start()

    def start(self):
        command = [str(BINARY), "serve", "-m", str(self.model), *self.flags, "--listen", self.address]
        env = {name: value for name, value in os.environ.items() if not name.startswith("OCELLI")}
        env |= {"OCELLI_CACHE_MIB": "0", "XDG_STATE_HOME": str(ROOT / "target/state")}
        try:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
        except FileNotFoundError:
            pytest.fail(f"{BINARY} is not there: run `cargo build --release`, or name it in OCELLI")
        said = []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r"listening on http://(\S+:\d+)", line):
                self.address = found[1]
                break
        else:
            pytest.fail(f"{' '.join(command)} did not listen: {''.join(said)}")
        # A pipe that no one empties would stop the server in the end.
        threading.Thread(target=deque, args=(self.process.stderr, 0), daemon=True).start()

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def url(self) -> str:
        return f"http://{self.address}/"

    def status(self) -> dict:
        with urllib.request.urlopen(self.url + "status", timeout=5) as response:
            return json.load(response)


@pytest.fixture(scope="session")
def live():
    """A server that watches a camera which draws a shape for 3 s, and says which."""
    server = Server("--source", "synthetic:fps=10")
    yield server
    server.kill()


@pytest.fixture(scope="session")
def bare():
    """A server without a camera."""
    server = Server()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is absent: see tests/browser/requirements.txt")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is absent: apt-get install --no-install-recommends chromium")
    with api.sync_playwright() as playwright:
        # Chromium's sandbox refuses to run as root.
        browser = playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_FLAGS, chromium_sandbox=os.geteuid() != 0
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens a page as a person would; at the end, no error may stand in its console that was not expected."""
    contexts, faults, expected = [], [], []

    def open_page(url, size=(1280, 800), scheme="dark", motion="no-preference", init=None, expect_faults=None):
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion=motion
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else 0)
        page.on("pageerror", lambda error: faults.append(str(error)))
        if init:
            page.add_init_script(init)
        if expect_faults:
            expected.append(expect_faults)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [fault for fault in faults if not any(re.search(e, fault) for e in expected)] == []


@pytest.fixture
def screenshot():
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page, name):
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return take
