"""The pages about models that are to run, on the real server: the plan, the doctor, the check of a command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from moorage.web.app import build_app
from moorage.wiring import open_home
from tests.builders.model_files import QWEN, XLM, model_folder
from tests.builders.serving import served
from tests.builders.waiting import until
from tests.faces.test_doctor import LOG
from tests.faces.test_page_looks import CONTRASTS, PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.faces.conftest import Visit

pytestmark = pytest.mark.browser

LARGE = {
    **QWEN,
    "hidden_size": 5120,
    "num_hidden_layers": 64,
    "num_attention_heads": 64,
    "intermediate_size": 25_600,
    "tie_word_embeddings": False,
}
TINY = Path(__file__).resolve().parents[3] / "shared" / "tinymodels" / "trained" / "tiny-qwen3"
COMMAND = "vllm serve small --task embed --swap-space 4"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("models")
    model_folder(folder / "small", QWEN)
    model_folder(folder / "m3", XLM)
    model_folder(folder / "large", LARGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(folder / "none"))
        patch.setenv("MODELSCOPE_CACHE", str(folder / "none"))
        with (
            open_home(tmp_path_factory.mktemp("data"), models_folder=str(folder)) as home,
            served(build_app(home, is_loopback=True)) as url,
        ):
            yield url


def asked(*models: str, gpus: str = "2x4090", **more: str) -> str:
    """The address of a plan, as the page itself writes it."""
    fields = ("model", "name", "context", "users", "tp", "max_seqs", "kv_cache_dtype")
    rows = [(field, model if field == "model" else "") for model in models for field in fields]
    return f"/plan?{urlencode([*rows, ('gpus', gpus), *more.items()])}"


def planned(visit: Visit, path: str, **options: object) -> Page:
    page = visit(path, **options)
    page.wait_for_selector("#result:not([hidden])")
    return page


def test_models_and_cards_become_bars_a_table_and_commands(visit: Visit) -> None:
    page = visit("/plan")

    page.fill("[name=model]", "small")
    page.fill("[name=context]", "8192")
    page.fill("[name=users]", "4")
    page.click("#add-model")
    page.keyboard.type("m3")
    page.locator("[name=name]").nth(1).fill("rank")
    page.click("[data-gpus='2x4090']")  # a card that is chosen begins the plan

    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#verdict").startswith("All 2 models have a place.")
    assert page.locator(".gpu").count() == 2
    assert page.locator(".services tbody tr").count() == 2
    assert "8,192" in page.inner_text(".services") and "rank" in page.inner_text(".services")
    command = page.locator(".service .copyable").first.inner_text()
    assert command.startswith(("vllm serve", "CUDA_VISIBLE_DEVICES")) and "--max-model-len 8192" in command


def test_a_bar_is_as_wide_as_what_it_shows(visit: Visit) -> None:
    page = planned(visit, asked("small", gpus="24GB"))

    shown = page.evaluate("""async () => {
      const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ services: [{ model: "small" }], gpus: "24GB" }) };
      const plan = await (await fetch("/api/plan", post)).json();
      const width = (selector) => document.querySelector(selector).getBoundingClientRect().width;
      return [plan, width(".bar"), width(".segment.weights"), width(".segment.cache"), width(".segment.spare")];
    }""")
    plan, bar, weights, cache, spare = shown
    parts = {part["name"]: part["bytes"] for part in plan["services"][0]["parts"]}
    total = plan["cards"][0]["total_bytes"]

    assert weights / bar == pytest.approx(parts["weights"] / total, abs=0.02)
    assert cache / bar == pytest.approx(parts["cache"] / total, abs=0.02)
    assert spare / bar == pytest.approx(plan["cards"][0]["spare_bytes"] / total, abs=0.02)
    label = page.get_attribute(".bar", "aria-label") or ""
    assert label.startswith("GPU 0, 24GB: small ") and "Weights" in label and "Spare" in label


def test_every_number_is_explained_when_asked(visit: Visit) -> None:
    page = planned(visit, asked("small"))
    assert page.locator(".reckoning >> visible=true").count() == 0

    page.click("text=Where each number comes from")

    reasons = page.locator(".reckoning:not(.plain) tr").all_inner_texts()
    assert any(text.startswith("Weights") for text in reasons) and any("tokens" in text for text in reasons)
    page.click("text=Why these flags")
    assert "--max-num-seqs" in page.inner_text(".reckoning.plain")


def test_a_model_without_a_place_says_why_and_what_would_help(visit: Visit) -> None:
    page = planned(visit, asked("small", "large", gpus="16GB"))

    assert page.inner_text("#verdict").startswith("1 of 2 has a place.")
    assert page.inner_text(".refusal h2") == "large has no place"
    assert page.locator(".refusal .reasons li").count() >= 1
    assert "would fit" in page.inner_text(".refusal .remedies")


def test_an_address_holds_what_was_asked(visit: Visit) -> None:
    page = planned(visit, asked("small", "m3", vllm="0.11.0"))
    assert "for vLLM 0.11.0" in page.inner_text("#verdict")

    page.locator(".remove").nth(1).click()
    page.click("#go")
    until(page, "document.querySelectorAll('.services tbody tr').length === 1")
    assert page.url.count("model=") == 1
    page.go_back()

    until(page, "document.querySelectorAll('.services tbody tr').length === 2")
    assert page.locator("[name=model]").nth(1).input_value() == "m3"
    page.click("#language")
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#verdict").startswith("2 个模型全部放得下。")
    assert "权重" in page.inner_text("#legend")


def test_a_refusal_is_shown_in_the_server_s_words(visit: Visit) -> None:
    page = visit("/plan", console="40")
    page.fill("[name=model]", "/nowhere/at/all")
    page.fill("#gpus", "banana")

    page.click("#go")
    page.wait_for_selector("#trouble:not(:empty)")
    assert "banana" in page.inner_text("#trouble") or "nowhere" in page.inner_text("#trouble")
    assert page.is_hidden("#result") and page.is_enabled("#go")


def test_the_models_here_are_offered_and_the_cards_are_asked_for(visit: Visit) -> None:
    page = visit("/plan")
    page.wait_for_selector("#known-models option", state="attached")
    page.wait_for_selector("#gpus-here:not(:empty)")

    assert page.eval_on_selector_all("#known-models option", "all => all.map(o => o.value)") == ["large", "m3", "small"]
    page.click("#models-here >> text=small")
    page.click("#models-here >> text=m3")
    assert page.eval_on_selector_all("[name=model]", "all => all.map(i => i.value)") == ["small", "m3"]


def test_this_machine_s_cards_are_planned_for_and_what_others_hold_is_shown(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '0, NVIDIA GeForce RTX 4090, 24564, 6144, 8.9'\necho '1, NVIDIA GeForce RTX 4090, 24564, 1, 8.9'\n", "utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    page = visit("/plan")
    until(page, "document.querySelector('#gpus-here').textContent.includes('RTX 4090, 17.5 GiB free + RTX 4090, 23.5 GiB free')")

    page.fill("[name=model]", "small")
    page.click("text=More")
    page.select_option("[name=tp]", "2")
    page.click("#go")

    page.wait_for_selector("#result:not([hidden])")
    assert "Other programs" in page.inner_text("#legend")
    assert "Other programs 6.0 GiB" in (page.get_attribute(".bar", "aria-label") or "")
    assert page.locator(".services tbody td").nth(1).inner_text().startswith("0 + 1")


def test_a_command_is_copied(visit: Visit) -> None:
    page = planned(visit, asked("small"), permissions=["clipboard-read", "clipboard-write"])

    page.locator(".service .copyable button").first.click()

    assert "vllm serve" in page.evaluate("navigator.clipboard.readText()")


@pytest.mark.skipif(not TINY.is_dir(), reason="there is no shared folder beside the repository")
def test_a_real_model_is_planned(visit: Visit) -> None:
    page = planned(visit, asked(str(TINY), gpus="4090"))

    assert page.inner_text("#verdict").startswith("The model has a place.")
    assert "No weights are here" not in page.inner_text(".service")


def test_what_is_hostile_in_a_name_is_only_text(visit: Visit) -> None:
    page = visit("/plan", console="40")
    page.fill("[name=model]", "small")
    page.fill("#gpus", "4090")

    page.fill("[name=name]", "<img src=x onerror='window.hacked=1'>")
    page.click("#go")

    page.wait_for_selector("#trouble:not(:empty)")
    assert "<img" in page.inner_text("#trouble")
    assert page.locator("main img").count() == 0 and page.evaluate("window.hacked") is None


def diagnosed(visit: Visit, log: str = LOG, **options: object) -> Page:
    page = visit("/doctor", **options)
    page.fill("#log", log)
    page.click("#go")
    page.wait_for_selector("#result:not([hidden])")
    return page


def test_a_pasted_log_gets_its_cause_evidence_and_commands(visit: Visit) -> None:
    page = diagnosed(visit, permissions=["clipboard-read", "clipboard-write"])

    assert page.inner_text(".kind") == "Cause"
    assert "less is free" in page.inner_text(".finding h2")
    assert page.locator(".evidence").get_attribute("data-line") == "3"
    assert "Free memory on device" in page.inner_text(".evidence")
    assert page.locator(".log li").count() == 4
    page.locator(".fixes .copyable button").nth(1).click()
    assert "--gpu-memory-utilization 0.47" in page.evaluate("navigator.clipboard.readText()")
    assert (page.get_attribute(".more-link a", "href") or "").startswith("https://")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_file_that_is_chosen_is_read_at_once(visit: Visit, encoding: str) -> None:
    page = visit("/doctor", locale="zh-CN")

    page.set_input_files("#file", {"name": "启动.log", "mimeType": "text/plain", "buffer": ("# 服务日志\n" + LOG).encode(encoding)})

    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text(".kind") == "原因"
    assert page.locator(".log li").first.inner_text() == "# 服务日志"
    assert page.inner_text("#file-name").startswith("启动.log")


def test_a_file_that_is_dropped_is_read(visit: Visit) -> None:
    page = visit("/doctor")

    page.evaluate(
        """(log) => { const data = new DataTransfer(); data.items.add(new File([log], "vllm.log"));
        document.querySelector("#doctor-form").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); }""",
        LOG,
    )

    page.wait_for_selector(".finding.bad")


def test_of_a_long_file_both_ends_are_sent_and_that_is_said(visit: Visit) -> None:
    page = visit("/doctor")
    talk = b"INFO 03-11 09:14:40 [loggers.py:1] Engine 000: all is well\n" * 160_000

    page.set_input_files("#file", {"name": "long.log", "mimeType": "text/plain", "buffer": talk + LOG.encode()})

    page.wait_for_selector("#result:not([hidden])", timeout=60_000)
    assert page.inner_text(".kind") == "Cause"
    assert "left out" in page.inner_text(".finding .facts")


@pytest.mark.parametrize(
    ("log", "title"),
    [
        ("INFO: Application startup complete.\n", "No failure found"),
        ("RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n", "Something failed"),
        ("ERROR xyzzy plugh\n", "No known failure"),
    ],
)
def test_what_is_no_cause_is_not_called_one(visit: Visit, log: str, title: str) -> None:
    page = diagnosed(visit, log)

    assert title in page.inner_text(".finding")
    assert page.locator(".finding.bad").count() == 0


def test_script_in_a_log_is_only_text(visit: Visit) -> None:
    page = diagnosed(visit, "<script>window.hacked=1</script><img src=x onerror='window.hacked=2'>\n" + LOG)

    assert "<script>" in page.inner_text(".log") and page.locator("#result img").count() == 0
    assert page.evaluate("window.hacked") is None


def checked(visit: Visit, command: str = COMMAND, **options: object) -> Page:
    page = visit("/doctor/command", **options)
    page.fill("#command", command)
    page.fill("[name=version]", "0.33.0")
    page.fill("[name=gpus]", "4090")
    page.locator("#command").press("Enter")
    page.wait_for_selector("#result:not([hidden])")
    return page


def test_a_command_line_is_mended_and_its_memory_drawn(visit: Visit) -> None:
    page = checked(visit)

    assert page.inner_text(".checked h2") == "It would not start as it is"
    assert page.inner_text(".checked pre") == "vllm serve small --runner pooling --convert embed"
    assert page.locator(".sign.error").count() == 2
    assert page.locator(".gpu").count() == 1 and page.locator(".segment.weights").count() == 1
    page.click("text=Where each number comes from")
    assert page.is_visible(".reckoning")


def test_a_command_line_that_runs_is_told_so_in_chinese(visit: Visit) -> None:
    page = checked(visit, "vllm serve small --max-model-len 4096", locale="zh-CN")

    assert page.inner_text(".checked h2") == "可以直接启动"
    assert page.locator(".checked.good").count() == 1


def test_what_is_no_command_line_is_said(visit: Visit) -> None:
    page = visit("/doctor/command", console="400")
    page.fill("#command", "ls -l")

    page.click("#go")

    page.wait_for_selector("#trouble:not(:empty)")
    assert "not understood" in page.inner_text("#trouble")


def test_the_pages_lead_to_each_other(visit: Visit) -> None:
    page = visit("/")

    page.click("nav >> text=Plan")
    assert page.inner_text("h1") == "What fits on your GPUs"
    page.click("nav >> text=Doctor")
    assert page.inner_text("h1") == "Why did it not start?"
    page.click(".tabs >> text=A command line")
    assert page.inner_text("h1") == "Check a vLLM command"
    assert page.locator("[aria-current=page]").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(visit: Visit, scheme: str) -> None:
    for page in (planned(visit, asked("small", "m3", "large", gpus="24GB"), color_scheme=scheme), diagnosed(visit, color_scheme=scheme),
                 checked(visit, color_scheme=scheme)):  # fmt: skip
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert page.evaluate(CONTRASTS) >= 4.5


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_nothing_is_wider_than_a_phone(visit: Visit, locale: str) -> None:
    long = LOG + "ERROR " + "x" * 3000 + "\n"
    for page in (planned(visit, asked("small", "m3", "large", gpus="24GB,4090"), locale=locale, **PHONE), diagnosed(visit, long, locale=locale, **PHONE),
                 checked(visit, COMMAND + " --" + "y" * 300, locale=locale, **PHONE)):  # fmt: skip
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_reference_describes_all_of_it_and_fits_a_phone(visit: Visit) -> None:
    page = visit("/docs", **PHONE)

    described = page.locator(".operation h3").all_inner_texts()
    assert {"POST /api/plan", "POST /api/model/check", "POST /api/doctor"} <= set(described)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_every_page_has_one_title_named_fields_and_named_buttons(visit: Visit) -> None:
    for page in (planned(visit, asked("small", "m3")), diagnosed(visit), checked(visit)):
        assert page.locator("h1").count() == 1
        nameless = page.evaluate("""[...document.querySelectorAll('button, a, input:not([type=hidden]), select, textarea')].filter(e =>
            !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML)""")
        assert nameless == []
