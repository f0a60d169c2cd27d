"""Flags and variables without a successor in some version, and why nobody misses them: words for people."""

from __future__ import annotations

from collections.abc import Mapping

GONE: Mapping[str, tuple[str, str]] = {
    "--swap-space": ("the engine recomputes instead of swapping; host memory for the KV cache is --kv-offloading-size (0.11.1 and later)", "引擎改为重算而非换出；主机内存 KV 缓存用 --kv-offloading-size（0.11.1 起）"),
    "--num-scheduler-steps": ("steps overlap by themselves; see --async-scheduling", "调度已自动重叠；参见 --async-scheduling"),
    "--multi-step-stream-outputs": ("steps overlap by themselves", "调度已自动重叠"),
    "--use-v2-block-manager": ("it is the only one", "已是唯一实现"),
    "--num-lookahead-slots": ("the engine counts them itself", "由引擎自行计算"),
    "--device": ("the platform is detected", "平台会自动检测"),
    "--preemption-mode": ("requests are always recomputed", "被抢占的请求总是重算"),
    "--scheduler-delay-factor": ("the scheduler has none any more", "调度器不再使用"),
    "--disable-async-output-proc": ("outputs are always processed beside the engine", "输出总是异步处理"),
    "--enable-prompt-adapter": ("use LoRA", "请使用 LoRA"),
    "--qlora-adapter-name-or-path": ("use --lora-modules", "请使用 --lora-modules"),
    "--tokenizer-pool-size": ("tokenizing needs no pool", "分词不再需要进程池"),
    "--disable-frontend-multiprocessing": ("the API server is always a process of its own", "API 服务总是独立进程"),
    "--calculate-kv-scales": ("scales come from the checkpoint", "缩放系数来自权重文件"),
    "--max-seq-len-to-capture": ("it has no effect; --max-cudagraph-capture-size limits graphs (0.11.1 and later)", "不再生效；CUDA 图上限用 --max-cudagraph-capture-size（0.11.1 起）"),
    "--disable-log-requests": ("requests are not logged unless --enable-log-requests asks for it", "默认不记录请求；需要时用 --enable-log-requests"),
    "--enable-log-requests": ("before 0.10.1 requests are logged by default", "0.10.1 之前默认记录请求"),
    "--override-neuron-config": ("use --additional-config", "请使用 --additional-config"),
    "--logits-processor-pattern": ("use --logits-processors", "请使用 --logits-processors"),
    "--kv-cache-memory-bytes": ("before 0.10.2 the KV cache gets what --gpu-memory-utilization leaves it", "0.10.2 之前 KV 缓存大小由 --gpu-memory-utilization 决定"),
    "--default-chat-template-kwargs": ("before 0.14 send chat_template_kwargs with each request", "0.14 之前请在每个请求中发送 chat_template_kwargs"),
    "--language-model-only": ("before 0.17 use --limit-mm-per-prompt with 0 of each kind", "0.17 之前用 --limit-mm-per-prompt 将各模态设为 0"),
    "VLLM_USE_V1": ("the older engine is gone since 0.11", "旧引擎自 0.11 起移除"),
    "VLLM_USE_TRITON_FLASH_ATTN": ("use --attention-backend", "请使用 --attention-backend"),
    "VLLM_RPC_TIMEOUT": ("use VLLM_ENGINE_READY_TIMEOUT_S or VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS", "请使用 VLLM_ENGINE_READY_TIMEOUT_S 或 VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS"),
    "VLLM_ENGINE_ITERATION_TIMEOUT_S": ("use VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS", "请使用 VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS"),
}  # fmt: skip
