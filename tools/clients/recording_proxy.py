"""A reverse proxy that passes on what a client and a server say to each other, and remembers it.

Speaks HTTP/1.1 with keep-alive, and has one connection to the server for each that a client has
to it. Heads and bodies are passed on as they came, `Host` included; it decides nothing but the
framing of an answer, which it sends whole where the server sent it in pieces.
"""

import json
import select
import threading
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# Longer than any client tried here waits.
UPSTREAM_TIMEOUT_S = 120.0
# Answers that have no body whatever their head says.
BODILESS = (204, 304)


@dataclass(repr=False)
class Exchange:
    """A request and its answer. Fields of heads are found whatever their case."""

    # Which of the client's connections it came on, from 0.
    connection: int
    # "HTTP/1.1"
    version: str
    method: str
    # Path and query, as sent.
    target: str
    sent: Message
    # As JSON where it is some, `None` where there is none.
    body: object
    status: int
    answered: Message
    answer: object

    def __repr__(self) -> str:
        return f"{self.method} {self.target} {self.status}"


class RecordingProxy:
    """Runs within `with`, in threads of its own, at `url`."""

    def __init__(self, upstream_url: str) -> None:
        upstream = urlsplit(upstream_url)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Passing)
        self._server.upstream = (upstream.hostname, upstream.port)
        self._server.proxy = self
        self._lock = threading.Lock()
        self._connections = 0
        # In the order of the answers. An exchange is here before its answer is on its way.
        self.exchanges: list[Exchange] = []
        self._taken = 0
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "RecordingProxy":
        # The argument is how long the end may take to be noticed, in seconds.
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> list[Exchange]:
        """The exchanges since the last time it was asked for them."""
        with self._lock:
            new = self.exchanges[self._taken :]
            self._taken = len(self.exchanges)
        return new

    def _connected(self) -> int:
        with self._lock:
            self._connections += 1
            return self._connections - 1

    def _record(self, exchange: Exchange) -> None:
        with self._lock:
            self.exchanges.append(exchange)


class _Passing(BaseHTTPRequestHandler):
    """Lives as long as a connection of the client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.number = self.server.proxy._connected()
        host, port = self.server.upstream
        self.upstream = HTTPConnection(host, port, timeout=UPSTREAM_TIMEOUT_S)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def log_message(self, *_) -> None:
        pass

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._drop_closed_upstream()
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            self.upstream.putheader(name, value)
        self.upstream.endheaders(body or None)
        response = self.upstream.getresponse()
        content = response.read()
        exchange = Exchange(
            connection=self.number,
            version=self.request_version,
            method=self.command,
            target=self.path,
            sent=self.headers,
            body=_parsed(body),
            status=response.status,
            answered=response.headers,
            answer=_parsed(content),
        )
        self.server.proxy._record(exchange)
        self._answer(response, content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    def _answer(self, response, content: bytes) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() != "transfer-encoding":
                self.send_header(name, value)
        if "Content-Length" not in response.headers and response.status not in BODILESS:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _drop_closed_upstream(self) -> None:
        """The server may end a connection that was idle; a client notices that before it sends."""
        socket = self.upstream.sock
        if socket is not None and select.select([socket], [], [], 0)[0]:
            self.upstream.close()


def _parsed(content: bytes) -> object:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return content
