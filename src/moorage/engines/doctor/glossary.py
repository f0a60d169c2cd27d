"""Chinese log words in English, so that a message is known in both languages by one wording. Not a translator: words in their order."""

from __future__ import annotations

import re

_WORDS: dict[str, str] = {
    # parts of a machine
    "显存": "gpu memory", "显卡": "gpu", "多卡": "gpus", "驱动程序": "driver", "驱动": "driver", "算力": "compute capability", "计算能力": "compute capability",
    "内存": "memory", "系统内存": "system memory", "共享内存": "shared memory", "磁盘": "disk", "硬盘": "disk", "空间": "space", "设备上没有空间": "no space left on device",
    "内核": "kernel", "显卡内核": "gpu kernel", "进程": "process", "线程": "thread", "文件描述符": "file descriptors", "打开的文件": "open files", "容器": "container",
    "宿主机": "host", "主机": "host", "节点": "node", "卡": "card", "架构": "architecture", "精度": "dtype", "总线错误": "bus error",
    # networks
    "端口": "port", "地址": "address", "套接字": "socket", "监听": "listening", "连接": "connection", "网络": "network", "外网": "internet", "域名": "host name", "主机名": "host name",
    "解析": "resolve", "代理": "proxy", "防火墙": "firewall", "证书": "certificate", "超时": "timed out", "拒绝": "refused", "重置": "reset", "服务器": "server", "服务": "server",
    "接口": "endpoint", "密钥": "api key", "令牌": "token", "凭据": "credentials", "凭证": "credentials", "通信": "communication", "集合通信": "nccl collective",
    # models
    "模型架构": "model architecture", "模型类型": "model type", "模型": "model", "权重": "weights", "参数量": "parameters", "分片": "shard", "分词器": "tokenizer", "词表": "vocabulary",
    "聊天模板": "chat template", "对话模板": "chat template", "量化": "quantization", "注意力头": "attention heads", "注意力": "attention", "上下文": "context length",
    "上下文长度": "context length", "最大长度": "max model len", "输入": "input", "提示词": "prompt", "请求": "request", "图片": "image", "图像": "image", "视频": "video", "音频": "audio",
    "嵌入": "embedding", "向量": "embedding", "重排": "rerank", "维度": "dimension", "工具调用": "tool calling", "工具": "tool", "解析器": "parser", "推理": "reasoning",
    "思考": "reasoning", "适配器": "adapter", "缓存": "cache", "批次": "batch", "张量并行": "tensor parallel", "流水线并行": "pipeline parallel", "流水并行": "pipeline parallel",
    "投机解码": "speculative decoding", "推测解码": "speculative decoding", "编译": "compile", "编译器": "compiler", "自定义代码": "custom code", "远程代码": "remote code",
    # files
    "目录": "directory", "路径": "path", "文件": "file", "文件夹": "folder", "仓库": "repository", "镜像": "image", "下载": "download", "拉取": "pull", "加载": "load", "启动": "start",
    "写入": "write", "读取": "read", "权限": "permission", "挂载": "mounted", "协议": "license", "许可": "license", "登录": "log in", "授权": "access",
    "校验和": "checksum", "参数": "argument", "选项": "option", "版本": "version", "环境变量": "environment variable", "模块": "module", "安装": "install", "库": "library",
    # what is wrong with them
    "不足": "not enough", "不够": "not enough", "太小": "too small", "过小": "too small", "太低": "too low", "过低": "too low", "太旧": "too old", "过旧": "too old", "过长": "too long",
    "太长": "too long", "超出": "exceeds", "超过": "exceeds", "大于": "greater than", "小于": "less than", "少于": "less than", "耗尽": "exhausted", "溢出": "out of", "已满": "full",
    "爆了": "out of", "不支持": "not supported", "不兼容": "not compatible", "不匹配": "mismatch", "不一致": "mismatch", "不存在": "not found", "找不到": "not found", "未找到": "not found",
    "没有找到": "not found", "缺少": "missing", "缺失": "missing", "不认识": "does not recognize", "无法识别": "unrecognized", "未知": "unknown", "无效": "invalid", "错误": "error",
    "失败": "failed", "异常": "exception", "无法": "cannot", "不能": "cannot", "没有": "no", "未安装": "not installed", "未启用": "not enabled", "占用": "in use", "已被": "already",
    "被杀死": "killed", "杀死": "killed", "崩溃": "crashed", "卡住": "stuck", "损坏": "corrupt", "不完整": "incomplete", "截断": "truncated", "整除": "divisible", "要求": "requires",
    "需要": "needs", "必须": "must", "最多": "at most", "允许": "allowed", "只有": "only", "可用": "available", "可见": "visible", "空闲": "free", "剩余": "left", "已弃用": "deprecated",
    "移除": "removed", "其他": "other", "另一个": "another", "已经": "already", "不同": "different",
}  # fmt: skip
_PHRASE = re.compile("|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True)))
_CHINESE = re.compile("[\u4e00-\u9fff]")


def in_english(text: str) -> str:
    """The text with the Chinese words that logs use in English and every other Chinese character gone; '' where there is none to translate."""
    if not _CHINESE.search(text):
        return ""
    said = _PHRASE.sub(lambda found: f" {_WORDS[found[0]]} ", text)
    return _CHINESE.sub(" ", said) if said != text else ""
