from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from moorage.web.render import Marks, parts, render
from tests.builders.texts import HANDBOOK, HANDBOOK_ZH, HOSTILE

ALLOWED_TAGS = set(
    "html head body h1 h2 h3 h4 h5 h6 p ul ol li blockquote pre code table thead tbody tr th td div hr br a img em strong s mark".split()
)
ALLOWED_ATTRIBUTES = set("id class data-start data-end href rel src alt loading decoding tabindex start".split())


def html(markdown: str, **options: object) -> str:
    return render(markdown, **options).html  # type: ignore[arg-type]


def text_of(fragment: str) -> str:
    return LexborHTMLParser(fragment).text()


def marked(fragment: str, kind: str) -> str:
    return "".join(node.text() for node in LexborHTMLParser(fragment).css(f"mark.{kind}"))


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "| a |\n|---|\n| <br onclick=alert(1)> |",
        "# <b onmouseover=alert(1)>x</b>",
        "> - <style>@import url(//e.example)</style>",
        "```\n</code></pre><script>alert(1)</script>\n```",
        "<!-- --><script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ],
)
def test_html_in_a_document_is_shown_as_text(hostile: str) -> None:
    assert_harmless(html(hostile))


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "&#106;avascript:alert(1)",
        "<javascript:alert(1)>",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//elsewhere.example/x",
        "/kb/x/documents",
        "\\\\elsewhere.example",
    ],
)
def test_a_link_that_is_not_web_or_mail_is_only_its_words(target: str) -> None:
    shown = html(f"[words]({target}) ![words]({target})")

    assert_harmless(shown)
    assert "href" not in shown and "src" not in shown
    assert "words" in shown


def test_a_web_link_says_nothing_about_where_it_was_followed_from() -> None:
    assert '<a href="https://a.example/?x=1&amp;y=2" rel="noopener noreferrer">here</a>' in html("[here](https://a.example/?x=1&y=2)")


def test_our_own_pictures_are_shown_and_foreign_ones_become_links() -> None:
    assert '<img src="/images/00ff.png" alt="a &lt;b&gt;"' in html("![a <b>](/images/00ff.png)")
    assert 'src="/images/00ff.png"' in html("![](http://host:1/images/00ff.png)", origin="http://host:1/")
    assert '<a href="https://e.example/p.png" rel="noopener noreferrer">plan</a>' in html("![plan](https://e.example/p.png)")
    assert "<img" not in html("![x](/images/../login) ![x](//e.example/images/a.png) ![x](/imagesa.png)")


def test_a_br_breaks_the_line_in_a_table_cell_and_nowhere_else() -> None:
    assert "<td>one<br>two<br>three</td>" in html("| a |\n|---|\n| one<br>two<BR/>three |")
    assert "one&lt;br&gt;two" in html("one<br>two")


def test_a_line_break_between_chinese_characters_leaves_no_blank() -> None:
    assert "中文继续" in html("中文\n继续")
    assert "some\nwords" in html("some\nwords")


@pytest.mark.parametrize("source", [HANDBOOK, HANDBOOK_ZH], ids=["en", "zh"])
def test_every_block_knows_its_place_in_the_source(source: str) -> None:
    tree = LexborHTMLParser(html(source))
    blocks = tree.css("[data-start]")

    assert len(blocks) > 10
    for block in blocks:
        piece = source[int(block.attributes["data-start"] or 0) : int(block.attributes["data-end"] or 0)]
        words = re.findall(r"\w+", block.text(separator=" "))
        assert words and all(word in piece for word in words)


def test_places_count_from_the_whole_document_when_a_part_is_shown() -> None:
    assert '<p data-start="1007" data-end="1010">' in html("# One\n\ntwo", base=1000)


def test_carriage_returns_count_as_characters() -> None:
    source = "one\r\n\r\ntwo three"
    shown = html(source, marks=Marks((0, len(source)), ((source.index("three"), len(source)),)))

    assert marked(shown, "sentence") == "three"


def test_a_passage_of_whole_blocks_stands_in_one_frame_and_its_sentence_is_marked() -> None:
    start = HANDBOOK.index("## Travel")
    end = HANDBOOK.index("## Holidays") - 2
    sentence = "A hotel night is reimbursed up to **120 euros**, in the capital up to 160 euros."
    at = HANDBOOK.index(sentence)

    shown = LexborHTMLParser(html(HANDBOOK, marks=Marks((start, end), ((at, at + len(sentence)),))))

    (frame,) = shown.css("div.cited")
    assert [child.tag for child in frame.iter()] == ["h2", "p", "div"]
    assert marked(frame.html or "", "sentence") == sentence.replace("*", "")
    assert not shown.css("mark.passage")


