"""A small stand-in for a model hub's HTTP interface: one model, its listing and its files, with ranges. What breaks can be chosen."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub_server(
    files: Mapping[str, bytes],
    listed: Mapping[str, bytes] | None = None,
    breaks: Mapping[str, int] | None = None,
    ranges: list[str] | None = None,
) -> Iterator[str]:
    """Serves ``files`` as the model Org/Name; the listing is of ``listed`` where that is given. Yields the address.

    The first answer for a file in ``breaks`` ends after so many bytes. ``ranges`` is given the ranges that are asked for.
    """
    shown, left = listed or files, dict(breaks or {})
    asked = ranges if ranges is not None else []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = self.path.split("?")[0]
            if path.startswith("/api/models/Org/Name/tree/"):
                return self._json([_entry(name, data) for name, data in shown.items()], with_body)
            if path.startswith("/api/models/Org/Name"):
                return self._json(
                    {
                        "id": "Org/Name",
                        "modelId": "Org/Name",
                        "sha": COMMIT,
                        "tags": [],
                        "siblings": [_sibling(n, d) for n, d in shown.items()],
                    },
                    with_body,
                )
            name = path.partition(f"/resolve/{COMMIT}/")[2] or path.partition("/resolve/main/")[2]
            if name not in files:
                return self._send(404, b"{}", {"X-Error-Code": "EntryNotFound" if name else "RepoNotFound"}, with_body)
            if with_body and name in left:
                return self._break(files[name], left.pop(name))
            return self._file(files[name], with_body)

        def _break(self, data: bytes, after: int) -> None:
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:after])
            self.close_connection = True

        def _file(self, data: bytes, with_body: bool) -> None:
            etag = hashlib.sha256(data).hexdigest()
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "X-Linked-Size": str(len(data)), "Accept-Ranges": "bytes"}
            begin = self.headers.get("Range", "").removeprefix("bytes=").split("-")[0]
            if begin.isdigit() and int(begin):
                asked.append(self.headers["Range"])
                part = data[int(begin) :]
                return self._send(206, part, {**headers, "Content-Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"}, with_body)
            return self._send(200, data, headers, with_body)

        def _json(self, value: object, with_body: bool) -> None:
            self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"}, with_body)

        def _send(self, status: int, data: bytes, headers: Mapping[str, str], with_body: bool) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if with_body:
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _sibling(name: str, data: bytes) -> dict[str, object]:
    lfs = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 134} if name.endswith(".safetensors") else None
    return {"rfilename": name, "size": len(data), "blobId": hashlib.sha1(data).hexdigest(), **({"lfs": lfs} if lfs else {})}


def _entry(name: str, data: bytes) -> dict[str, object]:
    sibling = _sibling(name, data)
    entry: dict[str, object] = {"type": "file", "path": name, "size": len(data), "oid": sibling["blobId"]}
    return {**entry, "lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}} if "lfs" in sibling else entry
