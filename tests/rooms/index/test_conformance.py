"""The promises of the search index port, kept by every engine we ship."""

from __future__ import annotations

from moorage.testing.index_conformance import IndexConformance


class TestLance(IndexConformance):
    opener = "moorage.store.index.lance:open_index"


class TestReference(IndexConformance):
    opener = "moorage.testing.reference_index:open_index"
