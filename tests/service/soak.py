"""The service under traffic of all kinds for a long time, with a verdict: `scripts/soak serve [MINUTES] [--seed N]`.

Good pictures, broken ones, forms, batches, viewers, idle and rude connections, page loads, scrapes, models changed
under way and bursts of too much, each at random moments. Every good request has to get the right label or 503; memory,
threads and descriptors have to be at the end what they were after the first minute.
"""

import contextlib
import http.client
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable

import broken
from server import ROOT, SAMPLES, Answer, Server, put
from wire import Wire, head

PICTURES = [(path.name.partition("-")[0], path.read_bytes()) for path in sorted(SAMPLES.glob("*.jpg"))]
BROKEN = broken.truncations() + broken.bit_flips() + broken.nonsense() + [b for b in broken.bombs() if len(b[1]) < 100_000]
MODELS = [ROOT / "models" / "shapes.onnx", ROOT / "models" / "shapes-int8.onnx"]
# After this many seconds everything has been done at least once, and the allocator has what it wants.
WARM_UP = 60.0
# MiB that may be added after that, in however long a time.
GROWTH = 32.0


class Soak:
    """The server, everyone who uses it, and what came of it."""

    def __init__(self, minutes: float, seed: int, folder: pathlib.Path) -> None:
        self.seconds, self.seed, self.place = minutes * 60, seed, folder / "model.onnx"
        put(MODELS[0], self.place)
        self.server = Server("--source", "synthetic:fps=30", "--batch-window", "5ms", "--queue", "32", "--timeout", "5s", model=self.place)
        self.end, self.lock = threading.Event(), threading.Lock()
        self.counts: Counter = Counter()
        self.times: list[float] = []
        self.faults: list[str] = []

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def fault(self, text: str) -> None:
        with self.lock:
            self.counts["faults"] += 1
            self.faults.append(text)
            if len(self.faults) <= 50:
                print(f"soak: {text}", file=sys.stderr, flush=True)

    def expect(self, what: str, answer: Answer, statuses: set[int]) -> bool:
        """Counts the answer; a fault unless it is one of these, and in good form. Whether it is a 200."""
        self.count(f"{what} {answer.status}")
        try:
            assert answer.status in statuses, answer.body[:200]
            if answer.status >= 400:
                answer.problem()
            if answer.status == 503:
                assert int(answer.headers["retry-after"]) >= 1
        except (AssertionError, KeyError, ValueError) as error:
            self.fault(f"{what}: {answer.status}: {error!r}")
        return answer.status == 200

    # Actors: each does its thing once.

    def good(self, chance: random.Random) -> None:
        label, picture = chance.choice(PICTURES)
        path = chance.choice(["/predict", "/predict", "/predict?top_k=2", "/predict/batch"])
        started = time.monotonic()
        answer = self.server.predict(picture, path=path)
        took = time.monotonic() - started
        if self.expect("good", answer, {200, 503}):
            with self.lock:
                self.times.append(took)
            if answer.json()["label"] != label:
                self.fault(f"{label} was called {answer.body[:200]}")

    def mixed_form(self, chance: random.Random) -> None:
        truths, parts = [], []
        for _ in range(chance.randint(2, 8)):
            label, picture = chance.choice(PICTURES) if chance.random() < 0.7 else (None, chance.choice(broken_magic))
            truths.append(label)
            parts.append(("x.jpg", picture))
        answer = self.server.form(*parts, path=chance.choice(["/predict", "/predict/batch"]))
        all_broken = not any(truths)
        if self.expect("form", answer, {422, 503} if all_broken else {200, 503}):
            labels = [entry.get("label") for entry in answer.json()]
            if labels != truths:
                self.fault(f"a form of {truths} gave {labels}")

    def broken(self, chance: random.Random) -> None:
        _, content = chance.choice(BROKEN)
        self.expect("broken", self.server.predict(content, None), {200, 422, 503})

    def view(self, chance: random.Random) -> None:
        path = chance.choice(["/stream", "/events"])
        connection = self.server.connect(10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            self.count(f"view {response.status}")
            if response.status == 503 and path == "/stream":
                return
            end, seen = time.monotonic() + chance.uniform(0.5, 8), 0
            while time.monotonic() < end:
                seen += len(response.read1(1 << 16))
            if seen < 1000:
                self.fault(f"{path} gave {seen} bytes")

    def page(self, _: random.Random) -> None:
        for path in ("/", "/page/page.css", "/page/page.js", "/model", "/openapi.json", "/healthz", "/readyz"):
            self.expect("page", self.server.get(path), {200})
        self.expect("snapshot", self.server.get("/snapshot.jpg"), {200, 503})

    def scrape(self, _: random.Random) -> None:
        if self.expect("scrape", answer := self.server.get("/metrics"), {200}) and not answer.body.endswith(b"# EOF\n"):
            self.fault("the metrics have no end")

    def look(self, _: random.Random) -> None:
        """The live loop goes on, and is right: the source's name holds the truth."""
        first = self.server.get("/status").json()["state"]["record"]
        time.sleep(2)
        second = self.server.get("/status").json()["state"]["record"]
        if second["frame"] <= first["frame"]:
            self.fault(f"the live loop stands at frame {second['frame']}")
        right = second["source"] == f"synthetic:{second['label']}"
        self.count("live right" if right else "live wrong")

    def idle(self, chance: random.Random) -> None:
        """Connections that say nothing, a part of their headers, or a part of their body."""
        words = [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", head("POST", "/predict", "Content-Length: 100000") + b"\xff\xd8" * 100]
        wires = []
        try:
            for _ in range(chance.randint(1, 200)):
                wires.append(Wire(self.server.address, timeout=10))
                wires[-1].send(chance.choice(words))
            self.end.wait(chance.uniform(0, 8))
        finally:
            for wire in wires:
                wire.socket.close()
        self.count("idle")

    def rude(self, chance: random.Random) -> None:
        """Noise, or a request whose answer nobody waits for."""
        _, picture = chance.choice(PICTURES)
        with Wire(self.server.address, timeout=10) as wire:
            wire.send(chance.choice([chance.randbytes(500), b"GET /\r\n\r\n", head("GET", "/stream", kind=None),
                                     head("POST", "/predict", f"Content-Length: {len(picture)}") + picture]))
        self.count("rude")

    def burst(self, chance: random.Random) -> None:
        """Far more than it can do, for a moment."""
        def one(own: random.Random) -> None:
            for _ in range(5):
                self.guarded(self.good, own)

        threads = [threading.Thread(target=one, args=(random.Random(chance.random()),)) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.count("burst")

    def change(self, chance: random.Random) -> None:
        """Another model, or one that is no good; in the end a good one."""
        if chance.random() < 0.25:
            put(ROOT / "README.md", self.place)
            outcome = "the old model goes on"
        else:
            put(chance.choice(MODELS), self.place)
            outcome = "takes over"
        since = len(self.server.said)
        self.server.signal(signal.SIGHUP)
        try:
            self.server.wait_for(outcome, since)
            self.count(f"change: {outcome}")
        except AssertionError:
            self.fault(f"SIGHUP, and it never said: {outcome}")

    # The run.

    def guarded(self, actor: Callable[[random.Random], None], chance: random.Random) -> None:
        try:
            actor(chance)
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            self.fault(f"{actor.__name__}: {error!r}")

    def act(self, actor: Callable[[random.Random], None], pause: tuple[float, float], number: int) -> None:
        chance = random.Random(self.seed * 100 + number)
        while not self.end.wait(chance.uniform(*pause)):
            self.guarded(actor, chance)

    def row(self, name: str, since: Counter) -> None:
        server = self.server
        with self.lock:
            times, self.times = sorted(self.times), []
            done = self.counts - since
        p99 = f"{times[int(0.99 * (len(times) - 1))] * 1e3:7.1f}" if times else "      -"
        good, busy = done["good 200"], done["good 503"]
        print(f"{name:>8} {server.resident():8.1f} {server.threads():8} {server.descriptors():6} {good:8} {busy:8} {p99} {self.counts['faults']:7}", flush=True)

    def run(self) -> bool:
        plan = [(self.good, (0.0, 0.05)), (self.good, (0.0, 0.1)), (self.good, (0.0, 0.2)), (self.mixed_form, (0.1, 1)), (self.broken, (0.05, 0.3)),
                (self.view, (0, 2)), (self.view, (0, 2)), (self.view, (0, 2)), (self.page, (1, 5)), (self.scrape, (1, 5)), (self.look, (1, 3)),
                (self.idle, (0.5, 5)), (self.rude, (0.1, 1)), (self.burst, (10, 40)), (self.change, (5, 30))]
        threads = [threading.Thread(target=self.act, args=(actor, pause, number)) for number, (actor, pause) in enumerate(plan)]
        print(f"{'minute':>8} {'MiB':>8} {'threads':>8} {'files':>6} {'good':>8} {'busy':>8} {'p99 ms':>7} {'faults':>7}")
        self.row("start", Counter())
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        warm_up = min(WARM_UP, self.seconds / 2)
        self.rest(begin + warm_up)
        base = self.server.resident()
        self.row("warm", Counter())
        minute = int(warm_up // 60)
        while time.monotonic() < begin + self.seconds and self.server.process.poll() is None:
            since = self.counts.copy()
            minute += 1
            self.rest(min(begin + minute * 60, begin + self.seconds) if minute * 60 > warm_up else begin + self.seconds)
            self.row(str(minute), since)
        self.end.set()
        for thread in threads:
            thread.join(60)
        return self.verdict(base)

    def rest(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0 and self.server.process.poll() is None:
            time.sleep(min(left, 1))

    def verdict(self, base: float) -> bool:
        server = self.server
        if server.process.poll() is not None:
            self.fault(f"the server ended by itself with {server.process.returncode}: {server.said[-5:]}")
            return False
        # Whoever was idle is gone after the server's own timeout.
        time.sleep(8)
        self.row("end", Counter())
        grown, threads, files = server.resident() - base, server.threads(), server.descriptors()
        if grown > GROWTH:
            self.fault(f"memory grew by {grown:.1f} MiB after the warm-up, expected {GROWTH:g} at most")
        if files > 40:
            self.fault(f"{files} descriptors are open at rest")
        right, wrong = self.counts["live right"], self.counts["live wrong"]
        if wrong > 2 + 0.05 * right:
            self.fault(f"the live source was called wrong {wrong} times of {right + wrong}")
        if self.counts["good 200"] == 0:
            self.fault("no good request was answered")
        if (code := server.stop()) != 0:
            self.fault(f"the server ended with {code}")
        print(", ".join(f"{what}: {count}" for what, count in sorted(self.counts.items())))
        print(f"memory {grown:+.1f} MiB after the warm-up, {threads} threads and {files} descriptors at rest")
        return not self.faults


broken_magic = [content for name, content in broken.nonsense() if "magic" not in name]


def main() -> None:
    minutes, seed = float(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(minutes, seed, pathlib.Path(folder))
        with soak.server:
            good = soak.run()
    print(f"soak: {'passed' if good else f'FAILED, {len(soak.faults)} faults'} after {minutes:g} minutes, seed {seed}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
