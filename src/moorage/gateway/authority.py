"""Who calls, what they may do and how much: keys, scopes and limits, all in memory. A request never waits here for a disk or another process's
answer; changes that others make to the keys are noticed by a thread (see ``follow.py``)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from moorage.gateway import admission as admitting
from moorage.gateway import errors, refusals
from moorage.gateway.board import Board, PrivateBoard
from moorage.gateway.calendar import Calendar
from moorage.gateway.limits import Account, Moment, Quota, Taken, Wanted
from moorage.gateway.prices import Prices, price_of
from moorage.gateway.refusals import HeaderRows, duration
from moorage.store.key_rules import KeyRules
from moorage.store.keys import KeyRows, key_hash
from moorage.store.usage import Spent, UsageRows

MOST_TOKENS = 10**12
"""No request is taken for more, whatever it or its backend says."""

_SECOND = 1_000_000
_NAMES = {kind: tuple(f"x-ratelimit-{what}-{kind}".encode() for what in ("limit", "remaining", "reset")) for kind in ("requests", "tokens")}
_MOST_ALLOWED = 1_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: a key, or nobody in particular (``key_id`` 0) where no key is asked for. One without limits has no account."""

    key_id: int = 0
    name: str = ""
    rules: KeyRules = field(default_factory=KeyRules)
    hash: str = field(default="", repr=False)
    quota: Quota = field(default_factory=Quota, repr=False)
    account: Account | None = field(default=None, repr=False)
    allowed: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]], repr=False, compare=False)
    """Endpoints with models that were found to be in scope: globs are matched once."""

    @property
    def is_batch(self) -> bool:
        """Whether their requests wait behind those of others."""
        return self.rules.priority == "batch"

    def may_use(self, model: str) -> bool:
        """Whether this model is theirs to see and to use."""
        return self.rules.may_use(model)

    def may_call(self, endpoint: str) -> bool:
        """Whether this endpoint is theirs to call."""
        return self.rules.may_call(endpoint)


ANYBODY = Caller()
NOTHING = Wanted(0)


@dataclass(slots=True)
class Admission:
    """A request that was let in. ``headers`` are for its answer: the limits of the key and what is left of them."""

    caller: Caller
    model: str
    wanted: Wanted
    headers: HeaderRows = ()
    taken: Taken | None = field(default=None, repr=False)


