"""Every error Moorage raises on purpose, in one tree.

    MoorageError
    ├── BadInput                  the caller can mend it (HTTP 400)
    │   ├── SettingInvalid        a setting, variable, flag or stack file line
    │   ├── NameInvalid           a name that cannot be used
    │   ├── QuestionTooLong
    │   ├── FilterInvalid
    │   ├── ChunkLimitsInvalid
    │   ├── ToolsInvalid          tools or a choice among them that cannot be served
    │   ├── ChatTemplateInvalid   a model's chat template, or messages it refuses
    │   ├── PathUnreadable        a file that is there and cannot be read
    │   ├── CommandLineInvalid    a pasted command line that cannot be understood
    │   ├── FlagUnknown           a flag that no version has
    │   ├── VersionUnknown        what names no version of an engine that is known here
    │   ├── CardsInvalid          what names no GPU
    │   ├── AddressRefused        a web address that is not to be asked
    │   └── AddressUnreadable     a web address that gives no document
    ├── NotFound                  (404)
    │   ├── KnowledgeNotFound
    │   ├── DocumentNotFound
    │   ├── JobNotFound
    │   ├── ModelNotFound
    │   └── PathNotFound
    ├── AlreadyExists             (409)
    │   ├── OutputExists          a file that would be overwritten
    │   ├── DocumentChanged       an edit of what is not there any more
    │   └── DocumentNotReady      an edit of what is not there yet
    ├── KeyRefused                (403)
    ├── DocumentUnreadable        one document; the others go on
    │   ├── FormatUnknown
    │   ├── DocumentTooLarge
    │   └── DocumentEncrypted
    ├── ModelUnreadable           a model's own files
    │   ├── ModelIncomplete       some of them are not there, or end too early
    │   └── ModelUnknown          files that are whole, of a kind that is not known
    ├── PullFailed                a model could not be fetched
    ├── StoreError                the data folder
    │   ├── StoreTooNew
    │   ├── StoreFull
    │   ├── StoreUnreadable
    │   ├── PicturesUnreachable   the bucket that holds the pictures (502)
    │   ├── ArchiveInvalid
    │   ├── IndexDamaged          the search index; it can be built again from the documents
    │   └── IndexMismatch         the index was built by another embedding model
    ├── ModelError                a model server did not do its part (502)
    │   ├── ModelUnreachable
    │   ├── ModelTimeout
    │   ├── ModelRefused
    │   └── ModelAnswerInvalid
    ├── PortInUse
    └── ExtraMissing              an optional package is not installed

The first line of a class docstring is its message; names in braces are filled from the keyword arguments. ``zh`` is the same
sentence in Chinese. A message says what happened, with which value, and what to do next.
"""

from __future__ import annotations

import string
from typing import ClassVar, Literal

Language = Literal["en", "zh"]


class _Lenient(string.Formatter):
    """A message must never fail to be shown: an unknown name is left out."""

    def get_value(self, key: int | str, args: object, kwargs: object) -> object:
        return kwargs.get(key, "?") if isinstance(kwargs, dict) else "?"  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class MoorageError(Exception):
    """Moorage could not do this: {reason}."""

    zh: ClassVar[str] = "无法完成：{reason}。"
    status: ClassVar[int] = 500

    def __init__(self, **values: object) -> None:
        self.values = values
        super().__init__(self.say("en"))

    @property
    def code(self) -> str:
        """The error's stable name in JSON, e.g. ``knowledge_not_found``."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in type(self).__name__).lstrip("_")

    def say(self, language: Language = "en") -> str:
        """The message for a person, in English or Chinese. A value that is prose itself comes twice, as ``reason`` and ``reason_zh``, say."""
        template = self.zh if language == "zh" else (type(self).__doc__ or "").split("\n\n")[0].strip()
        spoken = (
            {name.removesuffix("_zh"): value for name, value in self.values.items() if name.endswith("_zh")} if language == "zh" else {}
        )
        return speakable(_Lenient().vformat(" ".join(template.split()), (), {**self.values, **spoken}))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.values))


def speakable(text: str) -> str:
    """The text with half surrogate pairs replaced: JSON can carry them, but nothing can print them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _rebuild(kind: type[MoorageError], values: dict[str, object]) -> MoorageError:
    return kind(**values)


