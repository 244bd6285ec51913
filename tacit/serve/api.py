"""The HTTP interface. Times are seconds since 1970 UTC, as numbers; errors are {"error": what, "try": what to do}.

| request | answer |
|---|---|
| GET /api/status | the live path's status, and under "history" what the dashboard keeps |
| GET /api/keys?limit=100&search= | keys, open alerts first, then by surprise of late |
| GET /api/features?key=&from=&to= | all features; with a key, how far each left its expected band in that window |
| GET /api/series?key=&from=&to=&points=600&features=1,2 | columns: time, score, surprise, alert; per feature observed, low, middle, high, forecast |
| GET /api/series?key=&newest=1&points=600 | the same of the newest rows, as they are |
| GET /api/episodes?key=&limit=100&before=ID&suppressed=1 | alerts, newest first, open ones lead |
| GET /api/episodes/ID | one alert |
| POST /api/feedback {"episode": ID, "verdict": "expected" or "problem"}, Content-Type: application/json | the alert with the verdict |
| GET /api/live?key=&features=1,2&after=ROW | server-sent events: status, episodes, rows; four times a second at most |
| GET /healthz | "ok"; asks for no token |
| GET /metrics | Prometheus text |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tacit.contracts.episode import VERDICTS
from tacit.contracts.errors import TacitError
from tacit.serve.guard import Guard
from tacit.serve.history import FOREVER, History
from tacit.serve.live import as_json, stream
from tacit.serve.metrics import metrics
from tacit.serve.store import EPISODES

ASSETS = Path(__file__).parent / "assets"
BODY = 10_000  # bytes a feedback may have
FEEDBACK = 'Send {"episode": 3, "verdict": "expected"}.'
ROUTES = "There is the page at /, and what the README lists under /api/."


def reply(value: Any, code: int = 200) -> Response:
    return Response(as_json(value), code, media_type="application/json")


class Refused(HTTPException):
    """What was wrong with a request, and what to try."""

    def __init__(self, code: int, wrong: str, try_: str) -> None:
        super().__init__(code, wrong)
        self.try_ = try_


def whole(request: Request, name: str, default: int, most: int) -> int:
    """An integer of the query, within 1 and `most`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise Refused(400, f"{name}={text!r} is not a whole number.", f"Write {name}={default or 100}, or leave it out.")
    return min(max(int(text), 1), most)