class Authority:
    """The keys and their counters. ``identify`` before the body is read, ``admit`` when it is known what is asked for, ``settle`` once at the end.

    Any thread may call. ``now`` is ``time.monotonic()`` (seconds): of one clock, for all processes that share a board.
    """

    def __init__(
        self,
        keys: KeyRows,
        usage: UsageRows,
        *,
        needs_key: bool = True,
        prices: Prices | None = None,
        board: Board | None = None,
        zone: tzinfo | None = None,
        wall: Callable[[], float] = time.time,
        on_refused: Callable[[str, str], None] = lambda name, code: None,
    ) -> None:
        """Reads the keys and what they have spent. ``zone`` is the calendar of budgets, the machine's when None; ``wall`` a clock of seconds since 1970.
        ``on_refused`` is told the key's name and the refusal's code."""
        self.needs_key = needs_key
        self.calendar = Calendar(zone)
        self._keys, self._usage = keys, usage
        self._prices: Prices = {} if prices is None else prices
        self._board = board or PrivateBoard()
        self._wall = wall
        self._on_refused = on_refused
        self._ids: dict[str, int] = {}
        self._callers: dict[str, Caller] = {}
        self._version = -1
        self.refresh()

    def identify(self, key_text: str | None) -> Caller:
        """Whose key this is. Raises GatewayRefusal (401) where one is needed or sent and is not right.

        Where keys are not needed, any text will do as long as there are no keys: clients insist on sending one.
        """
        if not key_text:
            if self.needs_key:
                raise self._refused("", errors.missing_key())
            return ANYBODY
        caller = self._callers.get(key_hash(key_text))
        if caller is None:
            if self.needs_key or self._callers:
                raise self._refused("", errors.bad_key())
            return ANYBODY
        if caller.rules.expires_at is not None and caller.rules.has_expired(self._wall()):
            raise self._refused(caller.name, refusals.expired_key(caller.name))
        return caller

    def admit(self, caller: admitting.Caller, *, model: str, endpoint: str, tokens: int, now: float) -> Admission:
        """Lets a request in and counts it, or raises GatewayRefusal: 401 where the key has been revoked meanwhile, 403 out of its scopes, 429 over
        a limit. ``tokens`` is the most that the request may use; so many are reserved until it is settled."""
        assert isinstance(caller, Caller)
        if caller is ANYBODY:
            return Admission(caller, model, NOTHING)
        caller = self._as_of_now(caller)
        if (endpoint, model) not in caller.allowed:
            self._check_scope(caller, endpoint, model)
        if caller.account is None:
            return Admission(caller, model, NOTHING)
        return self._take(caller, model, min(max(tokens, 0), MOST_TOKENS), now)

    def settle(self, admission: admitting.Admission, *, prompt_tokens: int | None, completion_tokens: int | None, now: float) -> None:
        """Puts what was used in the place of what was reserved. None counts as nothing: for who was not served. Of an answer that was cut off the
        part that was sent is to be counted. Later calls for the same admission change nothing."""
        assert isinstance(admission, Admission)
        taken, account = admission.taken, admission.caller.account
        if taken is None or account is None:
            return
        prompt, completion = prompt_tokens or 0, completion_tokens or 0
        if prompt > MOST_TOKENS or completion > MOST_TOKENS:
            prompt, completion = min(prompt, MOST_TOKENS), min(completion, MOST_TOKENS)
        cost = price_of(self._prices, admission.model).cost_nanos(prompt, completion)
        admission.taken = None
        moment = self._moment(now)
        with self._board.lock:
            account.settle(moment, taken, prompt + completion, cost)

    def refresh(self) -> bool:
        """Looks whether the keys have changed and follows; says whether they had. Requests in flight are not touched. Raises MoorageError."""
        version = self._keys.version()
        if version == self._version:
            return False
        keys = self._keys.by_hash()
        callers = {hash: Caller(key.id, key.name, key.rules, hash, Quota.of(key.rules)) for hash, key in keys.items()}
        accounts = self._open_accounts({caller.key_id: caller.quota for caller in callers.values() if caller.quota.is_limited})
        self._callers = {hash: replace(caller, account=accounts.get(caller.key_id)) for hash, caller in callers.items()}
        self._ids.update({key.name: key.id for key in keys.values()})
        self._version = version
        return True

    def sweep(self) -> None:
        """Gives back what workers held that are no more."""
        self._board.sweep()

    def in_flight(self) -> dict[str, int]:
        """Requests at this moment of each key with limits; of all workers."""
        with self._board.lock:
            return {caller.name: caller.account.in_flight() for caller in self._callers.values() if caller.account}

    def spent(self, caller: Caller) -> Spent:
        """What a caller with limits has used this day and month."""
        if caller.account is None:
            return Spent()
        with self._board.lock:
            return caller.account.spent(self.calendar.today(self._wall()))

    def key_id(self, name: str) -> int:
        """The number of the key of this name, also of one that was removed meanwhile; 0 for nobody's."""
        return self._ids.get(name, 0)

    def _refused(self, name: str, refusal: errors.GatewayRefusal) -> errors.GatewayRefusal:
        self._on_refused(name, refusal.code)
        return refusal

    def _as_of_now(self, caller: Caller) -> Caller:
        """The caller with the rules of this moment: reading a body can take longer than revoking a key."""
        found = self._callers.get(caller.hash)
        if found is None:
            raise self._refused(caller.name, errors.bad_key())
        return found

    def _check_scope(self, caller: Caller, endpoint: str, model: str) -> None:
        if not caller.rules.may_call(endpoint):
            raise self._refused(caller.name, refusals.endpoint_out_of_scope(caller.name, endpoint))
        if not caller.rules.may_use(model):
            raise self._refused(caller.name, refusals.model_out_of_scope(caller.name, model))
        if len(caller.allowed) < _MOST_ALLOWED:
            caller.allowed.add((endpoint, model))

    def _take(self, caller: Caller, model: str, tokens: int, now: float) -> Admission:
        account, quota = caller.account, caller.quota
        assert account is not None
        moment, wanted = self._moment(now), Wanted(tokens, price_of(self._prices, model).most_nanos(tokens))
        with self._board.lock:
            taken = account.try_take(moment, quota, wanted)
            if taken is not None:
                return Admission(caller, model, wanted, _headers_after(quota, account), taken)
            short = account.shortage(moment, quota, wanted)
            assert short is not None
            headers = _headers(moment.now, quota, account)
        raise self._refused(caller.name, refusals.over_limit(caller.name, short, headers))

    def _open_accounts(self, quotas: dict[int, Quota]) -> dict[int, Account]:
        """The counters of keys with limits. Budgets go on from what was written, where they are new to this process."""
        accounts = {key_id: self._board.account(key_id) for key_id in quotas}
        begun = {caller.key_id for caller in self._callers.values() if caller.quota.has_budget}
        new = [key_id for key_id, quota in quotas.items() if quota.has_budget and key_id not in begun]
        if new:
            wall = self._wall()
            today, spent = self.calendar.today(wall), self._usage.spent(self.calendar.date(wall))
            with self._board.lock:
                for key_id in new:
                    accounts[key_id].begin(today, spent.get(key_id, Spent()))
        return accounts

    def _moment(self, now: float) -> Moment:
        wall = self._wall()
        return Moment(int(now * _SECOND), wall, self.calendar.today(wall))


def _headers_after(quota: Quota, account: Account) -> HeaderRows:
    """``_headers`` right after a request was counted, when the newest part of each window is of this moment."""
    rows: HeaderRows = ()
    if (limit := quota.requests) is not None:
        rows = _rows("requests", limit, limit - account.requests.total, b"1m0s")
    if (limit := quota.tokens) is not None:
        rows += _rows("tokens", limit, limit - account.tokens.total, b"1m0s")
    return rows


def _headers(now: int, quota: Quota, account: Account) -> HeaderRows:
    """``x-ratelimit-*`` as OpenAI spells them, for the limits that there are."""
    rows: HeaderRows = ()
    for kind, limit, window in (("requests", quota.requests, account.requests), ("tokens", quota.tokens, account.tokens)):
        if limit is not None:
            rows += _rows(kind, limit, max(0, limit - window.used(now)), duration(window.reset(now) / _SECOND).encode())
    return rows


def _rows(kind: str, limit: int, remaining: int, reset: bytes) -> HeaderRows:
    limit_name, remaining_name, reset_name = _NAMES[kind]
    return ((limit_name, b"%d" % limit), (remaining_name, b"%d" % remaining), (reset_name, reset))
