"""Bytes on the wire: requests that no proper client sends, and answers as they come."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator

from server import PATIENCE, Answer


class Wire:
    """One connection."""

    def __init__(self, address: tuple[str, int], timeout: float = PATIENCE) -> None:
        self.socket: socket.socket | ssl.SSLSocket = socket.create_connection(address, timeout)
        self.rest = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends; a server that has gone already is noticed when its answer is read."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def half_close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def _more(self) -> bool:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.rest += data
        return bool(data)

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self.rest:
            if not self._more():
                return None
        found, _, self.rest = self.rest.partition(mark)
        return found

    def answer(self, head: bool = False) -> Answer | None:
        """The next answer; None if the connection was closed without one. Ten seconds without a word are an error."""
        text = self._until(b"\r\n\r\n")
        if text is None:
            return None
        line, *fields = text.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        status = int(line.split()[1])
        length = 0 if head or status < 200 else int(headers.get("content-length", 0))
        while len(self.rest) < length and self._more():
            pass
        body, self.rest = self.rest[:length], self.rest[length:]
        return Answer(status, headers, body)

    def answers(self) -> Iterator[Answer]:
        """All answers until the server closes the connection."""
        while (answer := self.answer()) is not None:
            yield answer

    def is_closed_within(self, seconds: float) -> bool:
        """Whether the server closes the connection, whatever it says before."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self._more():
                    return True
            except TimeoutError:
                return False
        return False


def head(method: str = "POST", path: str = "/predict", *fields: str, kind: str | None = "image/jpeg") -> bytes:
    """A request's lines up to the empty one."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *([f"Content-Type: {kind}"] if kind else []), *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
