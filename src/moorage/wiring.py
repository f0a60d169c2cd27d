"""From settings to a Home. The one file that knows every room: it builds each part once, hands it down, and closes in reverse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypedDict, Unpack

from moorage.core.nouns import ModelSpec, Plan, Service
from moorage.core.settings import Resolved, Settings, resolve
from moorage.core.stackfile import KnowledgeEntry, StackFile, find, read
from moorage.models.base import ChatModel, Embedder
from moorage.store.archive import import_data
from moorage.store.conversations import ConversationRows
from moorage.store.folder import DataFolder
from moorage.store.keys import KeyRows
from moorage.store.pictures import PicturePlace, open_pictures
from moorage.store.pictures.nginx import ImageServer, image_server, nginx_user
from moorage.store.usage import UsageRows

if TYPE_CHECKING:
    from moorage.gateway.app import Gateway, Pages
    from moorage.gateway.config import GatewayConfig
    from moorage.gateway.fairness import Fairness
    from moorage.gateway.inside import Inside
    from moorage.gateway.visitors import Visitors
    from moorage.kb.doc import Documents


class Home:
    """An open data folder with everything in it: ``home.kb`` (knowledge bases), ``home.doc`` (documents alone), ``home.keys``, ``home.usage``, ``home.conversations``.

    Made by ``open_home``; use it as a context manager, or call ``close``.
    """

    def __init__(self, resolved: Resolved, knowledge: tuple[KnowledgeEntry, ...] = ()) -> None:
        from moorage.kb.doc import Documents
        from moorage.kb.knowledge import KnowledgeBases

        self.resolved = resolved
        self.knowledge_entries = knowledge
        self.store = DataFolder(resolved.settings.data, _picture_place(resolved.settings))
        self._chat = _chat_model(resolved.settings)
        self._embedder = _embedder(resolved.settings)
        self.doc = Documents(resolved.settings, self._chat, self.store.picture_upkeep.publish)
        self.kb = KnowledgeBases(self.store, resolved.settings, self._chat, self._embedder)

    @property
    def settings(self) -> Settings:
        return self.resolved.settings

    @property
    def keys(self) -> KeyRows:
        return self.store.keys

    @property
    def usage(self) -> UsageRows:
        return self.store.usage

    @property
    def conversations(self) -> ConversationRows:
        return self.store.conversations

    @property
    def chat_model(self) -> str | None:
        """The name of the model that writes answers; None when answers are extractive."""
        return (self._chat.name or self.settings.llm) if self._chat else None

    @property
    def embedder(self) -> str | None:
        """The name of the embedding model; None when search is by words alone."""
        return (self._embedder.name or self.settings.embedder) if self._embedder else None

    def picture(self, name: str) -> bytes | None:
        """A picture of a document by its name in the Markdown (``/images/NAME``)."""
        return self.store.pictures.read(name)

    def close(self) -> None:
        self.kb.close()
        self.store.close()

    def __enter__(self) -> Home:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def load(
    flags: Mapping[str, object] | None = None, config: Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Resolved, StackFile]:
    """The settings: flags, ``MOORAGE_*`` variables, the stack file (``config``, or ``moorage.yaml`` in the working folder), defaults."""
    path = config or find(Path.cwd())
    stack = read(path) if path else StackFile()
    return resolve(flags, environ, stack.values, str(path or "moorage.yaml")), stack


def open_home(data: str | Path | None = None, *, config: str | Path | None = None, **flags: object) -> Home:
    """Opens the data folder ``data`` (made when missing) with the settings of ``config``, variables and keyword flags.

        with moorage.open_home(data="./data", llm="http://localhost:8000/v1") as home:
            home.kb.create("handbook")

    Raises SettingInvalid, StoreUnreadable, StoreTooNew.
    """
    resolved, stack = load({**flags, "data": data}, Path(config) if config else None)
    return Home(resolved, stack.knowledge)


@contextmanager
def open_documents(data: str | Path | None = None, *, config: str | Path | None = None, **flags: object) -> Iterator[Documents]:
    """What can be done with documents alone, without a data folder: one is made only where pictures are to be kept for a public address.

    Raises SettingInvalid.
    """
    from moorage.kb.doc import Documents

    resolved, _ = load({**flags, "data": data}, Path(config) if config else None)
    settings = resolved.settings
    opened: list[DataFolder] = []
    with ExitStack() as stack:

        def publish(name: str, content: bytes) -> None:
            if not opened:
                opened.append(stack.enter_context(closing(DataFolder(settings.data, _picture_place(settings)))))
            opened[0].picture_upkeep.publish(name, content)

        yield Documents(settings, _chat_model(settings), publish)


def import_home(archive: Path, settings: Settings) -> None:
    """Makes the data folder from what `moorage data export` wrote; the pictures go where the settings keep them. Raises as ``import_data`` does."""
    import_data(archive, settings.data, open_pictures(_picture_place(settings)) if settings.pictures else None)


def nginx_for_images(settings: Settings, listen: str | None = None, server_name: str | None = None) -> ImageServer:
    """The pictures of the data folder as an nginx server block. Raises BadInput where they are in a bucket, SettingInvalid."""
    return image_server(
        _picture_place(settings), settings.images_url, own_port=settings.port, listen=listen, server_name=server_name, user=nginx_user()
    )


@contextmanager
def open_gateway(
    resolved: Resolved,
    stack: StackFile,
    *,
    needs_key: bool,
    flags: Mapping[str, object] | None = None,
    shared: Path | None = None,
    **more: Unpack[GatewayParts],
) -> Iterator[tuple[Gateway, str | None]]:
    """The gateway for the models of a stack file, and its first key where one is needed and there is none yet. Without keys no data folder
    is touched. It follows changes of the file; ``flags`` hold then, too. ``shared`` is what ``share_among_workers`` made, for one of several workers.
    Raises SettingInvalid."""
    from moorage.gateway.fairness import open_fairness, open_to_all

    made = _GatewayOfFile(resolved, stack, flags or {})
    if not needs_key:
        yield made.gateway(open_to_all(), more), None
        return
    store = DataFolder(resolved.settings.data)
    try:
        new_key = store.keys.create("first") if not store.keys.list() else None
        with open_fairness(store, needs_key=True, prices=made.prices, shared=shared) as fairness:
            yield made.gateway(fairness, more), new_key
    finally:
        store.close()


@contextmanager
def open_home_gateway(
    home: Home, stack: StackFile, *, needs_key: bool, flags: Mapping[str, object] | None = None, **more: Unpack[GatewayParts]
) -> Iterator[Gateway]:
    """The same gateway for a home that is open already: its keys hold where they are sent, and usage is written also where none is needed.
    Raises SettingInvalid."""
    from moorage.gateway.fairness import open_fairness

    made = _GatewayOfFile(home.resolved, stack, flags or {})
    with open_fairness(home.store, needs_key=needs_key, prices=made.prices) as fairness:
        yield made.gateway(fairness, more)


class GatewayParts(TypedDict, total=False):
    """What a face gives to the gateway: knowledge bases, whom to let in, pages to show."""

    inside: Inside | None
    visitors: Visitors | None
    pages: Pages


class _GatewayOfFile:
    """What the stack file says about the gateway, now and after each change."""

    def __init__(self, resolved: Resolved, stack: StackFile, flags: Mapping[str, object]) -> None:
        from moorage.gateway.config import gateway_config

        self._stack, self._flags = stack, flags
        self._config = gateway_config(stack, resolved.settings)
        self.prices = {entry.name: entry.price for entry in self._config.models}
        """The very same mapping for as long as the gateway serves."""

    def gateway(self, fairness: Fairness, more: GatewayParts) -> Gateway:
        from moorage.gateway.app import Gateway
        from moorage.gateway.metering import model_gauges

        made = Gateway(
            self._config, authority=fairness.authority, meter=fairness.meter, metrics=fairness.render, companions=[self._follow], **more
        )
        fairness.metrics.add_source(lambda: model_gauges(made.state()))
        return made

    async def _follow(self, gateway: Gateway) -> None:
        from moorage.gateway.reload import follow_file

        def apply(config: GatewayConfig) -> None:
            self.prices.update({entry.name: entry.price for entry in config.models})
            gateway.configure(config)

        if self._stack.path is not None:
            await follow_file(self._stack.path, self._reread, apply, self._config)

    def _reread(self) -> GatewayConfig:
        from moorage.gateway.config import gateway_config

        again, changed = load(self._flags, self._stack.path)
        return gateway_config(changed, again.settings)


def share_among_workers(resolved: Resolved, folder: Path, workers: int) -> None:
    """Makes in ``folder`` what so many workers of a gateway share: counters with room for all keys, and for workers that take over from others."""
    from moorage.gateway.fairness import share

    store = DataFolder(resolved.settings.data)
    try:
        share(folder, 2 * workers, len(store.keys.list()))
    finally:
        store.close()


def _picture_place(settings: Settings) -> PicturePlace:
    folder = settings.data / "pictures"
    return PicturePlace(folder, settings.pictures, settings.s3_endpoint, settings.s3_region, settings.s3_key, settings.s3_secret)


def _chat_model(settings: Settings) -> ChatModel | None:
    if not settings.llm:
        return None
    from moorage.models.openai import OpenAIChat

    plan = Plan(ModelSpec(settings.llm_model, "chat"), settings.llm)
    return OpenAIChat(Service("llm", plan, settings.llm_key), settings.model_timeout)


def _embedder(settings: Settings) -> Embedder | None:
    if not settings.embedder:
        return None
    from moorage.models.openai import OpenAIEmbedder

    plan = Plan(ModelSpec(settings.embedder_model, "embed"), settings.embedder)
    service = Service("embedder", plan, settings.embedder_key, settings.query_prefix, settings.document_prefix)
    return OpenAIEmbedder(service, settings.model_timeout)
