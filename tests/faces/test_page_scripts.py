"""The page's scripts that compute something, run in the browser for which they are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from moorage.web.assets import assets

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.faces.conftest import Visit

pytestmark = pytest.mark.browser

Call = Callable[..., Any]


@pytest.fixture
def call(visit: Visit) -> Call:
    """``call(file, script, value)`` runs ``script`` with the file's exports as ``m`` and the value as ``x``."""
    page: Page = visit("/login")

    def run(file: str, script: str, value: object = None) -> Any:
        return page.evaluate(f"async ([url, x]) => {{ const m = await import(url); {script} }}", [assets().url(file), value])

    return run


STREAM = 'data: {"n": 1}\n\n: a comment\r\nevent: x\r\ndata: {"n":\r\ndata: "港务 😀"}\r\n\r\ndata:{"n": 3}\r\rdata: half'

CUT_ANYWHERE = """
const whole = [], wrong = [];
const parser = new m.EventParser((data) => whole.push(data));
parser.push(x);
for (let i = 0; i <= x.length; i++) for (const j of [i, i + 1, i + 2, x.length]) {
  const got = [];
  const cut = new m.EventParser((data) => got.push(data));
  [x.slice(0, i), x.slice(i, j), x.slice(j)].forEach((piece) => cut.push(piece));
  if (JSON.stringify(got) !== JSON.stringify(whole)) wrong.push([i, j, got]);
}
return [whole, wrong];
"""


def test_a_stream_cut_anywhere_gives_the_same_events(call: Call) -> None:
    whole, wrong = call("sse.js", CUT_ANYWHERE, STREAM)

    assert whole == ['{"n": 1}', '{"n":\n"港务 😀"}', '{"n": 3}']
    assert wrong == []


BYTE_BY_BYTE = """
const bytes = new TextEncoder().encode(x);
const body = new ReadableStream({ start(c) { bytes.forEach((b) => c.enqueue(new Uint8Array([b]))); c.close(); } });
const got = [];
for await (const event of m.events({ body })) got.push(event.n);
return got;
"""


def test_a_stream_that_comes_byte_by_byte_is_read_whole(call: Call) -> None:
    assert call("sse.js", BYTE_BY_BYTE, STREAM) == [1, "港务 😀", 3]


SHOWN = """
const holder = document.createElement('div');
holder.append(m.markdown(x, (n) => { if (n > 2) return undefined; const a = document.createElement('i'); a.textContent = n; return a; }));
return holder.innerHTML;
"""


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("One\ntwo\n\nthree", "<p>One\ntwo</p><p>three</p>"),
        ("# Title #\ntext", "<h3>Title</h3><p>text</p>"),
        ("a **bold *deep*** [1][2] [3]", "<p>a <strong>bold <em>deep</em></strong> <i>1</i><i>2</i> [3]</p>"),
        ("- one\n- two\n  - inner\n\n1. x\n2. y", "<ul><li>one</li><li>two<ul><li>inner</li></ul></li></ul><ol><li>x</li><li>y</li></ol>"),
        ("3) three\n4) four", '<ol start="3"><li>three</li><li>four</li></ol>'),
        ("> quoted [1]\n> **more**", "<blockquote><p>quoted <i>1</i>\n<strong>more</strong></p></blockquote>"),
        ("`[1] <b>` and ``a`b``", "<p><code>[1] &lt;b&gt;</code> and <code>a`b</code></p>"),
        ("```py\n[1]\n<b>\n```\nafter", '<pre tabindex="0"><code>[1]\n&lt;b&gt;</code></pre><p>after</p>'),
        ("```\nnever closed", '<pre tabindex="0"><code>never closed</code></pre>'),
        (
            "| a | b |\n|---|:-:|\n| x\\|y<br>z | [2] |",
            '<div class="table-wide" tabindex="0"><table><thead><tr><th>a</th><th>b</th></tr></thead>'
            "<tbody><tr><td>x|y<br>z</td><td><i>2</i></td></tr></tbody></table></div>",
        ),
        ("2 * 3 * 4 and snake_case_name and \\*kept\\*", "<p>2 * 3 * 4 and snake_case_name and *kept*</p>"),
        ("[go](https://a.example/x)", '<p><a href="https://a.example/x" rel="noopener noreferrer nofollow">go</a></p>'),
        ("[go](javascript:alert(1)) ![p](https://a.example/x)", "<p>[go](javascript:alert(1)) ![p](https://a.example/x)</p>"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
        ("年假**十五天**。[1]", "<p>年假<strong>十五天</strong>。<i>1</i></p>"),
        ("---", "<hr>"),
        ("", ""),
    ],
)
def test_an_answer_s_markdown_becomes_elements(call: Call, markdown: str, html: str) -> None:
    assert call("markdown.js", SHOWN, markdown) == html


@pytest.mark.parametrize(
    "nasty", ["*" * 5000, "`" * 5001, "[" * 5000, "> " * 2000, "- " * 2000, "|" * 5000, "**a " * 2000, "``a " * 2000, "[1]" * 3000]
)
def test_a_nasty_answer_is_shown_soon(call: Call, nasty: str) -> None:
    milliseconds = call("markdown.js", "const began = performance.now(); m.markdown(x); return performance.now() - began;", nasty)

    assert milliseconds < 2000


def test_a_passage_is_shown_without_its_markdown_signs(call: Call) -> None:
    text = "## Title\n\nBefore. **The answer** is `here`.\n\n| a | b |\n|---|:-:|\n| 1 | 2<br>3 |\n- item ![x](/images/a.png)"
    start = text.index("**The")
    shown = call("passage.js", "return m.pieces(...x);", [text, [[start, start + 25], [start + 5, start + 20]]])

    assert [piece["text"] for piece in shown if piece["marked"]] == ["The answer is here."]
    assert "".join(piece["text"] for piece in shown) == "Title\nBefore. The answer is here.\na  ·  b\n1  ·  2 3\n• item [picture]"


def test_a_long_passage_begins_shortly_before_its_mark(call: Call) -> None:
    text = "Much before. " * 60 + "THE ANSWER." + " Much after." * 60
    start = text.index("THE")
    shown = call("passage.js", "return m.excerpt(m.pieces(...x));", [text, [[start, start + 11]]])

    joined = "".join(piece["text"] for piece in shown)
    assert joined.startswith("… Much") and "THE ANSWER." in joined and len(joined) < 420


def test_an_error_without_a_reason_still_has_words(call: Call) -> None:
    assert (
        call("api.js", "return m.reasonIn(x, 502)", "<html>bad gateway") == "The server answered 502 without a reason. Its log says more."
    )
    assert call("api.js", "return m.reasonIn(x, 400)", '{"error": {"message": "So it is."}}') == "So it is."
