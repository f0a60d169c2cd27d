"""A request's JSON body for the faces that must accept what clients really send: no content type, unknown fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from fastapi import Request

from moorage.core.errors import BadInput


async def json_object(request: Request, empty: Mapping[str, object] | None = None) -> Mapping[str, object]:
    """The body as an object. An empty body gives ``empty`` where that is allowed. Raises BadInput."""
    raw = await request.body()
    if not raw.strip() and empty is not None:
        return empty
    try:
        body = cast(object, json.loads(raw))
    except (ValueError, RecursionError) as e:
        raise BadInput(reason=f"the body is not JSON: {e}.") from e
    if not isinstance(body, dict):
        raise BadInput(reason="the body must be a JSON object.")
    return cast("Mapping[str, object]", body)
