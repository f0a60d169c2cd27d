"""Web pages and exports: what a reader came for, with its structure."""

from __future__ import annotations

import base64

from moorage.kb.parse import Source, parse
from moorage.testing.documents import png


def markdown(html: str) -> str:
    return parse(Source("a.html", html.encode())).markdown


def test_the_frame_of_a_page_is_left_out() -> None:
    page = "<body><header>logo</header><nav>menu</nav><p>text</p><aside>ad</aside><script>x()</script><footer>end</footer></body>"

    assert markdown(page) == "text"


def test_the_one_article_is_the_content_with_its_own_header() -> None:
    assert markdown("<body>menu<article><header><h1>T</h1></header><p>text</p></article></body>") == "# T\n\ntext"


def test_several_articles_are_all_read() -> None:
    assert markdown("<body><article>a</article><article>b</article></body>") == "a\n\nb"


def test_running_text_is_folded_and_breaks_are_kept() -> None:
    assert markdown("<p>a\n   b<br>c <b>d</b></p>") == "a b\nc d"


def test_lists_are_nested() -> None:
    assert markdown("<ol start=3><li>a<ul><li>b</li></ul></li><li>c</li></ol>") == "3. a\n   - b\n4. c"


def test_code_keeps_its_blanks_and_language() -> None:
    assert (
        markdown('<pre><code class="language-py">if x:\n    y</code></pre><p>use <code>a`b</code></p>')
        == "```py\nif x:\n    y\n```\n\nuse `` a`b ``"
    )


def test_a_fence_is_longer_than_the_backticks_inside() -> None:
    assert markdown("<pre>```\nx\n```</pre>").startswith("````\n")


def test_spans_nested_tables_and_pictures_in_cells_survive() -> None:
    html = (
        "<table><caption>cap</caption><tr><th rowspan=2>a</th><th colspan=2>b</th></tr><tr><td>1<p>2</td>"
        "<td><table><tr><td>x</td><td>y</td></tr></table></td></tr><tr><td><img src=p.png alt=pic></td><td>|</td></tr></table>"
    )

    assert markdown(html) == "cap\n\n| a | b | b |\n| --- | --- | --- |\n| a | 1<br>2 | x / y |\n| ![pic](p.png) | \\| |  |"


def test_only_web_links_keep_their_address() -> None:
    assert (
        markdown("<p><a href='https://x.example/(a)'>x</a> <a href='#top'>y</a> <a href='javascript:z()'>z</a></p>")
        == "[x](https://x.example/%28a%29) y z"
    )


def test_quotes_and_hidden_parts() -> None:
    assert markdown("<blockquote><p>a<p>b</blockquote><p hidden>no<p style='display: none'>no") == "> a\n>\n> b"


def test_a_picture_in_a_data_address_becomes_a_picture() -> None:
    uri = "data:image/png;base64," + base64.b64encode(png()).decode()

    parsed = parse(Source("a.html", f"<html><p><img src='{uri}'>".encode()))

    assert parsed.markdown == f"![]({parsed.pictures[0].name})"


def test_the_encoding_a_page_names_is_used() -> None:
    page = '<html><head><meta charset="big5"><title>標題</title></head><body>內容</body></html>'

    parsed = parse(Source("a.html", page.encode("big5")))

    assert (parsed.title, parsed.markdown) == ("標題", "內容")
