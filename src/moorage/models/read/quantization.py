"""How a checkpoint's weights are stored, from its quantization settings in the many spellings that exist."""

from __future__ import annotations

from typing import cast

from moorage.core.modelspec import Quantization
from moorage.models.read.fields import Fields
from moorage.models.read.shape import text_part

_BITS = {"fp8": 8.0, "mxfp4": 4.0, "nvfp4": 4.0, "modelopt_fp4": 4.0, "int8": 8.0}
_PLACES = ("quantization_config", "compression_config")
_GROUPS = {"mxfp4": 32, "nvfp4": 16, "bitsandbytes": 64, "fp8": 128, "awq": 128, "gptq": 128}


def read_quantization(config: Fields, modelopt: Fields | None = None) -> Quantization | None:
    """The settings in ``quantization_config`` (also below the text part), or in ModelOpt's own file; None for plain weights."""
    settings = config.part(*_PLACES) or text_part(config).part(*_PLACES)
    if settings is None:
        settings = modelopt.part("quantization") if modelopt else None
    if settings is None:
        return None
    method = (settings.text("quant_method", "quant_algo") or "").lower()
    cache = _cache_format(settings)
    if settings.text("quant_algo") and method != "compressed-tensors":
        method = (settings.text("quant_algo") or "").lower()
    if method == "compressed-tensors" or settings.part("config_groups"):
        return _compressed(settings, method or "compressed-tensors", cache)
    if "fp4" in method:
        method = "mxfp4" if method.startswith("mx") else "nvfp4"
    elif "fp8" in method:
        method = "fp8"
    if method == "bitsandbytes":
        return Quantization(method, 8.0 if settings.flag("load_in_8bit") else 4.0, _GROUPS[method], cache)
    bits = settings.count("bits", "w_bit", most=16)
    group = settings.count("group_size", "q_group_size", most=1 << 20) if settings.values.get("group_size") != -1 else None
    return Quantization(method or "unknown", _BITS.get(method, float(bits or 8)), group or _GROUPS.get(method), cache)


def _compressed(settings: Fields, method: str, cache: str | None) -> Quantization:
    """The first group's weights stand for all: groups differ in layers, hardly ever in format."""
    groups = settings.part("config_groups")
    first = next((name for name in groups.values), None) if groups else None
    group = groups.part(first) if groups and first else None
    weights = group.part("weights") if group else None
    if weights is None:
        return Quantization(method, 8.0, None, cache)
    bits = weights.count("num_bits", most=16) or 8
    size = weights.values.get("group_size")
    is_float = weights.text("type") == "float"
    name = "fp8" if is_float and bits == 8 else "nvfp4" if is_float and bits == 4 else method
    return Quantization(name, float(bits), size if isinstance(size, int) and size > 0 else _GROUPS.get(name), cache)


def _cache_format(settings: Fields) -> str | None:
    """``fp8`` where the checkpoint brings scales for the cache."""
    algorithm = settings.text("kv_cache_quant_algo")
    if algorithm:
        return "fp8" if "fp8" in algorithm.lower() else "nvfp4" if "fp4" in algorithm.lower() else None
    scheme = settings.part("kv_cache_scheme")
    if scheme is None:
        return None
    return "fp8" if cast(object, scheme.values.get("num_bits")) in (8, None) else None
