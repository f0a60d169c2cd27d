"""The ways to split beside parent and child: flat, the whole document, the text's own delimiters, lengths in tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from moorage.core.errors import ChunkLimitsInvalid, SettingInvalid
from moorage.kb.chunk import ChunkOptions, Parent, chunk, clean, render, split_delimited, with_plain_alt
from moorage.kb.tokenizer import ModelTokenizer, load_tokenizer

MANUAL = clean(
    "# 手册\n\n开头。\n\n## 安装\n\n"
    + "先关闭服务，再复制文件。" * 12
    + "\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n## 备份\n\nStop writing first. Then copy the folder. " * 2
    + "\n\n```\n"
    + "curl -fsSL https://example.org/install.sh | sh\n" * 4
    + "```\n"
).text
LINES = [MANUAL, "Hello world, these are tokens. 备份之前先停止写入。", "unbelievable internationalization of tokenizers"]


def joined(parents: tuple[Parent, ...]) -> str:
    return "".join("".join(c.text.split()) for p in parents for c in p.children)


def test_flat_chunks_stand_alone_and_keep_to_the_child_limit() -> None:
    parents = chunk(MANUAL, ChunkOptions(100, 1000, "flat"))
    assert all(len(p.children) == 1 for p in parents) and "------" not in render(parents)
    assert all(p.length <= 100 or "```" in p.text for p in parents)
    assert joined(parents) == "".join(MANUAL.split())
    assert all(MANUAL[c.start : c.end] == c.text for p in parents for c in p.children)


def test_a_full_document_is_one_parent_with_all_children() -> None:
    (parent,) = chunk(MANUAL, ChunkOptions(100, 200, "full_document"))
    assert len(parent.children) > 3 and all(len(c.text) <= 100 or "```" in c.text for c in parent.children)
    assert joined((parent,)) == "".join(MANUAL.split())


@pytest.mark.parametrize("mode", ["flat", "full_document", "parent_child"])
def test_nothing_gives_no_parents(mode: str) -> None:
    assert chunk("", ChunkOptions(10, 20, mode)) == ()  # type: ignore[arg-type]


def test_a_child_limit_above_the_parent_limit_is_refused_in_every_mode() -> None:
    with pytest.raises(ChunkLimitsInvalid):
        chunk("x", ChunkOptions(30, 20, "flat"))


def test_a_text_keeps_its_own_borders() -> None:
    found = split_delimited("# 一\n------\n甲  \n\n======\r\n## B\nb - c\n------\n\nlast | - |\n======\n")
    assert found is not None
    assert [[c.text for c in p.children] for p in found.parents] == [["# 一", "甲"], ["## B\nb - c", "last | - |"]]
    assert all(found.text[c.start : c.end] == c.text for p in found.parents for c in p.children)
    assert found.parents[0].headings == ("一",)


def test_a_text_without_delimiter_lines_has_no_borders_of_its_own() -> None:
    assert split_delimited("a ====== b\n-----\n=======\n") is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(alphabet="ab =-\n#", min_size=1, max_size=12), min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_rendered_text_form_is_read_back_at_its_borders(blocks: list[list[str]]) -> None:
    blocks = [[t.strip("\n").rstrip() for t in parent] for parent in blocks]
    blocks = [
        [t for t in parent if t.strip() and not any(line.rstrip() in ("======", "------") for line in t.split("\n"))] for parent in blocks
    ]
    blocks = [parent for parent in blocks if parent]
    found = split_delimited("\n======\n".join("\n------\n".join(parent) for parent in blocks))
    if found is None:
        assert sum(map(len, blocks)) <= 1
    else:
        assert [[c.text for c in p.children] for p in found.parents] == blocks


def byte_level() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=400, special_tokens=["<s>", "</s>"]))
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    return made


def metaspace() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.train_from_iterator(LINES, trainers.UnigramTrainer(vocab_size=200, special_tokens=["<s>", "</s>", "<unk>"], unk_token="<unk>"))
    made.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    return made


@pytest.mark.parametrize("made", [byte_level(), metaspace()], ids=["byte level", "metaspace"])
@pytest.mark.parametrize("limit", [12, 30, 64])
def test_no_child_has_more_tokens_than_the_limit_when_it_is_embedded_alone(made: Tokenizer, limit: int) -> None:
    tokenizer = ModelTokenizer(made)
    parents = chunk(MANUAL, ChunkOptions(limit, limit * 3, tokenizer=tokenizer))
    cut = [c.text for p in parents for c in p.children if "```" not in c.text and "| --- |" not in c.text]
    assert cut and max(len(made.encode(text).ids) for text in cut) <= limit
    assert joined(parents) == "".join(MANUAL.split())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="ab 备份。，.\n#é😀", max_size=300), st.integers(4, 40))
def test_tokens_lose_nothing_and_keep_the_limit_for_any_text(text: str, limit: int) -> None:
    made = byte_level()
    cleaned = clean(text).text
    parents = chunk(cleaned, ChunkOptions(limit, limit * 2, tokenizer=ModelTokenizer(made)))
    assert joined(parents) == "".join(cleaned.split())


def test_a_tokenizer_is_read_from_a_file_or_a_model_folder(tmp_path: Path) -> None:
    byte_level().save(str(tmp_path / "tokenizer.json"))
    by_folder, by_file = load_tokenizer(str(tmp_path)), load_tokenizer(str(tmp_path / "tokenizer.json"))
    assert list(by_folder.counts(["Hello world"])) == list(by_file.counts(["Hello world"])) != [2]


@pytest.mark.parametrize("place", ["", "nowhere/tokenizer.json"])
def test_a_tokenizer_that_is_not_there_says_what_to_give(place: str) -> None:
    with pytest.raises(SettingInvalid, match=r"tokenizer\.json"):
        load_tokenizer(place)


def test_a_file_that_is_no_tokenizer_says_so(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(SettingInvalid, match="embedding model"):
        load_tokenizer(str(tmp_path))


def test_alternative_texts_are_kept_or_plain() -> None:
    source = '![网络 [拓扑](a.png "t") <img src="b.png" alt="x|y">\n\n| a |\n| --- |\n| ![k](c.png) |'
    kept = clean(source, alt="keep").text
    assert "![网络 拓扑](a.png)" in kept or "网络" in kept
    assert "![x y](b.png)" in kept and "![k](c.png)" in kept
    assert clean(kept, alt="keep").text == kept
    assert with_plain_alt(kept) == clean(source).text


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='a![]()`<>|$\\ 图\n"=-&;', max_size=40), st.text(alphabet="ab./ %()", max_size=10))
def test_kept_alternative_texts_stay_the_same_when_cleaned_again(alt: str, source: str) -> None:
    once = clean(f"x ![{alt}]({source}) y <img alt='{alt}' src='{source}'>", alt="keep").text
    assert clean(once, alt="keep").text == once


def test_a_source_that_is_known_gets_its_address_and_others_stay() -> None:
    known = {"pics/a b.png": "/images/aa.png"}
    text = clean("![x](pics/a%20b.png) ![y](c.png) ![z](https://e.org/d.png)", alt="keep", resolve=known.get).text
    assert text == "![x](/images/aa.png) ![y](c.png) ![z](https://e.org/d.png)"
