"""Documents without a knowledge base: what is written, what is kept, what is refused."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from moorage.core.errors import BadInput, PathNotFound
from moorage.kb.doc import DocumentResult, Documents
from moorage.testing.documents import docx, paragraph, picture, png
from moorage.testing.model_server import model_server
from moorage.wiring import open_documents

PNG = png()


def converted(paths: list[Path], out: Path | None = None, **more: object) -> list[DocumentResult]:
    with open_documents() as documents:
        return sorted(documents.convert(paths, out, **more), key=lambda r: r.source)  # type: ignore[arg-type]


def chunked(documents: Documents, paths: list[Path], out: Path | None = None, **more: object) -> list[DocumentResult]:
    async def collect() -> list[DocumentResult]:
        return [r async for r in documents.chunk(paths, out, **more)]  # type: ignore[arg-type]

    return asyncio.run(collect())


def test_a_document_becomes_markdown_with_its_pictures_beside_it(tmp_path: Path) -> None:
    source = tmp_path / "手册.docx"
    source.write_bytes(
        docx(
            paragraph("网络如下：", runs=picture("rId9", "拓扑图")),
            relations=[("rId9", "image", "media/a.png")],
            parts={"word/media/a.png": PNG},
        )
    )
    (result,) = converted([source], tmp_path / "out")
    assert result.path == tmp_path / "out" / "手册.md" and len(result.pictures) == 1
    text = result.path.read_text(encoding="utf-8")
    assert "网络如下：" in text and "![拓扑图](%E6%89%8B%E5%86%8C_pictures/" in text
    assert result.pictures[0].read_bytes() == PNG and result.pictures[0].parent.name == "手册_pictures"


def test_the_places_of_a_folder_are_kept_and_like_names_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("# A")
    (folder / "a.txt").write_text("plain")
    (folder / "sub" / "b.md").write_text("# B")
    results = converted([folder], tmp_path / "out")
    assert sorted(str(r.path.relative_to(tmp_path / "out" / "docs-markdown")) for r in results if r.path) == [
        "a.md.md",
        "a.txt.md",
        os.path.join("sub", "b.md"),
    ]


def test_a_file_that_is_there_is_left_alone_unless_told(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("new words")
    (tmp_path / "a.md").write_text("mine")
    (result,) = converted([source], tmp_path)
    assert result.reason and result.reason.code == "output_exists" and (tmp_path / "a.md").read_text() == "mine"
    (again,) = converted([source], tmp_path, overwrite=True)
    assert again.path and again.path.read_text() == "new words\n"


def test_a_document_is_never_its_own_target(tmp_path: Path) -> None:
    source = tmp_path / "a.md"
    source.write_text("# A\n\n\n\ntext")
    (result,) = converted([source], tmp_path, overwrite=True)
    assert result.reason and source.read_text() == "# A\n\n\n\ntext"


def test_one_bad_document_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "bad.docx").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "good.md").write_text("# Good")
    bad, good = converted([tmp_path / "bad.docx", tmp_path / "good.md"], tmp_path / "out")
    assert bad.reason and "damaged" in bad.reason.en and good.path and good.path.exists()


def test_a_missing_path_stops_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    with pytest.raises(PathNotFound):
        converted([tmp_path / "a.md", tmp_path / "nope.md"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pictures_beside_a_markdown_file_come_along_but_not_from_outside(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "img").mkdir(parents=True)
    (folder / "img" / "a b.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG + b"secret")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "a.md").write_text("![one](img/a%20b.png) ![two](../secret.png) ![three](link.png) ![four](/etc/hostname)")
    (result,) = converted([folder], tmp_path / "out")
    assert len(result.pictures) == 1 and result.converted
    assert "![two](../secret.png)" in result.converted.markdown and "![one](a_pictures/" in result.converted.markdown
    assert [n.code for n in result.notices] == ["pictures_not_beside"] and "3 picture(s)" in result.notices[0].en


def test_chunks_are_written_as_text_form_with_what_to_type_into_dify(tmp_path: Path) -> None:
    source = tmp_path / "m.md"
    source.write_text("# A\n\n" + "words and more words. " * 12 + "\n\n## B\n\nshort\n\n# C\n\n" + "x " * 300)
    with open_documents(child_max=120, parent_max=300) as documents:
        (result,) = chunked(documents, [source], tmp_path / "out")
    assert result.path and result.path.name == "m.txt" and result.chunked
    parents = result.path.read_text().rstrip("\n").split("\n======\n")
    assert [p.split("\n------\n") for p in parents] == [[c.text for c in p.children] for p in result.chunked.parents]
    assert (result.chunked.dify.parent_length, result.chunked.dify.child_length) == (302, 122)


def test_with_a_public_address_pictures_are_kept_where_it_serves_them_from(tmp_path: Path) -> None:
    source = tmp_path / "a.docx"
    source.write_bytes(
        docx(paragraph("x", runs=picture("rId9", "alt")), relations=[("rId9", "image", "media/a.png")], parts={"word/media/a.png": PNG})
    )
    with open_documents(data=tmp_path / "data", images_url="http://10.0.0.5:8484/images/") as documents:
        (result,) = chunked(documents, [source], tmp_path / "out")
    assert result.chunked and "![image](http://10.0.0.5:8484/images/" in result.chunked.text and result.pictures == ()
    assert len(list((tmp_path / "data" / "pictures").glob("*/*.png"))) == 1


def test_a_model_parts_what_is_unrelated_and_nothing_else_changes(tmp_path: Path) -> None:
    source = tmp_path / "q.md"
    source.write_text(
        "# 问题\n\n打印机缺纸时先关电源。\n\n## 假期\n\n年假提前三天申请。\n\n# 备份\n\n先停止写入。\n\n## 然后\n\n再复制目录。\n"
    )

    def judge(turns: object) -> str:
        text = str(turns)
        return '{"relation": "independent"}' if "打印机" in text else 'I think {"relation": "related"}.'

    with model_server(judge) as server, open_documents(child_max=20, parent_max=100, llm=server.url) as documents:
        plain, parted = (chunked(documents, [source], ask_model=ask)[0].chunked for ask in (False, True))
    assert plain and parted and len(parted.parents) > len(plain.parents)
    assert [c.text for p in parted.parents for c in p.children] == [c.text for p in plain.parents for c in p.children]
    assert [len(p.children) for p in parted.parents] == [1, 1, 2]
    asked = server.asked("/v1/chat/completions")
    assert asked and all(a.body["response_format"]["type"] == "json_schema" for a in asked)  # type: ignore[index]


def test_a_dead_model_leaves_the_chunks_and_says_so(tmp_path: Path) -> None:
    source = tmp_path / "q.md"
    source.write_text("# A\n\nfirst words here.\n\n## B\n\nsecond words here.\n")
    with open_documents(child_max=20, parent_max=100, llm="http://127.0.0.1:9/v1") as documents:
        (result,) = chunked(documents, [source], ask_model=True)
    assert result.chunked and len(result.chunked.parents) == 1
    assert "verdicts_failed" in [n.code for n in result.notices]


def test_asking_without_a_model_says_how_to_name_one(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("x")
    with open_documents() as documents, pytest.raises(BadInput, match="--llm-url"):
        chunked(documents, [tmp_path / "a.md"], ask_model=True)
