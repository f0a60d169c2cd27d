"""The checks of a machine, each a question to the host and a judgement. Order: the card, the system, Docker, the network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from moorage.engines.machine.host import Host, Ran
from moorage.engines.machine.sockets import addresses_of_port
from moorage.engines.machine.verdict import Check

GIB = 1 << 30
SHM_WANTED = 1 * GIB
DISK_WANTED = 30 * GIB
FILES_WANTED = 4096
# NVIDIA's table of the least driver for each CUDA, and the CUDA that vLLM's default builds use.
DRIVERS = ((580, "13.0"), (575, "12.9"), (570, "12.8"), (560, "12.6"), (550, "12.4"), (525, "12.0"))
OLDEST_DRIVER = 550
LOCAL_NETS = ("localhost", "127.0.0.1")


def check_machine(host: Host, port: int = 8000) -> tuple[Check, ...]:
    """Every check of the machine. ``port`` is where a server is to listen."""
    return tuple(check for look in CHECKS for check in look(host)) + tuple(_port(host, port))


def driver(host: Host) -> Iterable[Check]:
    """The driver answers, and is new enough for today's builds."""
    ran = host.run(
        "nvidia-smi", "--query-gpu=index,name,driver_version,compute_cap,memory.total,memory.used", "--format=csv,noheader,nounits"
    )
    if ran is None:
        yield Check(
            "gpu",
            "error",
            "There is no nvidia-smi: no NVIDIA driver is installed, or the container was started without --gpus.",
            "没有 nvidia-smi：未安装 NVIDIA 驱动，或容器启动时未加 --gpus。",
            "docker run --gpus all ...",
        )
        return
    cards = [[part.strip() for part in line.split(",")] for line in ran.out.splitlines() if line.count(",") >= 5]
    if ran.code or not cards:
        yield _no_cards(ran)
        return
    yield Check(
        "gpu",
        "ok",
        f"{len(cards)} GPU(s): {'; '.join(f'{c[0]} {c[1]} {int(float(c[4])) / 1024:.1f} GiB' for c in cards if c[4].replace('.', '').isdigit())}.",
        f"{len(cards)} 张 GPU：{'；'.join(f'{c[0]} {c[1]} {int(float(c[4])) / 1024:.1f} GiB' for c in cards if c[4].replace('.', '').isdigit())}。",
    )
    yield _driver_age(cards[0][2])
    old = [card for card in cards if re.fullmatch(r"\d+\.\d+", card[3]) and float(card[3]) < 7.0]
    if old:
        yield Check(
            "compute capability",
            "error",
            f"{old[0][1]} has compute capability {old[0][3]}; vLLM needs 7.0.",
            f"{old[0][1]} 的算力为 {old[0][3]}；vLLM 需要 7.0。",
        )


def _no_cards(ran: Ran) -> Check:
    said = " ".join((ran.out + ran.error).split())[:200] or "nothing"
    restart = "mismatch" in said or "communicate" in said
    advice = "Restart the machine: the driver was upgraded under running programs." if restart else "See the driver's installation."
    advice_zh = "请重启机器：驱动在程序运行期间被升级。" if restart else "请检查驱动安装。"
    return Check(
        "gpu",
        "error",
        f"nvidia-smi sees no GPU and says: {said}. {advice}",
        f"nvidia-smi 未发现 GPU：{said}。{advice_zh}",
        "sudo reboot" if restart else "nvidia-smi",
    )


def _driver_age(written: str) -> Check:
    major = int(match[0]) if (match := re.match(r"\d+", written)) else 0
    cuda = next((cuda for least, cuda in DRIVERS if major >= least), None)
    if not major:
        return Check("driver", "unknown", f"The driver's version {written!r} is not understood.", f"无法识别驱动版本 {written!r}。")
    if major < OLDEST_DRIVER:
        return Check(
            "driver",
            "error",
            f"Driver {written} is too old for today's builds; install 570 or later (580 for CUDA 13).",
            f"驱动 {written} 过旧；请安装 570 或更新版本（CUDA 13 需 580）。",
            "sudo apt-get install nvidia-driver-580",
        )
    if major < DRIVERS[0][0]:
        return Check(
            "driver",
            "warning",
            f"Driver {written} runs builds for CUDA up to {cuda}; take images and wheels of that CUDA, or driver 580.",
            f"驱动 {written} 支持至 CUDA {cuda}；请选用相应 CUDA 的镜像与安装包，或升级至驱动 580。",
        )
    return Check("driver", "ok", f"Driver {written} runs every build up to CUDA {cuda}.", f"驱动 {written} 支持至 CUDA {cuda} 的所有构建。")