class BadInput(MoorageError):
    """{reason}"""

    zh = "{reason}"
    status = 400


class SettingInvalid(BadInput):
    """{name} = {value!r} (from {source}) is not valid: {reason}. {advice}"""

    zh = "{name} = {value!r}（来自 {source}）无效：{reason}。{advice}"


class NameInvalid(BadInput):
    """The name {name!r} cannot be used. Use 1 to 64 letters (any script), digits, '-', '_' or '.', beginning with a letter or digit."""

    zh = "名称 {name!r} 不可用。请用 1 到 64 个字母（任何文字）、数字、'-'、'_' 或 '.'，并以字母或数字开头。"


class QuestionTooLong(BadInput):
    """The question has {length} characters; at most {limit} are read. Shorten it, or add long texts as documents."""

    zh = "问题有 {length} 个字符，最多 {limit} 个。请缩短问题，长文本请作为文档导入。"


class FilterInvalid(BadInput):
    """The metadata filter {value!r} is not understood: {reason}."""

    zh = "无法理解元数据筛选条件 {value!r}：{reason}。"


class ChunkLimitsInvalid(BadInput):
    """The child limit is {child_max} and the parent limit {parent_max}; both must be at least 1 and the child limit not above the parent limit."""

    zh = "子块上限为 {child_max}，父块上限为 {parent_max}；二者至少为 1，且子块上限不能超过父块上限。"


class ToolsInvalid(BadInput):
    """{field} cannot be used: {reason}. {advice}"""

    zh = "{field} 无效：{reason}。{advice}"


class ChatTemplateInvalid(BadInput):
    """The model's chat template cannot render this conversation: {reason}. Check the order of the roles, or set another template for the model."""

    zh = "模型的对话模板无法渲染该对话：{reason}。请检查各角色的顺序，或为该模型设置其他模板。"


class PathUnreadable(BadInput):
    """{path} cannot be read: {reason}. Check its permissions, or give another file."""

    zh = "无法读取 {path}：{reason}。请检查权限，或给出其他文件。"


class CommandLineInvalid(BadInput):
    """The command line {command!r} is not understood: {reason}. Paste the whole `vllm serve ...` or `docker run ...` line."""

    zh = "无法理解命令行 {command!r}：{reason}。请粘贴完整的 `vllm serve ...` 或 `docker run ...` 命令。"


class FlagUnknown(BadInput):
    """No version of vLLM that is known here has the flag {name!r}.{hint} `vllm serve --help=all` lists those of an installed one."""

    zh = "已知的 vLLM 版本都没有参数 {name!r}。{hint}`vllm serve --help=all` 可列出已安装版本的参数。"


class VersionUnknown(BadInput):
    """{version!r} is no version of vLLM that is known here; {oldest} to {newest} are. Name one of these, e.g. 0.11.0."""

    zh = "不了解 vLLM 版本 {version!r}；已知 {oldest} 至 {newest}。请指定其中之一，如 0.11.0。"


class CardsInvalid(BadInput):
    """{value!r} names no NVIDIA GPU that is known here. Write a count and a name or a size: 4x4090, 2xL40S, A100-80G, 24GB; commas between different ones."""

    zh = "{value!r} 不是可识别的 NVIDIA GPU。请写数量与型号或显存大小：4x4090、2xL40S、A100-80G、24GB；不同型号用逗号分隔。"


class AddressRefused(BadInput):
    """{url} is not read: {reason}. Only public http and https addresses are; --allow-private lets the own network in on the command line."""

    zh = "不读取 {url}：{reason}。只读取公网 http 与 https 地址；命令行可用 --allow-private 允许内网地址。"
    status = 403


class AddressUnreadable(BadInput):
    """{url} could not be read: {reason}. Check the address, or save the page and add the file."""

    zh = "无法读取 {url}：{reason}。请检查地址，或将网页保存为文件后导入。"
    status = 422


class NotFound(MoorageError):
    """{what} was not found."""

    zh = "未找到 {what}。"
    status = 404