def moment(request: Request, name: str) -> int | None:
    """A time of the query, seconds → ns; None where it isn't given."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise Refused(400, f"{name}={text[:80]!r} is not a time in seconds since 1970.", f"Write {name}=1714557600, or leave it out.")
    return int(min(max(seconds * 1e9, -FOREVER), FOREVER))


def numbers(request: Request) -> list[int]:
    """The features that are asked for, by number."""
    text = request.query_params.get("features", "")
    parts = [p for p in text.split(",") if p]
    if not all(p.isdecimal() for p in parts) or len(parts) > 5000:
        raise Refused(400, f"features={text[:80]!r} is not a list of feature numbers.", "Write features=1,2; GET /api/features has the numbers.")
    return [int(p) for p in parts]


class Api:
    """The routes; everything that reads the history runs in a thread pool."""

    def __init__(
        self,
        history: History,
        status: Callable[[], dict[str, Any]],
        feedback: Callable[[int, str], dict[str, Any]],
        stopped: Callable[[], bool],
    ) -> None:
        self.history, self._status, self._feedback, self.stopped = history, status, feedback, stopped

    def status(self) -> dict[str, Any]:
        return {**self._status(), "history": self.history.stats()}

    def get_status(self, request: Request) -> Response:
        return reply(self.status())

    def keys(self, request: Request) -> Response:
        found = self.history.keys(whole(request, "limit", 100, 1000), request.query_params.get("search", ""))
        return reply({"keys": found, "total": self.history.reader.count_keys()})

    def _key(self, request: Request) -> str:
        key = request.query_params.get("key")
        if key is None:
            first = self.history.keys(1)
            key = first[0]["key"] if first else ""
        return key

    def features(self, request: Request) -> Response:
        found = self.history.features()
        if "key" in request.query_params:
            trouble = self.history.trouble(self._key(request), moment(request, "from"), moment(request, "to"))
            found = [{**f, "trouble": trouble.get(f["id"], 0.0)} for f in found]
        return reply({"features": found})

    def series(self, request: Request) -> Response:
        key = self._key(request)
        extent = self.history.reader.extent(key)
        after = 0 if request.query_params.get("newest") == "1" else None
        points = whole(request, "points", 600, 5000)
        window = self.history.window(key, moment(request, "from"), moment(request, "to"), points, numbers(request), after)
        window["extent"] = None if extent is None else [t * 1e-9 for t in extent]
        return reply(window)

    def episodes(self, request: Request) -> Response:
        before = whole(request, "before", 0, FOREVER) or None
        suppressed = request.query_params.get("suppressed", "1") != "0"
        return reply({"episodes": self.history.episodes(request.query_params.get("key"), whole(request, "limit", 100, 1000), before, suppressed)})

    def episode(self, request: Request) -> Response:
        found = self.history.one_episode(min(request.path_params["id"], FOREVER))
        if found is None:
            raise unknown(request.path_params["id"])
        return reply(found)

    async def feedback(self, request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "feedback is JSON; say so in Content-Type.", "Send the header Content-Type: application/json.")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY:
                raise Refused(413, "a feedback has two entries, not that many bytes.", FEEDBACK)
        number, verdict = spoken(body)
        return reply(await run_in_threadpool(self._spoken, number, verdict))

    def _spoken(self, number: int, verdict: str) -> dict[str, Any]:
        before = self.history.one_episode(number)
        if before is None:
            raise unknown(number)
        said = self._feedback(number, verdict)
        self.history.feedback(number, verdict)
        return {**before, "feedback": verdict, "note": said.get("note") if isinstance(said, dict) else None}

    async def live(self, request: Request) -> Response:
        key, after = request.query_params.get("key"), whole(request, "after", 0, FOREVER)
        body = stream(self.history, self.status, self.stopped, key, numbers(request), after)
        return StreamingResponse(body, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"})

    def metrics(self, request: Request) -> Response:
        return PlainTextResponse(metrics(self._status(), self.history.stats()), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def health(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def page(self, request: Request) -> Response:
        return FileResponse(ASSETS / "index.html", headers={"cache-control": "no-cache"})


def unknown(number: int) -> Refused:
    """No such alert, or none any more."""
    return Refused(404, f"no alert has the number {number}.", f"GET /api/episodes lists them; the last {EPISODES:,} are kept.")


def spoken(body: bytes) -> tuple[int, str]:
    """(episode, verdict) of a feedback's body. Raises HTTPException 400."""
    import orjson

    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"the feedback is not JSON: {error}", FEEDBACK) from error
    if not isinstance(said, dict) or type(said.get("episode")) is not int or said.get("verdict") not in VERDICTS:
        raise Refused(400, f'a feedback is {{"episode": number, "verdict": {" or ".join(VERDICTS)}}}.', FEEDBACK)
    return said["episode"], said["verdict"]


async def told(request: Request, error: Exception) -> Response:
    """HTTPException and TacitError as JSON."""
    if isinstance(error, HTTPException):
        wrong, try_ = (error.detail, error.try_) if isinstance(error, Refused) else (f"{request.url.path}: {error.detail.lower()}.", ROUTES)
        return Response(as_json({"error": wrong, "try": try_}), error.status_code, error.headers, "application/json")
    wrong, try_ = (error.wrong, error.try_) if isinstance(error, TacitError) else (str(error), "")
    return reply({"error": wrong, "try": try_}, 409)


def build(api: Api, token: str | None, cookie: str, asked: Callable[[str], None] = lambda path: None) -> Starlette:
    """The application. asked: called with the path of every request whose answer may be large."""
    routes = [
        Route("/", api.page),
        Route("/api/status", api.get_status),
        Route("/api/keys", api.keys),
        Route("/api/features", api.features),
        Route("/api/series", api.series),
        Route("/api/episodes", api.episodes),
        Route("/api/episodes/{id:int}", api.episode),
        Route("/api/feedback", api.feedback, methods=["POST"]),
        Route("/api/live", api.live),
        Route("/healthz", api.health),
        Route("/metrics", api.metrics),
        Mount("/assets", StaticFiles(directory=ASSETS)),
    ]
    handlers: dict[Any, Any] = {HTTPException: told, TacitError: told}
    return Starlette(routes=routes, middleware=[Middleware(Guard, token=token, cookie=cookie, asked=asked)], exception_handlers=handlers)
