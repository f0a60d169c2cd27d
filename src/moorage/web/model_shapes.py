"""What goes in and out of ``/api/plan``, ``/api/model`` and ``/api/doctor``, typed so that the OpenAPI document tells its shape. The values are made
by the rooms below; a test holds them against these."""

from __future__ import annotations

from typing import (
    Literal,
    NotRequired,  # pydantic reads typing.TypedDict only from Python 3.12 on
)

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from moorage.web.shapes import NoticeShape

MOST_SERVICES = 16
MOST_LOG_CHARACTERS = 4 * 2**20
_MODEL = "hf:ORG/NAME, ms:ORG/NAME or ORG/NAME from a cache here, a name in the setting `models_folder`; on the machine itself any path"
_CacheFormat = Literal["auto", "fp8", "fp8_e4m3", "fp8_e5m2"]


class ServiceBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1, max_length=1000, examples=["hf:Qwen/Qwen3-8B"], description=_MODEL)
    name: str | None = Field(None, min_length=1, max_length=80, description="what it is called; its model's name when not given")
    context: int | None = Field(None, ge=16, le=2**27, description="tokens of a request that must fit")
    users: int | None = Field(None, ge=1, le=65_536, description="requests of that length at once")
    max_seqs: int | None = Field(None, ge=1, le=65_536, description="as vLLM's --max-num-seqs")
    batched_tokens: int | None = Field(None, ge=16, le=2**22, description="as vLLM's --max-num-batched-tokens")
    kv_cache_dtype: _CacheFormat | None = None
    tp: int | None = Field(None, ge=1, le=64, description="cards to cut the model over")
    pp: int | None = Field(None, ge=1, le=64, description="stages to cut it into")
    eager: bool = Field(False, description="without CUDA graphs")
    lora_rank: int = Field(0, ge=0, le=512)
    cards: list[int] | None = Field(None, min_length=1, max_length=64, description="the cards it may use")


class PlanBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    services: list[ServiceBody] = Field(
        min_length=1,
        max_length=MOST_SERVICES,
        examples=[[{"model": "hf:Qwen/Qwen3-8B", "context": 16384, "users": 4}]],
        description="each a `model`; besides, as wished: `name`, `context`, `users`, `max_seqs`, `batched_tokens`, `kv_cache_dtype`, `tp`, `pp`, `eager`, `lora_rank`, `cards`",
    )
    gpus: str | None = Field(
        None, max_length=200, examples=["2x4090"], description="the cards, e.g. 4x4090 or 2xL40S,A100-80G; this machine's when not given"
    )
    vllm: str | None = Field(None, max_length=40, examples=["0.11.0"], description="the version of vLLM; the newest known when not given")


class ModelBody(BaseModel):
    model: str = Field(min_length=1, max_length=1000, examples=["hf:Qwen/Qwen3-8B"], description=_MODEL)


class CheckBody(BaseModel):
    command: str = Field(
        examples=["vllm serve Qwen/Qwen3-8B --task generate"], description="a `vllm serve`, api_server or `docker run` line"
    )
    version: str | None = Field(
        None, max_length=40, description="the vLLM to check for; the image's tag, or the one installed here, when not given"
    )

    gpus: str | None = Field(
        None, max_length=200, examples=["2x4090"], description="the cards it will run on; this machine's when not given"
    )


class LogBody(BaseModel):
    log: str = Field(max_length=MOST_LOG_CHARACTERS, description="the log; a longer one is sent as `text/plain`")


class RangeShape(TypedDict):
    low: float
    likely: float
    high: float


class PartShape(TypedDict):
    name: str
    bytes: int


class CardShape(TypedDict):
    index: int
    name: str
    total_bytes: int
    used_bytes: int


class CardUseShape(CardShape):
    spare_bytes: int
    parts: list[PartShape]


class LineShape(TypedDict):
    name: str
    bytes: RangeShape | None
    reason: str


class ChoiceShape(TypedDict):
    flag: str
    reason: str


class CommandsShape(TypedDict):
    serve: str
    docker: str


class PlacedShape(TypedDict):
    order: int
    name: str
    model: str
    task: str
    gpus: list[int]
    flags: dict[str, object]
    serve: NotRequired[dict[str, object]]
    choices: NotRequired[list[ChoiceShape]]
    port: NotRequired[int]
    commands: NotRequired[CommandsShape]
    held_bytes: int
    parts: list[PartShape]
    cache_bytes: RangeShape
    cache_tokens: RangeShape
    max_concurrency: RangeShape
    users: float
    is_learned: bool
    speed_estimate: dict[str, float]
    explanation: list[LineShape]
    notices: NotRequired[list[NoticeShape]]


class RefusedShape(TypedDict):
    name: str
    model: str
    reasons: list[NoticeShape]
    remedies: list[NoticeShape]


class PlanShape(TypedDict):
    vllm: str
    is_whole: bool
    cards: list[CardUseShape]
    services: list[PlacedShape]
    refused: list[RefusedShape]
    notices: list[NoticeShape]


class RemarkShape(TypedDict):
    weight: Literal["error", "warning", "note"]
    about: str
    text: str


class ForecastShape(TypedDict):
    verdict: Literal["fits", "may_fit", "does_not_fit", "unknown"]
    cards: list[CardUseShape]
    service: PlacedShape | None
    notices: list[NoticeShape]


class CheckedShape(TypedDict):
    version: str
    runs: bool
    model: str | None
    line: str
    remarks: list[RemarkShape]
    flags: dict[str, object]
    variables: dict[str, str]
    forecast: ForecastShape | None


class LogLineShape(TypedDict):
    line: int
    text: str


class EvidenceShape(LogLineShape):
    level: str


class FixShape(TypedDict):
    run: str
    why: str


class FindingShape(TypedDict):
    id: str
    stage: str
    severity: str
    certainty: Literal["certain", "likely", "possible"]
    what: str
    evidence: EvidenceShape
    facts: dict[str, str]
    fixes: list[FixShape]
    link: str


class DiagnosisShape(TypedDict):
    named: str | None
    alarm: bool
    cause: FindingShape | None
    wrapper: FindingShape | None
    others: list[FindingShape]
    notes: list[FindingShape]
    step: str
    started: bool
    earlier: bool
    first_error: EvidenceShape | None
    lines: int
    around: list[LogLineShape]
    left_out_bytes: int
