"""The pages about models that are to run: the plan, the doctor, the check of a command line. Forms here; what they show is asked of ``/api``."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from moorage.web.pages import PageRoute, page
from moorage.web.security import is_from_here

MOST_SERVICES = 16
EXAMPLE_GPUS = ("4090", "2x4090", "4xL40S", "2xA100-80G", "8xH20")
KNOWN_VERSIONS = ("0.8.5", "0.9.2", "0.10.2", "0.11.0", "0.13.0", "0.20.0", "0.25.0", "0.30.0", "0.33.0")


def model_page_routes(*, is_loopback: bool) -> APIRouter:
    """Pages under ``/plan`` and ``/doctor``. ``is_loopback``: only this machine can connect, so paths of it can be named."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    def plan(request: Request) -> Response:
        near = is_from_here(request, is_loopback=is_loopback)
        return page(request, "plan.html", near=near, gpus=EXAMPLE_GPUS, versions=KNOWN_VERSIONS, most=MOST_SERVICES)

    def doctor(request: Request) -> Response:
        return page(request, "doctor.html")

    def command(request: Request) -> Response:
        return page(request, "command.html", versions=KNOWN_VERSIONS)

    router.add_api_route("/plan", plan, methods=["GET"])
    router.add_api_route("/doctor", doctor, methods=["GET"])
    router.add_api_route("/doctor/command", command, methods=["GET"])
    return router
