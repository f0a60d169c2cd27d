"""XML as careless programs write it: signs that are not allowed are no damage; everything else stays refused or told."""

from __future__ import annotations

import pytest

from moorage.kb.parse.xml import XmlForbidden, read_xml, stream_xml


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("甲\x0b乙", "甲乙"),
        ("甲&#x1;&#11;乙", "甲乙"),
        ("甲&#xD83D;乙", "甲乙"),
        ("甲&#55357;&#56832;乙", "甲😀乙"),
        ("甲&nbsp;&copy;乙", "甲\xa0©乙"),
        ("R&D &unknown; &lt;b&gt; &#20013; & x", "R&D &unknown; <b> 中 & x"),
        ("&LT;i&AMP;", "<i&"),
        ("a\x00b\ufffe", "ab"),
    ],
)
def test_signs_that_xml_does_not_allow_are_left_out_and_the_rest_is_read_whole(written: str, read: str) -> None:
    root, is_whole = read_xml(f"<a><b>{written}</b><c>末</c></a>".encode("utf-8", "surrogatepass"))

    assert is_whole
    assert ["".join(child.itertext()) for child in root] == [read, "末"]


def test_xml_that_is_cut_off_is_read_to_the_cut_and_told() -> None:
    root, is_whole = read_xml("<a><b>甲</b><b>乙".encode())

    assert not is_whole and "甲" in "".join(root.itertext())


def test_half_a_pair_does_not_stop_a_stream_of_elements() -> None:
    texts = [element.text for begins, element in stream_xml(b"<a><b>x&#xDC00;y</b><b>z</b></a>", "b") if not begins]

    assert texts == ["xy", "z"]


def test_a_document_type_is_refused() -> None:
    with pytest.raises(XmlForbidden):
        read_xml(b"<!DOCTYPE a><a/>")
