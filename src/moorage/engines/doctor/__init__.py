"""Why a model server failed, told from its log. Pure: it is given lines and gives back a diagnosis."""

from moorage.engines.doctor.cause import Cause, Fix, catalogue
from moorage.engines.doctor.diagnosis import Diagnosis, Finding, diagnose
from moorage.engines.doctor.lines import LogLine
from moorage.engines.doctor.shape import diagnosis_data
from moorage.engines.doctor.source import log_lines, read_log

__all__ = ["Cause", "Diagnosis", "Finding", "Fix", "LogLine", "catalogue", "diagnose", "diagnosis_data", "log_lines", "read_log"]