class KnowledgeNotFound(NotFound):
    """There is no knowledge base named {name!r}; there is: {known}. Create it with `moorage kb create {name}`."""

    zh = "没有名为 {name!r} 的知识库；现有：{known}。可用 `moorage kb create {name}` 创建。"


class DocumentNotFound(NotFound):
    """There is no document {name!r} in {knowledge!r}. `moorage kb ls {knowledge}` lists them."""

    zh = "{knowledge!r} 中没有文档 {name!r}。`moorage kb ls {knowledge}` 可列出全部。"


class JobNotFound(NotFound):
    """There is no job {id!r}. `moorage kb jobs` lists them."""

    zh = "没有任务 {id!r}。`moorage kb jobs` 可列出全部。"


class ModelNotFound(NotFound):
    """There is no model {name!r} here ({reason}). Give a folder or a .gguf file, or fetch it with `moorage model pull {name}`."""

    zh = "此处没有模型 {name!r}（{reason}）。请给出目录或 .gguf 文件，或用 `moorage model pull {name}` 下载。"


class PathNotFound(NotFound):
    """There is no file or folder {path!r}. Check the spelling, or give the full path."""

    zh = "没有文件或文件夹 {path!r}。请检查拼写，或给出完整路径。"


class AlreadyExists(MoorageError):
    """A {kind} named {name!r} is already there. Choose another name or remove it first."""

    zh = "已有名为 {name!r} 的{kind}。请换一个名称，或先删除它。"
    status = 409


class OutputExists(AlreadyExists):
    """{path} is there already and was left alone. Choose another folder with --out, or replace it with --overwrite."""

    zh = "{path} 已存在，未改动。请用 --out 指定其他目录，或用 --overwrite 覆盖。"


class DocumentChanged(AlreadyExists):
    """The chunks of this document have changed since you loaded them. Load them again and repeat the edit."""

    zh = "该文档的块在您加载之后已更改。请重新加载后再编辑。"


class DocumentNotReady(AlreadyExists):
    """{name} has not been read yet, so it has no chunks to edit. Wait until it is ready."""

    zh = "{name} 尚未读取完成，没有可编辑的块。请等待其就绪。"


class KeyRefused(MoorageError):
    """The key was refused. Send `Authorization: Bearer KEY` with a key made by `moorage key create`."""

    zh = "密钥被拒绝。请发送 `Authorization: Bearer 密钥`，密钥用 `moorage key create` 创建。"
    status = 403


class DocumentUnreadable(MoorageError):
    """{name} could not be read: {reason}."""

    zh = "无法读取 {name}：{reason}。"
    status = 422


class FormatUnknown(DocumentUnreadable):
    """{name} is not a format that can be read ({reason}). Known: {known}. Convert it to one of these."""

    zh = "{name} 的格式无法读取（{reason}）。支持：{known}。请转换为其中之一。"


class DocumentTooLarge(DocumentUnreadable):
    """{name} has {bytes} bytes; at most {limit} are read. Split the file, or raise `max_document_bytes`."""

    zh = "{name} 有 {bytes} 字节，最多读取 {limit} 字节。请拆分文件，或调高 `max_document_bytes`。"


class DocumentEncrypted(DocumentUnreadable):
    """{name} needs a password. Save a copy without one and add that."""

    zh = "{name} 需要密码。请另存为无密码的副本再导入。"


class ModelUnreadable(MoorageError):
    """{name} cannot be read as a model: {reason}. {advice}"""

    zh = "无法将 {name} 作为模型读取：{reason}。{advice}"
    status = 422


class ModelIncomplete(ModelUnreadable):
    """{name} is not whole: {reason}. Fetch it again with `moorage model pull`; what is there already is kept."""

    zh = "{name} 不完整：{reason}。请用 `moorage model pull` 重新下载；已有部分会保留。"


class ModelUnknown(ModelUnreadable):
    """{name} is a model of a kind that is not known here: {reason}. {advice}"""

    zh = "{name} 属于未知的模型类型：{reason}。{advice}"


class PullFailed(MoorageError):
    """{name} could not be fetched: {reason}. {advice}"""

    zh = "无法下载 {name}：{reason}。{advice}"
    status = 502


