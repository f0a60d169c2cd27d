"""Which models stand behind the door, and where: the nouns, and how they are read from the stack file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from moorage.core.errors import BadInput, SettingInvalid
from moorage.core.settings import Settings
from moorage.core.stackfile import StackFile
from moorage.gateway.backends import Version, backend, parse_version
from moorage.gateway.prices import FREE, Price
from moorage.models.address import parse_address

NATIVE = ("responses", "messages")
"""Endpoints that some servers speak themselves and the gateway speaks for the others."""
Bounds = Mapping[str, tuple[float | None, float | None]]
_SERVER_FIELDS = ("url", "key", "model", "kind", "version", "weight", "parallel")


@dataclass(frozen=True, slots=True)
class Replica:
    """One server of a model. ``url`` is its base address, ``model`` the name it knows ("" for the entry's), ``version`` of what serves it ("" where
    unknown), ``parallel`` the requests it gets at once (0: as many as come). ``key`` is a secret and stays out of ``repr``."""

    url: str
    kind: str = "openai"
    key: str = field(default="", repr=False)
    weight: int = 1
    model: str = ""
    parallel: int = 0
    version: str = ""

    @property
    def engine_version(self) -> Version | None:
        """The version as numbers; None where unknown."""
        return parse_version(self.version)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model as clients see it: its names, its servers, what is added to requests, and how many may wait.

    ``native``: the endpoints that its servers speak themselves, of those that are converted otherwise. ``answer_in_reasoning``: what becomes of
    reasoning that no answer followed, ``content`` or ``keep``. ``token_ids``: the file of the tokenizer whose ids clients of an embedder may send.
    """

    name: str
    replicas: tuple[Replica, ...]
    aliases: tuple[str, ...] = ()
    task: str = "chat"
    tool_parsing: str = "native"
    template: str = ""
    tool_format: str = ""
    native: tuple[str, ...] = ()
    answer_in_reasoning: str = "content"
    token_ids: str = ""
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    bounds: Bounds = field(default_factory=dict[str, tuple[float | None, float | None]])
    queue: int = 256
    queue_timeout_s: float = 60.0
    price: Price = FREE


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Everything the gateway is told. Sizes in bytes, times in seconds."""

    models: tuple[ModelEntry, ...]
    max_request_bytes: int = 64 * 2**20
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 300.0
    answer_timeout_s: float = 1800.0
    pause_timeout_s: float = 300.0
    health_interval_s: float = 5.0
    drain_timeout_s: float = 30.0


def gateway_config(stack: StackFile, settings: Settings) -> GatewayConfig:
    """The gateway of a stack file. ``llm`` and ``embedder`` are served whether the file, a flag or a variable named them.
    Raises SettingInvalid, which names the line."""
    source = str(stack.path or "moorage.yaml")
    raw = {name: dict(entry) for name, entry in stack.models.items()}
    roles = (
        ("llm", settings.llm, settings.llm_model, settings.llm_key),
        ("embedder", settings.embedder, settings.embedder_model, settings.embedder_key),
    )
    for role, url, model, key in roles:
        if url:
            raw.setdefault(role, {}).update({"url": url, "model": model, "key": key})
    models = tuple(_Reader(name, entry, source).entry() for name, entry in raw.items())
    _refuse_twice(models, source)
    return GatewayConfig(
        models=models,
        max_request_bytes=settings.max_request_bytes,
        connect_timeout_s=settings.connect_timeout,
        first_token_timeout_s=settings.first_token_timeout,
        answer_timeout_s=settings.answer_timeout,
        pause_timeout_s=settings.pause_timeout,
        health_interval_s=settings.health_interval,
        drain_timeout_s=settings.drain_timeout,
    )


def _refuse_twice(models: tuple[ModelEntry, ...], source: str) -> None:
    owner: dict[str, str] = {}
    for entry in models:
        for name in (entry.name, *entry.aliases):
            if owner.setdefault(name, entry.name) != entry.name:
                raise SettingInvalid(
                    name=f"models.{entry.name}.aliases",
                    value=name,
                    source=source,
                    reason=f"models.{owner[name]} has this name, too",
                    reason_zh=f"models.{owner[name]} 已使用此名称",
                    advice="Give each model names of its own.",
                    advice_zh="请为每个模型使用不同的名称。",
                )
            owner[name] = entry.name


class _Reader:
    """Reads one entry of ``models:``, field by field."""

    def __init__(self, name: str, raw: Mapping[str, object], source: str) -> None:
        self._name, self._raw, self._source = name, raw, source

    def entry(self) -> ModelEntry:
        raw = self._raw
        aliases = tuple(self._text(f"aliases[{i}]", each) for i, each in enumerate(self._list("aliases", raw.get("aliases"))))
        task = self._text("task", raw.get("task", "embed" if self._name == "embedder" else "chat"))
        replicas = self._replicas()
        own = {r.model for r in replicas if r.model} if self._name in ("llm", "embedder") else set[str]()
        return ModelEntry(
            name=self._name,
            replicas=replicas,
            aliases=tuple(dict.fromkeys(a for a in (*aliases, *sorted(own)) if a != self._name)),
            task=task,
            tool_parsing=self._one_of("tool_parsing", ("native", "gateway")),
            template=self._optional("template", raw.get("template")),
            tool_format=self._tool_format(self._optional("tool_format", raw.get("tool_format"))),
            native=tuple(self._one_of(f"native[{i}]", NATIVE, each) for i, each in enumerate(self._list("native", raw.get("native")))),
            answer_in_reasoning=self._one_of("answer_in_reasoning", ("content", "keep")),
            token_ids=self._optional("token_ids", raw.get("token_ids")),
            defaults=self._mapping("defaults", raw.get("defaults")),
            bounds={key: self._bound(f"bounds.{key}", each) for key, each in self._mapping("bounds", raw.get("bounds")).items()},
            queue=int(self._number("queue", raw.get("queue", 256), 0, 1_000_000, whole=True)),
            queue_timeout_s=self._number("queue_timeout_s", raw.get("queue_timeout_s", 60.0), 0, 86_400),
            price=self._price(self._mapping("price", raw.get("price"))),
        )

    def _replicas(self) -> tuple[Replica, ...]:
        common = {key: self._raw[key] for key in _SERVER_FIELDS if key in self._raw}
        url = common.pop("url", None)
        listed = self._list("replicas", self._raw.get("replicas"))
        if url is not None and listed and self._name not in ("llm", "embedder"):
            advice = ("Move `url` into `replicas`.", "请将 `url` 移入 `replicas`。")
            raise self._invalid("url", url, "it stands beside `replicas`", "与 `replicas` 同时出现", advice)
        servers = listed or ([url] if url is not None else [])
        if not servers:
            advice = (f"Write `{self._name}: http://host:8000/v1`.", f"请写 `{self._name}: http://host:8000/v1`。")
            raise self._invalid("url", None, "the model has no server", "该模型没有服务地址", advice)
        prefix = "replicas[{}]" if listed else ""
        return tuple(self._replica(prefix.format(i), each, common) for i, each in enumerate(servers))

    def _replica(self, place: str, raw: object, common: Mapping[str, object]) -> Replica:
        own = {"url": raw} if isinstance(raw, str) else self._mapping(place, raw)
        dot = f"{place}." if place else ""
        for key in own:
            if key not in _SERVER_FIELDS:
                advice = (f"Known fields: {', '.join(_SERVER_FIELDS)}.", f"可用字段：{'、'.join(_SERVER_FIELDS)}。")
                raise self._invalid(f"{dot}{key}", own[key], "there is no such field", "没有此字段", advice)
        fields = {**common, **own}
        url = self._text(f"{dot}url", fields.get("url"))
        try:
            address = parse_address(url)
        except SettingInvalid as e:
            raise self._invalid(
                f"{dot}url",
                e.values["value"],
                str(e.values["reason"]),
                "地址无法理解",
                (str(e.values["advice"]), "请写成 http://host:8000/v1。"),
            ) from e
        if address.login:
            advice = ("Give the server's `key` instead.", "请改用 `key`。")
            raise self._invalid(f"{dot}url", address.url, "it holds a user name and password", "地址中含有用户名和密码", advice)
        return Replica(
            url=address.url,
            kind=self._kind(f"{dot}kind", fields.get("kind", "openai")),
            key=self._optional(f"{dot}key", fields.get("key")),
            weight=int(self._number(f"{dot}weight", fields.get("weight", 1), 1, 1000, whole=True)),
            model=self._optional(f"{dot}model", fields.get("model")),
            parallel=int(self._number(f"{dot}parallel", fields.get("parallel", 0), 0, 1_000_000, whole=True)),
            version=self._optional(f"{dot}version", fields.get("version")),
        )

    def _kind(self, place: str, raw: object) -> str:
        kind = self._text(place, raw)
        try:
            return backend(kind).name
        except BadInput as e:
            raise self._invalid(place, kind, str(e), e.say("zh")) from e

    def _one_of(self, place: str, choices: tuple[str, ...], raw: object = None) -> str:
        chosen = self._text(place, raw if raw is not None else self._raw.get(place, choices[0]))
        if chosen not in choices:
            raise self._invalid(place, chosen, f"it must be {' or '.join(choices)}", f"只能是 {' 或 '.join(choices)}")
        return chosen

    def _tool_format(self, name: str) -> str:
        if name:
            from moorage.gateway.toolcalls.formats import FORMATS  # only here: most gateways need none

            if name not in FORMATS:
                known = ", ".join(sorted(FORMATS))
                raise self._invalid("tool_format", name, "there is no such format", "没有此格式", (f"Known: {known}.", f"可用：{known}。"))
        return name

    def _price(self, raw: Mapping[str, object]) -> Price:
        for key in raw:
            if key not in ("prompt", "completion"):
                raise self._invalid(f"price.{key}", raw[key], "a price has `prompt` and `completion`", "价格只有 `prompt` 与 `completion`")
        prompt, completion = (self._number(f"price.{part}", raw.get(part, 0.0), 0, 1_000_000) for part in ("prompt", "completion"))
        return Price(prompt, completion)

    def _bound(self, place: str, raw: object) -> tuple[float | None, float | None]:
        ends = self._list(place, raw)
        if len(ends) != 2 or not all(end is None or (isinstance(end, (int, float)) and not isinstance(end, bool)) for end in ends):
            raise self._invalid(place, raw, "it must be [low, high], each a number or null", "应为 [下限, 上限]，每项为数字或 null")
        low, high = cast("tuple[float | None, float | None]", tuple(ends))
        if low is not None and high is not None and low > high:
            raise self._invalid(place, raw, "the low end lies above the high one", "下限高于上限")
        return low, high

    def _text(self, place: str, raw: object) -> str:
        if not isinstance(raw, str) or not raw.strip() or any(ord(c) < 32 for c in raw):
            raise self._invalid(place, raw, "it must be text", "必须是文本")
        return raw.strip()

    def _optional(self, place: str, raw: object) -> str:
        return "" if raw in (None, "") else self._text(place, raw)

    def _number(self, place: str, raw: object, low: float, high: float, whole: bool = False) -> float:
        right: Callable[[object], bool] = lambda each: isinstance(each, int if whole else (int, float)) and not isinstance(each, bool)  # noqa: E731
        if not right(raw) or not low <= cast(float, raw) <= high:
            kind, kind_zh = ("a whole number", "整数") if whole else ("a number", "数字")
            raise self._invalid(place, raw, f"it must be {kind} from {low:g} to {high:g}", f"应为 {low:g} 到 {high:g} 的{kind_zh}")
        return cast(float, raw)

    def _list(self, place: str, raw: object) -> list[object]:
        if raw is None:
            return []
        if not isinstance(raw, list):
            raise self._invalid(place, raw, "it must be a list", "必须是列表")
        return cast("list[object]", raw)

    def _mapping(self, place: str, raw: object) -> dict[str, object]:
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            raise self._invalid(place, raw, "it must be a mapping (`key: value` lines)", "必须是映射（`键: 值`）")
        return {str(key): value for key, value in cast("Mapping[object, object]", raw).items()}

    def _invalid(self, place: str, value: object, reason: str, reason_zh: str, advice: tuple[str, str] | None = None) -> SettingInvalid:
        said, said_zh = advice or ("See docs/configuration.md.", "见 docs/configuration.md。")
        return SettingInvalid(
            name=f"models.{self._name}.{place}",
            value="***" if place.endswith("key") else value,
            source=self._source,
            reason=reason,
            reason_zh=reason_zh,
            advice=said,
            advice_zh=said_zh,
        )
