"""What is wrong with a pasted command line for a version, and the mended line."""

from __future__ import annotations

from dataclasses import dataclass, replace

from moorage.core.errors import Language
from moorage.engines.vllm.command import COMMAND_LIMIT, CommandLine, Container, read_command
from moorage.engines.vllm.draft import Remark
from moorage.engines.vllm.emit import ENTRYPOINT_IS_SERVE, docker_line, serve_line
from moorage.engines.vllm.mend import Mended, mend
from moorage.engines.vllm.table import FlagTable, flag_table
from moorage.engines.vllm.version import Version, read_version

__all__ = ["COMMAND_LIMIT", "Checked", "check", "checked_data"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked command. ``line`` is the mended one; ``runs`` whether the given one would have started."""

    command: CommandLine
    at: Version
    mended: Mended
    remarks: tuple[Remark, ...]
    line: str

    @property
    def runs(self) -> bool:
        return not any(remark.weight == "error" for remark in self.remarks)


def check(text: str, wanted: str | None = None, installed: str | None = None, table: FlagTable | None = None) -> Checked:
    """The command for ``wanted``, else for the version in the image's tag, else for the installed one, else for the newest known.

    Raises ``CommandLineInvalid`` and ``VersionUnknown``.
    """
    table = table or flag_table()
    command = read_command(text, table)
    tag = read_version(command.container.tag) if command.container else None
    at = table.at(wanted) if wanted else min(tag, table.newest) if tag else table.at(installed) if installed else table.newest
    mended = mend(command, at, table)
    remarks = [*_around(command, at, mended), *mended.remarks]
    if not wanted and not tag and not installed:
        remarks.append(
            _note(
                "vllm",
                f"No version is given or installed here; this is for {at}, the newest known.",
                f"未指定也未安装版本；按已知最新的 {at} 检查。",
            )
        )
    container = command.container
    if mended.model is None:  # a place to be filled; with --config the file names the model
        mended = replace(mended, model=None if any(given.name == "--config" for given in mended.flags) else "MODEL")
    line = docker_line(mended, _mended_container(container, mended)) if container else serve_line(mended)
    return Checked(command, at, mended, tuple(remarks), line)


def _around(command: CommandLine, at: Version, mended: Mended) -> list[Remark]:
    remarks: list[Remark] = []
    if command.launcher == "module":
        remarks.append(
            _note(
                "api_server", "`vllm serve MODEL` is today's form of the api_server module.", "api_server 模块如今写作 `vllm serve MODEL`。"
            )
        )
    if command.launcher == "serve" and any(given.name == "--model" for given in command.given):
        remarks.append(
            _note(
                "--model", "With `vllm serve` the model comes first, without --model.", "使用 `vllm serve` 时模型写在最前，不用 --model。"
            )
        )
    if command.model is None and not any(given.name == "--config" for given in mended.flags):
        remarks.append(Remark("error", "MODEL", "No model is named.", "没有指定模型。"))
    remarks += [
        Remark("error", stray, f"{stray!r} belongs to no flag; it is left out.", f"{stray!r} 不属于任何参数；已去掉。")
        for stray in command.strays
        if stray not in ("serve", "vllm")
    ]
    if command.container:
        remarks += _of_container(command, command.container, at, mended)
    return remarks


def _of_container(command: CommandLine, container: Container, at: Version, mended: Mended) -> list[Remark]:
    names = {name.split("=")[0] for name, _ in container.options}
    remarks: list[Remark] = []
    if any(stray in ("serve", "vllm") for stray in command.strays) and "--entrypoint" not in names:
        says = "`vllm serve`" if at >= ENTRYPOINT_IS_SERVE else "the api_server module"
        says_zh = "`vllm serve`" if at >= ENTRYPOINT_IS_SERVE else "api_server 模块"
        remarks.append(
            Remark(
                "error",
                "serve",
                f"The image's entrypoint is {says} already; `serve` after the image is left out.",
                f"镜像入口已是 {says_zh}；镜像后的 `serve` 已去掉。",
            )
        )
    if (tagged := _tagged(container, at)) != container:
        en = f"{container.image} may be any version; this line is for {at}, so the image is {tagged.image}."
        remarks.append(Remark("warning", "image", en, f"{container.image} 的版本不确定；此命令针对 {at}，镜像改为 {tagged.image}。"))
    if not names & {"--gpus", "--device", "--runtime"}:
        remarks.append(
            Remark("error", "--gpus", "The container gets no GPU; `--gpus all` is added.", "容器没有 GPU；已添加 `--gpus all`。")
        )
    parallel = (command.value("--tensor-parallel-size") or "1") != "1" or (command.value("--pipeline-parallel-size") or "1") != "1"
    if not names & {"--ipc", "--shm-size"}:
        weight = "error" if parallel else "warning"
        remarks.append(
            Remark(weight, "--ipc", "/dev/shm would have 64 MB; `--ipc=host` is added.", "/dev/shm 仅 64 MB；已添加 `--ipc=host`。")
        )
    if not names & {"-p", "--publish", "-P", "--publish-all", "--network", "--net"}:
        remarks.append(Remark("warning", "-p", "No port is published; `-p` is added.", "未映射端口；已添加 `-p`。"))
    if "-v" not in names and "--volume" not in names and "--mount" not in names:
        remarks.append(
            _note("-v", "Nothing is mounted: the model is downloaded anew into every container.", "未挂载目录：每个容器都会重新下载模型。")
        )
    return remarks


def _tagged(container: Container, at: Version) -> Container:
    """The official image with the tag of the version that is checked for; other images stay as they are."""
    name = container.image.split("@")[0]
    base = name.rsplit(":", 1)[0] if ":" in name.rsplit("/", 1)[-1] else name
    tag = read_version(container.tag)
    same = tag is not None and (tag == at or tag > at)
    return container if same or not base.endswith("vllm/vllm-openai") else replace(container, image=f"{base}:v{at}")


def _mended_container(container: Container, mended: Mended) -> Container:
    """The container with what it lacked; its variables come from the mended command."""
    names = {name.split("=")[0] for name, _ in container.options}
    options = [(name, value) for name, value in container.options if name not in ("-e", "--env") or "=" not in (value or "")]
    if not names & {"--gpus", "--device", "--runtime"}:
        options.append(("--gpus", "all"))
    if not names & {"--ipc", "--shm-size"}:
        options.append(("--ipc=host", None))
    if not names & {"-p", "--publish", "-P", "--publish-all", "--network", "--net"}:
        port = next((given.values[0] for given in mended.flags if given.name == "--port" and given.values), "8000")
        options.append(("-p", f"{port}:{port}"))
    return replace(_tagged(container, mended.at), options=tuple(options))


def _note(about: str, en: str, zh: str) -> Remark:
    return Remark("note", about, en, zh)


def checked_data(checked: Checked, language: Language = "en") -> dict[str, object]:
    """The result as plain data."""
    return {
        "version": str(checked.at),
        "runs": checked.runs,
        "model": checked.mended.model,
        "line": checked.line,
        "remarks": [{"weight": r.weight, "about": r.about, "text": r.say(language)} for r in checked.remarks],
        "flags": {given.name + given.path: False if given.is_off else list(given.values) for given in checked.mended.flags},
        "variables": dict(checked.mended.variables),
    }
