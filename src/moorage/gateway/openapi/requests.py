"""What each endpoint of the gateway takes. Every object may hold more than is named here: it is passed on."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.gateway.openapi.schema import Schema, any_of, anything, binary, fields, flag, listed, number, or_null, text, whole
from moorage.gateway.shapes.embeddings import MOST_INPUTS
from moorage.gateway.shapes.rerank import MOST_DOCUMENTS

_MODEL = "a name of GET /v1/models"
_MOST = 1 << 31


def _parts(kinds: str) -> Schema:
    return any_of(text(), listed(fields({"type": text(kinds)}, ["type"])), {"type": "null"}, description="text, or a list of parts")


def _sampling() -> dict[str, Schema]:
    """The parameters of a generation whose types are looked at. All of them are described in the documentation."""
    return {
        "model": text(_MODEL),
        "stream": or_null(flag("answer in pieces")),
        "stream_options": or_null(fields({"include_usage": or_null(flag("count the tokens in a last piece"))})),
        "max_tokens": or_null(number("most tokens of the answer")),
        "max_completion_tokens": or_null(number("the same, as newer clients call it")),
        "n": or_null(number("so many answers")),
        "temperature": or_null(number("0 takes the likeliest word; higher is more varied")),
        "top_p": or_null(number("only the likeliest words that make up this share")),
        "presence_penalty": or_null(number("against words that were said already")),
        "frequency_penalty": or_null(number("against words by how often they were said")),
        "seed": or_null(number("the same request gives the same answer, as far as the engine can")),
        "stop": or_null(any_of(text(), listed(text()), description="texts that end the answer")),
        "top_k": or_null(number("only so many of the likeliest words")),
        "min_p": or_null(number("only words at least this likely compared with the likeliest")),
        "repetition_penalty": or_null(number("against all words that stand there already")),
    }


def _chat() -> Schema:
    message = fields(
        {
            "role": text("`system`, `developer`, `user`, `assistant`, `tool`"),
            "content": _parts("`text`, `image_url`, …"),
            "tool_calls": or_null(listed(fields({}), "what the assistant called")),
            "tool_call_id": or_null(text("what a `tool` message answers")),
        },
        ["role"],
    )
    tool = fields({"type": text(), "function": fields({"name": text(), "description": or_null(text()), "parameters": or_null(fields({}))})})
    more: dict[str, Schema] = {
        "messages": listed(message, "the conversation so far", least=1),
        "tools": or_null(listed(tool, "what the model may call")),
        "tool_choice": anything("`none`, `auto`, `required`, or the name of one"),
        "parallel_tool_calls": or_null(flag("several calls in one answer")),
        "response_format": or_null(fields({"type": text("`text`, `json_object`, `json_schema`")}, ["type"])),
        "logprobs": or_null(flag("how likely each word was")),
        "top_logprobs": or_null(number("the alternatives of each word")),
        "reasoning_effort": or_null(text("how much the model thinks")),
        "chat_template_kwargs": or_null(fields({}, description="for the model's chat template")),
    }
    return fields({**_sampling(), **more}, ["model", "messages"])


def _completion() -> Schema:
    prompt = any_of(text(), listed(text(), least=1), listed(whole(), least=1), listed(listed(whole()), least=1))
    return fields({**_sampling(), "prompt": {**prompt, "description": "text or tokens, one or several"}}, ["model", "prompt"])


def _responses() -> Schema:
    item = fields({"type": text("`message`, `function_call`, `function_call_output`, `reasoning`"), "role": text(), "content": anything()})
    return fields(
        {
            "model": text(_MODEL),
            "input": any_of(text(), listed(item), description="text, or the items of the conversation"),
            "instructions": or_null(text("what the model is to keep in mind")),
            "stream": or_null(flag("answer in typed events")),
            "max_output_tokens": or_null(whole("most tokens of the answer", 1, _MOST)),
            "temperature": or_null(number()),
            "top_p": or_null(number()),
            "tools": or_null(listed(fields({"type": text("`function`"), "name": text()}, ["type", "name"]))),
            "tool_choice": anything("`none`, `auto`, `required`, or one of the tools"),
            "reasoning": or_null(fields({"effort": or_null(text("how much the model thinks"))})),
            "text": or_null(fields({"format": or_null(fields({"type": text("`text`, `json_object`, `json_schema`")}))})),
            "previous_response_id": {"type": "null", "description": "nothing is stored here: send the whole conversation"},
        },
        ["model", "input"],
    )


def _conversation() -> dict[str, Schema]:
    """A conversation in Anthropic's words."""
    message = fields({"role": text("", "user", "assistant", "system"), "content": _blocks()}, ["role", "content"])
    return {
        "model": text(_MODEL),
        "messages": listed(message, "the conversation so far", least=1),
        "system": or_null(_blocks()),
        "tools": or_null(listed(fields({"name": text(), "description": text(), "input_schema": fields({})}, ["name"]))),
        "tool_choice": or_null(fields({"type": text("", "auto", "any", "none", "tool"), "name": text()}, ["type"])),
    }


