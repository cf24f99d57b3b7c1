"""A Hugging Face Hub for a test: its HTTP interface over files in memory, with a content network at another address
that large files are redirected to, and with faults on demand."""

import hashlib
import http.server
import json
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

# Files from this size on are large: known by their SHA-256, and kept elsewhere.
LARGE = 10_000


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def name_of(content: bytes) -> str:
    """What content is called in the cache."""
    return sha256(content) if len(content) >= LARGE else git_sha1(content)


@dataclass
class Repository:
    """Commits with their files, and what branches and tags are."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    def push(self, files: dict[str, bytes], revision: str = "main") -> str:
        commit = hashlib.sha1(repr(sorted(files)).encode() + b"".join(files.values())).hexdigest()
        self.commits[commit] = files
        self.revisions[revision] = commit
        return commit


@dataclass
class Faults:
    """What goes wrong."""

    break_after: int = 0  # the content network ends a transfer after so many bytes,
    breaks: int = 0  # so many times
    slow: float = 0.0  # seconds between pieces of 64 kB
    stall: bool = False  # it sends half and then nothing
    corrupt: bool = False  # it sends something else, as long as the right thing
    ignore_range: bool = False  # it always begins at the beginning
    down: bool = False  # the hub answers 503
    bare: bool = False  # listings have no sizes and checksums, as some mirrors'
    names: list[str] = field(default_factory=list)  # names added to listings
    away: int = 0  # the status that the content network answers, if any


class Hub:
    """The hub at `endpoint`, and the content network beside it. Both write down what they were asked."""

    token = "hf_secretOfTheTest"

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults = Faults()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.hub, self.cdn = self._start(HubHandler), self._start(CdnHandler)
        self.endpoint = f"http://127.0.0.1:{self.hub.server_port}"
        # Another name for this machine, so that it is another host, too.
        self.network = f"http://localhost:{self.cdn.server_port}"

    def _start(self, handler: type) -> http.server.ThreadingHTTPServer:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"owner": self}))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def paths(self, part: str = "") -> list[str]:
        return [path for _, path, _ in self.asked if part in path]

    def content(self, digest: str) -> bytes | None:
        files = (c for r in self.repositories.values() for files in r.commits.values() for c in files.values())
        return next((c for c in files if sha256(c) == digest), None)

    def close(self) -> None:
        for server in (self.hub, self.cdn):
            server.shutdown()
            server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    owner: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.owner.asked.append((self.command, self.path, headers))
        self.answer(urllib.parse.urlsplit(self.path).path.strip("/").split("/"), headers)

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


class HubHandler(Handler):
    def refuse(self, status: int, code: str, message: str) -> None:
        self.send(status, b"{}", X_Error_Code=code, X_Error_Message=message)

    def answer(self, parts: list[str], headers: dict[str, str]) -> None:
        if self.owner.faults.down:
            self.send(503)
            return
        is_listing = parts[:2] == ["api", "models"]
        owner, name, verb, revision, *rest = (parts[2:] if is_listing else parts) + [""] * 4
        repository = self.owner.repositories.get(f"{owner}/{name}")
        known = headers.get("authorization") == f"Bearer {self.owner.token}"
        if "authorization" in headers and not known:
            self.refuse(401, "", "Invalid credentials in Authorization header")
        elif repository is None or (repository.private and not known):
            self.refuse(404 if known else 401, "RepoNotFound", "Repository not found")
        else:
            revision = urllib.parse.unquote(revision)
            commit = repository.revisions.get(revision, revision)
            if commit not in repository.commits:
                self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            elif is_listing and verb == "tree":
                self.tree(repository.commits[commit])
            elif is_listing:
                self.list(repository.commits[commit], commit)
            elif repository.gated and not known:
                self.refuse(401, "GatedRepo", "Access to this model is restricted.")
            else:
                self.resolve(repository.commits[commit], commit, urllib.parse.unquote("/".join(rest).rstrip("/")))

    def list(self, files: dict[str, bytes], commit: str) -> None:
        siblings = []
        for path, content in files.items():
            sibling: dict[str, object] = {"rfilename": path}
            if not self.owner.faults.bare:
                sibling |= {"size": len(content), "blobId": git_sha1(content)}
                if len(content) >= LARGE:
                    sibling |= {"blobId": git_sha1(b"pointer"), "lfs": {
                        "sha256": sha256(content), "size": len(content), "pointerSize": 130}}
            siblings.append(sibling)
        siblings += [{"rfilename": name} for name in self.owner.faults.names]
        body = {"id": "x", "sha": commit, "private": False, "gated": False, "siblings": siblings}
        self.send(200, json.dumps(body).encode(), Content_Type="application/json")

    def tree(self, files: dict[str, bytes]) -> None:
        """The listing that Hugging Face's own client prefers."""
        entries = []
        for path, content in files.items():
            entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": git_sha1(content)}
            if len(content) >= LARGE:
                entry |= {"oid": git_sha1(b"pointer"), "lfs": {"oid": sha256(content), "size": len(content), "pointerSize": 130}}
            entries.append(entry)
        self.send(200, json.dumps(entries).encode(), Content_Type="application/json")

    def resolve(self, files: dict[str, bytes], commit: str, path: str) -> None:
        content = files.get(path)
        if content is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
        elif len(content) < LARGE:
            self.send(200, content, X_Repo_Commit=commit, ETag=f'"{git_sha1(content)}"')
        else:
            self.send(302, X_Repo_Commit=commit, X_Linked_Etag=f'"{sha256(content)}"', X_Linked_Size=str(len(content)),
                      Location=f"{self.owner.network}/{sha256(content)}?signature=x")


class CdnHandler(Handler):
    def answer(self, parts: list[str], headers: dict[str, str]) -> None:
        faults, content = self.owner.faults, self.owner.content(parts[0])
        if content is None or faults.away:
            self.send(faults.away or 404)
            return
        if faults.corrupt:
            content = bytes(len(content))
        start = 0
        if "range" in headers and not faults.ignore_range:
            start = int(headers["range"].removeprefix("bytes=").split("-")[0])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", '"0123456789abcdef0123456789abcdef"')
        self.end_headers()
        if self.command == "GET":
            self.transfer(content[start:])

    def transfer(self, content: bytes) -> None:
        faults = self.owner.faults
        if faults.breaks > 0:
            faults.breaks -= 1
            content, self.close_connection = content[:faults.break_after], True
        elif faults.stall:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            time.sleep(60)
            return
        for at in range(0, len(content), 1 << 16):
            try:
                self.wfile.write(content[at : at + (1 << 16)])
            except OSError:
                return
            if faults.slow:
                time.sleep(faults.slow)
