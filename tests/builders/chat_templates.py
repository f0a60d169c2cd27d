"""Small chat templates in the manner of the families', each with the habits that make real ones hard to render."""

from __future__ import annotations

_CHATML_TURN = "{%- if m.role != 'assistant' %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{%- else %}<|im_start|>assistant\n{{ m.content or '' }}"
_CHATML_END = (
    "<|im_end|>\n{%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{%- if thinks is defined and thinks %}{{ '<think>\n' }}{%- endif %}{%- endif %}"
)
_TOOLS = (
    "{%- if tools %}<|im_start|>system\n# Tools\n{%- for tool in tools %}\n{{ tool | tojson }}\n{%- endfor %}<|im_end|>\n{%- endif %}\n"
)


def chatml(calls: str) -> str:
    """A ChatML template whose calls are written by ``calls``, with ``m`` the message."""
    return _TOOLS + "{%- for m in messages %}\n" + _CHATML_TURN + calls + _CHATML_END


HERMES = chatml(
    "{%- for c in m.tool_calls or [] %}{%- set c = c.function if c.function else c %}\n<tool_call>\n"
    '{"name": "{{ c.name }}", "arguments": '
    "{{ c.arguments if c.arguments is string else c.arguments | tojson }}}\n</tool_call>{%- endfor %}"
)
QWEN3_XML = chatml(
    "{%- for c in m.tool_calls or [] %}{{ '\n<tool_call>\n<function=' + c.function.name + '>\n' }}"
    "{%- for k, v in c.function.arguments.items() %}{{ '<parameter=' + k + '>\n' + v | string + '\n</parameter>\n' }}{%- endfor %}"
    "{{ '</function>\n</tool_call>' }}{%- endfor %}"
)
SEED = chatml(
    "{%- for c in m.tool_calls or [] %}{{ '<seed:tool_call>\n<function=' + c.function.name + '>\n' }}"
    "{%- for k, v in c.function.arguments | items %}{{ '<parameter=' + k + '>' + v | string + '</parameter>\n' }}{%- endfor %}"
    "{{ '</function>\n</seed:tool_call>' }}{%- endfor %}"
)
GLM = (
    "[gMASK]<sop>\n{%- if tools %}<|system|>\n{% for tool in tools %}\n{{ tool | tojson(ensure_ascii=False) }}\n{% endfor %}{%- endif %}\n"
    "{%- for m in messages %}\n{%- if m.role == 'user' %}<|user|>\n{{ m.content }}\n{%- elif m.role == 'assistant' %}<|assistant|>\n<think></think>\n"
    "{%- if m.content %}{{ m.content.strip() }}{%- endif %}\n"
    "{%- for c in m.tool_calls or [] %}{{ '\n<tool_call>' + c.function.name }}\n"
    "{% for k, v in c.function.arguments.items() %}<arg_key>{{ k }}</arg_key>\n"
    "<arg_value>{{ v if v is string else v | tojson(ensure_ascii=False) }}</arg_value>\n{% endfor %}</tool_call>{%- endfor %}\n"
    "{%- elif m.role == 'tool' %}<|observation|>{{ m.content }}\n{%- endif %}\n{%- endfor %}{%- if add_generation_prompt %}<|assistant|>{%- endif %}"
)
# Arguments are concatenated as text, and the tools are shown nowhere.
DEEPSEEK_V31 = (
    "{{ bos_token }}{%- for m in messages %}{%- if m.role == 'user' %}{{ '<｜User｜>' + m.content }}\n"
    "{%- elif m.role == 'assistant' and m.tool_calls %}{{ '<｜Assistant｜></think>' + (m.content or '') + '<｜tool▁calls▁begin｜>' }}\n"
    "{%- for c in m.tool_calls %}{{ '<｜tool▁call▁begin｜>' + c.function.name + '<｜tool▁sep｜>' + c.function.arguments + '<｜tool▁call▁end｜>' }}"
    "{%- endfor %}{{ '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}\n{%- elif m.role == 'assistant' %}{{ '<｜Assistant｜></think>' + m.content }}\n"
    "{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{ '<｜Assistant｜>' + ('<think>' if thinking else '</think>') }}{%- endif %}"
)
DEEPSEEK_V3 = DEEPSEEK_V31.replace(
    "c.function.name + '<｜tool▁sep｜>' + c.function.arguments + '",
    "c.type + '<｜tool▁sep｜>' + c.function.name + '\n```json\n' + c.function.arguments + '\n```",
)
DSML = (
    "{%- for m in messages %}{%- if m.role != 'assistant' %}{{ '<｜User｜>' + m.content }}\n{%- else %}{{ '<｜Assistant｜></think>' + (m.content or '') }}\n"
    "{%- if m.tool_calls %}{{ '\n\n<｜DSML｜function_calls>\n' }}{%- for c in m.tool_calls %}{{ '<｜DSML｜invoke name=\"' + c.function.name + '\">\n' }}\n"
    "{%- for k, v in c.function.arguments.items() %}{{ '<｜DSML｜parameter name=\"' + k + '\" string=\"' + ('true' if v is string else 'false') + '\">'"
    " + (v if v is string else v | tojson) + '</｜DSML｜parameter>\n' }}{%- endfor %}{{ '</｜DSML｜invoke>\n' }}{%- endfor %}"
    "{{ '</｜DSML｜function_calls>' }}{%- endif %}{{ '<｜end▁of▁sentence｜>' }}\n"
    "{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{ '<｜Assistant｜></think>' }}{%- endif %}"
)
LLAMA3_JSON = (
    "{{ bos_token }}{%- for m in messages %}{%- if m.tool_calls %}\n"
    "{%- if m.tool_calls | length != 1 %}{{ raise_exception('This model only supports single tool-calls at once!') }}{%- endif %}\n"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}\n"
    '{{- \'{"name": "\' + m.tool_calls[0].function.name + \'", "parameters": \' + (m.tool_calls[0].function.arguments | tojson) + "}" -}}\n'
    "{{- '<|eot_id|>' -}}\n{%- else %}{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' -}}{%- endif %}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}{%- endif %}"
)
PYTHONIC = (
    "{%- for m in messages %}{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' -}}{%- if m.tool_calls %}[\n"
    "{%- for c in m.tool_calls %}{{- c.function.name }}(\n"
    "{%- for k, v in c.function.arguments.items() %}{{- k }}={{ v | tojson }}{%- if not loop.last %}, {% endif %}{%- endfor %})"
    "{%- if not loop.last %}, {% endif %}{%- endfor %}]{%- else %}{{- m.content }}{%- endif %}{{- '<|eot_id|>' -}}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}{%- endif %}"
)
# Roles must alternate, and an id must have nine letters and digits.
MISTRAL_ARRAY = (
    "{{ bos_token }}{%- for m in messages %}{%- if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}\n"
    "{%- elif m.tool_calls %}{{ '[TOOL_CALLS][' }}{%- for c in m.tool_calls %}{%- set out = c.function | tojson %}{{ out[:-1] }}\n"
    "{%- if c.id is not defined or c.id | length != 9 %}{{ raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}{%- endif %}"
    "{{- ', \"id\": \"' + c.id + '\"}' }}{%- if not loop.last %}, {% endif %}{%- endfor %}{{ ']' + eos_token }}\n"
    "{%- elif m.role == 'assistant' %}{{ m.content + eos_token }}\n"
    "{%- else %}{{ raise_exception('Only user and assistant roles are supported') }}{%- endif %}{%- endfor %}"
)
MISTRAL_NAMED = (
    "{%- for m in messages %}{%- if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}\n{%- elif m.role == 'assistant' %}{{ m.content or '' }}\n"
    "{%- for c in m.tool_calls or [] %}{{ '[TOOL_CALLS]' + c.function.name + '[ARGS]' }}{{ c.function.arguments | tojson }}{%- endfor %}{{ eos_token }}\n"
    "{%- endif %}{%- endfor %}"
)
KIMI = (
    "{%- for m in messages %}{%- if m.role == 'assistant' %}<|im_assistant|>assistant<|im_middle|>{{ m.content or '' }}\n"
    "{%- if m.tool_calls %}<|tool_calls_section_begin|>\n{%- for c in m.tool_calls %}<|tool_call_begin|>{{ c.id }}<|tool_call_argument_begin|>"
    "{{ c.function.arguments if c.function.arguments is string else c.function.arguments | tojson }}<|tool_call_end|>{%- endfor %}"
    "<|tool_calls_section_end|>{%- endif %}<|im_end|>\n{%- else %}<|im_user|>{{ m.role }}<|im_middle|>{{ m.content }}<|im_end|>{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}<|im_assistant|>assistant<|im_middle|>{%- endif %}"
)
# The call is announced by its role's header; what a call without an answer would be is written only when the answer follows.
HARMONY = (
    "{%- for m in messages %}{%- if m.role == 'assistant' and m.tool_calls %}"
    "<|start|>assistant to=functions.{{ m.tool_calls[0].function.name }}<|channel|>commentary json<|message|>"
    "{{ m.tool_calls[0].function.arguments | tojson }}<|call|>\n"
    "{%- elif m.role == 'assistant' %}<|start|>assistant<|channel|>final<|message|>{{ m.content }}<|end|>\n"
    "{%- else %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{%- endif %}{%- endfor %}{%- if add_generation_prompt %}<|start|>assistant{%- endif %}"
)
MINIMAX = (
    "{%- for m in messages %}{%- if m.role == 'assistant' %}]~b]ai\n{{ m.content or '' }}\n{%- if m.tool_calls %}<minimax:tool_call>\n"
    "{%- for c in m.tool_calls %}{{ '\n<invoke name=\"' + c.function.name + '\">' }}\n"
    "{%- for k, v in c.function.arguments.items() %}{{ '\n<parameter name=\"' + k + '\">' }}{{ v if v is string else v | tojson }}</parameter>{%- endfor %}"
    "{{ '\n</invoke>' }}{%- endfor %}{{ '\n</minimax:tool_call>' }}{%- endif %}[e~[\n{%- else %}]~b]{{ m.role }}\n{{ m.content }}[e~[\n{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}]~b]ai\n<think>\n{%- endif %}"
)
GEMMA4 = (
    "{%- macro value(v) %}{%- if v is string %}{{ '<|\"|>' + v + '<|\"|>' }}{%- else %}{{ v }}{%- endif %}{%- endmacro %}"
    "{%- for m in messages %}{{ '<|turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' }}\n"
    "{%- for c in m.tool_calls or [] %}{{ '<|tool_call>call:' + c.function.name + '{' }}"
    "{%- for k, v in c.function.arguments | dictsort %}{{ k }}:{{ value(v) }}{%- if not loop.last %},{%- endif %}{%- endfor %}{{ '}<tool_call|>' }}"
    "{%- endfor %}{{ m.content or '' }}{{ '<turn|>\n' }}{%- endfor %}{%- if add_generation_prompt %}{{ '<|turn>model\n' }}{%- endif %}"
)
GRANITE = (
    "{%- for m in messages %}<|start_of_role|>{{ m.role }}<|end_of_role|>\n{%- if m.tool_calls %}<|tool_call|>[\n"
    "{%- for c in m.tool_calls %}{{ {'name': c.function.name, 'arguments': c.function.arguments} | tojson }}{%- if not loop.last %}, {% endif %}{%- endfor %}]"
    "{%- else %}{{ m.content }}{%- endif %}<|end_of_text|>\n{%- endfor %}{%- if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{%- endif %}"
)
PHI4 = (
    "{%- for m in messages %}<|{{ m.role }}|>\n{%- if m.tool_calls %}functools[\n{%- set calls = [] %}\n"
    "{%- for c in m.tool_calls %}{%- set _ = calls.append({'name': c.function.name, 'arguments': c.function.arguments} | tojson) %}{%- endfor %}"
    "{{ calls | join(', ') }}]\n{%- else %}{{ m.content }}{%- endif %}<|end|>{%- endfor %}{%- if add_generation_prompt %}<|assistant|>{%- endif %}"
)
LFM2 = chatml(
    "{%- if m.tool_calls %}<|tool_call_start|>[\n{%- for c in m.tool_calls %}{{ c.function.name }}(\n"
    "{%- for k, v in c.function.arguments.items() %}{{ k }}={{ v | tojson }}{%- if not loop.last %}, {% endif %}{%- endfor %})"
    "{%- if not loop.last %}, {% endif %}{%- endfor %}]<|tool_call_end|>{%- endif %}"
)
NO_CALLS = "{%- for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{%- if add_generation_prompt %}assistant:{%- endif %}"

BY_FORMAT = {
    "hermes": HERMES,
    "qwen3_xml": QWEN3_XML,
    "seed_oss": SEED,
    "glm_xml": GLM,
    "deepseek_v3": DEEPSEEK_V3,
    "deepseek_v31": DEEPSEEK_V31,
    "deepseek_dsml": DSML,
    "llama3_json": LLAMA3_JSON,
    "pythonic": PYTHONIC,
    "mistral": MISTRAL_NAMED,
    "kimi_k2": KIMI,
    "harmony": HARMONY,
    "minimax_m2": MINIMAX,
    "gemma4": GEMMA4,
    "granite": GRANITE,
    "phi4_functools": PHI4,
    "lfm2": LFM2,
}