def _messages() -> Schema:
    more: dict[str, Schema] = {
        "max_tokens": whole("most tokens of the answer", 1, _MOST),
        "stream": or_null(flag("answer in typed events")),
        "temperature": or_null(number()),
        "top_p": or_null(number()),
        "top_k": or_null(number()),
        "stop_sequences": or_null(listed(text(), "texts that end the answer")),
    }
    return fields({**_conversation(), **more}, ["model", "max_tokens", "messages"])


def _blocks() -> Schema:
    block = fields({"type": text("`text`, `image`, `tool_use`, `tool_result`"), "text": text()}, ["type"])
    return any_of(text(), listed(block), description="text, or a list of blocks")


def _embeddings() -> Schema:
    several = {"maxItems": MOST_INPUTS}
    given = any_of(text(), {**listed(text(), least=1), **several}, {**listed(whole(), least=1), **several})
    return fields(
        {
            "model": text(_MODEL),
            "input": {**given, "description": "one text or several; token ids only where their tokenizer is known"},
            "encoding_format": or_null(text("numbers, or the bytes of float32 values", "float", "base64")),
            "dimensions": or_null(whole("fewer numbers, of length 1 again", 1, 1 << 20)),
            "truncate_prompt_tokens": or_null(whole("cut a text to so many tokens instead of refusing it")),
        },
        ["model", "input"],
    )


def _rerank() -> Schema:
    document = any_of(text(), fields({"text": text()}, ["text"]))
    return fields(
        {
            "model": text(_MODEL),
            "query": text("what is looked for"),
            "documents": {**listed(document, "texts, or objects with one"), "maxItems": MOST_DOCUMENTS},
            "top_n": or_null(whole("so many of the best; all where left out", 0, _MOST)),
            "return_documents": or_null(flag("the texts come back, too")),
        },
        ["model", "query", "documents"],
    )


def _score() -> Schema:
    texts = any_of(text(), listed(text(), least=1))
    return fields(
        {
            "model": text(_MODEL),
            "text_1": {**texts, "description": "one text, or as many as `text_2`"},
            "text_2": {**texts, "description": "what it is compared with"},
        },
        ["model", "text_1", "text_2"],
    )


def _speech() -> Schema:
    return fields(
        {
            "model": text(_MODEL),
            "input": text("what is to be said"),
            "voice": anything("who says it"),
            "response_format": or_null(text("`mp3`, `wav`, `opus`, …")),
            "speed": or_null(number("1 is as usual")),
        },
        ["model", "input"],
    )


def _audio() -> Schema:
    return fields(
        {
            "model": text(_MODEL),
            "file": binary("the recording"),
            "language": text("what is spoken, as `en`, `zh`"),
            "prompt": text("what was said before"),
            "response_format": text("`json`, `text`, `srt`, `verbose_json`, `vtt`"),
        },
        ["model", "file"],
    )


def _images() -> Schema:
    return fields(
        {
            "model": text(_MODEL),
            "prompt": text("what is to be seen"),
            "n": or_null(whole("so many pictures")),
            "size": or_null(text("as `1024x1024`")),
            "response_format": or_null(text("`url` or `b64_json`")),
        },
        ["model", "prompt"],
    )


def _edits() -> Schema:
    return fields(
        {
            "model": text(_MODEL),
            "image": binary("the picture"),
            "mask": binary("where it may change"),
            "prompt": text("what is to be seen"),
        },
        ["model", "image", "prompt"],
    )


def _tokenize() -> Schema:
    return fields(
        {
            "model": text(_MODEL),
            "prompt": text("a text"),
            "messages": listed(fields({}), "or a conversation, as the model sees it"),
            "add_special_tokens": flag(),
        },
        ["model"],
    )


def _detokenize() -> Schema:
    return fields({"model": text(_MODEL), "tokens": listed(whole("", 0), "token ids")}, ["model", "tokens"])


def requests() -> Mapping[str, Schema]:
    """By the name that they have among the schemas."""
    return {
        "ChatRequest": _chat(),
        "CompletionRequest": _completion(),
        "ResponsesRequest": _responses(),
        "MessagesRequest": _messages(),
        "CountTokensRequest": fields(_conversation(), ["model", "messages"]),
        "EmbeddingsRequest": _embeddings(),
        "RerankRequest": _rerank(),
        "ScoreRequest": _score(),
        "SpeechRequest": _speech(),
        "AudioRequest": _audio(),
        "ImagesRequest": _images(),
        "ImageEditsRequest": _edits(),
        "TokenizeRequest": _tokenize(),
        "DetokenizeRequest": _detokenize(),
    }
