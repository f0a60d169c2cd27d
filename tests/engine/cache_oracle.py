"""Asks vLLM's own functions how they would lay out a cache. Runs in the engine's environment: cases as JSON on stdin, answers on stdout.

Each case lists layers (sort, heads on one card, head size, window, bytes of a state) and the flags that decide the groups.
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace


class _Layout:
    is_block_outermost = False
    is_block_compact = True
    is_layer_compact = True
    name = "LBNHC"


def main() -> None:
    import torch
    from vllm.v1.core import kv_cache_utils as vllm
    from vllm.v1.kv_cache_interface import ChunkedLocalAttentionSpec, FullAttentionSpec, MambaSpec, MLAAttentionSpec, SlidingWindowSpec

    formats = {"auto": torch.bfloat16, "fp8": torch.float8_e4m3fn}

    def attention(layer: dict[str, object], block: int, number: object) -> object:
        common = {"block_size": block, "num_kv_heads": layer["heads"], "head_size": layer["dim"], "dtype": number}
        if layer["sort"] == "sliding":
            return SlidingWindowSpec(**common, sliding_window=layer["window"])
        if layer["sort"] == "chunked":
            return ChunkedLocalAttentionSpec(**common, attention_chunk_size=layer["window"])
        return MLAAttentionSpec(**common) if layer["sort"] == "latent" else FullAttentionSpec(**common)

    def answer(case: dict[str, object]) -> dict[str, object]:
        number, layers = formats[str(case["format"])], case["layers"]
        first = next(layer for layer in layers if layer["sort"] != "recurrent")
        block = case["attention_block"]
        page = attention(first, block, number).page_size_bytes
        mode = "align" if case["caches_prefixes"] else "none"
        specs = {
            f"layer.{i}": MambaSpec(
                block_size=block, shapes=((layer["state"] // 4,),), dtypes=(torch.float32,), page_size_padded=page, mamba_cache_mode=mode
            )
            if layer["sort"] == "recurrent"
            else attention(layer, block, number)
            for i, layer in enumerate(layers)
        }
        config = SimpleNamespace(
            scheduler_config=SimpleNamespace(disable_hybrid_kv_cache_manager=False),
            cache_config=SimpleNamespace(num_gpu_blocks_override=None, mamba_cache_mode=mode, get_resolved_kv_cache_layout=lambda: _Layout),
            model_config=SimpleNamespace(max_model_len=case["max_len"]),
            parallel_config=SimpleNamespace(decode_context_parallel_size=1),
            attention_config=SimpleNamespace(hisparse_config=None),
            speculative_config=None,
            max_in_flight_tokens=2 * case["batched_tokens"],
            num_prefill_lookahead_tokens=0,
        )
        groups = vllm.get_kv_cache_groups(config, specs)
        block_bytes = vllm._get_kv_cache_bytes_per_block(groups, _Layout)
        made = SimpleNamespace(num_blocks=case["bytes"] // block_bytes, kv_cache_groups=groups)
        return {
            "groups": len(groups), "block_bytes": block_bytes, "needed_bytes": vllm._max_memory_usage_bytes_from_groups(config, groups),
            "concurrency": vllm.get_max_concurrency_for_kv_cache_config(config, made),
        }  # fmt: skip

    print("ANSWERS " + json.dumps([answer(case) for case in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
