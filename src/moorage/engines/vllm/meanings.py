"""What the flags that matter for planning do, in our words. A flag without an entry is explained by its versions alone."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[str, tuple[str, str]] = {
    "--gpu-memory-utilization": ("The share of the whole card that this server may use for weights, activations and KV cache (0.9 by default, 0.92 from 0.20). What other processes hold is not subtracted; from 0.9.2 that much must be free at the start.", "该服务可用于权重、激活与 KV 缓存的整卡显存比例（默认 0.9，0.20 起为 0.92）。不扣除其他进程占用；自 0.9.2 起启动时须有相应空闲。"),
    "--kv-cache-memory-bytes": ("The size of the KV cache itself; --gpu-memory-utilization is then only checked at the start. The right choice on shared cards.", "直接指定 KV 缓存大小；--gpu-memory-utilization 仅用于启动检查。适合共享显卡。"),
    "--max-model-len": ("The longest prompt and answer together, in tokens. The KV cache must hold at least one such request; auto (0.14 and later) takes what fits.", "提示与回答合计的最大 token 数。KV 缓存至少要容纳一个这样的请求；auto（0.14 起）取可容纳的最大值。"),
    "--max-num-seqs": ("How many requests are computed at once (256, or 1024 on cards of 70 GiB and more). Sampling needs memory in proportion to it times the vocabulary.", "同时计算的请求数（默认 256，70 GiB 以上显卡为 1024）。采样所需显存与其乘以词表大小成正比。"),
    "--max-num-batched-tokens": ("How many tokens one step computes: more answers long prompts sooner and needs more activation memory.", "每步计算的 token 数：越大长提示越快，激活显存也越多。"),
    "--tensor-parallel-size": ("Over how many GPUs every layer is split; it must divide the attention heads.", "每层切分到的 GPU 数；须整除注意力头数。"),
    "--pipeline-parallel-size": ("Over how many groups of GPUs the layers are spread; works with odd numbers of cards.", "层分布到的 GPU 组数；可用于奇数张显卡。"),
    "--kv-cache-dtype": ("The number format of the KV cache: auto is the model's (16 bit), fp8 halves it where the attention backend can.", "KV 缓存的数据类型：auto 与模型相同（16 位），fp8 在后端支持时减半。"),
    "--quantization": ("How the weights are quantized. Leave it out: it is read from the model; fp8 or bitsandbytes quantize while loading.", "权重量化方式。通常省略：从模型读取；fp8 或 bitsandbytes 可在加载时量化。"),
    "--enforce-eager": ("No torch.compile and no CUDA graphs: starts sooner, needs less memory, answers slower.", "不使用 torch.compile 与 CUDA 图：启动更快、显存更少、推理更慢。"),
    "--runner": ("What the model is for: generate, or pooling for embeddings and reranking.", "模型用途：generate 生成，pooling 用于嵌入与重排序。"),
    "--convert": ("Makes an embedder (embed) or a scorer (classify) of a model that generates.", "将生成模型转换为嵌入（embed）或打分（classify）模型。"),
    "--task": ("What the model is for: generate, embed, score, classify.", "模型用途：generate、embed、score、classify。"),
    "--enable-prefix-caching": ("Keeps the KV cache of common beginnings; on by default since 0.8 (for hybrid models since 0.26).", "保留公共前缀的 KV 缓存；自 0.8 起默认开启（混合模型自 0.26 起）。"),
    "--enable-auto-tool-choice": ("Lets the model call tools; wants --tool-call-parser.", "允许模型调用工具；需要 --tool-call-parser。"),
    "--tool-call-parser": ("How the model writes tool calls: hermes for Qwen2.5 and Qwen3, qwen3_coder, llama3_json, mistral, deepseek_v3 and so on.", "模型书写工具调用的格式：Qwen2.5 与 Qwen3 用 hermes，另有 qwen3_coder、llama3_json、mistral、deepseek_v3 等。"),
    "--reasoning-parser": ("How the model marks its thinking, so that it is answered apart: qwen3, deepseek_r1, openai_gptoss and so on.", "模型标记思考内容的格式，以便分开返回：qwen3、deepseek_r1、openai_gptoss 等。"),
    "--enable-reasoning": ("Switched the thinking parser on; --reasoning-parser alone does since 0.9.", "开启思考解析；自 0.9 起只需 --reasoning-parser。"),
    "--attention-backend": ("The attention kernels: FLASH_ATTN, FLASHINFER, TRITON_ATTN and so on; chosen by itself.", "注意力内核：FLASH_ATTN、FLASHINFER、TRITON_ATTN 等；默认自动选择。"),
    "--served-model-name": ("The names under which requests ask for the model.", "请求中使用的模型名称。"),
    "--trust-remote-code": ("Runs Python code from the model's repository. Read it first.", "执行模型仓库中的 Python 代码。请先阅读。"),
    "--limit-mm-per-prompt": ("How many pictures, videos and sounds one request may hold; memory is reserved for them.", "单个请求可包含的图像、视频与音频数量；会为其预留显存。"),
    "--speculative-config": ("Speculative decoding: the draft model or method and how many tokens it guesses, as JSON.", "投机解码：草稿模型或方法及其预测的 token 数，以 JSON 书写。"),
    "--hf-overrides": ("Entries that take precedence over the model's config.json, as JSON.", "覆盖模型 config.json 的条目，以 JSON 书写。"),
    "--cpu-offload-gb": ("How much of the weights stays in main memory, per GPU; slow.", "每张 GPU 有多少权重放在主机内存；较慢。"),
    "--distributed-executor-backend": ("mp on one machine, ray across several.", "单机用 mp，多机用 ray。"),
    "--disable-custom-all-reduce": ("Adds up over NCCL; for cards that cannot read each other's memory.", "使用 NCCL 求和；适用于不能互访显存的显卡。"),
    "--api-key": ("The key that requests must send.", "请求必须携带的密钥。"),
    "VLLM_USE_V1": ("0 chose the older engine in 0.8 to 0.10.", "0.8 至 0.10 中设为 0 使用旧引擎。"),
    "VLLM_ATTENTION_BACKEND": ("Chose the attention kernels before there was a flag for it.", "在有专用参数之前用于选择注意力内核。"),
}  # fmt: skip
