"""What a kind of call looks like: the promise of a body, and the region of tags around bodies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from moorage.gateway.toolcalls.source import Source, Steps, Tags
from moorage.gateway.toolcalls.writer import Writer


class Body(Protocol):
    """One way of writing a call: a table and the reader for it.

    ``read`` is called when ``opener`` (one of ``openers``, or empty for a body that may begin with anything) was taken. True: one or
    more calls were written. False: what the source kept is no call; if calls were written before it, they stand.
    A body reports a call's start no sooner than it is sure, calls ``source.forget()`` then, and never raises.
    """

    @property
    def openers(self) -> tuple[str, ...]: ...

    def read(self, opener: str, source: Source, calls: Writer, *, is_bare: bool) -> Steps[bool]: ...


@dataclass(frozen=True)
class Section:
    """The tags around calls: any of the openers, any of the closers (none: the section ends with its calls).

    ``holds_many``: several calls may stand in it.
    """

    openers: tuple[str, ...]
    closers: tuple[str, ...] = ()
    holds_many: bool = True


@dataclass(frozen=True)
class Grammar:
    """How a format writes its calls: sections, the bodies in them, and the bodies that may stand without a section.

    ``bare`` bodies are as sure as a tag (``<function=``); ``loose`` ones could be text as well (``{``) and are looked at twice.
    """

    sections: tuple[Section, ...]
    bodies: tuple[Body, ...]
    bare: tuple[Body, ...] = ()
    loose: tuple[Body, ...] = ()
    between: str = ",;}])"
    """What may stand between calls or before a section's end and means nothing."""

    @cached_property
    def tagged(self) -> tuple[str, ...]:
        """The openers that no ordinary text has."""
        return (*(o for s in self.sections for o in s.openers), *(o for b in self.bare for o in b.openers))

    @cached_property
    def openers(self) -> tuple[str, ...]:
        """All that may begin a call."""
        return (*self.tagged, *(o for b in self.loose for o in b.openers))

    @cached_property
    def closers(self) -> tuple[str, ...]:
        """The tags that end a section."""
        return tuple(c for s in self.sections for c in s.closers)

    def read(self, opener: str, source: Source, calls: Writer) -> Steps[bool]:
        """Reads the calls behind an opener that was taken and is kept. False: what the source kept is text."""
        for section in self.sections:
            if opener in section.openers:
                return (yield from self._section(section, source, calls))
        for body in self.bare:
            if opener in body.openers:
                return (yield from body.read(opener, source, calls, is_bare=False))
        return (yield from self._loose(opener, source, calls))

    def _loose(self, opener: str, source: Source, calls: Writer) -> Steps[bool]:
        """Calls without tags, one behind the other with nothing but separators between."""
        tag: str | None = opener
        begun = calls.calls_begun
        while tag is not None:
            body = next(body for body in self.loose if tag in body.openers)
            if not (yield from body.read(tag, source, calls, is_bare=True)) or calls.calls_begun == begun:
                return False
            begun = calls.calls_begun
            source.keep()
            yield from self._filler(source, has_calls=True)
            tag = yield from source.takes(self._loose_tags)
        return False

    def _section(self, section: Section, source: Source, calls: Writer) -> Steps[bool]:
        closers = Tags(section.closers)
        begun = calls.calls_begun
        while True:
            yield from self._filler(source, has_calls=calls.calls_begun > begun)
            if (yield from source.takes(closers)) is not None:
                return True
            if calls.calls_begun > begun and not section.holds_many:
                return False
            if not (yield from source.more()):
                return False
            if calls.calls_begun == begun and self._skips_text and not (yield from self._skip_text(closers, source, calls)):
                return False
            if not (yield from self._one(source, calls)):
                return False
            source.keep()

    def _skip_text(self, closers: Tags, source: Source, calls: Writer) -> Steps[bool]:
        """Text between a section's opener and its first call is content; without a call behind it, the section is none."""
        text: list[str] = []
        tag = yield from source.up_to(Tags((*closers.tags, *self._body_tags.tags)), text.append)
        if tag is None or tag in closers.tags:
            return False
        if "".join(text).strip():
            calls.content("".join(text))
            source.keep()
        return True

    @cached_property
    def _skips_text(self) -> bool:
        """Whether every call has a tag of its own, longer than a bracket, to be looked for behind other text."""
        return all(len(opener) > 1 for body in self.bodies for opener in body.openers or ("",))

    def _filler(self, source: Source, *, has_calls: bool) -> Steps[None]:
        while True:
            yield from source.blanks()
            character = yield from source.peek()
            if not has_calls or not character or character not in self.between:
                return
            source.take(1)

    def _one(self, source: Source, calls: Writer) -> Steps[bool]:
        tag = yield from source.takes(self._body_tags)
        for body in self.bodies:
            if tag is not None and tag in body.openers:
                return (yield from body.read(tag, source, calls, is_bare=False))
        for body in self.bodies:
            if tag is None and not body.openers:
                return (yield from body.read("", source, calls, is_bare=False))
        return False

    @cached_property
    def _body_tags(self) -> Tags:
        return Tags(o for b in self.bodies for o in b.openers)

    @cached_property
    def _loose_tags(self) -> Tags:
        return Tags(o for b in self.loose for o in b.openers)
