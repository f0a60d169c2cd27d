"""Who may what, over a real database: scopes, limits, headers, and changes that hold without a restart."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from moorage.gateway.authority import ANYBODY, Admission, Authority, Caller
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.follow import Follower
from moorage.gateway.prices import Price
from moorage.store.folder import DataFolder
from moorage.store.key_rules import KeyRules
from moorage.store.usage import DaySum
from tests.builders.patience import eventually

CHAT = "/v1/chat/completions"
NOON = datetime(2026, 5, 15, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DataFolder]:
    store = DataFolder(tmp_path)
    yield store
    store.close()


def authority(store: DataFolder, **more: object) -> Authority:
    return Authority(store.keys, store.usage, zone=UTC, **{"wall": lambda: NOON, **more})  # type: ignore[arg-type]


def refused(act: Callable[[], object]) -> GatewayRefusal:
    with pytest.raises(GatewayRefusal) as refusal:
        act()
    return refusal.value


def call(door: Authority, caller: Caller, now: float = 0.0, tokens: int = 10, model: str = "qwen3", endpoint: str = CHAT) -> Admission:
    return door.admit(caller, model=model, endpoint=endpoint, tokens=tokens, now=now)


def test_a_key_is_recognised_and_a_wrong_one_refused(store: DataFolder) -> None:
    key = store.keys.create("dify", KeyRules(priority="batch"))
    door = authority(store)

    assert door.identify(key).name == "dify" and door.identify(key).is_batch
    for text in (None, "", key + "x", "mk-\udcff"):
        assert (r := refused(lambda text=text: door.identify(text))).status == 401 and r.code == "invalid_api_key"


def test_where_no_key_is_needed_any_will_do_until_there_are_keys(store: DataFolder) -> None:
    door = authority(store, needs_key=False)
    assert door.identify(None) is ANYBODY and door.identify("none") is ANYBODY
    admission = call(door, ANYBODY, tokens=10**9)
    assert admission.headers == ()
    door.settle(admission, prompt_tokens=1, completion_tokens=1, now=0)

    key = store.keys.create("k")
    door.refresh()

    assert door.identify(key).name == "k" and door.identify(None) is ANYBODY
    assert refused(lambda: door.identify("none")).status == 401


def test_scopes_are_kept(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(models=("qwen*",), endpoints=("chat/*",)))
    door = authority(store)
    caller = door.identify(key)

    assert call(door, caller).model == "qwen3" and caller.may_use("qwen3") and not caller.may_use("gpt-4")
    wrong_model = refused(lambda: call(door, caller, model="gpt-4"))
    assert (wrong_model.status, wrong_model.code, wrong_model.param) == (403, "model_not_found", "model")
    assert refused(lambda: call(door, caller, endpoint="/v1/embeddings")).code == "missing_scope"


def test_a_key_expires_at_its_time(store: DataFolder) -> None:
    clock = [NOON]
    key = store.keys.create("k", KeyRules(expires_at=NOON + 1))
    door = authority(store, wall=lambda: clock[0])
    assert door.identify(key).name == "k"

    clock[0] += 1

    assert "has expired" in str(refused(lambda: door.identify(key)))


def test_a_request_too_many_is_refused_until_the_minute_is_over_and_costs_nothing(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(requests_per_minute=2))
    door = authority(store)
    caller = door.identify(key)
    for now in (100.0, 110.0):
        door.settle(call(door, caller, now), prompt_tokens=1, completion_tokens=1, now=now)

    for now in (111.0, 120.0, 159.9):
        refusal = refused(lambda now=now: call(door, caller, now))
        assert refusal.status == 429 and refusal.retry_after_s == pytest.approx(160 - now)
    assert call(door, caller, 160.0) and refused(lambda: call(door, caller, 160.0)).retry_after_s == pytest.approx(10)


def test_headers_say_what_is_left_and_when_it_is_whole_again(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(requests_per_minute=5, tokens_per_minute=1000))
    door = authority(store)
    caller = door.identify(key)

    first = dict(call(door, caller, 100.0, tokens=300).headers)
    second = call(door, caller, 106.0, tokens=600)
    refusal = refused(lambda: call(door, caller, 107.0, tokens=200))

    assert first == {
        b"x-ratelimit-limit-requests": b"5",
        b"x-ratelimit-remaining-requests": b"4",
        b"x-ratelimit-reset-requests": b"1m0s",
        b"x-ratelimit-limit-tokens": b"1000",
        b"x-ratelimit-remaining-tokens": b"700",
        b"x-ratelimit-reset-tokens": b"1m0s",
    }
    said = dict(refusal.all_headers())
    assert (said[b"x-ratelimit-remaining-requests"], said[b"x-ratelimit-remaining-tokens"], said[b"retry-after"]) == (b"3", b"100", b"53")
    door.settle(second, prompt_tokens=50, completion_tokens=50, now=108.0)
    assert dict(call(door, caller, 108.0, tokens=200).headers)[b"x-ratelimit-remaining-tokens"] == b"400"


def test_a_key_without_limits_gets_no_headers_about_them(store: DataFolder) -> None:
    key = store.keys.create("plain")
    door = authority(store)

    assert call(door, door.identify(key)).headers == ()


def test_requests_at_the_same_time_are_limited_and_settled_once(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(parallel=1))
    door = authority(store)
    caller = door.identify(key)
    admission = call(door, caller)
    assert refused(lambda: call(door, caller)).code == "rate_limit_exceeded" and door.in_flight() == {"k": 1}

    for _ in range(3):
        door.settle(admission, prompt_tokens=None, completion_tokens=None, now=1.0)

    assert door.in_flight() == {"k": 0} and call(door, caller, 1.0)


def test_money_is_limited_where_there_is_a_price(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(day_money=0.01))
    door = authority(store, prices={"qwen3": Price(prompt=1.0, completion=10.0)})
    caller = door.identify(key)

    admission = call(door, caller, tokens=1000)
    assert refused(lambda: call(door, caller, tokens=1)).code == "insufficient_quota"
    door.settle(admission, prompt_tokens=500, completion_tokens=100, now=1.0)
    assert door.spent(caller).day_cost == 1_500_000
    call(door, caller, tokens=850)
    assert refused(lambda: call(door, caller, tokens=1)).code == "insufficient_quota"
    assert call(door, caller, tokens=10**6, model="free")


def test_budgets_go_on_where_they_stood_before_a_restart(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(day_tokens=1000, month_tokens=5000))
    key_id = store.keys.get("k").id
    for day, tokens in (("2026-05-15", 900), ("2026-05-01", 3000), ("2026-04-30", 9999)):
        store.usage.write([], [DaySum(day, key_id, "k", "qwen3", requests=1, prompt_tokens=tokens)])

    door = authority(store)
    caller = door.identify(key)

    assert (door.spent(caller).day_tokens, door.spent(caller).month_tokens) == (900, 3900)
    refusal = refused(lambda: call(door, caller, tokens=101))
    assert refusal.retry_after_s == 12 * 3600 and "tokens per day" in str(refusal)
    assert call(door, caller, tokens=100)


def test_a_budget_given_later_counts_what_was_used_before(store: DataFolder) -> None:
    key = store.keys.create("k")
    door = authority(store)
    door.settle(call(door, door.identify(key)), prompt_tokens=600, completion_tokens=0, now=1.0)
    store.usage.write([], [DaySum("2026-05-15", store.keys.get("k").id, "k", "qwen3", requests=1, prompt_tokens=600)])
    store.keys.change("k", KeyRules(day_tokens=1000))
    door.refresh()
    caller = door.identify(key)

    assert door.spent(caller).day_tokens == 600 and refused(lambda: call(door, caller, tokens=401)).code == "insufficient_quota"
    door.settle(call(door, caller, tokens=400), prompt_tokens=300, completion_tokens=0, now=1.0)
    store.keys.change("k", KeyRules(day_tokens=2000, parallel=1))
    door.refresh()
    assert door.spent(caller).day_tokens == 900


def test_a_huge_request_is_refused_and_breaks_nothing(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(tokens_per_minute=1000, day_money=1.0))
    door = authority(store, prices={"qwen3": Price(10**6, 10**6)})
    caller = door.identify(key)

    assert refused(lambda: call(door, caller, tokens=10**30)).status == 429
    admission = call(door, caller, tokens=-5)
    door.settle(admission, prompt_tokens=10**30, completion_tokens=10**30, now=0.0)
    assert refused(lambda: call(door, caller, tokens=1)).status == 429


def test_changed_limits_hold_at_once_and_what_was_counted_stays(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(requests_per_minute=1))
    door = authority(store)
    call(door, door.identify(key))
    assert refused(lambda: call(door, door.identify(key))).status == 429

    store.keys.change("k", KeyRules(requests_per_minute=2))

    assert door.refresh() and not door.refresh()
    assert call(door, door.identify(key))
    assert refused(lambda: call(door, door.identify(key))).status == 429


def test_a_key_revoked_while_its_request_is_read_is_refused_and_running_ones_are_settled(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(parallel=5))
    door = authority(store)
    caller = door.identify(key)
    running = call(door, caller)

    store.keys.delete("k")
    door.refresh()

    assert refused(lambda: call(door, caller)).status == 401
    door.settle(running, prompt_tokens=1, completion_tokens=1, now=1.0)
    assert caller.account and caller.account.in_flight() == 0


def test_a_thread_follows_what_another_process_changes(store: DataFolder) -> None:
    key = store.keys.create("k")
    door = authority(store)
    other = DataFolder(store.path)
    with Follower(door, every_s=0.01):
        assert door.identify(key)
        other.keys.delete("k")
        eventually(lambda: refuses(door, key))
        again = other.keys.create("k2")
        eventually(lambda: not refuses(door, again))
    other.close()


def test_a_database_that_cannot_be_read_changes_nothing(store: DataFolder, caplog: pytest.LogCaptureFixture) -> None:
    key = store.keys.create("k")
    door = authority(store)
    tries: list[int] = []

    class Broken:
        def refresh(self) -> bool:
            tries.append(1)
            raise sqlite3.OperationalError("disk I/O error")

        def sweep(self) -> None: ...

    with Follower(Broken(), every_s=0.001):
        eventually(lambda: len(tries) > 3)
        assert door.identify(key).name == "k"
    assert len([r for r in caplog.records if "cannot be read" in r.message]) == 1


def test_many_threads_never_get_more_than_the_limit(store: DataFolder) -> None:
    key = store.keys.create("k", KeyRules(requests_per_minute=500, parallel=2))
    door = authority(store)
    caller, admitted, most = door.identify(key), list[int](), list[int]()

    def work() -> None:
        for _ in range(300):
            try:
                admission = call(door, caller, time.monotonic())
            except GatewayRefusal:
                continue
            admitted.append(1)
            most.append(door.in_flight()["k"])
            door.settle(admission, prompt_tokens=1, completion_tokens=1, now=time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    assert 0 < len(admitted) <= 500 and max(most) <= 2 and door.in_flight() == {"k": 0}


def refuses(door: Authority, key: str) -> bool:
    try:
        door.identify(key)
    except GatewayRefusal:
        return True
    return False
