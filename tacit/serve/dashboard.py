"""Dashboard: the web page beside a running stream.

uvicorn in a daemon thread of the same process. It reads the history and the status, never the live loop; loopback
by default, any other address needs a token.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from typing import Any

import psutil
import uvicorn

from tacit.contracts.errors import PortInUse, TacitError
from tacit.serve.api import Api, build
from tacit.serve.guard import is_loopback
from tacit.serve.history import History

SHORTEST = 8  # characters of a token
GRACE = 2  # s that open answers have to end


class Dashboard:
    """Serves the page and the HTTP interface until close().

    status: a JSON-able dict, called about once a second for each open page; feedback: takes (episode, verdict) and
    may raise TacitError, whose text the page shows. port 0: any free one. asked: called with the path when a page asks for more
    than a few numbers. All callables run on a thread of ours.
    """

    def __init__(
        self,
        history: History,
        status: Callable[[], dict[str, Any]],
        feedback: Callable[[int, str], dict[str, Any]],
        host: str = "127.0.0.1",
        port: int = 8765,
        token: str | None = None,
        asked: Callable[[str], None] = lambda path: None,
    ) -> None:
        if token is None and not is_loopback(host):
            raise TacitError(f"a dashboard on {host} can be reached by others and needs a token.", "Give --token, or leave out --host.")
        if token is not None and len(token) < SHORTEST:
            raise TacitError(f"the dashboard's token is shorter than {SHORTEST} characters.", "Give a longer one.")
        self.history, self.host, self.port, self.token = history, host, port, token
        self._stop = threading.Event()
        self._asked = asked
        self._api = Api(history, status, feedback, self._stop.is_set)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Return once the page answers. Raises PortInUse."""
        listener = listen(self.host, self.port)
        self.port = int(listener.getsockname()[1])
        app = build(self._api, self.token, cookie=f"tacit-{self.port}", asked=self._asked)
        config = uvicorn.Config(
            app, log_config=None, log_level="error", access_log=False, lifespan="off", ws="none", http="h11", loop="asyncio", server_header=False,
            timeout_graceful_shutdown=GRACE, proxy_headers=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="tacit-dashboard", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise TacitError(f"the dashboard did not come up on {self.host}:{self.port}.", "See the log above.")
            self._stop.wait(0.01)

    def _serve(self, listener: socket.socket) -> None:
        assert self._server is not None
        with listener:
            self._server.run(sockets=[listener])

    @property
    def url(self) -> str:
        """Where to point a browser, the token included."""
        shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(self.host, self.host)
        shown = f"[{shown}]" if ":" in shown else shown
        return f"http://{shown}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def close(self) -> None:
        """End open streams and stop serving; the history stays open."""
        self._stop.set()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(5.0 * GRACE)  # an answer that hangs must not keep the state from being saved


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortInUse or TacitError with what to do."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, OverflowError) as error:
        raise TacitError(f"the dashboard cannot use the address {host}:{port}: {error}.", "Check --host and --port.") from error
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"port {port} on {host} is taken{holder(port)}.", "Choose another with --port, or --no-dashboard.") from error
        raise TacitError(f"the dashboard cannot listen on {host}:{port}: {error.strerror}.", "Check --host and --port.") from error
    return listener


def holder(port: int) -> str:
    """Who might hold a port, in words, as far as this user may see."""
    try:
        found = [c.pid for c in psutil.net_connections("tcp") if c.laddr and c.laddr[1] == port and c.status == psutil.CONN_LISTEN and c.pid]
        if found:
            process = psutil.Process(found[0])
            return f" by {process.name()} (process {process.pid})"
    except psutil.Error:  # not ours to see, or gone meanwhile: the message does without
        return ", perhaps by another tacit watch"
    return ", perhaps by another tacit watch"
