"""moorage doc and /api/doc: the same as home.doc."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from moorage.testing.documents import docx, paragraph, picture, png
from moorage.web.app import build_app
from moorage.wiring import open_home
from tests.builders.serving import served
from tests.faces.test_cli import moorage

MANUAL = "# 手册\n\n" + "先关闭服务，再复制文件。" * 20 + "\n\n## 备份\n\n每天一次。\n"
LETTER = docx(
    paragraph("Hello.", runs=picture("rId9", "logo")), relations=[("rId9", "image", "media/a.png")], parts={"word/media/a.png": png()}
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx2.Client]:
    with open_home(tmp_path / "data") as home, served(build_app(home)) as url, httpx2.Client(base_url=url, timeout=60) as client:
        yield client


def test_convert_is_the_same_on_the_command_line_and_over_http(api: httpx2.Client, tmp_path: Path) -> None:
    (tmp_path / "手册.md").write_text(MANUAL, encoding="utf-8")
    http = api.post("/api/doc/convert", files={"file": ("手册.md", MANUAL.encode())}).json()
    command = moorage("doc", "convert", str(tmp_path / "手册.md"), "--out", str(tmp_path / "out"), "--json", data=tmp_path / "data")
    (row,) = json.loads(command.stdout)["documents"]
    assert Path(row["written"]).read_text(encoding="utf-8").rstrip("\n") == http["markdown"]
    assert (row["headings"], row["title"]) == (http["headings"], http["title"]) == (2, "手册")


def test_chunk_is_the_same_on_the_command_line_and_over_http(api: httpx2.Client, tmp_path: Path) -> None:
    (tmp_path / "手册.md").write_text(MANUAL, encoding="utf-8")
    http = api.post("/api/doc/chunk?child=100&parent=200", files={"file": ("手册.md", MANUAL.encode())}).json()
    command = moorage("doc", "chunk", str(tmp_path / "手册.md"), "--child", "100", "--parent", "200", "--json", data=tmp_path / "data")
    (row,) = json.loads(command.stdout)["documents"]
    assert row["blocks"] == http["blocks"] and row["dify"] == http["dify"] and http["children"] > 2
    text = api.post("/api/doc/chunk?child=100&parent=200&answer=text", files={"file": ("手册.md", MANUAL.encode())}).text
    assert text == http["text"] == row["text"]


def test_a_zip_holds_the_markdown_and_its_pictures(api: httpx2.Client) -> None:
    reply = api.post("/api/doc/convert?answer=zip", files={"file": ("letter.docx", LETTER)})
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        names = archive.namelist()
        text = archive.read("document.md").decode()
    assert names[0] == "document.md" and len(names) == 2 and f"![logo]({names[1]})" in text


def test_the_command_says_what_to_type_into_dify(tmp_path: Path) -> None:
    (tmp_path / "m.md").write_text(MANUAL, encoding="utf-8")
    ran = moorage(
        "doc", "chunk", str(tmp_path / "m.md"), "--child", "100", "--parent", "200", "--out", str(tmp_path), data=tmp_path / "data"
    )
    assert ran.returncode == 0 and (tmp_path / "m.txt").exists()
    assert "======" in ran.stderr and "202" in ran.stderr and "102" in ran.stderr


def test_standard_output_gets_the_text_alone(tmp_path: Path) -> None:
    (tmp_path / "m.md").write_text("# A\n\nb", encoding="utf-8")
    assert moorage("doc", "convert", str(tmp_path / "m.md"), "--out", "-", data=tmp_path / "data").stdout == "# A\n\nb\n"
    assert moorage("doc", "chunk", str(tmp_path / "m.md"), "--out", "-", data=tmp_path / "data").stdout == "# A\n\nb\n"


def test_a_failed_document_is_an_exit_status_and_a_reason(tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    ran = moorage("doc", "convert", str(tmp_path / "bad.pdf"), "--out", str(tmp_path / "out"), "--json", data=tmp_path / "data")
    assert ran.returncode == 1 and json.loads(ran.stdout)["failed"][0]["code"] == "document_unreadable"


def test_an_unreadable_upload_is_a_clear_error(api: httpx2.Client) -> None:
    reply = api.post("/api/doc/convert", files={"file": ("x.docx", b"PK\x03\x04 nothing")})
    assert reply.status_code == 422 and "damaged" in reply.json()["error"]["message"]


def test_a_document_command_makes_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "m.md").write_text("x", encoding="utf-8")
    moorage("doc", "convert", str(tmp_path / "m.md"), "--out", str(tmp_path / "out"), data=tmp_path / "data")
    assert not (tmp_path / "data").exists()
