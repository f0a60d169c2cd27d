"""How far a starting server has come, told from what it prints on the way."""

from __future__ import annotations

import re

from moorage.engines.doctor.lines import LogLine

# In the order of a start. Each mark means that its step has begun.
_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (step, re.compile(pattern, re.IGNORECASE))
    for step, pattern in (
        ("arguments", r"vLLM API server version|non-default args|^args: Namespace"),
        ("config", r"Resolved architecture|This model supports multiple tasks|Initializing an? (?:V1 )?LLM engine|Using max model len"),
        ("distributed", r"world_size=\d+ rank=|Started a local Ray|Connecting to existing Ray|vLLM is using nccl"),
        ("weights", r"Starting to load model|Loading (?:safetensors|pt) checkpoint|Time spent downloading weights|Loading weights took"),
        (
            "profiling",
            r"Model loading took|Loading model weights took|Memory profiling|Encoder cache will be initialized|Dynamo bytecode transform",
        ),
        ("kv cache", r"Available KV cache memory|GPU KV cache size|# (?:GPU|CUDA) blocks"),
        ("graphs", r"Capturing (?:the model for )?(?:CUDA|cuda) ?graph|Graph capturing finished"),
        ("serving", r"Application startup complete|Uvicorn running on|Starting vLLM API server|Started server process"),
    )
)
_NEW_START = re.compile(r"vLLM API server version", re.IGNORECASE)
_STARTED = re.compile(r"Application startup complete|Uvicorn running on")
BEFORE = "before start"


class Progress:
    """The steps of one start, with the lines where they began."""

    def __init__(self) -> None:
        self._begun: list[tuple[int, str]] = []
        self._place = -1
        self.started_at = 0  # the line that said so

    @property
    def started(self) -> bool:
        return self.started_at > 0

    @property
    def step(self) -> str:
        return self._begun[-1][1] if self._begun else BEFORE

    def read(self, line: LogLine) -> bool:
        """Notes the line; True when it belongs to another start than the lines before."""
        if _NEW_START.search(line.text) and self._place >= 1:
            return True
        for place, (step, pattern) in enumerate(_MARKS):
            if place > self._place and pattern.search(line.text):
                self._place = place
                self._begun.append((line.number, step))
        if not self.started and _STARTED.search(line.text):
            self.started_at = line.number
        return False

    def step_at(self, number: int) -> str:
        """The step that a line fell into."""
        return next((step for begun, step in reversed(self._begun) if begun <= number), BEFORE)
