"""The HTTP interface, as documented in tacit/serve/api.py."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from conftest import Served
from synthetic import Machine

from tacit.contracts.errors import PortInUse
from tacit.serve import api
from tacit.serve.dashboard import Dashboard
from tacit.serve.metrics import metrics

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def client(served: Served) -> Any:
    with httpx.Client(base_url=served.url, timeout=10) as made:
        yield made


def test_status_carries_the_history(client: httpx.Client) -> None:
    said = client.get("/api/status").json()
    assert said["source"] == "host:"
    assert said["history"]["kept"] == said["history"]["offered"]


def test_series_are_columns_of_one_length(client: httpx.Client) -> None:
    said = client.get("/api/series", params={"key": "", "points": 100, "features": "1,4"}).json()
    assert said["shown"] == len(said["time"]) <= 101
    assert set(said["features"]) == {"1", "4"}
    for columns in said["features"].values():
        assert {len(c) for c in columns.values()} == {said["shown"]}
    assert said["extent"][1] - said["extent"][0] == pytest.approx(600, abs=1)


def test_series_of_an_unknown_key_are_empty(client: httpx.Client) -> None:
    said = client.get("/api/series", params={"key": "nobody", "features": "1,9999"}).json()
    assert said["shown"] == 0
    assert said["extent"] is None


@pytest.mark.parametrize("query", ["from=soon", "to=nan", "points=-3", "features=a", "limit=1e3"])
def test_a_bad_query_is_told_what_is_wrong(client: httpx.Client, query: str) -> None:
    path = "/api/keys" if query.startswith("limit") else "/api/series"
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.json()["error"]


@pytest.mark.parametrize("query", ["from=1e30", "from=-1e30&to=1e30", "points=99999999", "features=1,1"])
def test_a_wild_query_is_answered(client: httpx.Client, query: str) -> None:
    assert client.get(f"/api/series?key=&{query}").status_code == 200


def test_features_say_how_far_they_left_their_band(client: httpx.Client) -> None:
    found = client.get("/api/features", params={"key": ""}).json()["features"]
    worst = max(found, key=lambda f: f["trouble"])
    assert worst["name"] == "memory.used"
    assert worst["unit"] == "B"
    assert [f["name"] for f in found if f["muted"]] == ["tacit.cpu"]


def test_feedback_reaches_the_live_path_and_the_alert(served: Served, client: httpx.Client) -> None:
    said = client.post("/api/feedback", json={"episode": 1, "verdict": "problem"})
    assert said.json()["feedback"] == "problem"
    assert served.said[-1] == (1, "problem")
    served.history.flush()
    assert client.get("/api/episodes/1").json()["feedback"] == "problem"


@pytest.mark.parametrize(
    "body", ["{", "[]", "{}", '{"episode": "1", "verdict": "problem"}', '{"episode": 1, "verdict": "perhaps"}', '{"episode": true}']
)
def test_feedback_that_makes_no_sense_is_refused(served: Served, client: httpx.Client, body: str) -> None:
    before = len(served.said)
    answer = client.post("/api/feedback", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert len(served.said) == before


def test_feedback_on_an_unknown_alert_is_404_and_too_much_is_413(client: httpx.Client) -> None:
    assert client.post("/api/feedback", json={"episode": 999, "verdict": "problem"}).status_code == 404
    assert client.post("/api/feedback", json={"episode": 1, "verdict": "x" * 20_000}).status_code == 413
    assert client.post("/api/feedback", content="x").status_code == 415
    row = next(line for line in README.read_text("utf-8").splitlines() if line.startswith("| `POST /api/feedback`"))
    assert "Content-Type: application/json" in row, "who posts without is refused: the table says so"
    assert client.get("/api/episodes/999").status_code == 404
    assert client.get("/api/episodes/99999999999999999999999").status_code == 404


def test_the_live_stream_tells_status_episodes_and_rows(served: Served) -> None:
    seen: dict[str, Any] = {}
    with httpx.stream("GET", f"{served.url}api/live", params={"key": "", "features": "1"}, timeout=10) as answer:
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                seen[name] = json.loads(line[6:])
                served.history.push(served.machine.tick())
            if len(seen) == 3:
                break
    assert seen["status"]["events"] > 0
    assert seen["episodes"]["episodes"][0]["id"] == 1
    assert seen["rows"]["key"] == ""
    assert list(seen["rows"]["features"]) == ["1"]


def test_metrics_are_prometheus_text(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in answer.text.strip().splitlines():
        assert line.startswith("# ") or re.fullmatch(r'[a-z_]+(\{[a-z_]+="[^\n]*"\})? -?[0-9.e+-]+', line), line
    assert 'tacit_refused_total{reason="not a number"} 12' in answer.text


def test_metrics_do_without_what_the_status_lacks() -> None:
    text = metrics({"refused": {"counts": {'a "quoted"\nreason': 1}}}, {})
    assert 'reason="a \\"quoted\\"\\nreason"' in text
    assert "tacit_latency" not in text


def test_healthz_and_the_page(client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok\n"
    page = client.get("/").text
    for asset in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page):
        assert client.get(asset).status_code == 200, asset
    assert client.get("/nothing").status_code == 404
    assert client.get("/assets/../dashboard.py").status_code == 404
    assert "http" not in re.sub(r"http://www.w3.org/\S+", "", page)


def test_the_documentation_names_every_route(served: Served) -> None:
    paths = {r.path.replace("{id:int}", "ID") for r in api.build(served.dashboard._api, None, "c").routes if hasattr(r, "path")}
    for path in paths - {"/", "/assets"}:
        assert path in (api.__doc__ or ""), path


def test_a_port_in_use_is_named_with_what_to_do(served: Served) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"port {port} .*taken.*--port"):
            Dashboard(served.history, dict, lambda n, v: {}, port=port).start()


def test_an_empty_status_and_history_are_served(tmp_path: Any) -> None:
    made = Served(tmp_path / "h.sqlite", seconds=0)
    made.more = {}
    made.dashboard._api._status = dict
    with httpx.Client(base_url=made.url) as client:
        assert client.get("/api/status").status_code == 200
        assert client.get("/api/keys").json() == {"keys": [], "total": 0}
        assert client.get("/api/series").json()["shown"] == 0
        assert client.get("/api/features?key=x").json() == {"features": []}
    made.close()


def test_it_keeps_up_with_500_keys_at_1000_events_a_second(tmp_path: Any) -> None:
    """Three seconds at the stated load: pushes stay cheap, questions are answered quickly, all keys are there."""
    made = Served(tmp_path / "h.sqlite", keys=500, seconds=0)
    made.history._sampler.rate = 400
    made.machine = Machine(made.machine.keys, 8, start=time.time())
    pushes, asks = [], []
    with httpx.Client(base_url=made.url, timeout=10) as client:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            insights = made.machine.tick(rows=100)
            begun = time.perf_counter()
            made.history.push(insights)
            pushes.append(time.perf_counter() - begun)
            if len(pushes) % 5 == 0:
                begun = time.perf_counter()
                client.get("/api/keys", params={"limit": 60}).raise_for_status()
                client.get("/api/series", params={"key": "pump-007", "features": "1,2,3"}).raise_for_status()
                asks.append(time.perf_counter() - begun)
            time.sleep(0.1)
        made.history.flush()
        assert client.get("/api/keys").json()["total"] > 480
    made.close()
    assert np.median(pushes) < 0.003
    assert np.median(asks) < 0.5
