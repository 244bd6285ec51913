"""Who may ask: token, Host, Origin, headers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from conftest import Served

from tacit.contracts.errors import TacitError
from tacit.serve.dashboard import Dashboard

TOKEN = "open sesame & more"


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url) as made:
        yield made


@pytest.fixture
def guarded(served: Served) -> Iterator[httpx.Client]:
    """A client of the same history behind a token."""
    dashboard = Dashboard(served.history, served.dashboard._api._status, served.feedback, port=0, token=TOKEN)
    dashboard.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{dashboard.port}") as made:
        yield made
    dashboard.close()


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "localhost", "[::1]:8765", "LOCALHOST"])
def test_this_machine_by_any_of_its_names(client: httpx.Client, host: str) -> None:
    assert client.get("/api/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[", "10.0.0.7:8765"])
def test_a_rebound_name_is_refused(client: httpx.Client, host: str) -> None:
    assert client.get("/api/status", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:PORT"}, 200),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:PORT"}, 403),
        ({"content-type": "text/plain"}, 415),
    ],
)
def test_another_page_cannot_give_feedback(served: Served, client: httpx.Client, headers: dict[str, str], code: int) -> None:
    before = len(served.said)
    headers = {"content-type": "application/json", **{k: v.replace("PORT", str(served.dashboard.port)) for k, v in headers.items()}}
    answer = client.post("/api/feedback", content='{"episode": 1, "verdict": "problem"}', headers=headers)
    assert answer.status_code == code
    assert len(served.said) == before + (code == 200)


def test_with_a_token_nothing_is_told_without_it(guarded: httpx.Client) -> None:
    for path in ("/", "/api/status", "/assets/app.js", "/metrics", "/api/live", "/?token=wrong", "/?token="):
        answer = guarded.get(path)
        assert answer.status_code == 401, path
        assert "?token=" in answer.json()["try"]
    assert guarded.get("/healthz").status_code == 200


def test_the_token_becomes_a_cookie_and_leaves_the_address(guarded: httpx.Client) -> None:
    answer = guarded.get("/", params={"a": "1", "token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?a=1"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/api/status").status_code == 200


@pytest.mark.parametrize(
    ("value", "code"), [(f"Bearer {TOKEN}", 200), (f"bearer {TOKEN}", 200), ("Bearer nope", 401), (TOKEN, 401), ("Bearer é", 401)]
)
def test_the_token_as_a_bearer(guarded: httpx.Client, value: str, code: int) -> None:
    answer = guarded.get("/api/status", headers={b"authorization": value.encode()})
    assert answer.status_code == code


def test_every_answer_carries_the_policy(client: httpx.Client) -> None:
    for path in ("/", "/assets/app.js", "/api/status", "/nothing", "/healthz"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "http:" not in headers["content-security-policy"]


def test_other_addresses_need_a_token(served: Served) -> None:
    with pytest.raises(TacitError, match="--token"):
        Dashboard(served.history, dict, lambda n, v: {}, host="0.0.0.0")
    with pytest.raises(TacitError, match="shorter"):
        Dashboard(served.history, dict, lambda n, v: {}, token="abc")
    with pytest.raises(TacitError, match="--host"):
        Dashboard(served.history, dict, lambda n, v: {}, host="127.0.0.300", token="long enough").start()


def test_a_whole_server_with_a_token(tmp_path: Path) -> None:
    made = Served(tmp_path / "h.sqlite", seconds=0, token="long-enough")
    with httpx.Client(follow_redirects=True) as client:
        assert client.get(made.url).status_code == 200
        assert client.get(f"http://127.0.0.1:{made.dashboard.port}/api/status").status_code == 200
    assert httpx.get(f"http://127.0.0.1:{made.dashboard.port}/api/status").status_code == 401
    made.close()


def test_large_answers_are_reported_to_whom_it_concerns(served: Served) -> None:
    """The traffic of a page is our own on a machine that we watch; a scraper's few numbers, and what is refused, are not worth a word."""
    asked: list[str] = []
    made = Dashboard(served.history, served.dashboard._api._status, served.feedback, port=0, asked=asked.append)
    made.start()
    try:
        with httpx.Client(base_url=made.url) as client:
            for path, more in (
                ("/", 1),
                ("/assets/app.js", 1),
                ("/api/features", 1),
                ("/api/keys", 0),
                ("/healthz", 0),
                ("/metrics", 0),
                ("/api/status", 0),
            ):
                before = len(asked)
                assert client.get(path).status_code == 200
                assert len(asked) - before == more, path
            before = len(asked)
            assert client.get("/", headers={"Host": "elsewhere.example"}).status_code in {400, 403, 421}
            assert len(asked) == before
    finally:
        made.close()
