from __future__ import annotations

from moorage.web.reference import groups

DESCRIPTION = {
    "tags": [{"name": "Ask", "description": "Questions."}],
    "paths": {
        "/api/kb/{kb}/add": {
            "post": {
                "tags": ["Documents"],
                "requestBody": {"content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/Add"}}}},
            }
        },
        "/api/kb/{kb}/ask": {
            "post": {
                "tags": ["Ask"],
                "summary": "Ask",
                "parameters": [{"name": "kb", "in": "path", "required": True, "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}}},
                "responses": {"200": {"description": "The answer"}},
            }
        },
        "/api/health": {"get": {"summary": "Health"}},
    },
    "components": {
        "schemas": {
            "Add": {"properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}}},
            "Ask": {
                "required": ["question", "language"],
                "properties": {
                    "question": {"type": "string"},
                    "stream": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
                    "language": {"enum": ["en", "zh"]},
                },
            },
        }
    },
}


def test_operations_are_grouped_by_tag_in_the_order_described() -> None:
    assert [group.name for group in groups(DESCRIPTION, "http://h")] == ["Ask", "Documents", "API"]


def test_an_operation_shows_a_command_that_sends_its_required_fields() -> None:
    (ask,) = groups(DESCRIPTION, "http://h/")[0].operations

    assert (
        ask.curl
        == """curl -H 'content-type: application/json' -d '{"question": "QUESTION", "language": "en"}' 'http://h/api/kb/{kb}/ask'"""
    )
    assert [(field.name, field.kind, field.required) for field in ask.fields] == [
        ("question", "string", True),
        ("stream", "boolean | null", False),
        ("language", '"en" | "zh"', True),
    ]
    assert ask.answers == (("200", "The answer"),)


def test_a_field_s_own_example_stands_in_the_command() -> None:
    fields = {
        "services": {"type": "array", "examples": [[{"model": "m"}]]},
        "gpus": {"type": "string", "examples": ["2x4090"]},
        "vllm": {"type": "string"},
    }
    body = {"content": {"application/json": {"schema": {"required": ["services"], "properties": fields}}}}
    (group,) = groups({"paths": {"/api/plan": {"post": {"requestBody": body}}}}, "http://h")

    assert """'{"services": [{"model": "m"}], "gpus": "2x4090"}'""" in group.operations[0].curl


def test_an_upload_is_sent_as_a_form() -> None:
    (add,) = groups(DESCRIPTION, "http://h")[1].operations

    assert add.curl == "curl -F file=@FILE 'http://h/api/kb/{kb}/add'"


def test_a_description_without_paths_has_no_groups() -> None:
    assert groups({}, "http://h") == []
