"""Whether a client reaches a model server: from here, and as a container (Dify's, say) sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from moorage.core.errors import BadInput
from moorage.engines.machine.host import Answer, Host
from moorage.engines.machine.sockets import addresses_of_port, is_loopback
from moorage.engines.machine.verdict import Check

CLIENTS = ("plugin_daemon", "plugin-daemon", "dify-api", "api", "worker", "ragflow", "open-webui")
CLIENT_IMAGES = ("langgenius/", "infiniflow/ragflow", "open-webui")
LOCAL_NAMES = ("localhost", "127.0.0.1", "0.0.0.0", "::1")
ASK = (
    "import sys,urllib.request as r;o=r.build_opener(r.ProxyHandler({})) if sys.argv[2]=='direct' else r.build_opener()\n"
    "try: print('STATUS', o.open(sys.argv[1], timeout=5).status)\n"
    "except r.HTTPError as e: print('STATUS', e.code)\n"
    "except Exception as e: print('FAILED', e)"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address in its parts; ``base`` ends where ``/models`` begins."""

    url: str
    name: str
    port: int
    base: str

    def as_seen_by(self, name: str) -> str:
        return self.base.replace(f"//{_bracketed(self.name)}", f"//{name}", 1)


def read_address(url: str) -> Address:
    """The parts of an address. Raises ``BadInput`` for what is none."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as e:
        raise _no_address(url) from e
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _no_address(url)
    base = f"{parts.scheme}://{parts.netloc.rsplit('@', 1)[-1]}{parts.path.rstrip('/')}"
    return Address(url, parts.hostname, port, base)


def check_reach(host: Host, url: str) -> tuple[Check, ...]:
    """Every check of an address: does it answer, does it speak OpenAI's protocol, can a container on this machine reach it."""
    address = read_address(url)
    answer = host.get(f"{address.base}/models")
    return (*_from_here(address, answer), *_from_containers(host, address), *_from_client(host, address))


def _from_here(address: Address, answer: Answer) -> Iterator[Check]:
    if answer.status == 0:
        yield Check(
            "answers",
            "error",
            f"Nothing answers at {address.base} ({answer.reason}).",
            f"{address.base} 没有响应（{answer.reason}）。",
            f"ss -ltnp | grep :{address.port}",
        )
    elif answer.status in (401, 403):
        yield Check(
            "answers",
            "ok",
            f"{address.base} answers and wants a key ({answer.status}); give the client the same.",
            f"{address.base} 可访问，需要密钥（{answer.status}）；请在客户端填写相同的密钥。",
        )
    elif answer.status == 404:
        suffix = "/v1" if not address.base.endswith("/v1") else ""
        hint = f"Try {address.base}{suffix}." if suffix else "The server has no /v1/models; is it OpenAI-compatible?"
        hint_zh = f"请尝试 {address.base}{suffix}。" if suffix else "服务没有 /v1/models；它兼容 OpenAI 吗？"
        yield Check(
            "answers",
            "error",
            f"{address.base}/models is not there (404). {hint}",
            f"{address.base}/models 不存在（404）。{hint_zh}",
            f"curl {address.base}{suffix}/models",
        )
    elif answer.status != 200:
        yield Check(
            "answers",
            "error",
            f"{address.base}/models answers {answer.status}; the server is not ready, or a proxy answers.",
            f"{address.base}/models 返回 {answer.status}；服务未就绪，或由代理应答。",
            f"curl -i {address.base}/models",
        )
    else:
        names = models_in(answer.body)
        if names:
            yield Check(
                "answers",
                "ok",
                f"{address.base} answers and serves: {', '.join(names)}. Clients use exactly these names.",
                f"{address.base} 可访问，提供：{'、'.join(names)}。客户端须使用完全相同的名称。",
            )
        else:
            yield Check(
                "answers",
                "error",
                f"{address.base}/models answers, but lists no models; the base address usually ends in /v1.",
                f"{address.base}/models 有响应但没有模型列表；基础地址通常以 /v1 结尾。",
            )