class StoreError(MoorageError):
    """The data folder {path} cannot be used: {reason}."""

    zh = "数据目录 {path} 无法使用：{reason}。"


class StoreTooNew(StoreError):
    """The data folder {path} was written by a newer Moorage (schema {found}, this one knows {known}). Upgrade with `pip install -U moorage`, or choose another folder with --data."""

    zh = "数据目录 {path} 由更新版本的 Moorage 写入（结构版本 {found}，当前支持 {known}）。请用 `pip install -U moorage` 升级，或用 --data 选择其他目录。"


class StoreFull(StoreError):
    """The disk of the data folder {path} is full. Free some space; nothing was lost, and the work goes on with `moorage kb sync` or a restart."""

    zh = "数据目录 {path} 所在磁盘已满。请释放空间；数据没有丢失，重启或 `moorage kb sync` 后继续。"
    status = 507


class StoreUnreadable(StoreError):
    """The data folder {path} cannot be opened: {reason}. Check its permissions, or choose another folder with --data."""

    zh = "数据目录 {path} 无法打开：{reason}。请检查权限，或用 --data 选择其他目录。"


class PicturesUnreachable(StoreError):
    """The pictures in {url} cannot be reached: {reason}. {advice}"""

    zh = "无法访问 {url} 中的图片：{reason}。{advice}"
    status = 502


class ArchiveInvalid(StoreError):
    """{path} is not an archive that `moorage data export` wrote: {reason}. Nothing was changed."""

    zh = "{path} 不是 `moorage data export` 导出的归档：{reason}。未做任何更改。"
    status = 400


class IndexDamaged(StoreError):
    """The search index {path} cannot be read: {reason}. Nothing is lost: it is built again from the stored documents with `moorage kb rebuild`."""

    zh = "检索索引 {path} 无法读取：{reason}。数据没有丢失：可用 `moorage kb rebuild` 从已存文档重建。"


class IndexMismatch(StoreError):
    """The vectors of {knowledge!r} were made by {stored}, but the embedder is now {wanted}. They do not mix; `moorage kb rebuild {knowledge}` makes new ones in the background and swaps them in, until then text search answers."""

    zh = "{knowledge!r} 的向量由 {stored} 生成，而当前嵌入模型是 {wanted}，二者不能混用；`moorage kb rebuild {knowledge}` 会在后台重建并切换，在此之前使用全文检索。"
    status = 409


class ModelError(MoorageError):
    """The model server {url} failed: {reason}."""

    zh = "模型服务 {url} 出错：{reason}。"
    status = 502


class ModelUnreachable(ModelError):
    """No model server answers at {url} ({reason}). Is it running? Try `curl {url}/models`."""

    zh = "{url} 没有模型服务响应（{reason}）。它在运行吗？可用 `curl {url}/models` 检查。"


class ModelTimeout(ModelError):
    """The model server {url} gave no answer within {timeout_s} s. It may be loading or overloaded; try again, or raise `model_timeout`."""

    zh = "模型服务 {url} 在 {timeout_s} 秒内没有回答。它可能正在加载或过载；请重试，或调高 `model_timeout`。"
    status = 504


class ModelRefused(ModelError):
    """The model server {url} answered {status_code}: {reason}. Check the model name, the key and the context length."""

    zh = "模型服务 {url} 返回 {status_code}：{reason}。请检查模型名称、密钥与上下文长度。"


class ModelAnswerInvalid(ModelError):
    """{url} does not speak the OpenAI protocol: {reason}. The address usually ends in /v1."""

    zh = "{url} 的回答不符合 OpenAI 协议：{reason}。地址通常以 /v1 结尾。"


class PortInUse(MoorageError):
    """Port {port} on {host} is in use by another program. Stop it, or choose another with --port (0 picks a free one)."""

    zh = "{host} 的端口 {port} 已被其他程序占用。请停止该程序，或用 --port 换一个（0 表示自动选择）。"


class ExtraMissing(MoorageError):
    """{feature} needs an extra: pip install 'moorage[{extra}]'."""

    zh = "{feature} 需要可选组件：pip install 'moorage[{extra}]'。"
