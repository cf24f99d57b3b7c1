"""How old the answers of a live source are: alone, and beside ten viewers, fifty requests per second and a broker.

A made camera writes 1280x720 JPEGs, 30 per second, to the service's standard input; what is seen changes every
second. The ages are those of the records that the service itself keeps (--record), after a time to settle."""

import contextlib
import http.client
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from services import Service, Subject, free_port, ocelli

ROUNDS, SECONDS, SETTLE, FPS = 3, 12.0, 2.0, 30
VIEWERS, REQUESTS = 10, 50
# Senders that share the requests: only an answer that takes longer than a second delays its sender's next one.
SENDERS = 50


class Company:
    """Viewers and senders, until it is told to leave."""

    def __init__(self, service: Service, frames: list[str]) -> None:
        self.service, self.leaving = service, threading.Event()
        self.pictures = [pathlib.Path(frame).read_bytes() for frame in frames]
        self.seen, self.statuses = 0, {}
        self.threads = [threading.Thread(target=self.view) for _ in range(VIEWERS)]
        self.threads += [threading.Thread(target=self.send, args=(number,)) for number in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def view(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=10)
        connection.request("GET", "/stream")
        response = connection.getresponse()
        # Once the camera has ended, nothing comes any more.
        with contextlib.suppress(TimeoutError):
            while not self.leaving.is_set() and (data := response.read1(1 << 16)):
                self.seen += data.count(b"Content-Type: image/jpeg")
        connection.close()

    def send(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        begin, turn = time.monotonic() + number / REQUESTS, 0
        while not self.leaving.wait(max(0.0, begin + turn * SENDERS / REQUESTS - time.monotonic())):
            connection.request("POST", "/predict", self.pictures[turn % len(self.pictures)], {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            response.read()
            self.statuses[response.status] = self.statuses.get(response.status, 0) + 1
            turn += 1
        connection.close()

    def leave(self) -> None:
        self.leaving.set()
        for thread in self.threads:
            thread.join(30)


@contextlib.contextmanager
def broker(folder: pathlib.Path):
    """Mosquitto on a free port; gives the port and the file that it talks to."""
    port = free_port()
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    log = folder / "mosquitto.log"
    with log.open("w") as out:
        process = subprocess.Popen([program, "-v", "-c", folder / "mosquitto.conf"], stdout=out, stderr=out)
        try:
            time.sleep(0.5)
            yield port, log
        finally:
            process.terminate()
            process.wait(10)


def watch(service: Service, frames: list[str], seconds: float) -> None:
    """The camera: a frame each thirtieth of a second, one of them for a second."""
    pictures = [pathlib.Path(frame).read_bytes() for frame in frames]
    begin = time.monotonic()
    for number in range(int(seconds * FPS)):
        time.sleep(max(0.0, begin + number / FPS - time.monotonic()))
        service.process.stdin.write(pictures[number // FPS % len(pictures)])
        service.process.stdin.flush()


def measure(subject: Subject, frames: list[str], company: bool) -> dict:
    space = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=space) as temporary, contextlib.ExitStack() as stack:
        folder = pathlib.Path(temporary)
        flags = ["--source", "-", "--record", str(folder / "recording")]
        if company:
            port, log = stack.enter_context(broker(folder))
            flags += ["--mqtt", f"mqtt://127.0.0.1:{port}/bench", "--mqtt-heartbeat", "1s", "--mqtt-spool", str(folder / "spool")]
        service = stack.enter_context(ocelli(subject, *flags, stdin=subprocess.PIPE))
        others = Company(service, frames) if company else None
        watch(service, frames, SETTLE + SECONDS)
        found = {}
        if others:
            others.leave()
            found = {"pictures seen": others.seen, "statuses": dict(sorted(others.statuses.items())),
                     "published": log.read_text().count("Received PUBLISH")}
        service.process.stdin.close()
        service.process.wait(20)
        records = [json.loads(line) for line in (folder / "recording" / "records.jsonl").read_text().splitlines()]
    ages = sorted(record["frame_age_ms"] for record in records[int(SETTLE * FPS * len(records) / ((SETTLE + SECONDS) * FPS)):])
    found |= {"answers/s": len(ages) / SECONDS, "p50": statistics.median(ages), "p99": ages[int(0.99 * (len(ages) - 1))]}
    return found


def compare(subject: Subject, frames: list[str]) -> bool:
    if not (shutil.which("mosquitto") or pathlib.Path("/usr/sbin/mosquitto").exists()):
        sys.exit("bench: mosquitto is missing: apt-get install mosquitto")
    rounds: dict[bool, list[dict]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for company in (False, True):
            found = measure(subject, frames, company)
            rounds[company].append(found)
            name = f"with {VIEWERS} viewers, {REQUESTS} requests/s, MQTT" if company else "alone"
            more = f"  {found['pictures seen']} pictures seen, answers {found['statuses']}, {found['published']} messages" if company else ""
            print(f"{name:40} {found['answers/s']:5.1f} answers/s  age p50 {found['p50']:6.1f}  p99 {found['p99']:6.1f} ms{more}", flush=True)
    for key in ("p50", "p99"):
        middle = {company: statistics.median(r[key] for r in found) for company, found in rounds.items()}
        least = {company: min(r[key] for r in found) for company, found in rounds.items()}
        print(f"{key}: with company {middle[True] / middle[False]:.2f} times as old by the median round, {least[True] / least[False]:.2f} by the best")
    busy = rounds[True]
    return all(set(r["statuses"]) <= {200, 503} and r["pictures seen"] and r["published"] for r in busy)
