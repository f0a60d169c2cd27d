"""``/api/plan``, ``/api/model`` and ``/api/doctor``: what fits on which card, what a model's files, a command line or a log say.

The same words as the commands. What reckons is loaded by the first request that needs it, and runs in threads, two at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from moorage.core.errors import BadInput, Language, ModelNotFound
from moorage.core.settings import Settings
from moorage.web import model_shapes as s
from moorage.web.log_body import KEPT_BYTES, LogBytes, log_of
from moorage.web.pages import language_of
from moorage.web.security import is_from_here
from moorage.wiring import Home

if TYPE_CHECKING:
    from moorage.engines.doctor import Diagnosis
    from moorage.models.reach import Reach
    from moorage.stack.services import ServiceEntry

AT_ONCE = 2
_BEFORE, _AFTER = 3, 3  # lines shown around the one that tells
_LOG_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": s.LogBody.model_json_schema()},
            "text/plain": {"schema": {"type": "string"}},
        },
    }
}
P = ParamSpec("P")
T = TypeVar("T")
Data = dict[str, object]
Speaks = Annotated[Language, Depends(language_of)]


def model_routes(home: Home, *, is_loopback: bool) -> APIRouter:
    """Everything about models that are not running yet, or not any more. ``is_loopback``: only this machine can connect."""
    router, bench = APIRouter(tags=["models"]), _Bench()

    def reach(request: Request) -> Reach:
        return _reach(home.settings, any_path=is_from_here(request, is_loopback=is_loopback))

    @router.get("/api/model")
    async def ls(request: Request) -> dict[str, list[str]]:
        """The models that can be named: those in the setting `models_folder`, and those in the caches of Hugging Face and ModelScope."""
        return {"models": await bench.do(_names, reach(request))}

    @router.post("/api/model/inspect")
    async def inspect(request: Request, body: s.ModelBody, language: Speaks) -> Data:
        """What a model's own files say: task, sizes, layers, words, license. Headers and settings are read; nothing in them is run."""
        return await bench.do(_inspected, body.model, reach(request), language)

    @router.post("/api/model/check", response_model=s.CheckedShape)
    async def check(request: Request, body: s.CheckBody, language: Speaks) -> JSONResponse:
        """What is wrong with a vLLM command line for a version, and the mended line.

        `forecast` says what it will use of each card; it is null where the model cannot be named from where the caller is.
        """
        return JSONResponse(await bench.do(_checked, body, reach(request), home.settings.data, language))

    @router.get("/api/plan/gpus")
    async def gpus() -> dict[str, list[s.CardShape]]:
        """The GPUs of this machine, with what is taken of them; none where no driver answers."""
        return {"gpus": await bench.do(_cards)}

    @router.post("/api/plan", response_model=s.PlanShape)
    async def plan(request: Request, body: s.PlanBody, language: Speaks) -> JSONResponse:
        """Which model runs on which card and with which flags, with every number explained. Services without a place are in `refused`."""
        return JSONResponse(await bench.do(_planned, body, reach(request), home.settings.data, language))

    @router.post("/api/doctor", response_model=s.DiagnosisShape, openapi_extra=_LOG_BODY)
    async def doctor(request: Request, language: Speaks) -> JSONResponse:
        """Why a model server failed, from its log: `{"log": "..."}`, or the log itself as `text/plain`, up to 256 MiB.

        Of a log above 8 MiB the first and the last half of that are read. `around` are the lines about the evidence, as numbered in what was read.
        """
        log = await log_of(request)
        return JSONResponse(await bench.do(_diagnosed, log, language))

    return router


