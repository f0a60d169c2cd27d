"""A folder or a file as a ModelSpec. The story of reading a model: settings, shape, weights, words, task."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from moorage.core.errors import ModelIncomplete, ModelNotFound, ModelUnknown, PathNotFound
from moorage.core.modelspec import ModelSpec, Shape, Weights
from moorage.core.nouns import Notice
from moorage.models.read.card import read_card
from moorage.models.read.fields import Fields, read_fields
from moorage.models.read.gguf_model import read_gguf_model
from moorage.models.read.quantization import read_quantization
from moorage.models.read.safetensors import KNOWN_FORMATS, read_weights
from moorage.models.read.sentence import read_cut, read_longest, read_pooling
from moorage.models.read.shape import read_shape
from moorage.models.read.task import read_task
from moorage.models.read.words import read_template

_UNFINISHED = ("*.incomplete", "*.part", "*.aria2", "._____temp")
# Families that vLLM serves, by the beginnings of their architectures' names; another name is planned for as an ordinary decoder, with a notice.
_KNOWN = re.compile(
    r"^(AXK|Afmoe|Apertus|Aquila|Arcee|Arctic|Aria|Audio|Bagel|Baichuan|Bailing|Bamba|Bee|Bert|Bge|Blip|Bloom|CLIP|Chat(GLM|_)|Clef|Col(BERT|Modern|Pali|Qwen)|"
    r"Cohere|Command|Cosmos|Dbrx|DeciLM|Deepseek|Diffusion|Distil|Dots|Eagle|Embedding|Ernie|Exaone|Falcon|Fire|Fun|Gemma|Glm|GLM|Gpt|GPT|Granite|Gritlm|Grok|Gte|"
    r"H2O|HCX|HF_|HYV|HfMoon|Hrm|HunYuan|Hunyuan|Hymba|Hyper|IQuest|Idefics|Inkling|Intern|Isaac|Jais|Jamba|Jina|K2|Kanana|Keye|Kimi|LFM|LLaMA|Laguna|Lfm|Light|Ling|"
    r"Llama|Llava|Longcat|MPT|Mamba|Mi(Dasheng|Mo|nistral|stral|xtral|niCPM|niMax)|Mllama|Modern|Molmo|Moondream|Moonshot|Moss|Muse|NVLM|Nemotron|New|Nomic|OLMo|Olmo|"
    r"OPT|Open|Ops|Opt|Orion|Ovis|Paddle|PaliGemma|Pangu|Param|Persimmon|Phi|Pixtral|Plamo|QWen|Qianfan|Qwen|RFor|Rnj|Roberta|Sarvam|Seed|Siglip|Skywork|SmolLM|"
    r"SmolVLM|Snowflake|Solar|Stable(LM|Lm|lm)|Starcoder|Step|Tele|Terratorch|Ultravox|Unlimited|Voxtral|Voyage|XLMRoberta|XverseForCausalLM|Zamba)"
)


# What else is kept in such folders, told by the file that only it has.
_OTHERS = {
    "adapter_config.json": (
        "it is an adapter, which changes another model", "它是适配器（LoRA），依附于另一个模型",
        "Serve the model that it names with --enable-lora --lora-modules NAME=FOLDER.", "请部署其基础模型，并加 --enable-lora --lora-modules 名称=目录。",
    ),
    "model_index.json": (
        "it makes pictures", "它是图像生成模型", "Models that chat, see, embed, rank or classify are read here.", "此处仅支持对话、视觉、嵌入、重排与分类模型。",
    ),
    "params.json": (
        "it is in Mistral's own layout, without config.json", "它是 Mistral 自有格式，没有 config.json",
        "Take the repository that also holds config.json; vLLM serves this one with --config-format mistral --load-format mistral --tokenizer-mode mistral.",
        "请使用包含 config.json 的仓库；vLLM 可用 --config-format mistral --load-format mistral --tokenizer-mode mistral 运行。",
    ),
}  # fmt: skip


def read_model(path: Path, name: str | None = None) -> ModelSpec:
    """The model in a folder or a .gguf file.

    Raises PathNotFound, ModelNotFound (a folder without a model), ModelIncomplete, ModelUnreadable, ModelUnknown.
    """
    if path.is_file():
        return _read_file(path)
    if not path.is_dir():
        raise PathNotFound(path=str(path))
    name = name or path.resolve().name
    config = read_fields(path / "config.json", name)
    if config is None:
        return _without_config(path, name)
    return _read_folder(path, name, config)


def _read_folder(path: Path, name: str, config: Fields) -> ModelSpec:
    shape = read_shape(config)
    quantization = read_quantization(config, read_fields(path / "hf_quant_config.json", name))
    card, pooling = read_card(path, name), read_pooling(path, name)
    weights = read_weights(path, name, shape.layer_count, shape.is_tied) or _pickled(path)
    shape = _as_loaded(shape, weights)
    longest = read_longest(path, name) or (read_cut(path, name) if config.text("position_embedding_type") == "absolute" else None)
    context = min(shape.context_tokens, longest) if longest else shape.context_tokens
    architecture = next((word[:100] for word in config.words("architectures")), None)
    return ModelSpec(
        name=name, task=read_task(config, pooling, card, shape.vision), context_tokens=context, architecture=architecture,
        shape=replace(shape, context_tokens=context), weights=weights, quantization=quantization, template=read_template(path, name),
        pooling=pooling, license=card.license, format="none" if weights is None else "safetensors" if weights.is_exact else "bin",
        notices=tuple(_notices(path, name, architecture, weights)),
    )  # fmt: skip


def _as_loaded(shape: Shape, weights: Weights | None) -> Shape:
    """Eyes in the settings without weights for them are not there (a text-only build)."""
    if shape.vision and weights and weights.is_exact and not weights.vision_bytes:
        return replace(shape, vision=None)
    return shape


def _read_file(path: Path) -> ModelSpec:
    if path.suffix.lower() == ".gguf":
        return read_gguf_model(path)
    raise ModelUnknown(
        name=path.name, reason=f"it is a {path.suffix or 'nameless'} file", reason_zh=f"它是 {path.suffix or '无后缀'} 文件",
        advice="Give the folder that holds config.json, or a .gguf file.", advice_zh="请给出包含 config.json 的目录，或 .gguf 文件。",
    )  # fmt: skip


def _without_config(path: Path, name: str) -> ModelSpec:
    """A folder of GGUF files, or none at all."""
    files = sorted(file for file in path.glob("*.gguf") if not file.name.startswith("mmproj"))
    if files:
        spec = read_gguf_model(files[0])
        return replace(spec, name=name) if len(files) == 1 else spec
    if (path / "config.json").is_symlink():
        raise ModelIncomplete(name=name, reason="config.json leads nowhere", reason_zh="config.json 指向的文件不存在")
    other = _OTHERS.get(next((file for file in _OTHERS if (path / file).is_file()), ""))
    if other:
        raise ModelUnknown(name=name, reason=other[0], reason_zh=other[1], advice=other[2], advice_zh=other[3])
    if _unfinished(path) or any(path.glob("*.safetensors")):
        raise ModelIncomplete(name=name, reason="config.json is not there", reason_zh="缺少 config.json")
    raise ModelNotFound(
        name=str(path), reason="the folder holds neither config.json nor a .gguf file", reason_zh="目录中既无 config.json 也无 .gguf 文件"
    )


def _pickled(path: Path) -> Weights | None:
    """Old checkpoints are pickles. They are not opened: what is in them could be a program. Their size says enough."""
    files = [file for pattern in ("pytorch_model*.bin", "model*.bin") for file in path.glob(pattern) if file.is_file()]
    return Weights(sum(file.stat().st_size for file in files), is_exact=False) if files else None


def _unfinished(path: Path) -> str | None:
    """A download that was begun, in the folder itself or where Hugging Face keeps what is on its way."""
    places = [path, path / ".cache" / "huggingface" / "download"]
    if path.parent.name == "snapshots":
        places.append(path.parent.parent / "blobs")
    return next((found.name for place in places for pattern in _UNFINISHED for found in place.glob(pattern)), None)


def _notices(path: Path, name: str, architecture: str | None, weights: Weights | None) -> list[Notice]:
    made: list[Notice] = []
    left = _unfinished(path)
    if weights is None and left:
        raise ModelIncomplete(name=name, reason=f"{left} was not finished", reason_zh=f"{left} 尚未下载完")
    if weights is None:
        made.append(Notice("no_weights", "No weights are here; their size is worked out from the shape.", "此处没有权重；大小由结构推算。"))
    elif not weights.is_exact:
        made.append(Notice(
            "pickled", "The weights are pickles, which are not opened; their files' size is taken. Prefer safetensors.",
            "权重为 pickle 文件，不会打开；以文件大小计。建议使用 safetensors。",
        ))  # fmt: skip
    strange = sorted(weights.by_dtype.keys() - KNOWN_FORMATS) if weights and weights.is_exact else []
    if strange:
        made.append(Notice(
            "format_unknown", f"Its weights are in {strange[0][:20]!r}, a number format that is not known here; their bytes are counted as the files say.",
            f"权重的数值格式 {strange[0][:20]!r} 未知；大小以文件所述为准。",
        ))  # fmt: skip
    if architecture is None or not _KNOWN.match(architecture):
        made.append(Notice(
            "architecture_unknown", f"{architecture or 'Its architecture'} is not known here; it is planned for as an ordinary decoder. Ask `vllm serve` whether it is served.",
            f"未知架构 {architecture or ''}，按普通解码器规划。请以 `vllm serve` 是否支持为准。",
        ))  # fmt: skip
    return made
