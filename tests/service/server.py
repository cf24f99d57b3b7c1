"""A real `ocelli serve` for a test: started on a free port, watched from outside, ended in time."""

import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import ssl
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OCELLI = pathlib.Path(os.environ.get("OCELLI", ROOT / "target" / "release" / "ocelli"))
MODEL = ROOT / "models" / "shapes.onnx"
SAMPLES = ROOT / "models" / "samples"
ASSETS = ROOT.parent / "shared" / "assets"
# Nothing takes longer on a busy machine; what does is a fault.
PATIENCE = 30.0
# For servers with a certificate of the test's own, where encryption is not what is tested.
INSECURE = ssl._create_unverified_context()


# Where Python has the words of an older standard.
TITLES = {413: "Payload Too Large"}


class Answer:
    """Status, headers with lower-case names, and body."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def json(self) -> object:
        return json.loads(self.body)

    def problem(self) -> dict:
        """The body as a problem document that says the same as the status line."""
        assert self.headers.get("content-type") == "application/problem+json", (self.status, self.headers, self.body[:200])
        document = self.json()
        assert sorted(document) == ["detail", "status", "title", "type"]
        assert document["type"] == "about:blank"
        assert document["status"] == self.status
        assert document["title"] == TITLES.get(self.status, http.client.responses[self.status])
        assert document["detail"]
        return document


class Server:
    """The process. Flags as typed; as many descriptors as `files` says, if it does."""

    def __init__(self, *flags: str, model: pathlib.Path = MODEL, scheme: str = "http", ready: bool = True,
                 files: int | None = None, listen: str = "127.0.0.1:0") -> None:
        self.scheme, self.asked = scheme, False
        command = [str(OCELLI), "serve", "-m", str(model), "--listen", listen, *map(str, flags)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "OCELLI_CACHE_MIB": "0", "XDG_STATE_HOME": str(ROOT / "target/state")})
        if files:
            resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (files, files))
        self.said: list[str] = []
        self.heard = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        self.port = int(self.wait_for(r"listening on \w+://[^ ]*:(\d+)").group(1))
        deadline = time.monotonic() + PATIENCE
        while ready and self.get("/readyz", context=INSECURE).status != 200:
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def _listen(self) -> None:
        for line in self.process.stderr:
            with self.heard:
                self.said.append(line.rstrip("\n"))
                self.heard.notify_all()
        with self.heard:
            self.said.append("(end)")
            self.heard.notify_all()

    def wait_for(self, pattern: str, since: int = 0) -> re.Match:
        """The first line that matches, after the first `since` lines."""
        deadline = time.monotonic() + PATIENCE
        with self.heard:
            while True:
                for line in self.said[since:]:
                    if match := re.search(pattern, line):
                        return match
                left = deadline - time.monotonic()
                if left <= 0 or self.said[-1:] == ["(end)"]:
                    raise AssertionError(f"the server never said /{pattern}/: {self.said}")
                self.heard.wait(left)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def signal(self, number: int) -> None:
        self.asked = self.asked or number in (signal.SIGTERM, signal.SIGINT)
        self.process.send_signal(number)

    def stop(self) -> int:
        """Asks for the end, once: a second signal would end it at once. The exit code."""
        if self.process.poll() is None and not self.asked:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the server did not end within {PATIENCE} s of SIGTERM") from None

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def resident(self) -> float:
        """Memory in MiB."""
        return self._status("VmRSS") / 1024

    def threads(self) -> int:
        return self._status("Threads")

    def descriptors(self) -> int:
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def _status(self, key: str) -> int:
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))

    def connect(self, timeout: float = PATIENCE, context: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        if self.scheme == "https":
            return http.client.HTTPSConnection(*self.address, timeout=timeout, context=context)
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None,
            timeout: float = PATIENCE, context: ssl.SSLContext | None = None) -> Answer:
        """One request on a connection of its own."""
        connection = self.connect(timeout, context)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            fields: dict[str, str] = {}
            for name, value in response.getheaders():
                key = name.lower()
                fields[key] = f"{fields[key]}, {value}" if key in fields else value
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def get(self, path: str, **more: object) -> Answer:
        return self.ask("GET", path, **more)

    def predict(self, body: bytes, kind: str | None = "image/jpeg", path: str = "/predict", **more: object) -> Answer:
        return self.ask("POST", path, body, {"Content-Type": kind} if kind else {}, **more)

    def form(self, *parts: tuple[str, bytes], path: str = "/predict") -> Answer:
        body, kind = form(*parts)
        return self.predict(body, kind, path)

    def is_well(self) -> None:
        """A good request gets the right answer."""
        answer = self.predict(sample("circle-1.jpg"))
        assert (answer.status, answer.json()["label"]) == (200, "circle")


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def form(*parts: tuple[str, bytes]) -> tuple[bytes, str]:
    """Files as a multipart body, and its type."""
    boundary = "ocelli-test-7d1f0c"
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode() + content + b"\r\n"
        for name, content in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def put(model: pathlib.Path, place: pathlib.Path) -> None:
    """As deployments do: the file is whole from the first moment on."""
    fresh = place.with_suffix(".new")
    shutil.copy(model, fresh)
    fresh.replace(place)


def refused(*flags: str, listen: str = "127.0.0.1:0") -> tuple[int, str]:
    """Exit code and words of a server that does not start."""
    command = [str(OCELLI), "serve", "-m", str(MODEL), "--listen", listen, *map(str, flags)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return ended.returncode, ended.stderr