def holders(host: Host) -> Iterable[Check]:
    """Who holds memory of the cards."""
    ran = host.run("nvidia-smi", "--query-compute-apps=pid,process_name,used_memory", "--format=csv,noheader")
    if ran is None or ran.code:
        return
    rows = [" ".join(part.strip() for part in line.split(",")) for line in ran.out.splitlines() if line.strip()]
    if not rows:
        yield Check("gpu holders", "ok", "No program holds memory of a GPU.", "没有程序占用显存。")
        return
    shown = "; ".join(rows[:8])
    yield Check(
        "gpu holders",
        "warning",
        f"These programs hold GPU memory: {shown}. It is missing to a new server.",
        f"以下程序占用显存：{shown}。新服务无法使用这部分。",
        "nvidia-smi",
    )


def toolkit(host: Host) -> Iterable[Check]:
    """The compiler that FlashInfer and source builds want."""
    ran = host.run("nvcc", "--version")
    release = re.search(r"release ([\d.]+)", ran.out) if ran else None
    if release:
        yield Check("cuda toolkit", "ok", f"nvcc {release[1]} is there.", f"已有 nvcc {release[1]}。")
    else:
        yield Check(
            "cuda toolkit",
            "warning",
            "There is no nvcc. Wheels and images run without; what compiles at run time (FlashInfer, DeepGEMM) does not.",
            "没有 nvcc。安装包与镜像无需它；运行时编译的组件（FlashInfer、DeepGEMM）需要。",
            "export CUDA_HOME=/usr/local/cuda",
        )


def shared_memory(host: Host) -> Iterable[Check]:
    space = host.space("/dev/shm")
    if space is None:
        yield Check("shm", "unknown", "There is no /dev/shm here.", "此处没有 /dev/shm。")
    elif space[1] < SHM_WANTED:
        yield Check(
            "shm",
            "error",
            f"/dev/shm has {space[1] >> 20} MiB; several GPUs need at least 1 GiB.",
            f"/dev/shm 仅 {space[1] >> 20} MiB；多卡至少需要 1 GiB。",
            "docker run --ipc=host ...",
        )
    elif space[0] < SHM_WANTED // 4:
        yield Check(
            "shm",
            "warning",
            f"/dev/shm is nearly full ({space[0] >> 20} MiB free).",
            f"/dev/shm 快满了（剩余 {space[0] >> 20} MiB）。",
            "ls -la /dev/shm",
        )
    else:
        yield Check("shm", "ok", f"/dev/shm has {space[1] / GIB:.1f} GiB.", f"/dev/shm 有 {space[1] / GIB:.1f} GiB。")


def limits(host: Host) -> Iterable[Check]:
    files = host.limit("nofile")
    if files is not None and 0 <= files < FILES_WANTED:
        yield Check(
            "ulimit",
            "warning",
            f"Only {files} files may be open at once; busy servers need {FILES_WANTED} and more.",
            f"最多同时打开 {files} 个文件；繁忙的服务需要 {FILES_WANTED} 以上。",
            "ulimit -n 65536",
        )
    elif files is not None:
        shown = "any number of" if files < 0 else str(files)
        yield Check("ulimit", "ok", f"{shown} files may be open at once.", f"可同时打开的文件数：{'不限' if files < 0 else files}。")
    locked = host.limit("memlock")
    if locked is not None and 0 <= locked < 64 << 20:
        yield Check(
            "memlock",
            "warning",
            f"Only {locked >> 10} KiB may be locked; NCCL over InfiniBand needs it unlimited.",
            f"可锁定内存仅 {locked >> 10} KiB；InfiniBand 上的 NCCL 需要不限。",
            "docker run --ulimit memlock=-1 ...",
        )


def memory(host: Host) -> Iterable[Check]:
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", host.read("/proc/meminfo") or "", re.MULTILINE))
    if "MemAvailable" in found:
        available, total = int(found["MemAvailable"]) * 1024, int(found["MemTotal"]) * 1024
        state = "ok" if available >= 8 * GIB else "warning"
        yield Check(
            "memory",
            state,
            f"{available / GIB:.1f} of {total / GIB:.1f} GiB main memory are free.",
            f"主机内存剩余 {available / GIB:.1f} GiB，共 {total / GIB:.1f} GiB。",
        )


def disks(host: Host) -> Iterable[Check]:
    """Where models and images go."""
    home = host.variables.get("HF_HOME") or f"{host.variables.get('HOME', '')}/.cache"
    for name, path in (("model cache", home), ("tmp", "/tmp"), ("docker", "/var/lib/docker")):
        if (space := _space_above(host, path)) is None:
            continue
        wanted = DISK_WANTED if name != "tmp" else 2 * GIB
        state = "ok" if space[0] >= wanted else "error" if space[0] < wanted // 10 else "warning"
        yield Check(
            f"disk: {name}",
            state,
            f"{path}: {space[0] / GIB:.1f} GiB free.",
            f"{path}：剩余 {space[0] / GIB:.1f} GiB。",
            "" if state == "ok" else "docker system df; du -sh ~/.cache/huggingface",
        )