def _from_containers(host: Host, address: Address) -> Iterator[Check]:
    """What can be told without a container: which address to type, and whether the server listens for it."""
    if address.name in LOCAL_NAMES:
        outside = address.as_seen_by("host.docker.internal")
        yield Check(
            "address",
            "warning",
            f"Inside a container {address.name} is the container itself. Type {outside} there; on Linux with extra_hosts: host.docker.internal:host-gateway.",
            f"在容器内 {address.name} 指容器自身。请填写 {outside}；Linux 需 extra_hosts: host.docker.internal:host-gateway。",
        )
        listening = addresses_of_port(host, address.port)
        if listening and all(is_loopback(found) for found in listening):
            yield Check(
                "listens",
                "error",
                f"The server listens on {listening[0]} only: no container reaches it.",
                f"服务只监听 {listening[0]}：容器无法访问。",
                f"vllm serve MODEL --host 0.0.0.0 --port {address.port}",
            )
        elif listening:
            yield Check(
                "listens",
                "ok",
                f"The server listens on {', '.join(dict.fromkeys(listening))}.",
                f"服务监听于 {'、'.join(dict.fromkeys(listening))}。",
            )
    elif address.name == "host.docker.internal" and not host.resolve(address.name):
        yield Check(
            "address",
            "warning",
            "host.docker.internal is a name for containers; it is unknown here.",
            "host.docker.internal 是供容器使用的名称；此处无法解析。",
        )


def _from_client(host: Host, address: Address) -> Iterator[Check]:
    """The real thing: a running client container is asked to fetch the address, directly and through its proxy settings."""
    client = client_container(host)
    if client is None:
        return
    seen = address.as_seen_by("host.docker.internal") if address.name in LOCAL_NAMES else address.base
    direct = _ask_inside(host, client, f"{seen}/models", "direct")
    if direct is None:
        yield Check(
            "container", "unknown", f"The container {client} has no Python to ask with.", f"容器 {client} 内没有可用于测试的 Python。"
        )
        return
    if direct.startswith("FAILED"):
        yield Check(
            "container",
            "error",
            f"{client} does not reach {seen}: {direct[7:]}.",
            f"{client} 无法访问 {seen}：{direct[7:]}。",
            _mend(direct, address),
        )
        return
    yield Check("container", "ok", f"{client} reaches {seen}.", f"{client} 可访问 {seen}。")
    if (via := _ask_inside(host, client, f"{seen}/models", "as set")) and via != direct:
        yield Check(
            "container proxy",
            "error",
            f"With the proxy set in {client} the same call fails ({via}); add the host to its NO_PROXY.",
            f"{client} 中设置的代理使同一请求失败（{via}）；请加入其 NO_PROXY。",
            "NO_PROXY=host.docker.internal,172.16.0.0/12,192.168.0.0/16",
        )


def client_container(host: Host) -> str | None:
    """A running container of a known client, by image or name."""
    ran = host.run("docker", "ps", "--format", "{{.Names}}\t{{.Image}}")
    rows = [line.split("\t") for line in (ran.out.splitlines() if ran and not ran.code else []) if "\t" in line]
    known = [name for name, image in rows if any(part in image for part in CLIENT_IMAGES)]
    ranked = sorted(known, key=lambda name: next((i for i, client in enumerate(CLIENTS) if client in name), len(CLIENTS)))
    return next(iter(ranked), None)


def models_in(body: str) -> tuple[str, ...]:
    """The identifiers in an answer of ``/v1/models``; none where it is no such answer."""
    try:
        listed = json.loads(body)["data"]
        return tuple(str(model["id"]) for model in listed)
    except (ValueError, KeyError, TypeError):
        return ()


def _ask_inside(host: Host, container: str, url: str, how: str) -> str | None:
    ran = host.run("docker", "exec", container, "python3", "-c", ASK, url, how, timeout_s=20)
    said = ran.out.strip() if ran else ""
    return said if said.startswith(("STATUS", "FAILED")) else None


def _mend(said: str, address: Address) -> str:
    lower = said.lower()
    if "name or service" in lower or "resolution" in lower or "resolve" in lower:
        return 'extra_hosts: ["host.docker.internal:host-gateway"]'
    if "refused" in lower:
        return f"vllm serve MODEL --host 0.0.0.0 --port {address.port}"
    return f"sudo ufw allow from 172.16.0.0/12 to any port {address.port} proto tcp"


def _no_address(url: str) -> BadInput:
    return BadInput(
        reason=f"{url!r} is no http or https address. Give the base address of a server, e.g. http://127.0.0.1:8000/v1",
        reason_zh=f"{url!r} 不是 http 或 https 地址。请给出服务的基础地址，例如 http://127.0.0.1:8000/v1",
    )


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
