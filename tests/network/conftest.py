"""Real streams from a server on this machine, which can be killed, stopped and brought back."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("OCELLI", ROOT / "target/release/ocelli")
# GStreamer's bindings are the system's, so its Python runs the server.
PYTHON = "/usr/bin/python3"
BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


class Camera:
    """An RTSP server at an address that stays while it is gone."""

    def __init__(self, *login: str):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.login = login
        self.start()

    def start(self):
        command = [PYTHON, str(Path(__file__).with_name("server.py")), str(self.port), *self.login]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout.readline() == f"listening on {self.port}\n"

    def url(self, login: str = "") -> str:
        return f"rtsp://{login}127.0.0.1:{self.port}/camera"

    def kill(self):
        self.process.kill()
        self.process.wait()


class Follower:
    """`ocelli run` on a live source: its records, each with the time at which it came, and what it said."""

    def __init__(self, url: str, *flags: str):
        model = ["-m", "models/shapes.onnx", "--engine", "rten", "-f", "json"]
        env = {name: value for name, value in os.environ.items() if not name.startswith("OCELLI")}
        env |= {"OCELLI_CACHE_MIB": "0", "XDG_STATE_HOME": str(ROOT / "target/state")}
        self.process = subprocess.Popen(
            [str(BINARY), "run", *model, *flags, url],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.records, self.said = [], []
        for stream, take in [(self.process.stdout, self.take), (self.process.stderr, self.said.append)]:
            threading.Thread(target=lambda s=stream, t=take: [t(line) for line in s], daemon=True).start()

    def take(self, line):
        self.records.append(json.loads(line) | {"came": time.monotonic()})

    def until(self, truth, seconds=20):
        """Waits for the first record for which `truth` holds."""
        end, seen = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            while seen < len(self.records):
                if truth(self.records[seen]):
                    return self.records[seen]
                seen += 1
            time.sleep(0.01)
        pytest.fail(f"no such record within {seconds} s of {len(self.records)}: {self.said}")

    def says(self, pattern, seconds=20):
        """Waits until it says something."""
        end = time.monotonic() + seconds
        while not any(re.search(pattern, line) for line in list(self.said)):
            assert time.monotonic() < end, f"{pattern!r} is not said within {seconds} s: {self.said}"
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="session", autouse=True)
def needed():
    if not shutil.which("ffmpeg"):
        pytest.skip("there is no ffmpeg")
    if subprocess.run([PYTHON, "-c", BINDINGS], check=False, capture_output=True).returncode:
        pytest.skip("GStreamer's RTSP server is absent: scripts/setup --network")
    if not Path(BINARY).exists():
        pytest.fail(f"{BINARY} is not there: run `cargo build --release`, or name it in OCELLI")


@pytest.fixture
def camera():
    camera = Camera()
    yield camera
    camera.kill()


@pytest.fixture
def follow():
    followers = []

    def follow(url, *flags):
        followers.append(Follower(url, *flags))
        return followers[-1]

    yield follow
    for follower in followers:
        follower.stop()