def test_a_passage_inside_a_block_is_marked_to_the_character() -> None:
    source = "Before. *The passage* here `co de` &amp; on.\nNext line. After."
    start, end = source.index("The"), source.index(" After")

    assert marked(html(source, marks=Marks((start, end))), "passage") == "The passage here co de & on.Next line."


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("| a | b |\n|---|---|\n| x\\|y one | second cell here |", "second cell"),
        ("| a |\n|---|\n| x\\|y one\\|two |", "one"),
        ("- item\n  goes on there\n", "on there"),
        ("> quoted words\n> and more", "and more"),
        ("```sh\nfirst\nsecond line\n```", "second line"),
        ("    indented code\n    more code", "more code"),
        ("# A *heading* with words #", "with words"),
        ("\\* escaped and \\[more\\] &copy; wanted", "wanted"),
        ("[linked words](https://e.example) tail", "linked words"),
        ("同一个词，同一个词。", "同一个词。"),
    ],
)
def test_a_sentence_is_found_in_every_kind_of_block(source: str, wanted: str) -> None:
    start = source.rindex(wanted)

    assert marked(html(source, marks=Marks(None, ((start, start + len(wanted)),))), "sentence") == wanted


def test_headings_are_listed_with_the_ids_of_their_elements() -> None:
    shown = render(HANDBOOK)

    assert [(heading.level, heading.text) for heading in shown.headings][:2] == [(1, "Staff handbook"), (2, "Travel and hotels")]
    assert all(f'id="h{heading.start}"' in shown.html for heading in shown.headings)


def test_the_parts_of_a_long_document_join_to_the_whole() -> None:
    text = HANDBOOK * 400

    spans = parts(text)

    assert "".join(text[start:end] for start, end in spans) == text
    assert len(spans) > 2 and all(end - start <= 150_000 for start, end in spans)


def test_a_long_line_is_cut_all_the_same() -> None:
    assert max(end - start for start, end in parts("x" * 1_000_000)) <= 150_000


@pytest.mark.parametrize(
    "nasty", [">" * 20_000, "[" * 20_000, "*a " * 10_000, "- " * 3_000, "`" * 20_001, "![" * 10_000, "|" * 20_000, "<" * 20_000]
)
def test_nasty_input_is_rendered_in_reasonable_time(nasty: str) -> None:
    began = time.process_time()

    assert_harmless(html(nasty, marks=Marks((0, 100), ((3, 9),))))

    assert time.process_time() - began < 5


SIGNS = "< > & \" ' ` ``` | --- \\ # - 1. > [ ]( ) ! ![ ** * _ ~~ <br> &lt; &#106; javascript: https:// /images/a.png 中文 ab"
BREAKS = ["\n", "\n\n", "    ", "\t", "\r\n", "\0", "| a |\n|---|\n| "]
PIECES = st.sampled_from([*HOSTILE.split(" "), *SIGNS.split(" "), *BREAKS])


@given(
    st.lists(PIECES | st.text(max_size=6), max_size=40).map("".join),
    st.integers(0, 80),
    st.integers(0, 80),
    st.integers(0, 80),
    st.integers(0, 80),
)
def test_no_input_brings_out_a_script_or_a_strange_attribute(source: str, a: int, b: int, c: int, d: int) -> None:
    assert_harmless(html(source, marks=Marks((a, a + b), ((c, c + d),)), origin="http://127.0.0.1:8080"))


@given(st.text(alphabet="ab .。中文\n", max_size=60), st.data())
def test_marks_never_change_the_words(source: str, data: st.DataObject) -> None:
    start, end = sorted((data.draw(st.integers(0, 60)), data.draw(st.integers(0, 60))))

    assert text_of(html(source, marks=Marks((start, end), ((start, (start + end) // 2),)))).split() == text_of(html(source)).split()


def assert_harmless(fragment: str) -> None:
    for node in LexborHTMLParser(fragment).css("*"):
        assert node.tag in ALLOWED_TAGS
        assert set(node.attributes) <= ALLOWED_ATTRIBUTES
        assert re.match(r"(?i)(https?:|mailto:)", node.attributes.get("href") or "https:")
        assert re.fullmatch(r"/images/[\w.-]+", node.attributes.get("src") or "/images/x")
        assert node.attributes.get("id") in (None, "passage", "sentence") or re.fullmatch(r"h\d+", node.attributes["id"] or "")