def _space_above(host: Host, path: str) -> tuple[int, int] | None:
    """The space of a path, or of the nearest folder above it that is there."""
    while path and path != "/":
        if space := host.space(path):
            return space
        path = path.rsplit("/", 1)[0]
    return host.space("/")


def wsl(host: Host) -> Iterable[Check]:
    if "microsoft" in (host.read("/proc/version") or "").lower():
        yield Check(
            "wsl",
            "warning",
            "This is WSL: memory is not pinned, vLLM's newer runner may fail (VLLM_USE_V2_MODEL_RUNNER=0), and ports need Windows' mirrored network or a forward.",
            "当前为 WSL：不支持锁页内存，vLLM 新执行器可能失败（VLLM_USE_V2_MODEL_RUNNER=0），端口需镜像网络或转发。",
        )


def docker(host: Host) -> Iterable[Check]:
    ran = host.run("docker", "info", "--format", "{{.ServerVersion}}|{{json .Runtimes}}|{{.OperatingSystem}}")
    if ran is None:
        yield Check("docker", "unknown", "Docker is not installed here.", "此处未安装 Docker。")
        return
    if ran.code:
        refused = "permission denied" in ran.error.lower()
        fix = "sudo usermod -aG docker $USER" if refused else "sudo systemctl start docker"
        what, what_zh = (
            ("You may not talk to Docker.", "没有访问 Docker 的权限。")
            if refused
            else ("Docker's daemon does not answer.", "Docker 守护进程无响应。")
        )
        yield Check("docker", "error", what, what_zh, fix)
        return
    version, _, rest = ran.out.strip().partition("|")
    yield Check("docker", "ok", f"Docker {version} answers.", f"Docker {version} 可用。")
    toolkit_there = "nvidia" in rest or host.run("nvidia-ctk", "--version") is not None
    if host.run("nvidia-smi", "-L") is not None and not toolkit_there:
        yield Check(
            "docker gpus",
            "error",
            "Docker cannot hand GPUs to containers: the NVIDIA Container Toolkit is missing.",
            "Docker 无法将 GPU 分配给容器：缺少 NVIDIA Container Toolkit。",
            "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
        )


def proxies(host: Host) -> Iterable[Check]:
    """A proxy for everything swallows calls to servers in the own network."""
    names = [
        name for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") if host.variables.get(name)
    ]
    if not names:
        yield Check("proxy", "ok", "No proxy is set.", "未设置代理。")
        return
    bypassed = (host.variables.get("NO_PROXY") or host.variables.get("no_proxy") or "").replace(" ", "").split(",")
    missing = [net for net in LOCAL_NETS if net not in bypassed and "*" not in bypassed]
    if missing:
        yield Check(
            "proxy",
            "warning",
            f"{', '.join(names)} is set and NO_PROXY leaves out {', '.join(missing)}: calls to local servers go to the proxy.",
            f"已设置 {'、'.join(names)}，而 NO_PROXY 未包含 {'、'.join(missing)}：对本地服务的请求会走代理。",
            "export NO_PROXY=localhost,127.0.0.1,host.docker.internal,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
        )
    else:
        yield Check(
            "proxy", "ok", f"{', '.join(names)} is set; local addresses are left out of it.", f"已设置 {'、'.join(names)}；本地地址已排除。"
        )


def names(host: Host) -> Iterable[Check]:
    """Inside a container: whether the machine outside has a name."""
    inside = host.read("/.dockerenv") is not None or "docker" in (host.read("/proc/1/cgroup") or "")
    found = host.resolve("host.docker.internal")
    if found:
        yield Check("host.docker.internal", "ok", f"host.docker.internal is {found[0]}.", f"host.docker.internal 解析为 {found[0]}。")
    elif inside:
        yield Check(
            "host.docker.internal",
            "error",
            "This container does not know host.docker.internal.",
            "此容器无法解析 host.docker.internal。",
            "docker run --add-host=host.docker.internal:host-gateway ...",
        )
    else:
        yield Check(
            "host.docker.internal",
            "ok",
            "host.docker.internal is unknown here, as usual outside containers; containers on Linux need extra_hosts: host.docker.internal:host-gateway.",
            "此处无法解析 host.docker.internal，容器外属正常；Linux 容器需 extra_hosts: host.docker.internal:host-gateway。",
        )


def _port(host: Host, port: int) -> Iterable[Check]:
    found = addresses_of_port(host, port)
    if found:
        yield Check(
            "port",
            "warning",
            f"Port {port} is taken (on {', '.join(dict.fromkeys(found))}).",
            f"端口 {port} 已被占用（{'、'.join(dict.fromkeys(found))}）。",
            f"ss -ltnp | grep :{port}",
        )
    else:
        yield Check("port", "ok", f"Port {port} is free.", f"端口 {port} 空闲。")


CHECKS: tuple[Callable[[Host], Iterable[Check]], ...] = (
    driver, holders, toolkit, shared_memory, limits, memory, disks, wsl, docker, proxies, names,
)  # fmt: skip