class _Bench:
    """Where the reckoning is done: in threads, so that answers to others go on, and a few at a time, so that threads are left for them."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def do(self, work: Callable[P, T], /, *args: P.args, **names: P.kwargs) -> T:
        async with self._places:
            return await asyncio.to_thread(work, *args, **names)


def _reach(settings: Settings, *, any_path: bool) -> Reach:
    from moorage.models.reach import Reach

    folder = Path(settings.models_folder).expanduser().absolute() if settings.models_folder else None
    return Reach(folder, any_path)


def _names(reach: Reach) -> list[str]:
    from moorage.models.reach import known_models

    return known_models(reach)


def _inspected(model: str, reach: Reach, language: Language) -> Data:
    from moorage.models.reach import reachable
    from moorage.stack.planner import inspect_model
    from moorage.stack.shapes import model_data

    return model_data(inspect_model(reachable(model, reach)), language)


def _checked(body: s.CheckBody, reach: Reach, lessons_folder: Path, language: Language) -> Data:
    from moorage.engines.vllm.check import check, checked_data
    from moorage.engines.vllm.version import installed
    from moorage.stack.planner import forecast_command
    from moorage.stack.shapes import forecast_data

    checked = check(body.command, body.version or None, installed())
    is_near, files = _files_of(checked.mended.model or "", reach)
    made = forecast_command(checked, body.gpus or None, files, lessons_folder) if is_near else None
    return {**checked_data(checked, language), "forecast": made and forecast_data(made, language)}


def _files_of(model: str, reach: Reach) -> tuple[bool, str | None]:
    """Whether the files of a command's model may be looked for, and where they are, if not where the command itself says."""
    from moorage.models.reach import ModelOutOfReach, reachable

    try:
        files = reachable(model, reach)
    except (ModelOutOfReach, ModelNotFound):
        return False, None
    return True, None if reach.any_path and files == model else files


def _cards() -> list[s.CardShape]:
    from moorage.plan.detect import detect_cards

    return [{"index": c.index, "name": c.name, "total_bytes": c.total_bytes, "used_bytes": c.used_bytes} for c in detect_cards()]


def _planned(body: s.PlanBody, reach: Reach, lessons_folder: Path, language: Language) -> Data:
    from moorage.stack.planner import plan_services
    from moorage.stack.shapes import plan_data

    return plan_data(plan_services(_entries(body, reach), body.gpus or None, body.vllm or None, lessons_folder), language)


def _entries(body: s.PlanBody, reach: Reach) -> list[ServiceEntry]:
    """The services as they were asked for, each with a name of its own and a model within reach."""
    from moorage.models.reach import reachable
    from moorage.stack.services import ServiceEntry, service_name

    taken = [service.name for service in body.services if service.name]
    if double := next((name for name in taken if taken.count(name) > 1), None):
        raise BadInput(
            reason=f"Two services are named {double!r}. Give each a name of its own.",
            reason_zh=f"有两个服务名为 {double!r}，名称不能重复。",
        )
    entries: list[ServiceEntry] = []
    for service in body.services:
        name = service.name or service_name(service.model, taken)
        taken.append(name)
        said = service.model_dump(exclude={"name", "model", "cards"})
        cards = tuple(service.cards) if service.cards is not None else None
        entries.append(ServiceEntry(name=name, model=reachable(service.model, reach), cards=cards, **said))
    return entries


def _diagnosed(log: LogBytes, language: Language) -> Data:
    from moorage.engines.doctor import diagnose, diagnosis_data

    found = diagnose(_lines(log))
    return {**diagnosis_data(found, language), "around": _around(found, log), "left_out_bytes": log.left_out}


def _lines(log: LogBytes) -> Iterator[str]:
    from moorage.engines.doctor import log_lines

    return log_lines(BytesIO(log.data), KEPT_BYTES, "log")


def _around(found: Diagnosis, log: LogBytes) -> list[s.LogLineShape]:
    """The line that tells with its neighbours, as they stand in the log."""
    from moorage.engines.doctor.lines import LeftOut, plain

    finding = found.cause or found.wrapper
    line = finding.line if finding else found.first_error
    if line is None:
        return []
    number, shown = 0, list[s.LogLineShape]()
    for text in _lines(log):
        number += text.lines if isinstance(text, LeftOut) else 1
        if number > line.number + _AFTER:
            break
        if number >= line.number - _BEFORE and not isinstance(text, LeftOut):
            shown.append({"line": number, "text": plain(text)})
    return shown
