"""The page in a real headless Chromium, end to end. TACIT_SHOTS=FOLDER keeps screenshots."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import Served
from tab import FRAME, INK, Tab

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the browser's driver


def test_charts_are_drawn_and_nothing_leaves_the_origin(served: Served, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(served.url)
    tab.until(lambda: tab.page.evaluate(INK, ".card canvas") > 500)
    tab.until(lambda: tab.page.evaluate(INK, "#strip canvas") > 500)
    tab.until(lambda: tab.page.evaluate(INK, "#overview") > 500)
    tab.until(lambda: tab.text("#source") == "host:")
    assert "of" not in tab.text("#features-count")
    tab.until(lambda: tab.page.locator(".card").count() >= 6)
    tab.until(lambda: "expected" in tab.text(".card .expected"))
    tab.until(lambda: "challenger" in tab.text("#learned"))
    tab.page.wait_for_timeout(600)
    assert not tab.wrong
    assert {urlsplit(u).netloc for u in tab.asked} == {urlsplit(served.url).netloc}
    tab.shot("dark")


def test_what_forecasts_best_and_since_when(served: Served, open_tab: Callable[..., Tab]) -> None:
    """Every rung says what it stands on; the one of an earlier trial never counts as the best. The age is the stream's, not the wall's."""
    tab = open_tab(served.url)
    tab.until(lambda: "challenger" in tab.text("#learned"))
    rungs = tab.page.evaluate("() => [...document.querySelectorAll('.ladder tr')].map((r) => [r.className, r.title])")
    assert rungs == [
        ["best", "challenger 77be01d9: mean loss 0.85 over 8\u202f000 events"],
        ["", "encoder a41f09c2: mean loss 0.87 over 8\u202f000 events"],
        ["earlier", "simple bank: mean loss 0.94 over 12\u202f000 events of an earlier trial"],
        ["", "last value: mean loss 1.21 over 8\u202f000 events"],
    ]
    assert not tab.page.evaluate("() => [...document.querySelectorAll('.ladder th')].some((h) => h.scrollWidth > h.clientWidth)")
    assert "1.5 h, 21\u202f500 events" in tab.text("#learned")
    assert not any(word in tab.page.inner_html("#learned") for word in ("undefined", "NaN"))
    assert not tab.wrong


def test_an_alert_appears_live_and_takes_a_verdict(served: Served, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(served.url)
    episode = served.machine.break_it(2, "", 7)
    for _ in range(20):
        served.history.push(served.machine.tick())
    served.history.episode(episode)
    tab.page.wait_for_selector('#feed-list [data-id="2"].open')
    tab.until(lambda: "disk.write" in tab.text('#feed-list [data-id="2"] .sentence'))
    tab.until(lambda: tab.text("#state") == "1 open alert")
    assert tab.page.title().startswith("(1) ")
    tab.shot("alert-live")
    tab.page.click('#feed-list [data-id="2"] .verdict.problem')
    tab.page.wait_for_selector('#feed-list [data-id="2"] .verdict.problem[aria-pressed="true"]')
    assert served.said[-1] == (2, "problem")
    tab.page.keyboard.press("j")
    tab.page.wait_for_selector("#detail:not([hidden])")
    tab.page.keyboard.press("e")
    tab.page.wait_for_selector('#detail .verdict.expected[aria-pressed="true"]')
    assert served.said[-1] == (2, "expected")
    served.history.episode(served.machine.mend(episode))
    tab.until(lambda: tab.text("#state") == "all usual")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector("#detail", state="hidden")
    assert not tab.wrong


def test_a_permanent_link_opens_the_alert_at_its_time(served: Served, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(served.url + "#/alert/1")
    tab.page.wait_for_selector("#detail:not([hidden])")
    tab.until(lambda: "Alert #1" in tab.text("#detail"))
    tab.until(lambda: tab.text(".reasons tbody th") == "memory.used")
    tab.until(lambda: tab.text("#live") == "Paused")
    tab.until(lambda: tab.text(".card .name") == "memory.used" and tab.page.locator(".card").first.get_attribute("class") == "card reason")
    tab.until(lambda: tab.page.evaluate(INK, "#strip canvas") > 500)
    tab.page.wait_for_timeout(300)
    tab.shot("detail")
    assert not tab.wrong


def test_an_alert_that_does_not_exist_is_said(served: Served, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(served.url + "#/alert/4711")
    tab.until(lambda: "4711" in tab.text("#toast"))


def test_scrolling_back_and_to_now_again(served: Served, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(served.url)
    tab.until(lambda: tab.text("#range"))
    tab.page.keyboard.press("ArrowLeft")
    tab.until(lambda: "back" in tab.text("#range"))
    first = tab.text("#range")
    box = tab.page.locator("#strip .u-over").bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + 50, box["y"] + 20)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 250, box["y"] + 20, steps=4)
    tab.page.mouse.up()
    tab.until(lambda: tab.text("#range") != first)
    second = tab.text("#range")
    tab.page.mouse.wheel(0, 300)
    tab.until(lambda: tab.text("#range") != second)
    tab.page.mouse.wheel(-200, 0)
    tab.page.wait_for_timeout(300)
    tab.until(lambda: tab.page.evaluate(INK, ".card canvas") > 500)
    tab.page.keyboard.press(" ")
    tab.until(lambda: tab.text("#live") == "Live" and "back" not in tab.text("#range"))
    overview = tab.page.locator("#overview").bounding_box()
    assert overview is not None
    tab.page.mouse.click(overview["x"] + overview["width"] * 0.4, overview["y"] + 10)
    tab.until(lambda: "back" in tab.text("#range"))
    assert not tab.wrong


def test_dark_and_light_search_and_help(served: Served, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(served.url, scheme="light")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = tab.page.evaluate(ground)
    tab.until(lambda: tab.page.evaluate(INK, ".card canvas") > 500)
    tab.shot("light")
    tab.page.keyboard.press("d")
    assert tab.page.evaluate(ground) != light
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("net.")
    tab.until(lambda: tab.page.locator(".card").count() == 2)
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("?")
    tab.page.wait_for_selector("#help[open]")
    tab.until(lambda: "live or pause" in tab.text("#help"))
    assert "[object" not in tab.text("body")
    tab.shot("help")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector("#help", state="hidden")
    assert not tab.wrong


def test_a_telephone(served: Served, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab(served.url, width=390, height=844)
    tab.until(lambda: tab.page.evaluate(INK, ".card canvas") > 500)
    wide = "() => document.documentElement.scrollWidth"
    assert tab.page.evaluate(wide) <= 390
    tab.shot("narrow")
    for name, inside in (("side", "#feed"), ("learned", "#learned")):
        tab.page.click(f'.tabs [data-tab="{name}"]')
        assert tab.page.is_visible(inside)
        assert tab.page.evaluate(wide) <= 390
        tab.shot(f"narrow-{name}")
    tab.page.click('.tabs [data-tab="side"]')
    tab.page.click('#feed-list [data-id="1"] .sentence')
    tab.page.wait_for_selector("#detail:not([hidden])")
    tab.until(lambda: tab.page.is_visible("#detail"))
    assert tab.page.evaluate(wide) <= 390
    tab.shot("narrow-detail")
    assert not tab.wrong


def test_a_restart_keeps_the_past_and_the_page_finds_back(tmp_path: Path, open_tab: Callable[..., Tab]) -> None:
    first = Served(tmp_path / "h.sqlite")
    port = first.dashboard.port
    tab = open_tab(first.url)
    tab.until(lambda: "expected" in tab.text(".card .expected"))
    first.close()
    tab.page.wait_for_selector("#banner:not([hidden])")
    tab.until(lambda: "Connection lost" in tab.text("#banner"))
    tab.shot("lost")
    tab.wrong.clear()
    second = Served(tmp_path / "h.sqlite", port=port, seconds=0)
    second.machine.now = time.time()
    tab.page.wait_for_selector("#banner", state="hidden")
    for _ in range(20):
        second.history.push(second.machine.tick())
    fresh = open_tab(second.url)
    fresh.until(lambda: fresh.page.evaluate(INK, ".card canvas") > 500)
    fresh.page.click("#spans button:last-child")
    fresh.until(lambda: fresh.page.evaluate(INK, "#overview") > 500)
    fresh.until(lambda: fresh.page.locator('#feed-list [data-id="1"]').count() == 1)
    fresh.page.click('#feed-list [data-id="1"] .sentence')
    fresh.until(lambda: "back" in fresh.text("#range"))
    assert not fresh.wrong
    second.close()


def test_warming_up_is_shown_as_such(tmp_path: Path, open_tab: Callable[..., Tab]) -> None:
    made = Served(tmp_path / "h.sqlite", seconds=5)
    made.more = {
        "warming": True,
        "warm_share": 0.4,
        "learning": {},
        "ladder": [],
        "promotions": None,
        "drift": None,
        "model": {"champion": "simple", "age_events": None, "age_seconds": None},
    }
    tab = open_tab(made.url)
    tab.until(lambda: tab.text("#state") == "warming up 40 %")
    tab.until(lambda: "Scores appear once" in tab.text("#learned"))
    tab.shot("warming")
    assert not tab.wrong
    made.close()


def test_what_is_always_zero_has_an_axis_and_a_waiting_encoder_a_date(tmp_path: Path, open_tab: Callable[..., Tab]) -> None:
    made = Served(tmp_path / "h.sqlite", seconds=5)
    made.more = {
        "learning": {"mode": "background", "state": "waiting", "progress": 0.0, "message": "", "attempts": 3, "next_in": 52_000, "curve": []}
    }
    tab = open_tab(made.url)
    tab.until(lambda: "The next attempt to learn one comes in 52\u202f000 events" in tab.text("#learned"))
    draw = """async ([low, high, seen]) => {
        const { range } = await import(document.querySelector('script[type=module]').src.replace('app.js', 'charts.js'));
        return range({ series: [{ idxs: [0, 1] }], data: [[0, 1], [low, low], [high, high], seen] });
    }"""
    assert tab.page.evaluate(draw, [0, 0, [0, 0]]) == [-0.04, 1]
    assert tab.page.evaluate(draw, [None, None, [0, 0]]) == [-0.04, 1]
    low, high = tab.page.evaluate(draw, [0, 1e-6, [0, 1e-6]])  # small numbers are not nothing
    assert low <= 0 and 1e-6 < high < 2e-6
    assert not tab.wrong
    made.close()


def test_many_keys_and_many_features(tmp_path: Path, open_tab: Callable[..., Tab]) -> None:
    """500 keys at 1,000 events a second, 300 features: few cards exist, and the page answers while it streams."""
    made = Served(tmp_path / "h.sqlite", keys=500, seconds=0)
    made.machine = type(made.machine)(made.machine.keys, 300, start=time.time() - 5)
    made.history._sampler.rate = 400
    for _ in range(3):
        made.history.push(made.machine.tick())
    tab = open_tab(made.url)
    tab.page.wait_for_selector(".card canvas")
    made.history.episode(made.machine.break_it(9, "pump-077", 200, 9))
    for _ in range(20):
        made.history.push(made.machine.tick(rows=100))
        tab.page.wait_for_timeout(100)
    tab.until(lambda: tab.text("#keys-count") == "500")
    tab.until(lambda: tab.page.locator(".card").count() < 40)
    tab.page.evaluate("() => (document.getElementById('stage').scrollTop = 8000)")
    tab.until(lambda: tab.page.locator(".card .name").first.text_content() not in ("", "cpu.user"))
    slow = tab.page.evaluate(FRAME)
    assert slow < 100, f"a frame takes {slow:.0f} ms"
    tab.shot("keys")
    tab.page.fill("#keys-search", "pump-123")
    tab.until(lambda: tab.page.locator("#keys-list li").count() == 1)
    tab.page.click("#keys-list button")
    tab.until(lambda: tab.page.get_attribute("#keys-list button", "aria-current") == "true")
    tab.page.evaluate("() => (document.getElementById('stage').scrollTop = 0)")
    tab.page.wait_for_timeout(300)
    tab.shot("many")
    tab.page.click('#feed-list [data-id="9"] .sentence')  # an alert of another key takes the charts there
    tab.until(lambda: tab.text("#detail .key") == "pump-077" and tab.text(".card .name") == "sensor.0185")
    tab.until(lambda: "expected" in tab.text(".card .expected"))
    assert not tab.wrong
    made.close()
