"""A diagnosis as plain data, for ``--json`` and for programs."""

from __future__ import annotations

from moorage.core.errors import Language
from moorage.engines.doctor.diagnosis import Diagnosis, Finding
from moorage.engines.doctor.lines import LogLine


def diagnosis_data(diagnosis: Diagnosis, language: Language = "en") -> dict[str, object]:
    """The diagnosis with its sentences in one language. ``named`` is the identifier of what was found, ``alarm`` whether something failed."""
    return {
        "named": diagnosis.named,
        "alarm": diagnosis.is_alarm,
        "cause": diagnosis.cause and finding_data(diagnosis.cause, language),
        "wrapper": diagnosis.wrapper and finding_data(diagnosis.wrapper, language),
        "others": [finding_data(finding, language) for finding in diagnosis.others],
        "notes": [finding_data(finding, language) for finding in diagnosis.notes],
        "step": diagnosis.step,
        "started": diagnosis.started,
        "earlier": diagnosis.earlier,
        "first_error": diagnosis.first_error and line_data(diagnosis.first_error),
        "lines": diagnosis.lines,
    }


def finding_data(finding: Finding, language: Language) -> dict[str, object]:
    return {
        "id": finding.cause.id,
        "stage": finding.cause.stage,
        "severity": finding.cause.severity,
        "certainty": finding.certainty,
        "what": finding.cause.say(language),
        "evidence": line_data(finding.line),
        "facts": finding.facts,
        "fixes": [{"run": fix.run, "why": fix.say(language)} for fix in finding.fixes],
        "link": finding.cause.link,
    }


def line_data(line: LogLine) -> dict[str, object]:
    return {"line": line.number, "text": line.text, "level": line.level}
