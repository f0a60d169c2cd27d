"""Token ids become the text they were made of, or are refused."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from moorage.core.errors import PathNotFound
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.token_ids import decoder_at


@pytest.fixture(scope="module")
def bytes_alone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tokenizer whose tokens are the 256 bytes, in OpenAI's form."""
    path = tmp_path_factory.mktemp("ids") / "bytes.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(bytes([n])) + b" %d\n" % n for n in range(256)))
    return str(path)


def test_without_a_file_nothing_is_decoded() -> None:
    assert decoder_at("") is None


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_ids_of_openais_form_become_their_text(bytes_alone: str, text: str) -> None:
    decode = decoder_at(bytes_alone)

    assert decode is not None and decode(list(text.encode())) == text


def test_a_character_that_is_cut_in_two_is_marked(bytes_alone: str) -> None:
    decode = decoder_at(bytes_alone)

    assert decode is not None and decode("城".encode()[:2]) == "�"


def test_ids_of_a_tokenizer_json_become_their_text(tmp_path: Path) -> None:
    tokenizer = Tokenizer(WordLevel({"price": 0, "paper": 1}, unk_token="price"))
    tokenizer.pre_tokenizer = Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    for place in (tmp_path, tmp_path / "tokenizer.json"):
        decode = decoder_at(str(place))
        assert decode is not None and decode([0, 1]) == "price paper"
        with pytest.raises(GatewayRefusal, match="token id 2"):
            decode([0, 2])


def test_an_unknown_id_is_named(bytes_alone: str) -> None:
    decode = decoder_at(bytes_alone)
    assert decode is not None
    with pytest.raises(GatewayRefusal, match="token id 15339") as refused:
        decode([65, 15339])
    assert refused.value.status == 400 and refused.value.param == "input"


def test_a_file_that_is_missing_or_none_is_said(tmp_path: Path) -> None:
    wrong = [tmp_path / "words.tiktoken", tmp_path / "tokenizer.json"]
    for path in wrong:
        decode = decoder_at(str(path))
        assert decode is not None
        with pytest.raises(PathNotFound):
            decode([1])
        path.write_text("what is this", encoding="utf-8")
        with pytest.raises(GatewayRefusal, match="cannot be read") as refused:
            decode([1])
        assert refused.value.status == 500
