"""Guard: who may ask the dashboard.

Loopback without a token: the Host header must name this machine, so that a page elsewhere cannot reach us by
rebinding its name to 127.0.0.1. With a token: `?token=` once (it becomes a cookie and leaves the address), or
`Authorization: Bearer`. Whatever changes something must come from our own page or from no page at all.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SMALL = {"/healthz", "/metrics", "/api/status", "/api/keys"}  # a few kilobytes at most, and asked for again and again
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def is_loopback(host: str) -> bool:
    """True for localhost and the addresses that only this machine can reach."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def named(host: str) -> str:
    """The name in a Host header, "" where there is none to be made out."""
    try:
        return urlsplit("//" + host).hostname or ""
    except ValueError:  # an address with half its brackets
        return ""


class Guard:
    """Middleware: headers on every answer; token, Host and Origin checked on every request but /healthz."""

    def __init__(self, app: ASGIApp, token: str | None, cookie: str, asked: Callable[[str], None] = lambda path: None) -> None:
        self.app, self.token, self.cookie, self.asked = app, token, cookie, asked
        self._seal = hashlib.sha256(b"tacit dashboard " + (token or "").encode()).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/assets/") else "no-store")
            await send(message)

        answer = self._refusal(scope, Headers(scope=scope))
        if answer is None and scope["path"] not in SMALL:
            self.asked(scope["path"])
        await (answer or self.app)(scope, receive, sealed)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if self.token is None and not is_loopback(named(headers.get("host", ""))):
            return refuse(421, f"this dashboard answers to localhost only, not to {headers.get('host', '')!r}.", "Use http://127.0.0.1.")
        if scope["method"] not in ("GET", "HEAD") and not same_origin(headers):
            return refuse(403, "this request comes from another page.", "Send it from the dashboard, or without an Origin header.")
        if self.token is None or scope["path"] == "/healthz":
            return None
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in asked if name == "token"), None)
        if given is not None and hmac.compare_digest(given.encode(), self.token.encode()):
            rest = urlencode([pair for pair in asked if pair[0] != "token"])
            answer: Response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(self.cookie, self._seal, httponly=True, samesite="strict", max_age=30 * 86400)
            return answer
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(bearer.strip().encode(), self.token.encode()):
            return None
        if hmac.compare_digest(self._cookie(headers).encode(), self._seal.encode()):
            return None
        answer = refuse(401, "this dashboard needs its token.", "Open it with ?token=..., or send Authorization: Bearer.")
        answer.headers["www-authenticate"] = "Bearer"
        return answer

    def _cookie(self, headers: Headers) -> str:
        try:
            jar = SimpleCookie(headers.get("cookie", ""))
        except CookieError:  # cookies of other programs on this host are none of our business
            return ""
        return jar[self.cookie].value if self.cookie in jar else ""


def same_origin(headers: Headers) -> bool:
    """True where the browser says that the request is our own page's, or where no browser speaks."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.lower().partition("://")[2] == headers.get("host", "").lower()


def refuse(code: int, wrong: str, try_: str) -> Response:
    return JSONResponse({"error": wrong, "try": try_}, code)
