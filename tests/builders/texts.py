"""Documents that the page's tests show."""

from __future__ import annotations

HANDBOOK = """# Staff handbook

Welcome to the harbour office. This handbook answers the questions that come up in the first weeks.

## Travel and hotels

Book trains before planes wherever the journey is under five hours. A hotel night is reimbursed up to **120 euros**, in the capital up to 160 euros. \
Receipts must be handed in within 30 days, otherwise the claim lapses.

| Place | Night | Breakfast |
|---|---:|:-:|
| Capital | 160 | yes |
| Elsewhere | 120 | no<br>(ask the office) |

## Holidays

Every employee has 28 days of leave a year. Leave that is not taken by March of the following year is lost, unless the manager agreed in writing.

1. Ask your manager.
2. Enter the days in the calendar.
   - Mark half days with `0.5`.

## Keys and doors

The door code changes on the first Monday of the month. Lost keys are reported at once to the harbour master.

```sh
moorage kb search handbook "door code"
```
"""

HANDBOOK_ZH = """# 员工手册

欢迎来到港务办公室。本手册回答入职最初几周常见的问题。

## 差旅与住宿

五小时以内的行程请优先选择火车。住宿费每晚最高报销 **450 元**，一线城市最高 600 元。报销单须在三十日内提交，逾期不予受理。

| 城市 | 每晚上限 | 早餐 |
|---|---:|:-:|
| 一线城市 | 600 元 | 含 |
| 其他城市 | 450 元 | 不含 |

## 年假

员工每年享有 15 天年假。当年未休的年假可以顺延至次年三月底，逾期作废，经理书面同意的除外。

## 网络与设备

设备 MX-200 的默认端口是 8443，首次登录后必须修改密码。所有日志保存九十天。
"""

HOSTILE = """# <script>window.hacked = 1</script> Report

Wages <img src=x onerror="window.hacked = 2"> are [paid](javascript:window.hacked=3) monthly.

## <svg onload="window.hacked=4">

<iframe src="javascript:parent.hacked=5"></iframe> wages ![w](https://elsewhere.example/pixel.png) <a href="x" onclick="window.hacked=6">wages</a>.
"""
