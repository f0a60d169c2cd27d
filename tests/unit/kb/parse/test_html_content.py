"""What of a page is content: the frame goes, what a reader of the manual wants stays."""

from __future__ import annotations

import pytest

from moorage.kb.parse import Source, parse


def markdown(html: str) -> str:
    return parse(Source("a.html", html.encode())).markdown


def test_main_is_read_without_its_link_lists_but_with_its_title() -> None:
    page = "<body>menu<main><header><h1>T</h1><ul><li><a href='https://x.example'>other</a></ul></header><p>text</main><p>below"

    assert markdown(page) == "# T\n\ntext"


def test_a_teaser_is_not_taken_for_the_content() -> None:
    assert markdown(f"<body><article>ad</article><div>{'text ' * 50}</div>").startswith("ad\n\ntext")


def test_comments_below_an_article_do_not_hide_it() -> None:
    assert markdown(f"<body>menu<article>{'text ' * 30}<article>comment</article></article>").endswith("comment")


@pytest.mark.parametrize("generator", ["Microsoft Word 15", "LibreOffice 7.4", "pandoc", "WPS Office"])
def test_an_export_is_read_whole(generator: str) -> None:
    page = f"<html><head><meta name=Generator content='{generator}'></head><body><header>head</header><p>text<aside>side</aside><footer>foot</footer>"

    assert markdown(page) == "head\n\ntext\n\nside\n\nfoot"


def test_a_page_that_is_all_frame_is_read_all_the_same() -> None:
    assert markdown("<body><header><p>only</p></header>") == "only"


def test_a_page_without_elements_for_its_frame_is_read_without_what_is_named_as_one() -> None:
    links = "".join(f"<li><a href=/{n}>栏目{n}</a></li>" for n in range(5))
    text = f"<h2>一、总则</h2><p>{'正文内容在此。' * 30}</p>"
    page = f"<body><div id=topNav><ul>{links}</ul></div><div class='main-content'>{text}</div><div class='site-footer'>备案号 1234</div>"

    assert markdown(page) == f"## 一、总则\n\n{'正文内容在此。' * 30}"


@pytest.mark.parametrize(
    "kept",
    [
        "<div class=menu><p>Soup of the day, fish, and a <a href=/x>cake</a>.</p></div>",
        "<div class=foot-notes><p>1. a note</p></div>",
        "<table><tr><td class=footer>sum</td><td>3</td></tr></table>",
    ],
)
def test_what_has_such_a_name_and_is_no_frame_stays(kept: str) -> None:
    words = kept.split("<p>")[-1].split("<")[0] if "<p>" in kept else "sum"

    assert words in markdown(f"<body><div><p>{'text ' * 200}</p></div>{kept}")


def test_notes_in_the_text_stay_and_sidebars_go() -> None:
    assert markdown("<body><p>a<aside class='admonition note'>注意</aside><aside class=sidebar>ad</aside>") == "a\n\n注意"


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>no",
        "<p style='display: none'>no",
        "<p style='visibility:hidden'>no",
        "<p aria-hidden=true>no",
        "<span class='sr-only'>no</span>",
        "<div role=navigation>no</div>",
        "<template>no</template>",
        "<noscript>no</noscript>",
        "<dialog>no</dialog>",
        "<button>no</button>",
        "<nav>no</nav>",
        "<!-- no -->",
        "<div class='Breadcrumbs'>no</div>",
    ],
)
def test_what_nobody_sees_is_left_out(hidden: str) -> None:
    assert markdown(f"<body><p>yes</p>{hidden}") == "yes"


def test_panels_of_tabs_stay_though_only_one_is_shown() -> None:
    assert (
        markdown("<body><div role=tabpanel>apt install x</div><div role=tabpanel hidden>yum install x</div>")
        == "apt install x\n\nyum install x"
    )


def test_questions_that_are_buttons_are_headings() -> None:
    assert markdown("<body><h3><button>怎么安装？</button></h3><div>先…</div>") == "### 怎么安装？\n\n先…"


def test_signs_that_link_to_a_heading_go() -> None:
    assert markdown("<body><h2>Title<a href='#title'>¶</a></h2><h2><a href='#b'>#</a> B</h2>") == "## Title\n\n## B"


def test_closed_details_are_read() -> None:
    assert markdown("<body><details><summary>更多</summary><p>内容</details>") == "更多\n\n内容"


def test_a_page_says_its_author_and_dates() -> None:
    head = (
        "<meta name=author content='张三'><meta property='article:published_time' content='2024-01-02'><meta name=Keywords content='a,b'>"
    )
    parsed = parse(Source("a.html", f"<html><head>{head}<title>题</title></head><p>x".encode()))

    assert (parsed.title, parsed.metadata) == ("题", {"author": "张三", "created": "2024-01-02", "keywords": "a,b"})


def test_the_first_heading_is_the_title_where_the_page_names_none() -> None:
    assert parse(Source("a.html", b"<body><h1>T</h1>x")).title == "T"


def test_addresses_are_made_whole_where_the_page_says_its_own() -> None:
    page = "<head><base href='https://x.example/d/'></head><a href='../a'>a</a><img src='b.png'><a href='#c'>c</a>"

    assert markdown(f"<html>{page}") == "[a](https://x.example/a)![](https://x.example/d/b.png)c"


def test_a_saved_page_has_its_links_but_its_pictures_beside_it() -> None:
    page = "<html><head><link rel=canonical href='https://x.example/d/p'></head><a href='a'>a</a><img src='./p_files/b.png'>"

    assert markdown(page) == "[a](https://x.example/d/a)![](./p_files/b.png)"


@pytest.mark.parametrize(
    "image",
    [
        "<img src='blank.gif' data-src='real.png'>",
        "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' data-original='real.png'>",
        "<img srcset='small.png 100w, real.png 800w'>",
        "<picture><source srcset='real.png'><img></picture>",
        "<svg><image xlink:href='real.png'></image></svg>",
    ],
)
def test_the_picture_that_is_shown_in_the_end_is_kept(image: str) -> None:
    assert markdown(f"<body><p>{image}") == "![](real.png)"


def test_pictures_that_count_readers_are_left_out() -> None:
    assert markdown("<body><p>x<img src='https://t.example/p.gif' width=1 height=1>") == "x"


@pytest.mark.parametrize(
    "declared",
    ["<?xml version='1.0' encoding='gb2312'?>", "<meta charset=gb2312>", "<meta http-equiv=Content-Type content='text/html; charset=gbk'>"],
)
def test_a_page_of_gbk_is_read_whatever_it_calls_it(declared: str) -> None:
    page = f"{declared}<html><p>镕—繁體€".replace("€", "").encode("gb18030")

    assert parse(Source("a.html", page)).markdown == "镕—繁體"


def test_xhtml_s_elements_closed_in_one_swallow_nothing() -> None:
    assert markdown("<?xml version='1.0'?><html><head><title/></head><body><p>a<a id='x'/>b</p></body></html>") == "ab"
