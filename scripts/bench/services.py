"""Services under load: started and ended, fed by wrk, their memory watched."""

import collections
import contextlib
import importlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
OCELLI = os.environ.get("OCELLI", str(ROOT / "target" / "release" / "ocelli"))
ASSETS = ROOT.parent / "shared" / "assets"
# What the peer stands on; the bench says so where they are missing.
PACKAGES = ["fastapi==0.165.0", "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0", "onnxruntime", "pillow"]


class Subject:
    """A model, and how both sides are to use it."""

    def __init__(self, arguments: list[str], folder: pathlib.Path) -> None:
        """From `MODEL PHOTO... -- FLAGS`, or from what is there."""
        mobilenet = ASSETS / "models" / "mobilenet_v2_1.0_224_f32_nchw_logits.onnx"
        if arguments:
            split = arguments.index("--") if "--" in arguments else len(arguments)
            (self.model, *self.photos), self.flags = arguments[:split], arguments[split + 1 :]
        elif mobilenet.exists():
            self.model = str(mobilenet)
            self.photos = [str(p) for p in sorted((ASSETS / "images").glob("*.jp*g")) if "CMYK" not in p.name]
            labels = ASSETS / "labels" / "coral_imagenet_labels.txt"
            self.flags = [f"--labels={labels}", "--output=logits", "--color=RGB", "--resize=shortest:256", "--crop=224", "--filter=bilinear",
                          "--rescale=1/255", "--mean=0.5,0.5,0.5", "--std=0.5,0.5,0.5"]
        else:
            print("MobileNetV2 is not here: the bundled shapes model stands in, whose network costs next to nothing")
            self.model = str(ROOT / "models" / "shapes.onnx")
            self.photos = [str(p) for p in sorted((ROOT / "models" / "samples").glob("*.jpg"))]
            self.flags = []
        self.folder = folder

    def of_the_peer(self) -> dict[str, str]:
        """The same facts for the peer, as `ocelli inspect` states them."""
        command = [OCELLI, "inspect", "--json", self.model, *self.flags]
        manifest = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["manifest"]
        labels = self.folder / "labels.txt"
        labels.write_text("\n".join(manifest["labels"]))
        preprocess = manifest["preprocess"]
        return {"MODEL": self.model, "LABELS": str(labels), "SHORTEST": str(preprocess["resize"]["size"]), "CROP": str(preprocess["crop"]["width"]),
                "MEAN": str(preprocess["mean"][0]), "STD": str(preprocess["std"][0])}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def memory(pid: int) -> float:
    """MiB of a process and all below it; what processes share is counted once (PSS)."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(OSError, AttributeError):
            rollup = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1)) / 1024
            for task in pathlib.Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return total


class Service:
    """A running service."""

    def __init__(self, command: list[str], port: int, ready: str, environment: dict[str, str] | None = None, **popen: object) -> None:
        self.port, self.peak = port, 0.0
        self.process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, **popen)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url(ready), timeout=5) as answer:
                if answer.status == 200:
                    break
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"bench: it does not start: {' '.join(command)}")
            time.sleep(0.05)
        self.watching = True
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()

    def _watch(self) -> None:
        while self.watching:
            self.peak = max(self.peak, memory(self.process.pid))
            time.sleep(0.25)

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.watching = False
        self.watcher.join()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def label(self, picture: str) -> str:
        request = urllib.request.Request(self.url("/predict"), pathlib.Path(picture).read_bytes(), {"Content-Type": "image/jpeg"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["label"]


def ocelli(subject: Subject, *more: str, environment: dict[str, str] | None = None, **popen: object) -> Service:
    port = free_port()
    command = [OCELLI, "serve", "-q", "-m", subject.model, *subject.flags, "--listen", f"127.0.0.1:{port}", *more]
    return Service(command, port, "/readyz", environment, **popen)


def peer(facts: dict[str, str], workers: int, threads: int, at_a_time: int) -> Service:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "serve_peer:app", "--app-dir", str(HERE), "--host", "127.0.0.1", "--port", str(port),
               "--workers", str(workers), "--log-level", "warning", "--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    return Service(command, port, "/healthz", {**facts, "THREADS": str(threads), "AT_A_TIME": str(at_a_time)})


class Load:
    """What wrk saw."""

    def __init__(self, service: Service, frames: list[str], connections: int, seconds: int, path: str = "/predict") -> None:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(HERE / "post.lua"), service.url(path), "--", *frames]
        ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60)
        found = json.loads(re.search(r"^JSON (.*)$", ended.stdout, re.M).group(1))
        self.statuses: collections.Counter = collections.Counter()
        for counts in found["statuses"]:
            self.statuses.update({int(code): count for code, count in counts.items()})
        self.broken = found["broken"]
        self.rate = self.statuses[200] / found["seconds"]
        self.p50, self.p99 = found["p50"], found["p99"]


def missing() -> str | None:
    """What the bench cannot do without."""
    if shutil.which("wrk") is None:
        return "wrk is missing: apt-get install wrk"
    try:
        for package in ("fastapi", "httptools", "onnxruntime", "PIL", "uvicorn", "uvloop"):
            importlib.import_module(package)
    except ImportError as error:
        return f"{error}: {sys.executable} -m pip install {' '.join(PACKAGES)}"
    return None
